package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"herald/db"
	"herald/workflows"
)

// Every flag can be given in the environment: --database-url is HERALD_DATABASE_URL. The engine's connection is the exception;
// it comes from TEMPORAL_ADDRESS and its kin, as for every Temporal program.

// logFlags say how the program tells what it does.
type logFlags struct {
	Level  slog.Level `default:"info" help:"Least level to log: debug, info, warn or error."`
	Format string     `default:"text" enum:"text,json" help:"Format of the log: text or json."`
}

func (f logFlags) logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: f.Level}
	if f.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// databaseFlags name the ledger.
type databaseFlags struct {
	URL         string `required:"" placeholder:"URL" help:"PostgreSQL to work on: postgres://user:password@host:port/database."`
	Connections int32  `default:"24" help:"Connections to PostgreSQL, at most."`
}

func (f databaseFlags) open(ctx context.Context) (*pgxpool.Pool, error) {
	return db.Open(ctx, f.URL, f.Connections)
}

// delayFlag is the time to think again.
type delayFlag struct {
	Delay time.Duration `default:"10m" help:"Time between the confirmation of a manual distribution and its first message."`
}

// clientFlags are about the door for web pages.
type clientFlags struct {
	ClientRate     int      `default:"120" help:"Requests a minute that each address may make at /client/v1."`
	TrustedProxies []string `name:"trusted-proxy" placeholder:"CIDR" help:"Network of proxies whose X-Forwarded-For names the caller's address; may repeat."`
}

// proxies are the networks of the proxies.
func (f clientFlags) proxies() ([]*net.IPNet, error) {
	networks := make([]*net.IPNet, len(f.TrustedProxies))
	for i, text := range f.TrustedProxies {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy: %q is not a network as in 10.0.0.0/8", text)
		}
		networks[i] = network
	}
	return networks, nil
}

// mailFlags say how mail leaves, beside the server's URL.
type mailFlags struct {
	SMTPConnections int             `name:"smtp-connections" default:"0" help:"Connections to the mail server, at most; 0 leaves it to the URL."`
	SMTPRate        float64         `name:"smtp-rate" default:"0" help:"Mails per second over all workers; 0 for no cap."`
	MessageDomain   string          `default:"" placeholder:"DOMAIN" help:"Domain of Message-IDs, such as mail.example.com; the default is the sender's own."`
	RetryAfter      []time.Duration `placeholder:"1m,5m,…" help:"How long a deferred mail waits before each further attempt; after the last it has failed. The default takes three days."`
}

// withEnvironment adds the name of a flag's variable to its help.
func withEnvironment(value *kong.Value) string {
	if value.Flag == nil || value.Name == "help" {
		return value.Help
	}
	return value.Help + " ($" + variable(value.Name) + ")"
}

func fromEnvironment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if text := getenv(variable(flag.Name)); text != "" {
			return text, nil
		}
		return nil, nil
	})
}

func variable(flag string) string {
	return "HERALD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// prepareEngine makes the engine know what Herald's runs name.
func prepareEngine(ctx context.Context, c client.Client, namespace string) error {
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return workflows.EnsureSearchAttributes(ctx, c, namespace)
}
