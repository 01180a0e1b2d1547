package db

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/order"
	"herald/internal/rule"
)

// RuleTrial is what a rule is tried on: a customer and an order that need not exist, and what else is known.
type RuleTrial struct {
	Customer *Saving
	Order    *order.Draft
	Facts    rule.Facts
}

// Try holds a rule against a trial, and says why it does not hold, or nil. Nothing is written. The rule counts nothing that was
// redeemed: it is tried by itself, and not on what it is assigned to.
func (s Rules) Try(ctx context.Context, project, one uuid.UUID, t RuleTrial) (rule.Rule, *rule.Violation, error) {
	r, _, err := s.Get(ctx, project, one)
	if err != nil {
		return rule.Rule{}, nil, err
	}
	if t.Customer != nil {
		if t.Facts.Customer, err = s.supposed(ctx, project, *t.Customer); err != nil {
			return rule.Rule{}, nil, err
		}
	}
	if t.Order != nil {
		if t.Facts.Order, err = s.supposedOrder(ctx, project, *t.Order); err != nil {
			return rule.Rule{}, nil, err
		}
	}
	book := rulebook{project: project, rules: map[uuid.UUID][]rule.Rule{one: {r}}}
	broken, err := book.broken(ctx, s.Pool, t.Facts)
	if v, ok := broken[one]; ok {
		return r, &v, err
	}
	return r, nil, err
}

// supposed is the customer as they would be if what is said of them was saved, as far as rules ask.
func (s Rules) supposed(ctx context.Context, project uuid.UUID, one Saving) (*customer.Customer, error) {
	c := customer.Customer{SourceID: one.SourceID}
	key := or(one.SourceID, "")
	if one.ID != nil {
		key = id.Customer.Format(*one.ID)
	}
	if key != "" {
		found, err := Customers(s).Get(ctx, project, key)
		switch {
		case err == nil:
			c = found
		case one.ID != nil || !fault.Is(err, fault.NotFound):
			return nil, err
		}
	}
	all := map[string]json.RawMessage{}
	for _, raw := range []json.RawMessage{c.Metadata, one.Values.Metadata} {
		var some map[string]json.RawMessage
		if len(raw) > 0 && json.Unmarshal(raw, &some) == nil {
			maps.Copy(all, some)
		}
	}
	for _, gone := range one.Values.Removed {
		delete(all, gone)
	}
	var err error
	c.Metadata, err = json.Marshal(all)
	return &c, err
}

// supposedOrder is the order as it would be if the draft was placed.
func (s Rules) supposedOrder(ctx context.Context, project uuid.UUID, d order.Draft) (*order.Order, error) {
	p := rows.OrderFindParams{ProjectID: project, Ids: []uuid.UUID{}, SourceIds: []string{}}
	if d.ID != nil {
		one, ok := id.Order.Parse(*d.ID)
		if !ok {
			return nil, fault.Missing("order", *d.ID)
		}
		p.Ids = append(p.Ids, one)
	} else if d.SourceID != nil {
		p.SourceIds = append(p.SourceIds, *d.SourceID)
	}
	found, err := q.OrderFind(ctx, s.Pool, p)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		if d.ID != nil {
			return nil, fault.Missing("order", *d.ID)
		}
		o, err := d.New()
		return &o, err
	}
	o, err := d.Over(order.Order(found[0]))
	return &o, err
}
