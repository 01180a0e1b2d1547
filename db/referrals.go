package db

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/publication"
	"herald/internal/referral"
	"herald/internal/segment"
	"herald/internal/voucher"
)

// refer says that the referee, whom the change holds locked, did what a referral code was given to them for: via. Where that
// brings them along for the first time in the code's campaign, they are referred by the code's holder, and given what the
// campaign promises. Whoever redeems a voucher or names one in a custom event may call it: a card that is no referral code, that
// nobody holds, or that is the referee's own, refers nobody, nor does what the campaign does not count. It may give a code, so the
// change should be one that gives (inChangeThatGives).
func (c *change) refer(ctx context.Context, card voucher.Voucher, referee uuid.UUID, via referral.Cause) (referred bool, err error) {
	if !card.IsReferralCode || card.CampaignID == nil || card.HolderID == nil || *card.HolderID == referee {
		return false, nil
	}
	row, err := q.CampaignGet(ctx, c.tx, rows.CampaignGetParams{ProjectID: c.project, ID: *card.CampaignID})
	of := campaign.Campaign(row)
	if err != nil || !of.ReferralProgram.Converts(via.Key(), via.Name) {
		return false, err
	}
	n, err := q.ReferralCreate(ctx, c.tx, rows.ReferralCreateParams{
		ID: id.New(), ProjectID: c.project, CampaignID: of.ID, VoucherID: card.ID, ReferrerID: *card.HolderID,
		RefereeID: referee, RelatedType: via.Type, RelatedID: via.ID,
	})
	if err != nil || n == 0 {
		return false, err
	}
	referrer, err := c.hold(ctx, Saving{ID: card.HolderID}) // after the row, so that only the first time waits for a busy referrer
	if err != nil {
		return false, err
	}
	c.figures(referrer.ID).ReferredCustomers++
	c.touch(referrer.ID, segment.Referrals)
	c.touch(referee, segment.Referrals)
	told := map[string]any{
		"referrer": customer.ShowSimple(referrer), "campaign": campaign.ShowSimple(of), "voucher": voucher.ShowSimple(card, &of.Name),
		"custom_event": nil, "redemption": nil,
	}
	told[via.Key()] = via.Shown
	c.happened(occurrence.Occurrence{Type: occurrence.Referred, Customer: referee, Subject: &of.ID, Data: told})
	return true, c.rewardReferee(ctx, of, referee, via)
}

// rewardReferee gives a referee the credits or points that the campaign promises. Where there is nothing to give them on, because
// the campaign of the cards is gone or has no codes left, they are referred all the same.
func (c *change) rewardReferee(ctx context.Context, of campaign.Campaign, referee uuid.UUID, via referral.Cause) error {
	if of.ReferralProgram == nil || of.ReferralProgram.RefereeReward == nil {
		return nil
	}
	reward := of.ReferralProgram.RefereeReward
	if reward.RelatedObjectParent == nil || or(reward.Amount, 0) <= 0 {
		return nil
	}
	from, err := c.campaignOf(ctx, *reward.RelatedObjectParent)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := c.hold(ctx, Saving{ID: &referee})
	if err != nil {
		return err
	}
	got, err := c.gift(ctx, to, from, gift{
		balance: reward.Amount, channel: publication.Automatic,
		details: map[string]any{"campaign": balance.Named{ID: id.Campaign.Format(of.ID), Name: of.Name}},
	})
	var refused *fault.Error
	if errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	told := map[string]any{
		"holder": customer.ShowSimple(to), "voucher": voucher.ShowSimple(*got.voucher, &from.Name), "campaign": campaign.ShowSimple(of),
		"redemption": nil, "reward": nil, "referral_tier": nil, "balance": got.balance, "custom_event": nil, "customer_event": nil,
	}
	told[via.Key()] = via.Shown
	c.happened(occurrence.Occurrence{Type: occurrence.Rewarded, Customer: referee, Subject: &of.ID, Data: told})
	return nil
}

// campaignOf finds the campaign that a reward names by id or name.
func (c *change) campaignOf(ctx context.Context, named campaign.ReferralParent) (campaign.Campaign, error) {
	var row rows.Campaign
	err := error(fault.Missing("campaign", named.ID))
	if one, ok := id.Campaign.Parse(named.ID); ok {
		row, err = q.CampaignGet(ctx, c.tx, rows.CampaignGetParams{ProjectID: c.project, ID: one})
	} else if named.ID == "" {
		row, err = q.CampaignGetByName(ctx, c.tx, rows.CampaignGetByNameParams{ProjectID: c.project, Name: named.Name})
	}
	if missing(err) {
		err = fault.Missing("campaign", named.ID+named.Name)
	}
	return campaign.Campaign(row), err
}
