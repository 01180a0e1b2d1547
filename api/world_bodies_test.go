package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// buildWorld makes one of everything through the API. What has a name is called "Secret …", so that a stranger who reads any
// of it is found out.
func buildWorld(t *testing.T) *world {
	t.Helper()
	w := &world{door: openDoor(t), ids: map[string]string{}, bodies: map[string]any{}, secrets: []string{"Secret"}}
	w.people(t)
	w.codes(t)
	w.orders(t)
	w.rules(t)
	w.promotions(t)
	w.loyalty(t)
	w.referrals(t)
	w.redemptions(t)
	w.distributions(t)
	w.exports(t)
	return w
}

func (w *world) people(t *testing.T) {
	t.Helper()
	ada := object{
		"source_id": "ada", "name": "Secret Ada", "email": "ada@secret.example", "phone": "+48123456789", "birthdate": "1990-12-31", "description": "x",
		"address": object{"city": "Łódź", "country": "PL"}, "metadata": object{"tier": "gold"},
	}
	w.ids["customers"] = w.make(t, "/v1/customers", ada)
	w.bodies["POST /v1/customers"] = ada
	w.bodies["PUT /v1/customers/{id}"] = object{"name": "Secret Grace", "email": "grace@secret.example", "metadata": object{"tier": "silver"}}
	w.bodies["POST /v1/customers/bulk/async"] = []object{{"source_id": "bulk", "name": "Secret Bea"}}
	w.bodies["POST /v1/customers/metadata/async"] = object{"source_ids": []string{"ada"}, "metadata": object{"vip": true}}
	consent := object{"name": "Secret news", "description": "Once a week", "category": "email"}
	consentID := w.make(t, "/v1/consents", consent)
	w.bodies["POST /v1/consents"] = object{"name": "Other news", "description": "Daily", "category": "email"}
	w.ids["POST /v1/customers/{id}/permanent-deletion"] = w.make(t, "/v1/customers", object{"source_id": "gone"})
	w.bodies["POST /v1/customers/{id}/permanent-deletion"] = object{}
	w.bodies["PUT /v1/customers/{id}/consents"] = object{consentID: true}
	segment := object{"name": "Secret gold", "type": "auto-update", "filter": object{"metadata.tier": object{"conditions": object{"$is": []string{"gold"}}}}}
	w.ids["segments"] = w.make(t, "/v1/segments", segment)
	w.bodies["POST /v1/segments"] = object{"name": "Others", "type": "static", "customers": []string{"ada"}}
	action := w.call(t, 202, "POST", "/v1/customers/metadata/async", w.bodies["POST /v1/customers/metadata/async"])
	w.ids["async-actions"] = action["async_action_id"].(string)
}

// tenPercent is what most vouchers of the world are worth.
func tenPercent() object {
	return object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10.0}}
}

func (w *world) codes(t *testing.T) {
	t.Helper()
	voucher := tenPercent()
	voucher["redemption"], voucher["code_config"] = object{"quantity": 1}, object{"pattern": "HUSH-########"}
	spring := object{
		"name": "Secret spring", "campaign_type": "DISCOUNT_COUPONS", "type": "STATIC", "voucher": voucher, "description": "x", "join_once": false,
		"auto_join": false, "active": true, "metadata": object{"a": 1}, "start_date": "2026-01-01T00:00:00Z", "expiration_date": "2090-01-01T00:00:00Z",
	}
	w.ids["campaigns"] = w.make(t, "/v1/campaigns", spring)
	other := object{}
	for name, value := range spring {
		other[name] = value
	}
	other["name"] = "Another"
	w.bodies["POST /v1/campaigns"] = other
	w.bodies["PUT /v1/campaigns/{campaign}"] = object{"description": "y", "metadata": object{"b": 2}}
	w.bodies["POST /v1/campaigns/{campaign}/vouchers"] = object{"metadata": object{"b": 2}}
	w.bodies["POST /v1/campaigns/{campaign}/vouchers/{code}"] = object{"additional_info": "by hand", "metadata": object{"b": 2}}
	w.bodies["POST /v1/campaigns/{campaign}/import"] = []object{{"code": "TOLD", "metadata": object{"b": 2}}}
	w.ids["POST /v1/campaigns/{campaign}/vouchers/{code}"] = "NEW-IN-CAMPAIGN"

	alone := tenPercent()
	alone["redemption"], alone["metadata"] = object{"quantity": 100}, object{"a": 1}
	w.call(t, 200, "POST", "/v1/vouchers/ALONE", alone)
	w.ids["vouchers"] = "ALONE"
	w.bodies["POST /v1/vouchers"] = tenPercent()
	w.bodies["POST /v1/vouchers/{code}"] = alone
	w.ids["POST /v1/vouchers/{code}"] = "NEW"
	w.bodies["PUT /v1/vouchers/{code}"] = object{"additional_info": "changed", "metadata": object{"b": 2}, "active": true}
	imported := tenPercent()
	imported["code"] = "IMPORTED"
	w.bodies["POST /v1/vouchers/import"] = []object{imported}
	w.bodies["POST /v1/vouchers/bulk/async"] = []object{{"code": "ALONE", "metadata": object{"b": 2}}}
	w.bodies["POST /v1/vouchers/metadata/async"] = object{"codes": []string{"ALONE"}, "metadata": object{"b": 2}}
	for range 3 {
		w.call(t, 200, "POST", "/v1/campaigns/"+w.ids["campaigns"]+"/vouchers", nil)
	}
	publication := object{"campaign": object{"name": "Secret spring", "count": 1}, "customer": object{"source_id": "ada"}, "metadata": object{"a": 1}, "channel": "shop"}
	w.call(t, 200, "POST", "/v1/publications", publication)
	w.bodies["POST /v1/publications"] = publication
}

