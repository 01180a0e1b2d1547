// Command engine is the Temporal server that `herald dev` runs: frontend, history, matching and worker service in one
// process, with Temporal's own web UI beside it and one SQLite file below the data folder.
//
// The law of this module: it adds nothing to Temporal. It only chooses settings (settings.go) and starts what the
// server's packages offer, so that a production cluster can stand in its place. It is a module of its own to keep the
// server's several hundred dependencies out of Herald's graph.
//
// A kill -9 loses nothing that a client was told is done: SQLite writes ahead to a log in the operating system's hands
// before each answer. The next start goes on from there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

// Options say where the engine serves and where it keeps its file.
type Options struct {
	Addr      string // host:port of the gRPC frontend
	UIAddr    string // host:port of the web UI; empty for none
	Data      string // folder of engine.db; made when missing
	Namespace string // registered at the first start
	LogLevel  string // debug, info, warn or error
}

func run(ctx context.Context, args []string, stdin io.Reader, stderr io.Writer) error {
	var o Options
	flags := flag.NewFlagSet("engine", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Addr, "addr", "127.0.0.1:7233", "host:port of the gRPC frontend")
	flags.StringVar(&o.UIAddr, "ui-addr", "127.0.0.1:8233", "host:port of the web UI; empty for none")
	flags.StringVar(&o.Data, "data", "data/engine", "folder of the engine's SQLite file")
	flags.StringVar(&o.Namespace, "namespace", "default", "namespace to register")
	flags.StringVar(&o.LogLevel, "log-level", "warn", "debug, info, warn or error")
	withParent := flags.Bool("with-parent", false, "stop when standard input closes, as it does when the parent dies")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *withParent {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			defer cancel()
			_, _ = io.Copy(io.Discard, stdin)
		}()
	}
	return serve(ctx, o, stderr)
}

// serve runs the engine until ctx is done and then stops it in order: UI, worker, frontend, history, matching.
func serve(ctx context.Context, o Options, stderr io.Writer) error {
	// Frontend and UI are checked first: the UI's library ends the process on a port in use, and the server's error
	// does not name the flag.
	for _, listen := range []struct{ flag, addr string }{{"--addr", o.Addr}, {"--ui-addr", o.UIAddr}} {
		if err := free(listen.addr); err != nil {
			return fmt.Errorf("%s %s: %w", listen.flag, listen.addr, err)
		}
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	unlock, err := lock(filepath.Join(o.Data, "engine.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	// The SQLite plugin pastes the path into a URI without escaping it; a bare file name is always safe there.
	if err := os.Chdir(o.Data); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	started := time.Now()
	server, err := newServer(o)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	ui, err := newUI(o)
	if err != nil {
		return errors.Join(err, server.Stop())
	}
	if ui != nil {
		go func() { _ = ui.Start() }() // blocks until Stop
	}
	fmt.Fprintf(stderr, "engine: serving addr=%s ui=%s after=%s\n", o.Addr, o.UIAddr, time.Since(started).Round(time.Millisecond))
	<-ctx.Done()
	if ui != nil {
		ui.Stop()
	}
	return server.Stop()
}

// lock keeps a second engine off the same file. The lock goes with the process, however that ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another engine uses %s; stop it or choose another --data", filepath.Dir(path)), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
