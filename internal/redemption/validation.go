package redemption

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// Verdict is what would come of redeeming one thing.
type Verdict struct {
	Asked    Redeemable
	Voucher  *voucher.Voucher
	Tier     *promotion.Tier
	Stack    *uuid.UUID       // that named the tier
	Stacked  *promotion.Stack // where it is about a whole stack
	Pattern  bool             // the voucher is one that the campaign would make
	Campaign *campaign.Campaign
	Refused  *fault.Error // nil: it could be redeemed
	Skipped  bool         // something before it could not, so nobody looked
	Amount   *int64       // credits or points that it would take
	Reward   *Reward
	RewardID *uuid.UUID
	Order    *Calculation // with it and what was applied before
	Covered  rule.Applicability
}

// Calculation is an order as something would leave it. One that is not kept has no id.
type Calculation struct {
	ID       *string `json:"id,omitempty"`
	SourceID *string `json:"source_id,omitempty"`
	Totals
	Items      []order.Item    `json:"items,omitempty"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	CustomerID *string         `json:"customer_id"`
	ReferrerID *string         `json:"referrer_id"`
	Object     string          `json:"object"`
}

// Calculated is the order with its amounts as the totals say.
func Calculated(o order.Order, t Totals) *Calculation {
	c := &Calculation{
		SourceID: o.SourceID, Totals: t, Items: o.Items, Metadata: o.Metadata, CustomerID: id.Customer.FormatPtr(o.CustomerID),
		ReferrerID: id.Customer.FormatPtr(o.ReferrerID), Object: "order",
	}
	if o.ID != uuid.Nil {
		c.ID = id.Order.FormatPtr(&o.ID)
	}
	return c
}

// Targets is a list of what a discount covers or leaves out.
type Targets struct {
	Object  string        `json:"object"`
	DataRef string        `json:"data_ref"`
	Data    []rule.Target `json:"data"`
	Total   int           `json:"total"`
}

// ShowTargets is the list of targets.
func ShowTargets(all []rule.Target) Targets {
	if all == nil {
		all = []rule.Target{}
	}
	return Targets{Object: "list", DataRef: "data", Data: all, Total: len(all)}
}

// Benefit is what a redeemable gives, as validations and qualifications show it.
type Benefit struct {
	Discount    *voucher.Discount `json:"discount,omitempty"`
	Gift        *GiftBenefit      `json:"gift,omitempty"`
	LoyaltyCard *CardBenefit      `json:"loyalty_card,omitempty"`
}

// GiftBenefit is the credits that a gift card would pay, of what is on it.
type GiftBenefit struct {
	Credits *int64 `json:"credits,omitempty"`
	Balance *int64 `json:"balance,omitempty"`
}

// CardBenefit is the points that a loyalty card would pay, of what is on it.
type CardBenefit struct {
	Points  *int64 `json:"points,omitempty"`
	Balance *int64 `json:"balance,omitempty"`
}

// Benefit is what it gives.
func (v Verdict) Benefit() (b Benefit) {
	if v.Tier != nil {
		b.Discount = v.Tier.Discount
	}
	if v.Voucher == nil {
		return b
	}
	worth, err := voucher.BenefitOf(v.Voucher.Type, v.Voucher.Value)
	switch {
	case err != nil: // kept values can be read
	case worth.Gift != nil:
		b.Gift = &GiftBenefit{v.Amount, worth.Gift.Balance}
	case worth.LoyaltyCard != nil:
		b.LoyaltyCard = &CardBenefit{v.Amount, worth.LoyaltyCard.Balance}
	default:
		b.Discount = worth.Discount
	}
	return b
}

// CampaignName is the name of the campaign that it belongs to.
func (v Verdict) CampaignName() *string {
	if v.Campaign == nil {
		return nil
	}
	return &v.Campaign.Name
}

// Metadata is what was attached to it.
func (v Verdict) Metadata() json.RawMessage {
	switch {
	case v.Voucher != nil && !v.Pattern:
		return v.Voucher.Metadata
	case v.Tier != nil:
		return v.Tier.Metadata
	case v.Campaign != nil:
		return v.Campaign.Metadata
	}
	return json.RawMessage("{}")
}

// CreatedAt is when what it is about was made.
func (v Verdict) CreatedAt() time.Time {
	switch {
	case v.Stacked != nil:
		return v.Stacked.CreatedAt
	case v.Tier != nil:
		return v.Tier.CreatedAt
	case v.Voucher != nil && !v.Pattern:
		return v.Voucher.CreatedAt
	case v.Campaign != nil:
		return v.Campaign.CreatedAt
	}
	return time.Time{}
}

// StackingRules are the limits of what can be redeemed at once, which a project cannot change.
type StackingRules struct {
	RedeemablesLimit       int      `json:"redeemables_limit"`
	ApplicableLimit        int      `json:"applicable_redeemables_limit"`
	ApplicablePerCategory  int      `json:"applicable_redeemables_per_category_limit"`
	ExclusiveLimit         int      `json:"applicable_exclusive_redeemables_limit"`
	ExclusivePerCategory   int      `json:"applicable_exclusive_redeemables_per_category_limit"`
	ExclusiveCategories    []string `json:"exclusive_categories"`
	JointCategories        []string `json:"joint_categories"`
	RedeemablesApplyMode   string   `json:"redeemables_application_mode"`
	RedeemablesSortingRule string   `json:"redeemables_sorting_rule"`
}

// Stacking is those limits: up to 30 in the order of the request, all or nothing.
var Stacking = StackingRules{
	RedeemablesLimit: MaxRedeemables, ApplicableLimit: MaxRedeemables, ApplicablePerCategory: MaxRedeemables,
	ExclusiveLimit: MaxRedeemables, ExclusivePerCategory: MaxRedeemables, ExclusiveCategories: []string{}, JointCategories: []string{},
	RedeemablesApplyMode: "ALL", RedeemablesSortingRule: "REQUESTED_ORDER",
}
