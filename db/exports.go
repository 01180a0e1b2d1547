package db

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/asset"
	"herald/internal/export"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/seal"
)

// Exports is the store of exported files.
type Exports struct{ Pool *pgxpool.Pool }

func missingExport(one uuid.UUID) error { return fault.Missing("export", id.Export.Format(one)) }

// Create orders an export whose parameters were checked, and starts the work within the transaction, as Start says. base is the
// address of the door, for the links in the file.
func (s Exports) Create(ctx context.Context, project uuid.UUID, o export.Object, p export.Parameters, base string, start Start) (made export.Export, err error) {
	if _, err := compileExport(project, o, p); err != nil {
		return made, err
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return made, err
	}
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.ExportCreate(ctx, tx, rows.ExportCreateParams{ID: id.New(), ProjectID: project, ExportedObject: o, Parameters: raw, Base: base})
		if err != nil {
			return err
		}
		made = export.Export(row)
		return start(ctx, made.ID)
	})
	return made, err
}

// Get finds an export.
func (s Exports) Get(ctx context.Context, project, one uuid.UUID) (export.Export, error) {
	row, err := q.ExportGet(ctx, s.Pool, rows.ExportGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return export.Export{}, missingExport(one)
	}
	return export.Export(row), err
}

// List lists exports, with how many there are; order is created_at or status, with "-" from the last.
func (s Exports) List(ctx context.Context, project uuid.UUID, order string, limit, page int) ([]export.Export, int64, error) {
	total, err := q.ExportCount(ctx, s.Pool, project)
	if err != nil {
		return nil, 0, err
	}
	found, err := q.ExportList(ctx, s.Pool, rows.ExportListParams{
		ProjectID: project, Sorting: order, PageSize: int32(limit), Skip: int32((page - 1) * limit),
	})
	return each(found, func(row rows.ExportListRow) export.Export { return export.Export(row) }), total, err
}

// Delete deletes an export with its file; one that is being written is given up.
func (s Exports) Delete(ctx context.Context, project, one uuid.UUID) error {
	n, err := q.ExportDelete(ctx, s.Pool, rows.ExportDeleteParams{ProjectID: project, ID: one})
	if err == nil && n == 0 {
		return missingExport(one)
	}
	return err
}

// File is a finished export's content.
type File struct {
	Content   []byte // CSV, gzipped
	Object    export.Object
	CreatedAt time.Time
}

// Content reads a finished file.
func (s Exports) Content(ctx context.Context, project, one uuid.UUID) (File, error) {
	row, err := q.ExportContent(ctx, s.Pool, rows.ExportContentParams{ProjectID: project, ID: one})
	if missing(err) {
		return File{}, missingExport(one)
	}
	return File{row.Content, row.ExportedObject, row.CreatedAt}, err
}

// Fail ends an export that cannot be written.
func (s Exports) Fail(ctx context.Context, project, one uuid.UUID, why string) error {
	_, err := q.ExportFail(ctx, s.Pool, rows.ExportFailParams{ProjectID: project, ID: one, Failure: &why})
	return err
}

// maxExport bounds a file, in bytes after compression.
const maxExport = 256 << 20

// exportBeat is after how many rows the writing of a file tells that it goes on.
const exportBeat = 10_000

// Write writes the file of an export and returns how many rows it has. The rows stream out of one statement, so the file is as
// things were at one instant; beat is called from time to time. Doing it again writes it again.
func (s Exports) Write(ctx context.Context, project, one uuid.UUID, beat func(int64)) (int64, error) {
	order, err := q.ExportBegin(ctx, s.Pool, rows.ExportBeginParams{ProjectID: project, ID: one})
	switch {
	case missing(err):
		return 0, ErrNoOrder
	case err != nil, order.Status == export.Done:
		return 0, err
	}
	var p export.Parameters
	if err := json.Unmarshal(order.Parameters, &p); err != nil {
		return 0, fmt.Errorf("parameters of %s: %w", one, err)
	}
	compiled, err := compileExport(project, order.ExportedObject, p)
	if err != nil {
		return 0, err
	}
	key, err := Secrets(s).Seal(ctx)
	if err != nil {
		return 0, err
	}
	var content bytes.Buffer
	packed := gzip.NewWriter(&content)
	written, err := s.stream(ctx, compiled, exportLinks{project, key, order.Base}, packed, func(n int64) error {
		if beat(n); content.Len() > maxExport {
			return fault.New(fault.TooLarge, "The file would be larger than %d MB; narrow it by filters", maxExport>>20)
		}
		return nil
	})
	if err != nil {
		return written, err
	}
	if err := packed.Close(); err != nil {
		return written, err
	}
	n, err := q.ExportFinish(ctx, s.Pool, rows.ExportFinishParams{ProjectID: project, ID: one, Content: content.Bytes()})
	if err != nil || n > 0 {
		return written, err
	}
	now, err := s.Get(ctx, project, one)
	switch {
	case fault.Is(err, fault.NotFound): // given up
		return written, nil
	case err == nil && now.Status != export.Done:
		err = fmt.Errorf("export %s has to be written again", one) // for the engine to do
	}
	return written, err
}

func (s Exports) stream(ctx context.Context, e compiledExport, links exportLinks, to *gzip.Writer, beat func(int64) error) (n int64, err error) {
	out := csv.NewWriter(to)
	if err := out.Write(e.header); err != nil {
		return 0, err
	}
	found, err := s.Pool.Query(ctx, e.statement, e.args...)
	if err != nil {
		return 0, err
	}
	defer found.Close()
	values, cells := make([]*string, len(e.header)), make([]string, len(e.header))
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return n, err
		}
		for i, value := range values {
			cells[i] = export.Cell(links.of(e.header[i], or(value, "")))
		}
		if err := out.Write(cells); err != nil {
			return n, err
		}
		if n++; n%exportBeat == 0 {
			if err := beat(n); err != nil {
				return n, err
			}
		}
	}
	out.Flush()
	return n, errorsOf(found.Err(), out.Error())
}

// errorsOf is the first of two errors.
func errorsOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// exportLinks writes the addresses of images.
type exportLinks struct {
	project uuid.UUID
	key     seal.Key
	base    string
}

// of is the cell of a field: a voucher's id becomes the address of its image, all else stays.
func (l exportLinks) of(field, value string) string {
	kind := map[string]asset.Kind{"qr_code": asset.QR, "bar_code": asset.Barcode}[field]
	one, err := uuid.Parse(value)
	if kind == "" || err != nil {
		return value
	}
	return l.base + asset.Path(kind, l.key, l.project, one)
}
