package db

import (
	"context"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/redemption"
	"herald/internal/referral"
	"herald/internal/voucher"
)

// writeRedeemed writes what was allowed: the order, the uses and the balances of vouchers, the tiers' sums, the redemptions, and
// what they are told as.
func (c *change) writeRedeemed(ctx context.Context, a *assessment, before *order.Order) (Redeemed, error) {
	parts, parent := a.redemptions()
	saved, err := c.writeRedeemedOrder(ctx, a, before, parts, parent)
	if err != nil {
		return Redeemed{}, err
	}
	if err := c.takeVouchers(ctx, a, parts, saved); err != nil {
		return Redeemed{}, err
	}
	if err := c.takeTiers(ctx, a); err != nil {
		return Redeemed{}, err
	}
	if err := c.giveRewards(ctx, a, parts); err != nil {
		return Redeemed{}, err
	}
	all := parts
	if parent != nil {
		all = append([]redemption.Redemption{*parent}, parts...)
	}
	if _, err := c.recordRedemptions(ctx, all); err != nil {
		return Redeemed{}, err
	}
	if a.ask.Session != nil && a.ask.Session.Key != "" {
		if err := q.SessionEnd(ctx, c.tx, rows.SessionEndParams{ProjectID: c.project, Key: a.ask.Session.Key}); err != nil {
			return Redeemed{}, err
		}
	}
	made := a.full(parts, parent, saved)
	return made, c.tellRedeemed(ctx, a, made)
}

// redemptions are what is written of what was allowed, and what stands for them where they are several.
func (a *assessment) redemptions() (parts []redemption.Redemption, parent *redemption.Redemption) {
	base := redemption.Redemption{
		ProjectID: a.project, Object: redemption.Use, TrackingID: a.tracking(), Result: redemption.Success, Status: redemption.Succeeded,
		Metadata: a.ask.Metadata, CreatedAt: a.now, Effects: redemption.Effects{Channel: channelOf(a.source)},
	}
	if a.customer != nil {
		base.CustomerID = &a.customer.ID
	}
	if a.ask.Session != nil {
		base.Effects.Session = a.ask.Session.Key
	}
	if len(a.all) > 1 {
		one := base
		one.ID = id.New()
		if a.order != nil {
			totals := a.whole()
			one.Effects.Order, one.Effects.Applied = &totals, totals.TotalAppliedDiscount
		}
		parent = &one
	}
	for _, w := range a.all {
		one := base
		one.ID, one.CampaignID, one.RewardID, one.Amount = id.New(), w.of(), w.rewardID(), w.amount
		one.Effects.Order, one.Effects.Applied, one.Effects.Took = w.effects.Order, w.effects.Applied, w.effects.Took
		one.Effects.Reward, one.Effects.Stack = w.effects.Reward, w.stack
		if w.voucher != nil {
			one.VoucherID = &w.voucher.ID
		} else {
			one.PromotionTierID = &w.tier.ID
		}
		if parent != nil {
			one.ParentID = &parent.ID
			parent.Effects.Parts = append(parent.Effects.Parts, one.ID)
		}
		parts = append(parts, one)
	}
	return parts, parent
}

// tracking is the caller's word for the customer, or ours.
func (a *assessment) tracking() *string {
	if a.ask.TrackingID != nil || a.customer == nil {
		return a.ask.TrackingID
	}
	ours := id.Tracking.Format(a.customer.ID)
	return &ours
}

// channelOf is who redeems, as redemptions show it.
func channelOf(s occurrence.Source) *redemption.Channel {
	if s.APIKey != nil {
		return &redemption.Channel{ID: s.APIKey.AppID, Type: "API"}
	}
	return &redemption.Channel{ID: s.GroupID, Type: "AUTO_REDEEM"}
}

// writeRedeemedOrder writes the order with what was taken off it, paid unless the request says otherwise, and names it in the
// redemptions.
func (c *change) writeRedeemedOrder(
	ctx context.Context, a *assessment, before *order.Order, parts []redemption.Redemption, parent *redemption.Redemption,
) (*order.Order, error) {
	if a.order == nil {
		return nil, nil
	}
	told := redemption.Full{Redemption: parts[0], Voucher: a.all[0].voucher}
	if parent != nil {
		told = redemption.Full{Redemption: *parent}
	}
	a.basket.Since(a.start)
	after := a.basket.Onto(*a.order)
	if a.ask.Order.Status == nil && !after.Status.Counts() {
		after.Status = order.Paid
	}
	if a.customer != nil {
		after.CustomerID = &a.customer.ID
	}
	if referrer := a.referrer(); referrer != nil && after.ReferrerID == nil {
		after.ReferrerID = referrer
	}
	saved, err := c.saveOrder(ctx, ordered{before: before, after: after, redemption: told.Simple()})
	if err != nil {
		return nil, err
	}
	for i := range parts {
		parts[i].OrderID = &saved.ID
	}
	if parent != nil {
		parent.OrderID = &saved.ID
	}
	return &saved, nil
}

