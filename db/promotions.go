package db

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/promotion"
	"herald/internal/rule"
)

// Promotions is the store of promotion tiers and stacks.
type Promotions struct{ Pool *pgxpool.Pool }

// ListedTier is a tier with its promotion and the rules that limit it.
type ListedTier struct {
	Tier     promotion.Tier
	Campaign campaign.Campaign
	Rules    []rule.Assignment
}

// Show is the tier as the public API shows it.
func (l ListedTier) Show() promotion.Shown { return promotion.Show(l.Tier, l.Campaign, l.Rules) }

// tierType is how the public API names a tier.
const tierType = "promotion_tier"

func missingTier(one uuid.UUID) error { return fault.Missing(tierType, id.Promotion.Format(one)) }

// lockPromotion holds a promotion, so that nobody else moves its tiers. A campaign of another kind is no promotion.
func lockPromotion(ctx context.Context, tx pgx.Tx, project, campaignID uuid.UUID) (campaign.Campaign, error) {
	row, err := q.CampaignLock(ctx, tx, rows.CampaignLockParams{ProjectID: project, ID: campaignID})
	if missing(err) {
		return campaign.Campaign{}, fault.Missing("campaign", id.Campaign.Format(campaignID))
	}
	if err == nil && row.CampaignType != campaign.Promotion {
		return campaign.Campaign{}, fault.New(fault.InvalidPayload, "Campaign %s is no promotion but %s: it has no tiers",
			id.Campaign.Format(campaignID), row.CampaignType)
	}
	return campaign.Campaign(row), err
}

// createTiers adds tiers, whose drafts were checked, to a promotion that the same transaction made or holds, each
// after those that are there unless it asks for a place before.
func createTiers(ctx context.Context, tx pgx.Tx, c campaign.Campaign, drafts []promotion.Draft) ([]ListedTier, error) {
	last, err := q.PromotionLast(ctx, tx, c.ID)
	if err != nil {
		return nil, err
	}
	made := make([]ListedTier, len(drafts))
	for i, d := range drafts {
		if last >= promotion.MaxTiers {
			return nil, fault.New(fault.InvalidPayload, "A promotion can have at most %d tiers", promotion.MaxTiers)
		}
		last++
		if made[i], err = createTier(ctx, tx, c, d, last); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// createTier adds a tier; last is its place where the draft asks for none, or for one that lies behind.
func createTier(ctx context.Context, tx pgx.Tx, c campaign.Campaign, d promotion.Draft, last int32) (ListedTier, error) {
	limits, err := rule.ParseIDs(d.ValidationRules)
	if err != nil {
		return ListedTier{}, err
	}
	t := d.Tier()
	t.Hierarchy = min(last, or(d.Hierarchy, last))
	if t.Hierarchy < last {
		if err := shiftTiers(ctx, tx, c.ID, 1, t.Hierarchy, last); err != nil {
			return ListedTier{}, err
		}
	}
	row, err := q.PromotionCreate(ctx, tx, rows.PromotionCreateParams{
		ID: id.New(), ProjectID: c.ProjectID, CampaignID: c.ID, Name: t.Name, Banner: t.Banner, Discount: t.Discount, Hierarchy: t.Hierarchy,
		Active: t.Active, StartDate: t.StartDate, ExpirationDate: t.ExpirationDate, Validity: t.Validity, Category: t.Category,
		Metadata: t.Metadata,
	})
	if err != nil {
		return ListedTier{}, err
	}
	if err := assignRules(ctx, tx, c.ProjectID, rule.PromotionTier, row.ID, limits); err != nil {
		return ListedTier{}, err
	}
	assigned, err := assignmentsOf(ctx, tx, c.ProjectID, row.ID)
	return ListedTier{promotion.Tier(row), c, assigned[row.ID]}, err
}

func shiftTiers(ctx context.Context, tx pgx.Tx, campaignID uuid.UUID, by, first, last int32) error {
	return q.PromotionShift(ctx, tx, rows.PromotionShiftParams{CampaignID: campaignID, By: by, First: first, Last: last})
}

// tiersOf is the tiers of each of the promotions, in their order, with the rules that limit them.
func tiersOf(ctx context.Context, tx rows.DBTX, project uuid.UUID, campaigns ...campaign.Campaign) (map[uuid.UUID][]ListedTier, error) {
	byID := make(map[uuid.UUID]campaign.Campaign, len(campaigns))
	ids := make([]uuid.UUID, 0, len(campaigns))
	for _, c := range campaigns {
		if c.CampaignType == campaign.Promotion {
			byID[c.ID], ids = c, append(ids, c.ID)
		}
	}
	of := make(map[uuid.UUID][]ListedTier, len(ids))
	if len(ids) == 0 {
		return of, nil
	}
	found, err := q.PromotionsOf(ctx, tx, rows.PromotionsOfParams{ProjectID: project, Campaigns: ids})
	if err != nil {
		return nil, err
	}
	tiers := make([]uuid.UUID, len(found))
	for i, row := range found {
		tiers[i] = row.ID
	}
	assigned, err := assignmentsOf(ctx, tx, project, tiers...)
	for _, row := range found {
		of[row.CampaignID] = append(of[row.CampaignID], ListedTier{promotion.Tier(row), byID[row.CampaignID], assigned[row.ID]})
	}
	return of, err
}

// TiersOf is the tiers of each of the promotions, in their order.
func (s Promotions) TiersOf(ctx context.Context, project uuid.UUID, campaigns ...campaign.Campaign) (map[uuid.UUID][]ListedTier, error) {
	return tiersOf(ctx, s.Pool, project, campaigns...)
}

// CreateTier adds a tier, whose draft was checked, to a promotion.
func (s Promotions) CreateTier(ctx context.Context, project, campaignID uuid.UUID, d promotion.Draft) (made ListedTier, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		c, err := lockPromotion(ctx, tx, project, campaignID)
		if err != nil {
			return err
		}
		all, err := createTiers(ctx, tx, c, []promotion.Draft{d})
		if err == nil {
			made = all[0]
		}
		return err
	})
	return made, err
}

