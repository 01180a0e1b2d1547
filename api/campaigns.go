package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/loyalty"
	"herald/internal/promotion"
	"herald/internal/rule"
	"herald/internal/voucher"
	"herald/workflows"
)

const lastCampaignsPage = 100

// campaigns serves campaigns; adding vouchers to them stands in campaign_codes.go.
type campaigns struct {
	store      db.Campaigns
	vouchers   db.Vouchers
	flows      workflows.Flows
	rules      db.Rules
	promotions db.Promotions
	tiers      db.Tiers
	shown      shownVouchers
	log        *slog.Logger
	only       campaign.Kind // the one kind that these routes know; "" is all
}

func (h campaigns) routes(r routes) {
	r.post("/campaigns", controls, h.create)
	r.get("/campaigns", reads, h.list)
	r.get("/campaigns/:campaign", reads, h.get)
	r.get("/campaigns/:campaign/summary", reads, h.summary)
	r.put("/campaigns/:campaign", controls, h.update)
	r.delete("/campaigns/:campaign", controls, h.delete)
	r.post("/campaigns/:campaign/enable", controls, h.setActive(true))
	r.post("/campaigns/:campaign/disable", controls, h.setActive(false))
	r.post("/campaigns/:campaign/vouchers", controls, h.addVouchers)
	r.post("/campaigns/:campaign/vouchers/:code", controls, h.addVoucher)
	r.post("/campaigns/:campaign/import", controls, h.importJSON)
	r.post("/campaigns/:campaign/importCSV", controls, h.importCSV)
}

// campaignRest is what a campaign's body may hold beside what we keep: what only we write is skipped, what we do not have
// yet is refused.
type campaignRest struct {
	ID                         ignored        `json:"id"`
	Object                     ignored        `json:"object"`
	CreatedAt                  ignored        `json:"created_at"`
	UpdatedAt                  ignored        `json:"updated_at"`
	CreationStatus             ignored        `json:"creation_status"`
	VouchersGenerationStatus   ignored        `json:"vouchers_generation_status"`
	Protected                  ignored        `json:"protected"`
	Readonly                   ignored        `json:"readonly"`
	Categories                 ignored        `json:"categories"`
	ValidationRulesAssignments ignored        `json:"validation_rules_assignments"`
	AccessSettingsAssignments  ignored        `json:"access_settings_assignments"`
	CategoryID                 *string        `json:"category_id"`
	AccessSettings             accessSettings `json:"access_settings"`
}

// accessSettings say in which areas and stores a campaign is open. There are none, so none can be named.
type accessSettings struct {
	Assign   accessPlaces `json:"assign"`
	Unassign accessPlaces `json:"unassign"`
}

type accessPlaces struct {
	AreasIDs         []string `json:"areas_ids"`
	AreaStoresIDs    []string `json:"area_stores_ids"`
	AreaAllStoresIDs []string `json:"area_all_stores_ids"`
}

// check refuses what cannot be kept.
func (r campaignRest) check() error {
	for _, p := range []accessPlaces{r.AccessSettings.Assign, r.AccessSettings.Unassign} {
		if named := slices.Concat(p.AreasIDs, p.AreaStoresIDs, p.AreaAllStoresIDs); len(named) > 0 {
			return fault.Missing("area", named[0])
		}
	}
	return checkCategory(r.CategoryID)
}

// promotionBody is what the body of a new promotion says of its tiers.
type promotionBody struct {
	Tiers []struct {
		promotion.Draft
		tierRest
	} `json:"tiers"`
}

// drafts are the tiers, checked.
func (b *promotionBody) drafts(of campaign.Kind) ([]promotion.Draft, error) {
	switch {
	case b == nil:
		return nil, nil
	case of != campaign.Promotion:
		return nil, fault.Property("promotion", "A %s campaign has no promotion", of)
	}
	drafts := make([]promotion.Draft, len(b.Tiers))
	for i, tier := range b.Tiers {
		at := fmt.Sprintf("promotion.tiers[%d]", i)
		if err := tier.check(); err != nil {
			return nil, fault.Inside(at, err)
		}
		if err := tier.Draft.Check(at); err != nil {
			return nil, err
		}
		drafts[i] = tier.Draft
	}
	return drafts, nil
}

