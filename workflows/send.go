package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

const (
	// batches is how many are under way at once: enough for several workers, few enough that a pause is short.
	batches = 8
	// pagesAhead is how many messages may be enrolled and not yet sent, so that a stop leaves little behind.
	pagesAhead = 20_000
)

// sendToEveryone makes one pass: it enrols whoever is left and sends whatever is open, both at once, and then looks for what
// is left. It returns false where another pass is needed, true when nothing is left.
func (d *flight) sendToEveryone(ctx workflow.Context) (done bool, err error) {
	if err := workflow.Await(ctx, func() bool { return d.Stopped || !d.Paused }); err != nil || d.Stopped {
		return false, err
	}
	parts := append([]part{d.enrol}, slices.Repeat([]part{d.send}, batches)...)
	if err := d.pass(ctx, parts...); err != nil || !d.going(ctx) {
		return false, err
	}
	return d.nextRound(ctx)
}

// part is one of the things that a pass does at once.
type part func(workflow.Context) error

// pass does its parts at once. They end when nothing is left for them, or when the run is to pause, to stop or to continue as new.
func (d *flight) pass(ctx workflow.Context, parts ...part) error {
	ctx, end := d.interruptible(ctx)
	defer end()
	all := workflow.NewWaitGroup(ctx)
	for _, part := range parts {
		all.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer all.Done()
			if err := part(ctx); err != nil && d.failure == nil {
				d.failure = err
				d.interrupt()
			}
		})
	}
	all.Wait(ctx)
	return d.failure
}

// going reports whether new work may begin. A pass that was interrupted begins none, even where the run was resumed before its
// last batch has ended.
func (d *flight) going(ctx workflow.Context) bool {
	return ctx.Err() == nil && !d.Paused && !d.Stopped && d.failure == nil && !d.due(ctx)
}

// enrol writes messages a page at a time, a little ahead of what is sent.
func (d *flight) enrol(ctx workflow.Context) error {
	for !d.Enrolled {
		err := workflow.Await(ctx, func() bool { return !d.going(ctx) || d.Last-d.Next < pagesAhead })
		if err != nil || !d.going(ctx) {
			return ignoreCancel(err)
		}
		// Enrolling is not interrupted: a page is one short transaction.
		uninterrupted, cancel := workflow.NewDisconnectedContext(ctx)
		page, err := call(d.walking(uninterrupted, fmt.Sprintf("enrol from message %d", d.Last+1)), enrolment.EnrolPage,
			activities.EnrolInput{VersionRef: d.VersionRef, After: d.After})
		cancel()
		if err != nil {
			return err
		}
		d.After, d.Last, d.Enrolled = page.After, max(d.Last, page.LastSeq), page.Done
		d.show(ctx)
	}
	return nil
}

// send takes one open batch after the other.
func (d *flight) send(ctx workflow.Context) error {
	for {
		err := workflow.Await(ctx, func() bool { return !d.going(ctx) || d.open() || d.of.complete() })
		if err != nil || !d.going(ctx) || !d.open() {
			return ignoreCancel(err)
		}
		batch := d.take()
		sent, err := call(d.sending(ctx, d.of.queue(), batch), sending.SendBatch, activities.SendInput{VersionRef: d.VersionRef, Range: batch})
		if temporal.IsCanceledError(err) || err == nil && sent.Interrupted {
			d.Open = append(d.Open, batch)
			continue
		}
		if err != nil {
			return err
		}
		d.Tally = sent.Tally
		d.counted++
		d.show(ctx)
	}
}

// open reports whether there is a batch to take.
func (d *flight) open() bool { return len(d.Open) > 0 || d.Next <= d.Last }

// take is the next batch. A batch never spans two thousands.
func (d *flight) take() activities.Range {
	if len(d.Open) > 0 {
		batch := d.Open[0]
		d.Open = d.Open[1:]
		return batch
	}
	batch := activities.Range{From: d.Next, To: min(d.Last, wholeThousand((d.Next-1)/1000).To)}
	d.Next = batch.To + 1
	return batch
}

func wholeThousand(n int64) activities.Range {
	return activities.Range{From: n*1000 + 1, To: (n + 1) * 1000}
}

// nextRound looks for what a pass has left: messages to send now make the next pass; messages that wait for a later attempt
// make the run wait; messages that wait for codes make it pause.
func (d *flight) nextRound(ctx workflow.Context) (done bool, err error) {
	if d.NewCodes {
		if _, err := d.publishWaiting(ctx); err != nil {
			return false, err
		}
	}
	round, err := call(d.ledger(ctx, "look for what is left"), rounds.FindRound, activities.RoundInput{Ref: d.Ref, After: d.Looked})
	if err != nil {
		return false, err
	}
	d.Tally = round.Tally
	d.show(ctx)
	switch {
	case len(round.Thousands) > 0:
		for _, n := range round.Thousands {
			d.Open = append(d.Open, wholeThousand(n))
			d.Looked = n
		}
	case d.Looked >= 0:
		d.Looked = -1 // this look is over; the next one starts from the beginning
	case round.Deferred > 0:
		return false, d.waitForRound(ctx, round.Due)
	case round.OutOfCodes > 0:
		return false, d.outOfCodes(ctx)
	default:
		return true, nil
	}
	return false, nil
}

// waitForRound holds until deferred messages are due.
func (d *flight) waitForRound(ctx workflow.Context, due time.Time) error {
	d.Round++
	// What falls due at about the same time goes in one round.
	left := max(due.Sub(workflow.Now(ctx)), time.Second)
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      left,
		TimerOptions: workflow.TimerOptions{Summary: fmt.Sprintf("round %d, at %s", d.Round, due.UTC().Format("15:04:05 UTC"))},
	}, func() bool { return d.Paused || d.Stopped || d.NewCodes })
	return err
}

// makeDue makes messages that failed, or whose fate is unknown, due again.
func (d *flight) makeDue(ctx workflow.Context, status message.Status) error {
	input := activities.RetryInput{Ref: d.Ref, Status: status}
	_, err := call(d.walking(ctx, "make "+string(status)+" messages due"), rounds.RetryMessages, input)
	return err
}

// publishWaiting gives codes to those who wait for one, and reports whether anybody got one.
func (d *flight) publishWaiting(ctx workflow.Context) (some bool, err error) {
	d.NewCodes = false
	published, err := call(d.walking(ctx, "publish codes to those who wait"), enrolment.PublishWaiting, d.Ref)
	return published.Given > 0, err
}

// outOfCodes pauses until there are codes again, or somebody resumes; unless there are some after all: a campaign that makes its
// own may only have been emptied by others meanwhile.
func (d *flight) outOfCodes(ctx workflow.Context) error {
	if some, err := d.publishWaiting(ctx); err != nil || some {
		return err
	}
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	if d.Paused || d.Stopped || d.NewCodes {
		return nil
	}
	d.Paused, d.PauseReason = true, distribution.ReasonOutOfCodes
	return d.record(ctx, "herald", "out_of_codes")
}

// ignoreCancel is nil for the cancellation that an interrupted pass brings.
func ignoreCancel(err error) error {
	var canceled *temporal.CanceledError
	if errors.As(err, &canceled) {
		return nil
	}
	return err
}
