package engine

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func TestRunsSurviveAKillOfTheEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Options{Dir: dir})
	c, err := s.Dial(t.Context())
	require.NoError(t, err)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "nobody"}, "Anything")
	require.NoError(t, err)
	c.Close()
	resp, err := http.Get(s.UI())
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	require.NoError(t, syscall.Kill(s.Pid(), syscall.SIGKILL))
	<-s.Done()
	s = start(t, Options{Dir: dir, Addr: s.Addr()})
	c, err = s.Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	_, err = c.DescribeWorkflowExecution(t.Context(), "kept", "")
	require.NoError(t, err)
	require.NoError(t, s.Stop(t.Context()))
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	_, err = Start(t.Context(), Options{Dir: t.TempDir(), Addr: l.Addr().String(), Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "--addr "+l.Addr().String())
	require.ErrorContains(t, err, "address already in use")
}

func TestAnEngineOfOthersIsUsedAndLeftAlone(t *testing.T) {
	ours := start(t, Options{Dir: t.TempDir()})
	t.Setenv("TEMPORAL_ADDRESS", ours.Addr())
	s, err := Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "unused"), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.Equal(t, ours.Addr(), s.Addr())
	require.Zero(t, s.Pid())
	require.NoError(t, s.Stop(t.Context()))
	c, err := s.Dial(t.Context())
	require.NoError(t, err)
	c.Close()
}

func TestTheTemporalCLIStandsIn(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "temporal"), []byte("#!/bin/sh\n"), 0o700))
	t.Setenv("PATH", dir)
	t.Chdir(dir) // outside the repository, where no bin/engine is
	o := Options{Addr: "127.0.0.1:1", UIAddr: "127.0.0.1:2"}
	require.NoError(t, Available())
	cmd, err := command(client.Options{}, o, dir)
	require.NoError(t, err)
	require.Subset(t, cmd.Args, []string{"start-dev", "--db-filename", filepath.Join(dir, "temporal.db"), "--port", "1", "--ui-port", "2"})

	t.Setenv("PATH", "")
	_, err = command(client.Options{}, o, dir)
	require.ErrorIs(t, err, ErrNotBuilt)
	require.ErrorIs(t, Available(), ErrNotBuilt)
}
