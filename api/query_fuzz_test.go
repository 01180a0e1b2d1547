package api_test

import (
	"math"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/internal/pgtest"
)

// FuzzQuery holds that no query and no path makes a list fail in any other way than by saying what is wrong.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"limit=5&page=2", "created_at[after]=2020-01-01", "name=%00", "starting_after=9999-12-31T23:59:59Z&order=created_at", "%zz=1;2",
		"filters[code][conditions][$in][0]=A&filters[code][conditions][$in][1]=B&filters[junction]=OR", "filters[metadata.a]][conditions][$contains]=%25",
		"filters[created_at][conditions][$after]=9999-12-31T23:59:59.999Z&filters[active][conditions][$enabled]=", "filters[result][conditions][$is_unknown]=",
		"filters[status][conditions][$is_not]=PAID&order=-updated_at&page=99", "filters[voucher_code][conditions][$is]=?&filters[type][conditions][$in]=BULK",
		"filters[redemption.quantity][conditions][$more_than]=1e999&voucher_type=loyalty", "filters[amount][conditions][$less_than]=-0x1p-2",
	} {
		f.Add(seed, "a b/@x")
	}
	d := doorOn(f, pgtest.New(f), api.Options{Rate: math.MaxInt})
	f.Fuzz(func(t *testing.T, query, key string) {
		query = strings.Map(func(r rune) rune {
			if r <= ' ' || r >= 0x7f {
				return -1
			}
			return r
		}, query)
		query = strings.ReplaceAll(query, "#", "")
		for _, noun := range []string{
			"customers", "segments", "async-actions", "campaigns", "vouchers", "redemptions", "orders", "publications", "rewards", "promotions/tiers",
		} {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/"+noun+"?"+query, nil)
			r.Header.Set("X-App-Id", d.appID)
			r.Header.Set("X-App-Token", d.token)
			d.handler.ServeHTTP(w, r)
			require.Contains(t, []int{200, 400, 404}, w.Code, w.Body.String())
		}
		if key != "" {
			require.Contains(t, []int{200, 404, 405}, d.request(t, "GET", "/v1/customers/"+url.PathEscape(key), nil).Code)
		}
	})
}

// FuzzBody holds that no body makes saving a customer fail in any other way than by saying what is wrong.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"source_id":"ada","name":"Ada","metadata":{"a":[1,2.5e3,{"b":null}]},"address":{"city":"X"},"birthdate":"1990-12-31"}`,
		`{"email":"a@b.c","metadata":{"a":1e999}}`, `{"name":"\u0000"}`, `[[[[`, "{\"name\":\"\xff\"}", `{"metadata":{"a":-0.0E-99}}`,
	} {
		f.Add(seed)
	}
	d := openDoor(f)
	f.Fuzz(func(t *testing.T, body string) {
		w := d.request(t, "POST", "/v1/customers", body)
		require.Contains(t, []int{200, 400, 404, 409}, w.Code, w.Body.String())
	})
}
