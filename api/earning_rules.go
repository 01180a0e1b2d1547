package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/loyalty"
)

const lastLoyaltyPage = 100

// earningRules serves what members of loyalty programmes get points for.
type earningRules struct {
	store   db.EarningRules
	members db.Members
}

func (h earningRules) routes(r routes) {
	r.get("/loyalties/:campaign/earning-rules", reads, h.list)
	r.post("/loyalties/:campaign/earning-rules", controls, h.create)
	r.get("/loyalties/:campaign/earning-rules/:rule", reads, h.get)
	r.put("/loyalties/:campaign/earning-rules/:rule", controls, h.update)
	r.delete("/loyalties/:campaign/earning-rules/:rule", controls, h.delete)
	r.post("/loyalties/:campaign/earning-rules/:rule/enable", controls, h.setActive(true))
	r.post("/loyalties/:campaign/earning-rules/:rule/disable", controls, h.setActive(false))
	r.post("/loyalties/:campaign/qualifications", acts, h.estimate)
}

// earningRuleRest is what a rule's body may hold beside what it says: what only we write is skipped.
type earningRuleRest struct {
	ID           ignored `json:"id"`
	CreatedAt    ignored `json:"created_at"`
	UpdatedAt    ignored `json:"updated_at"`
	AutomationID ignored `json:"automation_id"`
	Object       ignored `json:"object"`
}

// sourceBody is the source of a rule in a body; its programme is the one in the path.
type sourceBody struct {
	loyalty.Source
	ObjectID   ignored `json:"object_id"`
	ObjectType ignored `json:"object_type"`
}

func (b *sourceBody) source() *loyalty.Source {
	if b == nil {
		return nil
	}
	return &b.Source
}

func (h earningRules) create(c echo.Context) error {
	body, err := bind[[]struct {
		loyalty.RuleDraft
		earningRuleRest
		Source *sourceBody `json:"source"`
	}](c)
	if err != nil {
		return err
	}
	if err := checkCount(len(body), "earning rules"); err != nil {
		return err
	}
	var faults fault.List
	all := make([]db.LimitedRule, len(body))
	for i, draft := range body {
		path := fmt.Sprintf("[%d]", i)
		draft.RuleDraft.Source = draft.Source.source()
		rule, err := draft.New(path)
		faults.AddAll(err)
		limit, err := validationRule(draft.ValidationRuleID)
		faults.AddAll(err)
		all[i] = db.LimitedRule{Rule: rule, Limit: limit}
	}
	if err := faults.Err(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	of, err := h.members.Programme(ctx, caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	made, err := h.store.Create(ctx, of.ProjectID, of.ID, all)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, each(made, db.LimitedRule.Show))
}

// validationRule reads the id of a validation rule; none is nil.
func validationRule(given *string) (*uuid.UUID, error) {
	if given == nil {
		return nil, nil
	}
	one, ok := id.Rule.Parse(*given)
	if !ok {
		return nil, fault.Missing("validation_rules", *given)
	}
	return &one, nil
}

func (h earningRules) list(c echo.Context) error {
	q := readQuery(c)
	order := q.choice("order", "created_at", "-created_at", "updated_at", "-updated_at")
	limit, page := q.limit(), q.page(lastLoyaltyPage)
	if err := q.err(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	of, err := h.members.Programme(ctx, caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	found, total, err := h.store.List(ctx, of.ProjectID, of.ID, order, limit, page)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, db.LimitedRule.Show), total))
}

func (h earningRules) get(c echo.Context) error {
	ctx := c.Request().Context()
	of, err := h.members.Programme(ctx, caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	found, err := h.store.Get(ctx, of.ProjectID, of.ID, c.Param("rule"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, found.Show())
}

// earningRuleChange is the body of an update. What a rule answers does not change, so it is skipped with what only we write.
type earningRuleChange struct {
	loyalty.RuleDraft
	earningRuleRest
	ValidationRuleID maybe[string]          `json:"validation_rule_id"`
	Source           *sourceBody            `json:"source"`
	StartDate        maybe[time.Time]       `json:"start_date"`
	ExpirationDate   maybe[time.Time]       `json:"expiration_date"`
	PendingPoints    maybe[loyalty.Pending] `json:"pending_points"`
	Event            ignored                `json:"event"`
	CustomEvent      ignored                `json:"custom_event"`
	Segment          ignored                `json:"segment"`
	LoyaltyTier      ignored                `json:"loyalty_tier"`
}

// apply changes a rule as the body says; null takes dates and pending points away.
func (b earningRuleChange) apply(r *loyalty.Rule) error {
	if b.StartDate.empties() {
		r.StartDate = nil
	}
	if b.ExpirationDate.empties() {
		r.ExpirationDate = nil
	}
	if b.PendingPoints.empties() {
		r.PendingPoints = nil
	}
	draft := b.RuleDraft
	draft.Source, draft.StartDate, draft.ExpirationDate = b.Source.source(), b.StartDate.value, b.ExpirationDate.value
	draft.PendingPoints = b.PendingPoints.value
	return draft.Apply(r, "")
}

func (h earningRules) update(c echo.Context) error {
	body, err := bind[earningRuleChange](c)
	if err != nil {
		return err
	}
	limit, err := validationRule(body.ValidationRuleID.value)
	if err != nil {
		return err
	}
	return h.change(c, db.Relimit{Given: body.ValidationRuleID.given, Rule: limit}, body.apply)
}

func (h earningRules) setActive(active bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := bind[struct{}](c); err != nil {
			return err
		}
		return h.change(c, db.Relimit{}, func(r *loyalty.Rule) error {
			r.Active = active
			return nil
		})
	}
}

func (h earningRules) change(c echo.Context, limit db.Relimit, change func(*loyalty.Rule) error) error {
	ctx := c.Request().Context()
	of, err := h.members.Programme(ctx, caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	changed, err := h.store.Update(ctx, of.ProjectID, of.ID, c.Param("rule"), limit, change)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, changed.Show())
}

func (h earningRules) delete(c echo.Context) error {
	ctx := c.Request().Context()
	of, err := h.members.Programme(ctx, caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	if err := h.store.Delete(ctx, of.ProjectID, of.ID, c.Param("rule")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// pointsEstimate is what a programme would give for an order.
type pointsEstimate struct {
	Campaign estimatedCampaign `json:"campaign"`
	Points   int64             `json:"points_estimation"`
}

type estimatedCampaign struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Object string `json:"object"`
}

// estimate answers how many points the customer would get if the order was paid.
func (h earningRules) estimate(c echo.Context) error {
	body, err := bind[struct {
		Customer *customerChoice `json:"customer"`
		Order    *orderBody      `json:"order"`
	}](c)
	if err != nil {
		return err
	}
	var faults fault.List
	if body.Customer == nil {
		faults.Add(fault.Property("customer", "Property .customer is required: who would get the points"))
	}
	if body.Order == nil {
		faults.Add(fault.Property("order", "Property .order is required: what they would get points for"))
	}
	if err := faults.Err(); err != nil {
		return err
	}
	placing, err := body.Order.placing()
	if err != nil {
		return fault.Inside("order", err)
	}
	by, err := body.Customer.saving("customer")
	if err != nil {
		return err
	}
	placing.Customer = &by
	ctx := c.Request().Context()
	of, err := h.members.Programme(ctx, caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	points, err := h.store.Estimate(ctx, of, placing)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, pointsEstimate{estimatedCampaign{id.Campaign.Format(of.ID), of.Name, "campaign"}, points})
}
