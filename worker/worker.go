// Package worker is the engine room: it puts the workflows and activities on their task queues, runs them until told to
// stop, and then lets what is in flight end.
package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"herald/activities"
	"herald/workflows"
)

// Options is what a worker needs.
type Options struct {
	Pool        *pgxpool.Pool
	Engine      client.Client
	Log         *slog.Logger
	SMTP        string // the mail server, as a URL: smtp://user:pass@host:port
	Connections int    // how many connections to the mail server at most; 0 leaves it to the URL
	MasterKey   string // encrypts secrets at rest
}

// stopTimeout is how long activities may take to end once the worker stops.
const stopTimeout = 30 * time.Second

// Worker runs Herald's workflows and activities.
type Worker struct {
	options Options
	queues  []worker.Worker
}

// New wires the activities to what they work with; it starts nothing.
func New(o Options) (*Worker, error) {
	plan := worker.New(o.Engine, workflows.Queue, worker.Options{
		WorkerStopTimeout: stopTimeout, DisableRegistrationAliasing: true,
	})
	workflows.Register(plan)
	for _, hands := range activities.All(o.Pool, o.Engine) {
		plan.RegisterActivity(hands)
	}
	return &Worker{options: o, queues: []worker.Worker{plan}}, nil
}

// Run works until ctx is done, then ends what is in flight.
func (w *Worker) Run(ctx context.Context) error {
	for i, queue := range w.queues {
		if err := queue.Start(); err != nil {
			for _, started := range w.queues[:i] {
				started.Stop()
			}
			return err
		}
	}
	<-ctx.Done()
	for _, queue := range w.queues {
		queue.Stop()
	}
	return nil
}

// Ready reports why the worker cannot work, or nil.
func (w *Worker) Ready(ctx context.Context) error {
	if err := w.options.Pool.Ping(ctx); err != nil {
		return err
	}
	_, err := w.options.Engine.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}
