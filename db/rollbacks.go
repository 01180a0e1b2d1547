package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// RollingBack is a request to undo a redemption.
type RollingBack struct {
	Redemption string // its id
	// Stacked undoes also what was redeemed beside it: all of one request. Without it, what stands for several is refused.
	Stacked    bool
	Reason     *string
	TrackingID *string
	Metadata   []byte       // an object
	Customer   *Saving      // must be the redemption's
	Order      *order.Draft // must be the redemption's
}

// rollback is one that is under way.
type rollback struct {
	*change
	ask     RollingBack
	now     time.Time
	whole   redemption.Redemption
	parts   []redemption.Redemption // what was redeemed: the whole itself, or what it stands for
	undone  []redemption.Redemption // their rollbacks
	vouches map[uuid.UUID]voucher.Voucher
}

// rollbackRefusal ends a change because a redemption cannot be rolled back; it is then recorded.
type rollbackRefusal struct {
	whole  redemption.Redemption
	reason *fault.Error
}

func (r *rollbackRefusal) Error() string { return r.reason.Error() }

// RollBack undoes a redemption once: uses, balances, the sums of promotion tiers and what was taken off the order, which is
// canceled. Who was referred by it stays referred. What refuses it is kept as a failed rollback where the redemption was one that
// could have been rolled back.
func (s Redemptions) RollBack(ctx context.Context, project uuid.UUID, ask RollingBack) (made Redeemed, err error) {
	err = inChange(ctx, s.Pool, project, func(c *change) (err error) {
		made, err = c.rollBack(ctx, ask)
		return err
	})
	var refused *rollbackRefusal
	if errors.As(err, &refused) {
		return Redeemed{}, s.recordRollbackRefusal(ctx, project, ask, refused)
	}
	return made, err
}

func (c *change) rollBack(ctx context.Context, ask RollingBack) (Redeemed, error) {
	r := &rollback{change: c, ask: ask, now: time.Now().UTC().Truncate(time.Microsecond)}
	before, err := r.hold(ctx)
	if err != nil {
		return Redeemed{}, err
	}
	if bad := r.whole.RefuseRollback(r.now, ask.Stacked); bad != nil {
		if bad.Code == fault.AlreadyRolledBack || bad.Code == fault.RollbackTooLate {
			return Redeemed{}, &rollbackRefusal{r.whole, bad}
		}
		return Redeemed{}, bad
	}
	ids := append(each(r.parts, func(one redemption.Redemption) uuid.UUID { return one.ID }), r.whole.ID)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	n, err := q.RedemptionRollBack(ctx, c.tx, rows.RedemptionRollBackParams{ProjectID: c.project, Ids: ids})
	if err != nil {
		return Redeemed{}, err
	}
	if n != int64(len(ids)) {
		return Redeemed{}, &rollbackRefusal{r.whole, redemption.Refuse(fault.AlreadyRolledBack, "Redemption has been already rolled back.")}
	}
	return r.undo(ctx, before)
}

// hold finds the redemption and locks what its rollback works on, in the order of all changes: customers, the order, vouchers
// (by their movements), the redemptions. It returns the order as it is.
func (r *rollback) hold(ctx context.Context) (before *order.Order, err error) {
	one, ok := redemption.Parse(r.ask.Redemption)
	if !ok {
		return nil, missingRedemption(r.ask.Redemption)
	}
	seen, err := q.RedemptionGet(ctx, r.tx, rows.RedemptionGetParams{ProjectID: r.project, ID: one})
	if missing(err) {
		return nil, missingRedemption(r.ask.Redemption)
	}
	if err != nil {
		return nil, err
	}
	if err := r.holdPeople(ctx, redemption.Redemption(seen)); err != nil {
		return nil, err
	}
	if seen.OrderID != nil {
		name := id.Order.Format(*seen.OrderID)
		if before, err = r.findOrder(ctx, order.Draft{ID: &name}); err != nil {
			return nil, err
		}
	}
	if err := r.checkOrder(before); err != nil {
		return nil, err
	}
	locked, err := q.RedemptionLock(ctx, r.tx, rows.RedemptionLockParams{ProjectID: r.project, ID: one})
	for _, row := range locked {
		if row.ID == one {
			r.whole = redemption.Redemption(row)
		} else {
			r.parts = append(r.parts, redemption.Redemption(row))
		}
	}
	if len(r.parts) == 0 {
		r.parts = []redemption.Redemption{r.whole}
	}
	return before, err
}

