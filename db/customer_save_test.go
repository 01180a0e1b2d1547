package db_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/occurrence"
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
	_, err := p.saves.Save(t.Context(), p.project, db.Saving{ID: &ada.ID, Values: customer.Values{Name: &name}})
	require.NoError(t, err)
	require.Len(t, p.happenings(t, ada.ID), 2)
	source := "other"
	_, err = p.saves.Save(t.Context(), p.project, db.Saving{ID: &ada.ID, SourceID: &source})
	require.True(t, fault.Is(err, fault.InvalidPayload), "%v", err)
	require.Len(t, p.happenings(t, ada.ID), 2, "a call that fails tells nothing")
}

func TestWhoIsOnlyNamedStaysAsTheyAre(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	source, name := "ada", "Ada"
	made, err := p.saves.Save(t.Context(), p.project, db.Saving{SourceID: &source})
	require.NoError(t, err)
	again, err := p.saves.Save(t.Context(), p.project, db.Saving{SourceID: &source})
	require.NoError(t, err)
	require.Equal(t, made, again)
	require.Equal(t, []string{"customer.created"}, p.happenings(t, made.ID))

	named, err := p.saves.Save(t.Context(), p.project, db.Saving{SourceID: &source, Values: customer.Values{Name: &name}})
	require.NoError(t, err)
	require.Equal(t, "Ada", *named.Name)
	require.Equal(t, []string{"customer.created", "customer.updated"}, p.happenings(t, made.ID))

	nobody := uuid.New()
	_, err = p.saves.Save(t.Context(), p.project, db.Saving{ID: &nobody})
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

// One call may name and describe the same customers several times, by either id.
func TestCustomersAreMetTogether(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada := p.save(t, "ada", `{"name":"Ada"}`)
	values := func(body string) customer.Values {
		var change customer.Change
		require.NoError(t, unmarshal(body, &change))
		v, err := change.Check()
		require.NoError(t, err)
		return v
	}
	key := func(s string) *string { return &s }
	met, err := db.Meet(t.Context(), p.pool, p.project, []db.Saving{
		{SourceID: key("new"), Values: values(`{"name":"New","metadata":{"a":1}}`)},
		{SourceID: key("ada")},
		{SourceID: key("new"), Values: values(`{"metadata":{"a":null,"b":2},"birthdate":"1990-12-31"}`)},
		{ID: &ada.ID, Values: values(`{"name":"Ada"}`)},
		{ID: &ada.ID, Values: values(`{"email":"a@b.c","name":null}`)},
		{Values: values(`{"name":"Nobody knows"}`)},
		{},
	})
	require.NoError(t, err)
	require.Len(t, met, 7)
	require.Equal(t, met[0], met[2])
	require.JSONEq(t, `{"b":2}`, string(met[0].Metadata))
	require.Equal(t, "1990-12-31", met[0].Birthdate.Format("2006-01-02"))
	require.Nil(t, met[0].UpdatedAt, "who is new has not been changed")
	require.Equal(t, []string{"customer.created"}, p.happenings(t, met[0].ID))
	require.Equal(t, ada.ID, met[1].ID)
	require.Nil(t, met[4].Name)
	require.Equal(t, "a@b.c", *met[1].Email)
	require.Equal(t, []string{"customer.created", "customer.updated"}, p.happenings(t, ada.ID))
	require.Equal(t, "Nobody knows", *met[5].Name)
	require.NotEqual(t, met[5].ID, met[6].ID)

	nobody := uuid.New()
	_, err = db.Meet(t.Context(), p.pool, p.project, []db.Saving{{SourceID: key("late")}, {ID: &nobody}})
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = p.customers.Get(t.Context(), p.project, "late")
	require.True(t, fault.Is(err, fault.NotFound), "one who cannot be met keeps the others from being made")
}

// The same new customers at the same time from many sides are made once.
func TestTheSameNewCustomersAtOnce(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for i := range 20 {
				source := strconv.Itoa(i)
				_, err := p.saves.Save(t.Context(), p.project, db.Saving{SourceID: &source, Values: customer.Values{Name: &source}})
				require.NoError(t, err)
			}
		})
	}
	work.Wait()
	var count, told int
	require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM occurrences)").Scan(&count, &told))
	require.Equal(t, []int{20, 20}, []int{count, told})
}

// Saves that share a transaction are each their own caller's: what is told names the caller, one that cannot be carried out fails alone,
// and two that turn out to be about the same customer, who is named by id and by source id, are both carried out.
func TestSavesAtOnceAreEachTheirCallersOwn(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	of := func(caller string) context.Context {
		return occurrence.With(t.Context(), occurrence.Source{Channel: occurrence.ChannelAPI, GroupID: caller})
	}
	key := func(n int) string { return "customer-" + strconv.Itoa(n) }
	save := func(ctx context.Context, one db.Saving, name string) error {
		one.Values.Name = &name
		_, err := p.saves.Save(ctx, p.project, one)
		return err
	}
	known := "known"
	ada, err := p.saves.Save(t.Context(), p.project, db.Saving{SourceID: &known})
	require.NoError(t, err)
	nobody := uuid.New()
	var work sync.WaitGroup
	for n := range 60 {
		work.Go(func() {
			source := key(n)
			require.NoError(t, save(of(source), db.Saving{SourceID: &source}, source))
		})
		if n%10 == 0 {
			work.Go(func() {
				require.True(t, fault.Is(save(t.Context(), db.Saving{ID: &nobody}, "nobody"), fault.NotFound))
			})
			work.Go(func() { require.NoError(t, save(t.Context(), db.Saving{ID: &ada.ID}, "by id "+strconv.Itoa(n))) })
			work.Go(func() {
				require.NoError(t, save(t.Context(), db.Saving{SourceID: &known}, "by source id "+strconv.Itoa(n)))
			})
		}
	}
	work.Wait()
	var own, all int
	require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE o.group_id = c.source_id), count(*) FROM occurrences o
		JOIN customers c ON c.id = o.customer_id WHERE c.source_id LIKE 'customer-%'`).Scan(&own, &all))
	require.Equal(t, []int{60, 60}, []int{own, all})
	require.Len(t, p.happenings(t, ada.ID), 13)
}
