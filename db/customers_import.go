package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"herald/db/internal/rows"
	"herald/internal/async"
	"herald/internal/csvfile"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/segment"
)

// importChunk is how many rows of a file are saved in one transaction.
const importChunk = 10_000

// CustomerImport is one CSV file's way into a project's customers. Rows are saved in chunks, each in one transaction: COPY
// into a staging table, one upsert, and one statement for each segment that follows a filter.
type CustomerImport struct {
	Project uuid.UUID
	// Action, where the import belongs to an async action, keeps how far the import is, in the transaction of each chunk. An
	// import that was interrupted goes on behind the last saved chunk, so that no row is imported twice.
	Action *uuid.UUID
	// Bad is told every row that is not imported; nil where nobody asks.
	Bad func(async.CSVFailed) error
	// Progress is told after each chunk; nil where nobody asks.
	Progress func(ImportState)
}

// ImportState is how far an import is.
type ImportState struct {
	Rows   int64             `json:"rows"` // read so far, bad ones included
	Done   int64             `json:"done"`
	Failed int64             `json:"failed"`
	Listed []async.CSVFailed `json:"listed"` // the first of the failed
	// Rewritten counts how often a customer was taken out of the input. Who works on an older one stops, and begins again.
	Rewritten int `json:"rewritten,omitempty"`
}

// chunk is the rows that are saved together.
type chunk struct {
	records []customer.Record
	rows    []int64     // of each record, the row it came from
	state   ImportState // once it is saved
	byKey   map[string]int
}

// ImportCSV imports a file. Its faults are about the file as a whole; a row that cannot be used is reported and left out.
func (s Customers) ImportCSV(ctx context.Context, in CustomerImport, file io.Reader) (ImportState, error) {
	reader, err := csvfile.NewReader(file)
	if err != nil {
		return ImportState{}, err
	}
	columns, err := customer.NewColumns(reader.Header())
	if err != nil {
		return ImportState{}, err
	}
	var state ImportState
	if in.Action != nil {
		if _, err := (AsyncActions{s.Pool}).Input(ctx, in.Project, *in.Action, &state); err != nil {
			return ImportState{}, err
		}
	}
	// The next chunk is read while the one before it is saved.
	chunks := make(chan chunk, 1)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		defer close(chunks)
		return s.readChunks(ctx, in, reader, columns, state, chunks)
	})
	work.Go(func() error {
		for c := range chunks {
			if err := s.saveChunk(ctx, in, c); err != nil {
				return err
			}
			if state = c.state; in.Progress != nil {
				in.Progress(state)
			}
		}
		return nil
	})
	return state, work.Wait()
}

// readChunks reads the file into chunks, behind what was saved before. It returns early when ctx is done.
func (s Customers) readChunks(
	ctx context.Context, in CustomerImport, reader *csvfile.Reader, columns customer.Columns, saved ImportState, out chan<- chunk,
) error {
	next := chunk{state: saved, byKey: map[string]int{}}
	for {
		row, err := reader.Next()
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return err
		}
		if !ended && row.Number <= saved.Rows {
			continue
		}
		if !ended {
			if err := next.take(in, columns, row); err != nil {
				return err
			}
		}
		if !ended && next.state.Rows%importChunk != 0 {
			continue
		}
		if err := s.dropUnknown(ctx, in, &next); err != nil {
			return err
		}
		next.state.Done += int64(len(next.records)) // a customer named twice counts for each row; see take
		select {
		case out <- next:
		case <-ctx.Done():
			return ctx.Err()
		}
		if ended {
			return nil
		}
		next = chunk{state: next.state, byKey: map[string]int{}}
		next.state.Listed = slices.Clone(next.state.Listed)
	}
}

// take adds a row. A later row of the same customer is laid over the earlier one, because one statement can touch a customer
// only once.
func (c *chunk) take(in CustomerImport, columns customer.Columns, row csvfile.Row) error {
	c.state.Rows = row.Number
	if row.Bad != "" {
		return c.fail(in, async.CSVFailed{Row: row.Number, Reason: row.Bad})
	}
	record, source, bad := columns.Read(row.Fields)
	if bad != "" {
		return c.fail(in, async.CSVFailed{Row: row.Number, SourceID: source, Reason: bad})
	}
	key := ""
	switch {
	case record.ID != nil:
		key = "id " + record.ID.String()
	case record.SourceID != nil:
		key = "source " + *record.SourceID
	}
	if at, ok := c.byKey[key]; ok && key != "" {
		folded, err := customer.Fold(c.records[at].Values, record.Values)
		c.records[at].Values = folded
		c.state.Done++
		return err
	}
	c.byKey[key] = len(c.records)
	c.records, c.rows = append(c.records, record), append(c.rows, row.Number)
	return nil
}

