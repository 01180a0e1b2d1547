package api_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/id"
)

// promotionAlone makes a promotion without tiers.
func (d door) promotionAlone(t testing.TB) string {
	t.Helper()
	made, _ := d.promotion(t, "Promotion "+uuid.NewString())
	return made
}

// thirtyOff is the body of a tier.
func thirtyOff(name string) object {
	return object{
		"name": name, "banner": "Order more than $100",
		"action": object{"discount": object{"type": "AMOUNT", "amount_off": 3000, "effect": "APPLY_TO_ORDER"}}, "metadata": object{},
		"active": true, "start_date": "2022-09-21T00:00:00.000Z", "expiration_date": "2122-09-30T00:00:00.000Z",
		"validity_timeframe": object{"interval": "P2D", "duration": "P1D"}, "validity_day_of_week": []int{1, 2, 3, 4},
	}
}

func TestATierIsMadeShownChangedAndDeleted(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	of := d.promotionAlone(t)
	limit := d.call(t, 200, "POST", "/v1/validation-rules", bigOrders())
	body := thirtyOff("Order more than $100")
	body["validation_rules"] = []any{limit["id"]}
	made := d.call(t, 200, "POST", "/v1/promotions/"+of+"/tiers", body)
	path := "/v1/promotions/tiers/" + made["id"].(string)
	require.EqualValues(t, 1, made["hierarchy"])
	require.Equal(t, of, made["campaign_id"])
	require.Equal(t, of, made["promotion_id"])
	require.Equal(t, of, made["campaign"].(object)["id"])
	require.Equal(t, body["banner"], made["banner"])
	require.Equal(t, "2022-09-21T00:00:00.000Z", made["start_date"])
	require.Equal(t, object{"redemptions": object{"total_redeemed": 0.0}, "orders": object{"total_amount": 0.0, "total_discount_amount": 0.0}}, made["summary"])
	assigned := made["validation_rule_assignments"].(object)["data"].([]any)[0].(object)
	require.Equal(t, limit["id"], assigned["rule_id"])
	require.Equal(t, "promotion_tier", assigned["related_object_type"])
	require.Equal(t, made, d.call(t, 200, "GET", path, nil))

	require.Equal(t, false, d.call(t, 200, "POST", path+"/disable", nil)["active"])
	require.Equal(t, true, d.call(t, 200, "POST", path+"/enable", object{})["active"])

	// A whole tier can be sent back, as the SDK does; what is not given stays.
	made["metadata"] = object{"level": "A-21"}
	changed := d.call(t, 200, "PUT", path, made)
	require.Equal(t, object{"level": "A-21"}, changed["metadata"])
	require.Equal(t, made["action"], changed["action"])
	changed = d.call(t, 200, "PUT", path, object{
		"id": made["id"], "name": "A fourth", "action": object{"discount": object{"type": "PERCENT", "percent_off": 25}}, "expiration_date": nil,
		"validity_day_of_week": []int{1}, "category": "new",
	})
	require.Equal(t, "A fourth", changed["name"])
	require.Equal(t, "PERCENT", changed["action"].(object)["discount"].(object)["type"])
	require.NotContains(t, changed, "expiration_date")
	require.Equal(t, "2022-09-21T00:00:00.000Z", changed["start_date"])
	require.Equal(t, body["banner"], changed["banner"])
	require.Equal(t, "new", changed["category"])
	require.Equal(t, changed, d.call(t, 200, "GET", path, nil))

	d.call(t, 204, "DELETE", path, nil)
	answer := d.call(t, 404, "DELETE", path, nil)
	require.Equal(t, "promotion_tier", answer["resource_type"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/validation-rules/"+limit["id"].(string), nil)["assignments_count"])
	for _, call := range [][2]string{{"GET", ""}, {"PUT", ""}, {"POST", "/enable"}, {"POST", "/disable"}} {
		d.call(t, 404, call[0], path+call[1], nil)
		d.call(t, 404, call[0], "/v1/promotions/tiers/promo_1"+call[1], nil)
	}
}

func TestBadTiersAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	of := d.promotionAlone(t)
	with := func(property string, value any) object {
		body := thirtyOff("Tier")
		body[property] = value
		return body
	}
	for property, body := range map[string]object{
		"name":                               with("name", ""),
		"banner":                             with("banner", fmt.Sprintf("%01001d", 0)),
		"action.discount.type":               with("action", object{"discount": object{"type": "SOME"}}),
		"action.price":                       with("action", object{"price": 1}),
		"hierarchy":                          with("hierarchy", 0),
		"expiration_date":                    with("expiration_date", "2021-01-01T00:00:00Z"),
		"start_date":                         with("start_date", "soon"),
		"validity_day_of_week":               with("validity_day_of_week", []int{7}),
		"validity_timeframe.interval":        with("validity_timeframe", object{"interval": "2 days"}),
		"activity_duration_after_publishing": with("activity_duration_after_publishing", "P1D"),
		"discount":                           with("discount", object{}),
		"metadata":                           with("metadata", "x"),
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/promotions/"+of+"/tiers", body)["property"])
	}
	require.Equal(t, "category", d.call(t, 404, "POST", "/v1/promotions/"+of+"/tiers", with("category_id", "cat_1"))["resource_type"])
	for _, limit := range []string{"val_1", "val_0192f0c1b8d77d4fa1c3e5f708192a3b"} {
		answer := d.call(t, 404, "POST", "/v1/promotions/"+of+"/tiers", with("validation_rules", []string{limit}))
		require.Equal(t, limit, answer["resource_id"])
	}
	d.call(t, 404, "POST", "/v1/promotions/camp_1/tiers", thirtyOff("Tier"))
	d.call(t, 200, "POST", "/v1/campaigns", percent("Coupons", nil))
	require.Contains(t, d.call(t, 400, "POST", "/v1/promotions/Coupons/tiers", thirtyOff("Tier"))["details"], "is no promotion but DISCOUNT_COUPONS")
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/promotions/tiers", nil)["total"])

	made := d.call(t, 200, "POST", "/v1/promotions/"+of+"/tiers", thirtyOff("Tier"))
	path := "/v1/promotions/tiers/" + made["id"].(string)
	for property, body := range map[string]object{
		"name": {"name": " "}, "hierarchy": {"hierarchy": -1}, "action.discount.percent_off": {"action": object{"discount": object{"type": "PERCENT"}}},
		"expiration_date": {"expiration_date": "2020-01-01T00:00:00Z"}, "validation_rules": {"validation_rules": []string{}},
	} {
		require.Equal(t, property, d.call(t, 400, "PUT", path, body)["property"])
	}
	require.Equal(t, made, d.call(t, 200, "GET", path, nil), "nothing is half-written")
}

func TestTiersAreListed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	of, other := d.promotionAlone(t), d.promotionAlone(t)
	tiers := map[string]object{}
	for _, name := range []string{"a", "b", "c", "d"} {
		body, at := thirtyOff(name), of
		switch name {
		case "b":
			body["expiration_date"] = "2023-01-01T00:00:00Z"
		case "c":
			body["start_date"] = "2122-01-01T00:00:00Z"
		case "d":
			at = other
		}
		tiers[name] = d.call(t, 200, "POST", "/v1/promotions/"+at+"/tiers", body)
	}
	names := func(path string) (names string) {
		for _, one := range d.call(t, 200, "GET", path, nil)["tiers"].([]any) {
			names += one.(object)["name"].(string)
		}
		return names
	}
	require.Equal(t, "abc", names("/v1/promotions/"+of+"/tiers"))
	require.Equal(t, "dcba", names("/v1/promotions/tiers"))
	require.Equal(t, "da", names("/v1/promotions/tiers?is_available=true"))
	require.Equal(t, "cb", names("/v1/promotions/tiers?is_available=false"))
	require.Equal(t, "ab", names("/v1/promotions/tiers?order=created_at&limit=2"))
	require.Equal(t, true, d.call(t, 200, "GET", "/v1/promotions/tiers?limit=3", nil)["has_more"])
	require.Equal(t, false, d.call(t, 200, "GET", "/v1/promotions/tiers?limit=3&page=2", nil)["has_more"])
	d.call(t, 200, "POST", "/v1/promotions/tiers/"+tiers["a"]["id"].(string)+"/disable", nil)
	require.Equal(t, "d", names("/v1/promotions/tiers?is_available=true"))
	d.call(t, 400, "GET", "/v1/promotions/tiers?order=name", nil)
	d.call(t, 400, "GET", "/v1/promotions/"+of+"/tiers?page=1", nil)
	d.call(t, 404, "GET", "/v1/promotions/unknown/tiers", nil)

	stranger := d.elsewhere(t)
	require.EqualValues(t, 0, stranger.call(t, 200, "GET", "/v1/promotions/tiers", nil)["total"])
	stranger.call(t, 404, "GET", "/v1/promotions/"+of+"/tiers", nil)
	stranger.call(t, 404, "DELETE", "/v1/promotions/tiers/"+tiers["a"]["id"].(string), nil)
}