// Tier finds a tier.
func (s Promotions) Tier(ctx context.Context, project, one uuid.UUID) (ListedTier, error) {
	return tierByID(ctx, s.Pool, project, one)
}

func tierByID(ctx context.Context, tx rows.DBTX, project, one uuid.UUID) (ListedTier, error) {
	row, err := q.PromotionGet(ctx, tx, rows.PromotionGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return ListedTier{}, missingTier(one)
	}
	if err != nil {
		return ListedTier{}, err
	}
	assigned, err := assignmentsOf(ctx, tx, project, one)
	return ListedTier{promotion.Tier(row.PromotionTier), campaign.Campaign(row.Campaign), assigned[one]}, err
}

// lockTier holds a tier and its promotion, in the order in which everyone does.
func lockTier(ctx context.Context, tx pgx.Tx, project, one uuid.UUID) (promotion.Tier, error) {
	found, err := tierByID(ctx, tx, project, one)
	if err != nil {
		return promotion.Tier{}, err
	}
	if _, err := lockPromotion(ctx, tx, project, found.Campaign.ID); err != nil {
		return promotion.Tier{}, err
	}
	row, err := q.PromotionLock(ctx, tx, rows.PromotionLockParams{ProjectID: project, ID: one})
	if missing(err) {
		return promotion.Tier{}, missingTier(one)
	}
	return promotion.Tier(row), err
}

// UpdateTier changes a tier; one that gets another place makes room for itself there.
func (s Promotions) UpdateTier(ctx context.Context, project, one uuid.UUID, h promotion.Change) (changed ListedTier, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		t, err := lockTier(ctx, tx, project, one)
		if err != nil {
			return err
		}
		if err := h.Apply(&t); err != nil {
			return err
		}
		if h.Hierarchy != nil {
			if t.Hierarchy, err = moveTier(ctx, tx, t, *h.Hierarchy); err != nil {
				return err
			}
		}
		if err := q.PromotionUpdate(ctx, tx, rows.PromotionUpdateParams{
			ProjectID: project, ID: one, Name: t.Name, Banner: t.Banner, Discount: t.Discount, Hierarchy: t.Hierarchy, StartDate: t.StartDate,
			ExpirationDate: t.ExpirationDate, Validity: t.Validity, Category: t.Category, Metadata: t.Metadata,
		}); err != nil {
			return err
		}
		changed, err = tierByID(ctx, tx, project, one)
		return err
	})
	return changed, err
}

