package db

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/customer"
)

// List is a page of the project's customers. Where the page starts after an instant, it also shows every further customer of
// its last one's millisecond, so that whoever goes on from there misses nobody.
func (s Customers) List(ctx context.Context, project uuid.UUID, want CustomerQuery) (CustomerPage, error) {
	count := &statement{}
	count.add("SELECT count(*)")
	want.narrow(count, project)
	var page CustomerPage
	if err := s.Pool.QueryRow(ctx, count.String(), count.args...).Scan(&page.Total); err != nil {
		return CustomerPage{}, err
	}

	list := &statement{}
	list.add("SELECT c.*")
	want.narrow(list, project)
	want.start(list)
	want.sort(list)
	list.add(" LIMIT %s OFFSET %s", want.Limit+1, want.Skip)
	found, err := s.customers(ctx, list)
	if err != nil {
		return CustomerPage{}, err
	}
	page.More = len(found) > want.Limit
	page.Customers = found[:min(want.Limit, len(found))]
	if !page.More || want.StartingAfter == nil {
		return page, nil
	}
	last, next := page.Customers[want.Limit-1], found[want.Limit]
	if !next.CreatedAt.Truncate(time.Millisecond).Equal(last.CreatedAt.Truncate(time.Millisecond)) {
		return page, nil
	}
	tied, err := s.tied(ctx, project, want, last)
	page.Customers = append(page.Customers, tied...)
	return page, err
}

// tied is the customers that follow last in the list and were made in the same millisecond.
func (s Customers) tied(ctx context.Context, project uuid.UUID, want CustomerQuery, last customer.Customer) ([]customer.Customer, error) {
	instant := last.CreatedAt.Truncate(time.Millisecond)
	direction := ">"
	if strings.HasPrefix(want.Order, "-") {
		direction = "<"
	}
	list := &statement{}
	list.add("SELECT c.*")
	want.narrow(list, project)
	list.add(" AND c.created_at >= %s AND c.created_at < %s", instant, instant.Add(time.Millisecond))
	list.add(" AND (c.created_at, c.id) "+direction+" (%s, %s)", last.CreatedAt, last.ID)
	want.sort(list)
	return s.customers(ctx, list)
}

func (s Customers) customers(ctx context.Context, list *statement) ([]customer.Customer, error) {
	found, err := s.Pool.Query(ctx, list.String(), list.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(row pgx.CollectableRow) (customer.Customer, error) {
		r, err := pgx.RowToStructByPos[rows.Customer](row)
		return customer.Customer(r), err
	})
}

// narrow appends which customers belong to the list.
func (want CustomerQuery) narrow(s *statement, project uuid.UUID) {
	s.add(" FROM customers c WHERE c.project_id = %s", project)
	if want.SegmentID != nil {
		s.add(" AND EXISTS (SELECT FROM segment_members m WHERE m.segment_id = %s AND m.customer_id = c.id)", *want.SegmentID)
	}
	for _, text := range []struct {
		column string
		is     *string
	}{{"c.email", want.Email}, {"c.name", want.Name}, {"c.address->>'city'", want.City}} {
		if text.is != nil {
			s.add(" AND lower("+text.column+") = lower(%s)", *text.is)
		}
	}
	for _, bound := range []struct {
		test string
		at   *time.Time
	}{
		{"c.created_at >", want.CreatedAfter}, {"c.created_at <", want.CreatedBefore},
		{"c.updated_at >", want.UpdatedAfter}, {"c.updated_at <", want.UpdatedBefore},
	} {
		if bound.at != nil {
			s.add(" AND "+bound.test+" %s", *bound.at)
		}
	}
}

// start appends where the page starts, for a list in the order of creation.
func (want CustomerQuery) start(s *statement) {
	switch {
	case want.StartingAfter == nil:
	case strings.HasPrefix(want.Order, "-"):
		s.add(" AND c.created_at < %s", want.StartingAfter.Truncate(time.Millisecond))
	default:
		s.add(" AND c.created_at >= %s", want.StartingAfter.Truncate(time.Millisecond).Add(time.Millisecond))
	}
}

// sort appends the order; equals stand in the order of their ids, so that pages never overlap.
func (want CustomerQuery) sort(s *statement) {
	column, descending := strings.CutPrefix(want.Order, "-")
	direction := ""
	if descending {
		direction = " DESC"
	}
	by := map[string]string{"created_at": "c.created_at", "updated_at": "coalesce(c.updated_at, c.created_at)", "source_id": "c.source_id"}[column]
	s.add(" ORDER BY " + by + direction + ", c.id" + direction)
}
