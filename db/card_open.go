package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/campaign"
	"herald/internal/id"
	"herald/internal/voucher"
)

// openCards are cards that the change has locked, while their points or credits move.
type openCards struct {
	*change
	held         map[uuid.UUID]*openCard
	transactions []balance.Transaction
	now          time.Time
	today        time.Time
}

// openCard is one of them.
type openCard struct {
	voucher  voucher.Voucher
	account  balance.Account
	buckets  balance.Buckets    // of a loyalty card
	campaign *campaign.Campaign // nil where it belongs to none
	tier     *balance.Named     // the holder's, before anything moves
	changed  bool
}

// openCards locks cards and their holders, and lets what is due on them expire. Cards that are not there are left out.
func (c *change) openCards(ctx context.Context, cards []uuid.UUID) (*openCards, error) {
	cards = slices.Clone(cards)
	slices.SortFunc(cards, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	cards = slices.Compact(cards)
	locked, err := c.lockCards(ctx, cards)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond) // as the database keeps it
	open := &openCards{change: c, held: make(map[uuid.UUID]*openCard, len(locked)), now: now, today: balance.Today(now)}
	var loyalty, campaigns []uuid.UUID
	for _, row := range locked {
		card := &openCard{voucher: voucher.Voucher(row.Voucher)}
		if card.account, err = balance.AccountOf(card.voucher); err != nil {
			return nil, err
		}
		if row.TierID != nil {
			card.tier = &balance.Named{ID: id.Tier.Format(*row.TierID), Name: or(row.TierName, "")}
		}
		if card.voucher.Type == voucher.LoyaltyCard {
			loyalty = append(loyalty, card.voucher.ID)
		}
		if card.voucher.CampaignID != nil {
			campaigns = append(campaigns, *card.voucher.CampaignID)
		}
		open.held[card.voucher.ID] = card
	}
	if err := open.readBuckets(ctx, loyalty); err != nil {
		return nil, err
	}
	if err := open.readCampaigns(ctx, campaigns); err != nil {
		return nil, err
	}
	for _, of := range loyalty { // in the order of their ids
		if err := open.cover(open.held[of]); err != nil {
			return nil, err
		}
		if err := open.expire(open.held[of]); err != nil {
			return nil, err
		}
	}
	return open, nil
}

// lockCards locks cards after those who hold them.
func (c *change) lockCards(ctx context.Context, cards []uuid.UUID) ([]rows.CardOpenRow, error) {
	holders, err := q.CardHolders(ctx, c.tx, rows.CardHoldersParams{ProjectID: c.project, Ids: cards})
	if err != nil {
		return nil, err
	}
	found, err := q.CardOpen(ctx, c.tx, rows.CardOpenParams{ProjectID: c.project, Ids: cards})
	if err != nil {
		return nil, err
	}
	held := make(map[uuid.UUID]bool, len(holders))
	for _, one := range holders {
		held[one] = true
	}
	var late []uuid.UUID // who were given a card while we waited for it
	for _, row := range found {
		if holder := row.Voucher.HolderID; holder != nil && !held[*holder] {
			late = append(late, *holder)
		}
	}
	if len(late) > 0 {
		_, err = c.lock(ctx, late...)
	}
	return found, err
}

// cover gives the points that a card was made with a day on which they expire: as its programme says, from now on.
func (o *openCards) cover(card *openCard) error {
	loose := card.account.Balance - card.buckets.Points()
	if loose <= 0 {
		return nil
	}
	card.buckets.Put(loose, balance.Expiration{}.Until(card.program(), o.now), o.now)
	return o.value(card)
}

func (o *openCards) readBuckets(ctx context.Context, cards []uuid.UUID) error {
	if len(cards) == 0 {
		return nil
	}
	found, err := q.BucketOpen(ctx, o.tx, cards)
	for _, row := range found {
		bucket := balance.Bucket(row)
		card := o.held[bucket.VoucherID]
		card.buckets = append(card.buckets, &bucket)
	}
	return err
}

func (o *openCards) readCampaigns(ctx context.Context, campaigns []uuid.UUID) error {
	if len(campaigns) == 0 {
		return nil
	}
	found, err := q.CampaignGetAll(ctx, o.tx, rows.CampaignGetAllParams{ProjectID: o.project, Ids: campaigns})
	known := make(map[uuid.UUID]*campaign.Campaign, len(found))
	for _, row := range found {
		of := campaign.Campaign(row)
		known[of.ID] = &of
	}
	for _, card := range o.held {
		if card.voucher.CampaignID != nil {
			card.campaign = known[*card.voucher.CampaignID]
		}
	}
	return err
}

// program is when the points of the card's programme expire.
func (c *openCard) program() *voucher.PointsExpiration {
	if c.campaign == nil || c.campaign.Voucher.LoyaltyCard == nil {
		return nil
	}
	return c.campaign.Voucher.LoyaltyCard.ExpirationRules
}

func (c *openCard) shown() voucher.Simple {
	if c.campaign == nil {
		return voucher.ShowSimple(c.voucher, nil)
	}
	return voucher.ShowSimple(c.voucher, &c.campaign.Name)
}

func (c *openCard) shownCampaign() any {
	if c.campaign == nil {
		return nil
	}
	return campaign.ShowSimple(*c.campaign)
}