// moveTier moves those between the tier's place and another, at most the last, by one, and returns that other place.
func moveTier(ctx context.Context, tx pgx.Tx, t promotion.Tier, to int32) (int32, error) {
	last, err := q.PromotionLast(ctx, tx, t.CampaignID)
	if err != nil {
		return 0, err
	}
	to = min(to, last)
	switch {
	case to < t.Hierarchy:
		err = shiftTiers(ctx, tx, t.CampaignID, 1, to, t.Hierarchy-1)
	case to > t.Hierarchy:
		err = shiftTiers(ctx, tx, t.CampaignID, -1, t.Hierarchy+1, to)
	}
	return to, err
}

// SetTierActive enables or disables a tier.
func (s Promotions) SetTierActive(ctx context.Context, project, one uuid.UUID, active bool) (ListedTier, error) {
	n, err := q.PromotionSetActive(ctx, s.Pool, rows.PromotionSetActiveParams{ProjectID: project, ID: one, Active: active})
	if err != nil {
		return ListedTier{}, err
	}
	if n == 0 {
		return ListedTier{}, missingTier(one)
	}
	return s.Tier(ctx, project, one)
}

// DeleteTier removes a tier, and takes it out of stacks. It is refused while a distribution may still tell of it.
func (s Promotions) DeleteTier(ctx context.Context, project, one uuid.UUID) error {
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		t, err := lockTier(ctx, tx, project, one)
		if err != nil {
			return err
		}
		if err := unused(ctx, tx, project, one, "promotion tier "+t.Name); err != nil {
			return err
		}
		if err := q.PromotionDelete(ctx, tx, rows.PromotionDeleteParams{ProjectID: project, ID: one}); err != nil {
			return err
		}
		if err := shiftTiers(ctx, tx, t.CampaignID, -1, t.Hierarchy+1, math.MaxInt32); err != nil {
			return err
		}
		if err := q.StackForget(ctx, tx, rows.StackForgetParams{CampaignID: t.CampaignID, Tier: one}); err != nil {
			return err
		}
		return q.StackDeleteEmpty(ctx, tx, t.CampaignID)
	})
}

// TierList says which tiers are listed, and in which order: created_at or updated_at, with "-" from the last.
type TierList struct {
	Available   *bool // whether it can be used now
	Order       string
	Limit, Page int
}

// available is the tiers that can be used now, as far as dates and switches say; of a tier named t and its promotion c.
const available = `(t.active AND c.active AND (t.expiration_date IS NULL OR t.expiration_date > ?) AND (c.expiration_date IS NULL OR c.expiration_date > ?)
	AND (t.start_date IS NULL OR t.start_date <= ?) AND (c.start_date IS NULL OR c.start_date <= ?))`

// ListTiers lists tiers of all promotions, with how many there are in all.
func (s Promotions) ListTiers(ctx context.Context, project uuid.UUID, l TierList) ([]ListedTier, int64, error) {
	var w where
	w.add("t.project_id = ?", project)
	if l.Available != nil {
		now := time.Now()
		w.add(available+" = ?", now, now, now, now, *l.Available)
	}
	order := map[string]string{
		"created_at": "t.created_at, t.id", "-created_at": "t.created_at DESC, t.id DESC",
		"updated_at": "t.updated_at, t.id", "-updated_at": "t.updated_at DESC NULLS LAST, t.id DESC",
	}[l.Order]
	found, total, err := listPage[rows.PromotionTier](ctx, s.Pool, &w,
		"promotion_tiers t JOIN campaigns c ON c.id = t.campaign_id", "t.*", order, l.Limit, l.Page)
	if err != nil {
		return nil, 0, err
	}
	listed, err := s.dressed(ctx, project, found)
	return listed, total, err
}

// dressed is tiers with their promotions and rules.
func (s Promotions) dressed(ctx context.Context, project uuid.UUID, tiers []rows.PromotionTier) ([]ListedTier, error) {
	var ids, campaigns []uuid.UUID
	for _, t := range tiers {
		ids, campaigns = append(ids, t.ID), append(campaigns, t.CampaignID)
	}
	assigned, err := assignmentsOf(ctx, s.Pool, project, ids...)
	if err != nil {
		return nil, err
	}
	found, err := q.PromotionCampaigns(ctx, s.Pool, rows.PromotionCampaignsParams{ProjectID: project, Ids: campaigns})
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]campaign.Campaign, len(found))
	for _, row := range found {
		byID[row.ID] = campaign.Campaign(row)
	}
	return each(tiers, func(t rows.PromotionTier) ListedTier {
		return ListedTier{promotion.Tier(t), byID[t.CampaignID], assigned[t.ID]}
	}), nil
}
