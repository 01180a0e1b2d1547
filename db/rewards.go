package db

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/loyalty"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// Rewards is the store of what points can be spent on, and of the programmes that offer it.
type Rewards struct{ Pool *pgxpool.Pool }

func missingReward(key string) error { return fault.Missing("reward", key) }

func missingOffer(key string) error { return fault.Missing("reward_assignment", key) }

// Create makes a reward. A campaign that is not there is fault.NotFound, credits or points that do not go with it
// fault.InvalidBalance.
func (s Rewards) Create(ctx context.Context, project uuid.UUID, r loyalty.Reward) (loyalty.Reward, error) {
	if err := s.fromCampaign(ctx, project, &r); err != nil {
		return loyalty.Reward{}, err
	}
	var row rows.Reward
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		row, err = q.RewardCreate(ctx, tx, rows.RewardCreateParams{
			ID: r.ID, ProjectID: project, Name: r.Name, Type: r.Type, Parameters: r.Parameters, Stock: r.Stock, Attributes: r.Attributes,
			Metadata: r.Metadata,
		})
		return err
	})
	return loyalty.Reward(row), err
}

// fromCampaign holds a reward against the campaign that it gives from, and says of which type that is.
func (s Rewards) fromCampaign(ctx context.Context, project uuid.UUID, r *loyalty.Reward) error {
	if r.Type != loyalty.CampaignReward {
		return nil
	}
	from := *r.Parameters.Campaign
	of, err := Campaigns(s).Find(ctx, project, from.ID)
	if err != nil {
		return fault.Inside("parameters.campaign.id", err)
	}
	switch of.CampaignType {
	case campaign.DiscountCoupons:
		if from.Balance != nil {
			return loyalty.InvalidBalance("A coupon has no balance; leave out parameters.campaign.balance")
		}
	case campaign.GiftVouchers, campaign.LoyaltyProgram:
		if from.Balance == nil {
			return loyalty.InvalidBalance("Property .parameters.campaign.balance is required: what is put on the card")
		}
	default:
		return fault.Property("parameters.campaign.id", "Rewards come from campaigns of coupons, gift vouchers or loyalty cards, not from a %s", of.CampaignType)
	}
	from.ID, from.Type = id.Campaign.Format(of.ID), string(of.CampaignType)
	r.Parameters.Campaign = &from
	return nil
}

// Get finds a reward by its public id.
func (s Rewards) Get(ctx context.Context, project uuid.UUID, key string) (loyalty.Reward, error) {
	one, ok := id.Reward.Parse(key)
	if !ok {
		return loyalty.Reward{}, missingReward(key)
	}
	row, err := q.RewardGet(ctx, s.Pool, rows.RewardGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return loyalty.Reward{}, missingReward(key)
	}
	return loyalty.Reward(row), err
}

// Update changes a reward under a lock: change gets it as it is and says what is to be.
func (s Rewards) Update(ctx context.Context, project uuid.UUID, key string, change func(*loyalty.Reward) error) (changed loyalty.Reward, err error) {
	one, ok := id.Reward.Parse(key)
	if !ok {
		return changed, missingReward(key)
	}
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.RewardLock(ctx, tx, rows.RewardLockParams{ProjectID: project, ID: one})
		if missing(err) {
			return missingReward(key)
		}
		if err != nil {
			return err
		}
		r := loyalty.Reward(row)
		if err := change(&r); err != nil {
			return err
		}
		if err := s.fromCampaign(ctx, project, &r); err != nil {
			return err
		}
		row, err = q.RewardUpdate(ctx, tx, rows.RewardUpdateParams{
			ProjectID: project, ID: one, Name: r.Name, Parameters: r.Parameters, Stock: r.Stock, Attributes: r.Attributes, Metadata: r.Metadata,
		})
		changed = loyalty.Reward(row)
		return err
	})
	return changed, err
}

// Delete takes a reward away that no programme offers; of one that is offered it is fault.ResourceInUse.
func (s Rewards) Delete(ctx context.Context, project uuid.UUID, key string) error {
	one, ok := id.Reward.Parse(key)
	if !ok {
		return missingReward(key)
	}
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := q.RewardLockToDelete(ctx, tx, rows.RewardLockToDeleteParams{ProjectID: project, ID: one})
		if missing(err) {
			return missingReward(key)
		}
		if err != nil {
			return err
		}
		offers, err := q.OfferIDs(ctx, tx, rows.OfferIDsParams{ProjectID: project, RewardID: one})
		if err != nil {
			return err
		}
		if len(offers) > 0 {
			return &fault.Error{
				Code: fault.ResourceInUse, Details: "The reward is offered by loyalty programmes; delete its assignments first",
				ResourceType: "reward", ResourceID: key, RelatedIDs: each(offers, id.RewardOffer.Format), RelatedType: "reward_assignment",
				RelatedTotal: int64(len(offers)),
			}
		}
		return q.RewardDelete(ctx, tx, rows.RewardDeleteParams{ProjectID: project, ID: one})
	})
}

