package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/id"
)

// sync puts the customers there are into a segment that was just made, as the worker would.
func (d door) sync(t testing.TB, made object) {
	t.Helper()
	one, ok := id.Segment.Parse(made["id"].(string))
	require.True(t, ok)
	store := db.Segments{Pool: d.pool}
	_, err := store.SyncPage(t.Context(), d.project, one, db.SyncCursor{})
	require.NoError(t, err)
	_, _, err = store.FinishSync(t.Context(), d.project, one)
	require.NoError(t, err)
}

func TestSegments(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ada := d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "metadata": object{"level": "gold"}})
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "bob"})
	static := d.call(t, 200, "POST", "/v1/segments", object{"name": "few", "type": "static", "customers": []any{ada["id"], "bob"}})
	require.Regexp(t, "^seg_[0-9a-f]{32}$", static["id"])
	require.Equal(t, "DONE", static["initial_sync_status"])
	require.Nil(t, static["filter"])

	filter := object{"junction": "and", "metadata.level": object{"conditions": object{"$in": []any{"gold"}}}}
	gold := d.call(t, 200, "POST", "/v1/segments", object{"name": "gold", "filter": filter})
	require.Equal(t, "auto-update", gold["type"])
	require.Equal(t, "IN_PROGRESS", gold["initial_sync_status"])
	require.Equal(t, filter, gold["filter"])
	d.sync(t, gold)
	gold = d.call(t, 200, "GET", "/v1/segments/"+gold["id"].(string), nil)
	require.Equal(t, "DONE", gold["initial_sync_status"])
	in := d.call(t, 200, "GET", "/v1/customers?segment_id="+gold["id"].(string), nil)
	require.EqualValues(t, 1, in["total"])

	list := d.call(t, 200, "GET", "/v1/segments?order=created_at", nil)
	require.EqualValues(t, 2, list["total"])
	require.Equal(t, static["id"], list["data"].([]any)[0].(object)["id"])
	list = d.call(t, 200, "GET", "/v1/segments?ids[0]="+gold["id"].(string), nil)
	require.Len(t, list["data"], 1)
	d.call(t, 400, "GET", "/v1/segments?ids=x", nil)
	for filter, want := range map[string][]any{
		"filters[type][conditions][$in][0]=static":                                                              {"few"},
		"filters[type][conditions][$is]=auto-update":                                                            {"gold"},
		"filters[name][conditions][$starts_with]=GO":                                                            {"gold"},
		"filters[id][conditions][$is_not]=" + static["id"].(string):                                             {"gold"},
		"filters[created_at][conditions][$before]=2020-01-01":                                                   {},
		"filters[junction]=or&filters[name][conditions][$is]=few&filters[type][conditions][$is][0]=auto-update": {"gold", "few"},
	} {
		names := []any{}
		for _, one := range d.call(t, 200, "GET", "/v1/segments?"+filter, nil)["data"].([]any) {
			names = append(names, one.(object)["name"])
		}
		require.Equal(t, want, names, filter)
	}
	d.call(t, 400, "GET", "/v1/segments?filters[shoe][conditions][$is]=x", nil)

	of := d.call(t, 200, "GET", "/v1/customers/ada/segments", nil)
	require.EqualValues(t, 2, of["total"])
	require.Equal(t, object{"id": gold["id"], "name": "gold", "object": "segment"}, of["data"].([]any)[0])
	nobody := d.call(t, 200, "POST", "/v1/segments", object{"name": "nobody", "filter": object{"source_id": object{"conditions": object{"$starts_with": "guest"}}}})
	would := d.call(t, 200, "GET", "/v1/customers/guest-7/segments", nil)
	require.Equal(t, []any{object{"id": nobody["id"], "name": "nobody", "object": "segment"}}, would["data"])

	d.call(t, 204, "DELETE", "/v1/segments/"+gold["id"].(string), nil)
	missing := d.call(t, 404, "GET", "/v1/segments/"+gold["id"].(string), nil)
	require.Equal(t, "segment", missing["resource_type"])
	d.call(t, 404, "GET", "/v1/segments/gold", nil)
}

