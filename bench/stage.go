package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"herald/db"
	"herald/internal/engine"
	"herald/internal/postgres"
)

// part is one of the processes that make up a Herald.
type part interface {
	Name() string
	start(ctx context.Context) error
	pid() int
	kill() // -9, and wait until it is gone
	ended() bool
	stop(ctx context.Context) error
}

// stage is a whole Herald with a mail server, each part a process of its own.
type stage struct {
	room     Room
	program  string // the path of herald
	dir      string
	database *database
	engine   *temporal
	sink     *process
	api      *process
	workers  []*process
	stats    string // where the sink tells what has arrived
	smtp     string // host:port of the sink
	pool     *pgxpool.Pool
	runs     client.Client
	door     *door
	audience
	undo []func(context.Context) error
}

// staging is what differs between the harnesses.
type staging struct {
	Setup
	workers    int
	sinkDelay  time.Duration   // how long the sink takes to answer each message
	delay      time.Duration   // of the API
	retryAfter []time.Duration // of the workers; nil for their own schedule
	busy       float64         // share of recipients that the sink postpones
	record     bool            // the sink writes a file, so that it can be killed
	mailless   bool            // no mail is sent: there is no sink
	smtp       string          // host:port of a sink that the harness itself runs; "" for one of its own
}

// raise starts everything. Whatever happens, the caller closes what it gets.
func raise(ctx context.Context, room Room, s staging) (*stage, error) {
	st := &stage{room: room}
	if engine.External() {
		return st, errors.New("the harness starts and kills an engine of its own: unset TEMPORAL_ADDRESS")
	}
	program, err := room.program()
	if err != nil {
		return st, err
	}
	st.program = program
	dir, remove, err := workingFolder(s.Setup)
	if err != nil {
		return st, err
	}
	st.dir = dir
	st.undo = append(st.undo, func(context.Context) error { return remove() })
	for _, step := range []func(context.Context, staging) error{st.startServers, st.startSink, st.connect, st.startHerald} {
		if err := step(ctx, s); err != nil {
			return st, err
		}
	}
	return st, nil
}

func (st *stage) startServers(ctx context.Context, _ staging) error {
	own, err := freeAddr()
	if err != nil {
		return err
	}
	listens, err := netip.ParseAddrPort(own)
	if err != nil {
		return err
	}
	st.database = &database{options: postgres.Options{
		Dir: filepath.Join(st.dir, "postgres"), Log: st.room.Log, Port: int(listens.Port()),
		Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements"},
	}}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	ui, err := freeAddr()
	if err != nil {
		return err
	}
	st.engine = &temporal{options: engine.Options{Dir: filepath.Join(st.dir, "engine"), Addr: addr, UIAddr: ui, Log: st.room.Log}}
	return errors.Join(st.launch(ctx, st.database), st.launch(ctx, st.engine))
}

// launch starts a part that goes with the stage.
func (st *stage) launch(ctx context.Context, p part) error {
	st.undo = append(st.undo, p.stop)
	return p.start(ctx)
}

func (st *stage) startSink(ctx context.Context, s staging) (err error) {
	if st.smtp = s.smtp; s.mailless || s.smtp != "" {
		return nil
	}
	if st.smtp, err = freeAddr(); err != nil {
		return err
	}
	if st.stats, err = freeAddr(); err != nil {
		return err
	}
	args := []string{
		"bench", "sink", "--addr", st.smtp, "--stats-addr", st.stats, "--delay", s.sinkDelay.String(),
		fmt.Sprintf("--busy=%g", s.busy), fmt.Sprintf("--pipelining=%t", s.Pipelining),
	}
	if s.record {
		args = append(args, "--record", st.recordFile())
	}
	st.sink = st.process("sink", st.stats, args...)
	return st.launch(ctx, st.sink)
}

// recordFile is where a sink that may be killed keeps what it has answered.
func (st *stage) recordFile() string { return filepath.Join(st.dir, "arrived") }

func (st *stage) process(name, addr string, args ...string) *process {
	return &process{
		name: name, path: st.program, addr: addr, args: args, log: filepath.Join(st.dir, name+".log"),
		env: []string{"TEMPORAL_ADDRESS=" + st.engine.options.Addr},
	}
}

// connect opens the harness's own ways to the ledger and the engine.
func (st *stage) connect(ctx context.Context, _ staging) (err error) {
	if err := st.database.server.EnsureDatabase(ctx, "herald"); err != nil {
		return err
	}
	url := st.databaseURL()
	if err := db.Migrate(ctx, url); err != nil {
		return err
	}
	if st.pool, err = db.Open(ctx, url, 4); err != nil {
		return err
	}
	st.undo = append(st.undo, func(context.Context) error { st.pool.Close(); return nil })
	if _, err := st.pool.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"); err != nil {
		return fmt.Errorf("count statements: %w; PostgreSQL's contrib modules have to be installed", err)
	}
	if st.runs, err = st.engine.server.Dial(ctx); err != nil {
		return err
	}
	st.undo = append(st.undo, func(context.Context) error { st.runs.Close(); return nil })
	return nil
}

func (st *stage) databaseURL() string { return st.database.server.URL("herald") }

func (st *stage) startHerald(ctx context.Context, s staging) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	st.api = st.process("api", addr, "api", "--addr", addr, "--database-url", st.databaseURL(), "--delay", s.delay.String(),
		"--engine-ui", "http://"+st.engine.options.UIAddr)
	if err := st.launch(ctx, st.api); err != nil {
		return err
	}
	for i := range s.workers {
		health, err := freeAddr()
		if err != nil {
			return err
		}
		args := []string{
			"worker", "--health-addr", health, "--database-url", st.databaseURL(), "--smtp", "smtp://" + st.smtp + "?tls=none",
			"--smtp-connections", fmt.Sprint(s.Connections), "--message-domain", "bench.example",
		}
		if s.retryAfter != nil {
			args = append(args, "--retry-after", durations(s.retryAfter))
		}
		w := st.process(fmt.Sprintf("worker%d", i+1), health, args...)
		st.workers = append(st.workers, w)
		if err := st.launch(ctx, w); err != nil {
			return err
		}
	}
	return st.openDoor(ctx, addr)
}

func (st *stage) openDoor(ctx context.Context, addr string) error {
	projects := db.Projects{Pool: st.pool}
	project, err := projects.Create(ctx, "bench")
	if err != nil {
		return err
	}
	appID, token, err := projects.CreateKey(ctx, project, db.Admin, "bench")
	if err != nil {
		return err
	}
	st.project = project
	st.door = &door{base: "http://" + addr + "/v1", appID: appID, token: token}
	return nil
}

func durations(list []time.Duration) string {
	text := ""
	for i, d := range list {
		if i > 0 {
			text += ","
		}
		text += d.String()
	}
	return text
}

// parts are all processes, the sink included.
func (st *stage) parts() []part {
	all := []part{st.api, st.database, st.engine, st.sink}
	for _, w := range st.workers {
		all = append(all, w)
	}
	return all
}

// close ends everything, last started first.
func (st *stage) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var all error
	for _, undo := range slices.Backward(st.undo) {
		all = errors.Join(all, undo(ctx))
	}
	return all
}

// keepLogs says where the logs are when a run has failed, by keeping the folder.
func (st *stage) keepLogs() {
	if len(st.undo) > 0 && st.dir != "" {
		if _, err := os.Stat(st.dir); err == nil {
			st.undo[0] = func(context.Context) error { return nil }
			_, _ = fmt.Fprintf(st.room.Out, "The logs of all processes are in %s\n", st.dir)
		}
	}
}
