package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// Validated is what would come of a request to redeem something.
type Validated struct {
	Verdicts []redemption.Verdict
	Valid    bool
	Order    *redemption.Calculation // with all of it; nil: none was named, or not all could be redeemed
	Customer *customer.Customer
	Tracking *string
	Session  *redemption.Session // that holds the vouchers
}

// Validate says what would come of the request, and writes nothing: no customer, no order. Where it asks for a session and all could
// be redeemed, the session then holds the vouchers: one use of each, and the credits or points that are asked for.
func (s Redemptions) Validate(ctx context.Context, project uuid.UUID, ask Asking) (made Validated, err error) {
	a := &assessment{from: s.Pool, project: project, now: time.Now().UTC().Truncate(time.Microsecond), source: occurrence.SourceOf(ctx), ask: ask}
	if ask.Session == nil {
		return a.validate(ctx)
	}
	err = again(func() error {
		return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
			fresh := *a
			fresh.from = tx
			made, err = fresh.validate(ctx)
			if err != nil || !made.Valid {
				return err
			}
			made.Session, err = fresh.holdSession(ctx)
			return err
		})
	})
	return made, err
}

// validate finds what the request names and judges it, one after the other.
func (a *assessment) validate(ctx context.Context) (Validated, error) {
	if err := a.find(ctx); err != nil {
		return Validated{}, err
	}
	if a.ask.Session != nil { // who else holds or redeems them waits
		if ids := a.vouchers(); len(ids) > 0 {
			locked, err := q.VouchersLock(ctx, a.from, rows.VouchersLockParams{ProjectID: a.project, Ids: ids})
			if err != nil {
				return Validated{}, err
			}
			a.refresh(locked)
		}
	}
	if err := a.suppose(ctx); err != nil {
		return Validated{}, err
	}
	if err := a.load(ctx); err != nil {
		return Validated{}, err
	}
	a.judge()
	return a.verdicts(), nil
}

// suppose reads the order and the customer as the request says they are, and writes neither.
func (a *assessment) suppose(ctx context.Context) error {
	if a.ask.Order != nil {
		before, err := a.seenOrder(ctx, *a.ask.Order)
		if err != nil {
			return err
		}
		after, err := a.ask.Order.Over(startOf(before))
		if err != nil {
			return fault.Inside("order", err)
		}
		a.order = &after
	}
	if a.ask.Customer == nil {
		who := a.presumed()
		if who == nil {
			return nil
		}
		known, err := people(ctx, a.from, a.project, []uuid.UUID{*who})
		if c, ok := known[*who]; ok {
			a.customer = &c
		}
		return err
	}
	c, err := seenCustomer(ctx, a.from, a.project, *a.ask.Customer)
	a.customer = c
	if err == nil && a.order != nil && c.ID != uuid.Nil {
		a.order.CustomerID = &c.ID
	}
	return err
}

// seenOrder is the order that a draft names, as it is; nil where it names none that is there by its source id.
func (a *assessment) seenOrder(ctx context.Context, d order.Draft) (*order.Order, error) {
	p := rows.OrderFindParams{ProjectID: a.project, Ids: []uuid.UUID{}, SourceIds: []string{}}
	byID, bySource := map[string]*order.Order{}, map[string]*order.Order{}
	if d.ID != nil {
		p.Ids = appendParsed(p.Ids, id.Order, *d.ID)
	}
	if d.SourceID != nil {
		p.SourceIds = append(p.SourceIds, *d.SourceID)
	}
	if len(p.Ids) > 0 || len(p.SourceIds) > 0 {
		found, err := q.OrderFind(ctx, a.from, p)
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			o := order.Order(row)
			byID[id.Order.Format(o.ID)] = &o
			if o.SourceID != nil {
				bySource[*o.SourceID] = &o
			}
		}
	}
	return named(d, byID, bySource)
}

