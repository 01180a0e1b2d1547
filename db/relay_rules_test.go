package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/message"
	"herald/internal/occurrence"
)

func TestRulesAreAskedBeforeAnybodyIsTold(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	_, shoes := w.rule(t, onPage("/shoes"))
	_, never := w.rule(t, onPage("/nowhere"))
	choosy := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: shoes}, nil)
	silent := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: never}, func(s *distribution.Spec) {
		s.Channels = slices.Repeat(s.Channels, 2)
	})
	paused := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: never}, nil)
	w.stands(t, paused, distribution.Paused)
	a, b := w.customer(t), w.customer(t)
	yes, no := w.see(t, "/shoes", a, b), w.see(t, "/socks", a, b)
	require.Equal(t, db.Relayed{Taken: 4, Told: 2, Refused: 10}, w.pass(t, w.tell))
	require.Equal(t, map[uuid.UUID][]int64{choosy: yes}, w.heard)
	require.Equal(t, no, w.skipped(t, choosy, message.ReasonRule))
	require.Equal(t, append(yes, no...), w.skipped(t, paused, message.ReasonRule))
	all := append(yes, no...)
	require.Equal(t, []int64{all[0], all[0], all[1], all[1], all[2], all[2], all[3], all[3]}, w.skipped(t, silent, message.ReasonRule),
		"a message for each channel")

	// A pass that is repeated changes nothing, nor does one that tells of what was enrolled.
	_, err := w.pool.Exec(t.Context(), "UPDATE occurrences SET waiting = true")
	require.NoError(t, err)
	require.Equal(t, db.Relayed{Taken: 4, Told: 2, Refused: 10}, w.pass(t, w.tell))
	require.Len(t, w.skipped(t, silent, message.ReasonRule), 8)
	require.Equal(t, no, w.skipped(t, choosy, message.ReasonRule))
}

// The rule looks at the customer as they are now, at the segments they are in, and at the order as it was.
func TestWhatRulesLookAt(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	p := people{w.pool, w.project, db.Customers{Pool: w.pool}, db.Segments{Pool: w.pool}, db.NewCustomerSaves(w.pool)}
	var segment uuid.UUID
	require.NoError(t, w.pool.QueryRow(t.Context(), `INSERT INTO segments (project_id, name, type, initial_sync_status)
		VALUES ($1, 'new', 'static', 'DONE') RETURNING id`, w.project).Scan(&segment))
	_, both := w.rule(t, `{"1": {"name": "order.amount", "conditions": {"$more_than": [9900]}},
		"2": {"name": "customer.segment", "conditions": {"$is": ["seg_`+hex(segment)+`"]}},
		"3": {"name": "customer.metadata", "property": "vip", "conditions": {"$is": [true]}}, "logic": "1 and 2 and 3"}`)
	one := w.live(t, distribution.Trigger{Type: "customer.order.paid", ValidationRuleID: both}, nil)
	var told, refused []int64
	for name, of := range map[string]struct {
		amount      int
		in, vip, is bool
	}{
		"fits": {20000, true, true, true}, "small": {9900, true, true, false}, "old": {20000, false, true, false}, "plain": {20000, true, false, false},
	} {
		c := p.save(t, name, `{"metadata": {"vip": false}}`)
		if of.in {
			_, err := w.pool.Exec(t.Context(), "INSERT INTO segment_members (segment_id, customer_id) VALUES ($1, $2)", segment, c.ID)
			require.NoError(t, err)
		}
		o := w.happen(t, t.Context(), occurrence.Occurrence{
			Type: occurrence.OrderPaid, Customer: c.ID, Data: map[string]any{"order": map[string]any{"status": "PAID", "amount": of.amount}},
		})
		p.save(t, name, fmt.Sprintf(`{"metadata": {"vip": %t}}`, of.vip))
		if of.is {
			told = append(told, o)
		} else {
			refused = append(refused, o)
		}
	}
	// Somebody who is gone is neither told of nor written about; what cannot be read is unknown to the rule.
	gone := p.save(t, "gone", `{}`)
	w.happen(t, t.Context(), occurrence.Occurrence{Type: occurrence.OrderPaid, Customer: gone.ID})
	_, err := w.pool.Exec(t.Context(), "ALTER TABLE customers DISABLE TRIGGER USER")
	require.NoError(t, err)
	_, err = w.pool.Exec(t.Context(), "DELETE FROM customers WHERE id = $1", gone.ID)
	require.NoError(t, err)
	broken := p.save(t, "broken", `{"metadata": {"vip": true}}`)
	refused = append(refused, w.happen(t, t.Context(), occurrence.Occurrence{
		Type: occurrence.OrderPaid, Customer: broken.ID, Data: map[string]any{"order": map[string]any{"amount": "much"}},
	}))
	require.Equal(t, db.Relayed{Taken: 6, Told: 1, Refused: 4}, w.pass(t, w.tell))
	slices.Sort(told)
	slices.Sort(refused)
	require.Equal(t, map[uuid.UUID][]int64{one: told}, w.heard)
	require.Equal(t, refused, w.skipped(t, one, message.ReasonRule))
	require.Zero(t, w.waiting(t))
}

