package child

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(exec.Command("sh", "-c", script), filepath.Join(t.TempDir(), "log"), syscall.SIGTERM)
	require.NoError(t, err)
	t.Cleanup(func() { p.Kill(syscall.SIGKILL) })
	return p
}

func ready(t *testing.T, p *Process) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.Tail(), "ready") }, 5*time.Second, 5*time.Millisecond)
}

func TestStopsWhenAsked(t *testing.T) {
	t.Parallel()
	p := shell(t, `trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done`)
	ready(t, p)
	require.NoError(t, p.Stop(t.Context(), syscall.SIGTERM, syscall.SIGKILL))
	require.Equal(t, "ready\nbye", p.Tail())
	require.EqualError(t, p.Err(), "exit status 3")
}

func TestInsistsWhenThereIsNoTimeLeft(t *testing.T) {
	t.Parallel()
	p := shell(t, `trap '' TERM; echo ready; while :; do sleep 0.01; done`)
	ready(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, p.Stop(ctx, syscall.SIGTERM, syscall.SIGKILL), "did not stop in order")
	<-p.Done()
}

func TestHasAProcessGroupOfItsOwn(t *testing.T) {
	t.Parallel()
	p := shell(t, "sleep 60")
	group, err := syscall.Getpgid(p.Pid())
	require.NoError(t, err)
	require.Equal(t, p.Pid(), group)
}

func TestTailIsOfThisProcessOnly(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, []byte("an earlier one\n"), 0o600))
	p, err := Start(exec.Command("echo", "this one"), log, syscall.SIGTERM)
	require.NoError(t, err)
	<-p.Done()
	require.Equal(t, "this one", p.Tail())
}
