package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/csvfile"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// importItem is one voucher of an import.
type importItem struct {
	voucher.Draft
	voucherRest
}

// bindImport reads the list that a body brings; every item must have a code.
func bindImport(c echo.Context) ([]voucher.Row, error) {
	items, err := bind[[]importItem](c)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fault.New(fault.InvalidPayload, "The body should be an array of at least one voucher")
	}
	drafts, without := make([]voucher.Row, len(items)), 0
	for i, item := range items {
		if err := item.check(); err != nil {
			return nil, err
		}
		if item.Code == "" {
			without++
		}
		drafts[i] = voucher.Row{Row: int64(i + 1), Draft: item.Draft}
	}
	if without > 0 {
		return nil, &fault.Error{
			Code: fault.InvalidVoucher, Details: fmt.Sprintf("Found %d voucher(s) without 'code' value", without), Property: "code",
		}
	}
	return drafts, nil
}

// at says at which item of a list a fault is.
func at(err error, index int) error { return fault.Inside(fmt.Sprintf("[%d]", index), err) }

// refuseTaken refuses a list with codes that exist, or that it names twice.
func refuseTaken(ctx context.Context, store db.Vouchers, project uuid.UUID, list []voucher.Row) error {
	codes, seen, twice := make([]string, len(list)), make(map[string]bool, len(list)), 0
	for i, item := range list {
		codes[i] = item.Code
		if seen[item.Code] {
			twice++
		}
		seen[item.Code] = true
	}
	taken, err := store.Taken(ctx, project, codes)
	switch {
	case err != nil:
		return err
	case len(taken) > 0:
		return &fault.Error{
			Code: fault.DuplicateKey, ResourceType: "voucher", ResourceID: taken[0],
			Details: fmt.Sprintf("%d voucher codes(s) already exist. The first is %s", len(taken), taken[0]),
		}
	case twice > 0:
		return fault.New(fault.DuplicateKey, "%d voucher code(s) stand in the list more than once.", twice)
	}
	return nil
}

// readCodes reads the vouchers of an uploaded file. Rows that cannot be read, or of which build can make no voucher, are
// refused one by one; the rest goes on.
func readCodes(c echo.Context, build func(voucher.Draft) (voucher.Voucher, error)) ([]voucher.Row, voucher.ImportResult, error) {
	var refused voucher.ImportResult
	file, err := uploaded(c)
	if err != nil {
		return nil, refused, err
	}
	defer func() { _ = file.Close() }()
	rows, err := csvfile.NewReader(file)
	if err != nil {
		return nil, refused, err
	}
	columns, err := voucher.ReadHeader(rows.Header())
	if err != nil {
		return nil, refused, err
	}
	var list []voucher.Row
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return list, refused, nil
		}
		if err != nil {
			return nil, refused, err
		}
		if row.Bad != "" {
			refused.Refuse(row.Number, "", "The row "+row.Bad)
			continue
		}
		draft, err := columns.Read(row.Fields)
		if err == nil {
			_, err = build(draft)
		}
		if err != nil {
			refused.Refuse(row.Number, draft.Code, voucher.Reason(err))
			continue
		}
		list = append(list, voucher.Row{Row: row.Number, Draft: draft})
	}
}

// uploaded opens the file of a multipart body.
func uploaded(c echo.Context) (multipart.File, error) {
	header, err := c.FormFile("file")
	switch {
	case errors.Is(err, http.ErrMissingFile), errors.Is(err, http.ErrNotMultipart):
		return nil, fault.Property("file", "Payload should have required property 'file': send the CSV as multipart/form-data")
	case err != nil:
		return nil, readFault(err)
	}
	return header.Open()
}
