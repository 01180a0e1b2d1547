package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// many sends an array and returns the array that is answered.
func (d door) many(t testing.TB, path string, items ...object) (made []object) {
	t.Helper()
	w := d.request(t, "POST", path, items)
	require.Equal(t, 200, w.Code, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &made))
	return made
}

// rule adds an earning rule to a programme, and says its id.
func (d door) rule(t testing.TB, club, event string, earning, change object) string {
	t.Helper()
	body := object{"event": event, "loyalty": earning}
	for name, value := range change {
		body[name] = value
	}
	return d.many(t, "/v1/loyalties/"+club+"/earning-rules", body)[0]["id"].(string)
}

// points is what is left on a card.
func (d door) points(t testing.TB, card string) int {
	t.Helper()
	return int(d.call(t, 200, "GET", "/v1/loyalties/members/"+card, nil)["loyalty_card"].(object)["balance"].(float64))
}

// earned are the occurrences of points that rules gave.
func (d door) earned(t testing.TB) (datas []object) {
	t.Helper()
	for _, told := range d.told(t, "customer.rewarded.loyalty_points") {
		datas = append(datas, told["data"].(object))
	}
	return datas
}

func TestPaidOrdersEarnPoints(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	rule := d.rule(t, club, "order.paid", object{"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT",
		"order": object{"amount": object{"every": 1000, "points": 2}}}, object{"source": object{"banner": "Shop"}})
	paid := object{"source_id": "o1", "customer": "ann", "amount": 5999, "status": "CREATED"}
	d.call(t, 200, "POST", "/v1/orders", paid)
	require.Empty(t, d.earned(t), "not paid yet")
	paid["status"] = "PAID"
	order := d.call(t, 200, "POST", "/v1/orders", paid)
	require.Equal(t, 10, d.points(t, card))
	require.Len(t, d.earned(t), 1)
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.points_added"), 1)
	transaction := d.call(t, 200, "GET", "/v1/loyalties/members/"+card+"/transactions", nil)["data"].([]any)[0].(object)
	require.Equal(t, []any{"POINTS_ACCRUAL", "Automation"}, []any{transaction["type"], transaction["source"]})
	details := transaction["details"].(object)
	require.Equal(t, object{"id": rule, "source": object{"banner": "Shop"}}, details["earning_rule"])
	require.Equal(t, object{"id": order["id"], "source_id": "o1"}, details["order"])
}

func TestRulesGivePointsAsTheySay(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	proportional := func(calculation, basis string, ratio object) object {
		of, what, _ := strings.Cut(basis, ".")
		return object{"type": "PROPORTIONAL", "calculation_type": calculation, of: object{what: ratio}}
	}
	order := object{
		"customer": object{"source_id": "ann", "metadata": object{"age": 31, "level": "7"}}, "status": "PAID", "metadata": object{"visits": 5},
		"items": []object{
			{"product_id": "prod_a", "price": 1000, "quantity": 3, "discount_amount": 500}, {"sku_id": "sku_b", "price": 700, "quantity": 2},
		},
	}
	item := func(every, points int, kind, id string) object {
		return object{"every": every, "points": points, "object": kind, "id": id}
	}
	several := object{"every": 1, "points": 1, "applicable_to": []object{{"object": "product", "id": "prod_a"}, {"object": "sku", "id": "sku_b"}}}
	for name, c := range map[string]struct {
		earning object
		points  int
	}{
		"fixed":            {object{"type": "FIXED", "points": 5}, 5},
		"fixed as text":    {object{"type": "FIXED", "points": "5"}, 5},
		"amount":           {proportional("ORDER_AMOUNT", "order.amount", object{"every": 1000, "points": 3}), 12},
		"total amount":     {proportional("ORDER_TOTAL_AMOUNT", "order.total_amount", object{"every": 1000, "points": 3}), 9},
		"metadata":         {proportional("ORDER_METADATA", "order.metadata", object{"every": 2, "points": 10, "property": "visits"}), 20},
		"no such metadata": {proportional("ORDER_METADATA", "order.metadata", object{"every": 2, "points": 10, "property": "x"}), 0},
		"items' amount":    {proportional("ORDER_ITEMS_AMOUNT", "order_items.amount", item(500, 1, "product", "prod_a")), 6},
		"items' subtotal":  {proportional("ORDER_ITEMS_SUBTOTAL_AMOUNT", "order_items.subtotal_amount", item(500, 1, "product", "prod_a")), 5},
		"items' quantity":  {proportional("ORDER_ITEMS_QUANTITY", "order_items.quantity", item(1, 4, "sku", "sku_b")), 8},
		"several items":    {proportional("ORDER_ITEMS_QUANTITY", "order_items.quantity", several), 5},
		"customer":         {proportional("CUSTOMER_METADATA", "customer.metadata", object{"every": 10, "points": 1, "property": "age"}), 3},
		"customer's text":  {proportional("CUSTOMER_METADATA", "customer.metadata", object{"every": 1, "points": 1, "property": "level"}), 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := d.elsewhere(t)
			club := d.club(t, "Club", 0, nil)
			card := d.member(t, club, "ann")
			d.rule(t, club, "order.paid", c.earning, nil)
			d.call(t, 200, "POST", "/v1/orders", order)
			require.Equal(t, c.points, d.points(t, card))
			require.Len(t, d.earned(t), min(c.points, 1))
		})
	}
}

