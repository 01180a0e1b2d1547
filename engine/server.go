package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	clusterName  = "active"
	databaseFile = "engine.db"
	// Finished runs stay readable in the UI for a week.
	retention = 7 * 24 * time.Hour
	// Every shard costs timers and queue pollers; four are enough to keep two cores busy. Fixed for the life of a file.
	historyShards = 4
)

func newServer(o Options) (temporal.Server, error) {
	host, port, err := splitAddr(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("--addr: %w", err)
	}
	cfg, err := serverConfig(host, port)
	if err != nil {
		return nil, err
	}
	if err := prepareDatabase(cfg.Persistence.DataStores[sqlite.PluginName].SQL, o.Namespace); err != nil {
		return nil, err
	}
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{Level: o.LogLevel, Format: "json"}))
	authorizer, err := authorization.GetAuthorizerFromConfig(&cfg.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&cfg.Global.Authorization, logger)
	if err != nil {
		return nil, err
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range cfg.Services {
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(net.JoinHostPort(reachable(host), strconv.Itoa(service.RPC.GRPCPort)))
	}
	return temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(settings()),
	)
}

func serverConfig(host string, port int) (*config.Config, error) {
	addr := net.JoinHostPort(reachable(host), strconv.Itoa(port))
	inner, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	service := func(host string, port int) config.Service {
		return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: host}}
	}
	cfg := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  sqlite.PluginName,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: sqliteConfig()}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: addr},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(host, port),
			string(primitives.HistoryService):  service(reachable(host), inner[0]),
			string(primitives.MatchingService): service(reachable(host), inner[1]),
			string(primitives.WorkerService):   service(reachable(host), inner[2]),
		},
		PublicClient: config.PublicClient{HostPort: addr},
	}
	cfg.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: reachable(host)}
	const off = "disabled"
	cfg.Archival.History.State, cfg.Archival.Visibility.State = off, off
	cfg.NamespaceDefaults.Archival.History.State, cfg.NamespaceDefaults.Archival.Visibility.State = off, off
	return cfg, nil
}

// sqliteConfig opens the file so that the death of this process loses nothing: with a write-ahead log, a commit is with
// the operating system before the engine answers. synchronous=normal saves the fsync per commit; only a power cut could
// take the last moments, and even that leaves the file whole.
func sqliteConfig() *config.SQL {
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: databaseFile,
		ConnectAttributes: map[string]string{
			"mode":               "rwc",
			"journal_mode":       "wal",
			"synchronous":        "normal",
			"busy_timeout":       "10000",
			"cache_size":         "-32000", // KiB
			"temp_store":         "memory",
			"wal_autocheckpoint": "4000", // pages of 4 KiB
		},
		// SQLite has one writer. A second connection would only turn waiting into "database is locked".
		MaxConns:     1,
		MaxIdleConns: 1,
	}
}

// prepareDatabase makes the file and the namespace at the first start. The schema is made under another name and moved
// into place when it is whole, so that a kill in between does not leave half of one behind.
func prepareDatabase(cfg *config.SQL, namespace string) error {
	if _, err := os.Stat(databaseFile); errors.Is(err, os.ErrNotExist) {
		const fresh = databaseFile + ".new"
		if err := errors.Join(remove(fresh), remove(fresh+"-journal")); err != nil {
			return err
		}
		attributes := map[string]string{"mode": "rwc", "synchronous": "off"}
		if err := sqliteschema.SetupSchema(&config.SQL{PluginName: sqlite.PluginName, DatabaseName: fresh, ConnectAttributes: attributes}); err != nil {
			return fmt.Errorf("make %s: %w", databaseFile, err)
		}
		if err := os.Rename(fresh, databaseFile); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	ns, err := sqliteschema.NewNamespaceConfig(clusterName, namespace, false, nil)
	if err != nil {
		return err
	}
	ns.Detail.Config.Retention = durationpb.New(retention)
	if err := sqliteschema.CreateNamespaces(cfg, ns); err != nil {
		return fmt.Errorf("register namespace %s in %s: %w", namespace, databaseFile, err)
	}
	return nil
}

// newUI returns nil where o asks for none.
func newUI(o Options) (*uiserver.Server, error) {
	if o.UIAddr == "" {
		return nil, nil
	}
	host, port, err := splitAddr(o.UIAddr)
	if err != nil {
		return nil, fmt.Errorf("--ui-addr: %w", err)
	}
	engineHost, enginePort, err := splitAddr(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("--addr: %w", err)
	}
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: net.JoinHostPort(reachable(engineHost), strconv.Itoa(enginePort)),
		Host:                host,
		Port:                port,
		EnableUI:            true,
		DefaultNamespace:    o.Namespace,
		DisableNewsFetch:    true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // served over plain HTTP
		HideLogs:            true,
	})), nil
}

// splitAddr takes host:port apart; the host comes back as an IP address, which is what the server binds.
func splitAddr(addr string) (host string, port int, err error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return "", 0, err
	}
	if tcp.IP == nil {
		tcp.IP = net.IPv4zero
	}
	return tcp.IP.String(), tcp.Port, nil
}

// reachable is the address under which this process finds its own listener on host.
func reachable(host string) string {
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// free reports why addr cannot be listened on; an empty addr is free.
func free(addr string) error {
	if addr == "" {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// freePorts picks n distinct ports of the loopback interface for the services that only this process talks to.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // held until all are picked
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
