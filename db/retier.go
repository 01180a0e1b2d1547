package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/loyalty"
	"herald/internal/occurrence"
	"herald/internal/segment"
	"herald/internal/stamp"
)

// retier looks at the tiers of the members whose points moved, and tells who joined, left or changed one.
func (c *change) retier(ctx context.Context) error {
	if len(c.cards) == 0 {
		return nil
	}
	cards := make([]uuid.UUID, 0, len(c.cards))
	for card := range c.cards {
		cards = append(cards, card)
	}
	clear(c.cards)
	return c.stand(ctx, cards, time.Now())
}

// programme is what tiers of a loyalty programme depend on, and how its occurrences show it.
type programme struct {
	campaign campaign.Campaign
	tiers    []loyalty.Tier
}

// stand holds members against the tiers of their programmes, all at once, as they are now.
func (c *change) stand(ctx context.Context, cards []uuid.UUID, now time.Time) error {
	members, err := q.MemberPoints(ctx, c.tx, rows.MemberPointsParams{Now: now, ProjectID: c.project, Cards: cards})
	if err != nil || len(members) == 0 {
		return err
	}
	ids := each(members, func(m rows.MemberPointsRow) uuid.UUID { return m.CampaignID })
	programmes, err := c.programmes(ctx, ids)
	if err != nil {
		return err
	}
	p := rows.MemberStandParams{ProjectID: c.project}
	for _, m := range members {
		of := programmes[m.CampaignID]
		before := loyalty.Standing{Tier: m.TierID, Since: m.TierSince, Expires: m.TierExpiresAt, Starts: m.TierStartsAt}
		points := loyalty.Points{Balance: m.Balance, Collected: [3]int64{m.Collected, m.CollectedBefore, m.CollectedEarlier}}
		after, move := of.campaign.LoyaltyTiersExpiration.Stand(of.tiers, before, points, now)
		if after.Same(before) && m.TierCheckAt == nil {
			continue
		}
		p.Cards = append(p.Cards, m.VoucherID)
		p.TierIds = append(p.TierIds, or(after.Tier, uuid.UUID{}))
		p.Sinces = append(p.Sinces, or(after.Since, noTime))
		p.ExpireAts = append(p.ExpireAts, or(after.Expires, noTime))
		p.StartAts = append(p.StartAts, or(after.Starts, noTime))
		if move == loyalty.Stayed {
			continue
		}
		c.touch(m.CustomerID, segment.Loyalty)
		c.happened(of.tells(move, m.CustomerID, before, after, now))
	}
	if len(p.Cards) == 0 {
		return nil
	}
	return q.MemberStand(ctx, c.tx, p)
}

// programmes reads loyalty programmes with their tiers.
func (c *change) programmes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*programme, error) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	found, err := q.CampaignGetAll(ctx, c.tx, rows.CampaignGetAllParams{ProjectID: c.project, Ids: ids})
	if err != nil {
		return nil, err
	}
	all := map[uuid.UUID]*programme{}
	for _, row := range found {
		all[row.ID] = &programme{campaign: campaign.Campaign(row)}
	}
	tiers, err := q.TiersOf(ctx, c.tx, rows.TiersOfParams{ProjectID: c.project, Campaigns: ids})
	for _, row := range tiers {
		of := all[row.CampaignID]
		of.tiers = append(of.tiers, loyalty.Tier(row))
	}
	return all, err
}

// tier is the programme's tier with that id, nil where there is none.
func (p *programme) tier(one *uuid.UUID) *loyalty.Tier {
	for i, t := range p.tiers {
		if one != nil && t.ID == *one {
			return &p.tiers[i]
		}
	}
	return nil
}

// moves are the occurrences of what becomes of a standing.
var moves = map[loyalty.Move]occurrence.Type{
	loyalty.Joined: occurrence.TierJoined, loyalty.Left: occurrence.TierLeft, loyalty.Upgraded: occurrence.TierUpgraded,
	loyalty.Downgraded: occurrence.TierDowngraded, loyalty.Prolonged: occurrence.TierProlonged, loyalty.Ending: occurrence.TierExpirationChanged,
}

// tells is the occurrence of a move.
func (p *programme) tells(move loyalty.Move, member uuid.UUID, before, after loyalty.Standing, now time.Time) occurrence.Occurrence {
	data := map[string]any{"campaign": p.shownCampaign(), "created_at": stamp.Stamp(now)}
	about := after.Tier
	switch move {
	case loyalty.Upgraded, loyalty.Downgraded:
		data["loyalty_tier_from"], data["loyalty_tier_to"] = p.shown(before.Tier), p.shown(after.Tier)
	case loyalty.Left:
		about = before.Tier
		data["loyalty_tier"] = p.shown(before.Tier)
	default:
		data["loyalty_tier"] = p.shown(after.Tier)
	}
	return occurrence.Occurrence{Type: moves[move], Customer: member, Subject: &p.campaign.ID, Tier: about, Data: data}
}

// shown is a tier as occurrences show it, null where there is none.
func (p *programme) shown(tier *uuid.UUID) *loyalty.ShownTier {
	t := p.tier(tier)
	if t == nil {
		return nil
	}
	shown := loyalty.ShowTier(*t)
	return &shown
}

// shownCampaign is the programme as occurrences show it.
func (p *programme) shownCampaign() campaign.Simple { return campaign.ShowSimple(p.campaign) }
