package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// AutomaticDistribution answers what customers do, for as long as it is live: the relay tells it which occurrences there are, it
// turns each batch of them into messages and sends those. It continues as new for ever; what it carries over is counts.
func AutomaticDistribution(ctx workflow.Context, state AutomaticState) (message.Tally, error) {
	d := &automatic{flight: flight{Flight: state.Flight}, Live: state.Live}
	d.of = d
	ctx = d.stopOnCancel(ctx)
	if err := d.listen(ctx); err != nil {
		return d.Tally, err
	}
	err := d.run(ctx)
	return d.Tally, err
}

// AutomaticState is all that a run knows.
type AutomaticState struct {
	Flight
	Live
}

// Live is what a live distribution knows beside its messages.
type Live struct {
	Until     time.Time `json:",omitzero"` // its expiration date
	Triggered int64     `json:",omitzero"` // occurrences so far

	Look    bool      `json:",omitzero"` // messages may wait that the run has not seen
	Known   int64     `json:",omitzero"` // how many wait, as it has last seen
	NextDue time.Time `json:",omitzero"` // when the first of those is due; zero while none is known
}

// Triggered is what the relay tells a run: the numbers of occurrences, in their order.
type Triggered struct{ Occurrences []int64 }

// triggers is how the relay tells. The same occurrence may be told twice: its messages are enrolled once.
var triggers = News[Triggered]{"triggers"}

const (
	// enrolsAtOnce bounds how many occurrences become messages in one transaction.
	enrolsAtOnce = 1000
	// looksApart is how long a run waits before it looks again for messages that wait.
	looksApart = time.Second
)

// automatic is a run of an automatic distribution.
type automatic struct {
	flight
	Live
	pace pace
}

func (d *automatic) run(ctx workflow.Context) error {
	if d.Phase == "" {
		if err := d.goLive(ctx); err != nil {
			return d.fail(ctx, err)
		}
	}
	for !d.Stopped && d.Phase == distribution.Live {
		if d.due(ctx) {
			return d.carryOn(ctx)
		}
		if err := d.serve(ctx); err != nil {
			return d.fail(ctx, err)
		}
		if d.expired(ctx) {
			return d.expire(ctx)
		}
	}
	if d.Phase != distribution.Live && !d.Stopped {
		return nil // the ledger says that it has ended: it was told of something that happened before
	}
	return d.stop(ctx)
}

// goLive begins a run: the first, one that sends again, or one that the relay brought back after somebody ended it in the engine.
func (d *automatic) goLive(ctx workflow.Context) error {
	ref := d.VersionRef
	plan, err := call(d.ledger(ctx, "adopt version"), hands.AdoptVersion, ref)
	if err != nil {
		return err
	}
	d.learn(plan)
	d.Last = plan.Last
	d.Next, d.Looked, d.Started, d.Look = plan.Last+1, -1, workflow.Now(ctx), plan.Last > 0
	d.Phase = distribution.Live
	if d.Actor != relay {
		return d.enter(ctx, d.Actor, "live")
	}
	switch plan.Status {
	case distribution.Live:
	case distribution.Paused:
		d.Paused, d.PauseReason = true, plan.Reason
	default:
		d.Phase = plan.Status
		return nil
	}
	if _, err := call(d.walking(ctx, "have what was lost told again"), rounds.TellAgain, d.Ref); err != nil {
		return err
	}
	return d.enter(ctx, relay, "came_back")
}

// relay is the actor of a run that the relay brought back.
const relay = "relay"

// learn takes over what a version says of the run.
func (d *automatic) learn(plan activities.Plan) {
	d.Until, d.Enrolled = plan.Until, d.Enrolled || !plan.IncludeExisting
}

// serve enrols what triggers and sends it, until the run is to pause or resume, to stop, to expire or to continue as new. While
// it is paused it only enrols: as skipped, or held until it resumes.
func (d *automatic) serve(ctx workflow.Context) error {
	d.show(ctx)
	parts := []part{d.enrolTriggered, d.awaitEnd, d.awaitTurn}
	if !d.Paused {
		parts = append(parts, d.enrol, d.send, d.comeBack)
	}
	return d.pass(ctx, parts...)
}

// awaitTurn ends the pass when the run pauses or resumes, so that the next one does what fits.
func (d *automatic) awaitTurn(ctx workflow.Context) error {
	paused := d.Paused
	err := workflow.Await(ctx, func() bool { return !d.serving(ctx) || d.Paused != paused })
	if d.Paused != paused {
		d.again()
	}
	return ignoreCancel(err)
}

// serving reports whether a part of a pass may begin something.
func (d *automatic) serving(ctx workflow.Context) bool {
	return ctx.Err() == nil && !d.Stopped && d.failure == nil && !d.due(ctx) && !d.expired(ctx)
}

func (d *automatic) expired(ctx workflow.Context) bool {
	return !d.Until.IsZero() && !workflow.Now(ctx).Before(d.Until)
}

// awaitEnd ends the pass when the distribution expires.
func (d *automatic) awaitEnd(ctx workflow.Context) error {
	if d.Until.IsZero() {
		return nil
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      d.Until.Sub(workflow.Now(ctx)),
		TimerOptions: workflow.TimerOptions{Summary: "ends " + d.Until.UTC().Format("2006-01-02 15:04:05 UTC")},
	}, func() bool { return !d.serving(ctx) })
	if d.expired(ctx) {
		d.again()
	}
	return ignoreCancel(err)
}

// enrolTriggered turns what the relay tells into messages.
func (d *automatic) enrolTriggered(ctx workflow.Context) error {
	for {
		err := workflow.Await(ctx, func() bool { return !d.serving(ctx) || triggers.arrived(ctx) > 0 })
		if err != nil || !d.serving(ctx) {
			return ignoreCancel(err)
		}
		if err := d.enrolArrived(ctx); err != nil {
			return err
		}
	}
}

