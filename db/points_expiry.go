package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/occurrence"
)

// expire takes off a card what nobody spent in time.
func (o *openCards) expire(card *openCard) error {
	due := card.buckets.Due(o.today)
	if len(due) == 0 {
		return nil
	}
	points := due.Points()
	shown := make([]balance.ShownBucket, 0, len(due))
	shares := make(balance.Shares, 0, len(due))
	for _, bucket := range due {
		if bucket.Points > 0 {
			shown = append(shown, bucket.Show())
			shares = append(shares, balance.Share{Bucket: bucket.ID, Points: bucket.Points})
		}
		bucket.ExpiredAt, bucket.UpdatedAt = &o.now, &o.now
	}
	if points == 0 { // all were spent: nothing happens to the customer
		return o.value(card)
	}
	m := balance.Expiry(card.voucher.ID, points)
	if err := card.account.Apply(m.Type, m.Amount, card.voucher.Code); err != nil {
		return err
	}
	made, err := o.record(card, m, shares)
	if err != nil || card.voucher.HolderID == nil {
		return err
	}
	figures := o.figures(*card.voucher.HolderID)
	figures.PointsToGo += m.Amount
	figures.Points += m.Amount
	o.looked(card)
	o.happened(occurrence.Occurrence{
		Type: occurrence.PointsExpired, Customer: *card.voucher.HolderID, Subject: card.voucher.CampaignID,
		Data: map[string]any{
			"campaign": card.shownCampaign(), "voucher": card.shown(), "points": points, "buckets": shown,
			"transaction": made.transaction.Show(),
		},
	})
	return nil
}

// nightPage bounds how many cards one page of a night's walk looks at.
const nightPage = 500

// dueCard is a card on which something is due.
type dueCard struct{ ProjectID, VoucherID uuid.UUID }

// perProject does a page of cards in one change for each project; the page is in the order of projects.
func (s Balances) perProject(ctx context.Context, page []dueCard, do func(*change, []uuid.UUID) error) error {
	for len(page) > 0 {
		project := page[0].ProjectID
		end := slices.IndexFunc(page, func(card dueCard) bool { return card.ProjectID != project })
		if end < 0 {
			end = len(page)
		}
		cards := each(page[:end], func(card dueCard) uuid.UUID { return card.VoucherID })
		if err := inChange(ctx, s.Pool, project, func(c *change) error { return do(c, cards) }); err != nil {
			return err
		}
		page = page[end:]
	}
	return nil
}

// ExpirePage takes off a page of cards the points whose last day is over, and returns how many cards it looked at: none are left
// when that is 0. Doing it again, or by several at the same time, expires nothing twice: a card is locked, and then looked at
// afresh.
func (s Balances) ExpirePage(ctx context.Context) (cards int64, err error) {
	found, err := q.PointsDue(ctx, s.Pool, rows.PointsDueParams{Today: balance.Day(balance.Today(time.Now())), PageSize: nightPage})
	if err != nil {
		return 0, err
	}
	page := each(found, func(row rows.PointsDueRow) dueCard { return dueCard(row) })
	return int64(len(page)), s.perProject(ctx, page, func(c *change, cards []uuid.UUID) error {
		open, err := c.openCards(ctx, cards)
		if err != nil {
			return err
		}
		return open.write(ctx)
	})
}
