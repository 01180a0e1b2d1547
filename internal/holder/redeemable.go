package holder

import (
	"time"

	"herald/internal/campaign"
	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Status says whether a code can be used.
type Status string

// The statuses; where several hold, the first of them.
const (
	Disabled     Status = "DISABLED"
	Expired      Status = "EXPIRED"
	NotActiveYet Status = "NOT_ACTIVE_YET"
	Used         Status = "USED"       // as often as it could
	NoBalance    Status = "NO_BALANCE" // of credits or points
	Active       Status = "ACTIVE"
)

// Redeemable is a code that a customer has a part in; Of is its campaign, where it has one.
type Redeemable struct {
	Holder
	Voucher voucher.Voucher
	Of      *campaign.Campaign
}

// Status is whether the code can be used at that instant, as far as it alone says.
func (r Redeemable) Status(at time.Time) Status {
	v, starts, ends, active := r.Voucher, []*time.Time{r.Voucher.StartDate}, []*time.Time{r.Voucher.ExpirationDate}, r.Voucher.Active
	if r.Of != nil {
		starts, ends, active = append(starts, r.Of.StartDate), append(ends, r.Of.ExpirationDate), active && r.Of.Active
	}
	if !active {
		return Disabled
	}
	for _, end := range ends {
		if end != nil && !at.Before(*end) {
			return Expired
		}
	}
	for _, start := range starts {
		if start != nil && at.Before(*start) {
			return NotActiveYet
		}
	}
	if v.RedemptionQuantity != nil && v.RedeemedQuantity >= *v.RedemptionQuantity {
		return Used
	}
	if benefit, err := voucher.BenefitOf(v.Type, v.Value); err == nil && v.Type != voucher.DiscountVoucher {
		if gift := benefit.Gift; gift != nil && gift.Balance != nil && *gift.Balance <= 0 {
			return NoBalance
		}
		if card := benefit.LoyaltyCard; card != nil && card.Balance != nil && *card.Balance <= 0 {
			return NoBalance
		}
	}
	return Active
}

// ShownRedeemable is a redeemable as the public API shows one.
type ShownRedeemable struct {
	ID               string       `json:"id"`
	CreatedAt        stamp.Stamp  `json:"created_at"`
	RedeemableID     string       `json:"redeemable_id"`
	RedeemableObject string       `json:"redeemable_object"`
	CustomerID       string       `json:"customer_id"`
	Role             Role         `json:"holder_role"`
	CampaignID       *string      `json:"campaign_id"`
	CampaignType     *string      `json:"campaign_type"`
	VoucherType      voucher.Type `json:"voucher_type"`
	Redeemable       ShownCode    `json:"redeemable"`
}

// ShownCode is the code of a redeemable.
type ShownCode struct {
	Type    string        `json:"type"`
	Voucher voucher.Shown `json:"voucher"`
	Status  Status        `json:"status"`
}

// ShowRedeemable is the redeemable as the public API shows one at that instant, with its voucher as that is shown.
func ShowRedeemable(r Redeemable, at time.Time, shown voucher.Shown) ShownRedeemable {
	return ShownRedeemable{
		ID: id.Holder.Format(r.ID), CreatedAt: stamp.Stamp(r.CreatedAt), RedeemableID: id.Voucher.Format(r.VoucherID),
		RedeemableObject: "voucher", CustomerID: id.Customer.Format(r.CustomerID), Role: r.Role,
		CampaignID: id.Campaign.FormatPtr(r.CampaignID), CampaignType: r.CampaignType, VoucherType: r.VoucherType,
		Redeemable: ShownCode{Type: "voucher", Voucher: shown, Status: r.Status(at)},
	}
}
