package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/id"
)

// What refuses a redemption is answered with the documented key, kept as a failed redemption that the customer's figures count,
// and changes nothing else.
func TestRefusedRedemptionsAreKept(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada"})
	rule := d.call(t, 200, "POST", "/v1/validation-rules", object{
		"name": "Rich", "rules": object{"1": object{
			"name": "order.amount", "conditions": object{"$more_than": []any{100000}}, "rules": object{}, "error": object{"message": "Buy more"},
		}},
	})["id"].(string)
	named := d.call(t, 200, "POST", "/v1/validation-rules", object{
		"name": "Gold", "rules": object{"1": object{
			"name": "customer.metadata", "property": "gold", "conditions": object{"$is": []any{"yes"}}, "rules": object{},
		}},
	})["id"].(string)
	once := d.call(t, 200, "POST", "/v1/validation-rules", object{
		"name": "Once", "rules": object{"1": object{
			"name": "redemption.count.per_customer", "conditions": object{"$less_than_or_equal": []any{0}}, "rules": object{},
		}},
	})["id"].(string)
	assign := func(rule, code string) {
		d.call(t, 200, "POST", "/v1/validation-rules/"+rule+"/assignments", object{"related_object_type": "voucher", "related_object_id": d.coupon(t, code, nil)["id"]})
	}
	assign(rule, "RICH")
	assign(named, "GOLD")
	assign(once, "ONCE")
	d.coupon(t, "OFF", object{"active": false})
	d.coupon(t, "OVER", object{"expiration_date": "2020-01-01T00:00:00Z"})
	d.coupon(t, "EARLY", object{"start_date": "2099-01-01T00:00:00Z"})
	d.coupon(t, "NEVER", object{"start_date": "2020-01-01T00:00:00Z", "validity_timeframe": object{"duration": "PT1H", "interval": "P30Y"}})
	d.coupon(t, "USED", object{"redemption": object{"quantity": 1, "redeemed_quantity": 1}})
	d.giftCard(t, "GIFT", 500)
	club := d.club(t, "Club", 100, nil)
	card := d.member(t, club, "bob")
	own := d.member(t, club, "ada")
	d.referralCode(t, "Friends", "FRIEND", "ada")
	order := object{"amount": 6000}
	for name, c := range map[string]struct {
		code string
		body object
		key  string
	}{
		"disabled":           {"OFF", object{"order": order}, "voucher_disabled"},
		"expired":            {"OVER", object{"order": order}, "voucher_expired"},
		"not begun":          {"EARLY", object{"order": order}, "voucher_not_active"},
		"not now":            {"NEVER", object{"order": order}, "voucher_not_active_now"},
		"used up":            {"USED", object{"order": order}, "quantity_exceeded"},
		"too many credits":   {"GIFT", object{"order": order, "gift": object{"credits": 501}}, "gift_amount_exceeded"},
		"no amount":          {"GIFT", object{}, "missing_amount"},
		"an order rule":      {"RICH", object{"order": order}, "order_rules_violated"},
		"a customer rule":    {"GOLD", object{"order": order}, "customer_rules_violated"},
		"a redemption rule":  {"ONCE", object{"order": order}, "redemption_rules_violated"},
		"another's card":     {card, object{"order": order, "reward": object{"points": 1}}, "invalid_customer"},
		"no reward":          {own, object{"order": order}, "missing_reward"},
		"one's own referral": {"FRIEND", object{"order": order}, "referrer_not_permitted_to_redeem"},
	} {
		c.body["customer"] = "ada"
		before := int(d.redeemed(t, "ada")["total_failed"].(float64))
		answer := d.call(t, 400, "POST", "/v1/vouchers/"+c.code+"/redemption", c.body)
		require.Equal(t, c.key, answer["key"], name)
		require.Equal(t, "redemption", answer["resource_type"], name)
		failed := d.call(t, 200, "GET", "/v1/redemptions/"+answer["resource_id"].(string), nil)
		require.Equal(t, []any{"FAILURE", "FAILED", c.key, answer["message"], nil}, []any{
			failed["result"], failed["status"], failed["failure_code"], failed["failure_message"], failed["order"],
		}, name)
		require.EqualValues(t, before+1, d.redeemed(t, "ada")["total_failed"], name)
	}
	require.Equal(t, object{"message": "Buy more"}, d.call(t, 400, "POST", "/v1/vouchers/RICH/redemption", object{"order": order})["error"])
	for _, kind := range d.redemptionsTold(t, "ada") {
		require.Equal(t, "customer.redemption.failed", kind)
	}
	require.Len(t, d.redemptionsTold(t, "ada"), 13)
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/orders", nil)["total"], "nothing was ordered")
	require.EqualValues(t, 0, d.redeemed(t, "ada")["total_succeeded"])

	// A customer who is not there is not made by a redemption that fails.
	d.call(t, 400, "POST", "/v1/vouchers/OFF/redemption", object{"customer": object{"source_id": "new"}})
	d.call(t, 404, "GET", "/v1/customers/new", nil)
	d.call(t, 404, "POST", "/v1/vouchers/NONE/redemption", object{"order": order})
	d.call(t, 404, "POST", "/v1/vouchers/RICH/redemption", object{"order": object{"id": id.Order.Format(d.project)}})
	d.elsewhere(t).call(t, 404, "POST", "/v1/vouchers/RICH/redemption", object{"order": order})
}

