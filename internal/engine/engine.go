// Package engine runs the Temporal server that Herald's workflows live in, for `herald dev`, the tests and the harnesses.
//
// The law of this package: an engine that is there already is used and never started or stopped. TEMPORAL_ADDRESS names
// one; else Herald's own bin/engine is started (HERALD_ENGINE_BIN, beside the herald program, or bin/ of the repository);
// else the `temporal` CLI on the PATH. Whatever serves keeps its runs in one folder and goes on with them at the next start.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"

	"herald/internal/child"
)

// startTimeout bounds the wait for an engine, recovery of a large file included.
const startTimeout = 2 * time.Minute

// ErrNotBuilt says that this machine has no engine yet.
var ErrNotBuilt = errors.New("the engine is not built: run `make bin/engine` (4 to 7 minutes the first time), or put the temporal CLI on the PATH, or set TEMPORAL_ADDRESS")

// Options say where an engine lives and serves.
type Options struct {
	Dir    string // its folder, made when missing
	Addr   string // host:port of the frontend; empty takes a free port of 127.0.0.1
	UIAddr string // host:port of the web UI; empty takes a free port of 127.0.0.1
	Log    *slog.Logger
}

// Server is an engine that serves.
type Server struct {
	options client.Options
	ui      string
	process *child.Process // nil where the engine is not ours
	stdin   io.Closer      // held open: bin/engine ends when it closes
}

// Start finds an engine, starts it where it is ours to start, and returns when its namespace serves. ctx bounds the start
// only.
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the engine did not serve within %s", startTimeout))
	defer cancel()
	options, err := ClientOptions(o.Log)
	if err != nil {
		return nil, err
	}
	if External() {
		s := &Server{options: options}
		if err := s.serves(ctx); err != nil {
			return nil, fmt.Errorf("reach the engine at TEMPORAL_ADDRESS %s: %w", options.HostPort, err)
		}
		return s, nil
	}
	for _, addr := range []*string{&o.Addr, &o.UIAddr} {
		if *addr == "" {
			if *addr, err = freeAddr(); err != nil {
				return nil, err
			}
		}
	}
	options.HostPort = o.Addr
	s := &Server{options: options, ui: "http://" + o.UIAddr}
	if err := s.launch(ctx, o); err != nil {
		return nil, err
	}
	return s, nil
}

// External reports whether the environment names an engine that is not ours.
func External() bool { return os.Getenv("TEMPORAL_ADDRESS") != "" }

// Available says whether Start will find an engine: nil, or ErrNotBuilt.
func Available() error {
	if External() || Find() != "" {
		return nil
	}
	if _, err := exec.LookPath("temporal"); err != nil {
		return ErrNotBuilt
	}
	return nil
}

// ClientOptions are the settings for the engine that the environment names (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
// TEMPORAL_TLS_…, as for every Temporal client), with its lines going to log from warnings upwards.
func ClientOptions(log *slog.Logger) (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return client.Options{}, fmt.Errorf("read the engine's TEMPORAL_* settings: %w", err)
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(atLeast{log.Handler(), slog.LevelWarn}))
	return options, nil
}

// Options are the settings of a client of this engine.
func (s *Server) Options() client.Options { return s.options }

// Dial connects a client.
func (s *Server) Dial(ctx context.Context) (client.Client, error) {
	return client.DialContext(ctx, s.options)
}

// Addr is the host:port of the frontend.
func (s *Server) Addr() string { return s.options.HostPort }

// UI is the address of the web UI, empty where the engine is not ours.
func (s *Server) UI() string { return s.ui }

// Pid is the engine's process id, 0 where it is not ours.
func (s *Server) Pid() int {
	if s.process == nil {
		return 0
	}
	return s.process.Pid()
}

// Done is closed when our engine has ended; it is nil, and blocks for ever, where the engine is not ours.
func (s *Server) Done() <-chan struct{} {
	if s.process == nil {
		return nil
	}
	return s.process.Done()
}

// Err says how our engine ended, once Done is closed.
func (s *Server) Err() error { return s.process.Err() }

// Log is the path of our engine's log, empty where the engine is not ours.
func (s *Server) Log() string {
	if s.process == nil {
		return ""
	}
	return s.process.Log()
}

// Stop ends the engine in order, or at once when ctx ends first. One that is not ours goes on.
func (s *Server) Stop(ctx context.Context) error {
	if s.process == nil {
		return nil
	}
	defer func() { _ = s.stdin.Close() }()
	return s.process.Stop(ctx, syscall.SIGTERM, syscall.SIGKILL)
}

func (s *Server) launch(ctx context.Context, o Options) error {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the engine's folder: %w", err)
	}
	cmd, err := command(s.options, o, dir)
	if err != nil {
		return err
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if s.process, err = child.Start(cmd, filepath.Join(dir, "log"), syscall.SIGTERM); err != nil {
		return err
	}
	running, cancel := s.process.While(ctx)
	defer cancel()
	if err := s.serves(running); err != nil {
		s.process.Kill(syscall.SIGKILL)
		return fmt.Errorf("start the engine: %w; its log %s ends:\n%s", err, s.process.Log(), s.process.Tail())
	}
	return nil
}

// command is the engine's command line. SQLite files of the two programs are kept apart: their versions may differ.
func command(to client.Options, o Options, dir string) (*exec.Cmd, error) {
	namespace := to.Namespace
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	if bin := Find(); bin != "" {
		return exec.Command(bin, "--with-parent", "--addr", o.Addr, "--ui-addr", o.UIAddr, "--data", dir, "--namespace", namespace), nil
	}
	cli, err := exec.LookPath("temporal")
	if err != nil {
		return nil, ErrNotBuilt
	}
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, err
	}
	uiHost, uiPort, err := net.SplitHostPort(o.UIAddr)
	if err != nil {
		return nil, err
	}
	return exec.Command(cli, "server", "start-dev", "--db-filename", filepath.Join(dir, "temporal.db"), "--namespace", namespace,
		"--ip", host, "--port", port, "--ui-ip", uiHost, "--ui-port", uiPort, "--log-level", "warn",
		"--dynamic-config-value", "matching.numTaskqueueReadPartitions=1",
		"--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"), nil
}

// Find is the path of Herald's own engine; empty where it is not built.
func Find() string {
	candidates := []string{os.Getenv("HERALD_ENGINE_BIN")}
	if self, err := os.Executable(); err == nil {
		candidates = append(candidates, filepath.Join(filepath.Dir(self), "engine"))
	}
	if root := repository(); root != "" {
		candidates = append(candidates, filepath.Join(root, "bin", "engine"))
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// repository is the root of Herald's source above the working folder, which `go run` and `go test` stand in.
func repository() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && strings.HasPrefix(string(text), "module herald\n") {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// serves waits until the namespace and the UI answer, or ctx ends.
func (s *Server) serves(ctx context.Context) error {
	for {
		err := s.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := s.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	namespace := s.options.Namespace
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	if _, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace}); err != nil || s.ui == "" {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(s.ui, "http://"))
	if err != nil {
		return err
	}
	return conn.Close()
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// atLeast drops what is below a level; the SDK tells much that only its own authors want to know.
type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}
