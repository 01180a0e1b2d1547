package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/csvfile"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/voucher"
)

type importCodesCommand struct {
	File     string `arg:"" help:"CSV file with a header, or - for standard input. Columns: Code, Active, Category, Gift Amount, Start Date, …; all others are metadata."`
	Campaign string `required:"" help:"Campaign to add the codes to: its name or id."`
	Project  string `default:"demo" help:"Project of the campaign."`
	ledgerFlags
}

// codesPage is how many codes one transaction writes.
const codesPage = 10_000

// Run imports the file, a page at a time, so that memory stays flat. Codes that exist are told and left as they are, so an
// import that was interrupted can be run again.
func (c *importCodesCommand) Run(ctx context.Context, p *program) (err error) {
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	project, err := db.Projects{Pool: pool}.Find(ctx, c.Project)
	if err != nil {
		return err
	}
	campaigns := db.Campaigns{Pool: pool}
	to, err := campaigns.Find(ctx, project, c.Campaign)
	if err != nil {
		return err
	}
	file := io.NopCloser(io.Reader(os.Stdin))
	if c.File != "-" {
		if file, err = os.Open(c.File); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	began := time.Now()
	i := codesImport{store: db.Vouchers{Pool: pool}, to: to, terminal: p.stderr, began: began}
	if err := i.read(ctx, file); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stdout, "%d codes imported into %s, %d rows not, in %s\n", i.done, to.Name, i.bad, time.Since(began).Round(time.Millisecond))
	waiting, err := campaigns.Waiting(ctx, project, to.ID)
	for _, distribution := range waiting {
		_, _ = fmt.Fprintf(p.stdout, "distribution %[1]s waits for codes: POST /v1/distributions/%[1]s/resume\n", id.Distribution.Format(distribution))
	}
	return err
}

// codesImport is one file on its way into a campaign.
type codesImport struct {
	store    db.Vouchers
	to       campaign.Campaign
	terminal io.Writer
	began    time.Time

	page      []voucher.Import
	done, bad int64
	told      int64
}

func (i *codesImport) read(ctx context.Context, file io.Reader) error {
	rows, err := csvfile.NewReader(file)
	if err != nil {
		return err
	}
	columns, err := voucher.ReadHeader(rows.Header())
	if err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return i.flush(ctx)
		}
		if err != nil {
			return err
		}
		if row.Bad != "" {
			i.refuse(row.Number, row.Bad)
			continue
		}
		draft, err := columns.Read(row.Fields)
		if err != nil {
			i.refuse(row.Number, err.Error())
			continue
		}
		v, err := i.to.Import(draft)
		if err != nil {
			i.refuse(row.Number, reason(err))
			continue
		}
		if i.page = append(i.page, voucher.Import{Row: row.Number, Voucher: v}); len(i.page) == codesPage {
			if err := i.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// reason is what a fault says for people.
func reason(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Details
	}
	return err.Error()
}

// flush writes the page and tells how far the import is.
func (i *codesImport) flush(ctx context.Context) error {
	list := make([]voucher.Voucher, len(i.page))
	for n, item := range i.page {
		list[n] = item.Voucher
	}
	fresh, err := i.store.ImportNow(ctx, i.to.ProjectID, &i.to.ID, list)
	if err != nil {
		return err
	}
	for _, item := range i.page {
		if !fresh[item.Code] {
			i.refuse(item.Row, "its code exists in the project")
			continue
		}
		delete(fresh, item.Code) // the same code again, further down, is a duplicate
		i.done++
	}
	i.page = i.page[:0]
	if rows := i.done + i.bad; rows-i.told >= tellEvery {
		i.told = rows
		_, _ = fmt.Fprintf(i.terminal, "%d rows, %d not imported, %.0f rows/s\n", rows, i.bad, float64(rows)/time.Since(i.began).Seconds())
	}
	return nil
}

func (i *codesImport) refuse(row int64, why string) {
	switch i.bad++; {
	case i.bad <= shownBad:
		_, _ = fmt.Fprintf(i.terminal, "row %d: %s\n", row, why)
	case i.bad == shownBad+1:
		_, _ = fmt.Fprintln(i.terminal, "… further rows are only counted")
	}
}
