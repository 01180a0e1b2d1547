package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestACustomEventIsToldAndCounted(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	body := object{"event": "cart_abandoned", "customer": object{"source_id": "ada", "name": "Ada"}, "metadata": object{"number": 1}}
	answer := d.call(t, 200, "POST", "/v1/events", body)
	ada := d.call(t, 200, "GET", "/v1/customers/ada", nil)["id"]
	require.Equal(t, object{
		"object": "event", "type": "cart_abandoned", "referral": nil, "loyalty": nil, "metadata": object{"number": 1.0},
		"customer": object{"id": ada, "name": "Ada", "source_id": "ada", "metadata": object{}, "object": "customer"},
	}, answer)
	types, _ := d.happened(t, "ada")
	require.Equal(t, []string{"customer.created", "customer.custom_event"}, types)

	d.call(t, 200, "POST", "/v1/events", object{"event": "cart_abandoned", "customer": ada})
	d.call(t, 200, "POST", "/v1/events", object{"event": "other", "customer": "ada"})
	var counts object
	require.NoError(t, d.pool.QueryRow(t.Context(), "SELECT jsonb_object_agg(name, count) FROM customer_events").Scan(&counts))
	require.Equal(t, object{"cart_abandoned": 2.0, "other": 1.0}, counts)
	var named, waiting int
	require.NoError(t, d.pool.QueryRow(t.Context(),
		"SELECT count(*) FILTER (WHERE name = 'cart_abandoned'), count(*) FILTER (WHERE waiting) FROM occurrences").Scan(&named, &waiting))
	require.Equal(t, []int{2, 3}, []int{named, waiting}, "distributions find events by their names")
}

func TestBadEventsAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/vouchers/PLAIN", object{"type": "GIFT_VOUCHER", "gift": object{"amount": 100}})
	for body, property := range map[string]string{
		`{"customer": "ada"}`:                                                 "event",
		`{"event": " ", "customer": "ada"}`:                                   "event",
		`{"event": "` + strings.Repeat("é", 301) + `", "customer": "ada"}`:    "event",
		`{"event": 5, "customer": "ada"}`:                                     "event",
		`{"event": "e"}`:                                                      "customer",
		`{"event": "e", "customer": {"name": "Ada"}}`:                         "customer",
		`{"event": "e", "customer": "ada", "metadata": []}`:                   "metadata",
		`{"event": "e", "customer": "ada", "loyalty": {}}`:                    "loyalty.code",
		`{"event": "e", "customer": "ada", "referral": {"referrer_id": "x"}}`: "referral.code",
		`{"event": "e", "customer": "ada", "referral": {"code": "PLAIN"}}`:    "referral.code",
		`{"event": "e", "customer": "ada", "loyalty": {"code": "PLAIN"}}`:     "loyalty.code",
		`{"event": "e", "customer": "ada", "colour": "red"}`:                  "colour",
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/events", body)["property"], body)
	}
	d.call(t, 404, "POST", "/v1/events", `{"event": "e", "customer": "ada", "loyalty": {"code": "NONE"}}`)
	d.call(t, 404, "POST", "/v1/events", `{"event": "e", "customer": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"}`)
	d.call(t, 404, "GET", "/v1/customers/ada", nil)
}

func TestEventsAtTheSameTimeAreAllCounted(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	var calls errgroup.Group
	for i := range 200 {
		body, status := object{"event": "e", "customer": fmt.Sprint("c-", i%20)}, 200
		if i%40 == 39 {
			body, status = object{"event": "e", "customer": "x", "loyalty": object{"code": "NONE"}}, 404
		}
		calls.Go(func() error {
			if w := d.request(t, "POST", "/v1/events", body); w.Code != status {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		})
	}
	require.NoError(t, calls.Wait())
	var people, counted, told, groups int
	require.NoError(t, d.pool.QueryRow(t.Context(), "SELECT count(*), sum(count) FROM customer_events").Scan(&people, &counted))
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT group_id) FROM occurrences
		WHERE type = 'customer.custom_event'`).Scan(&told, &groups))
	require.Equal(t, []int{20, 195, 195, 195}, []int{people, counted, told, groups})
}
