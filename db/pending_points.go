package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/voucher"
)

// holdAwards keeps the points of those awards whose rules have them wait, and returns the others.
func (c *change) holdAwards(ctx context.Context, awards []award) (now []award, err error) {
	var waiting []balance.Pending
	for _, a := range awards {
		wait := a.rule.PendingPoints
		if wait == nil {
			now = append(now, a)
			continue
		}
		details := a.details()
		details["event"] = c.shownEvent(a.what)
		if tier := a.of.tier(a.member.tier); tier != nil {
			details["holder_loyalty_tier"] = balance.Named{ID: id.Tier.Format(tier.ID), Name: tier.Name}
		}
		raw, err := json.Marshal(details)
		if err != nil {
			return nil, err
		}
		p := balance.Pending{
			VoucherID: a.member.card, CampaignID: a.of.campaign.ID, CustomerID: a.member.customer.ID, Points: a.points,
			ActivatesOn: balance.Today(time.Now()).AddDate(0, 0, wait.PeriodValue), Expiration: a.rule.ExpirationRules, Details: raw,
		}
		if shown, ok := a.what.Data["order"].(order.Shown); ok {
			if of, ok := id.Order.Parse(shown.ID); ok {
				p.OrderID = &of
			}
		}
		waiting = append(waiting, p)
	}
	return now, c.holdPoints(ctx, waiting)
}

// holdPoints keeps points that were earned and do not count yet, and tells their holders. What it is given needs no id and no
// status; the members are locked by the caller.
func (c *change) holdPoints(ctx context.Context, earned []balance.Pending) error {
	if len(earned) == 0 {
		return nil
	}
	open, err := c.openCards(ctx, each(earned, func(p balance.Pending) uuid.UUID { return p.VoucherID }))
	if err != nil {
		return err
	}
	p := rows.PendingAddParams{ProjectID: c.project, Now: open.now}
	for _, one := range earned {
		one.ID, one.ProjectID, one.Status, one.CreatedAt = id.New(), c.project, balance.Waiting, open.now
		card, ok := open.held[one.VoucherID]
		if !ok {
			return fault.Missing("voucher", id.Voucher.Format(one.VoucherID))
		}
		if err := open.await(card, one, one.Points, occurrence.PendingAdded); err != nil {
			return err
		}
		expiration, err := json.Marshal(one.Expiration)
		if err != nil {
			return err
		}
		p.Ids = append(p.Ids, one.ID)
		p.VoucherIds = append(p.VoucherIds, one.VoucherID)
		p.CampaignIds = append(p.CampaignIds, one.CampaignID)
		p.CustomerIds = append(p.CustomerIds, one.CustomerID)
		p.OrderIds = append(p.OrderIds, or(one.OrderID, uuid.UUID{}))
		p.Points = append(p.Points, one.Points)
		p.ActivatesOns = append(p.ActivatesOns, balance.Day(one.ActivatesOn))
		p.Expirations = append(p.Expirations, string(expiration))
		p.Details = append(p.Details, string(one.Details))
	}
	if err := open.write(ctx); err != nil {
		return err
	}
	return q.PendingAdd(ctx, c.tx, p)
}

// await changes by how many points more or fewer are pending on a card, and tells of it.
func (o *openCards) await(card *openCard, p balance.Pending, points int64, happened occurrence.Type) error {
	card.account.Pending += points
	if err := o.value(card); err != nil {
		return err
	}
	o.happened(occurrence.Occurrence{
		Type: happened, Customer: p.CustomerID, Subject: &p.CampaignID, Data: map[string]any{
			"campaign": card.shownCampaign(), "voucher": card.shown(), "order": p.Order(), "pending_points": p.Show(),
		},
	})
	return nil
}

// activate brings pending points onto their card.
func (o *openCards) activate(card *openCard, p balance.Pending, source string, manual bool) (moved, error) {
	p.Status, p.UpdatedAt = balance.Activated, &o.now
	if err := o.await(card, p, -p.Points, occurrence.PendingActivated); err != nil {
		return moved{}, err
	}
	m, err := p.Movement(source, manual)
	if err != nil {
		return moved{}, err
	}
	return o.move(card, m, nil)
}

// writePending writes what became of pending points.
func (o *openCards) writePending(ctx context.Context, status balance.PendingStatus, all ...balance.Pending) error {
	p := rows.PendingWriteParams{ProjectID: o.project, Now: o.now}
	for _, one := range all {
		p.Ids = append(p.Ids, one.ID)
		p.Points = append(p.Points, one.Points)
		p.Statuses = append(p.Statuses, string(status))
	}
	return q.PendingWrite(ctx, o.tx, p)
}

// decide locks a card and finds pending points of it that still wait, for do to decide about; done is what that is.
func (s Balances) decide(ctx context.Context, card voucher.Voucher, pending uuid.UUID, done string,
	do func(*openCards, *openCard, balance.Pending) error,
) error {
	return inChange(ctx, s.Pool, card.ProjectID, func(c *change) error {
		open, err := c.openCards(ctx, []uuid.UUID{card.ID})
		if err != nil {
			return err
		}
		row, err := q.PendingGet(ctx, c.tx, rows.PendingGetParams{ProjectID: c.project, VoucherID: card.ID, ID: pending})
		held, found := open.held[card.ID]
		if missing(err) || !found {
			return fault.Missing("pending_points", id.Pending.Format(pending))
		}
		if err != nil {
			return err
		}
		p := balance.Pending(row)
		if err := p.Want(done); err != nil {
			return err
		}
		if err := do(open, held, p); err != nil {
			return err
		}
		return open.write(ctx)
	})
}

