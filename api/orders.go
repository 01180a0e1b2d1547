package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/order"
)

const lastOrdersPage = 100

// orders serves orders.
type orders struct {
	store *db.Orders
	work  func(ctx context.Context, project, action uuid.UUID) error // starts the import of an async action
}

func (h orders) routes(r routes) {
	r.post("/orders", acts, h.place)
	r.get("/orders", reads, h.list)
	r.post("/orders/import", acts, h.importMany)
	r.get("/orders/:order", reads, h.get)
	r.put("/orders/:order", acts, h.update)
}

// orderBody is an order as callers send one; what only we write is skipped.
type orderBody struct {
	order.Draft
	Customer   *customerChoice `json:"customer"`
	Referrer   *customerChoice `json:"referrer"`
	ReferrerID *string         `json:"referrer_id"`

	CustomerID                 ignored `json:"customer_id"`
	ItemsDiscountAmount        ignored `json:"items_discount_amount"`
	TotalDiscountAmount        ignored `json:"total_discount_amount"`
	TotalAmount                ignored `json:"total_amount"`
	AppliedDiscountAmount      ignored `json:"applied_discount_amount"`
	ItemsAppliedDiscountAmount ignored `json:"items_applied_discount_amount"`
	TotalAppliedDiscountAmount ignored `json:"total_applied_discount_amount"`
	UpdatedAt                  ignored `json:"updated_at"`
	Object                     ignored `json:"object"`
	Redemptions                ignored `json:"redemptions"`
}

// placing checks whom the order names.
func (b orderBody) placing() (db.Placing, error) {
	p := db.Placing{Draft: b.Draft}
	var err error
	if p.Customer, err = b.Customer.optional("customer"); err != nil {
		return p, err
	}
	if p.Referrer, err = b.Referrer.optional("referrer"); err != nil || b.Referrer != nil || b.ReferrerID == nil {
		return p, err
	}
	one, ok := id.Customer.Parse(*b.ReferrerID)
	if !ok {
		return p, fault.Missing("customer", *b.ReferrerID)
	}
	p.Referrer = &db.Saving{ID: &one}
	return p, nil
}

func (h orders) place(c echo.Context) error {
	body, err := bind[orderBody](c)
	if err != nil {
		return err
	}
	p, err := body.placing()
	if err != nil {
		return err
	}
	show := answerWith(c, order.Show)
	placed, err := h.store.Place(c.Request().Context(), caller(c).ProjectID, p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, show(placed))
}

func (h orders) update(c echo.Context) error {
	body, err := bind[orderBody](c)
	if err != nil {
		return err
	}
	p, err := body.placing()
	if err != nil {
		return err
	}
	changed, err := h.store.Update(c.Request().Context(), caller(c).ProjectID, c.Param("order"), p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, order.Show(changed))
}

func (h orders) get(c echo.Context) error {
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, c.Param("order"))
	if err != nil {
		return err
	}
	shown, err := h.show(c, []order.Order{found})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown[0])
}

func (h orders) list(c echo.Context) error {
	q := readQuery(c)
	want := db.OrderList{
		Order:  q.choice("order", "created_at", "-created_at", "updated_at", "-updated_at"),
		Filter: q.filters(), Limit: q.limit(), Page: q.page(lastOrdersPage),
	}
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
	return c.JSON(http.StatusOK, list("orders", shown, total))
}

// show is the orders with the redemptions that used them.
func (h orders) show(c echo.Context, found []order.Order) ([]order.Shown, error) {
	redeemed, err := h.store.Redemptions(c.Request().Context(), caller(c).ProjectID, each(found, func(o order.Order) uuid.UUID { return o.ID }))
	return each(found, func(o order.Order) order.Shown {
		shown := order.Show(o)
		shown.Redemptions = redeemed[o.ID]
		return shown
	}), err
}

func (h orders) importMany(c echo.Context) error {
	bodies, err := bind[[]orderBody](c)
	if err != nil {
		return err
	}
	all := make([]db.Placing, len(bodies))
	for i, body := range bodies {
		if all[i], err = body.placing(); err != nil {
			return fault.Inside(fmt.Sprintf("[%d]", i), err)
		}
	}
	action, err := h.store.OrderImport(c.Request().Context(), caller(c).ProjectID, all, requestID(c), h.work)
	if err != nil {
		return err
	}
	return ordered(c, http.StatusOK, action)
}
