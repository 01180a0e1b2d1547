package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/order"
	"herald/internal/stamp"
)

// Get finds an order by id or source id.
func (s *Orders) Get(ctx context.Context, project uuid.UUID, key string) (order.Order, error) {
	p := rows.OrderFindParams{ProjectID: project, Ids: []uuid.UUID{}, SourceIds: []string{key}}
	if one, ok := id.Order.Parse(key); ok {
		p.Ids = append(p.Ids, one)
	}
	found, err := q.OrderFind(ctx, s.Pool, p)
	if err != nil {
		return order.Order{}, err
	}
	for _, row := range found {
		if len(p.Ids) == 0 || row.ID == p.Ids[0] || len(found) == 1 {
			return order.Order(row), nil
		}
	}
	return order.Order{}, fault.Missing("order", key)
}

// OrderList says which orders are listed, and in which order: created_at or updated_at, with "-" from the last.
type OrderList struct {
	Filter      Filter
	Order       string
	Limit, Page int
}

// orderColumns are the fields that filters of orders know.
var orderColumns = map[string]filterColumn{
	"id": {"'ord_' || replace(o.id::text, '-', '')", "text"}, "source_id": {"o.source_id", "text"}, "status": {"o.status", "text"},
	"customer_id": {"'cust_' || replace(o.customer_id::text, '-', '')", "text"},
	"referrer_id": {"'cust_' || replace(o.referrer_id::text, '-', '')", "text"},
	"amount":      {"o.amount", "number"}, "initial_amount": {"o.initial_amount", "number"}, "total_amount": {"o.total_amount", "number"},
	"discount_amount": {"o.discount_amount", "number"}, "items_discount_amount": {"o.items_discount_amount", "number"},
	"total_discount_amount": {"o.total_discount_amount", "number"},
	"created_at":            {"o.created_at", "time"}, "updated_at": {"o.updated_at", "time"},
}

// List lists orders, with how many there are in all.
func (s *Orders) List(ctx context.Context, project uuid.UUID, l OrderList) ([]order.Order, int64, error) {
	var w where
	w.add("o.project_id = ?", project)
	if err := w.filter(l.Filter, orderColumns, "o.metadata"); err != nil {
		return nil, 0, err
	}
	by := map[string]string{
		"created_at": "o.created_at, o.id", "-created_at": "o.created_at DESC, o.id DESC",
		"updated_at": "o.updated_at NULLS FIRST, o.id", "-updated_at": "o.updated_at DESC NULLS LAST, o.id DESC",
	}[l.Order]
	found, total, err := listPage[rows.Order](ctx, s.Pool, &w, "orders o", "o.*", by, l.Limit, l.Page)
	return each(found, func(row rows.Order) order.Order { return order.Order(row) }), total, err
}

// Redemptions are what orders show of the redemptions that used them, by the ids of the orders and of the redemptions.
func (s *Orders) Redemptions(ctx context.Context, project uuid.UUID, orders []uuid.UUID) (map[uuid.UUID]map[string]order.Redeeming, error) {
	of := map[uuid.UUID]map[string]order.Redeeming{}
	if len(orders) == 0 {
		return of, nil
	}
	found, err := q.OrderRedemptions(ctx, s.Pool, rows.OrderRedemptionsParams{ProjectID: project, OrderIds: orders})
	for _, row := range found {
		name := id.Redemption.Format(row.ID)
		shown := order.Redeeming{
			Date: stamp.Stamp(row.CreatedAt), RelatedObjectType: "redemption", RelatedObjectID: name,
			RelatedObjectParentID: id.Campaign.FormatPtr(row.CampaignID),
		}
		switch {
		case row.VoucherID != nil:
			shown.RelatedObjectType, shown.RelatedObjectID = "voucher", id.Voucher.Format(*row.VoucherID)
		case row.PromotionTierID != nil:
			shown.RelatedObjectType, shown.RelatedObjectID = "promotion_tier", id.Promotion.Format(*row.PromotionTierID)
		default:
			shown.Stacked = each(row.Parts, id.Redemption.Format)
		}
		if row.RollbackID != uuid.Nil {
			back := id.Rollback.Format(row.RollbackID)
			shown.RollbackID, shown.RollbackDate = &back, stamp.Ptr(&row.RolledBackAt)
			if shown.Stacked != nil {
				shown.RollbackStacked = each(row.RolledBackParts, id.Rollback.Format)
			}
		}
		if of[*row.OrderID] == nil {
			of[*row.OrderID] = map[string]order.Redeeming{}
		}
		of[*row.OrderID][name] = shown
	}
	return of, err
}
