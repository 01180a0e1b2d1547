package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/segment"
)

// ordered is one order within a change: as it was (nil: not there), and as it is to be.
type ordered struct {
	before *order.Order
	after  order.Order
	// redemption is the redemption that the order is part of, in public shape, for the occurrences; nil where there is none.
	redemption any
}

// startOf is what a draft is laid over: the order as it was, or a new one.
func startOf(before *order.Order) order.Order {
	if before == nil {
		return order.Order{Status: order.Created, Metadata: []byte("{}"), Items: []order.Item{}}
	}
	return *before
}

// findOrder finds the order that a draft names by id or source id, and locks it with its customer; nil where there is none
// with the source id, or the draft names none.
func (c *change) findOrder(ctx context.Context, d order.Draft) (*order.Order, error) {
	found, err := c.findOrders(ctx, []order.Draft{d})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// findOrders is findOrder for many drafts.
func (c *change) findOrders(ctx context.Context, drafts []order.Draft) ([]*order.Order, error) {
	found, err := c.askOrders(ctx, drafts)
	if err != nil {
		return nil, err
	}
	return found()
}

// askOrders asks for the orders that drafts name, together with the next statement; the function it returns finds them.
func (c *change) askOrders(ctx context.Context, drafts []order.Draft) (found func() ([]*order.Order, error), err error) {
	p := rows.OrderFindParams{ProjectID: c.project, Ids: []uuid.UUID{}, SourceIds: []string{}}
	for _, d := range drafts {
		if d.ID != nil {
			one, ok := id.Order.Parse(*d.ID)
			if !ok {
				return nil, fault.Missing("order", *d.ID)
			}
			p.Ids = append(p.Ids, one)
		}
		if d.SourceID != nil {
			p.SourceIds = append(p.SourceIds, *d.SourceID)
		}
	}
	if len(p.Ids) == 0 && len(p.SourceIds) == 0 {
		return func() ([]*order.Order, error) { return make([]*order.Order, len(drafts)), nil }, nil
	}
	var seen []rows.Order
	err = c.tx.ahead(func(db rows.DBTX) (err error) {
		seen, err = q.OrderFind(ctx, db, p)
		return err
	})
	return func() ([]*order.Order, error) {
		if err := c.tx.flush(ctx); err != nil {
			return nil, err
		}
		if len(seen) > 0 {
			if seen, err = c.lockOrders(ctx, seen); err != nil {
				return nil, err
			}
		}
		return allNamed(drafts, seen)
	}, err
}

// allNamed are the orders that the drafts name, of those that are there.
func allNamed(drafts []order.Draft, there []rows.Order) (found []*order.Order, err error) {
	byID, bySource := map[string]*order.Order{}, map[string]*order.Order{}
	for _, row := range there {
		o := order.Order(row)
		byID[id.Order.Format(o.ID)] = &o
		if o.SourceID != nil {
			bySource[*o.SourceID] = &o
		}
	}
	found = make([]*order.Order, len(drafts))
	for i, d := range drafts {
		if found[i], err = named(d, byID, bySource); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lockOrders locks orders that were seen, their customers first, and reads them again.
func (c *change) lockOrders(ctx context.Context, seen []rows.Order) ([]rows.Order, error) {
	var customers, orders []uuid.UUID
	for _, o := range seen {
		orders = append(orders, o.ID)
		if o.CustomerID != nil {
			customers = append(customers, *o.CustomerID)
		}
	}
	if len(customers) > 0 {
		if _, err := c.lock(ctx, customers...); err != nil {
			return nil, err
		}
	}
	return q.OrderLock(ctx, c.tx, rows.OrderLockParams{ProjectID: c.project, Ids: orders})
}

// named is the order that the draft names.
func named(d order.Draft, byID, bySource map[string]*order.Order) (*order.Order, error) {
	var by *order.Order
	if d.SourceID != nil {
		by = bySource[*d.SourceID]
	}
	if d.ID == nil {
		return by, nil
	}
	found := byID[*d.ID]
	switch {
	case found == nil:
		return nil, fault.Missing("order", *d.ID)
	case by != nil && by != found:
		return nil, &fault.Error{
			Code: fault.Duplicate, Property: "source_id", ResourceID: *d.SourceID, ResourceType: "order",
			Details: "Duplicated order exists with source_id " + *d.SourceID,
		}
	}
	return found, nil
}

// saveOrder writes one order; see saveOrders.
func (c *change) saveOrder(ctx context.Context, o ordered) (order.Order, error) {
	saved, err := c.saveOrders(ctx, []ordered{o})
	if err != nil {
		return order.Order{}, err
	}
	return saved[0], nil
}

// saveOrders writes orders as they are to be, counts them in the figures of their customers, and tells what happened to them.
// The change must hold the customers and the orders as they were. An order that stays as it was is not written or told of.
func (c *change) saveOrders(ctx context.Context, all []ordered) ([]order.Order, error) {
	saved, written, err := c.keepOrders(ctx, all)
	if err != nil {
		return nil, err
	}
	return saved, c.tellOrders(ctx, all, written)
}

// keepOrders is saveOrders without telling; it also returns which of all were written.
func (c *change) keepOrders(ctx context.Context, all []ordered) (saved []order.Order, written []int, err error) {
	saved = make([]order.Order, len(all))
	for i := range all {
		o := &all[i]
		if o.before != nil && o.after.Same(*o.before) {
			saved[i] = *o.before
			continue
		}
		now := time.Now().Truncate(time.Microsecond) // as the database keeps it
		switch {
		case o.before != nil:
			o.after.UpdatedAt = &now
		case o.after.CreatedAt.IsZero():
			o.after.CreatedAt = now
		}
		if o.before == nil {
			o.after.ID, o.after.ProjectID = id.New(), c.project
		}
		written = append(written, i)
	}
	if len(written) == 0 {
		return saved, nil, nil
	}
	if err := c.writeOrders(ctx, all, written); err != nil {
		return nil, nil, err
	}
	for _, i := range written {
		saved[i] = all[i].after
		c.countOrder(all[i])
	}
	return saved, written, c.recountLast(ctx, all, written)
}

func (c *change) writeOrders(ctx context.Context, all []ordered, written []int) error {
	p := rows.OrderWriteParams{ProjectID: c.project}
	for _, i := range written {
		o := all[i].after.Kept()
		items, err := json.Marshal(o.Items)
		if err != nil {
			return err
		}
		p.Ids = append(p.Ids, o.ID)
		p.SourceIds = append(p.SourceIds, or(o.SourceID, ""))
		p.CustomerIds = append(p.CustomerIds, or(o.CustomerID, uuid.Nil))
		p.ReferrerIds = append(p.ReferrerIds, or(o.ReferrerID, uuid.Nil))
		p.Statuses = append(p.Statuses, string(o.Status))
		p.Amounts = append(p.Amounts, o.Amount)
		p.InitialAmounts = append(p.InitialAmounts, or(o.InitialAmount, 0))
		p.DiscountAmounts = append(p.DiscountAmounts, or(o.DiscountAmount, 0))
		p.ItemsDiscountAmounts = append(p.ItemsDiscountAmounts, or(o.ItemsDiscountAmount, 0))
		p.TotalDiscountAmounts = append(p.TotalDiscountAmounts, or(o.TotalDiscountAmount, 0))
		p.TotalAmounts = append(p.TotalAmounts, o.TotalAmount)
		p.Items = append(p.Items, string(items))
		p.Metadatas = append(p.Metadatas, string(o.Metadata))
		p.CreatedAts = append(p.CreatedAts, o.CreatedAt)
		p.UpdatedAts = append(p.UpdatedAts, or(o.UpdatedAt, noTime))
	}
	return q.OrderWrite(ctx, c.tx.later(), p)
}

// countOrder moves the figures of the order's customers from what the order was to what it is.
func (c *change) countOrder(o ordered) {
	if o.before != nil && o.before.CustomerID != nil {
		was, f := o.before.Figures(), c.figures(*o.before.CustomerID)
		f.OrdersAmount -= was.OrdersAmount
		f.OrdersCount -= was.OrdersCount
		c.touch(*o.before.CustomerID, segment.Orders)
	}
	if o.after.CustomerID == nil {
		return
	}
	is, f := o.after.Figures(), c.figures(*o.after.CustomerID)
	f.OrdersAmount += is.OrdersAmount
	f.OrdersCount += is.OrdersCount
	if is.LastOrderAt != nil && (f.LastOrderAt == nil || !is.LastOrderAt.Before(*f.LastOrderAt)) {
		f.LastOrderAt, f.LastOrderAmount = is.LastOrderAt, is.LastOrderAmount
	}
	c.touch(*o.after.CustomerID, segment.Orders)
}

// recountLast finds the last orders of those customers anew who lost an order that counted.
func (c *change) recountLast(ctx context.Context, all []ordered, written []int) error {
	var lost []uuid.UUID
	for _, i := range written {
		before, after := all[i].before, all[i].after
		if before == nil || before.CustomerID == nil || !before.Status.Counts() {
			continue
		}
		if !after.Status.Counts() || after.CustomerID == nil || *after.CustomerID != *before.CustomerID {
			lost = append(lost, *before.CustomerID)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return q.FiguresLastOrder(ctx, c.tx, rows.FiguresLastOrderParams{CustomerIds: lost, ProjectID: c.project})
}

// tellOrders says what happened to the orders; those of nobody are not told of.
func (c *change) tellOrders(ctx context.Context, all []ordered, written []int) error {
	referrers, err := c.referrers(ctx, all, written)
	if err != nil {
		return err
	}
	for _, i := range written {
		o := all[i]
		if o.after.CustomerID == nil {
			continue
		}
		data := map[string]any{"order": order.Show(o.after), "referrer": nil, "redemption": nil}
		if known, ok := referrers[or(o.after.ReferrerID, uuid.Nil)]; ok {
			data["referrer"] = known
		}
		if o.redemption != nil {
			data["redemption"] = o.redemption
		}
		for _, kind := range order.Told(o.before, o.after) {
			c.happened(occurrence.Occurrence{Type: kind, Customer: *o.after.CustomerID, Data: data})
		}
	}
	return nil
}

// referrers are those whom the occurrences of the orders show.
func (c *change) referrers(ctx context.Context, all []ordered, written []int) (map[uuid.UUID]customer.Simple, error) {
	var ids []uuid.UUID
	for _, i := range written {
		if o := all[i].after; o.ReferrerID != nil && o.CustomerID != nil {
			ids = append(ids, *o.ReferrerID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := q.OrderReferrers(ctx, c.tx, rows.OrderReferrersParams{ProjectID: c.project, Ids: ids})
	known := make(map[uuid.UUID]customer.Simple, len(found))
	for _, row := range found {
		known[row.ID] = customer.ShowSimple(customer.Customer(row))
	}
	return known, err
}
