package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/segment"
)

// Segments measures how customers are kept in segments: first syncs beside the same predicate as one plain SQL statement, and
// changes of customers, one after the other and at a rate.
type Segments struct {
	Setup
	N        int           `short:"n" default:"1000000" help:"Customers."`
	Segments int           `default:"100" help:"Auto-update segments that changes are held against."`
	Rounds   int           `default:"3" help:"Syncs of each predicate."`
	Changes  int           `default:"300" help:"Changes made one after the other."`
	Rate     int           `default:"1000" help:"Changes per second."`
	For      time.Duration `default:"30s" help:"How long changes come at that rate."`
}

// SegmentsReport are the figures.
type SegmentsReport struct {
	Settings Segments
	CPUs     int
	Syncs    []SyncFigures
	Filled   float64 // seconds until all the segments had synced, all at once
	One      Latency // of a change, from the request until all its segments are right
	Many     RateFigures
	Wrong    int64 // memberships that were not as they should be after all changes
}

// SyncFigures compare a segment's first sync with one statement that counts and inserts the same members. Medians.
type SyncFigures struct {
	Predicate string
	Members   int64
	Floor     float64 // seconds
	Herald    float64 // seconds, from the request to DONE
	Ratio     float64 // median of those of neighbours
}

// Latency is in milliseconds.
type Latency struct{ Median, P99, Most float64 }

// RateFigures are what came of changes at a rate. Latencies count from when a change was due, whoever was late.
type RateFigures struct {
	PerSecond float64 // changes that were answered, until the last one was
	Behind    float64 // seconds from when the last change was due until all were answered
	Latency
	CPU map[string]float64 // milliseconds of each process per change
}

// Measure does it, and fails where what is asked of segments is not reached.
func (b Segments) Measure(ctx context.Context, room Room) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Hour, errors.New("the run did not end within an hour"))
	defer cancel()
	st, err := raise(ctx, room, staging{Setup: b.Setup, workers: 1})
	defer func() {
		if err != nil {
			st.keepLogs()
		}
		err = errors.Join(err, st.close())
	}()
	if err != nil {
		return err
	}
	r := SegmentsReport{Settings: b, CPUs: runtime.NumCPU()}
	for _, step := range []func(context.Context, *SegmentsReport) error{st.shoppers, st.syncs, st.fill, st.changeOne, st.changeMany, st.countWrong} {
		if err := step(ctx, &r); err != nil {
			return err
		}
	}
	return errors.Join(r.print(room), writeJSON(b.JSON, r), r.verdict())
}

// shoppers are customers of whom three in five have ordered and every second has caused an event.
func (st *stage) shoppers(ctx context.Context, r *SegmentsReport) error {
	st.room.Log.Info("making customers", "n", r.Settings.N)
	for _, statement := range []string{`
		INSERT INTO customers (project_id, source_id, name, email, address, metadata, created_at)
		SELECT $1, 'customer' || i, 'Ada Lovelace ' || lpad(i::text, 7, '0'), 'customer' || lpad(i::text, 7, '0') || '@bench.example',
			jsonb_build_object('city', 'Town ' || i % 1000, 'country', (ARRAY['Poland', 'Germany', 'France', 'Spain', 'Italy'])[1 + i % 5]),
			jsonb_build_object('tier', (ARRAY['bronze', 'silver', 'gold'])[1 + i % 3], 'bucket', i % 100, 'visits', i % 1009),
			now() - interval '365 days' * (1 - i::float / ($2 + 1))
		FROM generate_series(1, $2::int) AS i`, `
		INSERT INTO customer_figures (customer_id, orders_amount, orders_count, last_order_at, last_order_amount)
		SELECT id, 100 * n, 1 + n % 7, now() - (n % 365) * interval '1 day', 100 * (n % 50)
		FROM (SELECT id, (metadata->>'visits')::int AS n FROM customers WHERE project_id = $1) c WHERE n % 5 < 3 AND $2::int > 0`, `
		INSERT INTO customer_events (customer_id, name, count, last_at)
		SELECT id, 'visit', 1 + n % 20, now() - (n % 100) * interval '1 day'
		FROM (SELECT id, (metadata->>'visits')::int AS n FROM customers WHERE project_id = $1) c WHERE n % 2 = 0 AND $2::int > 0`,
	} {
		if _, err := st.pool.Exec(ctx, statement, st.project, r.Settings.N); err != nil {
			return fmt.Errorf("make customers: %w", err)
		}
	}
	_, err := st.pool.Exec(ctx, "VACUUM (ANALYZE) customers, customer_figures, customer_events, segment_members")
	return err
}