func (w *world) exports(t *testing.T) {
	t.Helper()
	order := object{"exported_object": "order", "parameters": object{
		"order": "-created_at", "fields": []string{"id"}, "filters": object{"status": object{"conditions": object{"$is": "PAID"}}},
	}}
	w.ids["exports"] = w.make(t, "/v1/exports", order)
	w.bodies["POST /v1/exports"] = order
	for path, ordered := range map[string]string{
		"/v1/orders/export": "created_at", "/v1/vouchers/{code}/transactions/export": "created_at",
		"/v1/campaigns/{campaign}/transactions/export": "created_at", "/v1/loyalties/{campaign}/transactions/export": "created_at",
		"/v1/loyalties/members/{member}/transactions/export": "created_at", "/v1/loyalties/{campaign}/points-expiration/export": "expires_at",
		"/v1/loyalties/{campaign}/members/{member}/transactions/export": "created_at",
	} {
		w.bodies["POST "+path] = object{"parameters": object{"order": ordered, "fields": []string{"id"}}}
	}
}

func (w *world) distributions(t *testing.T) {
	t.Helper()
	sale := object{
		"name": "Secret sale", "trigger": object{"type": "manual"}, "audience": object{"segment_id": w.ids["segments"]}, "action": object{"type": "message"},
		"channels": []object{{"type": "email", "subject": "Secret", "from": "Shop <news@secret.example>", "template": object{"html": "<p>Dear {{ customer.name }}</p>", "text": "Dear {{ customer.name }}"}}},
	}
	w.ids["distributions"] = w.make(t, "/v1/distributions", sale)
	w.bodies["POST /v1/distributions"] = sale
	w.bodies["PUT /v1/distributions/{id}"] = sale
	w.bodies["POST /v1/distributions/{id}/preview"] = object{"customer_id": w.ids["customers"], "channel": "email"}
	w.bodies["POST /v1/distributions/{id}/test"] = object{"to": "me@secret.example", "channel": "email"}
	w.bodies["POST /v1/distributions/{id}/retry"] = object{"status": "failed"}
	w.ids["messages"] = "msg_" + w.ids["distributions"][len("distr_"):] + ".1"
}

func (w *world) orders(t *testing.T) {
	t.Helper()
	order := object{
		"source_id": "order", "customer": object{"source_id": "ada"}, "status": "CREATED", "metadata": object{"a": "Secret"},
		"items": []object{{"source_id": "hat", "related_object": "product", "quantity": 2, "price": 1500, "product": object{"name": "Secret hat"}}},
	}
	w.ids["orders"] = w.make(t, "/v1/orders", order)
	w.bodies["POST /v1/orders"] = order
	w.bodies["PUT /v1/orders/{order}"] = object{"status": "PAID", "metadata": object{"b": 1}}
	w.bodies["POST /v1/orders/import"] = []object{{"source_id": "old", "customer": object{"source_id": "ada"}, "status": "PAID", "amount": 500}}
	w.bodies["POST /v1/events"] = object{"event": "page_view", "customer": object{"source_id": "ada"}, "metadata": object{"page": "home"}}
	w.call(t, 200, "POST", "/v1/events", w.bodies["POST /v1/events"])
}

