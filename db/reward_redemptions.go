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
	"herald/internal/loyalty"
	"herald/internal/occurrence"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// offered is the reward that a loyalty card's points are to be spent on, at the price of its holder's tier.
type offered struct {
	loyalty.Offer
	tier  *uuid.UUID
	price int64 // of a coin reward the least that pays anything
	given given
}

// loadRewards finds the rewards that points of loyalty cards are to be spent on.
func (a *assessment) loadRewards(ctx context.Context) error {
	p := rows.RedeemableRewardsParams{ProjectID: a.project}
	for _, w := range a.all {
		if w.voucher == nil || w.voucher.Type != voucher.LoyaltyCard || w.voucher.CampaignID == nil || w.asked.Reward == nil {
			continue
		}
		p.Cards = append(p.Cards, w.voucher.ID)
		p.Ids = appendParsed(appendParsed(p.Ids, id.Reward, w.asked.Reward.ID), id.RewardOffer, w.asked.Reward.AssignmentID)
	}
	if len(p.Ids) == 0 {
		return nil
	}
	found, err := q.RedeemableRewards(ctx, a.from, p)
	if err != nil {
		return err
	}
	for _, row := range found {
		one := &offered{tier: row.TierID, Offer: loyalty.Offer{Reward: loyalty.Reward(row.Reward), Assignment: loyalty.Assignment(row.RewardAssignment)}}
		var tier *loyalty.Tier
		if row.TierID != nil {
			tier = &loyalty.Tier{ID: *row.TierID, Rewards: row.TierPrices}
		}
		if one.price, err = one.Price(tier); err != nil {
			return err
		}
		for _, w := range a.all {
			if w.voucher != nil && w.voucher.ID == row.VoucherID && one.is(*w.asked.Reward) {
				w.reward = one
			}
		}
	}
	return nil
}

// is reports whether that is what was asked for.
func (o *offered) is(asked redemption.Payout) bool {
	return (asked.ID == "" || asked.ID == id.Reward.Format(o.Reward.ID)) && (asked.AssignmentID == "" || asked.AssignmentID == o.Assignment.PublicID())
}

// points spends points of a loyalty card on a reward: on a coin reward as many as are asked for, or as the order needs; on any
// other its price.
func (a *assessment) points(w *wanted) *fault.Error {
	if a.supposing { // nobody says what the points are to be spent on
		return nil
	}
	if w.asked.Reward == nil || w.reward == nil {
		return redemption.Refuse(fault.MissingReward, w.voucher.Code)
	}
	account, err := balance.AccountOf(*w.voucher)
	if err != nil {
		return fault.New(fault.InvalidVoucher, "%v", err)
	}
	coin := w.reward.Reward.Parameters.Coin
	left := account.Balance - w.held.Amount
	wanted := w.reward.price
	switch {
	case coin != nil && a.order == nil:
		return redemption.Refuse(fault.MissingOrder, w.voucher.Code)
	case coin != nil && w.asked.Reward.Points != nil:
		wanted = *w.asked.Reward.Points
	case coin != nil:
		wanted = max(left, 0)
	}
	if stock := w.reward.Reward.Stock; stock != nil && w.reward.Reward.Redeemed >= *stock {
		return soldOut(w)
	}
	if wanted > left || left <= 0 {
		return &fault.Error{Code: fault.PointsExceeded, Message: "loyalty card points exceeded", Details: w.voucher.Code}
	}
	if coin != nil {
		points, amount := coin.Exchange()
		wanted = a.basket.ApplyPoints(wanted, redemption.Exchange{Points: points, Amount: amount})
	}
	w.amount = &wanted
	w.effects.Reward = &redemption.Reward{Assignment: &w.reward.Assignment.ID}
	return nil
}

// soldOut is the refusal of a reward of which none is left.
func soldOut(w *wanted) *fault.Error {
	bad := redemption.Refuse(fault.QuantityExceeded, w.voucher.Code)
	bad.Details = "None of reward " + id.Reward.Format(w.reward.Reward.ID) + " is left"
	return bad
}

// rewardID is the reward that points were spent on.
func (w *wanted) rewardID() *uuid.UUID {
	if w.reward == nil {
		return nil
	}
	return &w.reward.Reward.ID
}

// giveRewards counts the rewards that points were spent on, as far as there are some left, and gives what they promise.
func (c *change) giveRewards(ctx context.Context, a *assessment, parts []redemption.Redemption) error {
	for i, w := range a.all {
		if w.reward == nil {
			continue
		}
		row, err := q.RewardTake(ctx, c.tx, rows.RewardTakeParams{ProjectID: c.project, ID: w.reward.Reward.ID})
		if missing(err) { // another call took the last one since it was looked at
			w.refused = soldOut(w)
			return &refusal{a, w}
		}
		if err != nil {
			return err
		}
		w.reward.Reward = loyalty.Reward(row)
		if w.reward.Reward.Type != loyalty.CampaignReward {
			continue
		}
		given, err := c.giveFromCampaign(ctx, *a.customer, w.reward.Reward)
		var refused *fault.Error
		if errors.As(err, &refused) {
			w.refused = refused
			return &refusal{a, w}
		}
		if err != nil {
			return err
		}
		w.reward.given = given
		its := &redemption.Reward{Assignment: &w.reward.Assignment.ID, Voucher: &given.voucher.ID}
		if from := w.reward.Reward.Parameters.Campaign; from.Balance != nil {
			its.Credits = *from.Balance
		}
		parts[i].Effects.Reward = its
	}
	return nil
}

