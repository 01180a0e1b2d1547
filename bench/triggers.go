package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"herald/activities"
	"herald/db"
	"herald/internal/channel/email/sink"
	"herald/internal/id"
	"herald/workflows"
)

// Triggers measures automatic distributions: how long it takes from the API's answer to an event until the mail has arrived,
// and how many events a second are kept up with.
type Triggers struct {
	Rate    int           `default:"200" help:"Events a second, for the time from the answer to the mail."`
	During  time.Duration `default:"1m" help:"For how long."`
	Steps   []int         `default:"1000,2000,3000,4000" help:"Events a second that are tried, one after the other, to find the highest that is kept up with."`
	StepFor time.Duration `default:"15s" help:"For how long each is tried."`
	Silent  int           `default:"50" help:"Live distributions on the same kind of event that do not match, for what they cost."`
	Clients int           `default:"16" help:"Connections to the API."`
	Total   int           `placeholder:"N" help:"Instead of all that: put so many occurrences behind one live distribution, and look at its histories and at the worker's memory."`
	Dir     string        `type:"path" placeholder:"DIR" help:"Folder to work below; the default is a temporary one."`
	Keep    bool          `help:"Keep the folder, with all logs, when the run ends."`
	JSON    string        `name:"json" type:"path" placeholder:"FILE" help:"Write the figures to this file too."`
}

// TriggersReport is what came of it. Times are in milliseconds, from the API's answer to the mail's arrival.
type TriggersReport struct {
	At            time.Time
	CPUs          int
	Settings      Triggers
	SignalsASec   float64 // one signal for each trigger: the floor
	Latency       Step
	Steps         []Step
	Silent        []Silent // at the rate of Latency, and at the highest rate that was kept up with
	HistoryEvents int64
}

// Silent is a rate that was tried beside distributions that do not match.
type Silent struct {
	Step
	// Percent is what each of them adds to the CPU time of an event: that of the API, the worker, PostgreSQL and the engine.
	Percent float64
}

// Step is one rate that was tried.
type Step struct {
	Offered, Answered float64 // events a second
	P50, P99, Worst   float64
	Drained           float64 // seconds from the last answer to the last mail
	Missing           int
	CPU               map[string]float64 // milliseconds for each event
}

// total is the CPU time of an event, in milliseconds.
func (s Step) total() (sum float64) {
	for _, is := range s.CPU {
		sum += is
	}
	return sum
}

// keptUp is how long the last mail may take after the last answer where a rate is kept up with.
const keptUp = 2 * time.Second

// triggersLoad is what causes events, and what takes the mails.
type triggersLoad struct {
	Triggers
	st   *stage
	keys []ingestKey // one for each client: a key may make so many requests a minute
	mu   sync.Mutex
	came map[string]time.Time // by recipient; emptied before each step
}

// Measure runs it.
func (b Triggers) Measure(ctx context.Context, room Room) (err error) {
	load := &triggersLoad{Triggers: b, came: map[string]time.Time{}}
	mails, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: true, Record: load.arrived})
	if err != nil {
		return err
	}
	defer mails.Close()
	st, err := raise(ctx, room, staging{Setup: Setup{Dir: b.Dir, Keep: b.Keep, Connections: 10, Size: 800}, workers: 1, smtp: mails.Addr()})
	defer func() {
		if err != nil {
			st.keepLogs()
		}
		err = errors.Join(err, st.close())
	}()
	if err != nil {
		return err
	}
	load.st = st
	if b.Total > 0 {
		return load.soak(ctx, room)
	}
	if err := load.prepare(ctx); err != nil {
		return err
	}
	report := TriggersReport{At: time.Now().UTC(), CPUs: runtime.NumCPU(), Settings: b}
	if report.SignalsASec, err = load.signals(ctx); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(room.Out, "one signal for each trigger: %.0f/s\n", report.SignalsASec)
	one, err := load.live(ctx, "page_viewed")
	if err != nil {
		return err
	}
	if _, err = load.step(ctx, 100, 2*time.Second); err != nil { // connections, plans and caches
		return err
	}
	if report.Latency, err = load.told(ctx, room, b.Rate, b.During); err != nil {
		return err
	}
	best, without := b.Rate, report.Latency
	for _, rate := range b.Steps {
		step, err := load.told(ctx, room, rate, b.StepFor)
		if err != nil {
			return err
		}
		report.Steps = append(report.Steps, step)
		if step.Missing == 0 && step.Drained <= keptUp.Seconds() && step.Answered > 0.95*step.Offered {
			best, without = rate, step
		}
	}
	for range b.Silent {
		if _, err := load.live(ctx, "page_viewed", "never"); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(room.Out, "with %d more on the kind that do not match:\n", b.Silent)
	for _, one := range []Step{report.Latency, without} {
		step, err := load.told(ctx, room, int(one.Offered), b.StepFor)
		if err != nil {
			return err
		}
		silent := Silent{step, (step.total()/one.total() - 1) * 100 / float64(max(b.Silent, 1))}
		report.Silent = append(report.Silent, silent)
		_, _ = fmt.Fprintf(room.Out, "%5d/s: each of them adds %.2f %% to the CPU time of an event\n", int(one.Offered), silent.Percent)
	}
	if report.HistoryEvents, err = load.history(ctx, one); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(room.Out, "highest rate kept up with: %d/s, %.1f × one signal each; the current run's history has %d events\n",
		best, float64(best)/report.SignalsASec, report.HistoryEvents)
	return writeJSON(b.JSON, report)
}

