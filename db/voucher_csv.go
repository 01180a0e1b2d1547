package db

import (
	"context"
	"errors"
	"io"

	"herald/internal/campaign"
	"herald/internal/csvfile"
	"herald/internal/voucher"
)

// csvPage is how many rows of a file one transaction writes; what is read of the file at once, too.
const csvPage = 10_000

// CodesFile is a CSV file of codes on its way into a campaign.
type CodesFile struct {
	Campaign campaign.Campaign
	Bad      func(row int64, why string) // called for each row that is not imported
	Progress func(done, bad int64)       // called after each page

	store     Vouchers
	page      []imported
	done, bad int64
}

// ImportFile reads a file of any size and returns how many codes were imported and how many rows were not. Codes that exist
// are told and left as they are, so an import that was interrupted can be done again.
func (s Vouchers) ImportFile(ctx context.Context, f CodesFile, file io.Reader) (done, bad int64, err error) {
	f.store = s
	rows, err := csvfile.NewReader(file)
	if err != nil {
		return 0, 0, err
	}
	columns, err := voucher.ReadHeader(rows.Header())
	if err != nil {
		return 0, 0, err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return f.end(ctx)
		}
		if err != nil {
			return f.done, f.bad, err
		}
		v, why := f.read(columns, row)
		if why != "" {
			f.refuse(row.Number, why)
			continue
		}
		f.page = append(f.page, imported{row.Number, v})
		if len(f.page) < csvPage {
			continue
		}
		if err := f.flush(ctx); err != nil {
			return f.done, f.bad, err
		}
	}
}

func (f *CodesFile) read(columns voucher.Columns, row csvfile.Row) (v voucher.Voucher, why string) {
	if row.Bad != "" {
		return v, row.Bad
	}
	draft, err := columns.Read(row.Fields)
	if err == nil {
		v, err = f.Campaign.Import(draft)
	}
	if err != nil {
		return v, voucher.Reason(err)
	}
	return v, ""
}

func (f *CodesFile) end(ctx context.Context) (done, bad int64, err error) {
	err = f.flush(ctx)
	return f.done, f.bad, err
}

func (f *CodesFile) flush(ctx context.Context) error {
	fresh, err := f.store.importNow(ctx, f.Campaign, f.page)
	if err != nil {
		return err
	}
	for _, item := range f.page {
		if !fresh[item.Code] {
			f.refuse(item.row, "its code exists in the project")
			continue
		}
		delete(fresh, item.Code) // the same code again, further down, is a duplicate
		f.done++
	}
	f.page = f.page[:0]
	f.Progress(f.done, f.bad)
	return nil
}

func (f *CodesFile) refuse(row int64, why string) {
	f.bad++
	f.Bad(row, why)
}
