package api_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// types are the types of listed entries.
func types(answer object) []string {
	all := []string{}
	for _, entry := range answer["data"].([]any) {
		all = append(all, entry.(object)["type"].(string))
	}
	return all
}

func TestTheActivityOfACustomer(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/segments", object{
		"name": "Londoners", "type": "auto-update", "filter": object{"junction": "and", "address.city": object{"conditions": object{"$is": []string{"London"}}}},
	})
	d.sync(t, made)
	news := d.call(t, 200, "POST", "/v1/consents", object{"name": "News"})["id"].(string)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "name": "Ada"})
	d.call(t, 200, "PUT", "/v1/customers/ada", object{"address": object{"city": "London"}})
	d.call(t, 200, "PUT", "/v1/customers/ada", object{"address": object{"city": "London"}})
	require.Equal(t, 204, d.request(t, "PUT", "/v1/customers/ada/consents", object{news: true}).Code)
	require.Equal(t, 204, d.request(t, "PUT", "/v1/customers/ada/consents", object{"unsubscribed": true}).Code)
	d.call(t, 400, "PUT", "/v1/customers/ada", object{"email": "nobody"})

	oldest := []string{"customer.created", "customer.updated", "customer.segment.entered", "customer.consents.given", "customer.consents.revoked"}
	path := "/v1/customers/ada/activity"
	list := d.call(t, 200, "GET", path+"?order=created_at", nil)
	require.Equal(t, oldest, types(list))
	require.Equal(t, false, list["has_more"])
	require.NotContains(t, list, "more_starting_after")
	first := list["data"].([]any)[0].(object)
	require.Regexp(t, "^evcus_[0-9a-f]{16}$", first["id"])
	require.Regexp(t, "^v-", first["group_id"])
	require.Equal(t, object{"channel": "API", "api_key": object{"name": "test", "app_id": d.appID}}, first["data"].(object)["event_source"])
	require.Contains(t, first["data"].(object)["data"].(object)["customer"], "summary")

	for _, order := range []string{"created_at", "-created_at"} {
		walked, after := []string{}, ""
		for {
			page := d.call(t, 200, "GET", path+"?limit=2&order="+order+after, nil)
			walked = append(walked, types(page)...)
			if page["has_more"] == false {
				break
			}
			after = "&starting_after_id=" + page["more_starting_after"].(string)
		}
		require.Len(t, walked, 5)
		require.Equal(t, walked[0] == "customer.created", order == "created_at")
	}
	for query, want := range map[string][]string{
		"category=EFFECT":                                   {"customer.segment.entered"},
		"category=ACTION&order=created_at":                  {oldest[0], oldest[1], oldest[3], oldest[4]},
		"type=customer.updated":                             {"customer.updated"},
		"type=customer.updated&category=EFFECT":             {},
		"type=customer.email.sent":                          {},
		"campaign_type=LOYALTY_PROGRAM":                     {},
		"campaign_id=camp_0192f0c1b8d77d4fa1c3e5f708192a":   {"400"},
		"campaign_id=camp_0192f0c1b8d77d4fa1c3e5f708192a3b": {},
		"start_date=2100-01-01":                             {},
		"end_date=2020-01-01":                               {},
		"start_date=2020-01-01&end_date=2100-01-01&limit=1": {"customer.consents.revoked"},
		"limit=0":                   {"400"},
		"order=type":                {"400"},
		"type=nonsense":             {"400"},
		"category=BOTH":             {"400"},
		"start_date=soon":           {"400"},
		"starting_after_id=evcus_1": {"400"},
		"campaign_type=ANY":         {"400"},
		"page=1":                    {"400"},
		"starting_after_id=evcus_ffffffffffffffff":           {"400"},
		"starting_after_id=evcus_7fffffffffffffff&limit=100": {oldest[4], oldest[3], oldest[2], oldest[1], oldest[0]},
	} {
		if fmt.Sprint(want) == "[400]" {
			require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", path+"?"+query, nil)["key"], query)
			continue
		}
		require.Equal(t, want, types(d.call(t, 200, "GET", path+"?"+query, nil)), query)
	}
	d.call(t, 404, "GET", "/v1/customers/nobody/activity", nil)
	d.elsewhere(t).call(t, 404, "GET", path, nil)
}

func TestTheActivityAsOlderClientsAskForIt(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for i := range 7 {
		d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "name": fmt.Sprint(i)})
	}
	path := "/v1/customers/ada/activities"
	list := d.call(t, 200, "GET", path, nil)
	require.EqualValues(t, 7, list["total"])
	require.Equal(t, "data", list["data_ref"])
	require.Len(t, list["data"], 7)

	seen, after := map[string]bool{}, "2100-01-01"
	for {
		page := d.call(t, 200, "GET", path+"?limit=3&starting_after="+url.QueryEscape(after), nil)["data"].([]any)
		if len(page) == 0 {
			break
		}
		for _, entry := range page {
			require.False(t, seen[entry.(object)["id"].(string)])
			seen[entry.(object)["id"].(string)] = true
			after = entry.(object)["created_at"].(string)
		}
	}
	require.Len(t, seen, 7)
	require.Equal(t, "customer.updated", types(d.call(t, 200, "GET", path+"?order=-type&limit=1", nil))[0])
	for _, order := range []string{"code", "-campaign", "category", "updated_at"} {
		require.Len(t, d.call(t, 200, "GET", path+"?order="+order, nil)["data"], 7)
	}
	require.Empty(t, d.call(t, 200, "GET", path+"?product_id=prod_1", nil)["data"])
	d.call(t, 400, "GET", path+"?order=type&starting_after=2026-01-01", nil)
	d.call(t, 400, "GET", path+"?category=ACTION", nil)
	d.call(t, 404, "GET", "/v1/customers/nobody/activities", nil)
}
