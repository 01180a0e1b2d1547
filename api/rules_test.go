package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// bigOrders is the body of a rule that asks for orders of more than 100.00.
func bigOrders() object {
	return object{
		"name": "Big orders", "error": object{"message": "Not for you."},
		"rules": object{
			"1":     object{"name": "order.amount", "conditions": object{"$more_than": []int{10_000}}, "error": object{"message": "Spend more."}},
			"logic": "1",
		},
	}
}

func TestARuleIsMadeShownChangedAndDeleted(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/validation-rules", bigOrders())
	path := "/v1/validation-rules/" + made["id"].(string)
	require.Regexp(t, "^val_", made["id"])
	require.Equal(t, "expression", made["type"])
	require.Equal(t, "global", made["context_type"])
	require.Equal(t, object{"excluded": []any{}, "included": []any{}, "included_all": false}, made["applicable_to"])
	require.EqualValues(t, 0, made["assignments_count"])
	require.NotContains(t, made, "updated_at")
	require.Equal(t, made, d.call(t, 200, "GET", path, nil))

	// A whole rule can be sent back, and what is not given stays.
	require.Equal(t, made["rules"], d.call(t, 200, "PUT", path, made)["rules"])
	changed := d.call(t, 200, "PUT", path, object{
		"name": "Shoes", "type": "advanced", "context_type": "campaign.promotion", "bundle_rules": nil,
		"applicable_to": object{"included": []object{{"object": "product", "id": "prod_1", "source_id": nil, "effect": "APPLY_TO_EVERY", "quantity_limit": 1}}},
	})
	require.Equal(t, "Shoes", changed["name"])
	require.Equal(t, made["rules"], changed["rules"])
	require.Equal(t, object{"message": "Not for you."}, changed["error"])
	require.NotNil(t, changed["updated_at"])
	require.Equal(t, changed, d.call(t, 200, "GET", path, nil))

	d.call(t, 204, "DELETE", path, nil)
	answer := d.call(t, 404, "DELETE", path, nil)
	require.Equal(t, "validation_rules", answer["resource_type"])
	require.Equal(t, made["id"], answer["resource_id"])
	require.Equal(t, "Cannot find validation_rules with id "+made["id"].(string), answer["details"])
	for _, method := range []string{"GET", "PUT"} {
		d.call(t, 404, method, path, nil)
		d.call(t, 404, method, "/v1/validation-rules/val_unknown", nil)
	}
	empty := d.call(t, 200, "POST", "/v1/validation-rules", object{"name": "No limit"})
	require.Equal(t, object{"logic": ""}, empty["rules"])
}

func TestBadRulesAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	with := func(property string, value any) object {
		body := bigOrders()
		body[property] = value
		return body
	}
	target := func(property string, value any) object {
		t := object{"object": "product", "id": "prod_1"}
		t[property] = value
		return with("applicable_to", object{"included": []object{t}})
	}
	for name, c := range map[string]struct {
		body          any
		key, property string
	}{
		"no name":         {object{"rules": object{}}, "invalid_payload", "name"},
		"blank name":      {with("name", " "), "invalid_payload", "name"},
		"long name":       {with("name", strings.Repeat("é", 256)), "invalid_payload", "name"},
		"type":            {with("type", "simple"), "invalid_payload", "type"},
		"context":         {with("context_type", "mars"), "invalid_payload", "context_type"},
		"unknown":         {with("metadata", object{}), "invalid_payload", "metadata"},
		"error":           {with("error", object{"text": "x"}), "invalid_payload", "error.text"},
		"long error":      {with("error", object{"message": strings.Repeat("x", 1001)}), "invalid_payload", "error.message"},
		"bundles":         {with("bundle_rules", object{"limit": 2}), "invalid_payload", "bundle_rules"},
		"rules":           {with("rules", "1"), "invalid_validation_rules", "rules"},
		"logic":           {with("rules", object{"logic": "1 nor"}), "invalid_validation_rules", "rules.logic"},
		"metadata":        {with("rules", object{"1": object{"name": "custom_event.metadata", "conditions": object{"$is": []int{1}}}}), "invalid_validation_rules", "rules.1.property"},
		"targets":         {with("applicable_to", object{"all": true}), "invalid_payload", "applicable_to.all"},
		"target object":   {target("object", "car"), "invalid_payload", "applicable_to.included[0].object"},
		"target id":       {target("id", nil), "invalid_payload", "applicable_to.included[0].id"},
		"target effect":   {target("effect", "APPLY"), "invalid_payload", "applicable_to.included[0].effect"},
		"target limit":    {target("amount_limit", -1), "invalid_payload", "applicable_to.included[0].amount_limit"},
		"target overflow": {target("quantity_limit", 1e15), "invalid_payload", "applicable_to.included[0].quantity_limit"},
		"target repeat":   {target("repeat", 0), "invalid_payload", "applicable_to.included[0].repeat"},
		"target price":    {target("price", -1), "invalid_payload", "applicable_to.included[0].price"},
		"target target":   {target("target", "BOX"), "invalid_payload", "applicable_to.included[0].target"},
		"target formula":  {target("price_formula", object{}), "invalid_payload", "applicable_to.included[0].price_formula"},
		"target indices":  {target("order_item_indices", []int{-1}), "invalid_payload", "applicable_to.included[0].order_item_indices"},
		"target units":    {target("order_item_units", []object{{"index": -1}}), "invalid_payload", "applicable_to.included[0].order_item_indices"},
		"target type":     {target("type", ""), "invalid_payload", "applicable_to.included[0].type"},
	} {
		answer := d.call(t, 400, "POST", "/v1/validation-rules", c.body)
		require.Equal(t, c.key, answer["key"], name)
		require.Equal(t, c.property, answer["property"], name)
	}
	answer := d.call(t, 400, "POST", "/v1/validation-rules", with("rules", object{"1": object{"name": "custom_event.metadata"}}))
	require.Equal(t, "Invalid Validation Rule Definition", answer["message"])
	require.Equal(t, "Rule 'custom_event.metadata' must have a 'property'", answer["details"])
	answer = d.call(t, 400, "POST", "/v1/validation-rules", with("rules", object{"1": bigOrders()["rules"].(object)["1"], "logic": "(1 and 1"}))
	require.Contains(t, answer["details"], "at character 9")
	inSegment := object{"1": object{"name": "customer.segment", "conditions": object{"$is": []string{"seg_0192f0c1b8d77d4fa1c3e5f708192a3b"}}}}
	require.Equal(t, "segment", d.call(t, 404, "POST", "/v1/validation-rules", with("rules", inSegment))["resource_type"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/validation-rules", nil)["total"])
	made := d.call(t, 200, "POST", "/v1/validation-rules", bigOrders())
	d.call(t, 404, "PUT", "/v1/validation-rules/"+made["id"].(string), object{"rules": inSegment})
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/validation-rules/"+made["id"].(string), nil), "nothing is half-written")
}

func TestRulesAreListed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for _, name := range []string{"b", "a", "c"} {
		body := bigOrders()
		body["name"] = name
		d.call(t, 200, "POST", "/v1/validation-rules", body)
	}
	names := func(query string) (names string) {
		for _, one := range d.call(t, 200, "GET", "/v1/validation-rules?"+query, nil)["data"].([]any) {
			names += one.(object)["name"].(string)
		}
		return names
	}
	require.Equal(t, "cab", names(""))
	require.Equal(t, "bac", names("order=created_at"))
	require.Equal(t, "abc", names("order=name"))
	require.Equal(t, "cb", names("order=-name&limit=2"))
	require.Equal(t, "b", names("limit=2&page=2"))
	require.Empty(t, names("start_date=2200-01-01"))
	require.Equal(t, "cab", names("end_date=2200-01-01&start_date=2020-01-01"))
	d.call(t, 400, "GET", "/v1/validation-rules?order=type", nil)
	require.EqualValues(t, 0, d.elsewhere(t).call(t, 200, "GET", "/v1/validation-rules", nil)["total"])
}

