package api

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// rules serves validation rules; what they are assigned to stands in rule_assignments.go.
type rules struct{ store db.Rules }

func (h rules) routes(r routes) {
	r.post("/validation-rules", controls, h.create)
	r.get("/validation-rules", reads, h.list)
	r.get("/validation-rules/:rule", reads, h.get)
	r.put("/validation-rules/:rule", controls, h.update)
	r.delete("/validation-rules/:rule", controls, h.delete)
	r.post("/validation-rules/:rule/validation", acts, h.try)
	r.post("/validation-rules/:rule/assignments", controls, h.assign)
	r.get("/validation-rules/:rule/assignments", reads, h.assignments)
	r.delete("/validation-rules/:rule/assignments/:assignment", controls, h.unassign)
	r.get("/validation-rules-assignments", reads, h.allAssignments)
}

// ruleBody is a rule as callers send one; what only we write is skipped.
type ruleBody struct {
	rule.Change
	BundleRules      jsontext.Value `json:"bundle_rules"`
	ID               ignored        `json:"id"`
	CreatedAt        ignored        `json:"created_at"`
	UpdatedAt        ignored        `json:"updated_at"`
	AssignmentsCount ignored        `json:"assignments_count"`
	Object           ignored        `json:"object"`
}

// check refuses what cannot be kept.
func (b ruleBody) check() error {
	if text := b.BundleRules.String(); len(b.BundleRules) > 0 && text != "null" && text != "{}" {
		return fault.Property("bundle_rules", "Property .bundle_rules: there is no catalogue of products, so there are no bundles of them")
	}
	return nil
}

func bindRule(c echo.Context) (rule.Change, error) {
	body, err := bind[ruleBody](c)
	if err != nil {
		return rule.Change{}, err
	}
	return body.Change, body.check()
}

func (h rules) create(c echo.Context) error {
	change, err := bindRule(c)
	if err != nil {
		return err
	}
	wanted, err := change.New()
	if err != nil {
		return err
	}
	made, err := h.store.Create(c.Request().Context(), caller(c).ProjectID, wanted)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, rule.Show(made, 0))
}

func ruleParam(c echo.Context) (uuid.UUID, error) {
	one, ok := id.Rule.Parse(c.Param("rule"))
	if !ok {
		return uuid.UUID{}, fault.Missing("validation_rules", c.Param("rule"))
	}
	return one, nil
}

func (h rules) get(c echo.Context) error {
	one, err := ruleParam(c)
	if err != nil {
		return err
	}
	found, assignments, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, one)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, rule.Show(found, assignments))
}

func (h rules) list(c echo.Context) error {
	q := readQuery(c)
	want := db.RuleList{
		After: q.time("start_date"), Before: q.time("end_date"),
		Order: q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at", "name", "-name"),
		Limit: q.limit(), Page: q.page(lastPage),
	}
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, func(l db.ListedRule) rule.Shown { return rule.Show(l.Rule(), l.Assignments) }), total))
}

func (h rules) update(c echo.Context) error {
	change, err := bindRule(c)
	if err != nil {
		return err
	}
	one, err := ruleParam(c)
	if err != nil {
		return err
	}
	changed, assignments, err := h.store.Update(c.Request().Context(), caller(c).ProjectID, one, change.Over)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, rule.Show(changed, assignments))
}

func (h rules) delete(c echo.Context) error {
	one, err := ruleParam(c)
	if err != nil {
		return err
	}
	if err := h.store.Delete(c.Request().Context(), caller(c).ProjectID, one); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// try holds a rule against a customer and an order, which need not exist, and against metadata.
func (h rules) try(c echo.Context) error {
	body, err := bind[struct {
		Customer    *customerChoice  `json:"customer"`
		Order       *orderBody       `json:"order"`
		Metadata    voucher.Metadata `json:"metadata"` // of the redemption
		CustomEvent *struct {
			Metadata voucher.Metadata `json:"metadata"`
		} `json:"custom_event"`
	}](c)
	if err != nil {
		return err
	}
	one, err := ruleParam(c)
	if err != nil {
		return err
	}
	by := caller(c)
	trial := db.RuleTrial{Facts: rule.Facts{Redemption: body.Metadata.Raw(), APIKey: by.AppID, KeyName: by.Name}}
	if trial.Customer, err = body.Customer.optional("customer"); err != nil {
		return err
	}
	if body.CustomEvent != nil {
		trial.Facts.Event = body.CustomEvent.Metadata.Raw()
	}
	if body.Order != nil {
		trial.Order = &body.Order.Draft
	}
	tried, broken, err := h.store.Try(c.Request().Context(), by.ProjectID, one, trial)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showTrial(tried, broken))
}

// shownTrial is what came of a trial.
type shownTrial struct {
	Valid        bool          `json:"valid"`
	RuleID       string        `json:"rule_id"`
	ApplicableTo echo.Map      `json:"applicable_to"`
	Error        *rule.Message `json:"error,omitempty"`
}

func showTrial(tried rule.Rule, broken *rule.Violation) shownTrial {
	covered := tried.Covered().Included
	shown := shownTrial{Valid: broken == nil, RuleID: id.Rule.Format(tried.ID), ApplicableTo: list("data", covered, int64(len(covered)))}
	if broken != nil && broken.Message != "" {
		shown.Error = &rule.Message{Message: broken.Message}
	}
	return shown
}
