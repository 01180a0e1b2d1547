package worker

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"herald/activities"
	"herald/db"
	"herald/internal/metrics"
	"herald/workflows"
)

// relay tells live distributions what customers did. Each worker has one; one at a time does a pass, and where it dies another
// does the next. It is woken by the database, and looks by itself in case nobody wakes it. While the engine is away the
// occurrences wait in the ledger, and none is lost.
type relay struct {
	store db.Relay
	flows workflows.Flows
	log   *slog.Logger
	count metrics.Relay
	woken chan struct{}
}

const (
	// passMost is how many occurrences one pass takes: when many wait, they travel in few signals.
	passMost = 5000
	// toldMost is how many one signal carries; the engine takes far fewer signals in a second than occurrences.
	toldMost = 500
	// toldAtOnce is how many signals are on their way at once.
	toldAtOnce = 8
	// gatherFor is how long what comes in gathers between two passes; after a pass that took many it gathers for longer, because a
	// signal costs the engine as much for one occurrence as for hundreds.
	gatherFor, gatherManyFor = 40 * time.Millisecond, 200 * time.Millisecond
	many                     = 60
	// lookEvery is how long a relay sleeps that nobody wakes.
	lookEvery = 250 * time.Millisecond
	// longestRest is how long it waits at most while the engine or the database is away.
	longestRest = 5 * time.Second
)

func newRelay(o Options, count metrics.Relay) *relay {
	return &relay{
		store: db.Relay{Pool: o.Pool}, flows: workflows.Flows{Client: o.Engine}, log: o.Log, count: count,
		woken: make(chan struct{}, 1),
	}
}

// run relays until ctx is done.
func (r *relay) run(ctx context.Context) {
	go r.listen(ctx)
	rest := gatherFor
	for ctx.Err() == nil {
		done, err := r.store.Pass(ctx, passMost, r.tell)
		r.count.Taken.Add(float64(done.Taken))
		r.count.Told.Add(float64(done.Told))
		r.count.Refused.Add(float64(done.Refused))
		r.count.Kept.Add(float64(done.Kept))
		switch {
		case err != nil && ctx.Err() == nil:
			r.count.Failed.Inc()
			r.log.WarnContext(ctx, "the relay cannot tell of occurrences; they wait", "error", err, "again_in", rest)
			sleep(ctx, rest)
			rest = min(2*rest, longestRest)
			continue
		case done.Taken == passMost || done.Refused >= db.MostRefused:
		case done.Taken >= many:
			sleep(ctx, gatherManyFor)
		case done.Taken > 0:
			sleep(ctx, gatherFor)
		default:
			r.await(ctx)
		}
		rest = gatherFor
	}
}

// tell signals each distribution, and says whose runs took no signal. Where nobody could be told because the engine does not
// answer, that is an error.
func (r *relay) tell(ctx context.Context, all []db.Told) ([]db.Unheard, error) {
	signals, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	unheard := make([]*db.Unheard, len(all))
	var heard atomic.Bool
	var work errgroup.Group
	work.SetLimit(toldAtOnce)
	for i, one := range all {
		work.Go(func() error {
			taken, err := r.tellOne(signals, one)
			if taken > 0 {
				heard.Store(true)
			}
			if err != nil {
				unheard[i] = &db.Unheard{Distribution: one.Distribution, Taken: taken, Reason: "run_takes_no_signals: " + err.Error()}
				if workflows.Away(err) && !heard.Load() {
					giveUp(err)
				}
			}
			return nil
		})
	}
	_ = work.Wait()
	if away := context.Cause(signals); away != nil && (ctx.Err() != nil || !heard.Load()) {
		return nil, away
	}
	var deaf []db.Unheard
	for _, one := range unheard {
		if one != nil {
			r.log.WarnContext(ctx, "a distribution takes no signals; what it is to be told is kept", "distribution", one.Distribution, "error", one.Reason)
			deaf = append(deaf, *one)
		}
	}
	return deaf, nil
}

// tellOne signals one distribution, in the order of what happened, and says how much of it the engine took.
func (r *relay) tellOne(ctx context.Context, one db.Told) (taken int, err error) {
	ref := activities.VersionRef{
		Ref: activities.Ref{ProjectID: one.Project, DistributionID: one.Distribution}, Version: one.Version,
	}
	for next := range slices.Chunk(one.Occurrences, toldMost) {
		if err := r.flows.Tell(ctx, ref, next); err != nil {
			return taken, err
		}
		taken += len(next)
	}
	return taken, nil
}

// await returns when there may be something to relay.
func (r *relay) await(ctx context.Context) {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-r.woken:
	case <-timer.C:
	}
}

// listen hears the database say that there is something, for as long as ctx; where the connection is lost it takes another.
func (r *relay) listen(ctx context.Context) {
	for ctx.Err() == nil {
		wait, end, err := r.store.Listen(ctx)
		for err == nil {
			if err = wait(ctx); err == nil {
				select {
				case r.woken <- struct{}{}:
				default: // it is awake already
				}
			}
		}
		if end != nil {
			end()
		}
		sleep(ctx, time.Second)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
