package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/voucher"
)

// join makes the customer who was given a loyalty card a member of its programme. What is on a new card expires as the
// programme says, from now on, and counts in the customer's figures. A card that has joined stays as it is.
func (c *change) join(ctx context.Context, card voucher.Voucher, customer uuid.UUID) error {
	card.HolderID = &customer
	return c.joinAll(ctx, []voucher.Voucher{card})
}

// joinAll is join for many cards and those who hold them.
func (c *change) joinAll(ctx context.Context, cards []voucher.Voucher) error {
	var p rows.MemberJoinParams
	holders := make(map[uuid.UUID]*uuid.UUID, len(cards))
	for _, card := range cards {
		holders[card.ID] = card.HolderID
		if card.Type == voucher.LoyaltyCard && card.CampaignID != nil && card.HolderID != nil {
			p.VoucherIds = append(p.VoucherIds, card.ID)
			p.CampaignIds = append(p.CampaignIds, *card.CampaignID)
			p.CustomerIds = append(p.CustomerIds, *card.HolderID)
		}
	}
	if len(p.VoucherIds) == 0 {
		return nil
	}
	p.ProjectID = c.project
	joined, err := q.MemberJoin(ctx, c.tx, p)
	if err != nil || len(joined) == 0 {
		return err
	}
	open, err := c.openCards(ctx, joined)
	if err != nil {
		return err
	}
	for _, of := range joined {
		card := open.held[of]
		card.voucher.HolderID = holders[of] // the caller may be about to write it
		if err := open.start(card); err != nil {
			return err
		}
	}
	return open.write(ctx)
}

// start gives the points that are on a new card a day on which they expire.
func (o *openCards) start(card *openCard) error {
	o.looked(card)
	if card.account.Balance == 0 {
		return nil
	}
	figures := o.figures(*card.voucher.HolderID)
	figures.Points += card.account.Total
	figures.PointsToGo += card.account.Balance
	card.buckets.Put(card.account.Balance, balance.Expiration{}.Until(card.program(), o.now), o.now)
	return o.value(card)
}