func (w *world) rules(t *testing.T) {
	t.Helper()
	rule := object{
		"name": "Secret rule", "type": "advanced", "context_type": "global", "error": object{"message": "No"},
		"rules":         object{"1": object{"name": "order.amount", "property": nil, "conditions": object{"$more_than": []int{1000}}, "rules": object{}}, "logic": "1"},
		"applicable_to": object{"included": []object{}, "excluded": []object{}, "included_all": false},
	}
	w.ids["validation-rules"] = w.make(t, "/v1/validation-rules", rule)
	w.bodies["POST /v1/validation-rules"] = rule
	w.bodies["PUT /v1/validation-rules/{rule}"] = object{"name": "Secret other rule"}
	w.bodies["POST /v1/validation-rules/{rule}/validation"] = object{"order": object{"amount": 2000}}
	other := tenPercent()
	for _, code := range []string{"RULED", "RULED-2"} {
		w.call(t, 200, "POST", "/v1/vouchers/"+code, other)
	}
	assigned := func(code string) object {
		return object{"related_object_type": "voucher", "related_object_id": w.call(t, 200, "GET", "/v1/vouchers/"+code, nil)["id"]}
	}
	w.ids["assignments"] = w.make(t, "/v1/validation-rules/"+w.ids["validation-rules"]+"/assignments", assigned("RULED"))
	w.bodies["POST /v1/validation-rules/{rule}/assignments"] = assigned("RULED-2")
}

func (w *world) promotions(t *testing.T) {
	t.Helper()
	w.ids["promotions"] = w.make(t, "/v1/campaigns", object{"name": "Secret promotion", "campaign_type": "PROMOTION"})
	tier := object{
		"name": "Secret tier", "banner": "Five off", "action": object{"discount": object{"type": "AMOUNT", "amount_off": 500.0}},
		"metadata": object{"a": 1}, "hierarchy": 1, "active": true,
	}
	w.ids["promotions/tiers"] = w.make(t, "/v1/promotions/"+w.ids["promotions"]+"/tiers", tier)
	w.bodies["POST /v1/promotions/{campaign}/tiers"] = tier
	w.bodies["PUT /v1/promotions/tiers/{tier}"] = object{"banner": "Six off", "metadata": object{"b": 2}}
	stack := object{"name": "Secret stack", "tiers": object{"ids": []string{w.ids["promotions/tiers"]}, "hierarchy_mode": "MANUAL"}}
	w.ids["stacks"] = w.make(t, "/v1/promotions/"+w.ids["promotions"]+"/stacks", stack)
	w.bodies["POST /v1/promotions/{campaign}/stacks"] = stack
	w.bodies["PUT /v1/promotions/{campaign}/stacks/{stack}"] = object{"name": "Secret other stack"}
}

func (w *world) loyalty(t *testing.T) {
	t.Helper()
	club := object{
		"name": "Secret club", "type": "AUTO_UPDATE", "description": "x", "metadata": object{"a": 1},
		"voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}, "code_config": object{"pattern": "CLUB-########"}},
	}
	w.ids["loyalties"] = w.make(t, "/v1/loyalties", club)
	club["name"] = "Another club"
	w.bodies["POST /v1/loyalties"] = club
	w.bodies["PUT /v1/loyalties/{campaign}"] = object{"description": "y"}
	path := "/v1/loyalties/" + w.ids["loyalties"]
	for _, code := range []string{"CARD", "CARD-2", "CARD-3"} {
		w.call(t, 200, "POST", "/v1/campaigns/"+w.ids["loyalties"]+"/vouchers/"+code, nil)
	}
	w.call(t, 200, "POST", path+"/members", object{"voucher": "CARD", "customer": object{"source_id": "ada"}})
	w.call(t, 200, "POST", path+"/members", object{"voucher": "CARD-2", "customer": object{"source_id": "bea"}})
	w.ids["members"] = "CARD"
	w.bodies["POST /v1/loyalties/{campaign}/members"] = object{"customer": object{"source_id": "cleo"}, "channel": "shop", "metadata": object{"a": 1}}
	points := object{"points": 100, "reason": "a gift", "expiration_type": "NON_EXPIRING"}
	w.bodies["POST /v1/loyalties/members/{member}/balance"] = points
	w.bodies["POST /v1/loyalties/{campaign}/members/{member}/balance"] = points
	w.call(t, 200, "POST", path+"/members/CARD/balance", object{"points": 1000})
	w.call(t, 200, "POST", path+"/members/CARD-2/balance", object{"points": 1000})
	w.bodies["POST /v1/loyalties/{campaign}/members/{member}/transfers"] = []object{{"code": "CARD-2", "points": 10, "reason": "shared", "source_id": "t-1"}}
	w.call(t, 200, "POST", "/v1/vouchers/PRESENT", object{"type": "GIFT_VOUCHER", "gift": object{"amount": 5000}})
	w.bodies["POST /v1/vouchers/{code}/balance"] = object{"amount": 100}
	w.ids["POST /v1/vouchers/{code}/balance"] = "PRESENT"
	w.earning(t, path)
	w.rewards(t)
	w.pending(t, path)
}

