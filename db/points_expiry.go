package db

import (
	"context"
	"time"

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

// expiryPage is how many cards one transaction looks at.
const expiryPage = 500

// ExpirePage takes off a page of cards, of one project, the points whose last day is over, and returns how many cards it looked
// at: none are left when that is 0. Doing it again, or by several at the same time, expires nothing twice: a card is locked,
// and then looked at afresh.
func (s Balances) ExpirePage(ctx context.Context) (cards int64, err error) {
	today := balance.Day(balance.Today(time.Now()))
	project, err := q.PointsDue(ctx, s.Pool, today)
	if missing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	page, err := q.CardsDue(ctx, s.Pool, rows.CardsDueParams{Today: today, ProjectID: project, PageSize: expiryPage})
	if err != nil {
		return 0, err
	}
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		open, err := c.openCards(ctx, page)
		if err != nil {
			return err
		}
		return open.write(ctx)
	})
	return int64(len(page)), err
}