func TestCustomEventsEarnPoints(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	d.rule(t, club, "page_view", object{"type": "PROPORTIONAL", "calculation_type": "CUSTOM_EVENT_METADATA",
		"custom_event": object{"metadata": object{"every": 1, "points": 2, "property": "pages"}}}, nil)
	view := object{"event": "page_view", "customer": object{"source_id": "ann"}, "metadata": object{"pages": 4}}
	d.call(t, 200, "POST", "/v1/events", view)
	require.Equal(t, 8, d.points(t, card))
	require.Equal(t, "customer.custom_event", d.earned(t)[0]["event"].(object)["type"])
	require.Nil(t, d.earned(t)[0]["order"])

	view["event"] = "order.paid" // no event of ours, though it is called so
	d.call(t, 200, "POST", "/v1/events", view)
	view["event"], view["loyalty"] = "page_view", object{"code": card}
	d.call(t, 200, "POST", "/v1/events", view)
	require.Equal(t, 16, d.points(t, card), "the card that the event names")
	require.Len(t, d.earned(t), 2)
}

func TestEnteringASegmentEarnsPoints(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	segment := d.call(t, 200, "POST", "/v1/segments", object{
		"name": "Poles", "type": "auto-update", "filter": object{"junction": "and", "address.country": object{"conditions": object{"$is": []string{"Poland"}}}},
	})
	d.sync(t, segment)
	d.rule(t, club, "customer.segment.entered", object{"type": "FIXED", "points": 30}, object{"segment": object{"id": segment["id"]}})
	ann := object{"source_id": "ann", "address": object{"country": "Poland"}}
	d.call(t, 200, "POST", "/v1/customers", ann)
	d.call(t, 200, "POST", "/v1/customers", ann)
	require.Equal(t, 30, d.points(t, card), "once for entering")
	require.Equal(t, "customer.segment.entered", d.earned(t)[0]["event"].(object)["type"])
	ann["address"] = object{"country": "Spain"}
	d.call(t, 200, "POST", "/v1/customers", ann)
	require.Len(t, d.earned(t), 1, "leaving earns nothing")
}

func TestTiersEarnPointsAndChangeWhatRulesGive(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	buy := d.rule(t, club, "order.paid", object{"type": "FIXED", "points": 100}, nil)
	visit := d.rule(t, club, "visit", object{"type": "FIXED", "points": 3}, nil)
	tiers := d.many(t, "/v1/loyalties/"+club+"/tiers",
		object{"name": "Silver", "points": object{"from": 100, "to": 199}, "earning_rules": object{buy: object{"type": "MULTIPLY", "multiplier": 1.29}}},
		object{"name": "Gold", "points": object{"from": 200}, "earning_rules": object{visit: object{"type": "CUSTOM", "points": 50}}})
	d.rule(t, club, "customer.loyalty.tier.joined", object{"type": "FIXED", "points": 7}, object{"loyalty_tier": object{"id": tiers[0]["id"]}})
	d.rule(t, club, "customer.loyalty.tier.joined", object{"type": "FIXED", "points": 1000}, object{"loyalty_tier": object{"id": tiers[1]["id"]}})
	d.rule(t, club, "customer.loyalty.tier.upgraded", object{"type": "FIXED", "points": 11}, nil)
	buying := object{"customer": "ann", "amount": 1, "status": "PAID"}

	d.call(t, 200, "POST", "/v1/orders", buying)
	require.Equal(t, 107, d.points(t, card), "for the order, and for joining the tier that it led to")
	require.Equal(t, tiers[0]["id"], d.call(t, 200, "GET", "/v1/loyalties/members/"+card+"/tiers", nil)["data"].([]any)[0].(object)["id"])
	require.Len(t, d.told(t, "customer.loyalty.tier.joined"), 1)
	d.call(t, 200, "POST", "/v1/orders", buying)
	require.Equal(t, 107+129+11, d.points(t, card), "by the tier's multiplier, and for the upgrade")
	d.call(t, 200, "POST", "/v1/events", object{"event": "visit", "customer": "ann"})
	require.Equal(t, 107+129+11+50, d.points(t, card), "what the tier says in place of the rule")
	last := d.earned(t)
	require.Equal(t, tiers[1]["id"], last[len(last)-1]["loyalty_tier"].(object)["id"])
	require.Equal(t, "Gold", d.call(t, 200, "GET", "/v1/loyalties/members/"+card+"/tiers", nil)["data"].([]any)[0].(object)["name"])
}

