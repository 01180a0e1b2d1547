package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"herald/api"
	"herald/db"
	"herald/internal/catcher"
	"herald/internal/engine"
	"herald/internal/postgres"
	"herald/worker"
)

// devCommand runs all of Herald below one folder. Everything in flight when it ends, in order or not, goes on at the next
// start.
type devCommand struct {
	Addr        string `default:"127.0.0.1:8080" help:"host:port of the API."`
	EngineAddr  string `default:"127.0.0.1:7233" help:"host:port of the engine (Temporal)."`
	UIAddr      string `name:"ui-addr" default:"127.0.0.1:8233" help:"host:port of the Temporal UI."`
	SMTPCatcher string `name:"smtp-catcher" default:"127.0.0.1:1025" help:"host:port of the SMTP server that catches mail."`
	MailAddr    string `default:"127.0.0.1:8025" help:"host:port of the page with the mail caught."`
	SMTP        string `name:"smtp" default:"" placeholder:"URL" help:"Mail server to use: smtp://user:password@host:port. The default is the catcher."`
	PostgresAt  int    `name:"postgres-port" default:"0" placeholder:"PORT" help:"Port of PostgreSQL; 0 takes a free one."`
	Data        string `default:"data" type:"path" help:"Folder for everything that must survive a restart."`
	From        string `default:"Herald demo <demo@herald.example>" help:"Mailbox of email channels that name none."`
	delayFlag
	clientFlags
	mailFlags
}

// devConnections serve the API and the worker together.
const devConnections = 40

// Run starts everything, says where it is, and stops it in order when ctx is done.
func (c *devCommand) Run(ctx context.Context, p *program) (err error) {
	g := newGround(p.log)
	d := &dev{devCommand: c, ground: g, program: p}
	defer func() {
		if len(g.steps) > 0 {
			_, _ = fmt.Fprintln(p.stdout, "Stopping …")
		}
		err = errors.Join(err, g.stop())
	}()
	if err := d.start(ctx); err != nil {
		if ctx.Err() != nil { // Ctrl-C while starting
			return nil
		}
		return err
	}
	return g.wait(ctx)
}

// dev is a start of devCommand under way.
type dev struct {
	*devCommand
	*ground
	program   *program
	listeners map[string]net.Listener // by flag
	postgres  *postgres.Server
	engine    *engine.Server
	catcher   *catcher.Catcher
	pool      *pgxpool.Pool
	client    client.Client
}

func (d *dev) start(ctx context.Context) error {
	if err := engine.Available(); err != nil {
		return err
	}
	if err := d.claimPorts(ctx); err != nil {
		return err
	}
	// PostgreSQL may run as another user, who must be able to pass through.
	if err := os.MkdirAll(d.Data, 0o711); err != nil { //nolint:gosec // the folders in it are closed
		return fmt.Errorf("--data: %w", err)
	}
	for _, s := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"PostgreSQL", d.startPostgres},
		{"Engine (Temporal)", d.startEngine},
		{"Mail catcher", d.startCatcher},
		{"Migrations and demo project", d.prepare},
		{"Worker and API", d.startHerald},
	} {
		began := time.Now()
		_, _ = fmt.Fprintf(d.program.stdout, "%-30s", s.what+" …")
		if err := s.do(ctx); err != nil {
			_, _ = fmt.Fprintln(d.program.stdout)
			return err
		}
		_, _ = fmt.Fprintf(d.program.stdout, "%s\n", time.Since(began).Round(10*time.Millisecond))
	}
	d.addresses(d.program.stdout)
	return nil
}

// claimPorts takes the ports before anything starts, so that the first word about one in use comes at once.
func (d *dev) claimPorts(ctx context.Context) error {
	d.listeners = map[string]net.Listener{}
	d.onStop("the ports", time.Second, func(context.Context) error {
		for _, l := range d.listeners {
			_ = l.Close() // those that were served are closed already
		}
		return nil
	})
	for _, own := range []struct{ flag, addr string }{{"addr", d.Addr}, {"smtp-catcher", d.SMTPCatcher}, {"mail-addr", d.MailAddr}} {
		l, err := listen(ctx, own.flag, own.addr)
		if err != nil {
			return err
		}
		d.listeners[own.flag] = l
	}
	if engine.External() {
		return nil
	}
	if err := free(ctx, "engine-addr", d.EngineAddr); err != nil {
		return err
	}
	return free(ctx, "ui-addr", d.UIAddr)
}

