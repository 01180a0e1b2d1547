// Package enginetest gives tests a real engine: one for each test binary, thrown away after it.
//
// The law of this package: workflow ids and task queues are shared by all tests of the binary, so each test makes up its
// own (t.Name() will do). What needs no real engine belongs in the SDK's test environment, which skips time.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"herald/internal/engine"
)

// server is set by Run before the first test.
var server *engine.Server

// Main runs the tests of a package with an engine. Call it from TestMain.
func Main(m *testing.M) {
	code, err := Run(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "enginetest:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// Run is Main for packages that start more than an engine: it runs inner with the engine up and returns its exit code.
func Run(inner func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "herald-enginetest-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if server, err = engine.Start(context.Background(), engine.Options{Dir: dir, Log: log}); err != nil {
		return 1, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = errors.Join(err, server.Stop(ctx))
	}()
	return inner(), nil
}

// Client is a client of the engine, closed after the test.
func Client(t testing.TB) client.Client {
	t.Helper()
	c, err := Server(t).Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// Server is the engine itself, for tests that need its address or kill it.
func Server(t testing.TB) *engine.Server {
	t.Helper()
	require.NotNil(t, server, "call enginetest.Main from this package's TestMain")
	return server
}
