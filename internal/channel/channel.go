// Package channel holds what every channel shares: the words for what became of one message. A channel is a folder below
// this one; it turns a job into one of these outcomes, or into an error when the sender or the provider is at fault and no
// message can leave at all.
package channel

import "time"

// Verdict is what became of one message on one attempt.
type Verdict string

// The verdicts. A fault of the sender or of the provider as a whole is no verdict: the message stays as it was.
const (
	Sent     Verdict = "sent"     // the provider took it
	Deferred Verdict = "deferred" // a passing fault of this message: a later attempt may succeed
	Failed   Verdict = "failed"   // no later attempt can succeed
	Unknown  Verdict = "unknown"  // the provider may have taken it: the answer was lost
)

// Outcome is one attempt's verdict with the reason for people and machines.
type Outcome struct {
	Verdict Verdict
	// Reason is one machine word ("mailbox_unavailable"); empty when sent.
	Reason string
	// Reply is the provider's own words, at most MaxReply bytes, with control characters removed.
	Reply string
	// RetryAfter is how long the provider asked to wait; zero leaves it to the channel's schedule.
	RetryAfter time.Duration
}

// MaxReply bounds what is kept of a provider's words.
const MaxReply = 512