// pending makes points that do not count yet: an earning rule promises them, and an order earns them.
func (w *world) pending(t *testing.T, path string) {
	t.Helper()
	w.first(t, path+"/earning-rules", []object{{
		"event": "order.paid", "loyalty": object{"type": "FIXED", "points": 50}, "pending_points": object{"period_type": "DAY", "period_value": 10},
	}})
	w.call(t, 200, "POST", "/v1/orders", object{"source_id": "earns", "customer": object{"source_id": "ada"}, "status": "PAID", "amount": 100})
	listed := w.call(t, 200, "GET", path+"/pending-points", nil)["data"].([]any)
	require.NotEmpty(t, listed)
	w.ids["pending-points"] = listed[0].(object)["id"].(string)
	w.bodies["POST /v1/loyalties/members/{member}/pending-points/{pending}/balance"] = object{"points": 5}
}

// first is the id of the first of what an array was answered with.
func (w *world) first(t *testing.T, path string, body any) string {
	t.Helper()
	answer := w.request(t, "POST", path, body)
	require.Equal(t, 200, answer.Code, answer.Body.String())
	var made []object
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &made))
	return made[0]["id"].(string)
}

func (w *world) earning(t *testing.T, path string) {
	t.Helper()
	rules := []object{{"event": "order.paid", "loyalty": object{"type": "FIXED", "points": 5}, "source": object{"banner": "Secret points"}, "active": true}}
	w.ids["earning-rules"] = w.first(t, path+"/earning-rules", rules)
	w.bodies["POST /v1/loyalties/{campaign}/earning-rules"] = rules
	w.bodies["POST /v1/loyalties/{campaign}/earning-rules/{rule}/enable"] = object{}
	w.bodies["POST /v1/loyalties/{campaign}/earning-rules/{rule}/disable"] = object{}
	w.bodies["PUT /v1/loyalties/{campaign}/earning-rules/{rule}"] = object{"loyalty": object{"type": "FIXED", "points": 7}}
	w.bodies["POST /v1/loyalties/{campaign}/qualifications"] = object{
		"customer": object{"source_id": "ada", "metadata": object{"a": 1}}, "order": object{"source_id": "asks", "amount": 2000, "metadata": object{"a": 1}},
	}
	tiers := []object{{"name": "Secret silver", "points": object{"from": 1, "to": 99}, "metadata": object{"a": 1}}}
	w.ids["loyalties/tiers"] = w.first(t, path+"/tiers", tiers)
	w.bodies["POST /v1/loyalties/{campaign}/tiers"] = []object{{"name": "Secret gold", "points": object{"from": 100, "to": 9999}}}
}

func (w *world) rewards(t *testing.T) {
	t.Helper()
	reward := object{
		"name": "Secret reward", "type": "CAMPAIGN", "parameters": object{"campaign": object{"id": w.ids["campaigns"]}}, "stock": 5,
		"attributes": object{"image_url": "https://shop.example/x.png", "description": "x"}, "metadata": object{"a": 1},
	}
	w.ids["rewards"] = w.make(t, "/v1/rewards", reward)
	spare := w.make(t, "/v1/rewards", reward)
	third := w.make(t, "/v1/rewards", reward)
	w.bodies["POST /v1/rewards"] = reward
	w.bodies["PUT /v1/rewards/{reward}"] = object{"name": "Secret other reward", "stock": 6}
	price := object{"loyalty": object{"points": 10}}
	w.ids["rewards/assignments"] = w.make(t, "/v1/rewards/"+w.ids["rewards"]+"/assignments", object{"campaign": w.ids["loyalties"], "parameters": price})
	w.ids["loyalties/rewards"], w.ids["reward-assignments"] = w.ids["rewards/assignments"], w.ids["rewards/assignments"]
	w.ids["POST /v1/rewards/{reward}/assignments"] = spare
	w.bodies["POST /v1/rewards/{reward}/assignments"] = object{"campaign": w.ids["loyalties"], "parameters": price}
	w.bodies["PUT /v1/rewards/{reward}/assignments/{assignment}"] = object{"parameters": price}
	w.bodies["POST /v1/loyalties/{campaign}/rewards"] = []object{{"reward": third, "parameters": price}}
	w.bodies["PUT /v1/loyalties/{campaign}/rewards/{assignment}"] = object{"parameters": price}
	redeem := object{"reward": object{"id": w.ids["rewards"]}, "metadata": object{"a": 1}}
	w.bodies["POST /v1/loyalties/{campaign}/members/{member}/redemption"] = redeem
	w.bodies["POST /v1/loyalties/members/{member}/redemption"] = redeem
}

