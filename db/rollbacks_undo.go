package db

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/redemption"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// undo writes everything back, last first.
func (r *rollback) undo(ctx context.Context, before *order.Order) (Redeemed, error) {
	parent := r.record()
	saved, err := r.undoOrder(ctx, before, parent)
	if err != nil {
		return Redeemed{}, err
	}
	if err := r.giveBack(ctx); err != nil {
		return Redeemed{}, err
	}
	tiers, err := r.undoTiers(ctx)
	if err != nil {
		return Redeemed{}, err
	}
	all := r.undone
	if parent != nil {
		all = append([]redemption.Redemption{*parent}, all...)
	}
	if _, err := r.recordRedemptions(ctx, all); err != nil {
		return Redeemed{}, err
	}
	made, err := r.full(ctx, tiers, parent, saved)
	if err != nil {
		return Redeemed{}, err
	}
	r.tell(made)
	return made, nil
}

// record makes the rollbacks of what was redeemed, and what stands for them where they are several.
func (r *rollback) record() (parent *redemption.Redemption) {
	back := func(of redemption.Redemption) redemption.Redemption {
		undone := redemption.Redemption{
			ID: id.New(), Object: redemption.Rollback, RedemptionID: &of.ID, CustomerID: of.CustomerID, VoucherID: of.VoucherID,
			PromotionTierID: of.PromotionTierID, CampaignID: of.CampaignID, RewardID: of.RewardID, OrderID: of.OrderID,
			TrackingID: of.TrackingID, Result: redemption.Success, Status: redemption.Succeeded, Reason: r.ask.Reason,
			Effects: redemption.Effects{Channel: channelOf(r.source), Stack: of.Effects.Stack}, Metadata: r.ask.Metadata, CreatedAt: r.now,
		}
		if r.ask.TrackingID != nil {
			undone.TrackingID = r.ask.TrackingID
		}
		if of.Amount != nil {
			amount := -*of.Amount
			undone.Amount = &amount
		}
		return undone
	}
	if r.whole.Stands() {
		whole := back(r.whole)
		parent = &whole
	}
	for _, of := range r.parts {
		one := back(of)
		if parent != nil {
			one.ParentID = &parent.ID
			parent.Effects.Parts = append(parent.Effects.Parts, one.ID)
		}
		r.undone = append(r.undone, one)
	}
	return parent
}

// undoOrder takes back what was taken off the order, and cancels it.
func (r *rollback) undoOrder(ctx context.Context, before *order.Order, parent *redemption.Redemption) (*order.Order, error) {
	if before == nil {
		return nil, nil
	}
	after := *before
	for _, of := range slices.Backward(r.parts) {
		after = of.Effects.Undone(after)
	}
	after.Status = order.Canceled
	told := redemption.Full{Redemption: r.undone[0]}
	if parent != nil {
		told.Redemption = *parent
	}
	saved, err := r.saveOrder(ctx, ordered{before: before, after: after, redemption: told.Simple()})
	return &saved, err
}

