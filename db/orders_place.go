package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
)

// Orders is the store of orders.
type Orders struct {
	Pool   *pgxpool.Pool
	placed group[Placing, order.Order]
}

// NewOrders is the store on that pool. Orders that are placed at the same time share transactions.
func NewOrders(pool *pgxpool.Pool) *Orders {
	s := &Orders{Pool: pool}
	s.placed.run, s.placed.about = s.place, Placing.about
	return s
}

// Placing is an order as a caller sends one, with whom it is of.
type Placing struct {
	order.Draft
	Customer *Saving // nil: nobody, or who it was
	Referrer *Saving // who brought the customer; nil: nobody, or who it was
	// Update asks for an order that is there: an unknown source id is fault.NotFound, and makes none.
	Update bool
}

// order names the order.
func (p Placing) order() (names []string) {
	if p.ID != nil {
		names = append(names, "order "+*p.ID)
	}
	if p.SourceID != nil {
		names = append(names, "order source "+*p.SourceID)
	}
	return names
}

// about names the order and the customers.
func (p Placing) about() []string {
	names := p.order()
	for _, one := range []*Saving{p.Customer, p.Referrer} {
		if one != nil {
			names = append(names, "customer "+one.key())
		}
	}
	return names
}

// Place makes the order, or changes the one that has the id or the source id. An id that we did not give is fault.NotFound.
func (s *Orders) Place(ctx context.Context, project uuid.UUID, p Placing) (order.Order, error) {
	if err := p.Check(); err != nil { // what is wrong by itself is refused before it waits
		return order.Order{}, err
	}
	return s.placed.do(ctx, project, p)
}

func (s *Orders) place(ctx context.Context, project uuid.UUID, asks []asked[Placing]) (placed []order.Order, err error) {
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		all, err := c.prepareOrders(ctx, asks, c.meet)
		if err == nil {
			err = c.attribute(asks, all)
		}
		if err == nil {
			placed, err = c.saveOrders(ctx, all)
		}
		if err == nil {
			err = carryOutFor(c, asks, placed)
		}
		return err
	})
	return placed, err
}

// prepareOrders meets the customers, finds the orders and lays the drafts over them.
func (c *change) prepareOrders(
	ctx context.Context, asks []asked[Placing], meet func(context.Context, []Saving) ([]customer.Customer, error),
) ([]ordered, error) {
	var savings []Saving
	drafts := make([]order.Draft, len(asks))
	for i, a := range asks {
		drafts[i] = a.ask.Draft
		for _, one := range []*Saving{a.ask.Customer, a.ask.Referrer} {
			if one != nil {
				savings = append(savings, *one)
			}
		}
	}
	find, err := c.askOrders(ctx, drafts)
	if err != nil {
		return nil, err
	}
	met, err := meet(ctx, savings)
	if err != nil {
		return nil, err
	}
	found, err := find()
	if err != nil {
		return nil, err
	}
	all := make([]ordered, len(asks))
	for i, a := range asks {
		if all[i], met, err = a.ask.over(found[i], met); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// over is the order as it is to be; it takes its customers from the front of those who were met.
func (p Placing) over(before *order.Order, met []customer.Customer) (ordered, []customer.Customer, error) {
	if before == nil && p.Update {
		return ordered{}, nil, fault.Missing("order", or(p.ID, or(p.SourceID, "")))
	}
	after, err := p.Over(startOf(before))
	for _, one := range []struct {
		saving *Saving
		is     **uuid.UUID
	}{{p.Customer, &after.CustomerID}, {p.Referrer, &after.ReferrerID}} {
		if one.saving != nil {
			*one.is, met = &met[0].ID, met[1:]
		}
	}
	return ordered{before: before, after: after}, met, err
}

// attribute says whose request each customer's occurrences are from.
func (c *change) attribute(asks []asked[Placing], all []ordered) error {
	if len(asks) == 1 {
		return nil
	}
	c.sources = map[uuid.UUID]occurrence.Source{}
	for i, o := range all {
		of := map[uuid.UUID]bool{or(o.after.CustomerID, uuid.Nil): true, or(o.after.ReferrerID, uuid.Nil): true}
		if o.before != nil {
			of[or(o.before.CustomerID, uuid.Nil)] = true
		}
		delete(of, uuid.Nil)
		for one := range of {
			if _, taken := c.sources[one]; taken {
				return errApart
			}
			c.sources[one] = asks[i].source
		}
	}
	return nil
}

// Update changes the order that key (an id or a source id) names.
func (s *Orders) Update(ctx context.Context, project uuid.UUID, key string, p Placing) (order.Order, error) {
	p.ID, p.Update = nil, true
	if _, ok := id.Order.Parse(key); ok {
		p.ID = &key
	} else {
		if p.SourceID != nil && *p.SourceID != key {
			return order.Order{}, fault.Property("source_id", "Property .source_id cannot be changed; it is %q", key)
		}
		p.SourceID = &key
	}
	return s.Place(ctx, project, p)
}