// seenCustomer is the customer that a call names, as the call says they are. One whose source id is new has no id; an unknown id is
// fault.NotFound.
func seenCustomer(ctx context.Context, from rows.DBTX, project uuid.UUID, one Saving) (*customer.Customer, error) {
	c := customer.Customer{ProjectID: project, SourceID: one.SourceID, Metadata: json.RawMessage("{}")}
	switch {
	case one.ID != nil:
		row, err := q.CustomerGet(ctx, from, rows.CustomerGetParams{ProjectID: project, ID: *one.ID})
		if missing(err) {
			return nil, fault.Missing("customer", one.key())
		}
		if err != nil {
			return nil, err
		}
		c = customer.Customer(row)
	case one.SourceID != nil:
		row, err := q.CustomerGetBySource(ctx, from, rows.CustomerGetBySourceParams{ProjectID: project, SourceID: *one.SourceID})
		if err != nil && !missing(err) {
			return nil, err
		}
		if err == nil {
			c = customer.Customer(row)
		}
	}
	v := one.Values
	for _, text := range []struct{ says, into **string }{{&v.Name, &c.Name}, {&v.Email, &c.Email}, {&v.Phone, &c.Phone}} {
		if *text.says != nil {
			*text.into = *text.says
		}
	}
	var says voucher.Metadata
	if len(v.Metadata) > 0 {
		if err := json.Unmarshal(v.Metadata, &says); err != nil {
			return nil, err
		}
	}
	merged, err := says.Merged(c.Metadata, v.Removed)
	c.Metadata = merged
	return &c, err
}

// verdicts are what came of each.
func (a *assessment) verdicts() Validated {
	made := Validated{Valid: a.failure() == nil, Customer: a.customer, Tracking: a.ask.TrackingID}
	if made.Tracking == nil && a.customer != nil && a.customer.ID != uuid.Nil {
		made.Tracking = a.tracking()
	}
	after := false
	for _, w := range a.all {
		v := w.verdict(a)
		v.Skipped = after
		made.Verdicts = append(made.Verdicts, v)
		after = after || w.refused != nil
	}
	if made.Valid && a.order != nil {
		totals := a.whole()
		made.Order = redemption.Calculated(a.basket.Onto(*a.order), totals)
	}
	return made
}

func (w *wanted) verdict(a *assessment) redemption.Verdict {
	v := redemption.Verdict{
		Asked: w.asked, Voucher: w.voucher, Tier: w.tier, Stack: w.stack, Pattern: w.pattern, Campaign: w.campaign, Refused: w.refused,
		Amount: w.amount, Reward: w.effects.Reward, RewardID: w.rewardID(),
	}
	if w.voucher != nil || w.tier != nil {
		v.Covered = a.covered(w)
	}
	if w.order != nil && w.effects.Order != nil {
		v.Order = redemption.Calculated(*w.order, *w.effects.Order)
	}
	return v
}

// holdSession holds the vouchers for the session.
func (a *assessment) holdSession(ctx context.Context) (*redemption.Session, error) {
	session, holds := a.ask.Session.Lock()
	p := rows.SessionsHoldParams{ProjectID: a.project, Key: session.Key, ExpiresAt: a.now.Add(holds)}
	for _, w := range a.all {
		if w.voucher != nil {
			p.Vouchers, p.Amounts = append(p.Vouchers, w.voucher.ID), append(p.Amounts, or(w.amount, 0))
		}
	}
	if len(p.Vouchers) == 0 {
		return &session, nil
	}
	return &session, q.SessionsHold(ctx, a.from, p)
}

// ReleaseSession lets go of what a session holds of a voucher.
func (s Redemptions) ReleaseSession(ctx context.Context, project uuid.UUID, codeOrID, key string) error {
	of, err := Vouchers(s).Find(ctx, project, codeOrID)
	if err != nil {
		return err
	}
	n, err := q.SessionRelease(ctx, s.Pool, rows.SessionReleaseParams{ProjectID: project, VoucherID: of.ID, Key: key})
	if err == nil && n == 0 {
		return fault.Missing("session", key)
	}
	return err
}
