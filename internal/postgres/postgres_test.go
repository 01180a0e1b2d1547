package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for a program that starts a server and is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("POSTGRES_TEST_CHILD"); dir != "" {
		s, err := Start(context.Background(), Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(strconv.Itoa(s.Pid()) + "\n")
		select {}
	}
	os.Exit(m.Run())
}

// folder is a folder that an unprivileged user can reach; those of t.TempDir are closed to others.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "herald-postgres-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o711))
	return filepath.Join(dir, "postgres")
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func query[T any](t *testing.T, url, sql string) (value T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestDataOutlivesAStopAndAKill(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Options{Dir: dir, Settings: map[string]string{"max_connections": "33"}})
	require.Equal(t, "33", query[string](t, s.URL("postgres"), "SHOW max_connections"))
	require.Equal(t, "on", query[string](t, s.URL("postgres"), "SHOW fsync"))
	require.Equal(t, "élan", query[string](t, s.URL("postgres"), "SELECT lower('ÉLAN')"))
	require.NoError(t, s.EnsureDatabase(t.Context(), "shop"))
	require.NoError(t, s.EnsureDatabase(t.Context(), "shop"))
	execute(t, s.URL("shop"), "CREATE TABLE kept AS SELECT 42 AS answer")
	require.NoError(t, s.Stop(t.Context()))

	s = start(t, Options{Dir: dir, Port: s.Port()})
	require.Equal(t, 42, query[int](t, s.URL("shop"), "SELECT answer FROM kept"))
	execute(t, s.URL("shop"), "UPDATE kept SET answer = 43")
	require.NoError(t, syscall.Kill(s.Pid(), syscall.SIGKILL))
	<-s.Done()
	require.NoError(t, s.Stop(t.Context()))

	s = start(t, Options{Dir: dir})
	require.Equal(t, 43, query[int](t, s.URL("shop"), "SELECT answer FROM kept"))
}

func TestStrangersStayOutside(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t), Volatile: true})
	require.Equal(t, "127.0.0.1", query[string](t, s.URL("postgres"), "SHOW listen_addresses"))
	wrong := strings.Replace(s.URL("postgres"), s.password, "guess", 1)
	_, err := pgx.Connect(t.Context(), wrong)
	require.ErrorContains(t, err, "password authentication failed")
	info, err := os.Stat(filepath.Join(s.dir, "password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestASecondProgramIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	start(t, Options{Dir: dir, Volatile: true})
	_, err := Start(t.Context(), Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "another program runs PostgreSQL in "+dir)
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	_, err = Start(t.Context(), Options{Dir: folder(t), Volatile: true, Port: l.Addr().(*net.TCPAddr).Port, Log: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "Address already in use")
}

// program starts a server in a program of its own and returns that program and the postmaster's id.
func program(t *testing.T, dir string) (parent *os.Process, postmasterPid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "POSTGRES_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, 16)
	n, err := out.Read(line)
	require.NoError(t, err)
	postmasterPid, err = strconv.Atoi(strings.TrimSpace(string(line[:n])))
	require.NoError(t, err)
	return cmd.Process, postmasterPid
}

func TestGoesWithAKilledProgram(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	parent, pid := program(t, dir)
	require.NoError(t, parent.Kill())
	require.Eventually(t, func() bool {
		_, running := postmaster(filepath.Join(dir, "cluster"))
		return !running
	}, 10*time.Second, 20*time.Millisecond)
	s := start(t, Options{Dir: dir})
	require.NotEqual(t, pid, s.Pid())
}

func TestEvictsAServerLeftRunning(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, Options{Dir: dir, Volatile: true})
	first.unlock() // as the kernel does for a program that is gone
	second := start(t, Options{Dir: dir, Volatile: true})
	<-first.Done()
	require.Equal(t, 1, query[int](t, second.URL("postgres"), "SELECT 1"))
}

func TestAStalePidOfAnotherProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Options{Dir: dir, Volatile: true})
	require.NoError(t, s.Stop(t.Context()))
	bystander := exec.Command("sleep", "60")
	require.NoError(t, bystander.Start())
	t.Cleanup(func() { _ = bystander.Process.Kill(); _ = bystander.Wait() })
	stale := strconv.Itoa(bystander.Process.Pid) + "\n" + s.cluster() + "\n1\n1\n\n\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.cluster(), "postmaster.pid"), []byte(stale), 0o600))
	_, running := postmaster(s.cluster())
	require.False(t, running)
	require.NoError(t, evict(t.Context(), s.cluster(), slog.New(slog.DiscardHandler)))
	require.NoError(t, bystander.Process.Signal(syscall.Signal(0)))
}

func TestRootReachesAClosedFolderThroughAUserNamespace(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root has to become someone else")
	}
	if exec.Command("unshare", "--user", "true").Run() != nil {
		t.Skip("no user namespaces on this machine")
	}
	dir := folder(t)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o700))
	s := start(t, Options{Dir: dir})
	require.Equal(t, 1, query[int](t, s.URL("postgres"), "SELECT 1"))
	info, err := os.Stat(s.cluster())
	require.NoError(t, err)
	require.Zero(t, info.Sys().(*syscall.Stat_t).Uid)
	require.NoError(t, s.Stop(t.Context()))

	// The same folder, opened later: the unprivileged user takes the cluster over.
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	s = start(t, Options{Dir: dir})
	info, err = os.Stat(s.cluster())
	require.NoError(t, err)
	require.NotZero(t, info.Sys().(*syscall.Stat_t).Uid)
}

func TestFetchesProgramsWhereNoneAreInstalled(t *testing.T) {
	programs, err := os.ReadFile("testdata/programs.txz") // scripts that say which version they are
	require.NoError(t, err)
	var jar bytes.Buffer
	archive := zip.NewWriter(&jar)
	entry, err := archive.Create("postgres-linux-x86_64.txz")
	require.NoError(t, err)
	_, err = entry.Write(programs)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r)
			return
		}
		asked++
		_, _ = w.Write(jar.Bytes())
	}))
	defer server.Close()
	repository = server.URL
	t.Cleanup(func() { repository = "" })
	t.Setenv("XDG_CACHE_HOME", t.TempDir())

	for range 2 { // the second time from the cache
		i, err := fetch(t.Context(), slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.Equal(t, 18, i.major)
	}
	require.Equal(t, 1, asked)

	server.Close()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err = fetch(t.Context(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "unable to connect")
}
