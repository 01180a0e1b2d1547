// Package db is the ledger: the only room that speaks SQL. Each noun has one file here with one store, and one file of
// queries; sqlc turns those into db/internal/rows, which nothing outside this room can import. Stores are values without
// state but the pool. A driver's error is translated once, here: a row that is not there is fault.NotFound, a doubled key
// fault.Duplicate; everything else stays the plain error it is, and means that the database is at fault.
package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"

	"herald/db/internal/rows"
)

//go:embed migrations/*.sql
var migrations embed.FS

// q holds the generated queries; they keep no state, so one value serves all stores.
var q = rows.New()

// Open makes a pool on the database at url and sees that it answers.
func Open(ctx context.Context, url string, maxConnections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	config.MaxConns = maxConnections
	config.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		uuids(conn)
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach database: %w", err)
	}
	return pool, nil
}

// Migrate brings the database at url to the newest version. Migrations only go forward; the library holds an advisory lock,
// so any number of processes may call it at once, and refuses gaps in the numbering.
func Migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("reach database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	migrator, err := migrate.NewMigrator(ctx, conn, "schema_version")
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := migrator.LoadMigrations(files); err != nil {
		return fmt.Errorf("load migrations: %w", err)
	}
	if err := migrator.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// inTx runs do in one transaction, committed when do returns nil.
func inTx(ctx context.Context, pool *pgxpool.Pool, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return carryOut(ctx, tx, servedBy(ctx))
	})
}

// errAgain ends a transaction that has to be run again, because another one was faster with a row that both make.
var errAgain = errors.New("another transaction made the row meanwhile")

// again runs a transaction that locks many rows: one that met another in a deadlock, that says errAgain, or that made an order
// whose source id another one gave to its own meanwhile, is run again.
func again(run func() error) error {
	for try := 1; ; try++ {
		err := run()
		var pg *pgconn.PgError
		if try < 5 && (errors.Is(err, errAgain) || errors.As(err, &pg) && pg.Code == "40P01" || violates(err, "orders_source_id_key")) {
			continue
		}
		return err
	}
}

// missing reports whether err means that no row matched.
func missing(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// violates reports whether err is a violation of the named constraint or unique index.
func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}
