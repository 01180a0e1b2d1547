package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/message"
)

// The controls are updates: whoever asks gets a yes, or the reason why not, and never a race. A validator decides on what
// the run knows at that instant; the handler changes the state and writes it down, and the run notices.

// Order is a control with who gave it.
type Order struct {
	Actor   string
	Version int            // of an edit: what is to be sent from now on
	Restart bool           // of an edit: the countdown begins again
	Retry   message.Status `json:",omitzero"` // of a retry: which messages are sent again
}

// Answer says where the distribution stands after a control.
type Answer struct {
	Status distribution.Status
	SendAt time.Time
}

// confirmed is the update that waits for a run's first step, so that whoever starts a run hears where it stands.
const confirmed = "confirmed"

// CodesAdded tells a run that its campaign has new codes.
var CodesAdded = Signal{"codes-added"}

// handler is how a kind of distribution takes a control.
type handler struct {
	name   distribution.Control
	about  string
	handle func(workflow.Context, Order) error
}

func (d *flight) listen(ctx workflow.Context) error {
	d.turn = workflow.NewMutex(ctx)
	err := workflow.SetUpdateHandlerWithOptions(ctx, confirmed, func(ctx workflow.Context) (Answer, error) {
		err := workflow.Await(ctx, func() bool { return d.Phase != "" && !d.turn.IsLocked() })
		return d.answer(), err
	}, workflow.UpdateHandlerOptions{Description: "waits until the run has begun"})
	if err != nil {
		return err
	}
	for _, control := range d.of.handlers() {
		if err := d.control(ctx, control.name, control.about, control.handle); err != nil {
			return err
		}
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for CodesAdded.receive(ctx) {
			d.codesAdded(ctx)
		}
	})
	return nil
}

func (d *flight) control(ctx workflow.Context, name distribution.Control, about string, handle func(workflow.Context, Order) error) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, string(name),
		func(ctx workflow.Context, order Order) (Answer, error) {
			if err := d.turn.Lock(ctx); err != nil {
				return Answer{}, err
			}
			defer d.turn.Unlock()
			if err := d.check(name); err != nil { // another control may have come first
				return Answer{}, err
			}
			err := handle(ctx, order)
			return d.answer(), err
		},
		workflow.UpdateHandlerOptions{
			Description: about,
			Validator:   func(workflow.Context, Order) error { return d.check(name) },
		})
}

// check is nil where the control fits where the run stands now.
func (d *flight) check(control distribution.Control) error {
	if d.Stopped {
		return refusal(fault.New(fault.Conflict, "the distribution is being stopped"))
	}
	var misfit *fault.Error
	if errors.As(d.status().Check(control), &misfit) {
		return refusal(misfit)
	}
	return d.of.misfit(control)
}

func refusal(f *fault.Error) error {
	return temporal.NewNonRetryableApplicationError(f.Details, string(f.Code), nil)
}

// status is where the run stands, as people see it.
func (d *flight) status() distribution.Status {
	if d.Paused {
		return distribution.Paused
	}
	return d.Phase
}

func (d *flight) answer() Answer {
	answer := Answer{Status: d.status()}
	if at := d.of.sendAt(); at != nil {
		answer.SendAt = *at
	}
	return answer
}

func (d *flight) pause(ctx workflow.Context, order Order) error {
	d.Paused, d.PauseReason = true, distribution.ReasonByRequest
	if d.interrupt != nil && d.Phase == distribution.Sending {
		d.interrupt()
	}
	return d.record(ctx, order.Actor, "paused")
}

func (d *flight) resume(ctx workflow.Context, order Order) error {
	d.NewCodes = d.NewCodes || d.PauseReason == distribution.ReasonOutOfCodes
	d.Paused, d.PauseReason = false, ""
	return d.record(ctx, order.Actor, "resumed")
}

func (d *flight) stopNow(_ workflow.Context, order Order) error {
	d.halt(order.Actor)
	return nil
}

func (d *flight) halt(actor string) {
	d.Stopped, d.StoppedBy = true, actor
	if d.interrupt != nil {
		d.interrupt()
	}
}

// codesAdded lets those who wait for a code have one; a run that had paused for want of codes goes on by itself.
func (d *flight) codesAdded(ctx workflow.Context) {
	d.NewCodes = true
	if err := d.turn.Lock(ctx); err != nil {
		return
	}
	defer d.turn.Unlock()
	if d.Paused && d.PauseReason == distribution.ReasonOutOfCodes && !d.Stopped {
		d.Paused, d.PauseReason = false, ""
		if err := d.record(ctx, "herald", "codes_added"); err != nil && d.failure == nil {
			d.failure = err
		}
	}
}