func (h campaigns) create(c echo.Context) error {
	body, err := bind[struct {
		campaign.Draft
		campaignRest
		Promotion *promotionBody `json:"promotion"`
	}](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if h.only != "" {
		if body.CampaignType != "" && body.CampaignType != h.only {
			return fault.Property("campaign_type", "Property .campaign_type should be %s here", h.only)
		}
		body.CampaignType = h.only
	}
	draft := body.Draft.WithDefaults()
	if err := draft.Check(); err != nil {
		return err
	}
	tiers, err := body.Promotion.drafts(draft.CampaignType)
	if err != nil {
		return err
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	var made campaign.Campaign
	if draft.CampaignType == campaign.Promotion {
		made, err = h.store.CreatePromotion(ctx, project, draft, tiers)
	} else {
		made, err = h.store.Create(ctx, project, draft, requestID(c), func(ctx context.Context, of, action uuid.UUID) error {
			return h.flows.OrderCodes(ctx, project, of, action)
		})
	}
	if err != nil {
		return err
	}
	return h.answer(c, made)
}

// answer shows one campaign with what hangs on it.
func (h campaigns) answer(c echo.Context, one campaign.Campaign) error {
	shown, err := h.show(c, []campaign.Campaign{one})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown[0])
}

// show shows campaigns with the rules that limit them and the tiers of promotions.
func (h campaigns) show(c echo.Context, found []campaign.Campaign) ([]campaign.Shown, error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	limits, err := h.rules.AssignmentsOf(ctx, project, each(found, func(one campaign.Campaign) uuid.UUID { return one.ID })...)
	if err != nil {
		return nil, err
	}
	tiers, err := h.promotions.TiersOf(ctx, project, found...)
	return each(found, func(one campaign.Campaign) campaign.Shown {
		shown := campaign.Show(one)
		shown.ValidationRulesAssignments = rule.ShowAssignments(limits[one.ID])
		if one.CampaignType == campaign.Promotion {
			shown.Promotion = promotion.ShowAll(each(tiers[one.ID], db.ListedTier.Show))
		}
		return shown
	}), err
}

func (h campaigns) find(c echo.Context) (campaign.Campaign, error) {
	found, err := h.store.Find(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"))
	if err == nil && h.only != "" && found.CampaignType != h.only {
		err = fault.Missing("campaign", c.Param("campaign"))
	}
	return found, err
}

func (h campaigns) get(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return h.answer(c, found)
}

// summary says what came of a campaign, in a period of whole days.
func (h campaigns) summary(c echo.Context) error {
	q := readQuery(c)
	from, to := q.day("start_date"), q.day("end_date")
	if err := q.err(); err != nil {
		return err
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	figures, err := h.store.Figures(c.Request().Context(), found, from, to)
	if err != nil {
		return err
	}
	shown, err := h.show(c, []campaign.Campaign{found})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, campaign.Summarize(shown[0], figures))
}

func (h campaigns) list(c echo.Context) error {
	q := readQuery(c)
	want := db.CampaignList{
		CampaignType:   h.only,
		CreationStatus: q.choice("campaign_status", "", string(campaign.InProgress), string(campaign.Done), string(campaign.Failed), "DRAFT", "MODIFYING"),
		ReferralCode:   q.truth("is_referral_code"),
		Order:          q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at"),
		Filter:         q.filters(), Limit: q.limit(), Page: q.page(lastCampaignsPage),
	}
	if h.only == "" {
		want.CampaignType = campaign.Kind(q.choice("campaign_type", "", string(campaign.DiscountCoupons), string(campaign.GiftVouchers),
			string(campaign.Promotion), string(campaign.ReferralProgram), string(campaign.LoyaltyProgram)))
	}
	q.text("expand") // what it would add is always empty here
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	shown, err := h.show(c, found)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("campaigns", shown, total))
}

// campaignChange is the body of an update.
type campaignChange struct {
	Description                     *string             `json:"description"`
	Type                            *campaign.Type      `json:"type"`
	JoinOnce                        *bool               `json:"join_once"`
	AutoJoin                        *bool               `json:"auto_join"`
	StartDate                       maybe[time.Time]    `json:"start_date"`
	ExpirationDate                  maybe[time.Time]    `json:"expiration_date"`
	Timeframe                       *voucher.Timeframe  `json:"validity_timeframe"`
	DayOfWeek                       []int               `json:"validity_day_of_week"`
	Hours                           *voucher.Hours      `json:"validity_hours"`
	ActivityDurationAfterPublishing *string             `json:"activity_duration_after_publishing"`
	Category                        *string             `json:"category"`
	Metadata                        voucher.Metadata    `json:"metadata"`
	UnsetMetadata                   []string            `json:"unset_metadata_fields"`
	Discount                        *voucher.Discount   `json:"discount"`
	Gift                            *voucher.Gift       `json:"gift"`
	LoyaltyCard                     *voucher.Card       `json:"loyalty_card"`
	ReferralProgram                 *campaign.Referral  `json:"referral_program"`
	LoyaltyTiersExpiration          *loyalty.Expiration `json:"loyalty_tiers_expiration"`
	Options                         struct {
		RecalculateTiers bool `json:"recalculate_tiers"`
	} `json:"options"`
	campaignRest
	// A whole campaign can be sent back; these do not change.
	Name                     ignored `json:"name"`
	CampaignType             ignored `json:"campaign_type"`
	Voucher                  ignored `json:"voucher"`
	VouchersCount            ignored `json:"vouchers_count"`
	Active                   ignored `json:"active"`
	UseVoucherMetadataSchema ignored `json:"use_voucher_metadata_schema"`
	Promotion                ignored `json:"promotion"`
}

func (h campaigns) update(c echo.Context) error {
	body, err := bind[campaignChange](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	change := campaign.Change{
		Description: body.Description, Type: body.Type, JoinOnce: body.JoinOnce, AutoJoin: body.AutoJoin,
		StartDate: body.StartDate.value, ExpirationDate: body.ExpirationDate.value, ClearStart: body.StartDate.empties(),
		ClearEnd: body.ExpirationDate.empties(), Timeframe: body.Timeframe, DayOfWeek: body.DayOfWeek, Hours: body.Hours,
		ActivityDurationAfterPublishing: body.ActivityDurationAfterPublishing, Category: body.Category, Metadata: body.Metadata,
		UnsetMetadata: body.UnsetMetadata, Discount: body.Discount, Gift: body.Gift, LoyaltyCard: body.LoyaltyCard,
		ReferralProgram: body.ReferralProgram, LoyaltyTiersExpiration: body.LoyaltyTiersExpiration,
	}
	project := caller(c).ProjectID
	changed, err := h.store.Update(c.Request().Context(), project, found.ID, requestID(c), change.Apply,
		func(ctx context.Context, action uuid.UUID) error {
			return h.flows.WorkOnVouchers(ctx, async.VouchersUpdate, project, &found.ID, action)
		})
	if err == nil && body.Options.RecalculateTiers && found.CampaignType == campaign.LoyaltyProgram {
		err = h.tiers.Recheck(c.Request().Context(), project, found.ID)
	}
	if err != nil {
		return err
	}
	return h.answer(c, changed)
}

func (h campaigns) delete(c echo.Context) error {
	action, err := h.orderDelete(c)
	if err != nil {
		return err
	}
	return accepted(c, action)
}

// orderDelete begins the deletion of the campaign that the path names.
func (h campaigns) orderDelete(c echo.Context) (action uuid.UUID, err error) {
	q := readQuery(c)
	q.truth("force") // there is no bin: what is deleted is gone
	if err := q.err(); err != nil {
		return action, err
	}
	found, err := h.find(c)
	if err != nil {
		return action, err
	}
	project := caller(c).ProjectID
	return h.store.OrderDelete(c.Request().Context(), project, found.ID, requestID(c),
		func(ctx context.Context, action uuid.UUID) error {
			return h.flows.WorkOnVouchers(ctx, async.VouchersDelete, project, &found.ID, action)
		})
}

func (h campaigns) setActive(active bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		found, err := h.find(c)
		if err != nil {
			return err
		}
		if err := h.store.SetActive(c.Request().Context(), found.ProjectID, found.ID, active); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, echo.Map{})
	}
}
