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

// SyncSegment holds every customer of a project against a segment, page by page. Where the segment's filter speaks of today,
// it does so again at each midnight (UTC) for as long as the segment is there.
func SyncSegment(ctx workflow.Context, sync activities.SegmentSync) error {
	for !sync.Walked {
		next, err := call(beating(ctx, fmt.Sprintf("customers from %d", sync.Seen+1)), segments.SyncSegmentPages, sync)
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
	finished, err := call(ledger(ctx, "mark as synced"), segments.FinishSegment, sync)
	if err != nil || finished.Deleted || !finished.Moves {
		return err
	}
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

// SyncSegment starts the sync of a segment; where one is running, that one serves.
func (f Flows) SyncSegment(ctx context.Context, project, segment uuid.UUID) error {
	_, err := f.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       "segment/" + id.Project.Format(project) + "/" + id.Segment.Format(segment),
		TaskQueue:                Queue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "sync of segment " + id.Segment.Format(segment),
		TypedSearchAttributes:    temporal.NewSearchAttributes(projectAttribute.ValueSet(id.Project.Format(project))),
	}, SyncSegment, activities.SegmentSync{ProjectID: project, SegmentID: segment})
	return err
}