func (w *world) referrals(t *testing.T) {
	t.Helper()
	program := w.make(t, "/v1/campaigns", object{
		"name": "Secret referrals", "campaign_type": "REFERRAL_PROGRAM", "type": "AUTO_UPDATE",
		"voucher":          object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "code_config": object{"pattern": "REF-########"}},
		"referral_program": object{"conversion_event_type": "redemption"},
	})
	w.ids["referrals"] = program
	w.call(t, 200, "POST", "/v1/campaigns/"+program+"/vouchers/FRIEND", nil)
	w.call(t, 200, "POST", "/v1/publications", object{"voucher": "FRIEND", "customer": object{"source_id": "ada"}})
	w.ids["referrals/members"], w.ids["referrals//members"] = "FRIEND", "FRIEND"
	holders := object{"holders": []object{{"source_id": "dora"}}}
	answer := w.request(t, "POST", "/v1/referrals/members/FRIEND/holders", holders)
	require.Equal(t, 200, answer.Code, answer.Body.String())
	var listed struct{ Data []object }
	require.NoError(t, json.Unmarshal(w.request(t, "GET", "/v1/referrals/members/FRIEND/holders", nil).Body.Bytes(), &listed))
	w.ids["holders"] = listed.Data[len(listed.Data)-1]["id"].(string)
	w.bodies["POST /v1/referrals/members/{memberId}/holders"] = object{"holders": []object{{"source_id": "eve"}}}
	w.bodies["POST /v1/referrals/{campaignId}/members/{memberId}/holders"] = object{"holders": []object{{"source_id": "fay"}}}
}

func (w *world) redemptions(t *testing.T) {
	t.Helper()
	cart := object{"amount": 2000, "items": []object{{"source_id": "hat", "quantity": 1, "price": 2000}}}
	redeem := object{"customer": object{"source_id": "ada"}, "order": cart, "metadata": object{"a": 1}}
	w.bodies["POST /v1/vouchers/{code}/redemption"] = redeem
	w.bodies["POST /v1/promotions/tiers/{tier}/redemption"] = redeem
	w.bodies["POST /v1/vouchers/{code}/validate"] = redeem
	stack := object{"redeemables": []object{{"object": "voucher", "id": "ALONE"}}, "customer": object{"source_id": "ada"}, "order": cart}
	w.bodies["POST /v1/redemptions"] = stack
	w.bodies["POST /v1/validations"] = stack
	w.bodies["POST /v1/promotions/validation"] = object{"customer": object{"source_id": "ada"}, "order": cart}
	qualify := object{"customer": object{"source_id": "ada"}, "order": cart}
	w.bodies["POST /v1/campaigns/qualification"] = qualify
	w.bodies["POST /v1/vouchers/qualification"] = qualify
	w.bodies["POST /v1/qualifications"] = object{"customer": object{"source_id": "ada"}, "order": cart, "scenario": "ALL"}
	w.ids["redemptions"] = w.make(t, "/v1/vouchers/ALONE/redemption", redeem)
	w.call(t, 200, "POST", "/v1/vouchers/ALONE/validate", object{"session": object{"type": "LOCK", "key": "cart", "ttl": 1, "ttl_unit": "HOURS"}})
	w.ids["sessions"] = "cart"
	w.bodies["POST /v1/redemptions/{redemption}/rollback"] = object{"customer": object{"source_id": "ada"}}
	whole := w.call(t, 200, "POST", "/v1/redemptions", object{
		"redeemables": []object{{"object": "voucher", "id": "ALONE"}, {"object": "promotion_tier", "id": w.ids["promotions/tiers"]}}, "order": cart,
	})
	w.ids["POST /v1/redemptions/{redemption}/rollbacks"] = whole["parent_redemption"].(object)["id"].(string)
	w.bodies["POST /v1/redemptions/{redemption}/rollbacks"] = object{}
}
