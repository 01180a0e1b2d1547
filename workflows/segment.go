package workflows

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/id"
)

// SyncSegment holds every customer of a project against a segment, page by page. Who leaves and enters later because time passes
// is left to DriftSegments.
func SyncSegment(ctx workflow.Context, sync activities.SegmentSync) error {
	for !sync.Walked {
		next, err := call(heavy(ctx, fmt.Sprintf("customers from %d", sync.Seen+1)), segments.SyncSegmentPages, sync)
		if err != nil {
			return err
		}
		sync = next
		if sync.Deleted {
			return nil
		}
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("**syncing** · about %d customers seen · %d entered · %d left",
			sync.Seen, sync.Come, sync.Gone))
		if !sync.Walked && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, SyncSegment, sync)
		}
	}
	finished, err := call(heavy(ctx, "look again at who changed, and mark as synced"), segments.FinishSegment, sync)
	if err != nil || finished.Deleted || !finished.Moves {
		return err
	}
	if workflow.GetVersion(ctx, "drift-by-schedule", workflow.DefaultVersion, 1) == 1 {
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("**synced** · %d members · its filter speaks of today, so %s goes on from here",
			finished.Members, driftID))
		return nil
	}
	// A run from before there was that schedule waits for its midnight once more.
	now := workflow.Now(ctx).UTC()
	midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**synced** · %d members · syncs again at %s, because its filter speaks of today",
		finished.Members, midnight.Format(time.DateTime)))
	timer := workflow.NewTimerWithOptions(ctx, midnight.Sub(now), workflow.TimerOptions{Summary: "next sync at midnight UTC"})
	if err := timer.Get(ctx, nil); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, SyncSegment,
		activities.SegmentSync{ProjectID: sync.ProjectID, SegmentID: sync.SegmentID})
}

// DriftSegments holds the customers of every project against the segments whose filters speak of today: they enter and leave
// those as time passes, though nothing happens to them.
func DriftSegments(ctx workflow.Context, drift activities.Drift) error {
	for !drift.Done {
		next, err := call(heavy(ctx, fmt.Sprintf("customers from %d", drift.Seen+1)), segments.SyncMovingSegments, drift)
		if err != nil {
			return err
		}
		drift = next
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("about %d customers seen · %d entered · %d left", drift.Seen, drift.Come, drift.Gone))
		if !drift.Done && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, DriftSegments, drift)
		}
	}
	return nil
}

// SyncSegment starts the sync of a segment; where one is running, that one serves.
func (f Flows) SyncSegment(ctx context.Context, project, segment uuid.UUID) error {
	_, err := f.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       segmentID(project, segment),
		TaskQueue:                Queue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "sync of segment " + id.Segment.Format(segment),
		TypedSearchAttributes:    temporal.NewSearchAttributes(projectAttribute.ValueSet(id.Project.Format(project))),
	}, SyncSegment, activities.SegmentSync{ProjectID: project, SegmentID: segment})
	return err
}

// segmentID is the one place that knows how a segment's sync is called.
func segmentID(project, segment uuid.UUID) string {
	return "segment/" + id.Project.Format(project) + "/" + id.Segment.Format(segment)
}