func TestRulesGiveNothingWhileTheyDoNotHold(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	limit := d.call(t, 200, "POST", "/v1/validation-rules", object{"name": "big", "rules": object{
		"1": object{"name": "order.amount", "conditions": object{"$more_than": []int{1000}}}, "logic": "1",
	}})
	fixed := object{"type": "FIXED", "points": 1}
	limited := d.rule(t, club, "order.paid", fixed, object{"validation_rule_id": limit["id"]})
	d.rule(t, club, "order.paid", fixed, object{"start_date": "2999-01-01T00:00:00Z"})
	d.rule(t, club, "order.paid", fixed, object{"expiration_date": "2001-01-01T00:00:00Z"})
	d.rule(t, club, "order.paid", fixed, object{"active": false})
	d.call(t, 200, "POST", "/v1/orders", object{"customer": "ann", "amount": 1000, "status": "PAID"})
	require.Empty(t, d.earned(t))
	require.Equal(t, 0, d.points(t, card))
	d.call(t, 200, "POST", "/v1/orders", object{"customer": "ann", "amount": 1001, "status": "PAID"})
	require.Len(t, d.earned(t), 1)
	require.Equal(t, limit["id"], d.earned(t)[0]["earning_rule"].(object)["validation_rule_id"])

	path := "/v1/loyalties/" + club + "/earning-rules/" + limited
	require.Equal(t, false, d.call(t, 200, "POST", path+"/disable", object{})["active"])
	d.call(t, 200, "POST", "/v1/orders", object{"customer": "ann", "amount": 2000, "status": "PAID"})
	require.Equal(t, 1, d.points(t, card))
	require.Equal(t, true, d.call(t, 200, "POST", path+"/enable", object{})["active"])
	require.Nil(t, d.call(t, 200, "PUT", path, object{"validation_rule_id": nil, "loyalty": object{"points": 4}})["validation_rule_id"])
	d.call(t, 200, "POST", "/v1/orders", object{"customer": "ann", "amount": 2, "status": "PAID"})
	require.Equal(t, 5, d.points(t, card))
	d.call(t, 200, "POST", "/v1/campaigns/"+club+"/disable", nil)
	d.call(t, 200, "POST", "/v1/orders", object{"customer": "ann", "amount": 2, "status": "PAID"})
	require.Equal(t, 5, d.points(t, card), "the programme is disabled")
}

