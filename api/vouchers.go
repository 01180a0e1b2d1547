package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/rule"
	"herald/internal/voucher"
)

const lastVouchersPage = 99

// vouchers serves vouchers, those of campaigns and those without one.
type vouchers struct {
	store     db.Vouchers
	campaigns campaigns
	customers db.Customers
}

func (h vouchers) routes(r routes) {
	r.post("/vouchers", controls, h.create)
	r.post("/vouchers/import", controls, h.importJSON)
	r.post("/vouchers/importCSV", controls, h.importCSV)
	r.post("/vouchers/bulk/async", controls, h.updateMany)
	r.post("/vouchers/metadata/async", controls, h.updateMetadata)
	r.post("/vouchers/:code", controls, h.create)
	r.get("/vouchers", reads, h.list)
	r.get("/vouchers/:code", reads, h.get)
	r.put("/vouchers/:code", controls, h.update)
	r.delete("/vouchers/:code", controls, h.delete)
	r.post("/vouchers/:code/enable", controls, h.setActive(true))
	r.post("/vouchers/:code/disable", controls, h.setActive(false))
}

// voucherRest is what a voucher's body may hold beside what we keep: what only we write is skipped, what we do not have yet
// is refused.
type voucherRest struct {
	ID                         ignored `json:"id"`
	Object                     ignored `json:"object"`
	CreatedAt                  ignored `json:"created_at"`
	UpdatedAt                  ignored `json:"updated_at"`
	Assets                     ignored `json:"assets"`
	Publish                    ignored `json:"publish"`
	HolderID                   ignored `json:"holder_id"`
	ReferrerID                 ignored `json:"referrer_id"`
	IsReferralCode             ignored `json:"is_referral_code"`
	Categories                 ignored `json:"categories"`
	ValidationRulesAssignments ignored `json:"validation_rules_assignments"`
	CategoryID                 *string `json:"category_id"`
}

func (r voucherRest) check() error { return checkCategory(r.CategoryID) }

