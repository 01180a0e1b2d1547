package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/distribution"
)

// These name the activities; the worker registers the real ones.
var (
	hands     *activities.Distributions
	segments  *activities.Segments
	enrolment *activities.Enrolment
	rounds    *activities.Rounds
	sending   *activities.Sending
)

// ledger is the policy for a few rows in the database, and counts a step.
func (d *flight) ledger(ctx workflow.Context, summary string) workflow.Context {
	d.steps++
	return ledger(ctx, summary)
}

// here is the policy for a short transaction of many, and counts a step.
func (d *flight) here(ctx workflow.Context, summary string) workflow.Context {
	d.steps++
	return here(ctx, summary)
}

// walking is the policy for all of a distribution's messages, or a page of them, and counts a step.
func (d *flight) walking(ctx workflow.Context, summary string) workflow.Context {
	d.steps++
	return beating(ctx, summary)
}

// patient is the policy for an activity that waits, and beats while it does.
func (d *flight) patient(ctx workflow.Context, summary string) workflow.Context {
	d.steps++
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: 30 * 24 * time.Hour, HeartbeatTimeout: 15 * time.Second, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
}

// sending is the policy for a batch: it may take as long as the provider takes, a worker that falls silent is replaced soon,
// and an interrupted batch is waited for, because what it had on its connections is written down.
func (d *flight) sending(ctx workflow.Context, queue string, batch activities.Range) workflow.Context {
	d.steps++
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: queue, StartToCloseTimeout: 24 * time.Hour, HeartbeatTimeout: 10 * time.Second, WaitForCancellation: true,
		Summary:     "send email " + numbered(batch),
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
	})
}

// interruptible is ctx until end, and meanwhile what a pause, a stop or an edit ends.
func (d *flight) interruptible(ctx workflow.Context) (interruptible workflow.Context, end func()) {
	interruptible, d.interrupt = workflow.WithCancel(ctx)
	return interruptible, func() { d.interrupt = nil }
}

// due reports whether the run should continue as new before it begins anything else.
func (d *flight) due(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || d.StepsPerRun > 0 && d.steps >= d.StepsPerRun
}

// continueAsNew starts over with what is known, once every handler has answered and every change of standing is written down;
// there is no other place that does.
func (d *flight) continueAsNew(ctx workflow.Context, run any) error {
	err := workflow.Await(ctx, d.settled(ctx))
	if err != nil {
		return d.fail(ctx, err)
	}
	for CodesAdded.drain(ctx) {
		d.NewCodes = true
	}
	return workflow.NewContinueAsNewError(ctx, run, d.of.state())
}

// settled is whether every handler has answered and every change of standing is written down.
func (d *flight) settled(ctx workflow.Context) func() bool {
	return func() bool { return workflow.AllHandlersFinished(ctx) && !d.turn.IsLocked() }
}

// record writes where the run stands now, with its line in the log.
func (d *flight) record(ctx workflow.Context, actor, event string) error {
	if d.Paused {
		return d.write(ctx, distribution.Paused, d.PauseReason, actor, event)
	}
	return d.write(ctx, d.Phase, "", actor, event)
}

// enter is record for the first step of a phase.
func (d *flight) enter(ctx workflow.Context, actor, event string) error {
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	return d.record(ctx, actor, event)
}

func (d *flight) write(ctx workflow.Context, status distribution.Status, reason, actor, event string) error {
	standing := activities.Standing{Ref: d.Ref, Status: status, Reason: reason, Actor: actor, Event: event, SendAt: d.of.sendAt()}
	if d.Tally.Total() > 0 {
		standing.Tally = &d.Tally
	}
	if err := do(d.ledger(ctx, "record "+string(status)), hands.RecordStatus, standing); err != nil {
		return err
	}
	d.show(ctx)
	return workflow.UpsertTypedSearchAttributes(ctx, statusAttribute.ValueSet(string(status)))
}