// Whatever is added, moved and deleted, tiers stand in the order that a plain list would have, from 1 and without gaps.
func TestTheHierarchyOfTiersHasNoGaps(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	rapid.Check(t, func(r *rapid.T) {
		of := d.promotionAlone(t)
		model := []string{}
		insert := func(place int, one string) { model = slices.Insert(model, min(place-1, len(model)), one) }
		remove := func() (one string) {
			i := rapid.IntRange(0, len(model)-1).Draw(r, "tier")
			one = model[i]
			model = slices.Delete(model, i, i+1)
			return one
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			place := rapid.IntRange(1, len(model)+2).Draw(r, "place")
			step := rapid.SampledFrom([]string{"append", "add", "move", "delete"}).Draw(r, "step")
			switch {
			case step == "add":
				insert(place, d.call(t, 200, "POST", "/v1/promotions/"+of+"/tiers", object{"name": "Tier", "hierarchy": place})["id"].(string))
			case step == "append" || len(model) == 0:
				model = append(model, d.call(t, 200, "POST", "/v1/promotions/"+of+"/tiers", object{"name": "Tier"})["id"].(string))
			case step == "move":
				one := remove()
				insert(place, one)
				d.call(t, 200, "PUT", "/v1/promotions/tiers/"+one, object{"hierarchy": place})
			default:
				d.call(t, 204, "DELETE", "/v1/promotions/tiers/"+remove(), nil)
			}
		}
		found := []string{}
		for i, one := range d.call(t, 200, "GET", "/v1/promotions/"+of+"/tiers", nil)["tiers"].([]any) {
			require.EqualValues(t, i+1, one.(object)["hierarchy"])
			found = append(found, one.(object)["id"].(string))
		}
		require.Equal(t, model, found)
	})
}

