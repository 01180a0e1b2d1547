package db

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// meet is the customers that calls name, in their order, held until the change ends: an order's, a redemption's, whoever's.
// Who is only named stays as they are; what the calls say of them is saved. A new source id makes a customer, an unknown id is
// fault.NotFound. Those who are made and those whom it changed are told of. However many they are, it takes one statement, and
// one more where anything is said of them.
func (c *change) meet(ctx context.Context, all []Saving) ([]customer.Customer, error) {
	return c.meetAnd(ctx, all, c.happened)
}

// meetQuietly is meet for imports and updates in bulk, which tell of nobody.
func (c *change) meetQuietly(ctx context.Context, all []Saving) ([]customer.Customer, error) {
	return c.meetAnd(ctx, all, func(occurrence.Occurrence) {})
}

// customer is meet for one.
func (c *change) customer(ctx context.Context, one Saving) (customer.Customer, error) {
	met, err := c.meet(ctx, []Saving{one})
	if err != nil {
		return customer.Customer{}, err
	}
	return met[0], nil
}

// hold is the customer with the id or, where none is given, with the source id, held until the change ends. Unlike meet it
// makes nobody.
func (c *change) hold(ctx context.Context, one Saving) (customer.Customer, error) {
	row, err := q.CustomerHold(ctx, c.tx, rows.CustomerHoldParams{ProjectID: c.project, ID: one.ID, SourceID: one.SourceID})
	if missing(err) {
		return customer.Customer{}, fault.Missing("customer", one.key())
	}
	return customer.Customer(row), err
}