// conditions are the part of a filter that belongs to a field.
func conditions(operator string, operand any) map[string]any {
	return map[string]any{"conditions": map[string]any{operator: operand}}
}

// predicate is a filter, and what somebody would write by hand for it.
type predicate struct {
	name   string
	filter map[string]any
	from   string // joins, and the condition
}

var predicates = []predicate{
	{
		"metadata.tier is gold", map[string]any{"metadata.tier": conditions("$is", "gold")},
		"WHERE c.project_id = $2 AND lower(c.metadata->>'tier') = 'gold'",
	},
	{
		"country is Poland, last order less than 30 days ago",
		map[string]any{"address.country": conditions("$is", "Poland"), "summary.orders.last_order_date": conditions("$less_than_ago", 30)},
		"JOIN customer_figures f ON f.customer_id = c.id WHERE c.project_id = $2 AND lower(c.address->>'country') = 'poland' AND f.last_order_at >= now() - interval '30 days'",
	},
	{
		"orders of more than 500.00 in all", map[string]any{"summary.orders.total_amount": conditions("$more_than", 50_000)},
		"JOIN customer_figures f ON f.customer_id = c.id WHERE c.project_id = $2 AND f.orders_amount > 50000",
	},
	{
		"event visit more than 9 times", map[string]any{"events.visit.count": conditions("$more_than", []string{"9"})},
		"JOIN customer_events e ON e.customer_id = c.id AND e.name = 'visit' WHERE c.project_id = $2 AND e.count > 9",
	},
}

// syncs measures first syncs, each beside its floor.
func (st *stage) syncs(ctx context.Context, r *SegmentsReport) error {
	for _, p := range predicates {
		f := SyncFigures{Predicate: p.name}
		var floors, heralds, ratios []float64
		for range r.Settings.Rounds {
			floor, members, err := st.floorOf(ctx, p)
			if err != nil {
				return err
			}
			began := time.Now()
			made, err := st.makeSegment(ctx, p.name, p.filter)
			if err != nil {
				return err
			}
			if err := st.synced(ctx, made); err != nil {
				return err
			}
			took := time.Since(began).Seconds()
			if err := st.pool.QueryRow(ctx, "SELECT count(*) FROM segment_members WHERE segment_id = $1", made).Scan(&f.Members); err != nil {
				return err
			}
			if f.Members != members {
				return fmt.Errorf("%s: the sync found %d members, the statement %d", p.name, f.Members, members)
			}
			if err := st.forget(ctx, made); err != nil {
				return err
			}
			st.room.Log.Info("synced", "predicate", p.name, "floor", floor, "herald", took)
			floors, heralds, ratios = append(floors, floor), append(heralds, took), append(ratios, took/floor)
		}
		f.Floor, f.Herald, f.Ratio = middle(floors), middle(heralds), middle(ratios)
		r.Syncs = append(r.Syncs, f)
	}
	return nil
}

// floorOf counts and inserts the members as one plain statement, into the table where they belong, and takes them out again.
func (st *stage) floorOf(ctx context.Context, p predicate) (seconds float64, members int64, err error) {
	floor := uuid.New()
	began := time.Now()
	err = st.pool.QueryRow(ctx, `WITH members AS (
		INSERT INTO segment_members (segment_id, customer_id) SELECT $1, c.id FROM customers c `+p.from+` RETURNING 1
	) SELECT count(*) FROM members`, floor, st.project).Scan(&members)
	seconds = time.Since(began).Seconds()
	if err != nil {
		return seconds, members, fmt.Errorf("%s: %w", p.name, err)
	}
	return seconds, members, st.forget(ctx, floor)
}

// forget takes a segment and its members out, so that the next one finds the table as this one did.
func (st *stage) forget(ctx context.Context, one uuid.UUID) error {
	for _, statement := range []string{"DELETE FROM segments WHERE id = $1", "DELETE FROM segment_members WHERE segment_id = $1"} {
		if _, err := st.pool.Exec(ctx, statement, one); err != nil {
			return err
		}
	}
	_, err := st.pool.Exec(ctx, "VACUUM segment_members, customers")
	return err
}

// makeSegment makes one as an app does.
func (st *stage) makeSegment(ctx context.Context, name string, filter map[string]any) (uuid.UUID, error) {
	var made struct {
		ID string `json:"id"`
	}
	body := map[string]any{"name": name, "type": segment.AutoUpdate, "filter": filter}
	if err := st.door.call(ctx, http.MethodPost, "/segments", body, &made); err != nil {
		return uuid.UUID{}, err
	}
	one, ok := id.Segment.Parse(made.ID)
	if !ok {
		return uuid.UUID{}, fmt.Errorf("%q is no segment's id", made.ID)
	}
	return one, nil
}

