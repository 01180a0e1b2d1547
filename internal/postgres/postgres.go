// Package postgres runs a PostgreSQL server of Herald's own below one folder: for `herald dev`, for the tests and for the
// harnesses. A production installation brings its own server and never comes here.
//
// The law of this package: one folder, one server. Whoever starts it holds the folder's lock until Stop or death, so two
// programs never share a cluster; what a killed predecessor left behind (a stale postmaster.pid, a postmaster that is
// still running) is cleaned up at the next start; and the server goes with the program that started it. By default
// nothing that was committed is ever lost; Volatile trades that for speed, for databases that are thrown away.
package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"herald/internal/child"
)

// superuser is the cluster's, and the name that Herald connects under.
const superuser = "herald"

// startTimeout bounds everything from the first look to the first answer, crash recovery included.
const startTimeout = 2 * time.Minute

// Options say where a server lives and how it behaves.
type Options struct {
	Dir      string            // its folder, made when missing: cluster/, password, log
	Port     int               // on 127.0.0.1; 0 takes a free one
	Volatile bool              // no fsync: a crash of the machine may lose everything; for tests
	Settings map[string]string // over the settings chosen here, by their names in postgresql.conf
	Log      *slog.Logger
}

// Server is a running PostgreSQL server.
type Server struct {
	dir      string
	port     int
	password string
	process  *child.Process
	unlock   func()
}

// Start starts the server of o.Dir, making its cluster at the first start, and returns when it answers. ctx bounds the
// start only; Stop ends the server, and so does the end of this program, however it comes.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("PostgreSQL did not answer within %s", startTimeout))
	defer cancel()
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of PostgreSQL: %w", err)
	}
	unlock, err := lock(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, port: o.Port, unlock: unlock}
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	installed, err := find(ctx, s.cluster(), o.Log)
	if err != nil {
		return nil, err
	}
	run, err := newRunner(ctx, installed, dir)
	if err != nil {
		return nil, err
	}
	if err := evict(ctx, s.cluster(), o.Log); err != nil {
		return nil, err
	}
	if err := s.makeCluster(ctx, run, o); err != nil {
		return nil, err
	}
	if s.port == 0 {
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
	}
	if err := s.launch(ctx, run, s.settings(ctx, run, o), o.Log); err != nil {
		return nil, err
	}
	return s, nil
}

// Port is the port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Pid is the postmaster's process id.
func (s *Server) Pid() int { return s.process.Pid() }

// Done is closed when the server has ended, on its own account or by Stop.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Err says how the server ended, once Done is closed.
func (s *Server) Err() error { return s.process.Err() }

// Log is the path of the server's own log.
func (s *Server) Log() string { return filepath.Join(s.dir, "log") }

// URL is the connection string of one of the server's databases.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// EnsureDatabase makes the database where it does not exist yet.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return err
}

// Stop shuts the server down in order: it disconnects everyone and writes a checkpoint. When ctx ends first, the server
// is ended at once and recovers at its next start.
func (s *Server) Stop(ctx context.Context) error {
	defer s.unlock()
	return s.process.Stop(ctx, syscall.SIGINT, syscall.SIGQUIT) // PostgreSQL's "fast" and "immediate" shutdown
}

func (s *Server) cluster() string { return filepath.Join(s.dir, "cluster") }

