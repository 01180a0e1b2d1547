package db

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/metrics"
)

// Relay is the store of what the relay does: it takes occurrences that wait, finds who listens to them, and asks their rules.
type Relay struct{ Pool *pgxpool.Pool }

// Told is what one distribution is to be told.
type Told struct {
	Project, Distribution uuid.UUID
	Version               int     // its current one
	Occurrences           []int64 // in their order

	kept bool // they were to be told before
}

// Unheard is a distribution whose run took no signal.
type Unheard struct {
	Distribution uuid.UUID
	Taken        int // how many of its occurrences it was told of before
	Reason       string
}

// Tell tells distributions, and says which took no signal. An error is that the engine as a whole does not answer: everything waits.
type Tell func(context.Context, []Told) ([]Unheard, error)

// Relayed is what one pass came to.
type Relayed struct {
	Taken   int // occurrences
	Told    int // of them, for each distribution that took a signal
	Refused int // by a rule, for each distribution
	Kept    int // for distributions that took no signal
}

// MostDepth is how many messages may stand behind an occurrence, one causing the next, before nobody is told of it any more: a
// message that causes a message that causes it again ends there.
const MostDepth = 5

// Pass takes the oldest occurrences that wait, asks the rules of who listens to them, has tell told those to whom something is let
// through, and marks them; what a rule does not let through is written down as skipped. Where the engine or the database fails
// they wait on, and are told again: at least once. One pass runs at a time, over all workers; another finds nothing.
func (s Relay) Pass(ctx context.Context, most int, tell Tell) (done Relayed, err error) {
	err = inPipeline(ctx, s.Pool, func(tx *pipeline) error {
		tx.replan()
		lock, err := q.RelayLock(ctx, tx)
		if err != nil || !lock.Mine {
			return err
		}
		p := pass{tx: tx, now: time.Now()}
		if err := p.take(ctx, most); err != nil || len(p.taken)+len(p.told) == 0 {
			return err
		}
		if err := p.ask(ctx); err != nil {
			return err
		}
		unheard, err := tell(ctx, p.told)
		if err != nil {
			return err
		}
		done = p.relayed(unheard)
		return p.write(ctx, unheard)
	})
	if err != nil {
		return Relayed{}, err
	}
	return done, err
}

// againMost is how far back Again looks, in occurrences of all projects: far more than can be on their way to a run.
const againMost = 100_000

// Again has the relay tell a distribution once more of what it has no message about, and says how much that is: a run that somebody
// terminated in the engine takes along what it was told and had not enrolled.
func (s Relay) Again(ctx context.Context, project, distribution uuid.UUID) (int64, error) {
	return q.RelayAgain(ctx, s.Pool, rows.RelayAgainParams{ProjectID: project, ID: distribution, Most: againMost, MostDepth: MostDepth})
}

// Stands is how much waits for the relay.
func (s Relay) Stands(ctx context.Context) (metrics.Ledger, error) {
	now, err := q.RelayStands(ctx, s.Pool)
	return metrics.Ledger{
		Lag: time.Duration(max(0, now.Lag) * float64(time.Second)), Waiting: now.Waiting, Untold: now.Untold, Unheard: now.Unheard,
	}, err
}

// wokenAt is when this process last woke the relay, in Unix nanoseconds. Transactions that notify commit one after the other,
// so few do; a relay that was woken looks again on its own while more may come.
var wokenAt atomic.Int64

// wakeEvery is how often a process wakes the relay at most.
const wakeEvery = 10 * time.Millisecond

// wakeRelay has the database wake the relay when tx commits.
func wakeRelay(ctx context.Context, tx rows.DBTX) error {
	now, last := time.Now().UnixNano(), wokenAt.Load()
	if now-last < int64(wakeEvery) || !wokenAt.CompareAndSwap(last, now) {
		return nil
	}
	return q.RelayWake(ctx, tx)
}

// Listen returns a connection on which the database says that occurrences were written; close it with what it returns.
func (s Relay) Listen(ctx context.Context) (wait func(context.Context) error, end func(), err error) {
	conn, err := s.Pool.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	own := conn.Hijack() // it listens for as long as it lives, and goes back to nobody
	if _, err := own.Exec(ctx, "LISTEN occurrences"); err != nil {
		_ = own.Close(context.WithoutCancel(ctx))
		return nil, nil, err
	}
	wait = func(ctx context.Context) error {
		_, err := own.WaitForNotification(ctx)
		return err
	}
	return wait, func() { _ = own.Close(context.WithoutCancel(ctx)) }, nil
}
