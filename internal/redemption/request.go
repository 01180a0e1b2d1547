package redemption

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/order"
)

// MaxRedeemables is how many things one request can redeem, before promotion stacks are taken apart.
const MaxRedeemables = 30

const (
	maxKey      = 255  // characters of a session's key or a tracking id
	maxReason   = 1000 // characters
	longestLock = 365 * 24 * time.Hour
	usualLock   = 7 * 24 * time.Hour
)

// Request is what a caller wants to redeem: all of it at once, or nothing.
type Request struct {
	Redeemables []Redeemable
	Order       *order.Draft
	Metadata    json.RawMessage // an object
	TrackingID  *string
	Session     *Session
}

// Kind says what a redeemable is.
type Kind string

// The kinds. Gift and loyalty cards are vouchers; some clients name them by these words of their own.
const (
	Voucher       Kind = "voucher"
	PromotionTier Kind = "promotion_tier"
	Stack         Kind = "promotion_stack"
	OfCampaign    Kind = "campaign" // a code that a campaign would give; qualifications know it
	giftCard      Kind = "gift_card"
	loyaltyCard   Kind = "loyalty_card"
)

// Redeemable is one thing to redeem.
type Redeemable struct {
	Object Kind    `json:"object"`
	ID     string  `json:"id"` // of a voucher its code or id
	Gift   *Gift   `json:"gift,omitempty"`
	Reward *Payout `json:"reward,omitempty"`
}

// Gift says how many credits are asked of a gift card; nil is as many as the order needs.
type Gift struct {
	Credits *int64 `json:"credits"`
}

// Payout says what is asked of a loyalty card: the reward, by its id or the id of its assignment, and the points.
type Payout struct {
	ID           string `json:"id,omitempty"`
	AssignmentID string `json:"assignment_id,omitempty"`
	Points       *int64 `json:"points,omitempty"`
}

// Session holds a voucher for whoever knows its key, from a validation until the redemption or its end.
type Session struct {
	Type    string   `json:"type,omitempty"`
	Key     string   `json:"key,omitempty"`
	TTL     *float64 `json:"ttl,omitempty"`
	TTLUnit string   `json:"ttl_unit,omitempty"`
}

// lockUnits are the units of a session's time.
var lockUnits = map[string]time.Duration{
	"DAYS": 24 * time.Hour, "HOURS": time.Hour, "MINUTES": time.Minute, "SECONDS": time.Second, "MILLISECONDS": time.Millisecond,
	"MICROSECONDS": time.Microsecond, "NANOSECONDS": time.Nanosecond,
}

// Check finds what is wrong with the request; path is where its redeemables stand ("redeemables[%d]."), empty where the path of
// the call names the one thing.
func (r Request) Check(path string) error {
	var faults fault.List
	if len(r.Redeemables) == 0 || len(r.Redeemables) > MaxRedeemables {
		faults.Add(fault.Property("redeemables", "Property .redeemables should have 1 to %d entries", MaxRedeemables))
		return faults.Err()
	}
	seen := map[string]bool{}
	for i, one := range r.Redeemables {
		at := path
		if path != "" {
			at = fmt.Sprintf(path, i)
		}
		faults.Add(one.check(at))
		key := string(one.kind()) + one.ID
		if seen[key] {
			faults.Add(fault.Property(at+"id", "Property .%sid: %s is given twice", at, one.ID))
		}
		seen[key] = true
	}
	if r.TrackingID != nil && utf8.RuneCountInString(*r.TrackingID) > maxKey {
		faults.Add(fault.Property("tracking_id", "Property .tracking_id is longer than %d characters", maxKey))
	}
	if r.Session != nil {
		faults.Add(r.Session.check())
	}
	return faults.Err()
}

// kind is what the redeemable is, by one word for each.
func (r Redeemable) kind() Kind {
	if r.Object == giftCard || r.Object == loyaltyCard {
		return Voucher
	}
	return r.Object
}

// Kind is what the redeemable is: Voucher, PromotionTier or Stack.
func (r Redeemable) Kind() Kind { return r.kind() }

func (r Redeemable) check(at string) *fault.Error {
	switch r.Object {
	case Voucher, PromotionTier, Stack, giftCard, loyaltyCard:
	default:
		return fault.Property(at+"object", "Property .%sobject should be voucher, promotion_tier, promotion_stack, gift_card or loyalty_card", at)
	}
	if strings.TrimSpace(r.ID) == "" || utf8.RuneCountInString(r.ID) > maxKey {
		return fault.Property(at+"id", "Property .%sid is required", at)
	}
	if r.Gift != nil && r.Reward != nil {
		return fault.Property(at+"reward", "A card has a gift or a reward, not both")
	}
	if (r.Gift != nil || r.Reward != nil) && r.kind() != Voucher {
		return fault.Property(at+"object", "Only vouchers have a gift or a reward")
	}
	if g := r.Gift; g != nil && g.Credits != nil && (*g.Credits < 1 || *g.Credits > MaxAmount) {
		return fault.Property(at+"gift.credits", "Property .%sgift.credits should be from 1 to %d, in minor units", at, int64(MaxAmount))
	}
	if p := r.Reward; p != nil && p.Points != nil && (*p.Points < 1 || *p.Points > MaxAmount) {
		return fault.Property(at+"reward.points", "Property .%sreward.points should be from 1 to %d", at, int64(MaxAmount))
	}
	return nil
}

func (s Session) check() *fault.Error {
	if s.Type != "" && s.Type != "LOCK" {
		return fault.Property("session.type", "Property .session.type should be LOCK")
	}
	if utf8.RuneCountInString(s.Key) > maxKey {
		return fault.Property("session.key", "Property .session.key is longer than %d characters", maxKey)
	}
	if _, ok := lockUnits[s.TTLUnit]; !ok && s.TTLUnit != "" {
		return fault.Property("session.ttl_unit", "Property .session.ttl_unit should be DAYS, HOURS, MINUTES, SECONDS, MILLISECONDS, MICROSECONDS or NANOSECONDS")
	}
	if s.TTL != nil && (*s.TTL <= 0 || *s.TTL*float64(lockUnits[s.filled().TTLUnit]) > float64(longestLock)) {
		return fault.Property("session.ttl", "Property .session.ttl should be above 0 and at most a year")
	}
	return nil
}

// filled is the session with what was left out: a key that nobody can guess, and the usual week.
func (s Session) filled() Session {
	s.Type = "LOCK"
	if s.Key == "" {
		s.Key = id.Session.Format(uuid.New())
	}
	if s.TTLUnit == "" {
		s.TTLUnit = "DAYS"
	}
	if s.TTL == nil {
		usual := float64(usualLock) / float64(lockUnits[s.TTLUnit])
		s.TTL = &usual
	}
	return s
}

// Lock is the session with what was left out, and how long it holds what it locks.
func (s Session) Lock() (Session, time.Duration) {
	s = s.filled()
	return s, time.Duration(*s.TTL * float64(lockUnits[s.TTLUnit]))
}
