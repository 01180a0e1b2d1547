package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/rule"
)

// Rules is the store of validation rules and of what they are assigned to.
type Rules struct{ Pool *pgxpool.Pool }

// ruleType is how the public API names a rule in its errors.
const ruleType = "validation_rules"

// missingRule says that a rule does not exist.
func missingRule(one uuid.UUID) error { return fault.Missing(ruleType, id.Rule.Format(one)) }

// Create makes a rule that was checked. The segments it asks about must exist.
func (s Rules) Create(ctx context.Context, project uuid.UUID, r rule.Rule) (made rule.Rule, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := checkRuleSegments(ctx, tx, project, r.Rules); err != nil {
			return err
		}
		row, err := q.RuleCreate(ctx, tx, rows.RuleCreateParams{
			ID: id.New(), ProjectID: project, Name: r.Name, Type: r.Type, ContextType: r.ContextType, Rules: r.Rules, Error: r.Error,
			ApplicableTo: r.ApplicableTo,
		})
		made = rule.Rule(row)
		return err
	})
	return made, err
}

func checkRuleSegments(ctx context.Context, tx rows.DBTX, project uuid.UUID, r rule.Rules) error {
	asked := r.Segments()
	if len(asked) == 0 {
		return nil
	}
	gone, err := q.RuleMissingSegments(ctx, tx, rows.RuleMissingSegmentsParams{ProjectID: project, Ids: asked})
	if err == nil && len(gone) > 0 {
		return fault.Missing("segment", id.Segment.Format(gone[0]))
	}
	return err
}

// Get finds a rule, and how often it is assigned.
func (s Rules) Get(ctx context.Context, project, one uuid.UUID) (rule.Rule, int64, error) {
	row, err := q.RuleGet(ctx, s.Pool, rows.RuleGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return rule.Rule{}, 0, missingRule(one)
	}
	return rule.Rule(row.ValidationRule), row.Assignments, err
}

// Update changes a rule under a lock: change gets it as it is, and says what is to be. It returns how often it is assigned, too.
func (s Rules) Update(
	ctx context.Context, project, one uuid.UUID, change func(rule.Rule) (rule.Rule, error),
) (changed rule.Rule, assignments int64, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.RuleLock(ctx, tx, rows.RuleLockParams{ProjectID: project, ID: one})
		if missing(err) {
			return missingRule(one)
		}
		if err != nil {
			return err
		}
		r, err := change(rule.Rule(row))
		if err != nil {
			return err
		}
		if err := checkRuleSegments(ctx, tx, project, r.Rules); err != nil {
			return err
		}
		updated, err := q.RuleUpdate(ctx, tx, rows.RuleUpdateParams{
			ProjectID: project, ID: one, Name: r.Name, Type: r.Type, ContextType: r.ContextType, Rules: r.Rules, Error: r.Error,
			ApplicableTo: r.ApplicableTo,
		})
		changed, assignments = rule.Rule(updated.ValidationRule), updated.Assignments
		return err
	})
	return changed, assignments, err
}

// Delete removes a rule that limits nothing; one that does is a fault.Conflict which names what. To take a limit away from
// vouchers is not what somebody means who tidies up.
func (s Rules) Delete(ctx context.Context, project, one uuid.UUID) error {
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := q.RuleLockToDelete(ctx, tx, rows.RuleLockToDeleteParams{ProjectID: project, ID: one})
		if missing(err) {
			return missingRule(one)
		}
		if err != nil {
			return err
		}
		if err := unusedRule(ctx, tx, project, one); err != nil {
			return err
		}
		return q.RuleDelete(ctx, tx, rows.RuleDeleteParams{ProjectID: project, ID: one})
	})
}

// unusedRule finds what a rule limits: an object that it is assigned to, or a distribution's trigger.
func unusedRule(ctx context.Context, tx pgx.Tx, project, one uuid.UUID) error {
	assigned, err := q.AssignmentFirst(ctx, tx, rows.AssignmentFirstParams{ProjectID: project, RuleID: one})
	if err == nil {
		object := assigned.RelatedObjectType.Prefix().Format(assigned.RelatedObjectID)
		return &fault.Error{
			Code: fault.Conflict, ResourceType: string(assigned.RelatedObjectType), ResourceID: object,
			Details: "The rule is assigned to " + string(assigned.RelatedObjectType) + " " + object + "; delete the assignment first",
		}
	}
	if !missing(err) {
		return err
	}
	return unused(ctx, tx, project, one, "rule")
}

// RuleList says which rules are listed, and in which order: created_at, updated_at or name, with "-" from the last.
type RuleList struct {
	After, Before *time.Time // of the creation
	Order         string
	Limit, Page   int
}

// ListedRule is a rule and how often it is assigned.
type ListedRule struct {
	rows.ValidationRule
	Assignments int64
}

// Rule is the rule alone.
func (l ListedRule) Rule() rule.Rule { return rule.Rule(l.ValidationRule) }

// List lists rules, with how many there are in all.
func (s Rules) List(ctx context.Context, project uuid.UUID, l RuleList) ([]ListedRule, int64, error) {
	var w where
	w.add("r.project_id = ?", project)
	if l.After != nil {
		w.add("r.created_at >= ?", *l.After)
	}
	if l.Before != nil {
		w.add("r.created_at <= ?", *l.Before)
	}
	order := map[string]string{
		"created_at": "r.created_at, r.id", "-created_at": "r.created_at DESC, r.id DESC",
		"updated_at": "r.updated_at, r.id", "-updated_at": "r.updated_at DESC NULLS LAST, r.id DESC",
		"name": "r.name, r.id", "-name": "r.name DESC, r.id DESC",
	}[l.Order]
	return listPage[ListedRule](ctx, s.Pool, &w, "validation_rules r",
		"r.*, (SELECT count(*) FROM rule_assignments a WHERE a.rule_id = r.id) AS assignments", order, l.Limit, l.Page)
}