// giveFromCampaign gives a customer what a reward promises of a campaign.
func (c *change) giveFromCampaign(ctx context.Context, to customer.Customer, r loyalty.Reward) (given, error) {
	from := r.Parameters.Campaign
	one, ok := id.Campaign.Parse(from.ID)
	if !ok {
		return given{}, fault.Missing("campaign", from.ID)
	}
	row, err := q.CampaignGet(ctx, c.tx, rows.CampaignGetParams{ProjectID: c.project, ID: one})
	if missing(err) {
		return given{}, fault.Missing("campaign", from.ID)
	}
	if err != nil {
		return given{}, err
	}
	return c.gift(ctx, to, campaign.Campaign(row), gift{
		balance: from.Balance, details: map[string]any{"reward": balance.Named{ID: id.Reward.Format(r.ID), Name: r.Name}},
	})
}

// shown is what was spent on as redemptions show it; occurrences leave the customer out.
func (o *offered) shown(of *customer.Customer) loyalty.ShownGiven {
	shown := loyalty.ShowGiven(o.Reward, &o.Assignment.ID, o.tier)
	if of != nil {
		simple := customer.ShowSimple(*of)
		shown.Customer = &simple
	}
	if v := o.given.voucher; v != nil {
		full := voucher.Show(*v, &o.given.campaign.Name)
		shown.Voucher = &full
	}
	return shown
}

// tellRewarded says what a customer got for points.
func (c *change) tellRewarded(of customer.Customer, w *wanted, made redemption.Full) {
	data := made.Data()
	told := map[string]any{
		"holder": data["holder"], "voucher": data["voucher"], "campaign": data["campaign"], "redemption": data["redemption"],
		"reward": w.reward.shown(nil), "referral_tier": nil, "balance": nil, "custom_event": nil, "customer_event": nil,
	}
	if w.reward.given.balance != nil {
		told["balance"] = w.reward.given.balance
	}
	c.happened(occurrence.Occurrence{
		Type: occurrence.Rewarded, Customer: of.ID, Subject: made.CampaignID, Tier: w.reward.tier, Data: told,
	})
}

// undoReward takes back what a redemption gave for points: it counts the reward as not redeemed, disables the coupon if nobody
// used it, and takes off the card what is left there of what was put on it. The points themselves are the rollback's to return.
func (c *change) undoReward(ctx context.Context, of redemption.Redemption) error {
	if of.RewardID == nil {
		return nil
	}
	if err := q.RewardReturn(ctx, c.tx, rows.RewardReturnParams{ProjectID: c.project, ID: *of.RewardID}); err != nil {
		return err
	}
	its := of.Effects.Reward
	if its == nil || its.Voucher == nil {
		return nil
	}
	if its.Credits == 0 {
		return q.RewardDisable(ctx, c.tx, rows.RewardDisableParams{ProjectID: c.project, ID: *its.Voucher})
	}
	row, err := q.VoucherLock(ctx, c.tx, rows.VoucherLockParams{ProjectID: c.project, ID: *its.Voucher})
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	account, err := balance.AccountOf(voucher.Voucher(row))
	back := min(its.Credits, account.Balance)
	if err != nil || back <= 0 {
		return err
	}
	source := "Automation"
	_, err = c.moveBalance(ctx, balance.Movement{
		Voucher: *its.Voucher, Amount: -back, Type: balance.ByHand(row.Type, -back), Source: &source,
		Details: map[string]any{"redemption": map[string]any{"id": of.PublicID()}},
	})
	return err
}

// addRewards adds to redemptions what points were spent on.
func addRewards(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	ids := idsOf(all, func(f redemption.Full) *uuid.UUID { return f.RewardID })
	if len(ids) == 0 {
		return nil
	}
	found, err := q.RewardsShown(ctx, from, rows.RewardsShownParams{ProjectID: project, Ids: ids})
	if err != nil {
		return err
	}
	known := make(map[uuid.UUID]loyalty.Reward, len(found))
	for _, row := range found {
		known[row.ID] = loyalty.Reward(row)
	}
	vouchers, err := q.PublicationVouchers(ctx, from, rows.PublicationVouchersParams{ProjectID: project, Ids: nonNil(idsOf(all, givenVoucher))})
	if err != nil {
		return err
	}
	for i := range all {
		r, ok := known[or(all[i].RewardID, uuid.Nil)]
		if !ok {
			continue
		}
		var assignment *uuid.UUID
		if its := all[i].Effects.Reward; its != nil {
			assignment = its.Assignment
		}
		shown := loyalty.ShowGiven(r, assignment, nil)
		for _, row := range vouchers {
			if gave := givenVoucher(all[i]); gave != nil && row.ID == *gave {
				v := voucher.Show(voucher.Voucher(row), nil)
				shown.Voucher = &v
			}
		}
		all[i].Reward = shown
	}
	return nil
}

// givenVoucher is the code or card that a reward was given on.
func givenVoucher(f redemption.Full) *uuid.UUID {
	if f.Effects.Reward == nil {
		return nil
	}
	return f.Effects.Reward.Voucher
}