// List lists rewards, the newest first, and how many there are in all; offer narrows it to the reward of one assignment.
func (s Rewards) List(ctx context.Context, project uuid.UUID, offer *uuid.UUID, limit, page int) ([]loyalty.Reward, int64, error) {
	var w where
	w.add("r.project_id = ?", project)
	if offer != nil {
		w.add("r.id = (SELECT a.reward_id FROM reward_assignments a WHERE a.id = ? AND a.project_id = r.project_id)", *offer)
	}
	found, total, err := listPage[rows.Reward](ctx, s.Pool, &w, "rewards r", "r.*", byInstant("r", "-created_at"), limit, page)
	return each(found, func(row rows.Reward) loyalty.Reward { return loyalty.Reward(row) }), total, err
}

// Offering is a reward that a programme is to offer, by its public id.
type Offering struct {
	Reward string
	Price  *loyalty.Price
	Rules  []uuid.UUID // validation rules that must hold
	Path   string      // where it stands in the caller's body
}

// Offer has a programme offer rewards, all or none. A reward that it offers already is fault.Duplicate.
func (s Rewards) Offer(ctx context.Context, project, programme uuid.UUID, all []Offering) ([]loyalty.Assignment, error) {
	made := make([]loyalty.Assignment, len(all))
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := lockProgramme(ctx, tx, project, programme); err != nil {
			return err
		}
		p, err := offerable(ctx, tx, project, all)
		if err != nil {
			return err
		}
		p.CampaignID = programme
		found, err := q.OfferCreate(ctx, tx, p)
		if err != nil {
			return err
		}
		written := make(map[uuid.UUID]loyalty.Assignment, len(found))
		for _, row := range found {
			written[row.ID] = loyalty.Assignment(row)
		}
		for i, one := range p.Ids {
			offer, ok := written[one]
			if !ok {
				return offeredAlready(ctx, tx, project, programme, p.RewardIds[i])
			}
			made[i] = offer
			if err := assignRules(ctx, tx, project, rule.RewardAssignment, one, all[i].Rules); err != nil {
				return err
			}
		}
		return nil
	})
	return made, err
}

// offerable sees that the rewards are there and have a price that goes with them.
func offerable(ctx context.Context, tx pgx.Tx, project uuid.UUID, all []Offering) (rows.OfferCreateParams, error) {
	p := rows.OfferCreateParams{ProjectID: project}
	for _, one := range all {
		reward, ok := id.Reward.Parse(one.Reward)
		if !ok {
			return p, missingReward(one.Reward)
		}
		price, err := json.Marshal(or(one.Price, loyalty.Price{}))
		if err != nil {
			return p, err
		}
		p.Ids, p.RewardIds, p.Parameters = append(p.Ids, id.New()), append(p.RewardIds, reward), append(p.Parameters, string(price))
	}
	found, err := q.RewardsOffered(ctx, tx, rows.RewardsOfferedParams{ProjectID: project, Ids: p.RewardIds})
	if err != nil {
		return p, err
	}
	types := make(map[uuid.UUID]loyalty.RewardType, len(found))
	for _, row := range found {
		types[row.ID] = row.Type
	}
	for i, one := range all {
		is, ok := types[p.RewardIds[i]]
		if !ok {
			return p, missingReward(one.Reward)
		}
		if bad := one.Price.Check(one.Path+"parameters", is); bad != nil {
			return p, bad
		}
	}
	return p, nil
}

func offeredAlready(ctx context.Context, tx pgx.Tx, project, programme, reward uuid.UUID) error {
	there, err := q.OfferOf(ctx, tx, rows.OfferOfParams{ProjectID: project, CampaignID: programme, RewardID: reward})
	if err != nil {
		return err
	}
	name := id.RewardOffer.Format(there.ID)
	return &fault.Error{
		Code: fault.Duplicate, Details: "Duplicated reward_assignment exists with id " + name, ResourceType: "reward_assignment", ResourceID: name,
	}
}

// Within narrows assignments to those of one programme or of one reward.
type Within struct{ Programme, Reward *uuid.UUID }

// GetOffer finds an assignment, with its reward, by its public id.
func (s Rewards) GetOffer(ctx context.Context, project uuid.UUID, in Within, key string) (loyalty.Offer, error) {
	one, ok := id.RewardOffer.Parse(key)
	if !ok {
		return loyalty.Offer{}, missingOffer(key)
	}
	row, err := q.OfferGet(ctx, s.Pool, rows.OfferGetParams{ProjectID: project, ID: one, CampaignID: in.Programme, RewardID: in.Reward})
	if missing(err) {
		return loyalty.Offer{}, missingOffer(key)
	}
	return loyalty.Offer{Reward: loyalty.Reward(row.Reward), Assignment: loyalty.Assignment(row.RewardAssignment)}, err
}