// takeVouchers counts the uses of vouchers, and takes credits and points from cards.
func (c *change) takeVouchers(ctx context.Context, a *assessment, parts []redemption.Redemption, saved *order.Order) error {
	ids := a.vouchers()
	if len(ids) == 0 {
		return nil
	}
	counted, err := q.VouchersRedeem(ctx, c.tx, rows.VouchersRedeemParams{ProjectID: c.project, Ids: ids})
	if err != nil {
		return err
	}
	a.refresh(counted)
	if failed := a.failure(); failed != nil { // cannot be: they are locked
		failed.refused = redemption.Refuse(fault.QuantityExceeded, failed.name())
		return &refusal{a, failed}
	}
	var movements []balance.Movement
	var of []int
	for i, w := range a.all {
		if w.voucher == nil || w.amount == nil || *w.amount == 0 {
			continue
		}
		movements = append(movements, w.movement(parts[i], saved))
		parts[i].Effects.Transaction = &movements[len(movements)-1].ID
		of = append(of, i)
	}
	if len(movements) == 0 {
		return nil
	}
	moved, err := c.moveBalances(ctx, movements)
	if err != nil {
		return err
	}
	for i, m := range moved {
		a.all[of[i]].voucher = &m.voucher
	}
	return nil
}

// movement is what the redemption takes from a card.
func (w *wanted) movement(r redemption.Redemption, saved *order.Order) balance.Movement {
	kind := balance.CreditsRedemption
	if w.voucher.Type == voucher.LoyaltyCard {
		kind = balance.PointsRedemption
	}
	m := balance.Movement{
		ID: id.New(), Voucher: w.voucher.ID, Amount: -*w.amount, Type: kind, By: r.CustomerID,
		Details: map[string]any{"redemption": map[string]any{"id": r.PublicID()}},
	}
	if saved != nil {
		m.Details["order"] = map[string]any{"id": id.Order.Format(saved.ID), "source_id": saved.SourceID}
	}
	if w.reward != nil {
		m.Details["reward"] = balance.Named{ID: id.Reward.Format(w.reward.Reward.ID), Name: w.reward.Reward.Name}
	}
	return m
}

// takeTiers adds to the sums of promotion tiers.
func (c *change) takeTiers(ctx context.Context, a *assessment) error {
	p := rows.TiersRedeemParams{ProjectID: c.project, By: 1}
	for _, w := range a.all {
		if w.tier == nil {
			continue
		}
		var amount int64
		if w.effects.Order != nil {
			amount = w.effects.Order.Amount
		}
		p.Ids, p.Amounts, p.Discounts = append(p.Ids, w.tier.ID), append(p.Amounts, amount), append(p.Discounts, w.effects.Applied)
	}
	if len(p.Ids) == 0 {
		return nil
	}
	counted, err := q.TiersRedeem(ctx, c.tx, p)
	for _, row := range counted {
		for _, w := range a.all {
			if w.tier != nil && w.tier.ID == row.ID {
				t := promotion.Tier(row)
				w.tier = &t
			}
		}
	}
	return err
}

// full is what was redeemed, with what it is shown with.
func (a *assessment) full(parts []redemption.Redemption, parent *redemption.Redemption, saved *order.Order) (made Redeemed) {
	for i, w := range a.all {
		one := redemption.Full{
			Redemption: parts[i], Customer: a.customer, Voucher: w.voucher, Holder: w.holder, Campaign: w.campaign, Tier: w.tier,
		}
		if w.reward != nil {
			one.Reward = w.reward.shown(a.customer)
		}
		if saved != nil {
			after := *saved
			after.Items = w.order.Items
			one.Order = &after
		}
		made.Parts = append(made.Parts, one)
	}
	if parent != nil {
		made.Parent = &redemption.Full{Redemption: *parent, Customer: a.customer, Order: saved}
	}
	if saved != nil {
		totals := a.whole()
		made.Order = redemption.ShowOrder(*saved, &totals)
		made.Order.Redemptions = redeemings(parts, parent)
	}
	return made
}

// tellRedeemed says what the customer redeemed, and refers who was brought along by a referral code. What nobody redeemed is not
// told of.
func (c *change) tellRedeemed(ctx context.Context, a *assessment, made Redeemed) error {
	if a.customer == nil {
		return nil
	}
	for i, one := range made.Parts {
		c.happened(occurrence.Occurrence{
			Type: occurrence.Redeemed, Customer: a.customer.ID, Subject: one.CampaignID, Data: one.Data(),
		})
		if w := a.all[i]; w.reward != nil {
			c.tellRewarded(*a.customer, w, one)
		}
		if one.Voucher == nil || !one.Voucher.IsReferralCode {
			continue
		}
		via := referral.Cause{Type: referral.Redemption, ID: one.ID, Shown: one.Simple()}
		if _, err := c.refer(ctx, *one.Voucher, a.customer.ID, via); err != nil {
			return err
		}
	}
	return nil
}
