package api

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/loyalty"
)

// maxAtOnce is how many tiers, earning rules or rewards one call can add to a programme.
const maxAtOnce = 100

// tiers serves the tiers of loyalty programmes.
type tiers struct {
	store   db.Tiers
	members db.Members
	rules   db.EarningRules
	rewards db.Rewards
}

func (h tiers) routes(r routes) {
	r.get("/loyalties/:campaign/tiers", reads, h.list)
	r.post("/loyalties/:campaign/tiers", controls, h.create)
	r.get("/loyalties/:campaign/tiers/:tier", reads, h.get)
	r.get("/loyalties/:campaign/tiers/:tier/earning-rules", reads, h.earningRules)
	r.get("/loyalties/:campaign/tiers/:tier/rewards", reads, h.rewardsOf)
	r.get("/loyalties/members/:member/tiers", reads, h.ofMember)
}

// tierDraft is a tier in a body; what only we write is skipped.
type tierDraft struct {
	loyalty.TierDraft
	ID         ignored `json:"id"`
	CampaignID ignored `json:"campaign_id"`
	Config     ignored `json:"config"`
	CreatedAt  ignored `json:"created_at"`
	UpdatedAt  ignored `json:"updated_at"`
	Object     ignored `json:"object"`
}

// programme is the loyalty programme that the path names.
func (h tiers) programme(c echo.Context) (campaign.Campaign, error) {
	return h.members.Programme(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"))
}

func (h tiers) create(c echo.Context) error {
	body, err := bind[[]tierDraft](c)
	if err != nil {
		return err
	}
	if err := checkCount(len(body), "loyalty tiers"); err != nil {
		return err
	}
	var faults fault.List
	drafts := make([]loyalty.TierDraft, len(body))
	for i, draft := range body {
		faults.Add(draft.Check(fmt.Sprintf("[%d]", i)))
		drafts[i] = draft.TierDraft
	}
	if err := faults.Err(); err != nil {
		return err
	}
	of, err := h.programme(c)
	if err != nil {
		return err
	}
	made, err := h.store.Create(c.Request().Context(), of.ProjectID, of.ID, drafts)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, each(made, loyalty.ShowTier))
}

// checkCount refuses a list that is empty or too long.
func checkCount(n int, of string) error {
	if n < 1 || n > maxAtOnce {
		return fault.New(fault.InvalidPayload, "The body should be an array of 1 to %d %s", maxAtOnce, of)
	}
	return nil
}

func (h tiers) list(c echo.Context) error {
	q := readQuery(c)
	order, limit := q.choice("order", "created_at", "-created_at", "updated_at", "-updated_at"), q.limit()
	if err := q.err(); err != nil {
		return err
	}
	of, err := h.programme(c)
	if err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), of.ProjectID, of.ID, order, limit)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, loyalty.ShowTier), total))
}

// find is the tier that the path names, and its programme.
func (h tiers) find(c echo.Context) (loyalty.Tier, error) {
	of, err := h.programme(c)
	if err != nil {
		return loyalty.Tier{}, err
	}
	return h.store.Get(c.Request().Context(), of.ProjectID, of.ID, c.Param("tier"))
}

func (h tiers) get(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowTier(found))
}

// earningRules lists the programme's rules: each gives points to the members of every tier, as the tier's mapping says.
func (h tiers) earningRules(c echo.Context) error {
	q := readQuery(c)
	limit, page := q.limit(), q.page(lastLoyaltyPage)
	if err := q.err(); err != nil {
		return err
	}
	of, err := h.find(c)
	if err != nil {
		return err
	}
	found, total, err := h.rules.List(c.Request().Context(), of.ProjectID, of.CampaignID, "created_at", limit, page)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, db.LimitedRule.Show), total))
}

// rewardsOf lists the programme's rewards, at the prices of the tier.
func (h tiers) rewardsOf(c echo.Context) error {
	q := readQuery(c)
	limit, page := q.limit(), q.page(lastLoyaltyPage)
	if err := q.err(); err != nil {
		return err
	}
	of, err := h.find(c)
	if err != nil {
		return err
	}
	found, total, err := h.rewards.Offers(c.Request().Context(), of.ProjectID, db.OfferList{
		Programme: of.CampaignID, Tier: &of, Limit: limit, Page: page,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, loyalty.ShowTierReward), total))
}

func (h tiers) ofMember(c echo.Context) error {
	q := readQuery(c)
	if err := q.err(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	card, err := h.members.Find(ctx, caller(c).ProjectID, c.Param("campaign"), c.Param("member"))
	if err != nil {
		return err
	}
	found, err := h.store.OfCard(ctx, card.ProjectID, card.ID)
	if err != nil {
		return err
	}
	shown := []loyalty.ShownTier{}
	if found != nil {
		shown = append(shown, *found)
	}
	return c.JSON(http.StatusOK, list("data", shown, int64(len(shown))))
}