// prepare makes a customer for each event of the longest step.
func (l *triggersLoad) prepare(ctx context.Context) error {
	most := int(float64(l.Rate) * l.During.Seconds())
	for _, rate := range l.Steps {
		most = max(most, int(float64(rate)*l.StepFor.Seconds()))
	}
	if _, err := l.st.pool.Exec(ctx, `INSERT INTO customers (project_id, source_id, name, email)
		SELECT $1, 'c-' || n, 'Customer ' || n, 'c' || n || '@shop.example' FROM generate_series(0, $2::int) n`, l.st.project, most); err != nil {
		return err
	}
	for range l.Clients {
		appID, token, err := db.Projects{Pool: l.st.pool}.CreateKey(ctx, l.st.project, db.Ingest, "bench")
		if err != nil {
			return err
		}
		l.keys = append(l.keys, ingestKey{appID, token})
	}
	_, err := l.st.pool.Exec(ctx, "VACUUM ANALYZE")
	return err
}

// live sets a distribution live that answers an event; with a second name, one whose rule never holds.
func (l *triggersLoad) live(ctx context.Context, event string, rule ...string) (string, error) {
	trigger := map[string]any{"type": "customer.custom_event", "event": event}
	if len(rule) > 0 {
		var made map[string]any
		err := l.st.door.call(ctx, http.MethodPost, "/validation-rules", map[string]any{
			"name": "never", "rules": map[string]any{
				"1":     map[string]any{"name": "custom_event.metadata", "property": "page", "conditions": map[string]any{"$is": []string{"/nowhere"}}},
				"logic": "1",
			},
		}, &made)
		if err != nil {
			return "", err
		}
		trigger["validation_rule_id"] = made["id"]
	}
	var made standing
	err := l.st.door.call(ctx, http.MethodPost, "/distributions", map[string]any{
		"name": "Answer", "trigger": trigger, "action": map[string]any{"type": "message"},
		"channels": []map[string]any{{
			"type": "email", "subject": "You looked", "from": "Shop <news@shop.example>",
			"template": map[string]any{"text": "Dear {{ customer.name }}, " + strings.Repeat("shoes and socks ", 40)},
		}},
	}, &made)
	if err != nil {
		return "", err
	}
	return made.ID, l.st.door.call(ctx, http.MethodPost, "/distributions/"+made.ID+"/live", nil, &made)
}

// arrived notes when a recipient's mail came.
func (l *triggersLoad) arrived(_, recipient []byte) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, again := l.came[string(recipient)]; !again {
		l.came[string(recipient)] = now
	}
}

// told is step, with a line about it.
func (l *triggersLoad) told(ctx context.Context, room Room, rate int, during time.Duration) (Step, error) {
	s, err := l.step(ctx, rate, during)
	if err == nil {
		_, _ = fmt.Fprintf(room.Out, "%5d/s offered, %6.0f/s answered: p50 %6.0f ms, p99 %6.0f ms, worst %6.0f ms; the last mail %.2f s after the last answer, %d missing; CPU ms per event %v\n",
			rate, s.Answered, s.P50, s.P99, s.Worst, s.Drained, s.Missing, s.CPU)
	}
	return s, err
}