// The reference's own examples, as they stand there.
func TestOfficialFilters(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "email": "ada@voucherify.io", "address": object{"city": "Warsaw"}})
	for _, filter := range []string{
		`{"junction":"and","email":{"conditions":{"$ends_with":["voucherify.io"]}},"address.city":{"conditions":{"$is":["Warsaw"]}},"summary.redemptions.total_succeeded":{"conditions":{"$less_than":[5]}}}`,
		`{"junction":"and","events.payment_placed.count":{"conditions":{"$more_than":["0"]}}}`,
		`{"junction":"and","loyalty_points.campaigns.Tiers 2.points":{"conditions":{"$more_than":[0]}}}`,
		`{"junction":"and","address.country":{"conditions":{"$is_unknown":true}},"system_metadata.source":{"conditions":{"$is":["web_widget"]}},"system_metadata.web_widget.widgets":{"conditions":{"$is":["general"]}},
			"events.cart_abandoned.count":{"conditions":{"$is":["1"]}},"summary.orders.total_amount":{"conditions":{"$more_than":[40000]}},"summary.orders.total_count":{"conditions":{"$more_than":[1]}},
			"summary.orders.last_order_date":{"conditions":{"$less_than":[30]}},"summary.orders.last_order_amount":{"conditions":{"$more_than":[5000]}},"summary.redemptions.total_succeeded":{"conditions":{"$is":[3]}},
			"summary.redemptions.gift.redeemed_amount":{"conditions":{"$has_value":true}},"loyalty.referred_customers":{"conditions":{"$more_than":[1]}}}`,
	} {
		made := d.call(t, 200, "POST", "/v1/segments", `{"name":"official","metadata":{},"customers":null,"filter":`+filter+`}`)
		d.sync(t, made)
		page := d.call(t, 200, "GET", "/v1/customers?segment_id="+made["id"].(string), nil)
		require.Equal(t, strings.Contains(filter, "Warsaw"), page["total"] == 1.0, filter)
	}
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/customers/ada/segments", nil)["total"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/customers/somebody-else/segments", nil)["total"])
}

func TestASegmentThatIsNeededIsNotDeleted(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/segments", filtered("name", "$is", `"a"`))
	one, _ := id.Segment.Parse(made["id"].(string))
	for kind, insert := range map[string]string{
		"validation_rule": `INSERT INTO validation_rules (id, project_id, name, type, context_type, rules, applicable_to)
			VALUES (uuid7(), $1, 'x', 'advanced', 'global', jsonb_build_object('1', jsonb_build_object('name', 'customer.segment', 'conditions',
				jsonb_build_object('$is', jsonb_build_array('seg_' || replace($2::uuid::text, '-', ''))))), '{}')`,
		"earning_rule": `WITH c AS (INSERT INTO campaigns (project_id, name, campaign_type, type) VALUES ($1, 'L', 'LOYALTY_PROGRAM', 'AUTO_UPDATE') RETURNING id)
			INSERT INTO earning_rules (id, project_id, campaign_id, event, loyalty, segment_id) SELECT uuid7(), $1, id, 'customer.segment.entered', '{}', $2::uuid FROM c`,
	} {
		_, err := d.pool.Exec(t.Context(), insert, d.project, one)
		require.NoError(t, err)
		refused := d.call(t, 409, "DELETE", "/v1/segments/"+made["id"].(string), nil)
		require.Equal(t, kind, refused["resource_type"])
		require.NotEmpty(t, refused["resource_id"])
		_, err = d.pool.Exec(t.Context(), "DELETE FROM "+kind+"s")
		require.NoError(t, err)
	}
	d.call(t, 204, "DELETE", "/v1/segments/"+made["id"].(string), nil)
}

