package worker

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"herald/activities"
	"herald/db"
	"herald/workflows"
)

// relay tells live distributions what customers did. Each worker has one; one at a time does a pass, and where it dies another
// does the next. It is woken by the database, and looks by itself in case nobody wakes it. While the engine is away the
// occurrences wait in the ledger, and none is lost.
type relay struct {
	store db.Relay
	flows workflows.Flows
	log   *slog.Logger
	woken chan struct{}
}

const (
	// passMost is how many occurrences one pass takes: when many wait, they travel in few signals.
	passMost = 5000
	// toldMost is how many one signal carries; the engine takes far fewer signals in a second than occurrences.
	toldMost = 500
	// toldAtOnce is how many signals are on their way at once.
	toldAtOnce = 8
	// gatherFor is how long what comes in gathers between two passes.
	gatherFor = 40 * time.Millisecond
	// lookEvery is how long a relay sleeps that nobody wakes.
	lookEvery = 250 * time.Millisecond
	// longestRest is how long it waits at most while the engine or the database is away.
	longestRest = 5 * time.Second
)

func newRelay(o Options) *relay {
	return &relay{
		store: db.Relay{Pool: o.Pool}, flows: workflows.Flows{Client: o.Engine}, log: o.Log, woken: make(chan struct{}, 1),
	}
}

// run relays until ctx is done.
func (r *relay) run(ctx context.Context) {
	go r.listen(ctx)
	rest := gatherFor
	for ctx.Err() == nil {
		done, err := r.store.Pass(ctx, passMost, r.tell)
		switch {
		case err != nil && ctx.Err() == nil:
			r.log.WarnContext(ctx, "the relay cannot tell of occurrences; they wait", "error", err, "again_in", rest)
			sleep(ctx, rest)
			rest = min(2*rest, longestRest)
			continue
		case done.Taken == passMost:
		case done.Taken > 0:
			sleep(ctx, gatherFor)
		default:
			r.await(ctx)
		}
		rest = gatherFor
	}
}

// tell signals each distribution.
func (r *relay) tell(ctx context.Context, all []db.Told) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(toldAtOnce)
	for _, one := range all {
		work.Go(func() error {
			ref := activities.VersionRef{
				Ref: activities.Ref{ProjectID: one.Project, DistributionID: one.Distribution}, Version: one.Version,
			}
			for rest := one.Occurrences; len(rest) > 0; { // one after the other: their order is kept
				next := rest[:min(len(rest), toldMost)]
				if err := r.flows.Tell(ctx, ref, next); err != nil {
					return err
				}
				rest = rest[len(next):]
			}
			return nil
		})
	}
	return work.Wait()
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
