package worker_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"herald/db"
	"herald/internal/segment"
	"herald/workflows"
)

const drift = "segments-drift"

// A worker makes the schedules when it starts, and the one of drift has customers enter and leave as time passes.
func TestASegmentThatSpeaksOfTodayIsSyncedByTheClock(t *testing.T) {
	r := open(t)
	r.work(t)
	keeper := r.engine.ScheduleClient().GetHandle(t.Context(), drift)
	require.Eventually(t, func() bool {
		_, err := keeper.Describe(t.Context())
		return err == nil
	}, time.Minute, 50*time.Millisecond)

	_, err := r.pool.Exec(t.Context(), `INSERT INTO customers (project_id, source_id, created_at)
		VALUES ($1, 'young', now()), ($1, 'old', now() - interval '9 days')`, r.project)
	require.NoError(t, err)
	store := db.Segments{Pool: r.pool}
	fresh, err := store.Create(t.Context(), r.project, segment.Definition{
		Name: "fresh", Type: segment.AutoUpdate, Filter: json.RawMessage(`{"created_at":{"conditions":{"$less_than_ago":5}}}`),
	}, false, r.flows.SyncSegment)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		synced, err := store.Synced(t.Context(), r.project, fresh.ID)
		return err == nil && synced
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, []string{"young"}, r.members(t, fresh.ID))
	require.Empty(t, r.occurrences(t), "a first sync tells of nobody")

	// Ten days pass, for the customers.
	_, err = r.pool.Exec(t.Context(), `UPDATE customers SET created_at =
		CASE source_id WHEN 'young' THEN now() - interval '10 days' ELSE now() - interval '1 day' END WHERE project_id = $1`, r.project)
	require.NoError(t, err)
	require.NoError(t, keeper.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool { return len(r.occurrences(t)) == 2 }, time.Minute, 50*time.Millisecond)
	require.Equal(t, []string{"old"}, r.members(t, fresh.ID))
	require.Equal(t, []string{"customer.segment.entered old", "customer.segment.left young"}, r.occurrences(t))
}

func TestSchedulesAreMadeOnceAndKeptAsTheTableSays(t *testing.T) {
	r := open(t)
	require.NoError(t, workflows.EnsureSchedules(t.Context(), r.engine))
	keeper := r.engine.ScheduleClient().GetHandle(t.Context(), drift)
	require.NoError(t, keeper.Pause(t.Context(), client.SchedulePauseOptions{Note: "by ops"}))
	require.NoError(t, keeper.Update(t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(kept client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			s := kept.Description.Schedule
			s.Spec = &client.ScheduleSpec{CronExpressions: []string{"0 0 1 1 *"}} // as an older Herald had it
			return &client.ScheduleUpdate{Schedule: &s}, nil
		},
	}))
	require.NoError(t, workflows.EnsureSchedules(t.Context(), r.engine))
	described, err := keeper.Describe(t.Context())
	require.NoError(t, err)
	require.True(t, described.Schedule.State.Paused, "what people paused stays so")
	require.Equal(t, "by ops", described.Schedule.State.Note)
	require.Len(t, described.Info.NextActionTimes, 10)
	require.Equal(t, time.Hour, described.Info.NextActionTimes[1].Sub(described.Info.NextActionTimes[0]))
	action, ok := described.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.True(t, ok)
	require.Equal(t, "DriftSegments", action.Workflow)
	require.NoError(t, keeper.Unpause(t.Context(), client.ScheduleUnpauseOptions{}))
}

func (r room) members(t *testing.T, of uuid.UUID) (names []string) {
	t.Helper()
	require.NoError(t, r.pool.QueryRow(t.Context(), `SELECT array_agg(c.source_id ORDER BY c.source_id)
		FROM segment_members m JOIN customers c ON c.id = m.customer_id WHERE m.segment_id = $1`, of).Scan(&names))
	return names
}

func (r room) occurrences(t *testing.T) (told []string) {
	t.Helper()
	require.NoError(t, r.pool.QueryRow(t.Context(), `SELECT array_agg(o.type || ' ' || c.source_id ORDER BY o.type)
		FROM occurrences o JOIN customers c ON c.id = o.customer_id`).Scan(&told))
	return told
}