// holdPeople locks the customer and who holds the cards, in one order. The customer must be the one that is named; what is said of
// them is kept.
func (r *rollback) holdPeople(ctx context.Context, seen redemption.Redemption) error {
	all, err := q.RedemptionHolders(ctx, r.tx, rows.RedemptionHoldersParams{ProjectID: r.project, ID: seen.ID})
	if err != nil {
		return err
	}
	if seen.CustomerID != nil {
		all = append(all, *seen.CustomerID)
	}
	if len(all) > 0 {
		if _, err := r.lock(ctx, all...); err != nil {
			return err
		}
	}
	if r.ask.Customer == nil {
		return nil
	}
	who, err := r.change.hold(ctx, *r.ask.Customer)
	if err != nil {
		return err
	}
	if seen.CustomerID == nil || who.ID != *seen.CustomerID {
		return redemption.Refuse(fault.InvalidCustomer, "Customer is not related with redemption.")
	}
	_, err = r.customer(ctx, *r.ask.Customer)
	return err
}

// checkOrder holds the order that is named against the redemption's.
func (r *rollback) checkOrder(its *order.Order) error {
	asked := r.ask.Order
	if asked == nil || asked.ID == nil && asked.SourceID == nil {
		return nil
	}
	if its == nil || asked.ID != nil && *asked.ID != id.Order.Format(its.ID) ||
		asked.SourceID != nil && (its.SourceID == nil || *asked.SourceID != *its.SourceID) {
		return redemption.Refuse(fault.InvalidOrder, "Order is not related with redemption.")
	}
	return nil
}

// recordRollbackRefusal keeps a refusal as a failed rollback, and returns the fault that names it.
func (s Redemptions) recordRollbackRefusal(ctx context.Context, project uuid.UUID, ask RollingBack, r *rollbackRefusal) error {
	code, whole := string(r.reason.Code), r.whole
	failed := redemption.Redemption{
		ID: id.New(), Object: redemption.Rollback, RedemptionID: &whole.ID, CustomerID: whole.CustomerID, VoucherID: whole.VoucherID,
		PromotionTierID: whole.PromotionTierID, CampaignID: whole.CampaignID, TrackingID: whole.TrackingID, Result: redemption.Failure,
		Status: redemption.Failed, Reason: ask.Reason, FailureCode: &code, FailureMessage: &r.reason.Message, Metadata: ask.Metadata,
	}
	err := inChange(ctx, s.Pool, project, func(c *change) error {
		failed.Effects.Channel = channelOf(c.source)
		if whole.CustomerID != nil {
			if _, err := c.lock(ctx, *whole.CustomerID); err != nil {
				return err
			}
		}
		written, err := c.recordRedemption(ctx, failed)
		if err != nil || whole.CustomerID == nil {
			return err
		}
		c.happened(occurrence.Occurrence{
			Type: occurrence.RollbackFailed, Customer: *whole.CustomerID, Subject: whole.CampaignID,
			Data: map[string]any{
				"redemption": redemption.ShowSimple(whole, ""), "redemption_rollback": redemption.ShowSimple(written, ""),
			},
		})
		return nil
	})
	if err != nil {
		return err
	}
	named := *r.reason
	named.ResourceID, named.ResourceType = failed.PublicID(), "redemption_rollback"
	return &named
}
