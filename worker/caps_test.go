package worker

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/pgtest"
)

// nextTurn uses a turn, and says when it is.
func (c *sendingCap) nextTurn() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 {
		c.take()
	}
	turn := c.next
	c.spend(false)
	return turn
}

// Two workers take turns from one ledger: together they keep to the rate, whoever asks.
func TestACapHoldsAcrossWorkers(t *testing.T) {
	t.Parallel()
	const rate, each = 200.0, 150
	store := db.SendingCaps{Pool: pgtest.New(t)}
	var mu sync.Mutex
	var turns []time.Time
	var workers sync.WaitGroup
	for range 2 {
		c := &sendingCap{store: store, key: "mail.example.com:25", rate: rate}
		workers.Go(func() {
			for range each {
				turn := c.nextTurn()
				mu.Lock()
				turns = append(turns, turn)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	slices.SortFunc(turns, time.Time.Compare)
	require.Len(t, turns, 2*each)
	// The ledger's clock and ours are read a moment apart, so a block may begin that much early.
	const slack = 50 * time.Millisecond
	for i := range len(turns) - int(rate) {
		require.GreaterOrEqual(t, turns[i+int(rate)].Sub(turns[i]), time.Second-slack, "more than %v in a second, from turn %d", rate, i)
	}
	require.Less(t, turns[len(turns)-1].Sub(turns[0]), 2*time.Second, "the cap is used, not only kept")
}

func TestCapsOfOtherProvidersAreTheirOwn(t *testing.T) {
	t.Parallel()
	store := db.SendingCaps{Pool: pgtest.New(t)}
	_, err := store.Take(t.Context(), "one", 3600)
	require.NoError(t, err)
	wait, err := store.Take(t.Context(), "other", 1)
	require.NoError(t, err)
	require.Zero(t, wait)
	wait, err = store.Take(t.Context(), "one", 1)
	require.NoError(t, err)
	require.Greater(t, wait, 59*time.Minute)
}

// line is who waits for turns of a cap, and in which order they got them, in a bubble of time.
type line struct {
	*testing.T
	*sendingCap
	mu    sync.Mutex
	got   []string
	times []time.Duration // since the start
	start time.Time
}

// newLine has turns of its own for all of a test, the first in a tenth of a second.
func newLine(t *testing.T) *line {
	c := &sendingCap{rate: 10, left: 1000, next: time.Now().Add(100 * time.Millisecond)}
	return &line{T: t, sendingCap: c, start: time.Now()}
}

// join adds somebody to the line.
func (l *line) join(ctx context.Context, who string, urgent bool) {
	go func() {
		if err := l.Wait(ctx, urgent); err != nil {
			who += ": " + err.Error()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got, l.times = append(l.got, who), append(l.times, time.Since(l.start))
	}()
	synctest.Wait()
}

func TestWhoIsUrgentHasTheNextTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t)
		for range 3 {
			l.join(t.Context(), "bulk", false)
		}
		time.Sleep(150 * time.Millisecond) // one of them has had a turn
		require.False(t, l.Try(true), "no turn is due")
		l.join(t.Context(), "urgent", true)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"bulk", "urgent", "bulk", "bulk"}, l.got)
		for i, at := range l.times {
			require.Equal(t, time.Duration(i+1)*100*time.Millisecond, at, "turn %d", i)
		}
		require.True(t, l.Try(false), "a turn is due, and nobody waits")
	})
}

func TestBulkHasOneTurnOfTen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t)
		for range 25 {
			l.join(t.Context(), "urgent", true)
		}
		for range 3 {
			l.join(t.Context(), "bulk", false)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		nine := slices.Repeat([]string{"urgent"}, 9)
		require.Equal(t, slices.Concat(nine, []string{"bulk"}, nine, []string{"bulk"}, nine[:7], []string{"bulk"}), l.got)
	})
}

func TestWhoGivesUpWaitsNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t)
		ctx, cancel := context.WithCancel(t.Context())
		l.join(ctx, "gone", true)
		l.join(t.Context(), "stays", true)
		cancel()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"gone: context canceled", "stays"}, l.got)
		require.Equal(t, []time.Duration{0, 100 * time.Millisecond}, l.times)
	})
}

func TestWhoWaitsHearsThatTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	c := &sendingCap{store: db.SendingCaps{Pool: pool}, key: "mail.example.com:25", rate: 1000}
	require.NoError(t, c.Wait(t.Context(), false))
	c.left = 0
	pool.Close()
	require.ErrorContains(t, c.Wait(t.Context(), true), "closed pool")
	require.ErrorContains(t, c.Wait(t.Context(), false), "closed pool", "asked anew")
}