// create makes a voucher, alone or in the campaign that the body names.
func (h vouchers) create(c echo.Context) error {
	body, err := bind[struct {
		voucher.Draft
		voucherRest
		Campaign        *string  `json:"campaign"`
		CampaignID      *string  `json:"campaign_id"`
		ValidationRules []string `json:"validation_rules"`
	}](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	if len(body.ValidationRules) > 100 {
		return fault.Property("validation_rules", "A voucher can have at most 100 validation rules")
	}
	limits, err := rule.ParseIDs(body.ValidationRules)
	if err != nil {
		return err
	}
	if named := c.Param("code"); named != "" {
		body.Code = named
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	var v voucher.Voucher
	var of *campaign.Campaign
	codes := or(body.CodeConfig, code.Config{})
	if name := or(body.CampaignID, or(body.Campaign, "")); name != "" {
		found, err := h.campaigns.store.Find(ctx, project, name)
		if err != nil {
			return err
		}
		if v, err = found.Import(body.Draft); err != nil {
			return err
		}
		of, codes = &found, found.Codes(campaign.Overrides{CodeConfig: body.CodeConfig})
	} else if err := body.Draft.Check(); err != nil {
		return err
	} else {
		v = body.Draft.Voucher()
	}
	v.ProjectID = project
	made, err := h.store.CreateDrawn(ctx, v, codes, limits...)
	if err != nil {
		return err
	}
	if of != nil {
		h.campaigns.announce(c, *of)
	}
	return h.answer(c, made)
}

// answer shows one voucher with the name of its campaign.
func (h vouchers) answer(c echo.Context, v voucher.Voucher) error {
	shown, err := h.show(c, []voucher.Voucher{v})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown[0])
}

func (h vouchers) show(c echo.Context, found []voucher.Voucher) ([]voucher.Shown, error) {
	return h.campaigns.shown.all(c, found)
}

func (h vouchers) get(c echo.Context) error {
	found, err := h.store.Find(c.Request().Context(), caller(c).ProjectID, c.Param("code"))
	if err != nil {
		return err
	}
	return h.answer(c, found)
}

func (h vouchers) update(c echo.Context) error {
	body, err := bind[struct {
		Type           voucher.Type       `json:"type"`
		Discount       *voucher.Discount  `json:"discount"`
		Gift           *voucher.Gift      `json:"gift"`
		Active         *bool              `json:"active"`
		StartDate      maybe[time.Time]   `json:"start_date"`
		ExpirationDate maybe[time.Time]   `json:"expiration_date"`
		Timeframe      *voucher.Timeframe `json:"validity_timeframe"`
		DayOfWeek      []int              `json:"validity_day_of_week"`
		Hours          *voucher.Hours     `json:"validity_hours"`
		AdditionalInfo *string            `json:"additional_info"`
		Category       *string            `json:"category"`
		Metadata       voucher.Metadata   `json:"metadata"`
		voucherRest
		// A whole voucher can be sent back; these do not change.
		Code        ignored `json:"code"`
		Campaign    ignored `json:"campaign"`
		CampaignID  ignored `json:"campaign_id"`
		LoyaltyCard ignored `json:"loyalty_card"`
		Redemption  ignored `json:"redemption"`
	}](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	change := voucher.Change{
		Type: body.Type, Discount: body.Discount, Gift: body.Gift, Active: body.Active, StartDate: body.StartDate.value,
		ExpirationDate: body.ExpirationDate.value, ClearStart: body.StartDate.empties(), ClearEnd: body.ExpirationDate.empties(),
		Timeframe: body.Timeframe, DayOfWeek: body.DayOfWeek, Hours: body.Hours, AdditionalInfo: body.AdditionalInfo,
		Category: body.Category, Metadata: body.Metadata,
	}
	return h.change(c, change)
}

func (h vouchers) setActive(active bool) echo.HandlerFunc {
	return func(c echo.Context) error { return h.change(c, voucher.Change{Active: &active}) }
}

// change changes the voucher that the path names; one that becomes active may be what a distribution waits for.
func (h vouchers) change(c echo.Context, change voucher.Change) error {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	changed, err := h.store.Update(ctx, project, c.Param("code"), change.Apply)
	if err != nil {
		return err
	}
	if change.Active != nil && *change.Active && changed.CampaignID != nil && changed.PublicationID == nil {
		if of, err := h.campaigns.store.Get(ctx, project, *changed.CampaignID); err == nil {
			h.campaigns.announce(c, of)
		}
	}
	return h.answer(c, changed)
}

func (h vouchers) delete(c echo.Context) error {
	q := readQuery(c)
	q.truth("force") // there is no bin: what is deleted is gone
	if err := q.err(); err != nil {
		return err
	}
	if err := h.store.Delete(c.Request().Context(), caller(c).ProjectID, c.Param("code")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h vouchers) list(c echo.Context) error {
	q := readQuery(c)
	want := db.VoucherList{
		Category: q.text("category"), Code: q.text("code"), Filter: q.filters(),
		Order: q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at", "code", "-code"),
		Limit: q.limit(), Page: q.page(lastVouchersPage),
	}
	want.CreatedAfter, want.CreatedBefore = q.between("created_at")
	want.UpdatedAfter, want.UpdatedBefore = q.between("updated_at")
	for _, text := range q.texts("ids") {
		one, ok := id.Voucher.Parse(text)
		if !ok {
			q.complain("ids", "Query parameter ids should name vouchers by their ids; %q is none", text)
		}
		want.IDs = append(want.IDs, one)
	}
	of, by := q.text("campaign"), q.text("customer")
	if named := q.text("campaign_id"); named != "" {
		of = named
	}
	if err := q.err(); err != nil {
		return err
	}
	shown, total, err := h.page(c, want, of, by)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("vouchers", shown, total))
}

// page is one page of the vouchers of a campaign and of a customer, where they are named.
func (h vouchers) page(c echo.Context, want db.VoucherList, of, by string) (shown []voucher.Shown, total int64, err error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	if want.Campaign, err = campaignNamed(ctx, h.campaigns.store, project, of); err != nil {
		return nil, 0, err
	}
	if want.Customer, err = customerNamed(ctx, h.customers, project, by); err != nil {
		return nil, 0, err
	}
	found, total, err := h.store.List(ctx, project, want)
	if err != nil {
		return nil, 0, err
	}
	shown, err = h.show(c, found)
	return shown, total, err
}

// campaignNamed finds the campaign that a list is narrowed to, by name or id; nil where it is not.
func campaignNamed(ctx context.Context, store db.Campaigns, project uuid.UUID, name string) (*uuid.UUID, error) {
	if name == "" {
		return nil, nil
	}
	found, err := store.Find(ctx, project, name)
	return &found.ID, err
}

// customerNamed is campaignNamed for a customer, by id or source id.
func customerNamed(ctx context.Context, store db.Customers, project uuid.UUID, name string) (*uuid.UUID, error) {
	if name == "" {
		return nil, nil
	}
	found, err := store.Get(ctx, project, name)
	return &found.ID, err
}

func (h vouchers) importJSON(c echo.Context) error {
	drafts, err := bindImport(c)
	if err != nil {
		return err
	}
	for i, d := range drafts {
		if _, err := d.Standalone(); err != nil {
			return at(err, i)
		}
	}
	if err := refuseTaken(c.Request().Context(), h.store, caller(c).ProjectID, drafts); err != nil {
		return err
	}
	return h.orderImport(c, async.StandaloneImport, drafts, voucher.ImportResult{})
}

func (h vouchers) importCSV(c echo.Context) error {
	list, refused, err := readCodes(c, voucher.Draft.Standalone)
	if err != nil {
		return err
	}
	return h.orderImport(c, async.StandaloneImportCSV, list, refused)
}

func (h vouchers) orderImport(c echo.Context, actionType string, list []voucher.Row, refused voucher.ImportResult) error {
	project := caller(c).ProjectID
	action, err := h.store.OrderImport(c.Request().Context(), project, nil, actionType, requestID(c), list, refused,
		func(ctx context.Context, action uuid.UUID) error {
			return h.campaigns.flows.WorkOnVouchers(ctx, actionType, project, nil, action)
		})
	if err != nil {
		return err
	}
	return accepted(c, action)
}

// updateMany merges metadata into many vouchers, into each its own.
func (h vouchers) updateMany(c echo.Context) error {
	body, content, err := bindRaw[[]voucher.BulkItem](c)
	if err != nil {
		return err
	}
	if err := voucher.CheckBulk(body); err != nil {
		return err
	}
	return h.orderBulk(c, async.VouchersBulkUpdate, content)
}

// updateMetadata merges the same metadata into many vouchers.
func (h vouchers) updateMetadata(c echo.Context) error {
	body, content, err := bindRaw[voucher.BulkMetadata](c)
	if err != nil {
		return err
	}
	if err := body.Check(); err != nil {
		return err
	}
	return h.orderBulk(c, async.VouchersMetadataUpdate, content)
}

func (h vouchers) orderBulk(c echo.Context, actionType string, content []byte) error {
	project := caller(c).ProjectID
	action, err := h.store.OrderBulk(c.Request().Context(), project, actionType, requestID(c), content,
		func(ctx context.Context, action uuid.UUID) error {
			return h.campaigns.flows.WorkOnVouchers(ctx, actionType, project, nil, action)
		})
	if err != nil {
		return err
	}
	return accepted(c, action)
}
