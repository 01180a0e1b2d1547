package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// shownVouchers shows vouchers with what hangs on them: the name of their campaign, the rules that limit them, and where their
// codes are images.
type shownVouchers struct {
	campaigns db.Campaigns
	rules     db.Rules
	links     links
}

// all shows vouchers of any campaigns.
func (h shownVouchers) all(c echo.Context, found []voucher.Voucher) ([]voucher.Shown, error) {
	names, err := campaignNames(c.Request().Context(), h.campaigns, caller(c).ProjectID, found)
	if err != nil {
		return nil, err
	}
	return h.named(c, found, names)
}

// one shows a voucher of the campaign that is called so; nil is none.
func (h shownVouchers) one(c echo.Context, v voucher.Voucher, of *string) (voucher.Shown, error) {
	names := map[uuid.UUID]string{}
	if of != nil && v.CampaignID != nil {
		names[*v.CampaignID] = *of
	}
	shown, err := h.named(c, []voucher.Voucher{v}, names)
	if err != nil {
		return voucher.Shown{}, err
	}
	return shown[0], nil
}

func (h shownVouchers) named(c echo.Context, found []voucher.Voucher, names map[uuid.UUID]string) ([]voucher.Shown, error) {
	limits, err := h.rules.AssignmentsOf(c.Request().Context(), caller(c).ProjectID,
		each(found, func(v voucher.Voucher) uuid.UUID { return v.ID })...)
	if err != nil {
		return nil, err
	}
	all := make([]voucher.Shown, len(found))
	for i, v := range found {
		all[i] = voucher.Show(v, nameOf(names, v.CampaignID))
		all[i].ValidationRulesAssignments = rule.ShowAssignments(limits[v.ID])
		if all[i].Assets, err = h.links.assets(c, v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func campaignNames(ctx context.Context, store db.Campaigns, project uuid.UUID, found []voucher.Voucher) (map[uuid.UUID]string, error) {
	var ids []uuid.UUID
	for _, v := range found {
		if v.CampaignID != nil {
			ids = append(ids, *v.CampaignID)
		}
	}
	return store.Names(ctx, project, ids)
}

func nameOf(names map[uuid.UUID]string, campaign *uuid.UUID) *string {
	if campaign == nil {
		return nil
	}
	name := names[*campaign]
	return &name
}
