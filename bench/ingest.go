package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"herald/db"
)

// Ingest measures how fast apps can tell Herald of custom events and orders, over loopback HTTP with keys, beside the floor:
// a handler that does nothing but insert the body into a table of the same database.
type Ingest struct {
	Clients   int           `default:"64" help:"Connections that ask at the same time."`
	Duration  time.Duration `default:"5s" help:"Time of each measurement."`
	Rounds    int           `default:"5" help:"Rounds, each with the floor before it; the medians are reported."`
	Customers int           `default:"10000" help:"Customers that events and orders are of."`
	Segments  int           `default:"5" help:"Auto-update segments that look at orders and events."`
	Dir       string        `type:"path" placeholder:"DIR" help:"Folder to work below; the default is a temporary one."`
	Keep      bool          `help:"Keep the folder, with all logs, when the run ends."`
	JSON      string        `name:"json" type:"path" placeholder:"FILE" help:"Write the figures to this file too."`
}

// Burst is one measurement of requests.
type Burst struct {
	PerSecond float64
	P50, P99  float64            // milliseconds
	CPU       map[string]float64 // milliseconds of CPU per request, by process
}

// IngestRound is one measurement of a call, and the floor beside it.
type IngestRound struct {
	Floor, Herald Burst
	Ratio         float64 // Herald's rate by the floor's
}

// IngestReport is all that a measurement found, by call.
type IngestReport struct {
	At       time.Time
	Settings Ingest
	CPUs     int
	Events   []IngestRound
	Orders   []IngestRound
}

// ingestKeys is with how many keys the load comes: each may make 100,000 requests a minute.
const ingestKeys = 32

// Measure runs it.
func (b Ingest) Measure(ctx context.Context, room Room) (err error) {
	st, err := raise(ctx, room, staging{Setup: Setup{Dir: b.Dir, Keep: b.Keep}, mailless: true})
	defer func() {
		if err != nil {
			st.keepLogs()
		}
		err = errors.Join(err, st.close())
	}()
	if err != nil {
		return err
	}
	load, err := b.prepare(ctx, st)
	if err != nil {
		return err
	}
	report := IngestReport{At: time.Now().UTC(), Settings: b, CPUs: runtime.NumCPU()}
	calls := []struct {
		name string
		body func(n int64) string
		to   *[]IngestRound
	}{{"/v1/events", b.event, &report.Events}, {"/v1/orders", b.order, &report.Orders}}
	for _, call := range calls { // connections, plans and caches
		for _, at := range []string{load.floor, load.herald} {
			if _, err := load.burst(ctx, at, call.name, call.body, time.Second); err != nil {
				return err
			}
		}
	}
	if _, err := st.pool.Exec(ctx, "VACUUM ANALYZE"); err != nil { // as autovacuum does of itself, within a minute
		return err
	}
	for i := range b.Rounds {
		for _, call := range calls {
			var round IngestRound
			if round.Floor, err = load.burst(ctx, load.floor, call.name, call.body, b.Duration); err != nil {
				return err
			}
			if round.Herald, err = load.burst(ctx, load.herald, call.name, call.body, b.Duration); err != nil {
				return err
			}
			round.Ratio = round.Herald.PerSecond / round.Floor.PerSecond
			*call.to = append(*call.to, round)
			_, _ = fmt.Fprintf(room.Out, "round %d: POST %s: floor %.0f/s, Herald %.0f/s, %.2f of the floor\n", i+1, call.name,
				round.Floor.PerSecond, round.Herald.PerSecond, round.Ratio)
		}
	}
	if err := load.verify(ctx, st); err != nil {
		return err
	}
	return errors.Join(report.print(room.Out), writeJSON(b.JSON, report))
}

// event is what the nth call tells of.
func (b Ingest) event(n int64) string {
	return fmt.Sprintf(`{"event":"page_viewed","customer":{"source_id":"c-%d"},"metadata":{"page":"/shoes/%d","seconds":%d}}`,
		n*7919%int64(b.Customers), n%1000, n%60)
}

// order is what the nth call places.
func (b Ingest) order(n int64) string {
	return fmt.Sprintf(`{"source_id":"o-%d","status":"PAID","customer":{"source_id":"c-%d"},"items":[`+
		`{"source_id":"shoes-%d","related_object":"sku","quantity":1,"price":%d},{"source_id":"socks","related_object":"sku","quantity":2,"price":500}],`+
		`"metadata":{"shop":"bench"}}`, n, n*7919%int64(b.Customers), n%1000, 5000+n%1000)
}

