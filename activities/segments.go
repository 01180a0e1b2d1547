package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"herald/db"
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