// Reprice says what a reward costs in a programme from now on.
func (s Rewards) Reprice(ctx context.Context, project uuid.UUID, in Within, key string, price *loyalty.Price) (loyalty.Assignment, error) {
	there, err := s.GetOffer(ctx, project, in, key)
	if err != nil {
		return loyalty.Assignment{}, err
	}
	if price == nil {
		return there.Assignment, nil
	}
	if bad := price.Check("parameters", there.Reward.Type); bad != nil {
		return loyalty.Assignment{}, bad
	}
	row, err := q.OfferUpdate(ctx, s.Pool, rows.OfferUpdateParams{ProjectID: project, ID: there.Assignment.ID, Parameters: *price})
	if missing(err) {
		return loyalty.Assignment{}, missingOffer(key)
	}
	return loyalty.Assignment(row), err
}

// Withdraw ends an assignment.
func (s Rewards) Withdraw(ctx context.Context, project uuid.UUID, in Within, key string) error {
	one, ok := id.RewardOffer.Parse(key)
	if !ok {
		return missingOffer(key)
	}
	n, err := q.OfferDelete(ctx, s.Pool, rows.OfferDeleteParams{ProjectID: project, ID: one, CampaignID: in.Programme, RewardID: in.Reward})
	if err == nil && n == 0 {
		return missingOffer(key)
	}
	return err
}

// Assignments lists the assignments of a programme or a reward, the oldest first, and how many there are in all; only narrows it
// to one.
func (s Rewards) Assignments(ctx context.Context, project uuid.UUID, in Within, only *uuid.UUID, limit, page int) ([]loyalty.Assignment, int64, error) {
	var w where
	w.add("a.project_id = ?", project)
	if in.Programme != nil {
		w.add("a.campaign_id = ?", *in.Programme)
	}
	if in.Reward != nil {
		w.add("a.reward_id = ?", *in.Reward)
	}
	if only != nil {
		w.add("a.id = ?", *only)
	}
	found, total, err := listPage[rows.RewardAssignment](ctx, s.Pool, &w, "reward_assignments a", "a.*", byInstant("a", "created_at"), limit, page)
	return each(found, func(row rows.RewardAssignment) loyalty.Assignment { return loyalty.Assignment(row) }), total, err
}

// OfferList says which offers of a programme are listed, and at the prices of which tier (nil: of none).
type OfferList struct {
	Programme   uuid.UUID
	Tier        *loyalty.Tier
	Limit, Page int
}

// Offers lists what a programme offers, the oldest first, and how much that is in all.
func (s Rewards) Offers(ctx context.Context, project uuid.UUID, l OfferList) ([]loyalty.Offer, int64, error) {
	total, err := q.OfferCount(ctx, s.Pool, rows.OfferCountParams{ProjectID: project, CampaignID: l.Programme})
	if err != nil {
		return nil, 0, err
	}
	found, err := q.OffersOf(ctx, s.Pool, rows.OffersOfParams{
		ProjectID: project, CampaignID: l.Programme, Count: int32(l.Limit), Skip: int32((l.Page - 1) * l.Limit),
	})
	offers := make([]loyalty.Offer, len(found))
	for i, row := range found {
		offer := loyalty.Offer{Reward: loyalty.Reward(row.Reward), Assignment: loyalty.Assignment(row.RewardAssignment)}
		if offers[i], err = offer.At(l.Tier); err != nil {
			return nil, 0, err
		}
	}
	return offers, total, err
}

// maxMemberRewards bounds the rewards that one member is shown.
const maxMemberRewards = 1000

// OfMember is what the holder of a card can get, at the prices of their tier; affordable leaves out what costs more than the
// card holds, and what is gone.
func (s Rewards) OfMember(ctx context.Context, card voucher.Voucher, affordable bool) ([]loyalty.Offer, error) {
	if card.CampaignID == nil {
		return nil, nil
	}
	account, err := balance.AccountOf(card)
	if err != nil {
		return nil, err
	}
	var tier *loyalty.Tier
	row, err := q.TierOfCard(ctx, s.Pool, rows.TierOfCardParams{ProjectID: card.ProjectID, VoucherID: card.ID})
	if err == nil {
		of := loyalty.Tier(row.LoyaltyTier)
		tier = &of
	} else if !missing(err) {
		return nil, err
	}
	all, _, err := s.Offers(ctx, card.ProjectID, OfferList{Programme: *card.CampaignID, Tier: tier, Limit: maxMemberRewards, Page: 1})
	if err != nil || !affordable {
		return all, err
	}
	var within []loyalty.Offer
	for _, offer := range all {
		price, err := offer.Price(nil) // it is the tier's already
		if err != nil {
			return nil, err
		}
		if price <= account.Balance && (offer.Reward.Stock == nil || *offer.Reward.Stock > 0) {
			within = append(within, offer)
		}
	}
	return within, nil
}