func TestBadSegmentsAreAnsweredWithWhatIsAllowed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for body, want := range map[string][2]string{
		`{"type":"static"}`:                                       {"name", "should have 1 to 255 characters"},
		`{"name":"x","type":"live","filter":{}}`:                  {"type", "should be one of: static, passive, auto-update"},
		`{"name":"x","type":"passive"}`:                           {"filter", "is required"},
		`{"name":"x","type":"static","filter":{"name":{}}}`:       {"filter", "is not allowed in a static segment"},
		`{"name":"x","filter":{"name":{}},"customers":["a"]}`:     {"customers", "is not allowed in a segment with a filter"},
		`{"name":"x","type":"static","customers":["nobody"]}`:     {"customers[0]", "cannot find customer with id nobody"},
		`{"name":"x","type":"static","customers":[7]}`:            {"customers[0]", "should be a string"},
		`{"name":"x","filter":[]}`:                                {"filter", "should be an object"},
		`{"name":"x","filter":{}}`:                                {"filter", "should name at least one field; there are: name, email"},
		`{"name":"x","filter":{"junction":"xor"}}`:                {"filter.junction", "should be one of: and, or"},
		`{"name":"x","filter":{"shoe":{"conditions":{}}}}`:        {"filter.shoe", "is not a field of a filter; there are: name, email"},
		`{"name":"x","filter":{"name":{"$is":"a"}}}`:              {"filter.name", `should be {"conditions": {<operator>: <operand>}}`},
		`{"name":"x","filter":{"name":{"conditions":"a"}}}`:       {"filter.name", "the operators of name are: $contains"},
		filtered("name", "$after", `"2020-01-01"`):                {"filter.name.conditions.$after", "is not an operator of name; there are: $contains"},
		filtered("created_at", "$after", `"soon"`):                {"filter.created_at.conditions.$after", "should be a date"},
		filtered("created_at", "$after", `["2020","2021"]`):       {"filter.created_at.conditions.$after", "or an array of 1 to 1 of them"},
		filtered("created_at", "$is_days_ago", `-1`):              {"filter.created_at.conditions.$is_days_ago", "should be a whole number"},
		filtered("birthdate", "$is_month", `13`):                  {"filter.birthdate.conditions.$is_month", "should be a whole number from 1 to 12"},
		filtered("birthdate", "$today", `false`):                  {"filter.birthdate.conditions.$today", "should be true"},
		filtered("metadata.n", "$more_than", `"many"`):            {"filter.metadata.n.conditions.$more_than", "should be a number"},
		filtered("summary.orders.total_count", "$is", `"few"`):    {"filter.summary.orders.total_count.conditions.$is", "should be a number"},
		filtered("summary.orders.total_count", "$contains", `1`):  {"filter.summary.orders.total_count.conditions.$contains", "is not an operator"},
		filtered("events.x.total", "$is", `1`):                    {"filter.events.x.total", "is not a field"},
		filtered("events..count", "$is", `1`):                     {"filter.events..count", "is not a field"},
		filtered("name", "$in_location", `"loc_1"`):               {"filter.name.conditions.$in_location", "is not an operator"},
		filtered("name", "$redeemed", `true`):                     {"filter.name.conditions.$redeemed", "is not an operator"},
		filtered("name", "$is", `[]`):                             {"filter.name.conditions.$is", "or an array of 1 to 200 of them"},
		filtered("name", "$is", `{"a":1}`):                        {"filter.name.conditions.$is", "should be a text"},
		filtered("name", "$is", `null`):                           {"filter.name.conditions.$is", "should be a text"},
		`{"name":"x","filter":{"junction":"and","metadata.":{}}}`: {"filter.metadata.", "is not a field"},
	} {
		answer := d.call(t, 400, "POST", "/v1/segments", body)
		require.Equal(t, want[0], answer["property"], body)
		require.Contains(t, answer["details"], want[1], body)
	}
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/segments", nil)["total"])
}

func filtered(field, operator, operand string) string {
	return fmt.Sprintf(`{"name":"x","filter":{%q:{"conditions":{%q:%s}}}}`, field, operator, operand)
}

func TestAProjectHasSoManySegments(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	_, err := d.pool.Exec(t.Context(), `INSERT INTO segments (project_id, name, type, filter, initial_sync_status)
		SELECT $1, n, 'passive', '{"name":{"conditions":{"$is":"a"}}}', 'DONE' FROM generate_series(1, 100) n`, d.project)
	require.NoError(t, err)
	answer := d.call(t, 400, "POST", "/v1/segments", filtered("name", "$is", `"a"`))
	require.Contains(t, answer["details"], "has 100 passive and auto-update segments")
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "name": "a"})
	require.EqualValues(t, 100, d.call(t, 200, "GET", "/v1/customers/ada/segments", nil)["total"])
}
