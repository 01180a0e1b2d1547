// Package distribution says what a distribution is and what may be done with it: its words, which trigger, action and
// channel fit together, and which control fits which status. It is pure: it knows no database, no engine and no HTTP.
package distribution

import (
	"herald/internal/fault"
)

// Status is where a distribution stands.
type Status string

// The statuses. A draft is the API's; every later one is written by the distribution's own run alone.
const (
	Draft     Status = "draft"
	Syncing   Status = "syncing"   // waits for its segment
	Scheduled Status = "scheduled" // counts down
	Sending   Status = "sending"
	Paused    Status = "paused"
	Sent      Status = "sent"
	Live      Status = "live"
	Stopped   Status = "stopped"
	Failed    Status = "failed"
)

// Statuses lists them all, as filters take them.
var Statuses = []Status{Draft, Syncing, Scheduled, Sending, Paused, Sent, Live, Stopped, Failed}

// Running reports whether a run is under way.
func (s Status) Running() bool {
	return s == Syncing || s == Scheduled || s == Sending || s == Paused || s == Live
}

// Control is what a person does to a distribution.
type Control string

// The controls.
const (
	Send    Control = "send"
	GoLive  Control = "live"
	Edit    Control = "edit"
	Pause   Control = "pause"
	Resume  Control = "resume"
	Stop    Control = "stop"
	SendNow Control = "send-now"
	Retry   Control = "retry"
	Delete  Control = "delete"
)

// allowed says in which statuses each control makes sense. Where a run is under way the run itself has the last word.
var allowed = map[Control][]Status{
	Send:    {Draft},
	GoLive:  {Draft, Sent, Stopped, Failed},
	Edit:    {Draft, Syncing, Scheduled, Paused, Live},
	Pause:   {Syncing, Scheduled, Sending, Live},
	Resume:  {Paused},
	Stop:    {Syncing, Scheduled, Sending, Paused, Live},
	SendNow: {Scheduled, Paused},
	Retry:   {Sent, Live, Stopped, Failed},
	Delete:  {Draft, Sent, Stopped, Failed},
}

// Statuses are those in which the control makes sense.
func (c Control) Statuses() []Status { return allowed[c] }

// Check is nil where the control fits the status, and otherwise a conflict that says what would fit.
func (s Status) Check(control Control) error {
	for _, status := range control.Statuses() {
		if s == status {
			return nil
		}
	}
	return fault.New(fault.Conflict, "a distribution that is %s cannot take %q; that fits only: %s",
		s, control, list(control.Statuses()))
}

func list[S ~string](words []S) string {
	var text string
	for i, word := range words {
		if i > 0 {
			text += ", "
		}
		text += string(word)
	}
	return text
}

// Reasons why a distribution is paused or failed, as its reason shows them.
const (
	ReasonByRequest     = "by_request"
	ReasonOutOfCodes    = "out_of_codes"
	ReasonEmptyAudience = "empty_audience"
)
