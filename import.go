package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"herald/db"
	"herald/internal/async"
)

type importCommand struct {
	Customers importCustomersCommand `cmd:"" help:"Import customers from a CSV file; whoever has a known source_id is updated."`
	Codes     importCodesCommand     `cmd:"" help:"Import codes from a CSV file into a campaign."`
}

type importCustomersCommand struct {
	File    string `arg:"" help:"CSV file with a header, or - for standard input. Columns: Source_id, Name, Email, Phone, Birthdate, Address_city, …; all others are metadata."`
	Project string `default:"demo" help:"Project to import into."`
	Errors  string `placeholder:"FILE" help:"CSV file to write the rows that were not imported to: row, source_id, reason."`
	ledgerFlags
}

const (
	shownBad  = 10      // rows that were not imported are told on the terminal
	tellEvery = 100_000 // rows between two lines of progress
)

// Run imports the file and fails only where the file as a whole, or the database, does.
func (c *importCustomersCommand) Run(ctx context.Context, p *program) (err error) {
	pool, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	project, err := db.Projects{Pool: pool}.Find(ctx, c.Project)
	if err != nil {
		return err
	}
	file, err := openInput(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	report, err := c.report(p.stderr)
	if err != nil {
		return err
	}
	began, told := time.Now(), int64(0)
	state, err := db.Customers{Pool: pool}.ImportCSV(ctx, db.CustomerImport{
		Project: project,
		Bad:     report.bad,
		Progress: func(s db.ImportState) {
			if s.Rows-told < tellEvery {
				return
			}
			told = s.Rows
			took := time.Since(began).Seconds()
			_, _ = fmt.Fprintf(p.stderr, "%d rows, %d not imported, %.0f rows/s\n", s.Rows, s.Failed, float64(s.Rows)/took)
		},
	}, file)
	if err := errors.Join(err, report.close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d customers imported, %d rows not, in %s\n", state.Done, state.Failed, time.Since(began).Round(time.Millisecond))
	return err
}

// badRows reports the rows that were not imported: the first on the terminal, all of them in a file where one is named.
type badRows struct {
	terminal io.Writer
	shown    int
	file     *os.File
	buffer   *bufio.Writer
	csv      *csv.Writer
}

func (c *importCustomersCommand) report(terminal io.Writer) (*badRows, error) {
	report := &badRows{terminal: terminal}
	if c.Errors == "" {
		return report, nil
	}
	var err error
	if report.file, err = os.Create(c.Errors); err != nil {
		return nil, err
	}
	report.buffer = bufio.NewWriter(report.file)
	report.csv = csv.NewWriter(report.buffer)
	return report, report.csv.Write([]string{"row", "source_id", "reason"})
}

func (b *badRows) bad(f async.CSVFailed) error {
	if b.shown++; b.shown <= shownBad {
		_, _ = fmt.Fprintf(b.terminal, "row %d %s\n", f.Row, f.Reason)
	} else if b.shown == shownBad+1 {
		_, _ = fmt.Fprintln(b.terminal, "… further rows are counted; --errors FILE lists them all")
	}
	if b.csv == nil {
		return nil
	}
	return b.csv.Write([]string{strconv.FormatInt(f.Row, 10), f.SourceID, f.Reason})
}

func (b *badRows) close() error {
	if b.csv == nil {
		return nil
	}
	b.csv.Flush()
	return errors.Join(b.csv.Error(), b.buffer.Flush(), b.file.Close())
}

// openInput opens the file that a command reads; - is standard input.
func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name)
}
