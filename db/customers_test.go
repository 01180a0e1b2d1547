package db_test

import (
	encodinghex "encoding/hex"
	"fmt"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
)

func unmarshal(text string, into any) error { return jsonv2.Unmarshal([]byte(text), into) }

func hex(u uuid.UUID) string { return encodinghex.EncodeToString(u[:]) }

func TestCustomersMergeWhatIsGiven(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	first := p.save(t, "ada", `{"name":"Ada","email":"a@b.c","birthdate":"1990-12-31",
		"address":{"city":"London","state":null,"country":"UK"},"metadata":{"a":1,"b":{"c":null}}}`)
	require.Nil(t, first.UpdatedAt)
	require.JSONEq(t, `{"city":"London","country":"UK"}`, string(first.Address))
	second := p.save(t, "ada", `{"email":null,"address":{"country":null,"line_1":"12 St"},"metadata":{"a":null,"d":[1]}}`)
	require.Equal(t, first.ID, second.ID)
	require.NotNil(t, second.UpdatedAt)
	require.Equal(t, "Ada", *second.Name)
	require.Nil(t, second.Email)
	require.Equal(t, "1990-12-31", second.Birthdate.Format(time.DateOnly))
	require.JSONEq(t, `{"city":"London","line_1":"12 St"}`, string(second.Address))
	require.JSONEq(t, `{"b":{"c":null},"d":[1]}`, string(second.Metadata))
	third := p.save(t, "ada", `{"address":null,"metadata":null,"birthdate":"","name":""}`)
	require.Nil(t, third.Address)
	require.JSONEq(t, `{}`, string(third.Metadata))
	require.Nil(t, third.Birthdate)
	require.Empty(t, *third.Name)
}

// Whoever scrolls by the instants that answers show sees everybody once, even when many were made in the same millisecond.
func TestScrollingMissesNobody(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	_, err := p.pool.Exec(t.Context(), `INSERT INTO customers (project_id, source_id, created_at)
		SELECT $1, n, '2026-01-01Z'::timestamptz + (n / 7) * interval '1 ms' + (n % 3) * interval '1 us' FROM generate_series(1, 100) n`, p.project)
	require.NoError(t, err)
	for _, order := range []string{"created_at", "-created_at"} {
		seen := map[string]bool{}
		after := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
		if order == "-created_at" {
			after = after.AddDate(230, 0, 0)
		}
		for more := true; more; {
			page, err := p.customers.List(t.Context(), p.project, db.CustomerQuery{Order: order, StartingAfter: &after, Limit: 10})
			require.NoError(t, err)
			require.EqualValues(t, 100, page.Total)
			for _, c := range page.Customers {
				require.False(t, seen[*c.SourceID], "%s is seen twice", *c.SourceID)
				seen[*c.SourceID] = true
				after = c.CreatedAt.Truncate(time.Millisecond)
			}
			more = page.More
		}
		require.Len(t, seen, 100, order)
	}
}

func TestListsOfCustomers(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	for i := range 5 {
		p.save(t, fmt.Sprint("c", i), fmt.Sprintf(`{"name":"N%d","email":"n%d@x.y","address":{"city":"Town %d"}}`, i, i, i%2))
	}
	sources := func(want db.CustomerQuery) []string {
		page, err := p.customers.List(t.Context(), p.project, want)
		require.NoError(t, err)
		names := []string{}
		for _, c := range page.Customers {
			names = append(names, *c.SourceID)
		}
		return names
	}
	text := func(s string) *string { return &s }
	require.Equal(t, []string{"c4", "c3"}, sources(db.CustomerQuery{Order: "-created_at", Limit: 2}))
	require.Equal(t, []string{"c2", "c1"}, sources(db.CustomerQuery{Order: "-created_at", Limit: 2, Skip: 2}))
	require.Equal(t, []string{"c0", "c1"}, sources(db.CustomerQuery{Order: "source_id", Limit: 2}))
	require.Equal(t, []string{"c3"}, sources(db.CustomerQuery{Order: "source_id", Limit: 9, Email: text("N3@X.y")}))
	require.Equal(t, []string{"c1", "c3"}, sources(db.CustomerQuery{Order: "source_id", Limit: 9, City: text("town 1")}))
	p.save(t, "c1", `{"name":"Changed"}`)
	require.Equal(t, "c1", sources(db.CustomerQuery{Order: "-updated_at", Limit: 1})[0])
}
