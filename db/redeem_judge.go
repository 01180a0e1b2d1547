package db

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/redemption"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// judge holds what was found against everything that may refuse it, one after the other, and applies what is allowed to the
// order. After the first refusal nothing more is applied: all is redeemed or nothing.
func (a *assessment) judge() {
	if a.order != nil {
		a.start = redemption.BasketOf(*a.order)
		a.basket = redemption.BasketOf(*a.order)
	}
	for _, w := range a.all {
		if w.refused == nil {
			w.refused = a.judgeOne(w)
		}
		if w.refused != nil {
			return
		}
	}
}

// judgeOne is why it cannot be redeemed, or nil where it was applied.
func (a *assessment) judgeOne(w *wanted) *fault.Error {
	if bad := a.refuse(w); bad != nil {
		return bad
	}
	before := a.basket
	before.Lines = append([]redemption.Line(nil), before.Lines...)
	a.basket.Begin()
	if bad := a.apply(w); bad != nil {
		return bad
	}
	if a.order != nil {
		totals := a.basket.Totals()
		w.effects.Order, w.effects.Applied, w.effects.Took = &totals, totals.TotalAppliedDiscount, a.basket.Took()
	}
	if bad := a.ruled(w, before); bad != nil {
		return bad
	}
	a.count(w)
	if a.order != nil {
		after := a.basket.Onto(*a.order)
		w.order = &after
	}
	return nil
}

// refuse is why it cannot be redeemed whatever the order is.
func (a *assessment) refuse(w *wanted) *fault.Error {
	var windows []redemption.Window
	if c := w.campaign; c != nil {
		windows = append(windows, redemption.Window{Active: c.Active, Start: c.StartDate, End: c.ExpirationDate, Validity: c.Validity})
	}
	if t := w.tier; t != nil {
		own := redemption.Window{Active: t.Active, Start: t.StartDate, End: t.ExpirationDate, Validity: t.Validity}
		return redemption.RefuseTier(w.asked.ID, a.now, append(windows, own)...)
	}
	v := w.voucher
	if v == nil || w.pattern {
		return redemption.RefuseVoucher(w.asked.ID, a.now, windows...)
	}
	own := redemption.Window{
		Active: v.Active, Start: v.StartDate, End: v.ExpirationDate, Validity: v.Validity, Published: v.PublishedAt(),
	}
	if bad := redemption.RefuseVoucher(v.Code, a.now, append([]redemption.Window{own}, windows...)...); bad != nil {
		return bad
	}
	if v.RedemptionQuantity != nil && v.RedeemedQuantity+w.held.Uses >= *v.RedemptionQuantity {
		return redemption.Refuse(fault.QuantityExceeded, v.Code)
	}
	itsHolder := a.customer != nil && v.HolderID != nil && *v.HolderID == a.customer.ID
	switch {
	case v.IsReferralCode && itsHolder:
		return redemption.Refuse(fault.ReferrerRedeems, v.Code)
	case v.Type == voucher.LoyaltyCard && a.customer == nil:
		return redemption.Refuse(fault.MissingCustomer, v.Code)
	case v.Type == voucher.LoyaltyCard && !itsHolder:
		bad := redemption.Refuse(fault.InvalidCustomer, v.Code)
		bad.Message = "Customer must be a holder of a loyalty card."
		return bad
	}
	return nil
}

// apply applies it to the order, and says what it takes from cards.
func (a *assessment) apply(w *wanted) *fault.Error {
	covered := a.covered(w)
	switch {
	case w.tier != nil:
		return a.discount(w.tier.Discount, covered, w.asked.ID)
	case w.voucher == nil: // a promotion, whose tiers do what it does
		return nil
	}
	benefit, err := voucher.BenefitOf(w.voucher.Type, w.voucher.Value)
	if err != nil {
		return fault.New(fault.InvalidVoucher, "%v", err)
	}
	switch w.voucher.Type {
	case voucher.GiftVoucher:
		return a.credits(w, benefit.Gift, covered)
	case voucher.LoyaltyCard:
		return a.points(w)
	}
	return a.discount(benefit.Discount, covered, w.voucher.Code)
}

