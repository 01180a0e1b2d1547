// Package worker is the engine room: it puts the workflows and activities on their task queues, runs them until told to
// stop, and then lets what is in flight end.
package worker

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"herald/activities"
	"herald/db"
	"herald/internal/channel/email"
	"herald/internal/metrics"
	"herald/workflows"
)

// Options is what a worker needs.
type Options struct {
	Pool        *pgxpool.Pool
	Engine      client.Client
	Log         *slog.Logger
	SMTP        string          // the mail server, as a URL: smtp://user:pass@host:port
	Connections int             // to the mail server, at most; 0 leaves it to the URL
	Rate        float64         // messages per second over all workers; 0 is without a cap
	RetryAfter  []time.Duration // waits before a deferred message's next attempts; none is RetryAfter
	Domain      string          // behind the @ of Message-IDs; "" is the sender's own
}

// RetryAfter is how long a deferred mail waits before its next attempts: first what greylisting asks for, then what a full
// mailbox or a resting server needs, for three days in all (RFC 5321, section 4.5.4.1, asks for four to five at a relay; the
// server we hand mail to is that relay).
var RetryAfter = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

const (
	// stopTimeout is how long activities may take to end once the worker stops.
	stopTimeout = 30 * time.Second
	// sends is how many batches a worker sends at once: while one drains, the next one fills the connections.
	sends = 2
	// answers is how many batches of live distributions a worker sends at once: each has one, and they are small.
	answers = 20
	// heavy is how many imports, exports and the like a worker does at once: a third of its connections to the database, which
	// each of them holds most of the time.
	heavy = 8
	// pageSize is how many people are enrolled in one transaction.
	pageSize = 10_000
	// beatEvery is how often a batch may tell the engine that it lives, and hear that it is to pause.
	beatEvery = 500 * time.Millisecond
)

// Worker runs Herald's workflows and activities.
type Worker struct {
	options Options
	mail    *email.Pool
	metrics *metrics.Metrics
	queues  []worker.Worker
}

// New wires the activities to what they work with; it starts nothing.
func New(o Options) (*Worker, error) {
	settings, err := email.ParseURL(o.SMTP)
	if err != nil {
		return nil, err
	}
	if o.Connections > 0 {
		settings.Connections = o.Connections
	}
	o.Connections = settings.Connections
	if o.Rate > 0 {
		settings.Limiter = &sendingCap{store: db.SendingCaps{Pool: o.Pool}, key: settings.Server(), rate: o.Rate}
	}
	if len(o.RetryAfter) == 0 {
		o.RetryAfter = RetryAfter
	}
	w := &Worker{
		options: o, mail: email.NewPool(settings, o.Log), metrics: metrics.New().Works().Ledger(db.Relay{Pool: o.Pool}.Stands),
	}
	sending := w.sending()
	w.queues = []worker.Worker{
		w.planQueue(), w.activityQueue(workflows.HeavyQueue, heavy, w.heavyActivities()...),
		w.activityQueue(workflows.SendQueue, sends, sending), w.activityQueue(workflows.TriggeredQueue, answers, sending),
	}
	return w, nil
}

// planQueue is where workflows and the ledger's activities run.
func (w *Worker) planQueue() worker.Worker {
	queue := worker.New(w.options.Engine, workflows.Queue, worker.Options{
		WorkerStopTimeout: stopTimeout, DisableRegistrationAliasing: true, MaxHeartbeatThrottleInterval: beatEvery,
	})
	workflows.Register(queue)
	for _, hands := range w.planActivities() {
		queue.RegisterActivity(hands)
	}
	return queue
}

// activityQueue is one of the queues where only so much is done at once.
func (w *Worker) activityQueue(name string, atOnce int, all ...any) worker.Worker {
	queue := worker.New(w.options.Engine, name, worker.Options{
		WorkerStopTimeout: stopTimeout, DisableRegistrationAliasing: true, DisableWorkflowWorker: true,
		MaxConcurrentActivityExecutionSize: atOnce, MaxHeartbeatThrottleInterval: beatEvery,
	})
	for _, hands := range all {
		queue.RegisterActivity(hands)
	}
	return queue
}

func (w *Worker) sending() *activities.Sending {
	claims := db.NewClaims(w.options.Pool)
	return &activities.Sending{
		Claims: claims, Recorder: activities.NewRecorder(claims, w.options.Connections),
		Messages: db.Messages{Pool: w.options.Pool}, Distributions: db.Distributions{Pool: w.options.Pool},
		Letters: w.letters(), Mail: w.mail, RetryAfter: w.options.RetryAfter, Domain: w.options.Domain, Metrics: w.metrics,
	}
}

// planActivities is the one list of the activities beside sending in bulk; a test message, for which somebody waits, is
// among them so that it does not queue behind a million others.
func (w *Worker) planActivities() []any {
	pool := w.options.Pool
	messages, distributions := db.Messages{Pool: pool}, db.Distributions{Pool: pool}
	return append(w.heavyActivities(),
		&activities.Distributions{Store: distributions, Messages: messages},
		&activities.Enrolment{
			Distributions: distributions, Messages: messages, Campaigns: db.Campaigns{Pool: pool},
			Letters: w.letters(), PageSize: pageSize,
		},
		&activities.Rounds{Messages: messages, Relay: db.Relay{Pool: pool}},
		&activities.Testing{
			Tests: db.TestMessages{Pool: pool}, Distributions: distributions, Mail: w.mail, Domain: w.options.Domain,
		},
	)
}

// heavyActivities work on many rows, for nobody who waits. Their short ends, and what was begun before they had a queue of their
// own, run on the plan's.
func (w *Worker) heavyActivities() []any {
	pool := w.options.Pool
	return []any{
		&activities.Segments{Store: db.Segments{Pool: pool}},
		&activities.Points{Store: db.Balances{Pool: pool}},
		&activities.Tiers{Store: db.Tiers{Pool: pool}},
		&activities.Customers{Store: db.Customers{Pool: pool}, Actions: db.AsyncActions{Pool: pool}},
		&activities.Exports{Store: db.Exports{Pool: pool}},
		&activities.Orders{Store: db.NewOrders(pool), Actions: db.AsyncActions{Pool: pool}},
		&activities.Codes{
			Campaigns: db.Campaigns{Pool: pool}, Vouchers: db.Vouchers{Pool: pool}, Actions: db.AsyncActions{Pool: pool},
			Announce: workflows.Flows{Client: w.options.Engine}.CodesAdded,
		},
	}
}

func (w *Worker) letters() *activities.Letters {
	return &activities.Letters{Distributions: db.Distributions{Pool: w.options.Pool}}
}

// Run works until ctx is done, then ends what is in flight.
func (w *Worker) Run(ctx context.Context) error {
	err := workflows.EnsureSchedules(ctx, w.options.Engine)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // told to end before it began
	}
	if err != nil {
		return err
	}
	for i, queue := range w.queues {
		if err := queue.Start(); err != nil {
			for _, started := range w.queues[:i] {
				started.Stop()
			}
			return err
		}
	}
	newRelay(w.options, w.metrics.Relay).run(ctx)
	for _, queue := range w.queues {
		queue.Stop()
	}
	w.mail.Close()
	return nil
}

// Metrics is the page of the worker's numbers.
func (w *Worker) Metrics() http.Handler { return w.metrics.Page(w.options.Log) }

// Ready reports why the worker cannot work, or nil.
func (w *Worker) Ready(ctx context.Context) error {
	if err := w.options.Pool.Ping(ctx); err != nil {
		return err
	}
	_, err := w.options.Engine.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}
