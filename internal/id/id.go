// Package id writes ids as the public API shows them: a prefix that says what the thing is, then the row's UUID (RFC 9562,
// version 7) in hex: cust_0192f0c1b8d77d4fa1c3e5f708192a3b. Inside, everything carries the UUID.
package id

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Prefix says what an id names.
type Prefix string

// The prefixes of the public API.
const (
	Project      Prefix = "proj"
	APIKey       Prefix = "key"
	Customer     Prefix = "cust"
	Segment      Prefix = "seg"
	Consent      Prefix = "cnst"
	Campaign     Prefix = "camp"
	Voucher      Prefix = "v"
	Publication  Prefix = "pub"
	AsyncAction  Prefix = "aa"
	Distribution Prefix = "distr"
	Order        Prefix = "ord"
	Redemption   Prefix = "r"
	Rollback     Prefix = "rr"
	Failed       Prefix = "rf"  // a redemption that was refused
	FailedBack   Prefix = "rrf" // a rollback that was refused
	Validation   Prefix = "valid"
	Rule         Prefix = "val"
	Assignment   Prefix = "asgm"
	Tier         Prefix = "ltr"
	EarningRule  Prefix = "ern"
	Reward       Prefix = "rew"
	RewardOffer  Prefix = "rewa" // a reward's assignment to a loyalty programme
	Bucket       Prefix = "lopb"
	Transaction  Prefix = "vtx"
	Pending      Prefix = "lopp"  // points that do not count yet
	Promotion    Prefix = "promo" // a promotion tier
	Stack        Prefix = "stack"
	Export       Prefix = "exp"
	Category     Prefix = "cat"
	Holder       Prefix = "rh"
	Session      Prefix = "ssn"
	Tracking     Prefix = "track"
	Qualified    Prefix = "qua"
	Event        Prefix = "event" // a custom event
	Deletion     Prefix = "del"   // the permanent deletion of a customer
	messages     Prefix = "msg"
	occurrences  Prefix = "evcus"
)

// New makes the id of a row that is not written yet.
func New() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Format writes a row's id for the outside.
func (p Prefix) Format(u uuid.UUID) string {
	text := make([]byte, len(p)+1+32)
	n := copy(text, p)
	text[n] = '_'
	hex.Encode(text[n+1:], u[:])
	return string(text)
}

// FormatPtr is Format for an id that may be missing.
func (p Prefix) FormatPtr(u *uuid.UUID) *string {
	if u == nil {
		return nil
	}
	text := p.Format(*u)
	return &text
}

// Parse reads an id from the outside; false where it is no id of this prefix.
func (p Prefix) Parse(text string) (uuid.UUID, bool) {
	digits, found := strings.CutPrefix(text, string(p)+"_")
	if !found || len(digits) != 32 {
		return uuid.UUID{}, false
	}
	var u uuid.UUID
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return uuid.UUID{}, false
	}
	return u, true
}

// FormatMessage writes a message's id: its distribution's UUID and its number there, both in hex.
func FormatMessage(distribution uuid.UUID, seq int64) string {
	return messages.Format(distribution) + "." + strconv.FormatInt(seq, 16)
}

// ParseMessage reads what FormatMessage wrote.
func ParseMessage(text string) (distribution uuid.UUID, seq int64, ok bool) {
	head, tail, found := strings.Cut(text, ".")
	if !found {
		return uuid.UUID{}, 0, false
	}
	distribution, ok = messages.Parse(head)
	if !ok {
		return uuid.UUID{}, 0, false
	}
	seq, err := strconv.ParseInt(tail, 16, 64)
	return distribution, seq, err == nil && seq > 0
}

// FormatOccurrence writes an occurrence's id.
func FormatOccurrence(n int64) string { return string(occurrences) + "_" + fmt.Sprintf("%016x", n) }

// ParseOccurrence reads what FormatOccurrence wrote.
func ParseOccurrence(text string) (int64, bool) {
	digits, found := strings.CutPrefix(text, string(occurrences)+"_")
	n, err := strconv.ParseInt(digits, 16, 64)
	return n, found && err == nil && len(digits) == 16
}
