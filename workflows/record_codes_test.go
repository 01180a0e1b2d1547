//go:build record

package workflows

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"herald/activities"
	"herald/internal/async"
	"herald/internal/enginetest"
)

// TestRecordCodes records the runs that work on vouchers: two orders of which one fails, and one of each other kind.
func TestRecordCodes(t *testing.T) {
	engine := enginetest.Client(t)
	require.NoError(t, EnsureSearchAttributes(t.Context(), engine, "default"))
	f := newCodesFake()
	plan := worker.New(engine, Queue, worker.Options{DisableRegistrationAliasing: true, Identity: "herald"})
	Register(plan)
	plan.RegisterActivity(f)
	heavy := worker.New(engine, HeavyQueue, worker.Options{DisableWorkflowWorker: true, Identity: "herald"})
	heavy.RegisterActivity(f)
	flows, ref := Flows{Client: engine}, campaignRef()

	refused := f.order(10, temporal.NewNonRetryableApplicationError("no room", "invalid_payload", nil))
	for _, action := range []uuid.UUID{f.order(120, nil), refused, f.order(1, nil)} { // before a worker runs: all in one go
		require.NoError(t, flows.OrderCodes(t.Context(), ref.ProjectID, ref.CampaignID, action))
	}
	require.NoError(t, heavy.Start())
	defer heavy.Stop()
	require.NoError(t, plan.Start())
	t.Cleanup(plan.Stop)
	keep(t, engine, codesID(ref.ProjectID, ref.CampaignID), "codes_made_and_refused")

	for actionType, name := range map[string]string{
		async.VouchersImportCSV: "codes_imported", async.VouchersUpdate: "codes_updated", async.VouchersDelete: "codes_delete_refused",
	} {
		action := uuid.New()
		require.NoError(t, flows.WorkOnVouchers(t.Context(), actionType, ref.ProjectID, &ref.CampaignID, action))
		keep(t, engine, vouchersID(ref.ProjectID, action), name)
	}
}

// AdoptCampaignChange changes nothing.
func (f *codesFake) AdoptCampaignChange(context.Context, activities.CodesRef) (int64, error) {
	return 7, nil
}

// keep waits for a run's end and writes its history.
func keep(t *testing.T, engine client.Client, id, name string) {
	t.Helper()
	require.NoError(t, engine.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	for _, history := range chain(t, engine, id) {
		write(t, filepath.Join("testdata", "histories", name+".json"), history)
	}
}