func TestARuleThatIsGoneLetsNothingThrough(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	gone, name := w.rule(t, onPage("/"))
	one := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: name}, nil)
	happened := w.see(t, "/", w.customer(t))
	require.Error(t, db.Rules{Pool: w.pool}.Delete(t.Context(), w.project, gone.ID), "it is in use")
	_, err := w.pool.Exec(t.Context(), "DELETE FROM validation_rules WHERE id = $1", gone.ID)
	require.NoError(t, err)
	w.pass(t, w.tell)
	require.Empty(t, w.heard)
	require.Equal(t, happened, w.skipped(t, one, message.ReasonRule))
}

// A pass takes no more than it can write down in one transaction.
func TestAPassRefusesSoMuchAtMost(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	_, never := w.rule(t, onPage("/nowhere"))
	var silent []uuid.UUID
	for range 40 {
		silent = append(silent, w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: never}, nil))
	}
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	_, err := w.pool.Exec(t.Context(), `INSERT INTO occurrences (project_id, customer_id, type, data, source, group_id, waiting)
		SELECT $1, $2, $3, '{}', '{}', '', true FROM generate_series(1, 600)`, w.project, w.customer(t), string(occurrence.CustomEvent))
	require.NoError(t, err)
	first := w.pass(t, w.tell)
	require.Equal(t, db.Relayed{Taken: 250, Told: 250, Refused: 10_000}, first)
	w.pass(t, w.tell)
	require.Equal(t, 100, w.pass(t, w.tell).Taken)
	require.Len(t, w.heard[one], 600)
	require.True(t, slices.IsSorted(w.heard[one]))
	for _, one := range silent {
		require.Len(t, w.skipped(t, one, message.ReasonRule), 600)
	}
}

// blocked waits until somebody waits for a lock in the test's database.
func (w wire) blocked(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		return w.number(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	}, 20*time.Second, 5*time.Millisecond)
}

const someMessage = `INSERT INTO messages (distribution_id, seq, project_id, customer_id, channel, version, flag, reason, vars)
	VALUES ($1, 1, $2, uuid7(), 0, 1, 'skipped', 'rule_not_met', '{}')`

// A run that enrols has the numbers for as long: the relay's come after.
func TestRefusingWaitsForWhoNumbersMessages(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	_, never := w.rule(t, onPage("/nowhere"))
	one := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: never}, nil)
	w.see(t, "/", w.customer(t))
	run, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = run.Exec(t.Context(), "SELECT FROM distributions WHERE id = $1 FOR NO KEY UPDATE", one)
	require.NoError(t, err)
	_, err = run.Exec(t.Context(), someMessage, one, w.project)
	require.NoError(t, err)
	var pass errgroup.Group
	pass.Go(func() error {
		_, err := w.relay.Pass(context.Background(), 1000, w.tell)
		return err
	})
	w.blocked(t)
	require.NoError(t, run.Commit(t.Context()))
	require.NoError(t, pass.Wait())
	require.Len(t, w.skipped(t, one, message.ReasonRule), 2)
}