// ingestLoad is what asks.
type ingestLoad struct {
	Ingest
	floor, herald string // host:port
	keys          []ingestKey
	asked         map[string]*atomic.Int64 // of Herald, by call
	pids          map[string]int           // of processes, by host:port
	database      int
}

type ingestKey struct{ appID, token string }

// prepare makes the customers, segments and keys, and starts the floor.
func (b Ingest) prepare(ctx context.Context, st *stage) (*ingestLoad, error) {
	load := &ingestLoad{Ingest: b, herald: st.api.addr, asked: map[string]*atomic.Int64{"/v1/events": {}, "/v1/orders": {}}}
	if _, err := st.pool.Exec(ctx, `INSERT INTO customers (project_id, source_id, name, email)
		SELECT $1, 'c-' || n, 'Customer ' || n, 'c' || n || '@shop.example' FROM generate_series(0, $2::int - 1) n`, st.project, b.Customers); err != nil {
		return nil, err
	}
	if _, err := st.pool.Exec(ctx, "CREATE TABLE bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body jsonb NOT NULL)"); err != nil {
		return nil, err
	}
	for range ingestKeys {
		appID, token, err := db.Projects{Pool: st.pool}.CreateKey(ctx, st.project, db.Ingest, "bench")
		if err != nil {
			return nil, err
		}
		load.keys = append(load.keys, ingestKey{appID, token})
	}
	for i := range b.Segments {
		filter := map[string]any{"junction": "and", "summary.orders.total_count": map[string]any{"conditions": map[string]any{"$more_than": []int{i * 10}}}}
		if i%2 == 1 {
			filter = map[string]any{"junction": "and", "events.page_viewed.count": map[string]any{"conditions": map[string]any{"$more_than": []int{i * 10}}}}
		}
		var made map[string]any
		err := st.door.call(ctx, http.MethodPost, "/segments", map[string]any{"name": fmt.Sprintf("segment %d", i), "type": "auto-update", "filter": filter}, &made)
		if err != nil {
			return nil, err
		}
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	floor := st.process("floor", addr, "bench", "ingest-floor", "--addr", addr, "--database-url", st.databaseURL())
	if err := st.launch(ctx, floor); err != nil {
		return nil, err
	}
	load.floor = addr
	load.pids = map[string]int{load.floor: floor.pid(), load.herald: st.api.pid()}
	load.database = st.database.pid()
	return load, nil
}

// burst asks for a time, over all connections at once.
func (l *ingestLoad) burst(ctx context.Context, at, call string, body func(int64) string, during time.Duration) (Burst, error) {
	next := l.asked[call]
	if at == l.floor {
		next = &atomic.Int64{}
	}
	before, err := l.used(at)
	if err != nil {
		return Burst{}, err
	}
	began := time.Now()
	until := began.Add(during)
	var mu sync.Mutex
	var took []time.Duration
	clients, ctx := errgroup.WithContext(ctx)
	for i := range l.Clients {
		clients.Go(func() error {
			mine, err := l.client(ctx, at, call, l.keys[i%len(l.keys)], until, func() string { return body(next.Add(1)) })
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			return err
		})
	}
	if err := clients.Wait(); err != nil {
		return Burst{}, err
	}
	elapsed := time.Since(began)
	after, err := l.used(at)
	if err != nil {
		return Burst{}, err
	}
	slices.Sort(took)
	b := Burst{PerSecond: float64(len(took)) / elapsed.Seconds(), P50: quantile(took, 0.5), P99: quantile(took, 0.99), CPU: map[string]float64{}}
	for name, is := range after {
		b.CPU[name] = perMessage(is-before[name], len(took))
	}
	return b, nil
}

func quantile(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))]) / float64(time.Millisecond)
}

// used is the CPU time so far of the server, PostgreSQL and the load itself.
func (l *ingestLoad) used(at string) (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for name, pid := range map[string]int{"server": l.pids[at], "PostgreSQL": l.database, "load": os.Getpid()} {
		var err error
		if name == "load" {
			var s stat
			s, err = readStat(pid)
			used[name] = s.own
		} else {
			used[name], err = cpu(pid)
		}
		if err != nil {
			return nil, err
		}
	}
	return used, nil
}

