package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db"
	"herald/internal/postgres"
)

// ledgerFlags name the ledger for the commands that people run beside a running Herald: by its URL, or by the data folder of
// a `herald dev`.
type ledgerFlags struct {
	DatabaseURL string `placeholder:"URL" help:"PostgreSQL of Herald: postgres://user:password@host:port/database."`
	Data        string `default:"data" type:"path" help:"Data folder of the herald dev that is running, where there is no --database-url."`
}

func (f ledgerFlags) open(ctx context.Context) (*pgxpool.Pool, error) {
	url := f.DatabaseURL
	if url == "" {
		var err error
		if url, err = postgres.Running(filepath.Join(f.Data, "postgres"), "herald"); err != nil {
			return nil, fmt.Errorf("%w; give --database-url, or start herald dev", err)
		}
	}
	return db.Open(ctx, url, 4)
}
