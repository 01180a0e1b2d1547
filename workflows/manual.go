package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// ManualDistribution sends one manual distribution: wait until the segment is synced, count the delay down, send to everyone,
// come back for those who had to wait. It returns what became of the messages. Its state is its input, so continuing as new
// is starting with what it knows.
func ManualDistribution(ctx workflow.Context, state ManualState) (message.Tally, error) {
	d := &manual{flight: flight{Flight: state.Flight}, Countdown: state.Countdown}
	d.of = d
	ctx = d.stopOnCancel(ctx)
	if err := d.listen(ctx); err != nil {
		return d.Tally, err
	}
	err := d.run(ctx)
	return d.Tally, err
}

// ManualState is all that a run knows.
type ManualState struct {
	Flight
	Countdown
}

// Countdown is what comes before a manual distribution's first message.
type Countdown struct {
	Delay     time.Duration  `json:",omitzero"` // from the synced segment to the first message
	SegmentID *uuid.UUID     `json:",omitzero"` // whom to wait for
	SendAt    time.Time      `json:",omitzero"` // the end of the countdown
	Retry     message.Status `json:",omitzero"` // where the run sends failed or unknown messages again: those
}

// manual is a run of a manual distribution.
type manual struct {
	flight
	Countdown
}

func (d *manual) run(ctx workflow.Context) error {
	if d.Phase == "" {
		if err := d.confirm(ctx); err != nil {
			return d.fail(ctx, err)
		}
	}
	for d.Phase != distribution.Sending && !d.Stopped {
		if d.due(ctx) {
			return d.continueAsNew(ctx, ManualDistribution)
		}
		step := d.coolOff
		if d.Phase == distribution.Syncing {
			step = d.waitForSync
		}
		if err := step(ctx); err != nil {
			return d.fail(ctx, err)
		}
	}
	for !d.Stopped {
		if d.due(ctx) {
			return d.continueAsNew(ctx, ManualDistribution)
		}
		done, err := d.sendToEveryone(ctx)
		if err == nil && done {
			done, err = d.count(ctx)
		}
		if err != nil {
			return d.fail(ctx, err)
		}
		if done && !d.Stopped {
			return d.finish(ctx)
		}
	}
	return d.stop(ctx)
}

// confirm adopts what was confirmed, and begins with what it needs first.
func (d *manual) confirm(ctx workflow.Context) error {
	if d.Retry != "" {
		return d.confirmRetry(ctx)
	}
	if err := d.adopt(ctx, d.Version); err != nil {
		return err
	}
	return d.enter(ctx, d.Actor, "confirmed")
}

// adopt makes a version the one that is sent. Whom it is for may have changed, so the phase starts over where it must.
func (d *manual) adopt(ctx workflow.Context, version int) error {
	ref := d.VersionRef
	ref.Version = version
	plan, err := call(d.ledger(ctx, "adopt version"), hands.AdoptVersion, ref)
	if err != nil {
		return err
	}
	moved := d.SegmentID == nil || plan.SegmentID == nil || *d.SegmentID != *plan.SegmentID
	d.Version, d.SegmentID = version, plan.SegmentID
	switch {
	case !moved:
	case plan.SegmentID != nil:
		d.Phase = distribution.Syncing
	case d.Phase != distribution.Scheduled:
		d.Phase = distribution.Scheduled
		d.SendAt = workflow.Now(ctx).Add(d.Delay)
	}
	if moved && d.interrupt != nil {
		d.interrupt() // nobody needs to wait for the segment that it was before
	}
	d.Next, d.Looked = 1, -1
	return nil
}

// waitForSync holds until every customer was held against the segment; then the countdown begins.
func (d *manual) waitForSync(ctx workflow.Context) error {
	segment := *d.SegmentID
	waiting, end := d.interruptible(ctx)
	err := do(d.patient(waiting, "wait until the segment has synced"), segments.AwaitSegment, activities.AwaitSegmentInput{
		ProjectID: d.ProjectID, SegmentID: segment,
	})
	end()
	if err != nil {
		return ignoreCancel(err)
	}
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	if d.Stopped || d.Phase != distribution.Syncing || *d.SegmentID != segment {
		return nil // an edit chose somebody else meanwhile
	}
	d.Phase = distribution.Scheduled
	d.SendAt = workflow.Now(ctx).Add(d.Delay)
	return d.record(ctx, "herald", "countdown_started")
}

// coolOff holds the send until SendAt. Stopping ends it, editing moves it, a pause outlasts it.
func (d *manual) coolOff(ctx workflow.Context) error {
	sendAt := d.SendAt
	moved := func() bool { return d.Stopped || d.Phase != distribution.Scheduled || !d.SendAt.Equal(sendAt) }
	if left := sendAt.Sub(workflow.Now(ctx)); left > 0 {
		d.show(ctx)
		_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      left,
			TimerOptions: workflow.TimerOptions{Summary: "countdown, sends " + sendAt.UTC().Format("15:04:05 UTC")},
		}, moved)
		if err != nil || moved() {
			return err
		}
	}
	if err := workflow.Await(ctx, func() bool { return moved() || !d.Paused }); err != nil || moved() {
		return err
	}
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	if moved() || d.Paused {
		return nil
	}
	d.Phase, d.Started = distribution.Sending, workflow.Now(ctx)
	return d.record(ctx, "herald", "sending_started")
}

// finish ends a run that has nothing left to send.
func (d *manual) finish(ctx workflow.Context) error {
	if d.Tally.Total() == 0 {
		return d.end(ctx, distribution.Failed, distribution.ReasonEmptyAudience, "herald", "failed")
	}
	return d.end(ctx, distribution.Sent, "", "herald", "sent")
}

// confirmRetry begins a run that sends failed or unknown messages of an ended one again.
func (d *manual) confirmRetry(ctx workflow.Context) error {
	if err := d.makeDue(ctx, d.Retry); err != nil {
		return err
	}
	d.Phase, d.Started, d.Enrolled, d.Next, d.Looked = distribution.Sending, workflow.Now(ctx), true, 1, -1
	d.After = uuid.UUID{}
	return d.enter(ctx, d.Actor, "retry_started")
}

func (d *manual) state() any { return ManualState{d.Flight, d.Countdown} }

func (d *manual) sendAt() *time.Time {
	if d.Phase != distribution.Scheduled {
		return nil
	}
	return &d.SendAt
}

func (d *manual) complete() bool { return d.Enrolled }

func (d *manual) queue() string { return SendQueue }
