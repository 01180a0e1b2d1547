package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// The times that things may take to end, in the order in which they end.
const (
	httpStop   = 10 * time.Second
	workerStop = 35 * time.Second // the worker itself gives its activities 30 s
	serverStop = 20 * time.Second // PostgreSQL and the engine, where they are ours
)

// ground is what a subcommand has started. It stops in the reverse order, each with its own deadline, and the first thing
// that ends by itself takes the rest with it.
type ground struct {
	log   *slog.Logger
	fell  chan error // what ended by itself, first come first kept
	steps []step

	namespace string // of the engine, once it was dialled
}

type step struct {
	name string
	most time.Duration
	stop func(context.Context) error
}

func newGround(log *slog.Logger) *ground { return &ground{log: log, fell: make(chan error, 1)} }

// onStop adds a step that stop takes before those added earlier.
func (g *ground) onStop(name string, most time.Duration, stop func(context.Context) error) {
	g.steps = append(g.steps, step{name, most, stop})
}

// fall says that something ended by itself.
func (g *ground) fall(name string, err error) {
	select {
	case g.fell <- fmt.Errorf("%s ended by itself: %w", name, err):
	default:
	}
}

// child is a server that we started.
type child interface {
	Done() <-chan struct{}
	Err() error  // how it ended
	Log() string // the path of its own log
	Stop(context.Context) error
}

// keep stops a server of ours at the end, and ends everything when it does not last until then.
func (g *ground) keep(name string, c child) {
	stopping, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-c.Done():
			g.fall(name, fmt.Errorf("%w; its log is %s", c.Err(), c.Log()))
		case <-stopping.Done():
		}
	}()
	g.onStop(name, serverStop, func(ctx context.Context) error {
		cancel()
		return c.Stop(ctx)
	})
}

// wait blocks until ctx is done, which is no error, or something fell.
func (g *ground) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.fell:
		return err
	}
}

// stop ends everything, last started first.
func (g *ground) stop() error {
	var all error
	for len(g.steps) > 0 {
		last := g.steps[len(g.steps)-1]
		g.steps = g.steps[:len(g.steps)-1]
		g.log.Debug("stopping", "what", last.name)
		ctx, cancel := context.WithTimeout(context.Background(), last.most)
		if err := last.stop(ctx); err != nil {
			all = errors.Join(all, fmt.Errorf("stop %s: %w", last.name, err))
		}
		cancel()
	}
	return all
}

// serve serves handler on l. Requests under way may end when it stops; clients that dawdle are cut off.
func (g *ground) serve(name string, l net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Minute, // a CSV file of a million rows over a slow line
		WriteTimeout:      10 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug), // clients that hang up
	}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			g.fall(name, err)
		}
	}()
	g.onStop(name, httpStop, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return server.Close()
		}
		return err
	})
}

// run runs do until it is stopped: its context ends, and it may finish what is in flight.
func (g *ground) run(name string, most time.Duration, do func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := do(ctx)
		if ctx.Err() == nil {
			g.fall(name, err)
		}
		done <- err
	}()
	g.onStop(name, most, func(deadline context.Context) error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-deadline.Done():
			return deadline.Err()
		}
	})
}

// listen listens on addr, which came from flag. A port in use is the commonest fault of all, so its message is exact.
func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program; stop that or choose another with --%s HOST:PORT (or %s)", addr, flag, variable(flag))
	case err != nil:
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return l, nil
}

// free checks that a child will be able to listen on addr, which came from flag.
func free(ctx context.Context, flag, addr string) error {
	l, err := listen(ctx, flag, addr)
	if err != nil {
		return err
	}
	return l.Close()
}
