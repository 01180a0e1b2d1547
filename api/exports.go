package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/export"
	"herald/internal/fault"
	"herald/internal/id"
)

// exports serves exported files.
type exports struct {
	store     db.Exports
	campaigns db.Campaigns
	vouchers  db.Vouchers
	links     links
	start     func(ctx context.Context, project, export uuid.UUID) error
}

func (h exports) routes(r routes) {
	r.post("/exports", controls, h.create)
	r.get("/exports", reads, h.list)
	r.get("/exports/:export", reads, h.get)
	r.delete("/exports/:export", controls, h.delete)
	r.post("/orders/export", controls, h.all(export.Orders))
	r.post("/vouchers/:code/transactions/export", controls, h.ofVoucher("code"))
	r.post("/campaigns/:campaign/transactions/export", controls, h.ofCampaign(export.Transactions, ""))
	r.post("/loyalties/:campaign/transactions/export", controls, h.ofCampaign(export.Transactions, campaign.LoyaltyProgram))
	r.post("/loyalties/:campaign/points-expiration/export", controls, h.ofCampaign(export.PointsExpiration, campaign.LoyaltyProgram))
	r.post("/loyalties/members/:member/transactions/export", controls, h.ofVoucher("member"))
	r.post("/loyalties/:campaign/members/:member/transactions/export", controls, h.ofVoucher("member"))
}

// exportBody says what is exported; some official samples write the order beside the parameters.
type exportBody struct {
	Order      string            `json:"order"`
	Parameters export.Parameters `json:"parameters"`
}

func (b exportBody) parameters() export.Parameters {
	if b.Parameters.Order == "" {
		b.Parameters.Order = b.Order
	}
	return b.Parameters
}

func (h exports) create(c echo.Context) error {
	body, err := bind[struct {
		ExportedObject export.Object     `json:"exported_object"`
		Parameters     export.Parameters `json:"parameters"`
	}](c)
	if err != nil {
		return err
	}
	return h.order(c, body.ExportedObject, body.Parameters)
}

// order checks and begins an export.
func (h exports) order(c echo.Context, o export.Object, p export.Parameters) error {
	if err := p.Check(o); err != nil {
		return err
	}
	project := caller(c).ProjectID
	made, err := h.store.Create(c.Request().Context(), project, o, p, h.links.address(c, ""),
		func(ctx context.Context, one uuid.UUID) error { return h.start(ctx, project, one) })
	if err != nil {
		return err
	}
	return h.answer(c, made)
}

// all exports all of a project's objects of a kind.
func (h exports) all(o export.Object) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := bind[exportBody](c)
		if err != nil {
			return err
		}
		return h.order(c, o, body.parameters())
	}
}

// ofVoucher exports the transactions of the voucher that the path names.
func (h exports) ofVoucher(parameter string) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := bind[exportBody](c)
		if err != nil {
			return err
		}
		ctx, project := c.Request().Context(), caller(c).ProjectID
		found, err := h.vouchers.Find(ctx, project, c.Param(parameter))
		if err != nil {
			return err
		}
		if named := c.Param("campaign"); named != "" {
			of, err := h.campaigns.Find(ctx, project, named)
			if err != nil {
				return err
			}
			if found.CampaignID == nil || *found.CampaignID != of.ID {
				return fault.Missing("voucher", c.Param(parameter))
			}
		}
		return h.narrowed(c, export.Transactions, body.parameters(), "voucher_id", id.Voucher.Format(found.ID))
	}
}

// ofCampaign exports what belongs to the campaign that the path names; only is the kind that it must be of, "" is any.
func (h exports) ofCampaign(o export.Object, only campaign.Kind) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := bind[exportBody](c)
		if err != nil {
			return err
		}
		found, err := h.campaigns.Find(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"))
		if err != nil {
			return err
		}
		if only != "" && found.CampaignType != only {
			return fault.Missing("campaign", c.Param("campaign"))
		}
		return h.narrowed(c, o, body.parameters(), "campaign_id", id.Campaign.Format(found.ID))
	}
}

// narrowed exports what belongs to one thing, which the caller's own filters can only narrow further.
func (h exports) narrowed(c echo.Context, o export.Object, p export.Parameters, field, value string) error {
	if p.Filters.Any || p.Filters.Has(field) {
		return fault.Property("parameters.filters", "The path says which %s is meant, so a filter cannot name others: leave %s and the junction or out", field, field)
	}
	p.Filters = p.Filters.Add(field, "$in", value)
	return h.order(c, o, p)
}

func (h exports) list(c echo.Context) error {
	q := readQuery(c)
	order, limit, page := q.choice("order", "-created_at", "created_at", "status", "-status"), q.limit(), q.page(100)
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), caller(c).ProjectID, order, limit, page)
	if err != nil {
		return err
	}
	shown := make([]export.Shown, len(found))
	for i, one := range found {
		if shown[i], err = h.show(c, one); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, list("exports", shown, total))
}

func exportParam(c echo.Context) (uuid.UUID, error) {
	one, ok := id.Export.Parse(c.Param("export"))
	if !ok {
		return uuid.UUID{}, fault.Missing("export", c.Param("export"))
	}
	return one, nil
}

func (h exports) get(c echo.Context) error {
	one, err := exportParam(c)
	if err != nil {
		return err
	}
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, one)
	if err != nil {
		return err
	}
	return h.answer(c, found)
}

func (h exports) delete(c echo.Context) error {
	one, err := exportParam(c)
	if err != nil {
		return err
	}
	if err := h.store.Delete(c.Request().Context(), caller(c).ProjectID, one); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// exportLink is what the ids in the addresses of files are sealed for.
const exportLink = "export"

func (h exports) show(c echo.Context, e export.Export) (export.Shown, error) {
	key, err := h.links.key(c.Request().Context())
	return export.Show(e, h.links.address(c, "/api/v1/exports/"+key.Seal(exportLink, e.ProjectID, e.ID))), err
}

func (h exports) answer(c echo.Context, e export.Export) error {
	shown, err := h.show(c, e)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown)
}

// download serves a finished file to whoever has its address.
func (h exports) download(c echo.Context) error {
	ctx := c.Request().Context()
	key, err := h.links.key(ctx)
	if err != nil {
		return err
	}
	var project, one uuid.UUID
	if !key.Open(exportLink, c.Param("id"), &project, &one) {
		return fault.Missing("export", c.Param("id"))
	}
	file, err := h.store.Content(ctx, project, one)
	if err != nil {
		return err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(file.Content))
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.csv"`, file.Object, file.CreatedAt.UTC().Format("20060102-150405")))
	header.Set("Cache-Control", "private, no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	c.Response().WriteHeader(http.StatusOK)
	_, err = io.Copy(c.Response(), unpacked) //nolint:gosec // G110: what is unpacked was packed here, and goes to a stream
	return err
}
