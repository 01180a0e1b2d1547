package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// overridesBody is what a request says of the vouchers it adds to a campaign.
type overridesBody struct {
	Code string `json:"code"`
	campaign.Overrides
}

// addVouchers makes vouchers with drawn codes: one at once, more in a run of their own.
func (h campaigns) addVouchers(c echo.Context) error {
	q := readQuery(c)
	n := q.number("vouchers_count", 1, campaign.MaxCodes, 1)
	if err := q.err(); err != nil {
		return err
	}
	body, err := bind[overridesBody](c)
	if err != nil {
		return err
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	if n == 1 && body.Code != "" {
		return h.addOne(c, found, body.Overrides, body.Code)
	}
	if body.Code != "" {
		return fault.Property("code", "One code makes one voucher; leave vouchers_count out")
	}
	if err := found.CheckMore(int64(n), body.Overrides); err != nil {
		return err
	}
	if n == 1 {
		return h.addOne(c, found, body.Overrides, "")
	}
	action, err := h.store.OrderCodes(c.Request().Context(), found, int64(n), body.Overrides, requestID(c),
		func(ctx context.Context, action uuid.UUID) error {
			return h.flows.OrderCodes(ctx, found.ProjectID, found.ID, action)
		})
	if err != nil {
		return err
	}
	return accepted(c, action)
}

// addVoucher makes one voucher with the code that the path names.
func (h campaigns) addVoucher(c echo.Context) error {
	body, err := bind[campaign.Overrides](c)
	if err != nil {
		return err
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return h.addOne(c, found, body, c.Param("code"))
}

func (h campaigns) addOne(c echo.Context, to campaign.Campaign, o campaign.Overrides, chosen string) error {
	var faults fault.List
	faults.Add(o.Check())
	if chosen != "" {
		faults.Add(code.CheckCode("code", chosen))
	}
	if err := faults.Err(); err != nil {
		return err
	}
	v := to.NewVoucher(o)
	v.Code = chosen
	made, err := createVoucher(c.Request().Context(), h.vouchers, v, to.Codes(o))
	if err != nil {
		return err
	}
	h.announce(c, to)
	return c.JSON(http.StatusOK, showVoucher(made, &to.Name))
}

// announce tells distributions that wait for codes of the campaign that there are some. The codes are written, so a failure
// is no longer the caller's; a person can still resume the distribution.
func (h campaigns) announce(c echo.Context, to campaign.Campaign) {
	ctx := c.Request().Context()
	waiting, err := h.store.Waiting(ctx, to.ProjectID, to.ID)
	for _, distribution := range waiting {
		err = errors.Join(err, h.flows.CodesAdded(ctx, to.ProjectID, distribution))
	}
	if err != nil {
		h.log.Warn("distributions that wait for codes were not told", "request_id", requestID(c), "campaign", to.ID, "error", err)
	}
}

// importJSON adds vouchers whose codes the body lists.
func (h campaigns) importJSON(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	drafts, err := bindImport(c)
	if err != nil {
		return err
	}
	var list []voucher.Import
	for i, d := range drafts {
		v, err := found.Import(d)
		if err != nil {
			return at(err, i)
		}
		list = append(list, voucher.Import{Row: int64(i + 1), Voucher: v})
	}
	if err := refuseTaken(c.Request().Context(), h.vouchers, found.ProjectID, list); err != nil {
		return err
	}
	return h.orderImport(c, found, async.VouchersImport, list, voucher.ImportResult{})
}

// importCSV adds vouchers whose codes a file lists.
func (h campaigns) importCSV(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	list, refused, err := readCodes(c, found.Import)
	if err != nil {
		return err
	}
	return h.orderImport(c, found, async.VouchersImportCSV, list, refused)
}

func (h campaigns) orderImport(c echo.Context, to campaign.Campaign, actionType string, list []voucher.Import, refused voucher.ImportResult) error {
	action, err := h.vouchers.OrderImport(c.Request().Context(), to.ProjectID, &to.ID, actionType, requestID(c), list, refused,
		func(ctx context.Context, action uuid.UUID) error {
			return h.flows.WorkOnVouchers(ctx, actionType, to.ProjectID, &to.ID, action)
		})
	if err != nil {
		return err
	}
	return accepted(c, action)
}

// createVoucher writes a voucher, with a code drawn where it has none.
func createVoucher(ctx context.Context, store db.Vouchers, v voucher.Voucher, codes code.Config) (voucher.Voucher, error) {
	if v.Code != "" {
		return store.Create(ctx, v)
	}
	generator := code.NewGenerator(codes)
	for range 9 { // with a thousand codes free for each that is taken, the first one nearly always is
		v.Code = generator.Next()
		if made, err := store.Create(ctx, v); !fault.Is(err, fault.Duplicate) {
			return made, err
		}
	}
	return voucher.Voucher{}, fault.Property("code_config.pattern", "Nearly all codes of this pattern are taken; use more random characters")
}

type shownVoucher struct {
	ID             string          `json:"id"`
	Code           string          `json:"code"`
	Campaign       *string         `json:"campaign"`
	CampaignID     *string         `json:"campaign_id"`
	Category       *string         `json:"category"`
	CategoryID     *string         `json:"category_id"`
	Categories     []string        `json:"categories"`
	Type           voucher.Type    `json:"type"`
	Discount       json.RawMessage `json:"discount"`
	Gift           json.RawMessage `json:"gift"`
	LoyaltyCard    json.RawMessage `json:"loyalty_card"`
	StartDate      *timestamp      `json:"start_date"`
	ExpirationDate *timestamp      `json:"expiration_date"`
	shownValidity
	Active                     bool            `json:"active"`
	AdditionalInfo             *string         `json:"additional_info"`
	Metadata                   json.RawMessage `json:"metadata"`
	Assets                     *struct{}       `json:"assets"` // null: no images are rendered
	IsReferralCode             bool            `json:"is_referral_code"`
	CreatedAt                  timestamp       `json:"created_at"`
	UpdatedAt                  *timestamp      `json:"updated_at"`
	HolderID                   *string         `json:"holder_id"`
	ValidationRulesAssignments echo.Map        `json:"validation_rules_assignments"`
	Redemption                 shownRedemption `json:"redemption"`
	Publish                    shownPublish    `json:"publish"`
	Object                     string          `json:"object"`
}

type shownValidity struct {
	Timeframe *voucher.Timeframe `json:"validity_timeframe"`
	DayOfWeek []int              `json:"validity_day_of_week"`
	Hours     *voucher.Hours     `json:"validity_hours,omitempty"`
}

type shownRedemption struct {
	Quantity         *int64 `json:"quantity"`
	RedeemedQuantity int64  `json:"redeemed_quantity"`
	Object           string `json:"object"`
	URL              string `json:"url"`
}

type shownPublish struct {
	Object string `json:"object"`
	Count  int    `json:"count"`
	URL    string `json:"url"`
}
