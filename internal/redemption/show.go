package redemption

import (
	"encoding/json"

	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Simple is a redemption, or the rollback of one, as the data of events shows it.
type Simple struct {
	ID                string          `json:"id"`
	Object            Object          `json:"object"`
	Date              stamp.Stamp     `json:"date"`
	CustomerID        *string         `json:"customer_id"`
	TrackingID        *string         `json:"tracking_id"`
	Metadata          json.RawMessage `json:"metadata"`
	Amount            *int64          `json:"amount,omitempty"`
	Redemption        *string         `json:"redemption"` // what stands for this and others, or what is rolled back
	Result            Result          `json:"result"`
	Status            Status          `json:"status"`
	Reason            *string         `json:"reason,omitempty"`
	FailureCode       *string         `json:"failure_code,omitempty"`
	FailureMessage    *string         `json:"failure_message,omitempty"`
	Channel           Channel         `json:"channel"`
	Session           *ShownSession   `json:"session,omitempty"`
	RelatedObjectType string          `json:"related_object_type"`
	RelatedObjectID   string          `json:"related_object_id"`
	Gift              *ShownGift      `json:"gift,omitempty"`
	LoyaltyCard       *ShownPoints    `json:"loyalty_card,omitempty"`
}

// ShownSession names the session that a redemption ended.
type ShownSession struct {
	Key string `json:"key"`
}

// ShownGift is what was taken from a gift card, or given back.
type ShownGift struct {
	Amount int64 `json:"amount"`
}

// ShownPoints is what was taken from a loyalty card, or given back.
type ShownPoints struct {
	Points int64 `json:"points"`
}

// Shown is a redemption, or the rollback of one, as the public API shows it.
type Shown struct {
	Simple
	Order         *ShownOrder      `json:"order"`
	Customer      *customer.Simple `json:"customer"`
	Voucher       *ShownVoucher    `json:"voucher,omitempty"`
	PromotionTier *promotion.Shown `json:"promotion_tier,omitempty"`
	Reward        any              `json:"reward,omitempty"`
	Related       *Related         `json:"related_redemptions,omitempty"`
}

// ShownVoucher is the voucher with who holds it.
type ShownVoucher struct {
	voucher.Shown
	Holder *customer.Simple `json:"holder,omitempty"`
}

// ShownOrder is the order with what one redemption, or all of one request, took off it.
type ShownOrder struct {
	order.Shown
	AppliedDiscountAmount      int64 `json:"applied_discount_amount,omitempty"`
	ItemsAppliedDiscountAmount int64 `json:"items_applied_discount_amount,omitempty"`
	TotalAppliedDiscountAmount int64 `json:"total_applied_discount_amount,omitempty"`
}

// Related names what rolled a redemption back, and what it stands for.
type Related struct {
	Rollbacks   []RelatedOne `json:"rollbacks,omitempty"`
	Redemptions []RelatedOne `json:"redemptions,omitempty"`
}

// RelatedOne is one of them.
type RelatedOne struct {
	ID   string      `json:"id"`
	Date stamp.Stamp `json:"date"`
}

// ShowSimple is the redemption as the data of an event shows it; of is the type of its voucher, empty where it has none.
func ShowSimple(r Redemption, of voucher.Type) Simple {
	kind, related := r.RelatedObject()
	shown := Simple{
		ID: r.PublicID(), Object: r.Object, Date: stamp.Stamp(r.CreatedAt), CustomerID: id.Customer.FormatPtr(r.CustomerID),
		TrackingID: r.TrackingID, Metadata: r.Metadata, Amount: r.Amount, Result: r.Result, Status: r.Status, Reason: r.Reason,
		FailureCode: r.FailureCode, FailureMessage: r.FailureMessage, RelatedObjectType: kind, RelatedObjectID: related,
	}
	switch {
	case r.RedemptionID != nil:
		shown.Redemption = id.Redemption.FormatPtr(r.RedemptionID)
	case r.ParentID != nil:
		shown.Redemption = id.Redemption.FormatPtr(r.ParentID)
	}
	if r.Effects.Channel != nil {
		shown.Channel = *r.Effects.Channel
	}
	if r.Effects.Session != "" {
		shown.Session = &ShownSession{r.Effects.Session}
	}
	switch {
	case r.Amount == nil:
	case of == voucher.GiftVoucher:
		shown.Gift = &ShownGift{*r.Amount}
	case of == voucher.LoyaltyCard:
		shown.LoyaltyCard = &ShownPoints{*r.Amount}
	}
	return shown
}

// ShowOrder is the order with what the totals say: the order's amounts as one redemption left them, and what it took off. Nil
// shows the order as it is.
func ShowOrder(o order.Order, t *Totals) *ShownOrder {
	shown := &ShownOrder{Shown: order.Show(o)}
	if t == nil {
		return shown
	}
	shown.Amount, shown.TotalAmount, shown.InitialAmount = t.Amount, t.TotalAmount, some(t.InitialAmount)
	shown.DiscountAmount, shown.ItemsDiscountAmount = some(t.Discount), some(t.ItemsDiscount)
	shown.TotalDiscountAmount = some(t.TotalDiscount)
	shown.AppliedDiscountAmount, shown.ItemsAppliedDiscountAmount = t.AppliedDiscount, t.ItemsAppliedDiscount
	shown.TotalAppliedDiscountAmount = t.TotalAppliedDiscount
	return shown
}

// Full is a redemption with what it is shown with.
type Full struct {
	Redemption
	Customer *customer.Customer
	Voucher  *voucher.Voucher
	Holder   *customer.Customer
	Campaign *campaign.Campaign // of the voucher or the tier
	Tier     *promotion.Tier
	Order    *order.Order
	Reward   any // as the public API shows it
	Related  Related
}

// Show is the redemption as the public API shows it.
func Show(f Full) Shown {
	shown := Shown{Simple: f.Simple(), Customer: simple(f.Customer), Reward: f.Reward}
	if f.Order != nil {
		shown.Order = ShowOrder(*f.Order, f.Effects.Order)
	}
	if f.Voucher != nil {
		shown.Voucher = &ShownVoucher{voucher.Show(*f.Voucher, f.campaignName()), simple(f.Holder)}
	}
	if f.Tier != nil && f.Campaign != nil {
		tier := promotion.Show(*f.Tier, *f.Campaign, nil)
		shown.PromotionTier = &tier
	}
	if len(f.Related.Rollbacks) > 0 || len(f.Related.Redemptions) > 0 {
		shown.Related = &f.Related
	}
	return shown
}

// Simple is the redemption as the data of events shows it.
func (f Full) Simple() Simple {
	var of voucher.Type
	if f.Voucher != nil {
		of = f.Voucher.Type
	}
	return ShowSimple(f.Redemption, of)
}

// Data is what an occurrence of the redemption says, under the public API's names; what there is none of is null.
func (f Full) Data() map[string]any {
	data := map[string]any{
		"order": nil, "campaign": nil, "voucher": nil, "holder": nil, "promotion_tier": nil, "promotion_stack": nil,
		"redemption": f.Simple(),
	}
	if f.Order != nil {
		data["order"] = ShowOrder(*f.Order, f.Effects.Order)
	}
	if f.Campaign != nil {
		data["campaign"] = campaign.ShowSimple(*f.Campaign)
	}
	if f.Voucher != nil {
		data["voucher"] = voucher.ShowSimple(*f.Voucher, f.campaignName())
	}
	if f.Holder != nil {
		data["holder"] = customer.ShowSimple(*f.Holder)
	}
	if f.Tier != nil && f.Campaign != nil {
		data["promotion_tier"] = promotion.Show(*f.Tier, *f.Campaign, nil)
	}
	if f.Effects.Stack != nil {
		data["promotion_stack"] = map[string]any{"id": id.Stack.Format(*f.Effects.Stack), "object": "promotion_stack"}
	}
	return data
}

func (f Full) campaignName() *string {
	if f.Campaign == nil {
		return nil
	}
	return &f.Campaign.Name
}

func simple(c *customer.Customer) *customer.Simple {
	if c == nil {
		return nil
	}
	shown := customer.ShowSimple(*c)
	return &shown
}