func (c *change) meetAnd(ctx context.Context, all []Saving, tell func(occurrence.Occurrence)) ([]customer.Customer, error) {
	met, fresh, err := c.lockOrMake(ctx, all)
	if err != nil {
		return nil, err
	}
	order, told := inOrder(all), map[uuid.UUID]bool{}
	for _, i := range order {
		if one := met[i].ID; fresh[one] && !told[one] {
			told[one] = true
			c.touch(one, segment.AllFacets) // to have done nothing yet is a fact too
			tell(occurrence.Occurrence{Type: occurrence.CustomerCreated, Customer: one})
		}
	}
	// A statement can change a customer only once, so whoever is spoken of twice is changed by the next.
	for said := saidOf(all, met, order); len(said) > 0; {
		var next, now []int
		seen := map[uuid.UUID]bool{}
		for _, i := range said {
			if seen[met[i].ID] {
				next = append(next, i)
				continue
			}
			seen[met[i].ID] = true
			now = append(now, i)
		}
		changed, err := c.say(ctx, all, met, now, fresh)
		if err != nil {
			return nil, err
		}
		for i, one := range met {
			if known, ok := changed[one.ID]; ok {
				met[i] = known
			}
		}
		for _, i := range now {
			one := met[i].ID
			if _, ok := changed[one]; ok && !fresh[one] {
				c.touch(one, segment.Attributes)
				tell(occurrence.Occurrence{Type: occurrence.CustomerUpdated, Customer: one})
			}
		}
		said = next
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

// saidOf is the places, of those, where more is said of a customer than who they are.
func saidOf(all []Saving, met []customer.Customer, places []int) (said []int) {
	for _, i := range places {
		if one := all[i]; !one.names() || one.ID != nil && one.SourceID != nil && or(met[i].SourceID, "") != *one.SourceID {
			said = append(said, i)
		}
	}
	return said
}

// lockOrMake locks the customers that are there and makes the others, with no more than a source id; fresh are those.
func (c *change) lockOrMake(ctx context.Context, all []Saving) (met []customer.Customer, fresh map[uuid.UUID]bool, err error) {
	if len(all) == 0 {
		return nil, nil, nil
	}
	ids, sourceIDs, newIDs := []uuid.UUID{}, []string{}, []uuid.UUID{}
	sources, nameless, fresh := map[string]bool{}, map[int]uuid.UUID{}, map[uuid.UUID]bool{}
	for _, i := range inOrder(all) {
		switch one := all[i]; {
		case one.ID != nil:
			ids = append(ids, *one.ID)
		case one.SourceID == nil:
			nameless[i] = id.New()
			sourceIDs, newIDs = append(sourceIDs, ""), append(newIDs, nameless[i])
		case !sources[*one.SourceID]:
			sources[*one.SourceID] = true
			sourceIDs, newIDs = append(sourceIDs, *one.SourceID), append(newIDs, id.New())
		}
	}
	for _, one := range newIDs {
		fresh[one] = true
	}
	found, err := c.people(ctx, "SELECT * FROM meet_customers($1, $2, $3, $4)", c.project, ids, sourceIDs, newIDs)
	if err != nil {
		return nil, nil, err
	}
	byID, bySource := map[uuid.UUID]customer.Customer{}, map[string]customer.Customer{}
	for _, one := range found {
		byID[one.ID] = one
		if one.SourceID != nil {
			bySource[*one.SourceID] = one
		}
	}
	met = make([]customer.Customer, len(all))
	for i, one := range all {
		var ok bool
		switch {
		case one.ID != nil:
			if met[i], ok = byID[*one.ID]; !ok {
				return nil, nil, fault.Missing("customer", one.key())
			}
		case one.SourceID == nil:
			met[i] = byID[nameless[i]]
		default:
			if met[i], ok = bySource[*one.SourceID]; !ok {
				return nil, nil, errAgain // another transaction made the customer, who is found by the next run
			}
		}
	}
	return met, fresh, nil
}

// people reads customers.
func (c *change) people(ctx context.Context, statement string, args ...any) ([]customer.Customer, error) {
	found, err := c.tx.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(row pgx.CollectableRow) (customer.Customer, error) {
		one, err := pgx.RowToStructByPos[rows.Customer](row)
		return customer.Customer(one), err
	})
}

// saying is what is said of one customer, as say_of_customers reads it.
type saying struct {
	ID          uuid.UUID       `json:"id"`
	Fresh       bool            `json:"fresh"`
	SourceID    *string         `json:"source_id"`
	Name        *string         `json:"name"`
	Description *string         `json:"description"`
	Email       *string         `json:"email"`
	Phone       *string         `json:"phone"`
	Birthdate   *string         `json:"birthdate"`
	Address     json.RawMessage `json:"address,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Cleared     []string        `json:"cleared"`
	Removed     []string        `json:"removed"`
}

// say saves what the savings at those places say of the customers whom the change holds, and returns those it changed.
func (c *change) say(
	ctx context.Context, all []Saving, met []customer.Customer, places []int, fresh map[uuid.UUID]bool,
) (map[uuid.UUID]customer.Customer, error) {
	said := make([]saying, len(places))
	var claims *string
	for n, i := range places {
		one, v := all[i], all[i].Values
		if known := met[i].SourceID; known != nil && one.SourceID != nil && *known != *one.SourceID {
			return nil, fault.Property("source_id", "Property .source_id cannot be changed; it is %q", *known)
		} else if known == nil && one.SourceID != nil {
			claims = one.SourceID
		}
		said[n] = saying{
			ID: met[i].ID, Fresh: fresh[met[i].ID], SourceID: one.SourceID, Name: v.Name, Description: v.Description, Email: v.Email,
			Phone: v.Phone, Address: v.Address, Metadata: v.Metadata, Cleared: v.Cleared, Removed: v.Removed,
		}
		if v.Birthdate != nil {
			born := v.Birthdate.Format(time.DateOnly)
			said[n].Birthdate = &born
		}
	}
	raw, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	changed, err := c.people(ctx, "SELECT * FROM say_of_customers($1, $2)", c.project, raw)
	if violates(err, "customers_source_id_key") {
		return nil, &fault.Error{
			Code: fault.Duplicate, Property: "source_id", ResourceID: or(claims, ""), ResourceType: "customer",
			Details: "Duplicated customer exists with source_id " + or(claims, ""),
		}
	}
	byID := make(map[uuid.UUID]customer.Customer, len(changed))
	for _, one := range changed {
		byID[one.ID] = one
	}
	return byID, err
}
