package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/engine"
)

// screen is what a terminal would show.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func nothing(string) string { return "" }

func freeAddrs(t *testing.T, n int) []string {
	t.Helper()
	addrs := make([]string, 0, n)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }() // held until all are picked
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// started is a `herald dev` under test.
type started struct {
	api, mail, smtp, ui string
	stdout, stderr      screen
	interrupt           context.CancelFunc
	ended               chan error
}

func startDev(t *testing.T, data string, more ...string) *started {
	t.Helper()
	addrs := freeAddrs(t, 5)
	s := &started{api: "http://" + addrs[0], mail: "http://" + addrs[1], smtp: addrs[2], ui: "http://" + addrs[3], ended: make(chan error, 1)}
	args := append([]string{"dev", "--data", data, "--addr", addrs[0], "--mail-addr", addrs[1], "--smtp-catcher", addrs[2],
		"--ui-addr", addrs[3], "--engine-addr", addrs[4], "--log-level", "warn"}, more...)
	ctx, cancel := context.WithCancel(context.Background())
	s.interrupt = cancel
	go func() { s.ended <- run(ctx, args, nothing, &s.stdout, &s.stderr) }()
	t.Cleanup(cancel)
	require.Eventually(t, func() bool {
		select {
		case err := <-s.ended:
			require.NoError(t, err, "dev ended early\n%s\n%s", s.stdout.String(), s.stderr.String())
		default:
		}
		resp, err := http.Get(s.api + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode == http.StatusOK
	}, 2*time.Minute, 50*time.Millisecond)
	return s
}

func (s *started) stop(t *testing.T) {
	t.Helper()
	s.interrupt()
	select {
	case err := <-s.ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("dev does not stop")
	}
}

// reachableFolder is one that PostgreSQL's user can pass through; those of t.TempDir are closed to others.
func reachableFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "herald-dev-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o711))
	return filepath.Join(dir, "data")
}

func TestDevStartsStopsAndResumes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL and the engine")
	}
	t.Parallel()
	if engine.Find() == "" {
		t.Fatal(engine.ErrNotBuilt)
	}
	data := reachableFolder(t)
	s := startDev(t, data, "--delay", "3s")
	request := func(token string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.api+"/v1/customers", nil)
		require.NoError(t, err)
		req.Header.Set("X-App-Id", "dev")
		req.Header.Set("X-App-Token", token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Equal(t, http.StatusOK, request("dev"))
	require.Equal(t, http.StatusUnauthorized, request("guess"))
	require.Eventually(t, func() bool { return strings.Contains(s.stdout.String(), "Ctrl-C") }, 5*time.Second, 10*time.Millisecond)
	for _, address := range []string{s.api, s.mail, s.ui, "smtp://" + s.smtp, "X-App-Id: dev", "postgres://", data, "3s before"} {
		require.Contains(t, s.stdout.String(), address)
	}
	require.NoError(t, smtp.SendMail(s.smtp, nil, "shop@example.com", []string{"ada@example.com"}, []byte("Subject: kept\r\n\r\nHello\r\n")))
	s.stop(t)
	require.Empty(t, s.stderr.String(), "nothing to warn of")
	for _, address := range []string{strings.TrimPrefix(s.api, "http://"), s.smtp, strings.TrimPrefix(s.ui, "http://")} {
		_, err := net.Dial("tcp", address)
		require.ErrorContains(t, err, "refused")
	}

	s = startDev(t, data)
	require.Equal(t, http.StatusOK, request("dev"))
	resp, err := http.Get(s.mail + "/mails.json")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var caught struct{ Total int }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&caught))
	require.Equal(t, 1, caught.Total)

	second := run(t.Context(), append([]string{"dev", "--data", data}, devPorts(freeAddrs(t, 5))...), nothing, &screen{}, &screen{})
	require.ErrorContains(t, second, "another program runs PostgreSQL in "+data)
	s.stop(t)
}

func TestDevEndsWhenAServerOfItsOwnDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts PostgreSQL and the engine")
	}
	t.Parallel()
	data := reachableFolder(t)
	s := startDev(t, data)
	first, err := os.ReadFile(filepath.Join(data, "postgres", "cluster", "postmaster.pid"))
	require.NoError(t, err)
	pid, _, _ := strings.Cut(string(first), "\n")
	postmaster, err := strconv.Atoi(pid)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(postmaster, syscall.SIGKILL))
	select {
	case err := <-s.ended:
		require.ErrorContains(t, err, "PostgreSQL ended by itself: signal: killed; its log is "+filepath.Join(data, "postgres", "log"))
	case <-time.After(time.Minute):
		t.Fatal("dev goes on without PostgreSQL")
	}
	startDev(t, data).stop(t) // and recovers
}

func devPorts(addrs []string) []string {
	return []string{"--addr", addrs[0], "--mail-addr", addrs[1], "--smtp-catcher", addrs[2], "--ui-addr", addrs[3], "--engine-addr", addrs[4]}
}

func TestDevNamesTheFlagOfAPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	for i, flag := range []string{"--addr", "--mail-addr", "--smtp-catcher", "--ui-addr", "--engine-addr"} {
		addrs := freeAddrs(t, 5)
		addrs[i] = l.Addr().String()
		data := filepath.Join(t.TempDir(), "data")
		err := run(t.Context(), append([]string{"dev", "--data", data}, devPorts(addrs)...), nothing, &screen{}, &screen{})
		require.ErrorContains(t, err, addrs[i]+" is in use by another program")
		require.ErrorContains(t, err, flag+" HOST:PORT")
		require.NoDirExists(t, data)
	}
}

func TestTheCommandLineExplainsItself(t *testing.T) {
	t.Parallel()
	var out screen
	require.NoError(t, run(t.Context(), []string{"dev", "--help"}, nothing, &out, &out))
	require.Contains(t, out.String(), "$HERALD_SMTP_CATCHER")

	for _, wrong := range []struct {
		args []string
		want string
	}{
		{[]string{"migrate"}, "missing flags: --database-url=URL"},
		{[]string{"wroker"}, "unexpected argument wroker"},
		{[]string{"dev", "--delay", "soon"}, "--delay"},
		{[]string{"dev", "--frob"}, "unknown flag --frob"},
		{[]string{"worker", "--smtp", "smtp://x"}, "--database-url"},
	} {
		err := run(t.Context(), wrong.args, nothing, &screen{}, &screen{})
		require.ErrorContains(t, err, wrong.want)
		require.ErrorContains(t, err, "--help` lists what there is")
	}
}

func TestFlagsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"HERALD_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "HERALD_LOG_FORMAT": "json"}
	err := run(t.Context(), []string{"migrate"}, func(name string) string { return environment[name] }, &screen{}, &screen{})
	require.ErrorContains(t, err, "reach database")
	environment["HERALD_LOG_FORMAT"] = "prose"
	err = run(t.Context(), []string{"migrate"}, func(name string) string { return environment[name] }, &screen{}, &screen{})
	require.ErrorContains(t, err, "must be one of")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var out screen
	require.NoError(t, run(t.Context(), []string{"version"}, nothing, &out, &out))
	require.Regexp(t, `^herald devel \(go1\.\d+`, out.String())
}