func (st *stage) synced(ctx context.Context, one uuid.UUID) error {
	for {
		var now struct {
			Status string `json:"initial_sync_status"`
		}
		if err := st.door.call(ctx, http.MethodGet, "/segments/"+id.Segment.Format(one), nil, &now); err != nil {
			return err
		}
		if now.Status == segment.Done {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// filterOf is the filter of the nth segment: a hundred different ones, over all kinds of facts.
func filterOf(n int) (name string, filter map[string]any) {
	switch n % 5 {
	case 0, 1:
		return fmt.Sprintf("bucket %d", n), map[string]any{"metadata.bucket": conditions("$is", n)}
	case 2:
		return fmt.Sprintf("town %d", n), map[string]any{"address.city": conditions("$in", []string{fmt.Sprintf("Town %d", n), fmt.Sprintf("Town %d", n+500)}), "metadata.visits": conditions("$more_than", n)}
	case 3:
		return fmt.Sprintf("spent %d", n), map[string]any{"summary.orders.total_amount": conditions("$more_than", 90_000+100*n), "address.country": conditions("$is", "Spain")}
	}
	return fmt.Sprintf("recent %d", n), map[string]any{"events.visit.count": conditions("$more_than", 15), "created_at": conditions("$less_than_ago", 1+n)}
}

// fill makes the segments that the changes are held against, all at once.
func (st *stage) fill(ctx context.Context, r *SegmentsReport) error {
	began := time.Now()
	made := make([]uuid.UUID, r.Settings.Segments)
	for n := range made {
		var err error
		name, filter := filterOf(n)
		if made[n], err = st.makeSegment(ctx, name, filter); err != nil {
			return err
		}
	}
	for _, one := range made {
		if err := st.synced(ctx, one); err != nil {
			return err
		}
	}
	r.Filled = time.Since(began).Seconds()
	st.room.Log.Info("all segments are synced", "seconds", r.Filled)
	_, err := st.pool.Exec(ctx, "VACUUM (ANALYZE) segment_members, customers")
	return err
}

// middle is the median.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}

func latencyOf(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return Latency{Median: ms(took[len(took)/2]), P99: ms(took[len(took)*99/100]), Most: ms(took[len(took)-1])}
}

func (r SegmentsReport) print(room Room) error {
	b := r.Settings
	t := tabwriter.NewWriter(room.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\t\n", args...) }
	_, _ = fmt.Fprintf(room.Out, "\n%d customers, %d CPUs, medians of %d\n\n", b.N, r.CPUs, b.Rounds)
	line("first sync\tmembers\tone statement, s\tHerald, s\tratio")
	for _, f := range r.Syncs {
		line("%s\t%d\t%.2f\t%.2f\t%.2f", f.Predicate, f.Members, f.Floor, f.Herald, f.Ratio)
	}
	line("\t\t\t\t")
	line("%d segments, all at once\t\t\t%.1f\t", b.Segments, r.Filled)
	line("%d changes with those, ms: median, 99 %%, most\t\t%.1f\t%.1f\t%.1f", b.Changes, r.One.Median, r.One.P99, r.One.Most)
	line("%d changes/s for %s: kept up with, per second\t\t\t%.0f\t", b.Rate, b.For, r.Many.PerSecond)
	line("behind at the end, s\t\t\t%.2f\t", r.Many.Behind)
	line("from when due, ms: median, 99 %%, most\t\t%.1f\t%.1f\t%.1f", r.Many.Median, r.Many.P99, r.Many.Most)
	line("CPU per change, ms: API, PostgreSQL\t\t\t%.2f\t%.2f", r.Many.CPU["api"], r.Many.CPU["PostgreSQL"])
	line("wrong memberships after all\t\t\t%d\t", r.Wrong)
	return t.Flush()
}

// What is asked of segments.
const (
	mostRatio  = 1.5
	mostMillis = 200
	mostBehind = 1.0 // seconds
)

func (r SegmentsReport) verdict() error {
	var broken []error
	for _, f := range r.Syncs {
		if f.Ratio > mostRatio {
			broken = append(broken, fmt.Errorf("the sync of %q takes %.2f times the one statement", f.Predicate, f.Ratio))
		}
	}
	if r.One.Median > mostMillis {
		broken = append(broken, fmt.Errorf("a change takes %.0f ms at the median", r.One.Median))
	}
	if r.Many.Behind > mostBehind {
		broken = append(broken, fmt.Errorf("%d changes/s are not kept up with", r.Settings.Rate))
	}
	if r.Wrong > 0 {
		broken = append(broken, fmt.Errorf("%d memberships are wrong", r.Wrong))
	}
	return errors.Join(broken...)
}
