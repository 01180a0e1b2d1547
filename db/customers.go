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
)

// Customers is the store of customers. Whatever changes customers holds them against the project's segments in the same
// transaction.
type Customers struct{ Pool *pgxpool.Pool }

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

// Delete removes a customer with what hangs on it. It is refused while a distribution under way is for them alone.
func (s Customers) Delete(ctx context.Context, project uuid.UUID, key string) error {
	found, err := s.Get(ctx, project, key)
	if err != nil {
		return err
	}
	if err := unused(ctx, s.Pool, project, found.ID, "customer"); err != nil {
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
