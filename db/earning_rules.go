package db

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/loyalty"
	"herald/internal/rule"
)

// EarningRules is the store of what members of loyalty programmes get points for.
type EarningRules struct{ Pool *pgxpool.Pool }

// LimitedRule is an earning rule with the validation rule that must hold, if there is one.
type LimitedRule struct {
	loyalty.Rule
	Limit *uuid.UUID
}

// Show is the rule as the public API shows it.
func (r LimitedRule) Show() loyalty.ShownRule {
	return loyalty.ShowRule(r.Rule, id.Rule.FormatPtr(r.Limit))
}

// Create makes the rules of a programme, all or none. A segment, tier or validation rule that is not there is fault.NotFound.
func (s EarningRules) Create(ctx context.Context, project, programme uuid.UUID, all []LimitedRule) ([]LimitedRule, error) {
	made := slices.Clone(all)
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := lockProgramme(ctx, tx, project, programme); err != nil {
			return err
		}
		if err := nameable(ctx, tx, project, programme, all); err != nil {
			return err
		}
		batch := make([]rows.EarningRuleCreateParams, len(all))
		for i, r := range all {
			batch[i] = rows.EarningRuleCreateParams{
				ID: r.ID, ProjectID: project, CampaignID: programme, Event: r.Event, Loyalty: r.Loyalty, CustomEvent: r.CustomEvent,
				SegmentID: r.SegmentID, LoyaltyTierID: r.LoyaltyTierID, Source: r.Source, StartDate: r.StartDate,
				ExpirationDate: r.ExpirationDate, Validity: r.Validity, PendingPoints: r.PendingPoints, ExpirationRules: r.ExpirationRules,
				Active: r.Active, Metadata: r.Metadata,
			}
		}
		var failed error
		q.EarningRuleCreate(ctx, tx, batch).QueryRow(func(i int, row rows.EarningRule, err error) {
			made[i].Rule = loyalty.Rule(row)
			if failed == nil {
				failed = err
			}
		})
		if failed != nil {
			return failed
		}
		for _, r := range all {
			if r.Limit == nil {
				continue
			}
			if err := assignRules(ctx, tx, project, rule.EarningRule, r.ID, []uuid.UUID{*r.Limit}); err != nil {
				return err
			}
		}
		return nil
	})
	return made, err
}

// nameable sees that the segments and tiers that rules name are there.
func nameable(ctx context.Context, tx pgx.Tx, project, programme uuid.UUID, all []LimitedRule) error {
	var segments []uuid.UUID
	tiers, err := q.TiersOf(ctx, tx, rows.TiersOfParams{ProjectID: project, Campaigns: []uuid.UUID{programme}})
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.SegmentID != nil {
			segments = append(segments, *r.SegmentID)
		}
		known := func(t rows.LoyaltyTier) bool { return t.ID == *r.LoyaltyTierID }
		if r.LoyaltyTierID != nil && !slices.ContainsFunc(tiers, known) {
			return fault.Missing("loyalty_tier", id.Tier.Format(*r.LoyaltyTierID))
		}
	}
	if len(segments) == 0 {
		return nil
	}
	found, err := q.EarningSegmentsTell(ctx, tx, rows.EarningSegmentsTellParams{ProjectID: project, Ids: segments})
	for _, one := range segments {
		if err == nil && !slices.Contains(found, one) {
			return fault.Missing("segment", id.Segment.Format(one))
		}
	}
	return err
}

// lockProgramme holds a loyalty programme while what belongs to it changes.
func lockProgramme(ctx context.Context, tx pgx.Tx, project, programme uuid.UUID) error {
	_, err := q.ProgrammeLock(ctx, tx, rows.ProgrammeLockParams{ProjectID: project, ID: programme})
	if missing(err) {
		return fault.Missing("campaign", id.Campaign.Format(programme))
	}
	return err
}

// missingEarningRule says that the programme has no such rule.
func missingEarningRule(key string) error { return fault.Missing("earning_rule", key) }

// Get finds a rule of a programme by its public id.
func (s EarningRules) Get(ctx context.Context, project, programme uuid.UUID, key string) (LimitedRule, error) {
	one, ok := id.EarningRule.Parse(key)
	if !ok {
		return LimitedRule{}, missingEarningRule(key)
	}
	row, err := q.EarningRuleGet(ctx, s.Pool, rows.EarningRuleGetParams{ProjectID: project, CampaignID: programme, ID: one})
	if missing(err) {
		return LimitedRule{}, missingEarningRule(key)
	}
	if err != nil {
		return LimitedRule{}, err
	}
	return limited(ctx, s.Pool, loyalty.Rule(row))
}