func TestRulesAreAssigned(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/validation-rules", bigOrders())
	path := "/v1/validation-rules/" + made["id"].(string)
	of := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	code := d.call(t, 200, "POST", "/v1/vouchers/SPRING", object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}})

	first := d.call(t, 200, "POST", path+"/assignments", object{"related_object_type": "campaign", "related_object_id": of["id"]})
	require.Regexp(t, "^asgm_", first["id"])
	require.Equal(t, made["id"], first["rule_id"])
	require.Equal(t, of["id"], first["related_object_id"])
	require.Equal(t, "campaign", first["related_object_type"])
	second := d.call(t, 200, "POST", path+"/assignments", object{"voucher": "SPRING"}) // as the SDK does
	require.Equal(t, code["id"], second["related_object_id"])

	answer := d.call(t, 409, "POST", path+"/assignments", object{"campaign": "Spring"})
	require.Equal(t, "duplicate_found", answer["key"])
	require.Equal(t, "Duplicated validation_rules_assignment exists with id "+first["id"].(string), answer["details"])
	forced := d.call(t, 200, "POST", path+"/assignments?force=true", object{"related_object_type": "campaign", "related_object_id": of["id"]})
	require.NotEqual(t, first["id"], forced["id"])

	require.EqualValues(t, 2, d.call(t, 200, "GET", path, nil)["assignments_count"])
	require.Equal(t, []any{forced, second}, d.call(t, 200, "GET", path+"/assignments", nil)["data"])
	require.Equal(t, []any{second}, d.call(t, 200, "GET", path+"/assignments?order=created_at&limit=1", nil)["data"])
	require.Equal(t, []any{second}, d.call(t, 200, "GET", "/v1/validation-rules-assignments?related_object_id="+code["id"].(string), nil)["data"])
	require.EqualValues(t, 2, d.call(t, 200, "GET", "/v1/validation-rules-assignments?rule="+made["id"].(string), nil)["total"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/validation-rules/val_unknown/assignments", nil)["total"])
	require.EqualValues(t, 0, d.elsewhere(t).call(t, 200, "GET", "/v1/validation-rules-assignments", nil)["total"])
	d.call(t, 400, "GET", "/v1/validation-rules-assignments?related_object_id=SPRING", nil)
	d.call(t, 400, "GET", "/v1/validation-rules-assignments?rule=1", nil)

	answer = d.call(t, 409, "DELETE", path, nil)
	require.Equal(t, "conflict", answer["key"])
	require.Equal(t, code["id"], answer["resource_id"])
	d.elsewhere(t).call(t, 404, "DELETE", path+"/assignments/"+second["id"].(string), nil)
	d.call(t, 204, "DELETE", path+"/assignments/"+second["id"].(string), nil)
	answer = d.call(t, 404, "DELETE", path+"/assignments/"+second["id"].(string), nil)
	require.Equal(t, "validation_rules_assignment", answer["resource_type"])
	d.call(t, 404, "DELETE", path+"/assignments/7", nil)
	require.Equal(t, "validation_rules", d.call(t, 404, "DELETE", "/v1/validation-rules/val_0192f0c1b8d77d4fa1c3e5f708192a3b/assignments/"+second["id"].(string), nil)["resource_type"])

	// What is deleted takes its assignments with it.
	d.call(t, 202, "DELETE", "/v1/campaigns/Spring", nil)
	d.work(t)
	require.EqualValues(t, 0, d.call(t, 200, "GET", path+"/assignments", nil)["total"])
	d.call(t, 204, "DELETE", path, nil)
}

func TestBadAssignmentsAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/validation-rules", bigOrders())
	path := "/v1/validation-rules/" + made["id"].(string) + "/assignments"
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	for property, body := range map[string]object{
		"related_object_type": {"related_object_type": "order", "related_object_id": "ord_1"},
		"related_object_id":   {},
		"order":               {"order": "ord_1"},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", path, body)["property"])
	}
	require.Contains(t, d.call(t, 400, "POST", path, object{"campaign": "Spring", "voucher": "X"})["details"], "one object at a time; this names 2")
	for _, object := range []object{
		{"voucher": "Spring"}, {"campaign": "Summer"}, {"promotion_tier": "promo_0192f0c1b8d77d4fa1c3e5f708192a3b"},
		{"related_object_type": "earning_rule", "related_object_id": "ern_1"}, {"related_object_type": "distribution", "related_object_id": "distr_0192f0c1b8d77d4fa1c3e5f708192a3b"},
		{"related_object_type": "reward_assignment", "related_object_id": "rewa_0192f0c1b8d77d4fa1c3e5f708192a3b"},
	} {
		d.call(t, 404, "POST", path, object)
	}
	d.call(t, 404, "POST", "/v1/validation-rules/val_0192f0c1b8d77d4fa1c3e5f708192a3b/assignments", object{"campaign": "Spring"})
	d.call(t, 404, "POST", "/v1/validation-rules/x/assignments", object{"campaign": "Spring"})
	d.call(t, 400, "POST", path+"?force=maybe", object{"campaign": "Spring"})
	d.elsewhere(t).call(t, 404, "POST", path, object{"campaign": "Spring"})
	require.EqualValues(t, 0, d.call(t, 200, "GET", path, nil)["total"])
}

