package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"herald/api"
	"herald/db"
	"herald/internal/engine"
	"herald/internal/metrics"
	"herald/worker"
)

type apiCommand struct {
	Addr      string        `default:"127.0.0.1:8080" help:"host:port to serve on."`
	From      string        `placeholder:"MAILBOX" help:"Mailbox of email channels that name none, as \"Shop <news@shop.example>\"."`
	PublicURL string        `name:"public-url" placeholder:"URL" help:"Address at which others reach the API, for the links in its answers; the default is what each request was sent to."`
	Metrics   string        `name:"metrics-addr" placeholder:"ADDR" help:"host:port that answers GET /metrics to Prometheus; the default is none."`
	EngineUI  string        `name:"engine-ui" placeholder:"URL" help:"Address of the Temporal UI, for links to runs."`
	Database  databaseFlags `embed:"" prefix:"database-"`
	delayFlag
	clientFlags
}

// Run serves the API until ctx is done.
func (c *apiCommand) Run(ctx context.Context, p *program) (err error) {
	proxies, err := c.proxies()
	if err != nil {
		return err
	}
	g := newGround(p.log)
	defer func() { err = errors.Join(err, g.stop()) }()
	pool, engine, err := g.connect(ctx, c.Database)
	if err != nil {
		return err
	}
	l, err := listen(ctx, "addr", c.Addr)
	if err != nil {
		return err
	}
	collectSeldom()
	g.serve("the API", l, api.New(api.Options{
		Pool: pool, Engine: engine, EngineUI: c.EngineUI, EngineNamespace: g.namespace, Log: p.log, Delay: c.Delay, From: c.From,
		ClientRate: c.ClientRate, Proxies: proxies, PublicURL: c.PublicURL,
		Ready: func(ctx context.Context) error { return reachable(ctx, pool, engine) },
	}))
	if c.Metrics != "" {
		l, err := listen(ctx, "metrics-addr", c.Metrics)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", metrics.New().Ledger(db.Relay{Pool: pool}.Stands).Page(p.log))
		g.serve("the metrics page", l, mux)
	}
	p.log.Info("the API serves", "addr", l.Addr().String(), "version", version)
	return g.wait(ctx)
}

// collectSeldom lets garbage grow to five times what is in use, unless GOGC says otherwise: what an API holds is little, what it
// throws away is plenty, and collecting at twice that little would take a quarter of its time. It stays below 200 MB.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

type workerCommand struct {
	SMTP       string        `name:"smtp" required:"" placeholder:"URL" help:"Mail server: smtp://user:password@host:port."`
	HealthAddr string        `default:"127.0.0.1:8081" help:"host:port that answers GET /readyz, and GET /metrics to Prometheus; empty for none."`
	Database   databaseFlags `embed:"" prefix:"database-"`
	mailFlags
}

// Run runs the workflows until ctx is done, then lets what is in flight end.
func (c *workerCommand) Run(ctx context.Context, p *program) (err error) {
	g := newGround(p.log)
	defer func() { err = errors.Join(err, g.stop()) }()
	pool, engine, err := g.connect(ctx, c.Database)
	if err != nil {
		return err
	}
	w, err := worker.New(c.options(pool, engine, c.SMTP, p))
	if err != nil {
		return err
	}
	g.run("the worker", workerStop, w.Run)
	if c.HealthAddr != "" {
		l, err := listen(ctx, "health-addr", c.HealthAddr)
		if err != nil {
			return err
		}
		g.serve("the health page", l, health(w))
	}
	p.log.Info("the worker works", "version", version)
	return g.wait(ctx)
}

func (f mailFlags) options(pool *pgxpool.Pool, engine client.Client, smtp string, p *program) worker.Options {
	return worker.Options{
		Pool: pool, Engine: engine, Log: p.log, SMTP: smtp, Connections: f.SMTPConnections, Rate: f.SMTPRate, Domain: f.MessageDomain,
		RetryAfter: f.RetryAfter,
	}
}

type migrateCommand struct {
	Database databaseFlags `embed:"" prefix:"database-"`
}

// Run applies the migrations that the database lacks.
func (c *migrateCommand) Run(ctx context.Context, p *program) error {
	if err := db.Migrate(ctx, c.Database.URL); err != nil {
		return err
	}
	p.log.Info("the database is up to date", "version", version)
	return nil
}

// connect opens the ledger and the engine that the environment names.
func (g *ground) connect(ctx context.Context, database databaseFlags) (*pgxpool.Pool, client.Client, error) {
	pool, err := database.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	g.onStop("the connections to PostgreSQL", httpStop, func(context.Context) error { pool.Close(); return nil })
	options, err := engine.ClientOptions(g.log)
	if err != nil {
		return nil, nil, err
	}
	c, err := g.dial(ctx, options)
	return pool, c, err
}

// dial connects to the engine and makes it ready for Herald's runs.
func (g *ground) dial(ctx context.Context, options client.Options) (client.Client, error) {
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("reach the engine at %s (TEMPORAL_ADDRESS): %w", options.HostPort, err)
	}
	g.onStop("the connection to the engine", httpStop, func(context.Context) error { c.Close(); return nil })
	g.namespace = options.Namespace
	return c, prepareEngine(ctx, c, options.Namespace)
}

// reachable reports why the ledger or the engine does not answer, or nil.
func reachable(ctx context.Context, pool *pgxpool.Pool, engine client.Client) error {
	if err := pool.Ping(ctx); err != nil {
		return fmt.Errorf("PostgreSQL does not answer: %w", err)
	}
	if _, err := engine.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("the engine does not answer: %w", err)
	}
	return nil
}

// health answers GET /readyz and GET /metrics for a worker.
func health(of *worker.Worker) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", of.Metrics())
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := of.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	return mux
}
