package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/id"
)

type importCodesCommand struct {
	File     string `arg:"" help:"CSV file with a header, or - for standard input. Columns: Code, Active, Category, Gift Amount, Start Date, …; all others are metadata."`
	Campaign string `required:"" help:"Campaign to add the codes to: its name or id."`
	Project  string `default:"demo" help:"Project of the campaign."`
	ledgerFlags
}

// Run imports the file; it can be run again after it was interrupted.
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
	file, err := openInput(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	began := time.Now()
	done, bad, err := db.Vouchers{Pool: pool}.ImportFile(ctx, c.report(p.stderr, to, began), file)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stdout, "%d codes imported into %s, %d rows not, in %s\n", done, to.Name, bad, time.Since(began).Round(time.Millisecond))
	waiting, err := campaigns.Waiting(ctx, project, to.ID)
	for _, distribution := range waiting {
		_, _ = fmt.Fprintf(p.stdout, "distribution %[1]s waits for codes: POST /v1/distributions/%[1]s/resume\n", id.Distribution.Format(distribution))
	}
	return err
}

// report tells on the terminal how far the import is, and the first of the rows that are not imported.
func (c *importCodesCommand) report(terminal io.Writer, to campaign.Campaign, began time.Time) db.CodesFile {
	shown, told := 0, int64(0)
	return db.CodesFile{
		Campaign: to,
		Bad: func(row int64, why string) {
			if shown++; shown <= shownBad {
				_, _ = fmt.Fprintf(terminal, "row %d: %s\n", row, why)
			} else if shown == shownBad+1 {
				_, _ = fmt.Fprintln(terminal, "… further rows are only counted")
			}
		},
		Progress: func(done, bad int64) {
			if done+bad-told >= tellEvery {
				told = done + bad
				_, _ = fmt.Fprintf(terminal, "%d rows, %d not imported, %.0f rows/s\n", told, bad, float64(told)/time.Since(began).Seconds())
			}
		},
	}
}
