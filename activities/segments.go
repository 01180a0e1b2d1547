package activities

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"herald/db"
	"herald/internal/fault"
)

// Segments keeps who is in which segment.
type Segments struct{ Store db.Segments }

// AwaitSegmentInput names the segment to wait for.
type AwaitSegmentInput struct{ ProjectID, SegmentID uuid.UUID }

// AwaitSegment returns once the segment has synced.
func (a *Segments) AwaitSegment(ctx context.Context, in AwaitSegmentInput) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		synced, err := a.Store.Synced(ctx, in.ProjectID, in.SegmentID)
		if err != nil || synced {
			return outcome(err)
		}
		activity.RecordHeartbeat(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// SegmentSync is how far the sync of a segment is.
type SegmentSync struct {
	ProjectID, SegmentID uuid.UUID
	After                db.SyncCursor // the last customer held against the segment
	Seen, Come, Gone     int64         // customers so far; Seen counts whole pages
	Walked               bool          // every customer was held against the segment
	Deleted              bool          // there is no such segment any more
}

// pagesPerCall keeps an activity short and its share of the history small.
const pagesPerCall = 10

// SyncSegmentPages holds the next pages of customers against the segment. A repeated call goes on after the last page of the
// one before, and repeating a page changes nothing.
func (a *Segments) SyncSegmentPages(ctx context.Context, so SegmentSync) (SegmentSync, error) {
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &so); err != nil {
			return so, err
		}
	}
	for range pagesPerCall {
		page, err := walking(ctx, so, func() (db.SyncedPage, error) {
			return a.Store.SyncPage(ctx, so.ProjectID, so.SegmentID, so.After)
		})
		if fault.Is(err, fault.NotFound) {
			so.Deleted = true
			return so, nil
		}
		if err != nil {
			return so, outcome(err)
		}
		so.After, so.Walked = page.Cursor, page.Finished
		so.Seen, so.Come, so.Gone = so.Seen+page.Seen, so.Come+page.Come, so.Gone+page.Gone
		if so.Walked {
			return so, nil
		}
	}
	return so, nil
}

// walkers is how many pages a worker's process reads at once; more would make each of them slower.
var walkers = make(chan struct{}, 2)

// beatsWhile is how often an activity beats while it waits for the database.
const beatsWhile = 3 * time.Second

// walking is beating for what reads all customers: it waits for its turn.
func walking[T any](ctx context.Context, so any, do func() (T, error)) (T, error) {
	return beating(ctx, so, func() (T, error) {
		select {
		case walkers <- struct{}{}:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		defer func() { <-walkers }()
		return do()
	})
}

// beating beats with how far the activity is for as long as do works, which on a busy machine may be long.
func beating[T any](ctx context.Context, so any, do func() (T, error)) (T, error) {
	done := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() {
		ticker := time.NewTicker(beatsWhile)
		defer ticker.Stop()
		for {
			activity.RecordHeartbeat(ctx, so)
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	defer beats.Wait()
	defer close(done)
	return do()
}

// Drift is how far the segments whose filters speak of today are synced again, project after project.
type Drift struct {
	ProjectID        uuid.UUID // the one that is walked, or was
	Walking          bool
	After            db.SyncCursor // the last of its customers held against its segments
	Seen, Come, Gone int64         // customers so far; Seen counts whole pages
	Done             bool          // there is no further project
}

// SyncMovingSegments holds the next pages of customers against the segments whose filters speak of today. A repeated call
// goes on after the last page of the one before, and repeating a page changes nothing.
func (a *Segments) SyncMovingSegments(ctx context.Context, drift Drift) (Drift, error) {
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &drift); err != nil {
			return drift, err
		}
	}
	for range pagesPerCall {
		if !drift.Walking {
			next, found, err := a.Store.NextMoving(ctx, drift.ProjectID)
			if err != nil || !found {
				drift.Done = err == nil
				return drift, outcome(err)
			}
			drift.ProjectID, drift.Walking, drift.After = next, true, db.SyncCursor{}
		}
		page, err := walking(ctx, drift, func() (db.SyncedPage, error) {
			return a.Store.DriftPage(ctx, drift.ProjectID, drift.After)
		})
		if err != nil {
			return drift, outcome(err)
		}
		drift.After, drift.Walking = page.Cursor, !page.Finished
		drift.Seen, drift.Come, drift.Gone = drift.Seen+page.Seen, drift.Come+page.Come, drift.Gone+page.Gone
	}
	return drift, nil
}

// FinishedSegment is a segment whose sync has ended.
type FinishedSegment struct {
	Members int64
	Moves   bool // its filter speaks of today, so it has to be synced again and again
	Deleted bool
}

// FinishSegment marks the segment as synced.
func (a *Segments) FinishSegment(ctx context.Context, so SegmentSync) (FinishedSegment, error) {
	return beating(ctx, so, func() (FinishedSegment, error) {
		members, moves, err := a.Store.FinishSync(ctx, so.ProjectID, so.SegmentID)
		if fault.Is(err, fault.NotFound) {
			return FinishedSegment{Deleted: true}, nil
		}
		return FinishedSegment{Members: members, Moves: moves}, outcome(err)
	})
}
