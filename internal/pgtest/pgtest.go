// Package pgtest gives each test a real PostgreSQL database of its own, with Herald's schema, in about 30 ms.
//
// The law of this package: tests never share rows. Main starts one throw-away server for the test binary (or takes the one
// at HERALD_TEST_DATABASE_URL) and migrates one template database; New clones that for a test and drops the clone after it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/postgres"
)

// poolSize is small, because many tests run at once.
const poolSize = 8

// ground is what the tests of this binary stand on; Main sets it before the first of them.
var ground struct {
	admin    string // the URL of a database from which others are made
	template string
	server   *postgres.Server // nil where somebody else's is used
	clones   atomic.Int64
}

// Main runs the tests of a package on a server of their own. Call it from TestMain.
func Main(m *testing.M) {
	code, err := Run(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// Run is Main for packages that start more than a database: it runs inner with the server up and returns its exit code.
func Run(inner func() int) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ground.admin = os.Getenv("HERALD_TEST_DATABASE_URL")
	if ground.admin == "" {
		stop, err := startServer(ctx)
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	ground.template = fmt.Sprintf("herald_template_%d", os.Getpid())
	if err := makeTemplate(ctx); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, drop(context.Background(), ground.template)) }()
	return inner(), nil
}

// startServer starts a server below the temporary folder; its folder goes with it.
func startServer(ctx context.Context) (stop func() error, err error) {
	dir, err := os.MkdirTemp("", "herald-pgtest-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // an unprivileged user runs the server when we are root
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ground.server, err = postgres.Start(ctx, postgres.Options{Dir: filepath.Join(dir, "postgres"), Volatile: true, Log: log})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ground.admin = ground.server.URL("postgres")
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return errors.Join(ground.server.Stop(ctx), os.RemoveAll(dir))
	}, nil
}

func makeTemplate(ctx context.Context) error {
	if err := admin(ctx, "CREATE DATABASE "+ground.template); err != nil {
		return err
	}
	address, err := sibling(ground.template)
	if err != nil {
		return err
	}
	return db.Migrate(ctx, address)
}

// New is a pool on an empty, migrated database that only this test knows.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(context.Background(), URL(t), poolSize)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// URL is the connection string of an empty, migrated database that only this test knows, for programs under test that open
// their own pool.
func URL(t testing.TB) string {
	t.Helper()
	require.NotEmpty(t, ground.template, "call pgtest.Main from this package's TestMain")
	name := fmt.Sprintf("%s_%d", ground.template, ground.clones.Add(1))
	require.NoError(t, admin(context.Background(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, ground.template)))
	t.Cleanup(func() { require.NoError(t, drop(context.Background(), name)) })
	address, err := sibling(name)
	require.NoError(t, err)
	return address
}

// sibling is the URL of another database on the same server. It always has a query part.
func sibling(database string) (string, error) {
	u, err := url.Parse(ground.admin)
	if err != nil {
		return "", fmt.Errorf("HERALD_TEST_DATABASE_URL: %w", err)
	}
	u.Path = "/" + database
	query := u.Query()
	query.Set("application_name", "herald-test")
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func drop(ctx context.Context, database string) error {
	return admin(ctx, "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)")
}

func admin(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, ground.admin)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}
