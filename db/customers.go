package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// Customers is the store of customers. Whatever changes customers holds them against the project's segments in the same
// transaction.
type Customers struct{ Pool *pgxpool.Pool }

// Saving is a customer as a caller sends one: an id where we gave one, a source id where the caller has one.
type Saving struct {
	ID       *uuid.UUID
	SourceID *string
	Values   customer.Values
}

// names reports whether it only says whom is meant.
func (one Saving) names() bool {
	v := one.Values
	return v.Name == nil && v.Description == nil && v.Email == nil && v.Phone == nil && v.Birthdate == nil && v.Address == nil &&
		v.Metadata == nil && v.Removed == nil && v.Cleared == nil
}

// Save updates the customer with that id or source id. Where there is none with the source id, or neither is given, it makes
// one; an id that we did not give is fault.NotFound.
func (s Customers) Save(ctx context.Context, project uuid.UUID, one Saving) (saved customer.Customer, err error) {
	err = inChange(ctx, s.Pool, project, func(c *change) (err error) {
		saved, err = c.save(ctx, one)
		return err
	})
	return saved, err
}

// Choose is the customer that a call names; see change.customer.
func (s Customers) Choose(ctx context.Context, project uuid.UUID, one Saving) (chosen customer.Customer, err error) {
	err = inChange(ctx, s.Pool, project, func(c *change) (err error) {
		chosen, err = c.customer(ctx, one)
		return err
	})
	return chosen, err
}

// Update changes the customer that key (an id or a source id) names.
func (s Customers) Update(ctx context.Context, project uuid.UUID, key string, v customer.Values) (saved customer.Customer, err error) {
	found, err := s.Get(ctx, project, key)
	if err != nil {
		return customer.Customer{}, err
	}
	return s.Save(ctx, project, Saving{ID: &found.ID, Values: v})
}

// customer is the customer that a call names, held until the change ends: an order's, a redemption's, whoever's. Who is only
// named stays as they are; what the call says of them is saved. A new source id makes a customer, an unknown id is
// fault.NotFound.
func (c *change) customer(ctx context.Context, one Saving) (customer.Customer, error) {
	if !one.names() {
		return c.save(ctx, one)
	}
	found, err := c.hold(ctx, one)
	if one.ID == nil && fault.Is(err, fault.NotFound) {
		return c.save(ctx, one)
	}
	return found, err
}

// hold locks and reads the customer with the id or, where none is given, with the source id.
func (c *change) hold(ctx context.Context, one Saving) (customer.Customer, error) {
	row, err := q.CustomerHold(ctx, c.tx, rows.CustomerHoldParams{ProjectID: c.project, ID: one.ID, SourceID: one.SourceID})
	if missing(err) {
		return customer.Customer{}, fault.Missing("customer", one.key())
	}
	return customer.Customer(row), err
}

// key is how the call names the customer.
func (one Saving) key() string {
	if one.ID != nil {
		return id.Customer.Format(*one.ID)
	}
	return or(one.SourceID, "")
}

// save makes or updates the customer as Customers.Save says, and tells of it; who stays as they were is not told of.
func (c *change) save(ctx context.Context, one Saving) (customer.Customer, error) {
	saved, kind, err := c.write(ctx, one)
	if err == nil && kind != "" {
		c.happened(occurrence.Occurrence{Type: kind, Customer: saved.ID})
	}
	return saved, err
}

