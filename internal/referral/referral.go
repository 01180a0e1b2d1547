// Package referral is the noun of customers who bring others along: whoever holds a referral code is its referrer, and a
// customer whom the code reached and who then did something for it (redeemed it, or caused a custom event that names it) is
// referred, once in each campaign.
package referral

import (
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
)

// CauseType says what a referee did.
type CauseType string

// What a referee can do.
const (
	Redemption CauseType = "redemption"
	Event      CauseType = "event"
)

// Cause is what a referee did that made them referred.
type Cause struct {
	Type  CauseType
	ID    uuid.UUID
	Name  string // of a custom event
	Shown any    // the redemption or the custom event, as the public API shows it
}

// Key is the name of what the referee did in the data of the occurrence.
func (c Cause) Key() string {
	if c.Type == Event {
		return "custom_event"
	}
	return "redemption"
}

// Referral is one customer's being brought along by another.
type Referral struct {
	CampaignID  uuid.UUID
	ReferrerID  uuid.UUID
	RefereeID   uuid.UUID
	RelatedType CauseType
	RelatedID   uuid.UUID
	CreatedAt   time.Time
}

// Shown is a referral as the referee's customer object shows it.
type Shown struct {
	CampaignID  string      `json:"campaign_id"`
	ReferrerID  string      `json:"referrer_id"`
	RelatedID   string      `json:"related_object_id"`
	RelatedType CauseType   `json:"related_object_type"`
	Date        stamp.Stamp `json:"date"`
}

// Show is the referral as the public API shows it.
func Show(r Referral) Shown {
	prefix := id.Redemption
	if r.RelatedType == Event {
		prefix = id.Event
	}
	return Shown{
		CampaignID: id.Campaign.Format(r.CampaignID), ReferrerID: id.Customer.Format(r.ReferrerID),
		RelatedID: prefix.Format(r.RelatedID), RelatedType: r.RelatedType, Date: stamp.Stamp(r.CreatedAt),
	}
}
