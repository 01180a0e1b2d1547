package db_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/fault"
)

func TestConsentsAreToldWhereTheyChanged(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	store := db.Consents{Pool: p.pool}
	ada := p.save(t, "ada", `{}`)
	made := map[string]uuid.UUID{}
	for _, name := range []string{"News", "Offers", "Calls"} {
		consent, err := store.Create(t.Context(), p.project, name, nil, nil)
		require.NoError(t, err)
		made[name] = consent.ID
	}
	yes := true
	give := func(want map[string]bool, unsubscribed *bool) {
		said := db.ConsentChange{Given: map[uuid.UUID]bool{}, Unsubscribed: unsubscribed}
		for name, given := range want {
			said.Given[made[name]] = given
		}
		require.NoError(t, store.Give(t.Context(), p.project, ada.ID, said))
	}
	told := func() (all [][]string) {
		found, err := p.pool.Query(t.Context(), "SELECT type, data FROM occurrences WHERE type LIKE '%consents%' ORDER BY id")
		require.NoError(t, err)
		defer found.Close()
		for found.Next() {
			var kind string
			var raw json.RawMessage
			require.NoError(t, found.Scan(&kind, &raw))
			var data struct {
				Consents []struct{ ID, Name, Object string }
			}
			require.NoError(t, json.Unmarshal(raw, &data))
			entry := []string{kind}
			for _, c := range data.Consents {
				require.Regexp(t, "^cnst_[0-9a-f]{32}$", c.ID)
				require.Equal(t, "consent", c.Object)
				entry = append(entry, c.Name)
			}
			all = append(all, entry)
		}
		return all
	}

	give(map[string]bool{"Calls": false}, nil)
	require.Empty(t, told(), "a no to what was never given revokes nothing")
	give(map[string]bool{"News": true, "Offers": true, "Calls": false}, nil)
	give(map[string]bool{"News": true, "Offers": true}, nil)
	want := [][]string{{"customer.consents.given", "News", "Offers"}}
	require.Equal(t, want, told(), "the same again changes nothing")
	give(map[string]bool{"News": false, "Calls": true}, nil)
	want = append(want, []string{"customer.consents.given", "Calls"}, []string{"customer.consents.revoked", "News"})
	require.Equal(t, want, told())
	give(map[string]bool{"Calls": true}, &yes)
	want = append(want, []string{"customer.consents.revoked", "Offers"})
	require.Equal(t, want, told(), "whoever unsubscribes but for one consent keeps that one")
	give(nil, &yes)
	want = append(want, []string{"customer.consents.revoked", "Calls"})
	require.Equal(t, want, told())
	give(nil, &yes)
	require.Equal(t, want, told())

	stranger := db.ConsentChange{Given: map[uuid.UUID]bool{made["News"]: true, uuid.New(): true}}
	require.True(t, fault.Is(store.Give(t.Context(), p.project, ada.ID, stranger), fault.NotFound))
	require.True(t, fault.Is(store.Give(t.Context(), p.project, uuid.New(), db.ConsentChange{Unsubscribed: &yes}), fault.NotFound))
	require.Equal(t, want, told(), "a call that fails changes nothing")
}