// write saves the customer, touches what changed, and says what that is an occurrence of; of nothing, where nothing changed.
func (c *change) write(ctx context.Context, one Saving) (customer.Customer, occurrence.Type, error) {
	var row rows.Customer
	var err error
	kind, v := occurrence.CustomerUpdated, one.Values
	if one.ID != nil {
		row, err = q.CustomerUpdate(ctx, c.tx, rows.CustomerUpdateParams{
			ProjectID: c.project, ID: *one.ID, SourceID: one.SourceID, Name: v.Name, Description: v.Description, Email: v.Email,
			Phone: v.Phone, Birthdate: v.Birthdate, Address: v.Address, Metadata: v.Metadata, Cleared: list(v.Cleared), Removed: list(v.Removed),
		})
	} else {
		fresh := id.New()
		row, err = q.CustomerUpsert(ctx, c.tx, rows.CustomerUpsertParams{
			ID: fresh, ProjectID: c.project, SourceID: one.SourceID, Name: v.Name, Description: v.Description, Email: v.Email,
			Phone: v.Phone, Birthdate: v.Birthdate, Address: v.Address, Metadata: v.Metadata, Cleared: list(v.Cleared), Removed: list(v.Removed),
		})
		if row.ID == fresh {
			kind = occurrence.CustomerCreated
		}
	}
	saved := customer.Customer(row)
	switch {
	case missing(err):
		kind = ""
		if saved, err = c.hold(ctx, one); err != nil {
			return saved, kind, err
		}
	case violates(err, "customers_source_id_key"):
		return customer.Customer{}, "", &fault.Error{
			Code: fault.Duplicate, Property: "source_id", ResourceID: *one.SourceID, ResourceType: "customer",
			Details: "Duplicated customer exists with source_id " + *one.SourceID,
		}
	case err != nil:
		return customer.Customer{}, "", err
	}
	if one.SourceID != nil && *saved.SourceID != *one.SourceID {
		return customer.Customer{}, "", fault.Property("source_id", "Property .source_id cannot be changed; it is %q", *saved.SourceID)
	}
	switch kind {
	case occurrence.CustomerCreated:
		c.touch(saved.ID, segment.AllFacets) // to have done nothing yet is a fact too
	case occurrence.CustomerUpdated:
		c.touch(saved.ID, segment.Attributes)
	}
	return saved, kind, nil
}

// list is never null, because nothing = ANY (NULL).
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// Get finds a customer by id or source id.
func (s Customers) Get(ctx context.Context, project uuid.UUID, key string) (customer.Customer, error) {
	if one, ok := id.Customer.Parse(key); ok {
		row, err := q.CustomerGet(ctx, s.Pool, rows.CustomerGetParams{ProjectID: project, ID: one})
		if !missing(err) {
			return customer.Customer(row), err
		}
	}
	row, err := q.CustomerGetBySource(ctx, s.Pool, rows.CustomerGetBySourceParams{ProjectID: project, SourceID: key})
	if missing(err) {
		return customer.Customer{}, fault.Missing("customer", key)
	}
	return customer.Customer(row), err
}

// Delete removes a customer with what hangs on it.
func (s Customers) Delete(ctx context.Context, project uuid.UUID, key string) error {
	found, err := s.Get(ctx, project, key)
	if err != nil {
		return err
	}
	n, err := q.CustomerDelete(ctx, s.Pool, rows.CustomerDeleteParams{ProjectID: project, ID: found.ID})
	if err == nil && n == 0 {
		return fault.Missing("customer", key)
	}
	return err
}

// Resolve finds the customers that keys (ids or source ids) name, in their order; nil where there is none.
func (s Customers) Resolve(ctx context.Context, project uuid.UUID, keys []string) ([]*uuid.UUID, error) {
	ids := make([]uuid.UUID, len(keys))
	for i, key := range keys {
		ids[i], _ = id.Customer.Parse(key) // the zero id is nobody's
	}
	found, err := q.CustomerResolve(ctx, s.Pool, rows.CustomerResolveParams{Keys: keys, ProjectID: project, Ids: ids})
	if err != nil {
		return nil, err
	}
	resolved := make([]*uuid.UUID, len(keys))
	for _, row := range found {
		resolved[row.Ord-1] = &row.ID
	}
	return resolved, nil
}

// CustomerQuery says which customers a list shows, and how. What is nil does not narrow it.
type CustomerQuery struct {
	Email, City, Name           *string // exactly, without case
	SegmentID                   *uuid.UUID
	CreatedAfter, CreatedBefore *time.Time
	UpdatedAfter, UpdatedBefore *time.Time
	StartingAfter               *time.Time // of creation, in whole milliseconds, itself not included
	Order                       string     // created_at, updated_at or source_id; with "-" before it, descending
	Limit, Skip                 int
}

// CustomerPage is one page of a list.
type CustomerPage struct {
	Customers []customer.Customer
	Total     int64 // of the whole list, wherever the page starts
	More      bool
}
