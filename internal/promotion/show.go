package promotion

import (
	"encoding/json"

	"herald/internal/campaign"
	"herald/internal/id"
	"herald/internal/rule"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Shown is a tier as the public API shows it.
type Shown struct {
	ID             string          `json:"id"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	UpdatedAt      *stamp.Stamp    `json:"updated_at,omitempty"`
	Name           string          `json:"name"`
	Banner         *string         `json:"banner,omitempty"`
	Action         ShownAction     `json:"action"`
	Metadata       json.RawMessage `json:"metadata"`
	Hierarchy      int32           `json:"hierarchy"`
	PromotionID    string          `json:"promotion_id"`
	Campaign       ShownCampaign   `json:"campaign"`
	CampaignID     string          `json:"campaign_id"`
	Active         bool            `json:"active"`
	StartDate      *stamp.Stamp    `json:"start_date,omitempty"`
	ExpirationDate *stamp.Stamp    `json:"expiration_date,omitempty"`
	voucher.Validity
	Summary                   Summary             `json:"summary"`
	Category                  *string             `json:"category,omitempty"`
	CategoryID                *string             `json:"category_id"`
	Categories                []string            `json:"categories"`
	ValidationRuleAssignments voucher.Assignments `json:"validation_rule_assignments"`
	Object                    string              `json:"object"`
}

// ShownAction is what a tier does to an order.
type ShownAction struct {
	Discount *voucher.Discount `json:"discount,omitempty"`
}

// ShownCampaign is a tier's promotion, as the tier shows it.
type ShownCampaign struct {
	ID             string       `json:"id"`
	StartDate      *stamp.Stamp `json:"start_date"`
	ExpirationDate *stamp.Stamp `json:"expiration_date"`
	voucher.Validity
	Active bool   `json:"active"`
	Object string `json:"object"`
}

// Summary is what was done with a tier. Amounts are in minor units.
type Summary struct {
	Redemptions struct {
		TotalRedeemed int64 `json:"total_redeemed"`
	} `json:"redemptions"`
	Orders struct {
		TotalAmount         int64 `json:"total_amount"`
		TotalDiscountAmount int64 `json:"total_discount_amount"`
	} `json:"orders"`
}

// Show is the tier as the public API shows it, with its promotion and the rules that limit it.
func Show(t Tier, c campaign.Campaign, rules []rule.Assignment) Shown {
	shown := Shown{
		ID: id.Promotion.Format(t.ID), CreatedAt: stamp.Stamp(t.CreatedAt), UpdatedAt: stamp.Ptr(t.UpdatedAt), Name: t.Name, Banner: t.Banner,
		Action: ShownAction{t.Discount}, Metadata: t.Metadata, Hierarchy: t.Hierarchy, PromotionID: id.Campaign.Format(t.CampaignID),
		Campaign: ShownCampaign{
			ID: id.Campaign.Format(c.ID), StartDate: stamp.Ptr(c.StartDate), ExpirationDate: stamp.Ptr(c.ExpirationDate),
			Validity: shownValidity(c.Validity), Active: c.Active, Object: "campaign",
		},
		CampaignID: id.Campaign.Format(t.CampaignID), Active: t.Active, StartDate: stamp.Ptr(t.StartDate),
		ExpirationDate: stamp.Ptr(t.ExpirationDate), Validity: shownValidity(t.Validity), Category: t.Category, Categories: []string{},
		ValidationRuleAssignments: rule.ShowAssignments(rules), Object: "promotion_tier",
	}
	shown.Summary.Redemptions.TotalRedeemed = t.Redeemed
	shown.Summary.Orders.TotalAmount, shown.Summary.Orders.TotalDiscountAmount = t.OrdersAmount, t.OrdersDiscount
	return shown
}

func shownValidity(v *voucher.Validity) voucher.Validity {
	if v == nil {
		return voucher.Validity{}
	}
	return *v
}

// List is the tiers of one promotion, as the public API shows them.
type List struct {
	Object  string  `json:"object"`
	DataRef string  `json:"data_ref"`
	Tiers   []Shown `json:"tiers"`
	Total   int64   `json:"total"`
	HasMore bool    `json:"has_more"`
}

// ShowAll is the tiers of one promotion.
func ShowAll(tiers []Shown) List {
	if tiers == nil {
		tiers = []Shown{}
	}
	return List{Object: "list", DataRef: "tiers", Tiers: tiers, Total: int64(len(tiers))}
}
