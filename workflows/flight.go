package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// Flight is what every run of a distribution knows of its messages: ids, counts and where it stands.
type Flight struct {
	activities.VersionRef
	Actor string              `json:",omitzero"` // who confirmed it
	Phase distribution.Status `json:",omitzero"` // "" before the first step

	Paused      bool   `json:",omitzero"`
	PauseReason string `json:",omitzero"`
	Stopped     bool   `json:",omitzero"`
	StoppedBy   string `json:",omitzero"`

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

// flight is a run: what it knows, and what lives only as long as the run.
type flight struct {
	Flight
	of        kind
	turn      workflow.Mutex      // one change of standing at a time
	interrupt workflow.CancelFunc // ends the batches under way; nil between passes
	steps     int
	counted   int   // how often a batch has counted the messages
	failure   error // what no retry cures
}

// kind is what the kinds of distributions do differently.
type kind interface {
	state() any // the whole input of the next run
	doing() string
	figures() []figure // counts that are its own
	facts(now time.Time) []string
	sendAt() *time.Time // the end of the countdown, where one runs
	misfit(distribution.Control) error
	handlers() []handler
	complete() bool // nothing more will be enrolled
	queue() string  // where its messages leave
}

// count counts every message before the run ends; false where the cheaper look for what is left has missed some.
func (d *flight) count(ctx workflow.Context) (complete bool, err error) {
	d.Tally, err = call(d.walking(ctx, "count the messages"), rounds.CountMessages, d.Ref)
	return d.Tally.Pending == 0, err
}

// stop ends a run for good: what has not left never leaves.
func (d *flight) stop(ctx workflow.Context) error {
	tally, err := call(d.walking(ctx, "stop the rest"), rounds.StopRest, activities.RestInput{Ref: d.Ref})
	if err != nil {
		return err
	}
	d.Tally = tally
	return d.end(ctx, distribution.Stopped, "", d.StoppedBy, "stopped")
}

// stopOnCancel makes a cancellation from the engine's side, its UI or its CLI, a stop like any other: ctx itself goes on, so
// that a run can end in order.
func (d *flight) stopOnCancel(ctx workflow.Context) workflow.Context {
	uncancelled, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(uncancelled, func(own workflow.Context) {
		ctx.Done().Receive(own, nil)
		d.halt("engine")
	})
	return uncancelled
}

// fail ends a run that cannot go on, and says why where people look: what was not sent stays as it is.
func (d *flight) fail(ctx workflow.Context, cause error) error {
	if err := d.end(ctx, distribution.Failed, reasonOf(cause), "herald", "failed"); err != nil {
		return err
	}
	return cause
}

func (d *flight) end(ctx workflow.Context, status distribution.Status, reason, actor, event string) error {
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