// step causes events at a rate, and waits for their mails.
func (l *triggersLoad) step(ctx context.Context, rate int, during time.Duration) (s Step, err error) {
	l.mu.Lock()
	clear(l.came)
	l.mu.Unlock()
	before, err := l.used()
	if err != nil {
		return s, err
	}
	most := int(float64(rate) * during.Seconds())
	answered := make([]time.Time, most)
	var next atomic.Int64
	began := time.Now()
	clients, working := errgroup.WithContext(ctx)
	for _, key := range l.keys {
		clients.Go(func() error { return l.client(working, key, rate, began, answered, &next) })
	}
	if err := clients.Wait(); err != nil {
		return s, err
	}
	last := time.Now()
	if err := l.await(ctx, most, last); err != nil {
		return s, err
	}
	after, err := l.used()
	if err != nil {
		return s, err
	}
	s = Step{Offered: float64(rate), Answered: float64(most) / last.Sub(began).Seconds(), CPU: map[string]float64{}}
	for name, is := range after {
		s.CPU[name] = perMessage(is-before[name], most)
	}
	l.count(&s, answered, last)
	return s, nil
}

// await returns when every mail has come, or none has for a while.
func (l *triggersLoad) await(ctx context.Context, most int, last time.Time) error {
	seen, changed := 0, last
	for {
		l.mu.Lock()
		came := len(l.came)
		l.mu.Unlock()
		if came != seen {
			seen, changed = came, time.Now()
		}
		if came >= most || time.Since(changed) > 20*time.Second {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (l *triggersLoad) count(s *Step, answered []time.Time, last time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var took []time.Duration
	for n, at := range answered {
		came, ok := l.came["c"+strconv.Itoa(n)+"@shop.example"]
		if !ok {
			s.Missing++
			continue
		}
		took = append(took, max(0, came.Sub(at)))
		s.Drained = max(s.Drained, came.Sub(last).Seconds())
	}
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	s.P50, s.P99, s.Worst = quantile(took, 0.5), quantile(took, 0.99), quantile(took, 1)
}

// client causes events over one connection, each at its time.
func (l *triggersLoad) client(ctx context.Context, key ingestKey, rate int, began time.Time, answered []time.Time, next *atomic.Int64) (err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", l.st.api.addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	reader := bufio.NewReader(conn)
	var request bytes.Buffer
	for {
		n := int(next.Add(1)) - 1
		if n >= len(answered) {
			return nil
		}
		due := began.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
		}
		text := fmt.Sprintf(`{"event":"page_viewed","customer":{"source_id":"c-%d"},"metadata":{"page":"/shoes/%d"}}`, n, n%1000)
		request.Reset()
		_, _ = fmt.Fprintf(&request, "POST /v1/events HTTP/1.1\r\nHost: %s\r\nX-App-Id: %s\r\nX-App-Token: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			l.st.api.addr, key.appID, key.token, len(text), text)
		if err := exchange(conn, reader, request.Bytes()); err != nil {
			return err
		}
		answered[n] = time.Now()
	}
}

func (l *triggersLoad) used() (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for name, pid := range map[string]int{
		"API": l.st.api.pid(), "worker": l.st.workers[0].pid(), "PostgreSQL": l.st.database.pid(), "engine": l.st.engine.pid(),
	} {
		var err error
		if used[name], err = cpu(pid); err != nil {
			return nil, err
		}
	}
	return used, nil
}

// signals measures what an engine takes where each trigger is one signal: of occurrences that there are not, to a distribution
// that there is not, so that nothing but the signal is done.
func (l *triggersLoad) signals(ctx context.Context) (float64, error) {
	flows := workflows.Flows{Client: l.st.runs}
	ref := activities.VersionRef{Ref: activities.Ref{ProjectID: l.st.project, DistributionID: uuid.New()}, Version: 1}
	const during = 5 * time.Second
	began := time.Now()
	var sent atomic.Int64
	clients, ctx := errgroup.WithContext(ctx)
	for range l.Clients {
		clients.Go(func() error {
			for time.Since(began) < during {
				if err := flows.Tell(ctx, ref, []int64{sent.Add(1)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := clients.Wait()
	return float64(sent.Load()) / time.Since(began).Seconds(), err
}

// history is how many events the current run of a distribution has.
func (l *triggersLoad) history(ctx context.Context, one string) (int64, error) {
	described, err := l.st.runs.DescribeWorkflowExecution(ctx, "distribution/"+id.Project.Format(l.st.project)+"/"+one, "")
	if err != nil {
		return 0, err
	}
	return described.WorkflowExecutionInfo.HistoryLength, nil
}