func TestStacks(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	of, other := d.promotionAlone(t), d.promotionAlone(t)
	var tiers []string
	for _, name := range []string{"a", "b", "c"} {
		tiers = append(tiers, d.call(t, 200, "POST", "/v1/promotions/"+of+"/tiers", thirtyOff(name))["id"].(string))
	}
	stranger := d.call(t, 200, "POST", "/v1/promotions/"+other+"/tiers", thirtyOff("x"))["id"].(string)
	stacks := "/v1/promotions/" + of + "/stacks"
	made := d.call(t, 200, "POST", stacks, object{"name": "Fifth Stack", "tiers": object{"ids": []string{tiers[2], tiers[0]}, "hierarchy_mode": "MANUAL"}})
	path := stacks + "/" + made["id"].(string)
	require.Regexp(t, "^stack_", made["id"])
	require.Equal(t, of, made["campaign_id"])
	require.Equal(t, []any{tiers[2], tiers[0]}, made["tiers"].(object)["ids"])
	require.Equal(t, made, d.call(t, 200, "GET", path, nil))

	changed := d.call(t, 200, "PUT", path, object{"name": "First"})
	require.Equal(t, "First", changed["name"])
	require.Equal(t, made["tiers"], changed["tiers"])
	changed = d.call(t, 200, "PUT", path, object{"tiers": object{"ids": []string{tiers[1]}}, "id": made["id"], "category_id": nil})
	require.Equal(t, []any{tiers[1]}, changed["tiers"].(object)["ids"])
	second := d.call(t, 200, "POST", stacks, object{"name": "A", "tiers": object{"ids": tiers}})
	abroad := d.call(t, 200, "POST", "/v1/promotions/"+other+"/stacks", object{"name": "B", "tiers": object{"ids": []string{stranger}}})

	require.Equal(t, []any{second, changed}, d.call(t, 200, "GET", stacks, nil)["data"])
	require.Equal(t, []any{abroad, second, changed}, d.call(t, 200, "GET", "/v1/promotions/stacks", nil)["data"])
	require.Equal(t, []any{second, abroad}, d.call(t, 200, "GET", "/v1/promotions/stacks?order=name&limit=2", nil)["data"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/promotions/stacks?updated_at[after]=2020-01-01", nil)["total"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/promotions/stacks?filters[created_at][conditions][$before][0]=2020-01-01", nil)["total"])

	// A tier that is deleted stands in no stack any more, and a stack of nothing is gone.
	d.call(t, 204, "DELETE", "/v1/promotions/tiers/"+tiers[1], nil)
	d.call(t, 404, "GET", path, nil)
	require.Equal(t, []any{tiers[0], tiers[2]}, d.call(t, 200, "GET", stacks+"/"+second["id"].(string), nil)["tiers"].(object)["ids"])
	d.elsewhere(t).call(t, 404, "DELETE", stacks+"/"+second["id"].(string), nil)
	d.call(t, 404, "DELETE", stacks+"/"+abroad["id"].(string), nil) // that is another promotion's
	d.call(t, 204, "DELETE", stacks+"/"+second["id"].(string), nil)
	answer := d.call(t, 404, "DELETE", stacks+"/"+second["id"].(string), nil)
	require.Equal(t, "promotion_stack", answer["resource_type"])
	require.Equal(t, "campaign", d.call(t, 404, "GET", "/v1/promotions/camp_x/stacks", nil)["resource_type"])
}

func TestBadStacksAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	of, other := d.promotionAlone(t), d.promotionAlone(t)
	tier := d.call(t, 200, "POST", "/v1/promotions/"+of+"/tiers", thirtyOff("a"))["id"].(string)
	abroad := d.call(t, 200, "POST", "/v1/promotions/"+other+"/tiers", thirtyOff("a"))["id"].(string)
	many := make([]string, 31)
	for i := range many {
		many[i] = id.Promotion.Format(uuid.New())
	}
	stacks := "/v1/promotions/" + of + "/stacks"
	for property, body := range map[string]object{
		"name":                 {"tiers": object{"ids": []string{tier}}},
		"tiers":                {"name": "A"},
		"tiers.ids":            {"name": "A", "tiers": object{"ids": []string{}}},
		"tiers.hierarchy_mode": {"name": "A", "tiers": object{"ids": []string{tier}, "hierarchy_mode": "AUTO"}},
		"tiers.order":          {"name": "A", "tiers": object{"ids": []string{tier}, "order": 1}},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", stacks, body)["property"])
	}
	d.call(t, 400, "POST", stacks, object{"name": "A", "tiers": object{"ids": many}})
	d.call(t, 400, "POST", stacks, object{"name": "A", "tiers": object{"ids": []string{tier, tier}}})
	for _, unknown := range []string{"promo_1", abroad, many[0]} {
		answer := d.call(t, 404, "POST", stacks, object{"name": "A", "tiers": object{"ids": []string{tier, unknown}}})
		require.Equal(t, unknown, answer["resource_id"])
	}
	d.call(t, 404, "POST", stacks, object{"name": "A", "tiers": object{"ids": []string{tier}}, "category_id": "cat_1"})
	require.EqualValues(t, 0, d.call(t, 200, "GET", stacks, nil)["total"])
	made := d.call(t, 200, "POST", stacks, object{"name": "A", "tiers": object{"ids": []string{tier}}})
	d.call(t, 404, "PUT", stacks+"/"+made["id"].(string), object{"tiers": object{"ids": []string{abroad}}})
	d.call(t, 400, "PUT", stacks+"/"+made["id"].(string), object{"name": ""})
	d.call(t, 404, "PUT", stacks+"/stack_1", object{"name": "B"})
	require.Equal(t, made, d.call(t, 200, "GET", stacks+"/"+made["id"].(string), nil))
}