// makeCluster runs initdb once. The cluster is made under another name and moved into place when it is whole, so a kill
// in between leaves nothing that looks like a cluster.
func (s *Server) makeCluster(ctx context.Context, run *runner, o Options) error {
	secret := filepath.Join(s.dir, "password")
	if _, err := os.Stat(s.cluster()); err == nil {
		password, err := os.ReadFile(secret)
		if err != nil {
			return fmt.Errorf("the password of the cluster in %s is gone; restore the file or remove the folder: %w", s.dir, err)
		}
		s.password = strings.TrimSpace(string(password))
		return run.own(s.cluster())
	}
	s.password = newPassword()
	if err := os.WriteFile(secret, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	fresh := s.cluster() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := errors.Join(run.own(fresh), run.own(secret)); err != nil {
		return err
	}
	// Byte order is the fast and stable collation; the character type makes lower() know more than ASCII.
	err := s.initdb(ctx, run, fresh, secret, o.Volatile, "--lc-collate=C", "--lc-ctype=C.UTF-8")
	if err != nil && strings.Contains(err.Error(), "invalid locale name") {
		o.Log.Warn("no locale C.UTF-8 on this machine: lower() knows ASCII only")
		err = s.initdb(ctx, run, fresh, secret, o.Volatile, "--locale=C")
	}
	if err != nil {
		return err
	}
	return os.Rename(fresh, s.cluster())
}

func (s *Server) initdb(ctx context.Context, run *runner, dir, secret string, volatile bool, locale ...string) error {
	args := append([]string{"-D", dir, "-U", superuser, "--pwfile=" + secret, "--auth=scram-sha-256", "-E", "UTF8"}, locale...)
	if volatile {
		args = append(args, "--no-sync")
	}
	out, err := run.command(ctx, "initdb", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make the cluster in %s: initdb: %w\n%s", dir, err, out)
	}
	return nil
}

// settings are those of a small machine that also runs Herald: two cores, a few GB.
func (s *Server) settings(ctx context.Context, run *runner, o Options) []string {
	chosen := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(s.port),
		"unix_socket_directories": "", // a socket's path must be short, and nobody needs one
		"max_connections":         "200",
		"shared_buffers":          "256MB",
		"effective_cache_size":    "1GB",
		"work_mem":                "16MB",
		"maintenance_work_mem":    "128MB",
		"max_wal_size":            "4GB",
		"checkpoint_timeout":      "15min",
		"random_page_cost":        "1.1",
		"jit":                     "off",
		"fsync":                   "on",
		"synchronous_commit":      "on",
		"wal_compression":         "on",
		"logging_collector":       "off",
		"log_line_prefix":         "%m [%p] ",
		"cluster_name":            "herald",
	}
	if o.Volatile {
		maps.Copy(chosen, map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"})
	}
	// lz4 costs a third of pglz's time, where this build has it.
	if run.command(ctx, "postgres", "-D", s.cluster(), "-c", "wal_compression=lz4", "-C", "wal_compression").Run() == nil {
		chosen["wal_compression"] = "lz4"
	}
	maps.Copy(chosen, o.Settings)
	args := []string{"-D", s.cluster()}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		args = append(args, "-c", name+"="+chosen[name])
	}
	return args
}

// launch starts the postmaster and waits until it answers. After a kill -9 of the last one its orphaned backends may hold
// the shared memory for a moment; PostgreSQL refuses to start until they have noticed, so it is tried again.
func (s *Server) launch(ctx context.Context, run *runner, args []string, log *slog.Logger) error {
	for {
		p, err := child.Start(run.command(context.Background(), "postgres", args...), s.Log(), syscall.SIGINT)
		if err != nil {
			return err
		}
		s.process = p
		err = s.answer(ctx)
		if err == nil {
			return nil
		}
		p.Kill(syscall.SIGQUIT)
		last := p.Tail()
		if ctx.Err() == nil && strings.Contains(last, "is still in use") {
			log.Debug("waiting for the backends of a killed PostgreSQL")
			select {
			case <-time.After(200 * time.Millisecond):
				continue
			case <-ctx.Done():
			}
		}
		return fmt.Errorf("start PostgreSQL: %w; its log %s ends:\n%s", err, s.Log(), last)
	}
}

func (s *Server) answer(ctx context.Context) error {
	ctx, cancel := s.process.While(ctx) // something else may sit on the port and never answer
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func newPassword() string {
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // never fails
	return hex.EncodeToString(secret)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// lock keeps a second program off the folder. It goes with the program that took it, however that ends.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another program runs PostgreSQL in %s; stop it or choose another data folder", dir), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
