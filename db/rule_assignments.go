package db

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/rule"
)

// assignmentType is how the public API names an assignment.
const assignmentType = "validation_rules_assignment"

// ruled are the tables of what rules can be assigned to.
var ruled = map[rule.ObjectType]string{
	rule.Voucher: "vouchers", rule.Campaign: "campaigns", rule.PromotionTier: "promotion_tiers", rule.EarningRule: "earning_rules",
	rule.RewardAssignment: "reward_assignments", rule.Distribution: "distributions",
}

// assignRules limits an object, which the same transaction made or holds, by rules. A rule that limits it already does so once.
func assignRules(ctx context.Context, tx pgx.Tx, project uuid.UUID, object rule.ObjectType, objectID uuid.UUID, rules []uuid.UUID) error {
	if len(rules) == 0 {
		return nil
	}
	if _, err := q.AssignmentsCreate(ctx, tx, rows.AssignmentsCreateParams{
		ProjectID: project, RelatedObjectType: object, RelatedObjectID: objectID, Rules: rules,
	}); err != nil {
		return err
	}
	all, err := assignmentsOf(ctx, tx, project, objectID)
	if err != nil {
		return err
	}
	for _, one := range rules {
		if !slices.ContainsFunc(all[objectID], func(a rule.Assignment) bool { return a.RuleID == one }) {
			return missingRule(one)
		}
	}
	return nil
}

// assignmentsOf is the assignments of each of the objects, oldest first, in one statement.
func assignmentsOf(ctx context.Context, tx rows.DBTX, project uuid.UUID, objects ...uuid.UUID) (map[uuid.UUID][]rule.Assignment, error) {
	of := make(map[uuid.UUID][]rule.Assignment, len(objects))
	if len(objects) == 0 {
		return of, nil
	}
	found, err := q.AssignmentsOf(ctx, tx, rows.AssignmentsOfParams{ProjectID: project, Objects: objects})
	for _, row := range found {
		of[row.RelatedObjectID] = append(of[row.RelatedObjectID], rule.Assignment(row))
	}
	return of, err
}

// AssignmentsOf is the assignments of each of the objects, oldest first.
func (s Rules) AssignmentsOf(ctx context.Context, project uuid.UUID, objects ...uuid.UUID) (map[uuid.UUID][]rule.Assignment, error) {
	return assignmentsOf(ctx, s.Pool, project, objects...)
}

// Assign limits an object by a rule. key is the object's public id; a voucher is also found by its code, a campaign by its name.
// Where the rule limits it already that is a fault.Duplicate, unless force makes a new assignment in place of the old one.
func (s Rules) Assign(ctx context.Context, project, ruleID uuid.UUID, object rule.ObjectType, key string, force bool) (made rule.Assignment, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		objectID, err := s.object(ctx, tx, project, object, key)
		if err != nil {
			return err
		}
		there, err := q.AssignmentFind(ctx, tx, rows.AssignmentFindParams{ProjectID: project, RelatedObjectID: objectID, RuleID: ruleID})
		switch {
		case err == nil && force:
			_, err = q.AssignmentDelete(ctx, tx, rows.AssignmentDeleteParams{ProjectID: project, RuleID: ruleID, ID: there.ID})
			if err != nil {
				return err
			}
		case err == nil:
			return duplicateAssignment(there.ID)
		case !missing(err):
			return err
		}
		if _, err := q.AssignmentsCreate(ctx, tx, rows.AssignmentsCreateParams{
			ProjectID: project, RelatedObjectType: object, RelatedObjectID: objectID, Rules: []uuid.UUID{ruleID},
		}); err != nil {
			return err
		}
		row, err := q.AssignmentFind(ctx, tx, rows.AssignmentFindParams{ProjectID: project, RelatedObjectID: objectID, RuleID: ruleID})
		if missing(err) {
			return missingRule(ruleID)
		}
		made = rule.Assignment(row)
		return err
	})
	return made, err
}

func duplicateAssignment(one uuid.UUID) error {
	there := id.Assignment.Format(one)
	return &fault.Error{
		Code: fault.Duplicate, ResourceType: assignmentType, ResourceID: there,
		Details: "Duplicated " + assignmentType + " exists with id " + there,
	}
}

// object finds what a rule is to be assigned to, and keeps it from being deleted until the transaction ends.
func (s Rules) object(ctx context.Context, tx pgx.Tx, project uuid.UUID, object rule.ObjectType, key string) (found uuid.UUID, err error) {
	one, ok := object.Prefix().Parse(key)
	column := map[rule.ObjectType]string{rule.Voucher: "code", rule.Campaign: "name"}[object]
	statement := "SELECT id FROM " + ruled[object] + " WHERE project_id = $1 AND "
	switch {
	case ok && column != "":
		err = tx.QueryRow(ctx, statement+"(id = $2 OR "+column+" = $3) FOR KEY SHARE", project, one, key).Scan(&found)
	case ok:
		err = tx.QueryRow(ctx, statement+"id = $2 FOR KEY SHARE", project, one).Scan(&found)
	case column != "":
		err = tx.QueryRow(ctx, statement+column+" = $2 FOR KEY SHARE", project, key).Scan(&found)
	default:
		err = pgx.ErrNoRows
	}
	if missing(err) {
		return uuid.UUID{}, fault.Missing(string(object), key)
	}
	return found, err
}

// Unassign takes a limit away.
func (s Rules) Unassign(ctx context.Context, project, ruleID, one uuid.UUID) error {
	n, err := q.AssignmentDelete(ctx, s.Pool, rows.AssignmentDeleteParams{ProjectID: project, RuleID: ruleID, ID: one})
	if err != nil || n > 0 {
		return err
	}
	if _, _, err := s.Get(ctx, project, ruleID); err != nil {
		return err
	}
	return fault.Missing(assignmentType, id.Assignment.Format(one))
}

// AssignmentList says which assignments are listed, newest first unless OldestFirst.
type AssignmentList struct {
	Rule, Object *uuid.UUID
	OldestFirst  bool
	Limit, Page  int
}

// Assignments lists assignments, with how many there are in all.
func (s Rules) Assignments(ctx context.Context, project uuid.UUID, l AssignmentList) ([]rule.Assignment, int64, error) {
	var w where
	w.add("project_id = ?", project)
	if l.Rule != nil {
		w.add("rule_id = ?", *l.Rule)
	}
	if l.Object != nil {
		w.add("related_object_id = ?", *l.Object)
	}
	order := "created_at DESC, id DESC"
	if l.OldestFirst {
		order = "created_at, id"
	}
	found, total, err := listPage[rows.RuleAssignment](ctx, s.Pool, &w, "rule_assignments", "*", order, l.Limit, l.Page)
	return each(found, func(row rows.RuleAssignment) rule.Assignment { return rule.Assignment(row) }), total, err
}
