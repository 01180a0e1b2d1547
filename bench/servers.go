package bench

import (
	"context"
	"syscall"
	"time"

	"herald/internal/engine"
	"herald/internal/postgres"
)

// database is a PostgreSQL server that can be killed and started again where it was.
type database struct {
	options postgres.Options
	server  *postgres.Server
}

func (d *database) Name() string { return "PostgreSQL" }

func (d *database) start(ctx context.Context) error {
	server, err := postgres.Start(ctx, d.options)
	if err == nil {
		d.server = server
	}
	return err
}

func (d *database) pid() int { return d.server.Pid() }

// kill ends the postmaster as kill -9 does; the processes below it notice by themselves.
func (d *database) kill() { slay(d.server.Pid(), d.server.Done(), d.server.Stop) }

func (d *database) ended() bool { return over(d.server.Done()) }

func (d *database) stop(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	return d.server.Stop(ctx)
}

// temporal is an engine that can be killed and started again where it was.
type temporal struct {
	options engine.Options
	server  *engine.Server
}

func (t *temporal) Name() string { return "engine" }

func (t *temporal) start(ctx context.Context) error {
	server, err := engine.Start(ctx, t.options)
	if err == nil {
		t.server = server
	}
	return err
}

func (t *temporal) pid() int { return t.server.Pid() }

func (t *temporal) kill() { slay(t.server.Pid(), t.server.Done(), t.server.Stop) }

func (t *temporal) ended() bool { return over(t.server.Done()) }

func (t *temporal) stop(ctx context.Context) error {
	if t.server == nil {
		return nil
	}
	return t.server.Stop(ctx)
}

// slay kills a server and then gives up what its keeper holds for it (the folder's lock, its standard input).
func slay(pid int, done <-chan struct{}, stop func(context.Context) error) {
	_ = syscall.Kill(pid, syscall.SIGKILL)
	<-done
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = stop(ctx) // it has ended already
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
