package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/promotion"
	"herald/internal/voucher"
)

// promotions serves promotion tiers and stacks; promotions themselves are campaigns.
type promotions struct {
	store     db.Promotions
	campaigns db.Campaigns
}

func (h promotions) routes(r routes) {
	r.get("/promotions/tiers", reads, h.listTiers)
	r.get("/promotions/tiers/:tier", reads, h.getTier)
	r.put("/promotions/tiers/:tier", controls, h.updateTier)
	r.delete("/promotions/tiers/:tier", controls, h.deleteTier)
	r.post("/promotions/tiers/:tier/enable", controls, h.setTierActive(true))
	r.post("/promotions/tiers/:tier/disable", controls, h.setTierActive(false))
	r.get("/promotions/:campaign/tiers", reads, h.tiersOf)
	r.post("/promotions/:campaign/tiers", controls, h.createTier)
	r.get("/promotions/stacks", reads, h.listStacks)
	r.get("/promotions/:campaign/stacks", reads, h.stacksOf)
	r.post("/promotions/:campaign/stacks", controls, h.createStack)
	r.get("/promotions/:campaign/stacks/:stack", reads, h.getStack)
	r.put("/promotions/:campaign/stacks/:stack", controls, h.updateStack)
	r.delete("/promotions/:campaign/stacks/:stack", controls, h.deleteStack)
}

// tierRest is what a tier's body may hold beside what we keep: what only we write is skipped.
type tierRest struct {
	CategoryID                *string `json:"category_id"`
	ID                        ignored `json:"id"`
	CreatedAt                 ignored `json:"created_at"`
	UpdatedAt                 ignored `json:"updated_at"`
	PromotionID               ignored `json:"promotion_id"`
	Campaign                  ignored `json:"campaign"`
	CampaignID                ignored `json:"campaign_id"`
	Summary                   ignored `json:"summary"`
	Categories                ignored `json:"categories"`
	ValidationRuleAssignments ignored `json:"validation_rule_assignments"`
	Object                    ignored `json:"object"`
}

func (r tierRest) check() error { return checkCategory(r.CategoryID) }

// checkCategory refuses a category by its id: there are none with one.
func checkCategory(one *string) error {
	if one != nil {
		return fault.Missing("category", *one)
	}
	return nil
}

// promotion finds the promotion that the path names by its id or name.
func (h promotions) promotion(c echo.Context) (campaign.Campaign, error) {
	return h.campaigns.Find(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"))
}

func tierParam(c echo.Context) (uuid.UUID, error) {
	one, ok := id.Promotion.Parse(c.Param("tier"))
	if !ok {
		return uuid.UUID{}, fault.Missing("promotion_tier", c.Param("tier"))
	}
	return one, nil
}

func (h promotions) createTier(c echo.Context) error {
	body, err := bind[struct {
		promotion.Draft
		tierRest
	}](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if err := body.Draft.Check(""); err != nil {
		return err
	}
	of, err := h.promotion(c)
	if err != nil {
		return err
	}
	made, err := h.store.CreateTier(c.Request().Context(), of.ProjectID, of.ID, body.Draft)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, made.Show())
}

func (h promotions) tiersOf(c echo.Context) error {
	if err := readQuery(c).err(); err != nil {
		return err
	}
	of, err := h.promotion(c)
	if err != nil {
		return err
	}
	found, err := h.store.TiersOf(c.Request().Context(), of.ProjectID, of)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, promotion.ShowAll(each(found[of.ID], db.ListedTier.Show)))
}

func (h promotions) listTiers(c echo.Context) error {
	q := readQuery(c)
	want := db.TierList{
		Available: q.truth("is_available"), Order: q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at"),
		Limit: q.limit(), Page: q.page(lastPage),
	}
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.ListTiers(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	answer := list("tiers", each(found, db.ListedTier.Show), total)
	answer["has_more"] = total > int64(want.Page*want.Limit)
	return c.JSON(http.StatusOK, answer)
}

func (h promotions) getTier(c echo.Context) error {
	one, err := tierParam(c)
	if err != nil {
		return err
	}
	found, err := h.store.Tier(c.Request().Context(), caller(c).ProjectID, one)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, found.Show())
}

func (h promotions) updateTier(c echo.Context) error {
	body, err := bind[struct {
		Name           *string            `json:"name"`
		Banner         *string            `json:"banner"`
		Action         *promotion.Action  `json:"action"`
		Metadata       voucher.Metadata   `json:"metadata"`
		Hierarchy      *int32             `json:"hierarchy"`
		StartDate      maybe[time.Time]   `json:"start_date"`
		ExpirationDate maybe[time.Time]   `json:"expiration_date"`
		Timeframe      *voucher.Timeframe `json:"validity_timeframe"`
		DayOfWeek      []int              `json:"validity_day_of_week"`
		Hours          *voucher.Hours     `json:"validity_hours"`
		Category       *string            `json:"category"`
		Active         ignored            `json:"active"` // has routes of its own
		tierRest
	}](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	one, err := tierParam(c)
	if err != nil {
		return err
	}
	changed, err := h.store.UpdateTier(c.Request().Context(), caller(c).ProjectID, one, promotion.Change{
		Name: body.Name, Banner: body.Banner, Action: body.Action, Metadata: body.Metadata, Hierarchy: body.Hierarchy,
		StartDate: body.StartDate.value, ExpirationDate: body.ExpirationDate.value, ClearStart: body.StartDate.empties(),
		ClearEnd: body.ExpirationDate.empties(), Timeframe: body.Timeframe, DayOfWeek: body.DayOfWeek, Hours: body.Hours,
		Category: body.Category,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, changed.Show())
}

func (h promotions) deleteTier(c echo.Context) error {
	one, err := tierParam(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteTier(c.Request().Context(), caller(c).ProjectID, one); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h promotions) setTierActive(active bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		one, err := tierParam(c)
		if err != nil {
			return err
		}
		changed, err := h.store.SetTierActive(c.Request().Context(), caller(c).ProjectID, one, active)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, changed.Show())
	}
}
