// Package holder is the noun of who has a part in which code: who owns a voucher, who refers others by a referral code, and to
// whom such a code was brought.
package holder

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Role is what a customer has to do with a code.
type Role string

// The roles. Who holds a code owns it or, of a referral code, refers others by it; a referee is whom it was brought to.
const (
	Owner    Role = "OWNER"
	Referrer Role = "REFERRER"
	Referee  Role = "REFEREE"
)

// Holder is one customer's part in one code. Of owners and referrers the id is the voucher's, because a code has one.
type Holder struct {
	ID           uuid.UUID
	VoucherID    uuid.UUID
	CustomerID   uuid.UUID
	Role         Role
	CampaignID   *uuid.UUID
	CampaignType *string
	VoucherType  voucher.Type
	Metadata     json.RawMessage
	CreatedAt    time.Time
}

// Shown is a holder as the public API shows one.
type Shown struct {
	ID               string          `json:"id"`
	CreatedAt        stamp.Stamp     `json:"created_at"`
	RedeemableID     string          `json:"redeemable_id"`
	RedeemableObject string          `json:"redeemable_object"`
	CustomerID       string          `json:"customer_id"`
	Role             Role            `json:"holder_role"`
	CampaignID       *string         `json:"campaign_id"`
	CampaignType     *string         `json:"campaign_type"`
	VoucherType      voucher.Type    `json:"voucher_type"`
	Metadata         json.RawMessage `json:"metadata,omitempty"`
	Object           string          `json:"object"`
}

// Show is the holder as the public API shows one.
func Show(h Holder) Shown {
	return Shown{
		ID: id.Holder.Format(h.ID), CreatedAt: stamp.Stamp(h.CreatedAt), RedeemableID: id.Voucher.Format(h.VoucherID),
		RedeemableObject: "voucher", CustomerID: id.Customer.Format(h.CustomerID), Role: h.Role,
		CampaignID: id.Campaign.FormatPtr(h.CampaignID), CampaignType: h.CampaignType, VoucherType: h.VoucherType,
		Metadata: h.Metadata, Object: "redeemable_holder",
	}
}
