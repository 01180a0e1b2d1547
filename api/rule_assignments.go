package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/rule"
)

// assignmentBody says what a rule is assigned to: by type and id, or, as an older SDK does, by a property for each type.
type assignmentBody struct {
	Type          *rule.ObjectType `json:"related_object_type"`
	ID            *string          `json:"related_object_id"`
	Voucher       *string          `json:"voucher"`
	Campaign      *string          `json:"campaign"`
	PromotionTier *string          `json:"promotion_tier"`
}

// object is the one thing that the body names.
func (b assignmentBody) object() (rule.ObjectType, string, error) {
	var named []rule.ObjectType
	var key string
	for _, old := range []struct {
		object rule.ObjectType
		key    *string
	}{{rule.Voucher, b.Voucher}, {rule.Campaign, b.Campaign}, {rule.PromotionTier, b.PromotionTier}} {
		if old.key != nil {
			named, key = append(named, old.object), *old.key
		}
	}
	if b.ID != nil {
		object := rule.Voucher // as the public API has it
		if b.Type != nil {
			object = *b.Type
		}
		named, key = append(named, object), *b.ID
	}
	switch {
	case b.Type != nil && !slices.Contains(rule.ObjectTypes, *b.Type):
		names := make([]string, len(rule.ObjectTypes))
		for i, t := range rule.ObjectTypes {
			names[i] = string(t)
		}
		return "", "", fault.Property("related_object_type", "Property .related_object_type should be one of: %s", strings.Join(names, ", "))
	case len(named) == 0:
		return "", "", fault.Property("related_object_id", "Property .related_object_id is required: what the rule is to limit")
	case len(named) > 1:
		return "", "", fault.Property("related_object_id", "A rule is assigned to one object at a time; this names %d", len(named))
	}
	return named[0], key, nil
}

func (h rules) assign(c echo.Context) error {
	body, err := bind[assignmentBody](c)
	if err != nil {
		return err
	}
	object, key, err := body.object()
	if err != nil {
		return err
	}
	q := readQuery(c)
	force := q.truth("force")
	if err := q.err(); err != nil {
		return err
	}
	one, err := ruleParam(c)
	if err != nil {
		return err
	}
	made, err := h.store.Assign(c.Request().Context(), caller(c).ProjectID, one, object, key, force != nil && *force)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, rule.ShowAssignment(made))
}

func (h rules) unassign(c echo.Context) error {
	one, err := ruleParam(c)
	if err != nil {
		return err
	}
	assignment, ok := id.Assignment.Parse(c.Param("assignment"))
	if !ok {
		return fault.Missing("validation_rules_assignment", c.Param("assignment"))
	}
	if err := h.store.Unassign(c.Request().Context(), caller(c).ProjectID, one, assignment); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// assignments lists those of one rule; a rule that does not exist has none, as the public API has it.
func (h rules) assignments(c echo.Context) error {
	q := readQuery(c)
	want := readAssignments(q)
	if err := q.err(); err != nil {
		return err
	}
	one, err := ruleParam(c)
	if err != nil {
		return c.JSON(http.StatusOK, list[rule.ShownAssignment]("data", nil, 0))
	}
	want.Rule = &one
	return h.listAssignments(c, want)
}

func (h rules) allAssignments(c echo.Context) error {
	q := readQuery(c)
	want := readAssignments(q)
	if text := q.text("rule"); text != "" {
		one, ok := id.Rule.Parse(text)
		if !ok {
			q.complain("rule", "Query parameter rule should be the id of a rule; %q is none", text)
		}
		want.Rule = &one
	}
	if text := q.text("related_object_id"); text != "" {
		_, one, ok := rule.ParseObject(text)
		if !ok {
			q.complain("related_object_id", "Query parameter related_object_id should be an id of what a rule can be assigned to; %q is none", text)
		}
		want.Object = &one
	}
	if err := q.err(); err != nil {
		return err
	}
	return h.listAssignments(c, want)
}

func readAssignments(q *query) db.AssignmentList {
	return db.AssignmentList{OldestFirst: q.choice("order", "-created_at", "created_at") == "created_at", Limit: q.limit(), Page: q.page(lastPage)}
}

func (h rules) listAssignments(c echo.Context, want db.AssignmentList) error {
	found, total, err := h.store.Assignments(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, rule.ShowAssignment), total))
}
