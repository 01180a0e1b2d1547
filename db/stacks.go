package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/promotion"
)

const stackType = "promotion_stack"

func missingStack(one uuid.UUID) error { return fault.Missing(stackType, id.Stack.Format(one)) }

// CreateStack makes a stack, which was checked, of tiers of a promotion.
func (s Promotions) CreateStack(ctx context.Context, project, campaignID uuid.UUID, stack promotion.Stack) (made promotion.Stack, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := checkStacked(ctx, tx, project, campaignID, stack.TierIds); err != nil {
			return err
		}
		row, err := q.StackCreate(ctx, tx, rows.StackCreateParams{
			ID: id.New(), ProjectID: project, CampaignID: campaignID, Name: stack.Name, TierIds: stack.TierIds,
		})
		made = promotion.Stack(row)
		return err
	})
	return made, err
}

// checkStacked holds the promotion, so that none of its tiers is deleted, and finds those that are not its own.
func checkStacked(ctx context.Context, tx pgx.Tx, project, campaignID uuid.UUID, tiers []uuid.UUID) error {
	if _, err := lockPromotion(ctx, tx, project, campaignID); err != nil {
		return err
	}
	known, err := q.PromotionsKnown(ctx, tx, rows.PromotionsKnownParams{CampaignID: campaignID, Ids: tiers})
	if err != nil {
		return err
	}
	for _, one := range tiers {
		if !slices.Contains(known, one) {
			return missingTier(one)
		}
	}
	return nil
}

// Stack finds a stack of a promotion.
func (s Promotions) Stack(ctx context.Context, project, campaignID, one uuid.UUID) (promotion.Stack, error) {
	row, err := q.StackGet(ctx, s.Pool, rows.StackGetParams{ProjectID: project, CampaignID: campaignID, ID: one})
	if missing(err) {
		return promotion.Stack{}, missingStack(one)
	}
	return promotion.Stack(row), err
}

// UpdateStack changes a stack.
func (s Promotions) UpdateStack(ctx context.Context, project, campaignID, one uuid.UUID, h promotion.StackChange) (changed promotion.Stack, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := lockPromotion(ctx, tx, project, campaignID); err != nil {
			return err
		}
		row, err := q.StackGet(ctx, tx, rows.StackGetParams{ProjectID: project, CampaignID: campaignID, ID: one})
		if missing(err) {
			return missingStack(one)
		}
		if err != nil {
			return err
		}
		stack, err := h.Over(promotion.Stack(row))
		if err != nil {
			return err
		}
		if err := checkStacked(ctx, tx, project, campaignID, stack.TierIds); err != nil {
			return err
		}
		row, err = q.StackUpdate(ctx, tx, rows.StackUpdateParams{
			ProjectID: project, CampaignID: campaignID, ID: one, Name: stack.Name, TierIds: stack.TierIds,
		})
		changed = promotion.Stack(row)
		return err
	})
	return changed, err
}

// DeleteStack removes a stack; its tiers stay.
func (s Promotions) DeleteStack(ctx context.Context, project, campaignID, one uuid.UUID) error {
	n, err := q.StackDelete(ctx, s.Pool, rows.StackDeleteParams{ProjectID: project, CampaignID: campaignID, ID: one})
	if err == nil && n == 0 {
		return missingStack(one)
	}
	return err
}

// StackList says which stacks are listed, and in which order: created_at, updated_at or name, with "-" from the last.
type StackList struct {
	Campaign                    *uuid.UUID
	CreatedAfter, CreatedBefore *time.Time
	UpdatedAfter, UpdatedBefore *time.Time
	Filter                      Filter
	Order                       string
	Limit, Page                 int
}

// stackColumns are the fields that filters of stacks know.
var stackColumns = map[string]filterColumn{"created_at": {"s.created_at", "time"}, "updated_at": {"s.updated_at", "time"}}

// ListStacks lists stacks, with how many there are in all.
func (s Promotions) ListStacks(ctx context.Context, project uuid.UUID, l StackList) ([]promotion.Stack, int64, error) {
	var w where
	w.add("s.project_id = ?", project)
	if l.Campaign != nil {
		w.add("s.campaign_id = ?", *l.Campaign)
	}
	w.between("s.created_at", l.CreatedAfter, l.CreatedBefore)
	w.between("s.updated_at", l.UpdatedAfter, l.UpdatedBefore)
	if err := w.filter(l.Filter, stackColumns, ""); err != nil {
		return nil, 0, err
	}
	order := map[string]string{
		"created_at": "s.created_at, s.id", "-created_at": "s.created_at DESC, s.id DESC",
		"updated_at": "s.updated_at, s.id", "-updated_at": "s.updated_at DESC NULLS LAST, s.id DESC",
		"name": "s.name, s.id", "-name": "s.name DESC, s.id DESC",
	}[l.Order]
	found, total, err := listPage[rows.PromotionStack](ctx, s.Pool, &w, "promotion_stacks s", "s.*", order, l.Limit, l.Page)
	return each(found, func(row rows.PromotionStack) promotion.Stack { return promotion.Stack(row) }), total, err
}