// giveBack gives vouchers their uses back, and cards what was taken from them.
func (r *rollback) giveBack(ctx context.Context) error {
	var ids []uuid.UUID
	for _, of := range r.parts {
		if of.VoucherID != nil {
			ids = append(ids, *of.VoucherID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	if _, err := q.VouchersLock(ctx, r.tx, rows.VouchersLockParams{ProjectID: r.project, Ids: ids}); err != nil {
		return err
	}
	uncounted, err := q.VouchersUnredeem(ctx, r.tx, rows.VouchersUnredeemParams{ProjectID: r.project, Ids: ids})
	if err != nil {
		return err
	}
	r.vouches = make(map[uuid.UUID]voucher.Voucher, len(uncounted))
	for _, row := range uncounted {
		r.vouches[row.ID] = voucher.Voucher(row)
	}
	for _, of := range r.parts {
		if err := r.undoReward(ctx, of); err != nil {
			return err
		}
	}
	var movements []balance.Movement
	for i, of := range r.parts {
		if of.VoucherID == nil || of.Amount == nil || *of.Amount <= 0 {
			continue
		}
		kind := balance.CreditsRefund
		if r.vouches[*of.VoucherID].Type == voucher.LoyaltyCard {
			kind = balance.PointsRefund
		}
		movements = append(movements, balance.Movement{
			Voucher: *of.VoucherID, Amount: *of.Amount, Type: kind, Reason: r.ask.Reason, By: of.CustomerID, Refunds: of.Effects.Transaction,
			Details: map[string]any{
				"redemption": map[string]any{"id": of.PublicID()}, "rollback": map[string]any{"id": r.undone[i].PublicID()},
			},
		})
	}
	if len(movements) == 0 {
		return nil
	}
	moved, err := r.moveBalances(ctx, movements)
	for _, m := range moved {
		r.vouches[m.voucher.ID] = m.voucher
	}
	return err
}

// undoTiers takes back what was added to the sums of promotion tiers.
func (r *rollback) undoTiers(ctx context.Context) (map[uuid.UUID]promotion.Tier, error) {
	p := rows.TiersRedeemParams{ProjectID: r.project, By: -1}
	for _, of := range r.parts {
		if of.PromotionTierID == nil {
			continue
		}
		var amount int64
		if of.Effects.Order != nil {
			amount = of.Effects.Order.Amount
		}
		p.Ids, p.Amounts, p.Discounts = append(p.Ids, *of.PromotionTierID), append(p.Amounts, -amount), append(p.Discounts, -of.Effects.Applied)
	}
	tiers := map[uuid.UUID]promotion.Tier{}
	if len(p.Ids) == 0 {
		return tiers, nil
	}
	counted, err := q.TiersRedeem(ctx, r.tx, p)
	for _, row := range counted {
		tiers[row.ID] = promotion.Tier(row)
	}
	return tiers, err
}

// full is the rollbacks with what they are shown with.
func (r *rollback) full(
	ctx context.Context, tiers map[uuid.UUID]promotion.Tier, parent *redemption.Redemption, saved *order.Order,
) (made Redeemed, err error) {
	made.Parts = each(r.undone, func(one redemption.Redemption) redemption.Full {
		f := redemption.Full{Redemption: one, Order: saved}
		if v, ok := r.vouches[or(one.VoucherID, uuid.Nil)]; ok {
			f.Voucher = &v
		}
		if t, ok := tiers[or(one.PromotionTierID, uuid.Nil)]; ok {
			f.Tier = &t
		}
		return f
	})
	if parent != nil {
		made.Parts = append(made.Parts, redemption.Full{Redemption: *parent, Order: saved})
	}
	if err := addCampaigns(ctx, r.tx, r.project, made.Parts); err != nil {
		return made, err
	}
	if err := addPeople(ctx, r.tx, r.project, made.Parts); err != nil {
		return made, err
	}
	if parent != nil {
		made.Parent, made.Parts = &made.Parts[len(r.undone)], made.Parts[:len(r.undone)]
	}
	if saved != nil {
		made.Order = redemption.ShowOrder(*saved, nil)
		made.Order.Redemptions = r.shown(parent)
	}
	return made, nil
}

// shown is what the order shows of the redemption and its rollback.
func (r *rollback) shown(parent *redemption.Redemption) map[string]order.Redeeming {
	back, whole := r.undone[0], (*redemption.Redemption)(nil)
	if parent != nil {
		back, whole = *parent, &r.whole
	}
	all := redeemings(r.parts, whole)
	for key, one := range all {
		name, at := back.PublicID(), stamp.Stamp(back.CreatedAt)
		one.RollbackID, one.RollbackDate = &name, &at
		if parent != nil {
			one.RollbackStacked = each(r.undone, redemption.Redemption.PublicID)
		}
		all[key] = one
	}
	return all
}

// tell says what was rolled back, of whom.
func (r *rollback) tell(made Redeemed) {
	for i, back := range made.Parts {
		if back.CustomerID == nil {
			continue
		}
		of := back
		of.Redemption = r.parts[i]
		of.Status, of.Effects.Order = redemption.RolledBack, nil
		data := of.Data()
		data["redemption_rollback"] = back.Simple()
		r.happened(occurrence.Occurrence{
			Type: occurrence.RolledBack, Customer: *back.CustomerID, Subject: back.CampaignID, Data: data,
		})
	}
}
