// Package message says what a message is: one recipient, one channel, and what became of it. A message is the unit of truth:
// its row is written before it is sent and tells at any instant where it stands.
package message

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Status is where a message stands.
type Status string

// The statuses. The first two have no flag in the ledger; see the table's comment.
const (
	Pending  Status = "pending"
	Sent     Status = "sent"
	Sending  Status = "sending"  // may be out: only with "repeat": "never", and only while its answer is awaited
	Deferred Status = "deferred" // waits for a later attempt, or for a code
	Failed   Status = "failed"
	Skipped  Status = "skipped" // never tried: no address, no consent
	Stopped  Status = "stopped" // the distribution was stopped first
	Unknown  Status = "unknown" // may have arrived; a person decides
)

// Statuses lists them all, as filters take them.
var Statuses = []Status{Pending, Sent, Sending, Deferred, Failed, Skipped, Stopped, Unknown}

// Reasons that Herald itself gives; a provider's are the channel's.
const (
	ReasonNoAddress    = "no_address"
	ReasonNoConsent    = "no_consent"
	ReasonUnsubscribed = "unsubscribed"
	ReasonOutOfCodes   = "out_of_codes"
	ReasonStopped      = "distribution_stopped"
	ReasonExpired      = "distribution_expired"
	ReasonLostAnswer   = "answer_lost"
	ReasonPaused       = "distribution_paused" // it happened while the distribution was paused
	ReasonRule         = "rule_not_met"
	ReasonCapped       = "frequency_cap"
	ReasonDelayed      = "delayed"     // waits for the trigger's delay
	ReasonQuiet        = "quiet_hours" // waits for the end of the customer's quiet hours
)

// Attempt is one try that did not succeed.
type Attempt struct {
	At      time.Time `json:"at"`
	Verdict Status    `json:"verdict"`
	Reason  string    `json:"reason"`
	Reply   string    `json:"reply,omitempty"`
}

// Message is one row of the ledger.
type Message struct {
	DistributionID uuid.UUID
	Seq            int64 // its number within the distribution, from 1
	CustomerID     uuid.UUID
	Version        int   // of the distribution, whose template it is rendered from
	Channel        int   // position in that version's channels
	Occurrence     int64 // that triggered it; 0: a person did
	Recipient      string
	Status         Status
	Reason, Reply  string
	Attempts       int
	CreatedAt      time.Time
	SentAt, DueAt  *time.Time
	VoucherID      *uuid.UUID
	History        []Attempt
	Vars           json.RawMessage
}

// Tally counts messages by where they stand.
type Tally struct {
	Pending   int64 `json:"pending"`
	Sent      int64 `json:"sent"`
	Recovered int64 `json:"recovered"` // of the sent, those that took more than one attempt
	Deferred  int64 `json:"deferred"`
	Failed    int64 `json:"failed"`
	Skipped   int64 `json:"skipped"`
	Stopped   int64 `json:"stopped"`
	Unknown   int64 `json:"unknown"`
}

// Total is how many messages there are.
func (t Tally) Total() int64 {
	return t.Pending + t.Sent + t.Deferred + t.Failed + t.Skipped + t.Stopped + t.Unknown
}