func (d *dev) startPostgres(ctx context.Context) (err error) {
	d.postgres, err = postgres.Start(ctx, postgres.Options{Dir: filepath.Join(d.Data, "postgres"), Port: d.PostgresAt, Log: d.log})
	if err != nil {
		return err
	}
	d.keep("PostgreSQL", d.postgres)
	return d.postgres.EnsureDatabase(ctx, "herald")
}

func (d *dev) startEngine(ctx context.Context) (err error) {
	d.engine, err = engine.Start(ctx, engine.Options{
		Dir: filepath.Join(d.Data, "engine"), Addr: d.EngineAddr, UIAddr: d.UIAddr, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.keep("the engine", d.engine)
	return nil
}

func (d *dev) startCatcher(context.Context) (err error) {
	if d.catcher, err = catcher.Open(filepath.Join(d.Data, "mail"), d.log); err != nil {
		return err
	}
	go func() {
		if err := d.catcher.Serve(d.listeners["smtp-catcher"]); err != nil {
			d.fall("the mail catcher", err)
		}
	}()
	d.onStop("the mail catcher", time.Second, d.catcher.Close)
	d.serve("the mail catcher's page", d.listeners["mail-addr"], d.catcher.Handler())
	return nil
}

// prepare brings the ledger and the engine to this program's version.
func (d *dev) prepare(ctx context.Context) (err error) {
	url := d.postgres.URL("herald")
	if err := db.Migrate(ctx, url); err != nil {
		return err
	}
	if d.pool, err = db.Open(ctx, url, devConnections); err != nil {
		return err
	}
	d.onStop("the connections to PostgreSQL", httpStop, func(context.Context) error { d.pool.Close(); return nil })
	if err := db.EnsureDemo(ctx, d.pool); err != nil {
		return err
	}
	d.client, err = d.dial(ctx, d.engine.Options())
	return err
}

func (d *dev) startHerald(context.Context) error {
	smtp := d.SMTP
	if smtp == "" {
		smtp = "smtp://" + d.listeners["smtp-catcher"].Addr().String()
	}
	proxies, err := d.proxies()
	if err != nil {
		return err
	}
	w, err := worker.New(d.options(d.pool, d.client, smtp, d.program))
	if err != nil {
		return err
	}
	d.run("the worker", workerStop, w.Run)
	d.serve("the API", d.listeners["addr"], api.New(api.Options{
		Pool: d.pool, Engine: d.client, EngineUI: d.engine.UI(), EngineNamespace: d.namespace, Log: d.log, Delay: d.Delay, From: d.From,
		ClientRate: d.ClientRate, Proxies: proxies,
		Ready: func(ctx context.Context) error {
			return errors.Join(reachable(ctx, d.pool, d.client), w.Ready(ctx))
		},
	}))
	return nil
}

// addresses prints where everything is.
func (d *dev) addresses(to io.Writer) {
	mail := "http://" + d.listeners["mail-addr"].Addr().String()
	smtp := "smtp://" + d.listeners["smtp-catcher"].Addr().String()
	ui := d.engine.UI()
	if ui == "" {
		ui = "engine at " + d.engine.Addr() + " (TEMPORAL_ADDRESS)"
	}
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(table, `
API	http://%s
Credentials	X-App-Id: dev   X-App-Token: dev
Temporal UI	%s
Mail caught	%s   (%s)
`, d.listeners["addr"].Addr(), ui, mail, smtp)
	if d.SMTP != "" {
		_, _ = fmt.Fprintf(table, "Mail leaves by	the server of --smtp, not the catcher\n")
	}
	_, _ = fmt.Fprintf(table, `PostgreSQL	%s
Data folder	%s
Delay	%s before a manual distribution sends

`, d.postgres.URL("herald"), d.Data, d.Delay)
	_ = table.Flush()
	_, _ = fmt.Fprintln(to, "Ctrl-C stops everything in order; the next start goes on where this one ended.")
}
