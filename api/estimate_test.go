package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// estimate is how many points a programme would give for an order.
func (d door) estimate(t testing.TB, club string, customer any, order object) int {
	t.Helper()
	answer := d.call(t, 200, "POST", "/v1/loyalties/"+club+"/qualifications", object{"customer": customer, "order": order})
	require.Equal(t, object{"id": club, "name": "Club", "object": "campaign"}, answer["campaign"])
	return int(answer["points_estimation"].(float64))
}

// perItem is a proportional rule on one product.
func perItem(points int, product string) object {
	return object{"type": "PROPORTIONAL", "calculation_type": "ORDER_ITEMS_QUANTITY",
		"order_items": object{"quantity": object{"every": 1, "points": points, "object": "product", "id": product}}}
}

func TestAnEstimateIsWhatThePaidOrderEarns(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	order := object{"amount": 5999, "items": []object{{"product_id": "hat", "price": 5999, "quantity": 1}}}
	ann := object{"source_id": "ann", "metadata": object{"age": 40}}
	amount := object{"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT", "order": object{"amount": object{"every": 1000, "points": 2}}}
	age := object{"type": "PROPORTIONAL", "calculation_type": "CUSTOMER_METADATA",
		"customer": object{"metadata": object{"every": 10, "points": 1, "property": "age"}}}
	fixed := object{"type": "FIXED", "points": 5}
	dear := object{"name": "order.amount", "conditions": object{"$more_than_or_equal": []any{6000}}}
	for name, c := range map[string]struct {
		event   string
		earning object
		limit   object // the condition of a validation rule
		mapping object
		points  int
	}{
		"fixed":               {"order.paid", fixed, nil, nil, 5},
		"proportional":        {"order.paid", amount, nil, nil, 10},
		"what is said of her": {"order.paid", age, nil, nil, 4},
		"items":               {"order.paid", perItem(7, "hat"), nil, nil, 7},
		"other items":         {"order.paid", perItem(7, "shoes"), nil, nil, 0},
		"too cheap":           {"order.paid", fixed, dear, nil, 0},
		"another event":       {"page_view", fixed, nil, nil, 0},
		"multiplied":          {"order.paid", amount, nil, object{"type": "MULTIPLY", "multiplier": 1.5}, 15},
		"custom":              {"order.paid", amount, nil, object{"type": "CUSTOM", "points": 3}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := d.elsewhere(t)
			club := d.club(t, "Club", 100, nil)
			card := d.member(t, club, "ann")
			rule := d.rule(t, club, c.event, c.earning, nil)
			if c.limit != nil {
				d.limited(t, "earning_rule", rule, c.limit, nil)
			}
			if c.mapping != nil {
				d.many(t, "/v1/loyalties/"+club+"/tiers", object{"name": "Gold", "points": object{"from": 100}, "earning_rules": object{rule: c.mapping}})
			}
			other := d.call(t, 200, "POST", "/v1/loyalties", object{"name": "Other", "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}}})
			d.member(t, other["id"].(string), "ann")
			d.rule(t, other["id"].(string), "order.paid", object{"type": "FIXED", "points": 1000}, nil)
			require.Equal(t, c.points, d.estimate(t, club, ann, order))
			require.Equal(t, 100, d.points(t, card), "an estimate gives nothing")
			d.call(t, 200, "POST", "/v1/orders", object{"customer": ann, "status": "PAID", "amount": order["amount"], "items": order["items"]})
			require.Equal(t, 100+c.points, d.points(t, card))
		})
	}
}

func TestAnEstimateWritesNothing(t *testing.T) {
	t.Parallel()
	w := buildWorld(t)
	before := w.fingerprint(t)
	path := "/v1/loyalties/" + w.ids["loyalties"] + "/qualifications"
	asked := object{"customer": object{"source_id": "ada", "name": "Other"}, "order": object{"source_id": "earns", "amount": 9000, "status": "CREATED"}}
	require.Positive(t, w.call(t, 200, "POST", path, asked)["points_estimation"])
	asked["customer"], asked["order"] = "nobody", object{"source_id": "unheard-of", "amount": 9000}
	w.call(t, 400, "POST", path, asked)
	require.Equal(t, before, w.fingerprint(t))
}

func TestAnEstimateOfAnOrderThatIsThere(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	d.member(t, club, "ann")
	d.rule(t, club, "order.paid", object{"type": "PROPORTIONAL", "calculation_type": "ORDER_TOTAL_AMOUNT",
		"order": object{"total_amount": object{"every": 100, "points": 1}}}, object{"pending_points": object{"period_type": "DAY", "period_value": 3}})
	d.call(t, 200, "POST", "/v1/orders", object{"source_id": "o1", "amount": 1000})
	require.Equal(t, 10, d.estimate(t, club, "ann", object{"source_id": "o1"}), "as it is")
	require.Equal(t, 30, d.estimate(t, club, "ann", object{"source_id": "o1", "amount": 3000}), "as the call says it is")
	require.Equal(t, 0, d.estimate(t, club, "ann", object{"source_id": "o2"}))
	d.as(t, db.Ingest).estimate(t, club, "ann", object{"source_id": "o1"})
	d.as(t, db.Viewer).call(t, 403, "POST", "/v1/loyalties/Club/qualifications", object{"customer": "ann", "order": object{}})
}

func TestWhoGetsNoEstimate(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 500, nil)
	card := d.member(t, club, "ann")
	rule := d.rule(t, club, "order.paid", object{"type": "FIXED", "points": 5}, nil)
	d.many(t, "/v1/loyalties/"+club+"/tiers", object{"name": "Base", "points": object{"from": 0}, "earning_rules": object{rule: object{"type": "CUSTOM", "points": 8}}})
	order := object{"amount": 100}
	refused := func(key string, body object) object {
		t.Helper()
		answer := d.call(t, 400, "POST", "/v1/loyalties/Club/qualifications", body)
		require.Equal(t, key, answer["key"])
		return answer
	}
	require.Equal(t, 8, d.estimate(t, club, "ann", order))
	require.Equal(t, "customer", refused("invalid_payload", object{"order": order})["property"])
	require.Equal(t, "order", refused("invalid_payload", object{"customer": "ann"})["property"])
	require.Equal(t, "order.amount", refused("invalid_payload", object{"customer": "ann", "order": object{"amount": -1}})["property"])
	refused("campaign_not_allow_auto_join", object{"customer": "bob", "order": order})
	d.call(t, 200, "PUT", "/v1/loyalties/"+club, object{"auto_join": true})
	require.Equal(t, 5, d.estimate(t, club, "bob", order), "the rule as it is")
	d.call(t, 200, "POST", "/v1/vouchers/"+card+"/disable", nil)
	refused("loyalty_card_not_active", object{"customer": "ann", "order": order})
	d.call(t, 200, "POST", "/v1/campaigns/"+club+"/disable", nil)
	refused("campaign_not_active", object{"customer": "ann", "order": order})
}
