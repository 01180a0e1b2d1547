package campaign

import (
	"herald/internal/fault"
	"herald/internal/voucher"
)

// Referral is the public API's referral_program: what makes a referee of a customer, and what a referee is given.
type Referral struct {
	ConversionEventType string          `json:"conversion_event_type,omitempty"` // redemption or custom_event
	CustomEvent         *ReferralEvent  `json:"custom_event,omitempty"`
	RefereeReward       *ReferralReward `json:"referee_reward,omitempty"`
}

// ReferralEvent names the custom event that makes a referee.
type ReferralEvent struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// ReferralReward is what referees are given: credits or points of a campaign.
type ReferralReward struct {
	RelatedObjectParent *ReferralParent `json:"related_object_parent,omitempty"`
	Type                voucher.Type    `json:"type,omitempty"`
	Amount              *int64          `json:"amount,omitempty"`
}

// ReferralParent names the campaign of a reward.
type ReferralParent struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Object string `json:"object,omitempty"`
}

// ByEvent and ByRedemption are what can make a referee.
const (
	ByEvent      = "custom_event"
	ByRedemption = "redemption"
)

// Converts reports whether a customer is referred when they redeem a referral code, or when they cause the custom event of that
// name. A programme that says nothing takes either.
func (r *Referral) Converts(by, event string) bool {
	if r == nil || r.ConversionEventType == "" {
		return true
	}
	return by == r.ConversionEventType && (by != ByEvent || r.CustomEvent == nil || r.CustomEvent.Name == "" || r.CustomEvent.Name == event)
}

// Check finds what is wrong; path is where it stands.
func (r Referral) Check(path string) *fault.Error {
	switch r.ConversionEventType {
	case ByRedemption, "":
	case ByEvent:
		if r.CustomEvent == nil || r.CustomEvent.Name == "" && r.CustomEvent.ID == "" {
			return fault.Property(path+".custom_event", "Property .%s.custom_event is required: the event's name", path)
		}
	default:
		return fault.Property(path+".conversion_event_type", "Property .%s.conversion_event_type should be redemption or custom_event", path)
	}
	if r.CustomEvent != nil && len(r.CustomEvent.Name) > 300 {
		return fault.Property(path+".custom_event.name", "Property .%s.custom_event.name can have at most 300 bytes", path)
	}
	w := r.RefereeReward
	if w == nil {
		return nil
	}
	if w.Type != "" && w.Type != voucher.GiftVoucher && w.Type != voucher.LoyaltyCard {
		return fault.Property(path+".referee_reward.type", "Property .%s.referee_reward.type should be GIFT_VOUCHER or LOYALTY_CARD", path)
	}
	return voucher.CheckAmount(path+".referee_reward.amount", w.Amount)
}
