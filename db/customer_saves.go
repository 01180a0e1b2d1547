package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/occurrence"
)

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

// key is how the call names the customer.
func (one Saving) key() string {
	if one.ID != nil {
		return id.Customer.Format(*one.ID)
	}
	return or(one.SourceID, "")
}

// about names the customer, and a source id that the customer is to have.
func (one Saving) about() (names []string) {
	if one.ID != nil {
		names = append(names, "customer "+id.Customer.Format(*one.ID))
	}
	if one.SourceID != nil {
		names = append(names, "customer "+*one.SourceID)
	}
	return names
}

// CustomerSaves saves what callers say of customers.
type CustomerSaves struct {
	customers Customers
	saved     group[Saving, customer.Customer]
}

// NewCustomerSaves saves by that pool. Customers who are saved at the same time share transactions.
func NewCustomerSaves(pool *pgxpool.Pool) *CustomerSaves {
	s := &CustomerSaves{customers: Customers{Pool: pool}}
	s.saved.run, s.saved.about = s.save, Saving.about
	return s
}

// Save updates the customer with that id or source id. Where there is none with the source id, or neither is given, it makes
// one; an id that we did not give is fault.NotFound.
func (s *CustomerSaves) Save(ctx context.Context, project uuid.UUID, one Saving) (customer.Customer, error) {
	return s.saved.do(ctx, project, one)
}

// Update changes the customer that key (an id or a source id) names.
func (s *CustomerSaves) Update(ctx context.Context, project uuid.UUID, key string, v customer.Values) (customer.Customer, error) {
	found, err := s.customers.Get(ctx, project, key)
	if err != nil {
		return customer.Customer{}, err
	}
	return s.Save(ctx, project, Saving{ID: &found.ID, Values: v})
}

func (s *CustomerSaves) save(ctx context.Context, project uuid.UUID, asks []asked[Saving]) (saved []customer.Customer, err error) {
	err = inChange(ctx, s.customers.Pool, project, func(c *change) (err error) {
		if saved, err = c.meet(ctx, each(asks, func(a asked[Saving]) Saving { return a.ask })); err != nil {
			return err
		}
		c.sources = make(map[uuid.UUID]occurrence.Source, len(asks))
		for i, a := range asks {
			if _, taken := c.sources[saved[i].ID]; taken {
				return errApart
			}
			c.sources[saved[i].ID] = a.source
		}
		return carryOutFor(c, asks, saved)
	})
	return saved, err
}
