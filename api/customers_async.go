package api

import (
	"bytes"
	"io"

	"github.com/labstack/echo/v4"

	"herald/internal/async"
	"herald/internal/csvfile"
	"herald/internal/customer"
	"herald/internal/fault"
)

// importCSV takes a file to be imported; what is wrong with the file as a whole is answered at once.
func (h customers) importCSV(c echo.Context) error {
	file, err := uploaded(c)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maxBody+1))
	if err != nil {
		return err
	}
	if len(content) > maxBody {
		return fault.New(fault.TooLarge, "A file has at most %d bytes; herald import customers takes larger ones", maxBody)
	}
	reader, err := csvfile.NewReader(bytes.NewReader(content))
	if err != nil {
		return err
	}
	if _, err := customer.NewColumns(reader.Header()); err != nil {
		return err
	}
	return h.order(c, async.CustomersImportCSV, content)
}

// bulkItem is a customer of a bulk update; what only we write is skipped.
type bulkItem struct {
	customer.BulkItem
	readOnly
	ID *string `json:"id"` // skipped as well: a bulk update goes by source ids
}

// updateMany changes many customers by their source ids.
func (h customers) updateMany(c echo.Context) error {
	body, content, err := bindRaw[[]bulkItem](c)
	if err != nil {
		return err
	}
	if err := customer.Check(each(body, func(b bulkItem) customer.BulkItem { return b.BulkItem })); err != nil {
		return err
	}
	return h.order(c, async.CustomersBulkUpdate, content)
}

// updateMetadata sets the same metadata of many customers.
func (h customers) updateMetadata(c echo.Context) error {
	body, content, err := bindRaw[customer.BulkMetadata](c)
	if err != nil {
		return err
	}
	if err := body.Check(); err != nil {
		return err
	}
	return h.order(c, async.CustomersMetadataUpdate, content)
}

func (h customers) order(c echo.Context, actionType string, content []byte) error {
	action, err := h.actions.Enqueue(c.Request().Context(), caller(c).ProjectID, actionType, requestID(c), struct{}{}, content, h.work)
	if err != nil {
		return err
	}
	return accepted(c, action)
}