func limited(ctx context.Context, from rows.DBTX, r loyalty.Rule) (LimitedRule, error) {
	limits, err := assignmentsOf(ctx, from, r.ProjectID, r.ID)
	found := LimitedRule{Rule: r}
	if assigned := limits[r.ID]; len(assigned) > 0 {
		found.Limit = &assigned[0].RuleID
	}
	return found, err
}

// Relimit says what becomes of the validation rule that limits an earning rule: Given and nil takes it away.
type Relimit struct {
	Given bool
	Rule  *uuid.UUID
}

// Update changes a rule under a lock: change gets it as it is and says what is to be.
func (s EarningRules) Update(ctx context.Context, project, programme uuid.UUID, key string, limit Relimit, change func(*loyalty.Rule) error,
) (changed LimitedRule, err error) {
	one, ok := id.EarningRule.Parse(key)
	if !ok {
		return LimitedRule{}, missingEarningRule(key)
	}
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.EarningRuleLock(ctx, tx, rows.EarningRuleLockParams{ProjectID: project, CampaignID: programme, ID: one})
		if missing(err) {
			return missingEarningRule(key)
		}
		if err != nil {
			return err
		}
		r := loyalty.Rule(row)
		if err := change(&r); err != nil {
			return err
		}
		row, err = q.EarningRuleUpdate(ctx, tx, rows.EarningRuleUpdateParams{
			ProjectID: project, CampaignID: programme, ID: one, Loyalty: r.Loyalty, Source: r.Source, StartDate: r.StartDate,
			ExpirationDate: r.ExpirationDate, Validity: r.Validity, PendingPoints: r.PendingPoints, ExpirationRules: r.ExpirationRules,
			Active: r.Active, Metadata: r.Metadata,
		})
		if err != nil {
			return err
		}
		if limit.Given {
			if err := relimit(ctx, tx, project, one, limit.Rule); err != nil {
				return err
			}
		}
		changed, err = limited(ctx, tx, loyalty.Rule(row))
		return err
	})
	return changed, err
}

// relimit puts one validation rule, or none, in the place of those that limit an earning rule.
func relimit(ctx context.Context, tx pgx.Tx, project, of uuid.UUID, limit *uuid.UUID) error {
	if err := q.EarningUnlimit(ctx, tx, rows.EarningUnlimitParams{ProjectID: project, EarningRuleID: of}); err != nil || limit == nil {
		return err
	}
	return assignRules(ctx, tx, project, rule.EarningRule, of, []uuid.UUID{*limit})
}

// Delete takes a rule away; what it gave stays.
func (s EarningRules) Delete(ctx context.Context, project, programme uuid.UUID, key string) error {
	one, ok := id.EarningRule.Parse(key)
	if !ok {
		return missingEarningRule(key)
	}
	n, err := q.EarningRuleDelete(ctx, s.Pool, rows.EarningRuleDeleteParams{ProjectID: project, CampaignID: programme, ID: one})
	if err == nil && n == 0 {
		return missingEarningRule(key)
	}
	return err
}

// List lists the rules of a programme, and how many there are in all. Order is created_at or updated_at, with "-" from the last.
func (s EarningRules) List(ctx context.Context, project, programme uuid.UUID, order string, limit, page int) ([]LimitedRule, int64, error) {
	var w where
	w.add("r.project_id = ?", project)
	w.add("r.campaign_id = ?", programme)
	found, total, err := listPage[rows.EarningRule](ctx, s.Pool, &w, "earning_rules r", "r.*", byInstant("r", order), limit, page)
	if err != nil {
		return nil, 0, err
	}
	limits, err := assignmentsOf(ctx, s.Pool, project, each(found, func(r rows.EarningRule) uuid.UUID { return r.ID })...)
	return each(found, func(row rows.EarningRule) LimitedRule {
		r := LimitedRule{Rule: loyalty.Rule(row)}
		if assigned := limits[row.ID]; len(assigned) > 0 {
			r.Limit = &assigned[0].RuleID
		}
		return r
	}), total, err
}

// byInstant orders a list by created_at or updated_at, with "-" from the last; what was never updated stands at the end.
func byInstant(table, order string) string {
	return strings.ReplaceAll(map[string]string{
		"created_at": "%.created_at, %.id", "-created_at": "%.created_at DESC, %.id DESC",
		"updated_at": "%.updated_at NULLS LAST, %.id", "-updated_at": "%.updated_at DESC NULLS LAST, %.id DESC",
	}[order], "%", table)
}