func TestARuleIsTried(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	seg := d.call(t, 200, "POST", "/v1/segments", object{"name": "Friends", "type": "static", "customers": []string{}})
	ada := d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "metadata": object{"level": "gold"}})
	friends := d.call(t, 200, "POST", "/v1/segments", object{"name": "Friends", "type": "static", "customers": []any{ada["id"]}})
	body := bigOrders()
	body["applicable_to"] = object{"included": []object{{"object": "product", "id": "prod_1"}}}
	body["rules"] = object{
		"1":     object{"name": "order.amount", "conditions": object{"$more_than": []int{10_000}}, "error": object{"message": "Spend more."}},
		"2":     object{"name": "customer.metadata", "property": "level", "conditions": object{"$is": []string{"gold"}}},
		"3":     object{"name": "redemption.metadata", "property": "till", "conditions": object{"$is": []int{3}}},
		"4":     object{"name": "custom_event.metadata", "property": "page", "conditions": object{"$is": []string{"/"}}},
		"5":     object{"name": "customer.segment", "conditions": object{"$is": []any{friends["id"]}}},
		"6":     object{"name": "customer.segment", "conditions": object{"$is": []any{seg["id"]}}},
		"7":     object{"name": "redemption.api_key", "conditions": object{"$is": []any{d.appID}}},
		"logic": "1 and 2 and 3 and 4 and (5 and 7) or 6",
	}
	made := d.call(t, 200, "POST", "/v1/validation-rules", body)
	path := "/v1/validation-rules/" + made["id"].(string) + "/validation"
	items := []object{{"product_id": "prod_1", "price": 6000, "quantity": 2}}
	try := object{"customer": "ada", "order": object{"items": items}, "metadata": object{"till": 3}, "custom_event": object{"metadata": object{"page": "/"}}}
	answer := d.call(t, 200, "POST", path, try)
	require.Equal(t, true, answer["valid"])
	require.Equal(t, made["id"], answer["rule_id"])
	require.Equal(t, "prod_1", answer["applicable_to"].(object)["data"].([]any)[0].(object)["id"])

	try["order"] = object{"items": items[:0], "amount": 9000}
	answer = d.call(t, 200, "POST", path, try)
	require.Equal(t, false, answer["valid"])
	require.Equal(t, object{"message": "Spend more."}, answer["error"])

	try["order"], try["customer"] = object{"items": items}, object{"source_id": "ada", "metadata": object{"level": "tin"}}
	require.Equal(t, object{"message": "Not for you."}, d.call(t, 200, "POST", path, try)["error"])
	require.Equal(t, object{"level": "gold"}, d.call(t, 200, "GET", "/v1/customers/ada", nil)["metadata"], "nothing is written")

	try["customer"] = object{"source_id": "grace", "metadata": object{"level": "gold"}}
	require.Equal(t, false, d.call(t, 200, "POST", path, try)["valid"], "who is not there is in no segment")
	d.call(t, 404, "GET", "/v1/customers/grace", nil)
	try["customer"] = "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"
	d.call(t, 404, "POST", path, try)
	require.Equal(t, false, d.call(t, 200, "POST", path, nil)["valid"])
	d.call(t, 400, "POST", path, object{"order": object{"amount": -1}})
	d.call(t, 400, "POST", path, object{"voucher": "X"})
	d.call(t, 404, "POST", "/v1/validation-rules/val_x/validation", nil)
}

