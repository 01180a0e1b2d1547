package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// overridesBody is what a request says of the vouchers it adds to a campaign.
type overridesBody struct {
	Code       string  `json:"code"`
	CategoryID *string `json:"category_id"`
	campaign.Overrides
}

// addVouchers makes vouchers with drawn codes: one at once, more in a run of their own.
func (h campaigns) addVouchers(c echo.Context) error {
	q := readQuery(c)
	n := q.number("vouchers_count", campaign.MaxCodes, 1)
	if err := q.err(); err != nil {
		return err
	}
	body, err := bind[overridesBody](c)
	if err != nil {
		return err
	}
	if err := checkCategory(body.CategoryID); err != nil {
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
	body, err := bind[struct {
		CategoryID *string `json:"category_id"`
		campaign.Overrides
	}](c)
	if err != nil {
		return err
	}
	if err := checkCategory(body.CategoryID); err != nil {
		return err
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return h.addOne(c, found, body.Overrides, c.Param("code"))
}

func (h campaigns) addOne(c echo.Context, to campaign.Campaign, o campaign.Overrides, chosen string) error {
	var faults fault.List
	if chosen != "" {
		faults.Add(code.CheckCode("code", chosen))
	}
	faults.Add(to.CheckHolds(1))
	faults.Add(o.Check())
	if err := faults.Err(); err != nil {
		return err
	}
	v := to.NewVoucher(o)
	v.Code = chosen
	made, err := h.vouchers.CreateDrawn(c.Request().Context(), v, to.Codes(o))
	if err != nil {
		return err
	}
	h.announce(c, to)
	shown, err := h.shown.one(c, made, &to.Name)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown)
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
	for i, d := range drafts {
		if _, err := found.Import(d.Draft); err != nil {
			return at(err, i)
		}
	}
	if err := refuseTaken(c.Request().Context(), h.vouchers, found.ProjectID, drafts); err != nil {
		return err
	}
	action, err := h.orderImport(c, found, async.VouchersImport, drafts, voucher.ImportResult{})
	if err != nil {
		return err
	}
	return accepted(c, action)
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
	action, err := h.orderImport(c, found, async.VouchersImportCSV, list, refused)
	if err != nil {
		return err
	}
	return ordered(c, http.StatusOK, action)
}

func (h campaigns) orderImport(
	c echo.Context, to campaign.Campaign, actionType string, list []voucher.Row, refused voucher.ImportResult,
) (uuid.UUID, error) {
	return h.vouchers.OrderImport(c.Request().Context(), to.ProjectID, &to.ID, actionType, requestID(c), list, refused,
		func(ctx context.Context, action uuid.UUID) error {
			return h.flows.WorkOnVouchers(ctx, actionType, to.ProjectID, &to.ID, action)
		})
}
