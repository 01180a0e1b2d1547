package workflows

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// harness runs a distribution in the SDK's test environment, which skips time, through as many runs as it continues as new:
// the clock, the ledger and the controls that no run has taken yet are carried over.
type harness struct {
	t      *testing.T
	ledger *ledgerFake
	began  time.Time
	runs   int

	mu     sync.Mutex
	env    *testsuite.TestWorkflowEnvironment
	timed  []*timedAct
	orders []*order
	tally  message.Tally
	err    error // that the last run ended with
}

// timedAct is something that happens at an instant after the beginning.
type timedAct struct {
	at   time.Duration
	do   func(h *harness)
	done bool
}

// order is a control on its way to the run, and what the run said to it.
type order struct {
	name      string
	input     any
	signal    bool
	delivered bool // the run has it, or has refused it
	accepted  bool
	completed bool
	answer    Answer
	err       error  // a refusal, or what the handler failed with
	refusal   string // what it must say; "" where the run must take the order
}

// check holds what the run said against what it should say. An order that no run has taken met one that had ended.
func (o *order) check(t *testing.T) {
	switch {
	case o.refusal != "":
		require.ErrorContains(t, o.err, o.refusal, o.name)
	case !o.delivered:
		require.Fail(t, "no run took the order", o.name)
	default:
		require.NoError(t, o.err, o.name)
	}
}

// endless bounds the runs of one distribution.
const endless = 2000

// start is when every distribution of the tests is confirmed.
var start = time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)

// run carries a distribution from its confirmation to its end; a run ends after stepsPerRun activities where that is not 0.
func (h *harness) run(state ManualState, stepsPerRun int) {
	state.StepsPerRun = stepsPerRun
	carry(h, ManualDistribution, state)
}

// carry runs a distribution from a state through as many runs as it continues as new.
func carry[State any](h *harness, run any, state State) {
	h.began = start
	h.order(confirmed, nil)
	for clock := start; h.runs < endless; {
		env := h.environment(clock)
		env.ExecuteWorkflow(run, state)
		require.True(h.t, env.IsWorkflowCompleted())
		h.settle()
		clock = env.Now()
		h.err = env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if !errors.As(h.err, &next) {
			if h.err == nil {
				require.NoError(h.t, env.GetWorkflowResult(&h.tally))
			}
			return
		}
		var fresh State
		state = fresh
		require.NoError(h.t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &state))
		h.runs++
	}
	require.Fail(h.t, "the distribution has no end")
}

// environment is a fresh one with everything that is still to happen.
func (h *harness) environment(clock time.Time) *testsuite.TestWorkflowEnvironment {
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(clock)
	env.SetTestTimeout(20 * time.Second)
	env.RegisterWorkflow(ManualDistribution)
	env.RegisterWorkflow(AutomaticDistribution)
	env.RegisterActivity(h.ledger)
	env.SetOnActivityCanceledListener(func(info *activity.Info) {
		h.ledger.interrupt(activityKey(info.WorkflowExecution.RunID, info.ActivityID))
	})
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if beats := info.HeartbeatTimeout; info.StartToCloseTimeout > 30*time.Second && (beats == 0 || beats > 15*time.Second) {
			h.ledger.breaks("nobody notices soon when a worker dies in %s", info.ActivityType.Name)
		}
	})
	h.ledger.mu.Lock()
	h.ledger.now = env.Now
	h.ledger.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.env = env
	for _, act := range h.timed {
		if !act.done {
			env.RegisterDelayedCallback(func() {
				act.done = true
				act.do(h)
			}, max(h.began.Add(act.at).Sub(clock), 1))
		}
	}
	for _, o := range h.orders {
		if !o.delivered {
			env.RegisterDelayedCallback(func() { h.deliver(env, o) }, 0)
		}
	}
	return env
}

// settle sees that a run that has ended left no caller without an answer.
func (h *harness) settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.orders {
		require.False(h.t, o.accepted && !o.completed, "%s was accepted and never answered", o.name)
	}
}

// order gives the run a control, or the next run where this one is about to end; it may be called from anywhere.
func (h *harness) order(name string, input any) *order {
	return h.give(&order{name: name, input: input})
}

func (h *harness) give(o *order) *order {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.orders = append(h.orders, o)
	if env := h.env; env != nil {
		env.RegisterDelayedCallback(func() { h.deliver(env, o) }, 0)
	}
	return o
}

// deliver runs on the environment's own loop.
func (h *harness) deliver(env *testsuite.TestWorkflowEnvironment, o *order) {
	if o.signal {
		env.SignalWorkflow(o.name, o.input)
		env.RegisterDelayedCallback(func() { h.note(func() { o.delivered = true }) }, 0)
		return
	}
	var args []any
	if o.input != nil {
		args = []any{o.input}
	}
	env.UpdateWorkflow(o.name, "", &testsuite.TestUpdateCallback{
		OnAccept: func() { h.note(func() { o.delivered, o.accepted = true, true }) },
		OnReject: func(err error) { h.note(func() { o.delivered, o.err = true, err }) },
		OnComplete: func(result any, err error) {
			h.note(func() {
				o.completed, o.err = true, err
				o.answer, _ = result.(Answer)
			})
		},
	}, args...)
}

func (h *harness) note(what func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	what()
}

// control gives an order in the name of ops.
func (h *harness) control(name distribution.Control) *order {
	if name == distribution.Resume || name == distribution.SendNow {
		h.ledger.resumes()
	}
	return h.order(string(name), Order{Actor: "ops"})
}

// refused gives an order that the run must refuse, with what it must say.
func (h *harness) refused(name distribution.Control, why string) *order {
	return h.give(&order{name: string(name), input: Order{Actor: "ops", Version: 2}, refusal: why})
}

// wait returns once the run has taken an order up or refused it.
func (h *harness) wait(o *order) {
	require.Eventually(h.t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return o.delivered
	}, 10*time.Second, time.Millisecond)
}

func (h *harness) edit(version int, restart bool) *order {
	return h.order(string(distribution.Edit), Order{Actor: "ops", Version: version, Restart: restart})
}

// addCodes puts codes into the campaign and tells the run.
func (h *harness) addCodes(n int) {
	h.ledger.addCodes(n)
	h.give(&order{name: CodesAdded.name, signal: true})
}

// at makes something happen at an instant after the beginning.
func (h *harness) at(at time.Duration, do func(h *harness)) {
	h.timed = append(h.timed, &timedAct{at: at, do: do})
}

// confirmedState is a distribution as it is confirmed.
func confirmedState() ManualState {
	return ManualState{
		Flight: Flight{
			VersionRef: activities.VersionRef{Ref: activities.Ref{ProjectID: project, DistributionID: one}, Version: 1}, Actor: "app",
		},
		Countdown: Countdown{Delay: 10 * time.Minute},
	}
}

var (
	project = uuid.MustParse("0190a000-0000-7000-8000-000000000001")
	one     = uuid.MustParse("0190a000-0000-7000-8000-000000000002")
)

// quiet keeps the environment's own log out of the tests' output.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// segmentOf is a segment for the tests, by its number.
func segmentOf(n int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "segment ", n)) }
