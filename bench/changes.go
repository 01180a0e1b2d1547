package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// move puts a customer into another bucket, as an app does, and so out of one segment and into another.
func (st *stage) move(ctx context.Context, customer, bucket int) error {
	var saved struct{}
	body := map[string]any{"source_id": fmt.Sprint("customer", customer), "metadata": map[string]any{"bucket": bucket}}
	return st.door.call(ctx, http.MethodPost, "/customers", body, &saved)
}

// changeOne makes changes one after the other, and waits for each to be seen in the segments.
func (st *stage) changeOne(ctx context.Context, r *SegmentsReport) error {
	var took []time.Duration
	for i := range r.Settings.Changes {
		customer, bucket := 1+i*7919%r.Settings.N, i%r.Settings.Segments
		began := time.Now()
		if err := st.move(ctx, customer, bucket); err != nil {
			return err
		}
		for {
			var right bool
			if err := st.pool.QueryRow(ctx, `SELECT coalesce(array_agg(s.name), '{}') = CASE WHEN $3 % 5 < 2 THEN ARRAY['bucket ' || $3] ELSE '{}' END
				FROM customers c JOIN segment_members m ON m.customer_id = c.id JOIN segments s ON s.id = m.segment_id AND s.name LIKE 'bucket %'
				WHERE c.project_id = $1 AND c.source_id = $2`, st.project, fmt.Sprint("customer", customer), bucket).Scan(&right); err != nil {
				return err
			}
			if right {
				break
			}
		}
		took = append(took, time.Since(began))
	}
	r.One = latencyOf(took)
	return nil
}

// callers is how many requests may be under way at once.
const callers = 32

// changeMany makes changes at a rate, however fast they are answered.
func (st *stage) changeMany(ctx context.Context, r *SegmentsReport) error {
	before, err := st.used()
	if err != nil {
		return err
	}
	total := int(r.Settings.For.Seconds() * float64(r.Settings.Rate))
	every := time.Second / time.Duration(r.Settings.Rate)
	began := time.Now()
	var mu sync.Mutex
	took := make([]time.Duration, 0, total)
	all, ctx := errgroup.WithContext(ctx)
	for worker := range callers {
		all.Go(func() error {
			for i := worker; i < total; i += callers {
				due := began.Add(time.Duration(i) * every)
				if err := pause(ctx, time.Until(due)); err != nil {
					return err
				}
				if err := st.move(ctx, 1+i*104729%r.Settings.N, (i+i/100)%100); err != nil {
					return err
				}
				mu.Lock()
				took = append(took, time.Since(due))
				mu.Unlock()
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	lasted := time.Since(began)
	after, err := st.used()
	if err != nil {
		return err
	}
	r.Many = RateFigures{
		PerSecond: float64(total) / lasted.Seconds(), Behind: max(0, (lasted - r.Settings.For).Seconds()), Latency: latencyOf(took),
		CPU: map[string]float64{},
	}
	for name, spent := range after {
		r.Many.CPU[name] = float64((spent - before[name]).Microseconds()) / 1000 / float64(total)
	}
	return nil
}

// used is what each process has used of the CPUs so far.
func (st *stage) used() (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for _, p := range st.parts() {
		spent, err := cpu(p.pid())
		if err != nil {
			return nil, err
		}
		used[p.Name()] = spent
	}
	return used, nil
}

// countWrong counts the memberships in the segments of buckets that are not what the customers' metadata says.
func (st *stage) countWrong(ctx context.Context, r *SegmentsReport) error {
	return st.pool.QueryRow(ctx, `SELECT count(*) FROM
		(SELECT m.customer_id, s.name FROM segment_members m JOIN segments s ON s.id = m.segment_id WHERE s.name LIKE 'bucket %') m
		FULL JOIN (SELECT c.id, s.name FROM customers c JOIN segments s ON s.name = 'bucket ' || (c.metadata->>'bucket')) c
		ON c.id = m.customer_id AND c.name = m.name WHERE c.id IS NULL OR m.customer_id IS NULL`).Scan(&r.Wrong)
}
