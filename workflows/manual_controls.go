package workflows

import (
	"go.temporal.io/sdk/workflow"

	"herald/internal/distribution"
	"herald/internal/fault"
)

func (d *manual) handlers() []handler {
	return []handler{
		{distribution.Edit, "sends another version; only before anything was sent", d.edit},
		{distribution.Pause, "holds the send; what is on a connection still arrives", d.pause},
		{distribution.Resume, "goes on after a pause", d.resume},
		{distribution.Stop, "ends it for good; what has not left never leaves", d.stopNow},
		{distribution.SendNow, "ends the countdown", d.sendNow},
	}
}

// misfit is why a control comes too early or too late.
func (d *manual) misfit(control distribution.Control) error {
	if control == distribution.SendNow && d.Phase == distribution.Syncing {
		return refusal(fault.New(fault.Conflict, "the segment is still syncing; there is no countdown to end yet"))
	}
	begun := d.Phase != distribution.Syncing && d.Phase != distribution.Scheduled
	if begun && (control == distribution.Edit || control == distribution.SendNow) {
		return refusal(fault.New(fault.Conflict, "messages are already being sent; %q is for before", control))
	}
	return nil
}

func (d *manual) edit(ctx workflow.Context, order Order) error {
	if err := d.adopt(ctx, order.Version); err != nil {
		return err
	}
	if order.Restart && d.Phase == distribution.Scheduled {
		d.SendAt = workflow.Now(ctx).Add(d.Delay)
	}
	return d.record(ctx, order.Actor, "edited")
}

func (d *manual) sendNow(ctx workflow.Context, order Order) error {
	d.SendAt = workflow.Now(ctx)
	d.Paused, d.PauseReason = false, ""
	return d.record(ctx, order.Actor, "sent_now")
}