// client asks over one connection, one request after the other. It speaks HTTP by itself, so that the load costs the two
// servers little of the cores that they share with it.
func (l *ingestLoad) client(ctx context.Context, at, call string, key ingestKey, until time.Time, body func() string) (took []time.Duration, err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	reader := bufio.NewReader(conn)
	var request bytes.Buffer
	for began := time.Now(); began.Before(until); began = time.Now() {
		if ctx.Err() != nil {
			return took, ctx.Err()
		}
		text := body()
		request.Reset()
		_, _ = fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: %s\r\nX-App-Id: %s\r\nX-App-Token: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			call, at, key.appID, key.token, len(text), text)
		if err := exchange(conn, reader, request.Bytes()); err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// exchange sends a request and reads its answer, which must be 200.
func exchange(conn net.Conn, reader *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return &refusal{answer.StatusCode, string(content)}
	}
	return nil
}

// verify holds what was answered against the ledger: nothing was answered that is not there.
func (l *ingestLoad) verify(ctx context.Context, st *stage) error {
	for call, statement := range map[string]string{
		"/v1/events": "SELECT sum(count) FROM customer_events", "/v1/orders": "SELECT count(*) FROM orders",
	} {
		var kept int64
		if err := st.pool.QueryRow(ctx, statement).Scan(&kept); err != nil {
			return err
		}
		if asked := l.asked[call].Load(); kept != asked {
			return fmt.Errorf("POST %s was answered %d times, and the ledger has %d", call, asked, kept)
		}
	}
	return nil
}

// print shows the medians as a table.
func (r IngestReport) print(to io.Writer) error {
	b := r.Settings
	_, _ = fmt.Fprintf(to, "\n%d connections, %d customers, %d segments, %d CPUs, medians of %d measurements of %s\n\n",
		b.Clients, b.Customers, b.Segments, r.CPUs, b.Rounds, b.Duration)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\t\n", args...) }
	line("\trequests/s\tp50 ms\tp99 ms\tserver CPU ms\tPostgreSQL CPU ms\tload CPU ms")
	for _, call := range []struct {
		name   string
		rounds []IngestRound
	}{{"POST /v1/events", r.Events}, {"POST /v1/orders", r.Orders}} {
		for _, side := range []struct {
			name string
			of   func(IngestRound) Burst
		}{{"its floor", func(r IngestRound) Burst { return r.Floor }}, {call.name, func(r IngestRound) Burst { return r.Herald }}} {
			median := func(of func(Burst) float64) float64 {
				return medianOf(call.rounds, func(r IngestRound) float64 { return of(side.of(r)) })
			}
			line("%s\t%.0f\t%.1f\t%.1f\t%.3f\t%.3f\t%.3f", side.name, median(func(b Burst) float64 { return b.PerSecond }),
				median(func(b Burst) float64 { return b.P50 }), median(func(b Burst) float64 { return b.P99 }),
				median(func(b Burst) float64 { return b.CPU["server"] }), median(func(b Burst) float64 { return b.CPU["PostgreSQL"] }),
				median(func(b Burst) float64 { return b.CPU["load"] }))
		}
		line("of the floor beside it\t%.2f\t\t\t\t\t", medianOf(call.rounds, func(r IngestRound) float64 { return r.Ratio }))
	}
	return t.Flush()
}

// IngestFloor is the floor: a handler that inserts each body into a table.
type IngestFloor struct {
	Addr        string `required:"" help:"host:port to serve on."`
	DatabaseURL string `name:"database-url" required:"" help:"PostgreSQL to insert into."`
	Connections int32  `default:"24" help:"Connections to PostgreSQL, at most."`
}

// Serve serves until ctx is done.
func (f IngestFloor) Serve(ctx context.Context, _ Room) error {
	pool, err := db.Open(ctx, f.DatabaseURL, f.Connections)
	if err != nil {
		return err
	}
	defer pool.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var id int64
		if err == nil {
			err = pool.QueryRow(r.Context(), "INSERT INTO bench_floor (body) VALUES ($1) RETURNING id", body).Scan(&id)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int64{"id": id})
	})
	server := &http.Server{Addr: f.Addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}
