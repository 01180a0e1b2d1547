package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// limited makes a validation rule that limits an object.
func (d door) limited(t testing.TB, kind, object string, condition object, applicable any) {
	t.Helper()
	draft := map[string]any{"name": "Rule", "rules": map[string]any{}}
	if condition != nil {
		condition["rules"] = map[string]any{}
		draft["rules"] = map[string]any{"1": condition}
	}
	if applicable != nil {
		draft["applicable_to"] = applicable
	}
	made := d.call(t, 200, "POST", "/v1/validation-rules", draft)["id"].(string)
	d.call(t, 200, "POST", "/v1/validation-rules/"+made+"/assignments", map[string]any{"related_object_type": kind, "related_object_id": object})
}

// written counts what validations and qualifications must not write.
func (d door) written(t testing.TB) (n int) {
	t.Helper()
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM orders)
		+ (SELECT count(*) FROM redemptions) + (SELECT count(*) FROM occurrences)`).Scan(&n))
	return n
}

func TestAVoucherIsValidated(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.coupon(t, "HATS", object{"discount": object{"type": "PERCENT", "percent_off": 50, "effect": "APPLY_TO_ITEMS"}})
	d.limited(t, "voucher", made["id"].(string), nil, object{
		"included": []any{object{"object": "product", "id": "hat"}}, "excluded": []any{}, "included_all": false,
	})
	d.giftCard(t, "GIFT", 700)
	d.coupon(t, "OFF", object{"active": false})
	order := object{"items": []any{
		object{"product_id": "shoes", "quantity": 1, "price": 3000}, object{"product_id": "hat", "quantity": 2, "price": 1000},
	}}
	answer := d.call(t, 200, "POST", "/v1/vouchers/HATS/validate", object{"customer": object{"source_id": "ada"}, "order": order})
	require.Equal(t, []any{true, "HATS", 4000.0, 1000.0}, []any{
		answer["valid"], answer["code"], answer["order"].(object)["total_amount"], answer["order"].(object)["items_applied_discount_amount"],
	})
	require.EqualValues(t, 1, answer["applicable_to"].(object)["total"])
	require.Equal(t, "PERCENT", answer["discount"].(object)["type"])
	answer = d.call(t, 200, "POST", "/v1/vouchers/GIFT/validate", object{"order": order, "gift": object{"credits": 300}})
	require.Equal(t, []any{4700.0, object{"amount": 700.0, "balance": 700.0}}, []any{answer["order"].(object)["total_amount"], answer["gift"]})
	answer = d.call(t, 200, "POST", "/v1/vouchers/OFF/validate", object{"order": order})
	require.Equal(t, []any{false, "voucher is disabled", "voucher_disabled"}, []any{answer["valid"], answer["reason"], answer["error"].(object)["key"]})
	require.NotContains(t, answer, "order")
	answer = d.call(t, 200, "POST", "/v1/vouchers/NONE/validate", "{}")
	require.Equal(t, []any{false, "not_found", "NONE"}, []any{answer["valid"], answer["error"].(object)["key"], answer["code"]})
	require.Zero(t, d.written(t), "a validation writes nothing")
	d.call(t, 404, "POST", "/v1/vouchers/HATS/validate", object{"customer": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"})
	d.call(t, 400, "POST", "/v1/vouchers/HATS/validate", object{"order": object{"amount": -1}})
	require.Equal(t, false, d.elsewhere(t).call(t, 200, "POST", "/v1/vouchers/HATS/validate", "{}")["valid"])
	d.as(t, db.Ingest).call(t, 200, "POST", "/v1/vouchers/HATS/validate", "{}")
	d.as(t, db.Viewer).call(t, 403, "POST", "/v1/vouchers/HATS/validate", "{}")
}

func TestSeveralThingsAreValidatedAtOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.giftCard(t, "GIFT", 500)
	d.coupon(t, "FIFTH", object{"discount": object{"type": "PERCENT", "percent_off": 20}})
	d.coupon(t, "OFF", object{"active": false})
	_, tiers := d.promotion(t, "Sale", object{"type": "AMOUNT", "amount_off": 8000})
	redeemables := []any{
		object{"object": "voucher", "id": "GIFT", "gift": object{"credits": 100}}, object{"object": "voucher", "id": "FIFTH"},
		object{"object": "promotion_tier", "id": tiers[0]},
	}
	body := object{"customer": object{"source_id": "ada"}, "order": object{"amount": 200000}, "redeemables": redeemables}
	answer := d.call(t, 200, "POST", "/v1/validations", body) // as the public API's documents show it
	require.Equal(t, true, answer["valid"])
	require.Equal(t, []any{151920.0, 48080.0}, []any{answer["order"].(object)["total_amount"], answer["order"].(object)["applied_discount_amount"]})
	for i, applied := range []float64{100, 39980, 8000} {
		one := answer["redeemables"].([]any)[i].(object)
		require.Equal(t, []any{"APPLICABLE", applied}, []any{one["status"], one["order"].(object)["total_applied_discount_amount"]})
	}
	require.Equal(t, object{"credits": 100.0, "balance": 500.0}, answer["redeemables"].([]any)[0].(object)["result"].(object)["gift"])

	body["redeemables"] = []any{redeemables[0], object{"object": "voucher", "id": "OFF"}, redeemables[2], object{"object": "voucher", "id": "NONE"}}
	answer = d.call(t, 200, "POST", "/v1/validations", body)
	require.Equal(t, false, answer["valid"])
	require.NotContains(t, answer, "order")
	var statuses []any
	for _, one := range answer["redeemables"].([]any) {
		statuses = append(statuses, one.(object)["status"])
	}
	require.Equal(t, []any{"APPLICABLE", "INAPPLICABLE", "SKIPPED", "SKIPPED"}, statuses)
	require.Equal(t, "voucher_disabled", answer["inapplicable_redeemables"].([]any)[0].(object)["result"].(object)["error"].(object)["key"])
	require.Len(t, answer["skipped_redeemables"], 2)
	require.Zero(t, d.written(t))
}

func TestASessionHoldsWhatItLocked(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.coupon(t, "ONE", object{"redemption": object{"quantity": 1}})
	d.giftCard(t, "GIFT", 1000)
	order := object{"amount": 5000}
	held := d.call(t, 200, "POST", "/v1/vouchers/ONE/validate", object{"order": order, "session": object{"type": "LOCK"}})
	session := held["session"].(object)
	require.Equal(t, []any{"LOCK", 7.0, "DAYS"}, []any{session["type"], session["ttl"], session["ttl_unit"]})
	require.Regexp(t, "^ssn_", session["key"])
	mine := object{"type": "LOCK", "key": session["key"]}

	// Nobody else can use it, and whoever has the key can, once.
	require.Equal(t, "quantity_exceeded", d.call(t, 200, "POST", "/v1/vouchers/ONE/validate", object{"order": order})["error"].(object)["key"])
	require.Equal(t, "quantity_exceeded", d.call(t, 400, "POST", "/v1/vouchers/ONE/redemption", object{"order": order})["key"])
	require.Equal(t, true, d.call(t, 200, "POST", "/v1/vouchers/ONE/validate", object{"order": order, "session": mine})["valid"])
	made := d.call(t, 200, "POST", "/v1/vouchers/ONE/redemption", object{"order": order, "session": mine})
	require.Equal(t, object{"key": session["key"]}, made["session"])
	require.Equal(t, "quantity_exceeded", d.call(t, 400, "POST", "/v1/vouchers/ONE/redemption", object{"order": order, "session": mine})["key"])
	d.call(t, 404, "DELETE", "/v1/vouchers/ONE/sessions/"+session["key"].(string), nil)

	// Credits are held as they are asked for; a session with the same key holds anew.
	locks := func(credits int, key string) object {
		return object{"order": order, "gift": object{"credits": credits}, "session": object{"key": key, "ttl": 1, "ttl_unit": "HOURS"}}
	}
	require.Equal(t, true, d.call(t, 200, "POST", "/v1/vouchers/GIFT/validate", locks(600, "a/b"))["valid"])
	require.Equal(t, "gift_amount_exceeded", d.call(t, 200, "POST", "/v1/vouchers/GIFT/validate", locks(500, "c"))["error"].(object)["key"])
	require.Equal(t, true, d.call(t, 200, "POST", "/v1/vouchers/GIFT/validate", locks(500, "a/b"))["valid"])
	require.Equal(t, true, d.call(t, 200, "POST", "/v1/vouchers/GIFT/validate", locks(500, "c"))["valid"])
	d.call(t, 404, "DELETE", "/v1/vouchers/GIFT/sessions/other", nil)
	d.elsewhere(t).call(t, 404, "DELETE", "/v1/vouchers/GIFT/sessions/c", nil)
	d.call(t, 204, "DELETE", "/v1/vouchers/GIFT/sessions/a%2Fb", nil)
	require.EqualValues(t, 500, d.call(t, 200, "POST", "/v1/vouchers/GIFT/redemption", object{"order": order})["amount"], "what nobody holds")

	// A session that is over holds nothing.
	_, err := d.pool.Exec(t.Context(), "UPDATE validation_sessions SET expires_at = now() - interval '1 second'")
	require.NoError(t, err)
	require.EqualValues(t, 500, d.call(t, 200, "POST", "/v1/vouchers/GIFT/redemption", object{"order": order})["amount"])
}

func TestPromotionsAreValidatedByTheirHierarchy(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	_, tiers := d.promotion(t, "Sale",
		object{"type": "PERCENT", "percent_off": 10}, object{"type": "AMOUNT", "amount_off": 500}, object{"type": "AMOUNT", "amount_off": 900})
	d.limited(t, "promotion_tier", tiers[1], object{"name": "order.amount", "conditions": object{"$more_than": []any{10000}}}, nil)
	d.limited(t, "promotion_tier", tiers[2], object{
		"name": "customer.metadata", "property": "gold", "conditions": object{"$is": []any{"yes"}},
	}, nil)
	ids := func(query string, body object) (list []any) {
		answer := d.call(t, 200, "POST", "/v1/promotions/validation"+query, body)
		require.Equal(t, len(answer["promotions"].([]any)) > 0, answer["valid"])
		for _, one := range answer["promotions"].([]any) {
			list = append(list, one.(object)["id"])
		}
		return list
	}
	gold := object{"source_id": "ada", "metadata": object{"gold": "yes"}}
	require.Equal(t, []any{tiers[0]}, ids("", object{"customer": object{"source_id": "ada"}, "order": object{"amount": 5000}}))
	require.Equal(t, []any{tiers[0], tiers[1], tiers[2]}, ids("", object{"customer": gold, "order": object{"amount": 20000}}))
	require.Equal(t, []any{tiers[0], tiers[1], tiers[2]}, ids("?audienceRulesOnly=true", object{"customer": gold, "order": object{"amount": 1}}))
	require.Equal(t, []any{tiers[2]}, ids("?filters[resource_id][conditions][$is]="+tiers[2], object{"customer": gold}))
	one := d.call(t, 200, "POST", "/v1/promotions/validation", object{"order": object{"amount": 5000}})["promotions"].([]any)[0].(object)
	require.Equal(t, []any{500.0, 4500.0, 1.0}, []any{one["applied_discount_amount"], one["order"].(object)["total_amount"], one["hierarchy"]})
	require.Empty(t, d.elsewhere(t).call(t, 200, "POST", "/v1/promotions/validation", "{}")["promotions"])
	require.Zero(t, d.written(t))
}

func TestWhatACustomerQualifiesFor(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	_, tiers := d.promotion(t, "Sale", object{"type": "AMOUNT", "amount_off": 300})
	d.coupon(t, "ALL", nil)
	d.coupon(t, "RICH", object{"discount": object{"type": "AMOUNT", "amount_off": 2000}})
	d.coupon(t, "OFF", object{"active": false})
	d.coupon(t, "USED", object{"redemption": object{"quantity": 1, "redeemed_quantity": 1}})
	rich := d.call(t, 200, "GET", "/v1/vouchers/RICH", nil)["id"].(string)
	d.limited(t, "voucher", rich, object{"name": "order.amount", "conditions": object{"$more_than": []any{10000}}}, object{
		"included": []any{object{"object": "product", "id": "hat"}}, "excluded": []any{}, "included_all": false,
	})
	d.giftCard(t, "MINE", 400)
	d.call(t, 200, "POST", "/v1/publications", object{"voucher": "MINE", "customer": "ada"})
	before := d.written(t)

	codes := func(answer object) (list []any) {
		for _, one := range answer["data"].([]any) {
			list = append(list, one.(object)["code"])
		}
		return list
	}
	small, large := object{"amount": 5000}, object{"items": []any{object{"product_id": "hat", "price": 20000, "quantity": 1}}}
	require.ElementsMatch(t, []any{"ALL", "MINE"}, codes(d.call(t, 200, "POST", "/v1/vouchers/qualification", object{"customer": "ada", "order": small})))
	require.Equal(t, []any{"ALL", "RICH"}, codes(d.call(t, 200, "POST", "/v1/vouchers/qualification?order=code", object{"order": large})))
	require.Len(t, codes(d.call(t, 200, "POST", "/v1/vouchers/qualification?limit=1&audienceRulesOnly=true", object{"order": small})), 1)
	d.call(t, 400, "POST", "/v1/vouchers/qualification?limit=51", "{}")

	found := d.call(t, 200, "POST", "/v1/campaigns/qualification?order=created_at", object{"customer": object{"source_id": "new"}, "order": small})
	require.EqualValues(t, 2, found["total"])
	require.Equal(t, "Spring", found["data"].([]any)[0].(object)["name"])

	names := func(body object) (list []any) {
		answer := d.call(t, 200, "POST", "/v1/qualifications", body)
		for _, one := range answer["redeemables"].(object)["data"].([]any) {
			list = append(list, one.(object)["id"])
		}
		return list
	}
	require.Equal(t, []any{"MINE"}, names(object{"customer": "ada", "scenario": "CUSTOMER_WALLET"}))
	all := names(object{"customer": "ada", "order": large, "options": object{"limit": 50}})
	require.Len(t, all, 6, "two campaigns, a tier, three vouchers")
	require.Equal(t, []any{"MINE", "RICH", "ALL", tiers[0]}, all[:4])
	require.Equal(t, []any{"RICH"}, names(object{"order": large, "scenario": "PRODUCTS_DISCOUNT"}))
	require.Equal(t, "RICH", names(object{"order": large, "scenario": "ALL", "options": object{"sorting_rule": "BEST_DEAL", "filters": object{
		"resource_type": object{"conditions": object{"$is": []any{"voucher"}}},
	}}})[0])
	require.Equal(t, []any{tiers[0]}, names(object{"order": small, "options": object{"filters": object{
		"junction": "and", "resource_type": object{"conditions": object{"$in": []any{"promotion_tier", "campaign"}}},
		"campaign_type": object{"conditions": object{"$is": "PROMOTION"}}, "resource_id": object{"conditions": object{"$is": tiers[0]}},
	}}}))
	page := d.call(t, 200, "POST", "/v1/qualifications", object{"options": object{"limit": 2}})["redeemables"].(object)
	require.Equal(t, true, page["has_more"])
	rest := names(object{"options": object{"limit": 50, "starting_after": page["more_starting_after"]}})
	require.Len(t, rest, 2)
	for name, c := range map[string]struct {
		body     object
		property string
	}{
		"scenario": {object{"scenario": "SOME"}, "scenario"},
		"mode":     {object{"mode": "FAST"}, "mode"},
		"limit":    {object{"options": object{"limit": 51}}, "options.limit"},
		"sorting":  {object{"options": object{"sorting_rule": "RANDOM"}}, "options.sorting_rule"},
		"junction": {object{"options": object{"filters": object{"junction": "xor"}}}, "options.filters.junction"},
		"filter":   {object{"options": object{"filters": object{"code": object{"is": 1}}}}, "options.filters.code"},
		"value":    {object{"options": object{"filters": object{"code": object{"conditions": object{"$is": object{}}}}}}, "options.filters.code"},
		"field":    {object{"options": object{"filters": object{"nonsense": object{"conditions": object{"$is": "x"}}}}}, "filters[nonsense]"},
	} {
		require.Equal(t, c.property, d.call(t, 400, "POST", "/v1/qualifications", c.body)["property"], name)
	}
	require.Equal(t, before, d.written(t), "a qualification writes nothing")
	require.Empty(t, d.elsewhere(t).call(t, 200, "POST", "/v1/qualifications", "{}")["redeemables"].(object)["data"])
}
