// Package workflows is the plan: it says when. Everything here is deterministic and does no I/O; an activity does each
// thing, and only ids, counts and reasons pass through, never personal data, because history keeps what passes. A workflow
// is a function with a state struct that is also its input, so continuing as new is the same as starting.
package workflows

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// The task queues. Sending has its own, so that slow providers never keep the ledger's short activities waiting; so has work on
// many rows for which nobody waits, of which a worker does little at once, so that a thousand imports leave connections to the
// database for what a customer has just triggered.
const (
	Queue          = "herald"
	HeavyQueue     = "herald-heavy"
	SendQueue      = "herald-send"
	TriggeredQueue = "herald-triggered" // messages that somebody's doing has caused overtake those sent to everyone
)

// Register is the one list of workflows.
func Register(r worker.WorkflowRegistry) {
	for _, w := range []any{
		ManualDistribution, SyncSegment, DriftSegments, SaveCustomers, TestMessage, GenerateCodes, ImportCodes,
		UpdateVouchers, MergeMetadata, DeleteCampaign, ImportOrders, WriteExport, ExpirePoints, ActivatePoints, RenewTiers, AutomaticDistribution,
	} {
		r.RegisterWorkflow(w)
	}
}

// Whatever an activity works on, a worker that dies in its middle is noticed within half a minute.

// ledger is the policy for a few rows in the database: short, and retried for as long as the database is away.
func ledger(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: 30 * time.Second, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
	})
}

// here is ledger for what is so short and comes so often that the engine's part would be most of it: the policy of callHere.
func here(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: time.Minute, Summary: summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
	})
}

// beating is ledger for many rows: it takes as long as it takes, and beats meanwhile.
func beating(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithHeartbeatTimeout(workflow.WithStartToCloseTimeout(ledger(ctx, summary), time.Hour), 15*time.Second)
}

// heavy is beating for imports, exports, codes and what walks over all customers or cards.
func heavy(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithTaskQueue(beating(ctx, summary), HeavyQueue)
}

// call runs one activity and returns what it returned; activities are named by their method, so types are checked.
func call[In, Out any](ctx workflow.Context, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(ctx, activity, in).Get(ctx, &out)
	return out, err
}

// callHere is call for an activity that the worker runs beside the workflow's own code, without the engine, which only keeps what
// came of it.
func callHere[In, Out any](ctx workflow.Context, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteLocalActivity(ctx, activity, in).Get(ctx, &out)
	return out, err
}

// do is call for an activity that returns nothing.
func do[In any](ctx workflow.Context, activity func(context.Context, In) error, in In) error {
	return workflow.ExecuteActivity(ctx, activity, in).Get(ctx, nil)
}

// reasonOf is what people are told of the error that ended a run: the fault's code where it is one.
func reasonOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.Type() != "" {
		return application.Type() + ": " + application.Message()
	}
	return err.Error()
}
