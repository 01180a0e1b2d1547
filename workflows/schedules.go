package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"herald/activities"
)

// schedule is something that Herald does by the clock, for all projects.
type schedule struct {
	id      string // of the schedule, and the beginning of its runs' ids
	cron    string // in UTC
	does    string // in a few words, for people
	run     any    // the workflow
	input   any    // of the workflow
	catchUp time.Duration
}

const (
	driftID  = "segments-drift"
	pointsID = "points-expiry"
	tiersID  = "tiers-renewal"
	earnedID = "points-activation"
)

// schedules is the one table of them. A run that is due while the one before it works is left out: each starts from what it
// finds. A schedule that is dropped from the table has to be deleted in the engine.
var schedules = []schedule{
	{
		id: driftID, cron: "0 * * * *", does: "sync the segments whose filter speaks of today",
		run: DriftSegments, input: activities.Drift{}, catchUp: time.Hour,
	},
	{
		id: pointsID, cron: "1 0 * * *", does: "take the points off loyalty cards whose last day is over",
		run: ExpirePoints, input: activities.PointsWalk{}, catchUp: 24 * time.Hour,
	},
	{
		id: earnedID, cron: "1 0 * * *", does: "bring pending points that count from today on onto their cards",
		run: ActivatePoints, input: activities.PointsWalk{}, catchUp: 24 * time.Hour,
	},
	{
		id: tiersID, cron: "*/5 * * * *", does: "end and begin the tiers of loyalty programmes that are due",
		run: RenewTiers, input: activities.TierRenewal{}, catchUp: 24 * time.Hour,
	},
}

// EnsureSchedules makes the engine keep the schedules as the table says. Every worker does it when it starts; whether people
// have paused one stays as it is.
func EnsureSchedules(ctx context.Context, engine client.Client) error {
	for _, s := range schedules {
		if err := s.ensure(ctx, engine.ScheduleClient()); err != nil {
			return fmt.Errorf("schedule %s: %w", s.id, err)
		}
	}
	return nil
}

func (s schedule) ensure(ctx context.Context, keeper client.ScheduleClient) error {
	spec := client.ScheduleSpec{CronExpressions: []string{s.cron}}
	action := &client.ScheduleWorkflowAction{
		ID: s.id, Workflow: s.run, Args: []any{s.input}, TaskQueue: Queue, StaticSummary: s.does,
	}
	_, err := keeper.Create(ctx, client.ScheduleOptions{
		ID: s.id, Spec: spec, Action: action, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: s.catchUp, Note: s.does,
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return keeper.GetHandle(ctx, s.id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(kept client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			now := kept.Description.Schedule
			now.Spec, now.Action = &spec, action
			now.Policy = &client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: s.catchUp}
			return &client.ScheduleUpdate{Schedule: &now}, nil
		},
	})
}