// Who counts while somebody writes counts again what they wrote.
func TestACountNeverReplacesANewerOne(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.one = w.live(t, distribution.Trigger{Type: seen}, nil)
	writes, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = writes.Exec(t.Context(), someMessage, w.one, w.project)
	require.NoError(t, err)
	_, err = writes.Exec(t.Context(), "SELECT recount_messages($1, 0, 0)", w.one)
	require.NoError(t, err)
	_, err = w.pool.Exec(t.Context(), strings.Replace(someMessage, "$1, 1,", "$1, 2,", 1), w.one, w.project)
	require.NoError(t, err)
	var counts errgroup.Group
	counts.Go(func() error { return w.messages.Recount(context.Background(), w.one) })
	w.blocked(t)
	require.NoError(t, writes.Commit(t.Context()))
	require.NoError(t, counts.Wait())
	require.Equal(t, message.Tally{Skipped: 2}, w.tally(t))
}

// While the relay refuses, runs enrol and batches recount: numbers have no gaps, and tallies are true in the end.
func TestRefusingBesideEnrollingAndCounting(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	_, shoes := w.rule(t, onPage("/shoes"))
	one := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: shoes}, nil)
	a, b := w.mailed(t, "UTC"), w.mailed(t, "UTC")
	var work errgroup.Group
	told := make(chan []int64, 100)
	work.Go(func() error {
		defer close(told)
		for n := range 30 {
			w.see(t, []string{"/shoes", "/socks"}[n%2], a, b)
			_, err := w.relay.Pass(context.Background(), 1000, func(_ context.Context, all []db.Told) ([]db.Unheard, error) {
				for _, one := range all {
					told <- one.Occurrences
				}
				return nil, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	enrolled := make(chan struct{})
	work.Go(func() error {
		defer close(enrolled)
		for occurrences := range told {
			if _, err := w.messages.EnrolTriggered(context.Background(), w.triggering(one, occurrences...)); err != nil {
				return err
			}
		}
		return nil
	})
	work.Go(func() error {
		for {
			select {
			case <-enrolled:
				return nil
			default:
			}
			if err := w.messages.Recount(context.Background(), one); err != nil {
				return err
			}
		}
	})
	require.NoError(t, work.Wait())
	require.Len(t, w.skipped(t, one, message.ReasonRule), 30)
	w.one = one
	require.Equal(t, message.Tally{Pending: 30, Skipped: 30}, w.tally(t))
}

// Whatever passes are cut short, in whatever order rules change, each pair is told of or refused, and none is both.
func TestEveryPairIsToldOfOrRefused(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	people := []uuid.UUID{w.customer(t), w.customer(t), w.customer(t)}
	rapid.Check(t, func(r *rapid.T) {
		pages := []string{"/shoes", "/socks", "/hats"}
		wanted := rapid.SliceOfN(rapid.SampledFrom(pages), 1, 3).Draw(r, "rules")
		w.heard = map[uuid.UUID][]int64{}
		var listeners []uuid.UUID
		for _, page := range wanted {
			_, name := w.rule(t, onPage(page))
			listeners = append(listeners, w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: name}, nil))
		}
		want := make([]struct{ told, refused []int64 }, len(wanted))
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			page := rapid.SampledFrom(pages).Draw(r, "page")
			happened := w.see(t, page, rapid.SampledFrom(people).Draw(r, "customer"))
			for i := range wanted {
				if wanted[i] == page {
					want[i].told = append(want[i].told, happened...)
				} else {
					want[i].refused = append(want[i].refused, happened...)
				}
			}
			switch rapid.IntRange(0, 2).Draw(r, "then") {
			case 0:
				w.pass(t, w.tell)
			case 1:
				_, _ = w.relay.Pass(t.Context(), 1, func(context.Context, []db.Told) ([]db.Unheard, error) { return nil, context.Canceled })
			}
		}
		w.pass(t, w.tell)
		for i, one := range listeners {
			require.Equal(r, want[i].told, w.heard[one])
			if got := w.skipped(t, one, message.ReasonRule); len(got)+len(want[i].refused) > 0 {
				require.Equal(r, want[i].refused, got)
			}
			w.stands(t, one, distribution.Stopped)
		}
	})
}
