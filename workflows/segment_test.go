package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
)

// segmentHands stand in for the activities on segments: so many calls until all customers are seen.
type segmentHands struct {
	calls, finished int
	needed          int
	deleted, moves  bool
	failFirst       bool
	old             bool // the run is from before there was a schedule for drift
}

func (h *segmentHands) SyncSegmentPages(_ context.Context, sync activities.SegmentSync) (activities.SegmentSync, error) {
	h.calls++
	if h.failFirst && h.calls == 1 {
		return sync, errors.New("the database is away")
	}
	sync.Seen += 100_000
	sync.Walked = sync.Seen >= int64(h.needed)*100_000
	sync.Deleted = h.deleted
	return sync, nil
}

func (h *segmentHands) FinishSegment(context.Context, activities.SegmentSync) (activities.FinishedSegment, error) {
	h.finished++
	return activities.FinishedSegment{Members: 7, Moves: h.moves}, nil
}

func (h *segmentHands) run(t *testing.T, began time.Time) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(began)
	env.RegisterWorkflow(SyncSegment)
	if h.old {
		env.OnGetVersion("drift-by-schedule", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
	}
	env.RegisterActivityWithOptions(h.SyncSegmentPages, activity.RegisterOptions{Name: "SyncSegmentPages"})
	env.RegisterActivityWithOptions(h.FinishSegment, activity.RegisterOptions{Name: "FinishSegment"})
	env.ExecuteWorkflow(SyncSegment, activities.SegmentSync{ProjectID: uuid.New(), SegmentID: uuid.New()})
	require.True(t, env.IsWorkflowCompleted())
	return env
}

func TestSyncWalksAllCustomers(t *testing.T) {
	t.Parallel()
	h := &segmentHands{needed: 3, failFirst: true}
	env := h.run(t, time.Now())
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 4, h.calls)
	require.Equal(t, 1, h.finished)
}

func TestSyncEndsWithItsSegment(t *testing.T) {
	t.Parallel()
	h := &segmentHands{needed: 3, deleted: true}
	env := h.run(t, time.Now())
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 1, h.calls)
	require.Zero(t, h.finished)
}

func TestSyncLeavesTheCalendarToTheSchedule(t *testing.T) {
	t.Parallel()
	h := &segmentHands{needed: 1, moves: true}
	env := h.run(t, time.Now())
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 1, h.finished)
}

// A run that began before there was a schedule waits for midnight, and begins again.
func TestSyncFromBeforeTheScheduleFollowsTheCalendar(t *testing.T) {
	t.Parallel()
	h := &segmentHands{needed: 1, moves: true, old: true}
	began := time.Date(2026, 3, 4, 15, 30, 0, 0, time.UTC)
	env := h.run(t, began)
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Equal(t, time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), env.Now().UTC())
	var next activities.SegmentSync
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	require.Zero(t, next.Seen)
	require.False(t, next.Walked)
}

// SyncMovingSegments takes the needed calls for each of three projects.
func (h *segmentHands) SyncMovingSegments(_ context.Context, drift activities.Drift) (activities.Drift, error) {
	h.calls++
	if h.failFirst && h.calls == 1 {
		return drift, errors.New("the database is away")
	}
	drift.Seen += 100_000
	drift.Done = drift.Seen == int64(h.needed)*300_000
	return drift, nil
}

func TestDriftWalksAllProjects(t *testing.T) {
	t.Parallel()
	h := &segmentHands{needed: 2, failFirst: true}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(h.SyncMovingSegments, activity.RegisterOptions{Name: "SyncMovingSegments"})
	env.ExecuteWorkflow(DriftSegments, activities.Drift{})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 7, h.calls)

	h = &segmentHands{needed: 2}
	suite = testsuite.WorkflowTestSuite{}
	env = suite.NewTestWorkflowEnvironment()
	env.SetContinueAsNewSuggested(true)
	env.RegisterActivityWithOptions(h.SyncMovingSegments, activity.RegisterOptions{Name: "SyncMovingSegments"})
	env.ExecuteWorkflow(DriftSegments, activities.Drift{Seen: 100_000})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	var next activities.Drift
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	require.EqualValues(t, 200_000, next.Seen)
}

// customerHands stand in for the activities on customers.
type customerHands struct {
	err    error
	failed string
}

func (h *customerHands) SaveOrderedCustomers(context.Context, activities.CustomersOrder) (activities.CustomersSaved, error) {
	return activities.CustomersSaved{Done: 1}, h.err
}

func (h *customerHands) FailCustomersAction(_ context.Context, in activities.CustomersFailure) error {
	h.failed = in.Reason
	return nil
}

func TestAnOrderThatCannotBeCarriedOutFails(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*customerHands{
		"saved":   {},
		"refused": {err: temporal.NewNonRetryableApplicationError("The file is empty", "invalid_payload", nil)},
	} {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.RegisterActivityWithOptions(h.SaveOrderedCustomers, activity.RegisterOptions{Name: "SaveOrderedCustomers"})
		env.RegisterActivityWithOptions(h.FailCustomersAction, activity.RegisterOptions{Name: "FailCustomersAction"})
		env.ExecuteWorkflow(SaveCustomers, activities.CustomersOrder{})
		require.NoError(t, env.GetWorkflowError(), name)
		require.Equal(t, map[string]string{"saved": "", "refused": "The file is empty"}[name], h.failed, name)
	}
}
