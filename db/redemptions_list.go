package db

import (
	"context"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/redemption"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Get finds a redemption or a rollback.
func (s Redemptions) Get(ctx context.Context, project uuid.UUID, publicID string) (redemption.Full, error) {
	one, ok := redemption.Parse(publicID)
	if !ok {
		return redemption.Full{}, missingRedemption(publicID)
	}
	row, err := q.RedemptionGet(ctx, s.Pool, rows.RedemptionGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return redemption.Full{}, missingRedemption(publicID)
	}
	if err != nil {
		return redemption.Full{}, err
	}
	all, err := fullRedemptions(ctx, s.Pool, project, []redemption.Redemption{redemption.Redemption(row)})
	if err != nil {
		return redemption.Full{}, err
	}
	return all[0], nil
}

func missingRedemption(publicID string) error { return fault.Missing("redemption", publicID) }

// RedemptionList says which redemptions and rollbacks are listed, and in which order: created_at, id, voucher_code, tracking_id
// or customer_id, with "-" from the last.
type RedemptionList struct {
	Results       []string // SUCCESS, FAILURE
	Campaign      *uuid.UUID
	Customer      *uuid.UUID
	Voucher       *uuid.UUID
	After, Before *time.Time // of the creation
	Filter        Filter
	Order         string
	Limit, Page   int
}

// redemptionFields are the fields that filters of redemptions know.
var redemptionFields = map[string]filterColumn{
	"voucher_code":     {"(SELECT v.code FROM vouchers v WHERE v.id = r.voucher_id)", "text"},
	"voucher_code $is": redemptionsOfCodes, "voucher_code $in": redemptionsOfCodes,
	"related_object_id": {"coalesce('v_' || replace(r.voucher_id::text, '-', ''), 'promo_' || replace(r.promotion_tier_id::text, '-', ''))",
		"text"},
	"related_object_parent_id": {"'camp_' || replace(r.campaign_id::text, '-', '')", "text"},
	"parent_redemption_id":     {"'r_' || replace(r.parent_id::text, '-', '')", "text"},
	"failure_code":             {"r.failure_code", "text"}, "result": {"r.result", "text"}, "object": {"r.object", "text"},
	"customer_id":       {"'cust_' || replace(r.customer_id::text, '-', '')", "text"},
	"campaign_name":     {"(SELECT c.name FROM campaigns c WHERE c.id = r.campaign_id)", "text"},
	"campaign_name $is": redemptionsOfCampaigns, "campaign_name $in": redemptionsOfCampaigns,
	"user_login":  {"NULL::text", "text"}, // nobody redeems as a user: all calls come with a key
	"tracking_id": {"r.tracking_id", "text"}, "created_at": {"r.created_at", "time"}, "status": {"r.status", "text"},
}

var (
	redemptionsOfCodes     = filterColumn{"(r.voucher_id IN (SELECT v.id FROM vouchers v WHERE v.project_id = $1 AND v.code = ANY(?)))", "text"}
	redemptionsOfCampaigns = filterColumn{"(r.campaign_id IN (SELECT c.id FROM campaigns c WHERE c.project_id = $1 AND c.name = ANY(?)))", "text"}
)

// redemptionOrders are the orders of lists.
var redemptionOrders = map[string]string{
	"created_at": "r.created_at, r.id", "-created_at": "r.created_at DESC, r.id DESC", "id": "r.id", "-id": "r.id DESC",
	"tracking_id": "r.tracking_id, r.id", "-tracking_id": "r.tracking_id DESC NULLS LAST, r.id DESC",
	"customer_id": "r.customer_id, r.id", "-customer_id": "r.customer_id DESC NULLS LAST, r.id DESC",
	"voucher_code":  "(SELECT v.code FROM vouchers v WHERE v.id = r.voucher_id), r.id",
	"-voucher_code": "(SELECT v.code FROM vouchers v WHERE v.id = r.voucher_id) DESC NULLS LAST, r.id DESC",
}

// RedemptionOrders are the names of the orders of lists.
var RedemptionOrders = []string{
	"-created_at", "created_at", "id", "-id", "voucher_code", "-voucher_code", "tracking_id", "-tracking_id", "customer_id", "-customer_id",
}

// List lists redemptions and rollbacks, and how many there are in all. What stands for several stands beside them.
func (s Redemptions) List(ctx context.Context, project uuid.UUID, l RedemptionList) ([]redemption.Full, int64, error) {
	var w where
	w.add("r.project_id = ?", project)
	if len(l.Results) > 0 {
		w.add("r.result = ANY(?)", l.Results)
	}
	if l.Campaign != nil {
		w.add("r.campaign_id = ?", *l.Campaign)
	}
	if l.Customer != nil {
		w.add("r.customer_id = ?", *l.Customer)
	}
	if l.Voucher != nil {
		w.add("r.voucher_id = ?", *l.Voucher)
	}
	w.between("r.created_at", l.After, l.Before)
	if err := w.filter(l.Filter, redemptionFields, "r.metadata"); err != nil {
		return nil, 0, err
	}
	found, total, err := listPage[rows.Redemption](ctx, s.Pool, &w, "redemptions r", "r.*", redemptionOrders[l.Order], l.Limit, l.Page)
	if err != nil {
		return nil, 0, err
	}
	all, err := fullRedemptions(ctx, s.Pool, project, each(found, func(row rows.Redemption) redemption.Redemption { return redemption.Redemption(row) }))
	return all, total, err
}

// fullRedemptions adds to redemptions what they are shown with, in a fixed number of statements.
func fullRedemptions(ctx context.Context, from rows.DBTX, project uuid.UUID, list []redemption.Redemption) ([]redemption.Full, error) {
	all := each(list, func(r redemption.Redemption) redemption.Full { return redemption.Full{Redemption: r} })
	if len(all) == 0 {
		return all, nil
	}
	for _, add := range []func(context.Context, rows.DBTX, uuid.UUID, []redemption.Full) error{
		addVouchers, addTiers, addCampaigns, addPeople, addOrders, addRewards, addRelated,
	} {
		if err := add(ctx, from, project, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// idsOf gathers ids that some of the redemptions have.
func idsOf(all []redemption.Full, of func(redemption.Full) *uuid.UUID) (ids []uuid.UUID) {
	for _, one := range all {
		if id := of(one); id != nil {
			ids = append(ids, *id)
		}
	}
	return ids
}

func addVouchers(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	ids := idsOf(all, func(f redemption.Full) *uuid.UUID { return f.VoucherID })
	if len(ids) == 0 {
		return nil
	}
	found, err := q.PublicationVouchers(ctx, from, rows.PublicationVouchersParams{ProjectID: project, Ids: ids})
	known := make(map[uuid.UUID]voucher.Voucher, len(found))
	for _, row := range found {
		known[row.ID] = voucher.Voucher(row)
	}
	for i := range all {
		if v, ok := known[or(all[i].VoucherID, uuid.Nil)]; ok {
			all[i].Voucher = &v
		}
	}
	return err
}

func addTiers(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	ids := idsOf(all, func(f redemption.Full) *uuid.UUID { return f.PromotionTierID })
	if len(ids) == 0 {
		return nil
	}
	found, err := q.RedeemableTiers(ctx, from, rows.RedeemableTiersParams{ProjectID: project, Ids: ids})
	known := make(map[uuid.UUID]promotion.Tier, len(found))
	for _, row := range found {
		known[row.ID] = promotion.Tier(row)
	}
	for i := range all {
		if t, ok := known[or(all[i].PromotionTierID, uuid.Nil)]; ok {
			all[i].Tier = &t
		}
	}
	return err
}

func addCampaigns(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	ids := idsOf(all, func(f redemption.Full) *uuid.UUID { return f.CampaignID })
	if len(ids) == 0 {
		return nil
	}
	found, err := q.CampaignGetAll(ctx, from, rows.CampaignGetAllParams{ProjectID: project, Ids: ids})
	known := make(map[uuid.UUID]campaign.Campaign, len(found))
	for _, row := range found {
		known[row.ID] = campaign.Campaign(row)
	}
	for i := range all {
		if c, ok := known[or(all[i].CampaignID, uuid.Nil)]; ok {
			all[i].Campaign = &c
		}
	}
	return err
}

// addPeople adds the customers, and those who hold the vouchers.
func addPeople(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	holder := func(f redemption.Full) *uuid.UUID {
		if f.Voucher == nil {
			return nil
		}
		return f.Voucher.HolderID
	}
	ids := append(idsOf(all, func(f redemption.Full) *uuid.UUID { return f.CustomerID }), idsOf(all, holder)...)
	known, err := people(ctx, from, project, ids)
	find := func(one *uuid.UUID) *customer.Customer {
		if c, ok := known[or(one, uuid.Nil)]; ok {
			return &c
		}
		return nil
	}
	for i := range all {
		all[i].Customer, all[i].Holder = find(all[i].CustomerID), find(holder(all[i]))
	}
	return err
}

func addOrders(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	ids := idsOf(all, func(f redemption.Full) *uuid.UUID { return f.OrderID })
	if len(ids) == 0 {
		return nil
	}
	found, err := q.OrderFind(ctx, from, rows.OrderFindParams{ProjectID: project, Ids: ids, SourceIds: []string{}})
	known := make(map[uuid.UUID]order.Order, len(found))
	for _, row := range found {
		known[row.ID] = order.Order(row)
	}
	for i := range all {
		if o, ok := known[or(all[i].OrderID, uuid.Nil)]; ok {
			all[i].Order = &o
		}
	}
	return err
}

// addRelated names what rolled redemptions back, and what those that stand for several stand for.
func addRelated(ctx context.Context, from rows.DBTX, project uuid.UUID, all []redemption.Full) error {
	ids := each(all, func(f redemption.Full) uuid.UUID { return f.ID })
	found, err := q.RedemptionRollbacks(ctx, from, rows.RedemptionRollbacksParams{ProjectID: project, Ids: ids})
	if err != nil {
		return err
	}
	for i := range all {
		for _, row := range found {
			if row.RedemptionID != nil && *row.RedemptionID == all[i].ID {
				back := redemption.Redemption{ID: row.ID, Object: redemption.Rollback, Result: redemption.Success}
				all[i].Related.Rollbacks = append(all[i].Related.Rollbacks, redemption.RelatedOne{ID: back.PublicID(), Date: stamp.Stamp(row.CreatedAt)})
			}
		}
		for _, part := range all[i].Effects.Parts {
			one := redemption.Redemption{ID: part, Object: all[i].Object, Result: redemption.Success}
			all[i].Related.Redemptions = append(all[i].Related.Redemptions, redemption.RelatedOne{ID: one.PublicID(), Date: stamp.Stamp(all[i].CreatedAt)})
		}
	}
	return nil
}
