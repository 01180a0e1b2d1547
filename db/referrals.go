package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/referral"
	"herald/internal/segment"
	"herald/internal/voucher"
)

// refer says that the referee, whom the change holds locked, did what a referral code was given to them for: via. Where that
// brings them along for the first time in the code's campaign, they are referred by the code's holder. Whoever redeems a
// voucher or names one in a custom event may call it: a card that is no referral code, that nobody holds, or that is the
// referee's own, refers nobody.
func (c *change) refer(ctx context.Context, card voucher.Voucher, referee uuid.UUID, via referral.Cause) (referred bool, err error) {
	if !card.IsReferralCode || card.CampaignID == nil || card.HolderID == nil || *card.HolderID == referee {
		return false, nil
	}
	n, err := q.ReferralCreate(ctx, c.tx, rows.ReferralCreateParams{
		ID: id.New(), ProjectID: c.project, CampaignID: *card.CampaignID, VoucherID: card.ID, ReferrerID: *card.HolderID,
		RefereeID: referee, RelatedType: via.Type, RelatedID: via.ID,
	})
	if err != nil || n == 0 {
		return false, err
	}
	referrer, err := c.hold(ctx, Saving{ID: card.HolderID}) // after the row, so that only the first time waits for a busy referrer
	if err != nil {
		return false, err
	}
	of, err := q.CampaignGet(ctx, c.tx, rows.CampaignGetParams{ProjectID: c.project, ID: *card.CampaignID})
	if err != nil {
		return false, err
	}
	c.figures(referrer.ID).ReferredCustomers++
	c.touch(referrer.ID, segment.Referrals)
	c.touch(referee, segment.Referrals)
	c.happened(occurrence.Occurrence{
		Type: occurrence.Referred, Customer: referee, Subject: card.CampaignID,
		Data: map[string]any{
			"referrer": customer.ShowSimple(referrer), "campaign": campaign.ShowSimple(campaign.Campaign(of)),
			"voucher": voucher.ShowSimple(card, &of.Name), via.Key(): via.Shown,
		},
	})
	return true, nil
}