func TestEarningRulesAreKept(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	path := "/v1/loyalties/Club/earning-rules"
	body := object{
		"event": "order.paid", "loyalty": object{"type": "FIXED", "points": "5"}, "source": object{"banner": "5 points", "object_id": "x"},
		"start_date": "2022-11-02T13:00:00.000Z", "expiration_date": "2023-03-03T14:30:00.000Z", "metadata": object{"Type": "x"},
		"validity_timeframe": object{"duration": "PT1H", "interval": "P1D"}, "validity_day_of_week": []int{0, 1}, "active": true,
		"validation_rule_id": nil,
	}
	made := d.many(t, path, body)[0]
	require.Equal(t, object{
		"id": made["id"], "created_at": made["created_at"], "updated_at": nil, "validation_rule_id": nil,
		"loyalty": object{"type": "FIXED", "points": 5.0}, "event": "order.paid", "active": true,
		"source":     object{"banner": "5 points", "object_id": club, "object_type": "campaign"},
		"start_date": "2022-11-02T13:00:00.000Z", "expiration_date": "2023-03-03T14:30:00.000Z",
		"validity_timeframe": object{"duration": "PT1H", "interval": "P1D"}, "validity_day_of_week": []any{0.0, 1.0},
		"automation_id": made["automation_id"], "metadata": object{"Type": "x"}, "object": "earning_rule",
	}, made)
	one := path + "/" + made["id"].(string)
	require.Equal(t, made, d.call(t, 200, "GET", one, nil))
	changed := d.call(t, 200, "PUT", one, made)
	require.NotNil(t, changed["updated_at"], "a whole rule can be sent back")
	require.Nil(t, d.call(t, 200, "PUT", one, object{"start_date": nil})["start_date"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", path+"?order=-created_at", nil)["total"])
	d.call(t, 404, "GET", "/v1/loyalties/nothing/earning-rules", nil)
	d.call(t, 404, "GET", path+"/ern_0192f0c1b8d77d4fa1c3e5f708192a3b", nil)
	d.elsewhere(t).call(t, 404, "GET", "/v1/loyalties/"+club+"/earning-rules/"+made["id"].(string), nil)
	d.as(t, db.Viewer).call(t, 403, "DELETE", one, nil)
	d.call(t, 204, "DELETE", one, nil)
	d.call(t, 404, "DELETE", one, nil)

	passive := d.call(t, 200, "POST", "/v1/segments", object{
		"name": "p", "type": "passive", "filter": object{"name": object{"conditions": object{"$is": []string{"A"}}}},
	})
	d.rule(t, club, "customer.segment.entered", object{"type": "FIXED", "points": 1}, object{"segment": object{"id": passive["id"]}})
	require.Equal(t, "auto-update", d.call(t, 200, "GET", "/v1/segments/"+passive["id"].(string), nil)["type"], "else nobody would be told of entering")
}

func TestBadEarningRulesAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.club(t, "Club", 0, nil)
	fixed := `"loyalty": {"type": "FIXED", "points": 1}`
	for body, property := range map[string]string{
		`[]`: "", `{}`: "",
		`[{` + fixed + `}]`: "[0].event", `[{"event": "order.paid"}]`: "[0].loyalty",
		`[{"event": "x", ` + fixed + `}, {"event": "order.paid", "loyalty": {"type": "FIXED"}}]`:                                                                   "[1].loyalty.points",
		`[{"event": "order.paid", "loyalty": {"type": "FIXED", "points": -1}}]`:                                                                                    "[0].loyalty.points",
		`[{"event": "order.paid", "loyalty": {"type": "FIXED", "points": 1e30}}]`:                                                                                  "[0].loyalty.points",
		`[{"event": "order.paid", "loyalty": {"type": "FIXED", "points": 1000000000001}}]`:                                                                         "[0].loyalty.points",
		`[{"event": "order.paid", "loyalty": {"type": "HALF"}}]`:                                                                                                   "[0].loyalty.type",
		`[{"event": "order.paid", "loyalty": {"type": "FIXED", "points": 1, "points_formula": "1"}}]`:                                                              "[0].loyalty.points_formula",
		`[{"event": "x", "loyalty": {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT", "order": {"amount": {"every": 1, "points": 1}}}}]`:                "[0].loyalty.calculation_type",
		`[{"event": "order.paid", "loyalty": {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT", "order": {"total_amount": {"every": 1, "points": 1}}}}]`: "[0].loyalty.order.amount",
		`[{"event": "order.paid", "loyalty": {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT", "order": {"amount": {"every": 0, "points": 1}}}}]`:       "[0].loyalty.order.amount.every",
		`[{"event": "customer.segment.entered", ` + fixed + `}]`:                                                                                                   "[0].segment.id",
		`[{"event": "order.paid", "segment": {"id": "x"}, ` + fixed + `}]`:                                                                                         "[0].segment",
		`[{"event": "order.paid", "loyalty_tier": {"id": "__ANY__"}, ` + fixed + `}]`:                                                                              "[0].loyalty_tier",
		`[{"event": "customer.born", ` + fixed + `}]`:                                                                                                              "[0].event",
		`[{"event": "x", "pending_points": {"period_type": "DAY", "period_value": 1}, ` + fixed + `}]`:                                                             "[0].pending_points",
		`[{"event": "order.paid", "pending_points": {"period_type": "DAY", "period_value": 91}, ` + fixed + `}]`:                                                   "[0].pending_points.period_value",
		`[{"event": "order.paid", "expiration_rules": {"period_type": "MONTH"}, ` + fixed + `}]`:                                                                   "[0].expiration_rules.period_value",
		`[{"event": "order.paid", "start_date": "2022-01-02T00:00:00Z", "expiration_date": "2022-01-01T00:00:00Z", ` + fixed + `}]`:                                "[0].expiration_date",
		`[{"event": "order.paid", "start_date": "soon", ` + fixed + `}]`:                                                                                           "[0].start_date",
	} {
		answer := d.call(t, 400, "POST", "/v1/loyalties/Club/earning-rules", body)
		require.Equal(t, "invalid_payload", answer["key"], body)
		if property != "" {
			require.Equal(t, property, answer["property"], body)
		}
	}
	for _, body := range []string{
		`[{"event": "customer.segment.entered", "segment": {"id": "seg_0192f0c1b8d77d4fa1c3e5f708192a3b"}, ` + fixed + `}]`,
		`[{"event": "customer.loyalty.tier.left", "loyalty_tier": {"id": "ltr_0192f0c1b8d77d4fa1c3e5f708192a3b"}, ` + fixed + `}]`,
		`[{"event": "order.paid", "validation_rule_id": "val_0192f0c1b8d77d4fa1c3e5f708192a3b", ` + fixed + `}]`,
	} {
		d.call(t, 404, "POST", "/v1/loyalties/Club/earning-rules", body)
	}
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/loyalties/Club/earning-rules", nil)["total"], "nothing is half-written")
}