// Activate brings pending points onto their card at once, and returns the balance after it.
func (s Balances) Activate(ctx context.Context, card voucher.Voucher, pending uuid.UUID) (shown balance.Shown, err error) {
	err = s.decide(ctx, card, pending, "activated", func(open *openCards, held *openCard, p balance.Pending) error {
		made, err := open.activate(held, p, open.source.Channel, true)
		shown = made.shown
		if err != nil {
			return err
		}
		return open.writePending(ctx, balance.Activated, p)
	})
	return shown, err
}

// Cancel takes pending points back; they never come onto the card.
func (s Balances) Cancel(ctx context.Context, card voucher.Voucher, pending uuid.UUID) error {
	return s.decide(ctx, card, pending, "canceled", func(open *openCards, held *openCard, p balance.Pending) error {
		p.UpdatedAt = &open.now
		if err := open.await(held, p, -p.Points, occurrence.PendingCanceled); err != nil {
			return err
		}
		return open.writePending(ctx, balance.Canceled, p)
	})
}

// AdjustPending adds to pending points, or takes some of them away, and returns what is pending on the card after it.
func (s Balances) AdjustPending(ctx context.Context, card voucher.Voucher, pending uuid.UUID, points int64) (shown balance.ShownPendingBalance, err error) {
	err = s.decide(ctx, card, pending, "updated", func(open *openCards, held *openCard, p balance.Pending) error {
		p, err := p.Adjusted(points)
		if err != nil {
			return err
		}
		p.UpdatedAt = &open.now
		if err := open.await(held, p, points, occurrence.PendingUpdated); err != nil {
			return err
		}
		shown = held.account.ShowPending(points, card.ID)
		return open.writePending(ctx, balance.Waiting, p)
	})
	return shown, err
}

// ActivatePage brings onto a page of cards the pending points that count from today on, and returns how many cards there were:
// none are left when that is 0. Doing it again activates nothing twice.
func (s Balances) ActivatePage(ctx context.Context) (cards int64, err error) {
	today := balance.Day(balance.Today(time.Now()))
	found, err := q.PendingDue(ctx, s.Pool, rows.PendingDueParams{Today: today, PageSize: nightPage})
	if err != nil {
		return 0, err
	}
	page := each(found, func(row rows.PendingDueRow) dueCard { return dueCard(row) })
	return int64(len(page)), s.perProject(ctx, page, func(c *change, cards []uuid.UUID) error { return c.activateDue(ctx, cards, today) })
}

// activateDue brings onto cards their pending points that count from today on.
func (c *change) activateDue(ctx context.Context, cards []uuid.UUID, today string) error {
	open, err := c.openCards(ctx, cards)
	if err != nil {
		return err
	}
	found, err := q.PendingDueOf(ctx, c.tx, rows.PendingDueOfParams{VoucherIds: cards, Today: today, ProjectID: c.project})
	if err != nil {
		return err
	}
	due := each(found, func(row rows.PendingPoint) balance.Pending { return balance.Pending(row) })
	for _, p := range due {
		if _, err := open.activate(open.held[p.VoucherID], p, balance.Automation, false); err != nil {
			return err
		}
	}
	if err := open.write(ctx); err != nil {
		return err
	}
	return open.writePending(ctx, balance.Activated, due...)
}

// PendingList says which pending points are listed, and in which order: id, or -id from the last.
type PendingList struct {
	Voucher  *uuid.UUID
	Campaign *uuid.UUID
	Order    string
	After    *uuid.UUID // the entry that the page before ended with
	Limit    int
}

// Pending lists points that wait, and says whether there are more behind them.
func (s Balances) Pending(ctx context.Context, project uuid.UUID, l PendingList) (found []balance.Pending, more bool, err error) {
	var w where
	w.add("p.project_id = ? AND p.status = 'PENDING'", project)
	if l.Voucher != nil {
		w.add("p.voucher_id = ?", *l.Voucher)
	}
	if l.Campaign != nil {
		w.add("p.campaign_id = ?", *l.Campaign)
	}
	order, sign := "p.id", ">"
	if l.Order == "-id" {
		order, sign = "p.id DESC", "<"
	}
	if l.After != nil {
		w.add("p.id "+sign+" ?", *l.After)
	}
	result, err := s.Pool.Query(ctx, w.bind("SELECT p.* FROM pending_points p WHERE "+w.String()+" ORDER BY "+order+" LIMIT ?", l.Limit+1), w.statement.args...)
	if err != nil {
		return nil, false, err
	}
	found, err = pgx.CollectRows(result, pgx.RowToStructByPos[balance.Pending])
	more = len(found) > l.Limit
	return found[:min(len(found), l.Limit)], more, err
}
