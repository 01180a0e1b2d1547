package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// pending buys once for each amount in a programme that gives a point for each order and has it wait ten days.
func (d door) pending(t testing.TB, club, customer string, orders int) []object {
	t.Helper()
	for range orders {
		d.call(t, 200, "POST", "/v1/orders", object{"customer": customer, "status": "PAID", "amount": 1000})
	}
	return d.waiting(t, "/v1/loyalties/"+club+"/pending-points?order=id")
}

func (d door) waiting(t testing.TB, path string) (entries []object) {
	t.Helper()
	for _, entry := range d.call(t, 200, "GET", path, nil)["data"].([]any) {
		entries = append(entries, entry.(object))
	}
	return entries
}

func TestPointsWaitUntilTheyCount(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	made := d.request(t, "POST", "/v1/loyalties/"+club+"/earning-rules", []object{{
		"event": "order.paid", "loyalty": object{"type": "FIXED", "points": 40}, "source": object{"banner": "Buy"},
		"pending_points": object{"period_type": "DAY", "period_value": 10}, "expiration_rules": object{"period_type": "MONTH", "period_value": 1},
	}})
	require.Equal(t, 200, made.Code)
	code := d.member(t, club, "ann")
	member := "/v1/loyalties/members/" + code
	entries := d.pending(t, club, "ann", 4)
	require.Len(t, entries, 4)
	first := entries[0]
	require.Equal(t, []any{40.0, day(10), club}, []any{first["points"], first["activates_at"], first["campaign_id"]})
	require.NotNil(t, first["order_id"])
	details := first["details"].(object)
	require.Equal(t, "customer.order.paid", details["event"].(object)["type"])
	require.Equal(t, "Buy", details["earning_rule"].(object)["source"].(object)["banner"])
	card := func() object { return d.call(t, 200, "GET", member, nil)["loyalty_card"].(object) }
	require.Equal(t, object{"points": 0.0, "balance": 0.0, "pending_points": 160.0}, card())
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.pending_points.added"), 4)
	require.Empty(t, d.told(t, "customer.voucher.loyalty_card.points_added"))
	require.Empty(t, d.told(t, "customer.rewarded.loyalty_points"))

	// A page at a time, of the member and of the programme.
	page := d.call(t, 200, "GET", member+"/pending-points?limit=3&order=id", nil)
	require.Equal(t, []any{true, entries[2]["id"]}, []any{page["has_more"], page["more_starting_after"]})
	require.Equal(t, entries[3:], d.waiting(t, "/v1/loyalties/Club/members/"+code+"/pending-points?order=id&starting_after_id="+entries[2]["id"].(string)))
	require.Equal(t, entries[3], d.waiting(t, "/v1/loyalties/Club/pending-points?limit=1")[0])

	at := func(i int) string { return member + "/pending-points/" + entries[i]["id"].(string) }
	require.Equal(t, object{
		"points": -15.0, "total": 145.0, "object": "balance", "operation_type": "MANUAL",
		"related_object": object{"type": "voucher", "id": first["voucher_id"]},
	}, d.call(t, 200, "POST", at(0)+"/balance", object{"points": -15}))
	after := d.call(t, 200, "POST", at(0)+"/activate", nil)
	require.Equal(t, []any{25.0, 25.0, 25.0, "MANUAL"}, []any{after["points"], after["total"], after["balance"], after["operation_type"]})
	d.call(t, 204, "POST", at(1)+"/cancel", nil)
	require.EqualValues(t, 80, card()["pending_points"])

	for path, c := range map[string]struct {
		body   any
		status int
		key    string
	}{
		at(0) + "/activate": {nil, 400, "invalid_pending_points_state"},
		at(0) + "/cancel":   {nil, 400, "invalid_pending_points_state"},
		at(1) + "/balance":  {object{"points": 5}, 400, "invalid_pending_points_state"},
		at(2) + "/balance":  {object{"points": -40}, 400, "invalid_amount"},
		at(3) + "/balance":  {object{"points": 0}, 400, "invalid_payload"},
		member + "/pending-points/lopp_0192f0c1b8d77d4fa1c3e5f708192a3b/activate": {nil, 404, "not_found"},
		member + "/pending-points/x/cancel":                                       {nil, 404, "not_found"},
		"/v1/loyalties/members/NONE/pending-points/x/cancel":                      {nil, 404, "not_found"},
	} {
		require.Equal(t, c.key, d.call(t, c.status, "POST", path, c.body)["key"], path)
	}

	// Ten days pass for the third, and the night's work comes twice.
	_, err := d.pool.Exec(t.Context(), "UPDATE pending_points SET activates_on = activates_on - 10 WHERE points = 40 AND status = 'PENDING' AND id <> (SELECT id FROM pending_points ORDER BY id DESC LIMIT 1)")
	require.NoError(t, err)
	for range 2 {
		_, err = db.Balances{Pool: d.pool}.ActivatePage(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []any{65.0, 65.0, 40.0}, []any{card()["points"], card()["balance"], card()["pending_points"]})
	require.NotNil(t, card()["next_expiration_date"], "they expire as their rule says, from the day on which they count")
	require.Equal(t, entries[3:], d.waiting(t, member+"/pending-points"))
	told := d.told(t, "customer.voucher.loyalty_card.points_added")
	require.Len(t, told, 2)
	transaction := told[1]["data"].(object)["transaction"].(object)
	require.Equal(t, []any{"PENDING_POINTS_ACTIVATION", "Automation"}, []any{transaction["type"], transaction["source"]})
	require.Equal(t, entries[2]["id"], transaction["details"].(object)["pending_points"].(object)["id"])
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.pending_points.activated"), 2)
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.pending_points.canceled"), 1)
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.pending_points.updated"), 1)
	d.elsewhere(t).call(t, 404, "GET", member+"/pending-points", nil)
}
