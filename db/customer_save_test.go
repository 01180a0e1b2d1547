package db_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/fault"
)

// happenings are the types of what happened to a customer, in order.
func (p people) happenings(t testing.TB, one uuid.UUID) []string {
	t.Helper()
	types := []string{}
	require.NoError(t, p.pool.QueryRow(t.Context(),
		"SELECT coalesce(array_agg(type ORDER BY id), '{}') FROM occurrences WHERE customer_id = $1", one).Scan(&types))
	return types
}

func TestSavingACustomerIsToldWhereSomethingChanged(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada := p.save(t, "ada", `{"name":"Ada","address":{"city":"London"},"metadata":{"a":{"b":1}}}`)
	require.Equal(t, []string{"customer.created"}, p.happenings(t, ada.ID))

	again := p.save(t, "ada", `{"name":"Ada","address":{"city":"London","state":null},"metadata":{"a":{"b":1},"gone":null},"email":null}`)
	require.Equal(t, ada, again, "the same again changes nothing, not even the time of the last change")
	require.Equal(t, []string{"customer.created"}, p.happenings(t, ada.ID))

	changed := p.save(t, "ada", `{"metadata":{"a":{"b":2}}}`)
	require.NotNil(t, changed.UpdatedAt)
	require.Equal(t, []string{"customer.created", "customer.updated"}, p.happenings(t, ada.ID))

	name := "Ada"
	_, err := p.customers.Save(t.Context(), p.project, db.Saving{ID: &ada.ID, Values: customer.Values{Name: &name}})
	require.NoError(t, err)
	require.Len(t, p.happenings(t, ada.ID), 2)
	source := "other"
	_, err = p.customers.Save(t.Context(), p.project, db.Saving{ID: &ada.ID, SourceID: &source})
	require.True(t, fault.Is(err, fault.InvalidPayload), "%v", err)
	require.Len(t, p.happenings(t, ada.ID), 2, "a call that fails tells nothing")
}

func TestWhoIsOnlyNamedStaysAsTheyAre(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	source, name := "ada", "Ada"
	made, err := p.customers.Choose(t.Context(), p.project, db.Saving{SourceID: &source})
	require.NoError(t, err)
	again, err := p.customers.Choose(t.Context(), p.project, db.Saving{SourceID: &source})
	require.NoError(t, err)
	require.Equal(t, made, again)
	require.Equal(t, []string{"customer.created"}, p.happenings(t, made.ID))

	other := "whatever"
	byID, err := p.customers.Choose(t.Context(), p.project, db.Saving{ID: &made.ID, SourceID: &other})
	require.NoError(t, err, "an id says enough, whatever source id stands beside it")
	require.Equal(t, made.ID, byID.ID)
	named, err := p.customers.Choose(t.Context(), p.project, db.Saving{SourceID: &source, Values: customer.Values{Name: &name}})
	require.NoError(t, err)
	require.Equal(t, "Ada", *named.Name)
	require.Equal(t, []string{"customer.created", "customer.updated"}, p.happenings(t, made.ID))

	nobody := uuid.New()
	_, err = p.customers.Choose(t.Context(), p.project, db.Saving{ID: &nobody})
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}
