package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// Redemptions is the store of redemptions and their rollbacks.
type Redemptions struct{ Pool *pgxpool.Pool }

// Redeemed is what one request redeemed.
type Redeemed struct {
	Parts  []redemption.Full
	Parent *redemption.Full // what stands for several parts
	Order  *redemption.ShownOrder
}

// refusal ends a change because something cannot be redeemed; it is then recorded.
type refusal struct {
	assessment *assessment
	wanted     *wanted
}

func (r *refusal) Error() string { return r.wanted.refused.Error() }

// Redeem redeems all that is asked for, or nothing. What refuses it is kept as a failed redemption, which the fault names.
func (s Redemptions) Redeem(ctx context.Context, project uuid.UUID, ask Asking) (made Redeemed, err error) {
	err = inChangeThatGives(ctx, s.Pool, project, func(c *change) (err error) {
		made, err = c.redeem(ctx, ask)
		return err
	})
	var refused *refusal
	if errors.As(err, &refused) {
		return Redeemed{}, s.recordRefusal(ctx, project, ask, refused)
	}
	return made, err
}

// redeem redeems all that is asked for within the change.
func (c *change) redeem(ctx context.Context, ask Asking) (Redeemed, error) {
	a := &assessment{
		from: c.tx, project: c.project, now: time.Now().UTC().Truncate(time.Microsecond), source: c.source, redeeming: true, ask: ask,
	}
	if err := a.find(ctx); err != nil {
		return Redeemed{}, err
	}
	before, err := c.holdAll(ctx, a)
	if err != nil {
		return Redeemed{}, err
	}
	if err := a.load(ctx); err != nil {
		return Redeemed{}, err
	}
	a.judge()
	if failed := a.failure(); failed != nil {
		return Redeemed{}, &refusal{a, failed}
	}
	return c.writeRedeemed(ctx, a, before)
}

// holdAll locks what the redemption works on, in the order of all changes: customers, the order, vouchers. The customer is the
// one who is named, or the order's, or the holder of a loyalty card. It returns the order as it was.
func (c *change) holdAll(ctx context.Context, a *assessment) (before *order.Order, err error) {
	referrer, err := c.holdPeople(ctx, a)
	if err != nil {
		return nil, err
	}
	if a.ask.Order != nil {
		if before, err = c.findOrder(ctx, *a.ask.Order); err != nil {
			return nil, err
		}
		after, err := a.ask.Order.Over(startOf(before))
		if err != nil {
			return nil, fault.Inside("order", err)
		}
		if referrer != nil {
			after.ReferrerID = referrer
		}
		a.order = &after
	}
	if who := a.presumed(); a.customer == nil && who != nil {
		found, err := c.hold(ctx, Saving{ID: who})
		if err != nil {
			return nil, err
		}
		a.customer = &found
	}
	vouchers := a.vouchers()
	if len(vouchers) == 0 {
		return before, nil
	}
	locked, err := q.VouchersLock(ctx, c.tx, rows.VouchersLockParams{ProjectID: c.project, Ids: vouchers})
	a.refresh(locked)
	return before, err
}

// holdPeople locks whom the request names and who holds the cards, all in one order, so that nobody who redeems another's card
// meets its holder who redeems theirs. It says who brought the customer along, where the request does.
func (c *change) holdPeople(ctx context.Context, a *assessment) (referrer *uuid.UUID, err error) {
	if all := a.holders(true); len(all) > 0 {
		if a.ask.Customer != nil {
			seen, err := seenCustomer(ctx, c.tx, c.project, *a.ask.Customer)
			if err != nil {
				return nil, err
			}
			all = append(all, seen.ID)
		}
		if _, err := c.lock(ctx, all...); err != nil {
			return nil, err
		}
	}
	if a.ask.Customer != nil {
		who, err := c.customer(ctx, *a.ask.Customer)
		if err != nil {
			return nil, err
		}
		a.customer = &who
	}
	if a.ask.Referrer != nil {
		who, err := c.customer(ctx, *a.ask.Referrer)
		if err != nil {
			return nil, fault.Inside("order.referrer", err)
		}
		referrer = &who.ID
	}
	return referrer, nil
}

// presumed is the customer where the request names none.
func (a *assessment) presumed() *uuid.UUID {
	if a.order != nil && a.order.CustomerID != nil {
		return a.order.CustomerID
	}
	for _, w := range a.all {
		if w.voucher != nil && w.voucher.Type == voucher.LoyaltyCard {
			return w.voucher.HolderID
		}
	}
	return nil
}

// referrer is who brought the customer along, where a referral code is redeemed.
func (a *assessment) referrer() *uuid.UUID {
	for _, w := range a.all {
		if w.voucher != nil && w.voucher.IsReferralCode {
			return w.voucher.HolderID
		}
	}
	return nil
}

// recordRefusal keeps a refusal as a failed redemption, which the customer's activity tells of, and returns the fault that names
// it. A request that made its customer leaves none behind. What is the fault of a program, or names what is not there, is not kept.
func (s Redemptions) recordRefusal(ctx context.Context, project uuid.UUID, ask Asking, r *refusal) error {
	w, bad := r.wanted, r.wanted.refused
	if !redemption.Refused(bad) || w.voucher == nil && w.tier == nil {
		return bad
	}
	err := inChange(ctx, s.Pool, project, func(c *change) error {
		failed := redemption.Redemption{
			Object: redemption.Use, CampaignID: w.of(), TrackingID: ask.TrackingID, Result: redemption.Failure, Status: redemption.Failed,
			FailureCode: new(string), FailureMessage: &bad.Message, Metadata: ask.Metadata, CreatedAt: r.assessment.now,
			Effects: redemption.Effects{Channel: channelOf(c.source)}, ID: id.New(),
		}
		*failed.FailureCode = string(bad.Code)
		if w.voucher != nil {
			failed.VoucherID = &w.voucher.ID
		} else {
			failed.PromotionTierID = &w.tier.ID
		}
		one := redemption.Full{Redemption: failed, Voucher: w.voucher, Holder: w.holder, Campaign: w.campaign, Tier: w.tier}
		if r.assessment.customer != nil {
			held, err := c.lock(ctx, r.assessment.customer.ID)
			if err != nil {
				return err
			}
			if slices.Contains(held, r.assessment.customer.ID) {
				failed.CustomerID, failed.TrackingID = &r.assessment.customer.ID, r.assessment.tracking()
				one.Redemption = failed
				c.happened(occurrence.Occurrence{
					Type: occurrence.RedemptionFailed, Customer: *failed.CustomerID, Subject: failed.CampaignID, Data: one.Data(),
				})
			}
		}
		if _, err := c.recordRedemption(ctx, failed); err != nil {
			return err
		}
		named := *bad
		named.ResourceID, named.ResourceType = failed.PublicID(), "redemption"
		bad = &named
		return nil
	})
	if err != nil {
		return err
	}
	return bad
}