// Every rule of the description broken: refused, and nothing is changed.
func TestBadRedemptionsChangeNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.coupon(t, "A", nil)
	d.giftCard(t, "G", 100)
	one := object{"object": "voucher", "id": "A"}
	for name, c := range map[string]struct {
		path, property string
		body           any
	}{
		"nothing":             {"/v1/redemptions", "redeemables", object{}},
		"an empty list":       {"/v1/redemptions", "redeemables", object{"redeemables": []any{}}},
		"31":                  {"/v1/redemptions", "redeemables", object{"redeemables": slices.Repeat([]any{one}, 31)}},
		"twice":               {"/v1/redemptions", "redeemables[1].id", object{"redeemables": []any{one, one}}},
		"another thing":       {"/v1/redemptions", "redeemables[0].object", object{"redeemables": []any{object{"object": "order", "id": "A"}}}},
		"no id":               {"/v1/redemptions", "redeemables[0].id", object{"redeemables": []any{object{"object": "voucher"}}}},
		"an unknown word":     {"/v1/redemptions", "redeemables[0].x", object{"redeemables": []any{object{"object": "voucher", "id": "A", "x": 1}}}},
		"credits of nothing":  {"/v1/vouchers/G/redemption", "gift.credits", object{"gift": object{"credits": 0}}},
		"credits beyond all":  {"/v1/vouchers/G/redemption", "gift.credits", object{"gift": object{"credits": 1e15}}},
		"fractional credits":  {"/v1/vouchers/G/redemption", "gift.credits", object{"gift": object{"credits": 1.5}}},
		"negative points":     {"/v1/vouchers/G/redemption", "reward.points", object{"reward": object{"points": -1}}},
		"both":                {"/v1/vouchers/G/redemption", "reward", object{"gift": object{}, "reward": object{}}},
		"a customer's email":  {"/v1/vouchers/A/redemption", "customer.email", object{"customer": object{"source_id": "x", "email": "nobody"}}},
		"a nameless customer": {"/v1/vouchers/A/redemption", "customer", object{"customer": object{"name": "x"}}},
		"an order's amount":   {"/v1/vouchers/A/redemption", "order.amount", object{"order": object{"amount": -1}}},
		"an order's status":   {"/v1/vouchers/A/redemption", "order.status", object{"order": object{"status": "LOST"}}},
		"an order's sum":      {"/v1/vouchers/A/redemption", "order.items[0].quantity", object{"order": object{"items": []any{object{"price": 1e12, "quantity": 2}}}}},
		"a session's unit":    {"/v1/vouchers/A/redemption", "session.ttl_unit", object{"session": object{"ttl_unit": "YEARS"}}},
		"a session's type":    {"/v1/vouchers/A/redemption", "session.type", object{"session": object{"type": "OPEN"}}},
		"a session for ever":  {"/v1/vouchers/A/redemption", "session.ttl", object{"session": object{"ttl": 1e9}}},
		"an expansion":        {"/v1/vouchers/A/redemption", "options.expand", object{"options": object{"expand": []any{"all"}}}},
		"metadata":            {"/v1/vouchers/A/redemption", "metadata", object{"metadata": "x"}},
		"a long word":         {"/v1/vouchers/A/redemption", "tracking_id", object{"tracking_id": strings.Repeat("x", 256)}},
		"a long reason":       {"/v1/redemptions/r_0192f0c1b8d77d4fa1c3e5f708192a3b/rollback", "reason", object{"reason": strings.Repeat("x", 1001)}},
	} {
		answer := d.call(t, 400, "POST", c.path, c.body)
		require.Equal(t, "invalid_payload", answer["key"], name)
		require.Equal(t, c.property, answer["property"], name)
	}
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/redemptions", nil)["total"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/orders", nil)["total"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/customers", nil)["total"])
}
