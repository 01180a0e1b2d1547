package db

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
)

// Relay is the store of what the relay does: it takes occurrences that wait, and finds who listens to them.
type Relay struct{ Pool *pgxpool.Pool }

// Told is what one distribution is to be told.
type Told struct {
	Project, Distribution uuid.UUID
	Version               int     // its current one
	Occurrences           []int64 // in their order
}

// Relayed is what one pass came to.
type Relayed struct {
	Taken  int // occurrences
	Told   int // occurrences, for each distribution that was told of them
	Oldest time.Time
}

// MostDepth is how many messages may stand behind an occurrence, one causing the next, before nobody is told of it any more: a
// message that causes a message that causes it again ends there.
const MostDepth = 5

// Pass takes the oldest occurrences that wait, has tell told who listens to them, and marks them. Where tell or anything else
// fails they wait on, and are told again: at least once. One pass runs at a time, over all workers; another finds nothing.
func (s Relay) Pass(ctx context.Context, most int, tell func(context.Context, []Told) error) (done Relayed, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		mine, err := q.RelayLock(ctx, tx)
		if err != nil || !mine {
			return err
		}
		found, err := q.RelayTake(ctx, tx, rows.RelayTakeParams{PageSize: int32(most), MostDepth: MostDepth})
		if err != nil || len(found) == 0 {
			return err
		}
		ids, all, cut := sortTold(found)
		done = Relayed{Taken: len(ids), Oldest: found[0].CreatedAt}
		for _, one := range all {
			done.Told += len(one.Occurrences)
		}
		for one, count := range cut {
			if err := appendLog(ctx, tx, one, "herald", "loop_cut", map[string]any{"occurrences": count, "depth": MostDepth}); err != nil {
				return err
			}
		}
		if err := tell(ctx, all); err != nil {
			return err
		}
		return q.RelayDone(ctx, tx, ids)
	})
	return done, err
}

// sortTold gathers, by distribution in the order of first mention, what each is told, and counts what was too deep.
func sortTold(found []rows.RelayTakeRow) (ids []int64, all []Told, cut map[uuid.UUID]int) {
	at := map[uuid.UUID]int{}
	cut = map[uuid.UUID]int{}
	for _, row := range found {
		if len(ids) == 0 || ids[len(ids)-1] != row.ID {
			ids = append(ids, row.ID)
		}
		if row.DistributionID == nil {
			continue
		}
		one := *row.DistributionID
		if row.TooDeep {
			cut[one]++
			continue
		}
		n, known := at[one]
		if !known {
			n = len(all)
			at[one] = n
			all = append(all, Told{Project: *row.ProjectID, Distribution: one, Version: int(*row.Version)})
		}
		all[n].Occurrences = append(all[n].Occurrences, row.ID)
	}
	return ids, all, cut
}

// Lag is for how long the oldest occurrence has waited.
func (s Relay) Lag(ctx context.Context) (time.Duration, error) {
	seconds, err := q.RelayLag(ctx, s.Pool)
	return time.Duration(seconds * float64(time.Second)), err
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