// covered is which lines of the order a discount may touch: as the rules of the voucher or tier say, or those of its campaign.
func (a *assessment) covered(w *wanted) rule.Applicability {
	for _, object := range w.objects() {
		if says := a.book.applicability(object); !says.Unlimited() {
			return says
		}
	}
	return rule.Applicability{}
}

func (a *assessment) discount(d *voucher.Discount, covered rule.Applicability, name string) *fault.Error {
	switch {
	case d == nil || a.order == nil:
		return nil
	case a.basket.Lacks(*d):
		return redemption.Refuse(fault.MissingOrderItems, name)
	}
	a.basket.ApplyDiscount(*d, covered)
	return nil
}

func (a *assessment) credits(w *wanted, g *voucher.Gift, covered rule.Applicability) *fault.Error {
	account, err := balance.AccountOf(*w.voucher)
	if err != nil {
		return fault.New(fault.InvalidVoucher, "%v", err)
	}
	left := account.Balance - w.held.Amount
	wanted := max(left, 0)
	if w.asked.Gift != nil && w.asked.Gift.Credits != nil {
		wanted = *w.asked.Gift.Credits
	} else if a.order == nil && !a.supposing {
		return redemption.Refuse(fault.MissingAmount, w.voucher.Code)
	}
	if wanted > left || left <= 0 {
		return &fault.Error{Code: fault.GiftExceeded, Message: "gift amount exceeded", Details: w.voucher.Code}
	}
	if a.order != nil {
		wanted = a.basket.ApplyCredits(wanted, g.Effect, covered)
	}
	w.amount = &wanted
	return nil
}

// ruled is the first rule that does not hold; before is the order as the rules see it, without what it would take off.
func (a *assessment) ruled(w *wanted, before redemption.Basket) *fault.Error {
	f := a.facts
	if a.order != nil {
		o := before.Onto(*a.order)
		f.Order = &o
	}
	f.Discount = w.effects.Applied
	if w.voucher != nil {
		f.Holder = w.voucher.HolderID
		switch w.voucher.Type {
		case voucher.GiftVoucher:
			f.Gift = w.amount
		case voucher.LoyaltyCard:
			f.Points = w.amount
		}
	}
	for _, object := range w.objects() {
		f.Counts = a.counts[object]
		for _, r := range a.book.rules[object] {
			if v := r.Check(f); v != nil {
				return broken(*v, w.name())
			}
		}
	}
	return nil
}

// count lets the rules of what is judged after it count it, too.
func (a *assessment) count(w *wanted) {
	var amount int64
	if t := w.effects.Order; t != nil {
		amount = t.Amount
	}
	own, campaign := w.objects(), w.of()
	counted := map[uuid.UUID]bool{}
	for _, other := range a.all {
		for _, object := range other.objects() {
			counts, asked := a.counts[object]
			ofObject := slices.Contains(own, object)
			ofCampaign := campaign != nil && other.of() != nil && *campaign == *other.of()
			if asked && !counted[object] && (ofObject || ofCampaign) {
				counted[object] = true
				a.counts[object] = counts.And(ofObject, amount, w.effects.Applied)
			}
		}
	}
}

// name is what a refusal is about: the code, or the tier's id.
func (w *wanted) name() string {
	if w.voucher != nil {
		return w.voucher.Code
	}
	return w.asked.ID
}

// broken is the refusal by a rule; which it is depends on what its first condition that does not hold is about.
func broken(v rule.Violation, name string) *fault.Error {
	code := fault.RedemptionRules
	about, _, _ := strings.Cut(v.About, ".")
	switch about {
	case "customer", "publication":
		code = fault.CustomerRules
	case "order", "product", "sku":
		code = fault.OrderRules
	}
	bad := redemption.Refuse(code, name)
	bad.Notice = v.Message
	return bad
}

// failure is the first refusal; nil: all can be redeemed.
func (a *assessment) failure() *wanted {
	for _, w := range a.all {
		if w.refused != nil {
			return w
		}
	}
	return nil
}

// whole is the order with all that was applied, shown as one: what all together took off it.
func (a *assessment) whole() redemption.Totals {
	a.basket.Since(a.start)
	return a.basket.Totals()
}
