package db

import (
	"context"
	"time"

	"herald/db/internal/rows"
	"herald/internal/campaign"
)

// Figures counts what came of a campaign from the start of one day to the end of another; nil is no bound.
func (s Campaigns) Figures(ctx context.Context, of campaign.Campaign, from, to *time.Time) (f campaign.Figures, err error) {
	if to != nil {
		next := to.AddDate(0, 0, 1)
		to = &next
	}
	counts, err := q.CampaignCounts(ctx, s.Pool, rows.CampaignCountsParams{ProjectID: of.ProjectID, CampaignID: of.ID, Since: from, Until: to})
	if err != nil {
		return f, err
	}
	f.Counts = campaign.Counts(counts)
	if of.CampaignType != campaign.GiftVouchers && of.CampaignType != campaign.LoyaltyProgram {
		return f, nil
	}
	moves, err := q.CampaignMoves(ctx, s.Pool, rows.CampaignMovesParams{ProjectID: of.ProjectID, CampaignID: of.ID, Since: from, Until: to})
	f.Moves = campaign.Moves(moves)
	return f, err
}
