package workflows

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/db"
)

// codesFake stands for the ledger: it makes codes in steps.
type codesFake struct {
	mu        sync.Mutex
	wanted    map[uuid.UUID]int64
	made      map[uuid.UUID]int64
	refused   map[uuid.UUID]error
	ended     []activities.CodesEnd
	announced int
}

const fakeStep = 50

func newCodesFake() *codesFake {
	return &codesFake{wanted: map[uuid.UUID]int64{}, made: map[uuid.UUID]int64{}, refused: map[uuid.UUID]error{}}
}

// order is an order for n codes, refused with err where there is one.
func (f *codesFake) order(n int64, err error) uuid.UUID {
	action := uuid.New()
	f.wanted[action], f.refused[action] = n, err
	return action
}

func (f *codesFake) GenerateVoucherCodes(_ context.Context, in activities.CodesRef) (db.CodesMade, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refused[in.ActionID]; err != nil {
		return db.CodesMade{}, err
	}
	f.made[in.ActionID] = min(f.made[in.ActionID]+fakeStep, f.wanted[in.ActionID])
	return db.CodesMade{Made: f.made[in.ActionID], Wanted: f.wanted[in.ActionID]}, nil
}

func (f *codesFake) EndGeneration(_ context.Context, in activities.CodesEnd) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, in)
	return nil
}

func (f *codesFake) AnnounceCodes(context.Context, activities.CampaignRef) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.announced++
	return 1, nil
}

func (f *codesFake) ImportVoucherCodes(context.Context, activities.CodesRef) (db.Imported, error) {
	return db.Imported{DoneCount: 3, FailedCount: 1}, nil
}

func (f *codesFake) FailVoucherAction(_ context.Context, in activities.CodesEnd) error {
	return f.EndGeneration(context.Background(), in)
}

func (f *codesFake) DeleteCampaignVouchers(context.Context, activities.CodesRef) (int64, error) {
	return 0, temporal.NewNonRetryableApplicationError("the campaign is used", "conflict", nil)
}

func (f *codesFake) environment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(f)
	env.RegisterWorkflow(GenerateCodes)
	return env
}

func campaignRef() activities.CampaignRef {
	return activities.CampaignRef{ProjectID: uuid.New(), CampaignID: uuid.New()}
}

func TestOrdersForCodesAreDoneOneAfterTheOther(t *testing.T) {
	t.Parallel()
	f := newCodesFake()
	first, refused, last := f.order(120, nil), f.order(10, temporal.NewNonRetryableApplicationError("no room", "invalid_payload", nil)), f.order(1, nil)
	forgotten := f.order(5, temporal.NewNonRetryableApplicationError("nobody", activities.NeverOrdered, nil))
	env := f.environment(t)
	for _, action := range []uuid.UUID{first, forgotten, refused} {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(codesOrdered, action) }, 0)
	}
	var meanwhile sync.Once
	env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
		meanwhile.Do(func() { env.SignalWorkflow(codesOrdered, last) })
	})
	ref := campaignRef()
	env.ExecuteWorkflow(GenerateCodes, CodesState{CampaignRef: ref})
	require.NoError(t, env.GetWorkflowError())

	require.Equal(t, []activities.CodesEnd{
		{CodesRef: activities.CodesRef{CampaignRef: ref, ActionID: first}, Made: 120},
		{CodesRef: activities.CodesRef{CampaignRef: ref, ActionID: refused}, Failure: "no room"},
		{CodesRef: activities.CodesRef{CampaignRef: ref, ActionID: last}, Made: 1},
	}, f.ended)
	require.Equal(t, 3, f.announced, "distributions that wait hear of each order, even a failed one may have made some")
}

func TestGenerationContinuesAsNewWithItsOrders(t *testing.T) {
	t.Parallel()
	f := newCodesFake()
	orders := []uuid.UUID{f.order(120, nil), f.order(10, nil)}
	env := f.environment(t)
	env.SetContinueAsNewSuggested(true)
	ref := campaignRef()
	env.ExecuteWorkflow(GenerateCodes, CodesState{CampaignRef: ref, Orders: orders})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	var state CodesState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &state))
	require.Equal(t, CodesState{CampaignRef: ref, Orders: orders}, state)
}

func TestImportTellsWhoWaitsForCodes(t *testing.T) {
	t.Parallel()
	f := newCodesFake()
	env := f.environment(t)
	env.ExecuteWorkflow(ImportCodes, activities.CodesRef{CampaignRef: campaignRef(), ActionID: uuid.New()})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 1, f.announced)

	alone := newCodesFake()
	env = alone.environment(t)
	env.ExecuteWorkflow(ImportCodes, activities.CodesRef{ActionID: uuid.New()})
	require.NoError(t, env.GetWorkflowError())
	require.Zero(t, alone.announced, "vouchers without a campaign are nobody's to wait for")
}

func TestAnActionThatCannotBeDoneFails(t *testing.T) {
	t.Parallel()
	f := newCodesFake()
	env := f.environment(t)
	ref := activities.CodesRef{CampaignRef: campaignRef(), ActionID: uuid.New()}
	env.ExecuteWorkflow(DeleteCampaign, ref)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []activities.CodesEnd{{CodesRef: ref, Failure: "the campaign is used"}}, f.ended)
}