func (c *chunk) fail(in CustomerImport, failed async.CSVFailed) error {
	c.state.Failed++
	if len(c.state.Listed) < async.FailedListed {
		c.state.Listed = append(c.state.Listed, failed)
	}
	if in.Bad == nil {
		return nil
	}
	return in.Bad(failed)
}

// dropUnknown fails the records whose id is no customer's.
func (s Customers) dropUnknown(ctx context.Context, in CustomerImport, c *chunk) error {
	var keys []string
	for _, r := range c.records {
		if r.ID != nil {
			keys = append(keys, id.Customer.Format(*r.ID))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := s.Resolve(ctx, in.Project, keys)
	if err != nil {
		return err
	}
	kept, next := c.records[:0], 0
	for i, r := range c.records {
		if r.ID != nil {
			unknown := found[next] == nil
			next++
			if unknown {
				reason := "column Id: there is no customer with the id " + id.Customer.Format(*r.ID)
				if err := c.fail(in, async.CSVFailed{Row: c.rows[i], Reason: reason}); err != nil {
					return err
				}
				continue
			}
		}
		kept = append(kept, r)
	}
	c.records = kept
	return nil
}

const stageCustomers = `CREATE TEMP TABLE IF NOT EXISTS customer_import (
	new_id uuid, id uuid, source_id text, name text, description text, email text, phone text, birthdate date, address jsonb, metadata jsonb
) ON COMMIT DELETE ROWS`

const importByID = `UPDATE customers c SET
	source_id = coalesce(c.source_id, i.source_id), name = coalesce(i.name, c.name), description = coalesce(i.description, c.description),
	email = coalesce(i.email, c.email), phone = coalesce(i.phone, c.phone), birthdate = coalesce(i.birthdate, c.birthdate),
	address = CASE WHEN i.address IS NULL THEN c.address ELSE coalesce(c.address, '{}') || i.address END,
	metadata = c.metadata || coalesce(i.metadata, '{}'), updated_at = now()
FROM customer_import i WHERE c.project_id = $1 AND c.id = i.id
RETURNING c.id`

// Each row gets its own created_at, so that lists in that order can be walked in pages.
const importBySource = `INSERT INTO customers AS c
	(id, project_id, source_id, name, description, email, phone, birthdate, address, metadata, created_at)
SELECT new_id, $1, source_id, name, description, email, phone, birthdate, address, coalesce(metadata, '{}'), clock_timestamp()
FROM customer_import WHERE id IS NULL
ON CONFLICT (project_id, source_id) DO UPDATE SET
	name = coalesce(excluded.name, c.name), description = coalesce(excluded.description, c.description),
	email = coalesce(excluded.email, c.email), phone = coalesce(excluded.phone, c.phone), birthdate = coalesce(excluded.birthdate, c.birthdate),
	address = CASE WHEN excluded.address IS NULL THEN c.address ELSE coalesce(c.address, '{}') || excluded.address END,
	metadata = c.metadata || excluded.metadata, updated_at = now()
RETURNING id`

// saveChunk saves a chunk, all of it or nothing.
func (s Customers) saveChunk(ctx context.Context, in CustomerImport, c chunk) error {
	return inChange(ctx, s.Pool, in.Project, func(all *change) error {
		tx := all.tx
		if _, err := tx.Exec(ctx, stageCustomers); err != nil {
			return err
		}
		columns := []string{"new_id", "id", "source_id", "name", "description", "email", "phone", "birthdate", "address", "metadata"}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"customer_import"}, columns, pgx.CopyFromSlice(len(c.records), func(i int) ([]any, error) {
			r, v := c.records[i], c.records[i].Values
			return []any{id.New(), r.ID, r.SourceID, v.Name, v.Description, v.Email, v.Phone, v.Birthdate, v.Address, v.Metadata}, nil
		}))
		if err != nil {
			return err
		}
		var changed []uuid.UUID
		for _, statement := range []string{importByID, importBySource} {
			found, err := tx.Query(ctx, statement, in.Project)
			if err != nil {
				return err
			}
			if changed, err = pgx.AppendRows(changed, found, pgx.RowTo[uuid.UUID]); err != nil {
				return err
			}
		}
		for _, one := range changed {
			all.touch(one, segment.AllFacets) // of those who are new, to have done nothing yet is a fact too
		}
		if in.Action == nil {
			return nil
		}
		return keepState(ctx, tx, *in.Action, c.state)
	})
}

// keepState writes how far the import is. It fails where the action has ended meanwhile, or its input was rewritten.
func keepState(ctx context.Context, tx rows.DBTX, action uuid.UUID, state ImportState) error {
	raw, err := json.Marshal(state)
	if err != nil {
		return err
	}
	n, err := q.AsyncActionKeep(ctx, tx, rows.AsyncActionKeepParams{ActionID: action, Params: raw})
	if err == nil && n == 0 {
		return fmt.Errorf("the input of %s is not what it was: begin again", id.AsyncAction.Format(action)) // for the engine to do
	}
	return err
}
