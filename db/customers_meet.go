package db

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// meet is change.customer for many: the customers that calls name, in their order, held until the change ends. Those who are
// only named cost one statement together.
func (c *change) meet(ctx context.Context, all []Saving) ([]customer.Customer, error) {
	return c.meetAnd(ctx, all, c.happened)
}

// meetQuietly is meet for an import, which tells of nobody.
func (c *change) meetQuietly(ctx context.Context, all []Saving) ([]customer.Customer, error) {
	return c.meetAnd(ctx, all, func(occurrence.Occurrence) {})
}

func (c *change) meetAnd(ctx context.Context, all []Saving, tell func(occurrence.Occurrence)) ([]customer.Customer, error) {
	named, err := c.meetNamed(ctx, all)
	if err != nil {
		return nil, err
	}
	met := make([]customer.Customer, len(all))
	for _, i := range inOrder(all) {
		one := all[i]
		if !one.names() {
			saved, kind, err := c.write(ctx, one)
			if err != nil {
				return nil, err
			}
			if kind != "" {
				c.touch(saved.ID, segment.Attributes)
				tell(occurrence.Occurrence{Type: kind, Customer: saved.ID})
			}
			met[i] = saved
			continue
		}
		found, ok := named.of(one)
		switch {
		case !ok && one.ID != nil:
			return nil, fault.Missing("customer", id.Customer.Format(*one.ID))
		case !ok:
			return nil, errAgain // another transaction made the customer, who is found by the next run
		case named.fresh[found.ID]:
			named.fresh[found.ID] = false
			c.touch(found.ID, segment.Attributes)
			tell(occurrence.Occurrence{Type: occurrence.CustomerCreated, Customer: found.ID})
		}
		met[i] = found
	}
	return met, nil
}

// inOrder is the places of the savings in an order that is the same for everybody, so that two changes that save the same
// customers do not wait for each other.
func inOrder(all []Saving) []int {
	places := make([]int, len(all))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return strings.Compare(all[a].key(), all[b].key()) })
	return places
}

// known are the customers that calls only name.
type known struct {
	byID     map[uuid.UUID]customer.Customer
	bySource map[string]customer.Customer
	fresh    map[uuid.UUID]bool // whom the change made
}

func (k known) of(one Saving) (found customer.Customer, ok bool) {
	if one.ID != nil {
		found, ok = k.byID[*one.ID]
		return found, ok
	}
	found, ok = k.bySource[or(one.SourceID, "")]
	return found, ok
}

// meetNamed locks those who are only named, and makes those of unknown source ids.
func (c *change) meetNamed(ctx context.Context, all []Saving) (known, error) {
	k := known{map[uuid.UUID]customer.Customer{}, map[string]customer.Customer{}, map[uuid.UUID]bool{}}
	p := rows.CustomerMeetParams{ProjectID: c.project, Ids: []uuid.UUID{}, SourceIds: []string{}, NewIds: []uuid.UUID{}}
	sources := map[string]bool{}
	for _, i := range inOrder(all) {
		one := all[i]
		switch {
		case !one.names():
		case one.ID != nil:
			p.Ids = append(p.Ids, *one.ID)
		case !sources[*one.SourceID]:
			sources[*one.SourceID] = true
			p.SourceIds, p.NewIds = append(p.SourceIds, *one.SourceID), append(p.NewIds, id.New())
		}
	}
	if len(p.Ids)+len(p.SourceIds) == 0 {
		return k, nil
	}
	for _, fresh := range p.NewIds {
		k.fresh[fresh] = true
	}
	found, err := q.CustomerMeet(ctx, c.tx, p)
	for _, row := range found {
		one := customer.Customer(row)
		k.byID[one.ID] = one
		if one.SourceID != nil {
			k.bySource[*one.SourceID] = one
		}
	}
	return k, err
}