// enrolArrived enrols what has been told and not been taken, as much as one transaction takes.
func (d *automatic) enrolArrived(ctx workflow.Context) error {
	input := activities.TriggeredInput{VersionRef: d.VersionRef, Paused: d.Paused}
	for len(input.Occurrences) < enrolsAtOnce {
		told, ok := triggers.take(ctx)
		if !ok {
			break
		}
		input.Occurrences = append(input.Occurrences, told.Occurrences...)
	}
	// Enrolling is not interrupted: what was taken would be lost.
	uninterrupted, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	page, err := callHere(d.here(uninterrupted, "enrol "+counted(len(input.Occurrences), "trigger")), enrolment.EnrolTriggered, input)
	if err != nil {
		return err
	}
	d.Triggered += int64(len(input.Occurrences))
	if d.Next > d.Last { // nothing is open: what the relay has skipped since need not be looked at
		d.Next = max(d.Next, page.FirstSeq)
	}
	d.Last = max(d.Last, page.LastSeq)
	d.Look = d.Look || page.Deferred
	return nil
}

// comeBack sends messages that had to wait, once they are due.
func (d *automatic) comeBack(ctx workflow.Context) error {
	for {
		err := d.awaitDue(ctx)
		if err != nil || !d.going(ctx) || d.expired(ctx) {
			return ignoreCancel(err)
		}
		again, err := d.lookForWaiting(ctx)
		if err != nil {
			return err
		}
		if again {
			if err := workflow.Sleep(ctx, looksApart); err != nil {
				return ignoreCancel(err)
			}
		}
	}
}

// lookForWaiting finds what waits and is due. Looking is not interrupted: what was seen would be lost.
func (d *automatic) lookForWaiting(ctx workflow.Context) (again bool, err error) {
	uninterrupted, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	defer d.show(ctx)
	if d.NewCodes {
		if _, err := d.publishWaiting(uninterrupted); err != nil {
			return false, err
		}
	}
	d.Look = false
	counted := d.counted
	round, err := call(d.ledger(uninterrupted, "look for what waits"), rounds.FindRound, activities.RoundInput{Ref: d.Ref, After: d.Looked})
	if err != nil {
		return false, err
	}
	d.Known, d.NextDue = round.Tally.Deferred, time.Time{}
	if d.counted != counted { // a batch has counted meanwhile, perhaps more than this look saw
		d.Look = true
	} else {
		d.Tally = round.Tally
	}
	switch {
	case len(round.Thousands) > 0:
		d.reopen(round.Thousands)
		d.Look = true
		return true, nil
	case d.Looked >= 0:
		d.Looked, d.Look = -1, true // this look is over; the next one starts from the beginning
		return true, nil
	case round.OutOfCodes > 0:
		return false, d.outOfCodes(uninterrupted)
	case round.Deferred > 0:
		d.NextDue = round.Due
	}
	return false, nil
}

// reopen makes batches of thousands that have something to send. What nobody has taken yet is sent without that.
func (d *automatic) reopen(thousands []int64) {
	for _, n := range thousands {
		if whole := wholeThousand(n); whole.From < d.Next {
			whole.To = min(whole.To, d.Next-1)
			d.Open = append(d.Open, whole)
		}
		d.Looked = n
	}
}

// awaitDue holds until messages that wait are due, or may be.
func (d *automatic) awaitDue(ctx workflow.Context) error {
	changed := func() bool {
		return !d.going(ctx) || d.expired(ctx) || d.NewCodes || d.Look || d.Tally.Deferred > d.Known
	}
	if d.NextDue.IsZero() {
		return workflow.Await(ctx, changed)
	}
	left := max(d.NextDue.Sub(workflow.Now(ctx)), looksApart)
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout:      left,
		TimerOptions: workflow.TimerOptions{Summary: "next messages due " + d.NextDue.UTC().Format("15:04:05 UTC")},
	}, changed)
	return err
}

// expire ends a distribution whose time is over: what waits still, never leaves.
func (d *automatic) expire(ctx workflow.Context) error {
	tally, err := call(d.walking(ctx, "stop the rest"), rounds.StopRest, activities.RestInput{Ref: d.Ref, Reason: message.ReasonExpired})
	if err != nil {
		return d.fail(ctx, err)
	}
	d.Tally = tally
	return d.end(ctx, distribution.Sent, "", "herald", "expired")
}

// carryOn continues as new once everything that was told is enrolled, so that no list is carried over.
func (d *automatic) carryOn(ctx workflow.Context) error {
	for {
		for triggers.arrived(ctx) > 0 {
			if err := d.enrolArrived(ctx); err != nil {
				return d.fail(ctx, err)
			}
		}
		if err := workflow.Await(ctx, d.settled(ctx)); err != nil {
			return d.fail(ctx, err)
		}
		if triggers.arrived(ctx) == 0 {
			return d.continueAsNew(ctx, AutomaticDistribution)
		}
	}
}

func (d *automatic) state() any         { return AutomaticState{d.Flight, d.Live} }
func (d *automatic) sendAt() *time.Time { return nil }
func (d *automatic) complete() bool     { return false }
func (d *automatic) queue() string      { return TriggeredQueue }

func (d *automatic) doing() string {
	switch {
	case d.Phase != distribution.Live:
		return "has ended"
	case d.Paused && d.PauseReason == distribution.ReasonOutOfCodes:
		return "the campaign is out of codes; add codes, and it goes on by itself"
	case d.Paused:
		return "paused by request; resume it to go on"
	}
	return "answers what customers do"
}
