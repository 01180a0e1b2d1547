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
	d := &manual{ManualState: state}
	ctx = d.stopOnCancel(ctx)
	if err := d.listen(ctx); err != nil {
		return d.Tally, err
	}
	err := d.run(ctx)
	return d.Tally, err
}

// ManualState is all that a run knows: ids, counts and where it stands.
type ManualState struct {
	activities.VersionRef
	Actor string        `json:",omitzero"` // who confirmed it
	Delay time.Duration `json:",omitzero"` // from the synced segment to the first message

	Phase     distribution.Status `json:",omitzero"` // syncing, scheduled or sending; "" before the first step
	SegmentID *uuid.UUID          `json:",omitzero"` // whom to wait for
	SendAt    time.Time           `json:",omitzero"` // the end of the countdown

	Paused      bool           `json:",omitzero"`
	PauseReason string         `json:",omitzero"`
	Stopped     bool           `json:",omitzero"`
	StoppedBy   string         `json:",omitzero"`
	Retry       message.Status `json:",omitzero"` // where the run sends failed or unknown messages again: those

	After    uuid.UUID          `json:",omitzero"` // the last customer enrolled
	Enrolled bool               `json:",omitzero"` // nobody is left to enrol
	Last     int64              `json:",omitzero"` // the highest number of a message so far
	Next     int64              `json:",omitzero"` // the first number that no batch has taken yet
	Open     []activities.Range `json:",omitzero"` // batches to send before new ones: interrupted, or of this round
	Looked   int64              `json:",omitzero"` // how far this round has looked for open thousands
	Round    int                `json:",omitzero"` // the first pass is 0
	NewCodes bool               `json:",omitzero"` // codes were added since the last look
	Tally    message.Tally      `json:",omitzero"`
	Started  time.Time          `json:",omitzero"` // of the first pass, for the rate

	// StepsPerRun ends a run after so many activities, where the engine's own suggestion would come too late for a test.
	StepsPerRun int `json:",omitzero"`
}

// manual is a run: its state, and what lives only as long as the run.
type manual struct {
	ManualState
	turn      workflow.Mutex      // one change of standing at a time
	interrupt workflow.CancelFunc // ends the batches under way; nil between passes
	steps     int
	failure   error // what no retry cures
}

func (d *manual) run(ctx workflow.Context) error {
	if d.Phase == "" {
		if err := d.confirm(ctx); err != nil {
			return d.fail(ctx, err)
		}
	}
	for d.Phase != distribution.Sending && !d.Stopped {
		if d.due(ctx) {
			return d.continueAsNew(ctx)
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
			return d.continueAsNew(ctx)
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

// count counts every message before the run ends; false where the cheaper look for what is left has missed some.
func (d *manual) count(ctx workflow.Context) (complete bool, err error) {
	d.Tally, err = call(d.walking(ctx, "count the messages"), rounds.CountMessages, d.Ref)
	return d.Tally.Pending == 0, err
}

// finish ends a run that has nothing left to send.
func (d *manual) finish(ctx workflow.Context) error {
	if d.Tally.Total() == 0 {
		return d.end(ctx, distribution.Failed, distribution.ReasonEmptyAudience, "herald", "failed")
	}
	return d.end(ctx, distribution.Sent, "", "herald", "sent")
}

// stop ends a run for good: what has not left never leaves.
func (d *manual) stop(ctx workflow.Context) error {
	tally, err := call(d.walking(ctx, "stop the rest"), rounds.StopRest, d.Ref)
	if err != nil {
		return err
	}
	d.Tally = tally
	return d.end(ctx, distribution.Stopped, "", d.StoppedBy, "stopped")
}

// stopOnCancel makes a cancellation from the engine's side, its UI or its CLI, a stop like any other: ctx itself goes on, so
// that a run can end in order.
func (d *manual) stopOnCancel(ctx workflow.Context) workflow.Context {
	uncancelled, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(uncancelled, func(own workflow.Context) {
		ctx.Done().Receive(own, nil)
		d.halt("engine")
	})
	return uncancelled
}

// fail ends a run that cannot go on, and says why where people look: what was not sent stays as it is.
func (d *manual) fail(ctx workflow.Context, cause error) error {
	if err := d.end(ctx, distribution.Failed, reasonOf(cause), "herald", "failed"); err != nil {
		return err
	}
	return cause
}

func (d *manual) end(ctx workflow.Context, status distribution.Status, reason, actor, event string) error {
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	d.Phase, d.Paused = status, false
	err := d.write(ctx, status, reason, actor, event)
	d.turn.Unlock() // who waits for a turn still gets an answer: that the run has ended
	if err != nil {
		return err
	}
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
