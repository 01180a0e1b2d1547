package workflows

import (
	"go.temporal.io/sdk/workflow"

	"herald/internal/distribution"
)

func (d *automatic) handlers() []handler {
	return []handler{
		{distribution.Edit, "another version answers what triggers from now on", d.edit},
		{distribution.Pause, "sends nothing until it is resumed", d.pause},
		{distribution.Resume, "goes on after a pause", d.flight.resume},
		{distribution.Retry, "sends failed or unknown messages again", d.retry},
		{distribution.Stop, "ends it for good; what has not left never leaves", d.stopNow},
	}
}

// misfit is nil: a live distribution takes every control at any time.
func (d *automatic) misfit(distribution.Control) error { return nil }

// edit makes another version the one that answers. Messages name theirs, so what was enrolled before stays as it was.
func (d *automatic) edit(ctx workflow.Context, order Order) error {
	ref := d.VersionRef
	ref.Version = order.Version
	plan, err := call(d.ledger(ctx, "adopt version"), hands.AdoptVersion, ref)
	if err != nil {
		return err
	}
	d.Version = order.Version
	d.learn(plan)
	d.again()
	return d.record(ctx, order.Actor, "edited")
}

// pause also ends the batches under way; what is on a connection still arrives.
func (d *automatic) pause(ctx workflow.Context, order Order) error {
	d.Look = true // for when it resumes
	d.again()
	return d.flight.pause(ctx, order)
}

// retry makes messages due that failed, or whose fate is unknown; the run then finds them as it finds whatever waits.
func (d *automatic) retry(ctx workflow.Context, order Order) error {
	if err := d.makeDue(ctx, order.Retry); err != nil {
		return err
	}
	d.Look = true
	return d.record(ctx, order.Actor, "retry_started")
}

// again ends the pass, so that the next one does what fits where the run stands.
func (d *automatic) again() {
	if d.interrupt != nil {
		d.interrupt()
	}
}