// What one request redeems counts for what it redeems after that.
func TestRulesCountWhatIsRedeemedTogether(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	of := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	for _, code := range []string{"A", "B", "C"} {
		d.call(t, 200, "POST", "/v1/campaigns/Spring/vouchers/"+code, object{})
	}
	limit := d.call(t, 200, "POST", "/v1/validation-rules", object{"name": "Two each", "error": object{"message": "Only two."}, "rules": object{
		"1": object{"name": "redemption.count.per_customer", "conditions": object{"$less_than_or_equal": []int{2}}},
		"2": object{"name": "campaign.redemptions.customers_count", "conditions": object{"$less_than_or_equal": []int{1}}},
	}})
	path := "/v1/validation-rules/" + limit["id"].(string) + "/assignments"
	d.call(t, 200, "POST", path, object{"campaign": of["id"]})
	redeem := func(status int, who string, codes ...string) object {
		var all []object
		for _, code := range codes {
			all = append(all, object{"object": "voucher", "id": code})
		}
		return d.call(t, status, "POST", "/v1/redemptions", object{
			"redeemables": all, "customer": object{"source_id": who}, "order": object{"amount": 10_000},
		})
	}
	answer := redeem(400, "ada", "A", "B", "C")
	require.Equal(t, object{"message": "Only two."}, answer["error"])
	redeem(200, "ada", "A", "B")
	redeem(400, "ada", "C")
	redeem(400, "grace", "C") // a second customer
}

// Of twenty who redeem a campaign's codes at once, a rule lets through as many as it says.
func TestARuleLimitsACampaignHoweverManyRedeemAtOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	limit := d.call(t, 200, "POST", "/v1/validation-rules", object{"name": "Five", "rules": object{
		"1": object{"name": "campaign.redemptions.count", "conditions": object{"$less_than_or_equal": []int{5}}},
	}})
	d.call(t, 200, "POST", "/v1/validation-rules/"+limit["id"].(string)+"/assignments", object{"campaign": "Spring"})
	codes := make([]string, 20)
	for i := range codes {
		codes[i] = fmt.Sprintf("SPRING-%d", i)
		d.call(t, 200, "POST", "/v1/campaigns/Spring/vouchers/"+codes[i], object{})
	}
	var all sync.WaitGroup
	answers := make([]int, len(codes))
	for i, code := range codes {
		all.Go(func() {
			answers[i] = d.request(t, "POST", "/v1/vouchers/"+code+"/redemption", object{"customer": object{"source_id": code}, "order": object{"amount": 1000}}).Code
		})
	}
	all.Wait()
	slices.Sort(answers)
	require.Equal(t, append(slices.Repeat([]int{200}, 5), slices.Repeat([]int{400}, 15)...), answers)
}

func TestRolesOnRules(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/validation-rules", bigOrders())
	path := "/v1/validation-rules/" + made["id"].(string)
	d.as(t, db.Viewer).call(t, 200, "GET", path, nil)
	d.as(t, db.Viewer).call(t, 403, "PUT", path, bigOrders())
	d.as(t, db.Ingest).call(t, 403, "GET", path, nil)
	d.as(t, db.Ingest).call(t, 200, "POST", path+"/validation", nil)
	d.as(t, db.Ops).call(t, 204, "DELETE", path, nil)
}
