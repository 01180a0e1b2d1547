package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// Members is the store of the members of loyalty programmes: who holds a card of one.
type Members struct{ Pool *pgxpool.Pool }

// Programme finds a loyalty programme by what callers name it: its id or its name.
func (s Members) Programme(ctx context.Context, project uuid.UUID, nameOrID string) (campaign.Campaign, error) {
	found, err := Campaigns(s).Find(ctx, project, nameOrID)
	if err == nil && found.CampaignType != campaign.LoyaltyProgram {
		err = fault.Missing("campaign", nameOrID)
	}
	return found, err
}

// Find finds a loyalty card by its code or its id; programme is the name or id of the one it must belong to, or empty.
func (s Members) Find(ctx context.Context, project uuid.UUID, programme, codeOrID string) (voucher.Voucher, error) {
	var of *uuid.UUID
	if programme != "" {
		found, err := s.Programme(ctx, project, programme)
		if err != nil {
			return voucher.Voucher{}, err
		}
		of = &found.ID
	}
	card, err := Vouchers(s).Find(ctx, project, codeOrID)
	if err == nil && (card.Type != voucher.LoyaltyCard || of != nil && or(card.CampaignID, uuid.UUID{}) != *of) {
		err = fault.Missing("voucher", codeOrID)
	}
	return card, err
}

// joinAll makes the customers who were given loyalty cards, among these vouchers, members of their programmes, and brings what
// changes into the vouchers. What is on a new card expires as the programme says, from now on, and counts in the customer's
// figures. A card that has joined stays as it is.
func (c *change) joinAll(ctx context.Context, vouchers []voucher.Voucher) error {
	p := rows.MemberJoinParams{ProjectID: c.project}
	at := map[uuid.UUID]int{}
	var joined []uuid.UUID
	for i, card := range vouchers {
		switch {
		case card.Type != voucher.LoyaltyCard || card.HolderID == nil:
			continue
		case card.CampaignID == nil: // a card of its own has points, and no programme to be a member of
			joined = append(joined, card.ID)
		default:
			p.VoucherIds = append(p.VoucherIds, card.ID)
			p.CampaignIds = append(p.CampaignIds, *card.CampaignID)
			p.CustomerIds = append(p.CustomerIds, *card.HolderID)
		}
		at[card.ID] = i
	}
	if len(p.VoucherIds) > 0 {
		members, err := q.MemberJoin(ctx, c.tx, p)
		if err != nil {
			return err
		}
		joined = append(joined, members...)
	}
	if len(joined) == 0 {
		return nil
	}
	open, err := c.openCards(ctx, joined)
	if err != nil {
		return err
	}
	for _, of := range joined {
		card := open.held[of]
		figures := c.figures(*card.voucher.HolderID)
		figures.Points += card.account.Total
		figures.PointsToGo += card.account.Balance
		open.looked(card)
		vouchers[at[of]] = card.voucher
	}
	return open.write(ctx)
}
