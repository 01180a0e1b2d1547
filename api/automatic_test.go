package api_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/db"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/pgtest"
)

func TestTheTableOfTriggersIsServed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	rows := d.as(t, db.Viewer).call(t, 200, "GET", "/v1/distributions/triggers", nil)["data"].([]any)
	require.Len(t, rows, len(distribution.Fits))
	byType := map[string]object{}
	for _, row := range rows {
		byType[row.(object)["type"].(string)] = row.(object)
	}
	require.Equal(t, object{
		"type": "customer.loyalty.tier.joined", "name": "Customer entered loyalty tiers", "category": "Loyalty tier related activity",
		"needs": []any{"campaign_id"}, "takes": []any{"tier_id", "delay"}, "campaign_types": []any{"LOYALTY_PROGRAM"},
		"actions": []any{"message"}, "channels": []any{"email"}, "data": []any{"campaign", "loyalty_tier", "created_at"}, "object": "trigger",
	}, byType["customer.loyalty.tier.joined"])
	require.Equal(t, []any{}, byType["manual"]["needs"])
	require.Equal(t, []any{"message", "publish_code", "notify_promotion"}, byType["customer.order.paid"]["actions"])
	d.as(t, db.Ingest).call(t, 403, "GET", "/v1/distributions/triggers", nil)
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/distributions/triggers?type=manual", nil)["key"])
}

// A segment that was made inside an automatic distribution is a draft until that goes live; then it tells who enters.
func TestANewSegmentOfATrigger(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	spec := answering(object{"type": "customer.segment.entered", "segment": object{
		"name": "Gold", "type": "passive", "filter": object{"metadata.tier": object{"conditions": object{"$is": []string{"gold"}}}},
	}}, nil)
	made := d.call(t, 200, "POST", "/v1/distributions", spec)
	segment := made["trigger"].(object)["segment_id"].(string)
	require.NotContains(t, made["trigger"], "segment")
	require.Empty(t, d.call(t, 200, "GET", "/v1/segments", nil)["data"])
	d.call(t, 204, "DELETE", "/v1/distributions/"+made["id"].(string), nil)
	d.call(t, 404, "GET", "/v1/segments/"+segment, nil)

	live := d.confirmed(t, spec, distribution.Live)
	segment = d.call(t, 200, "GET", "/v1/distributions/"+live, nil)["trigger"].(object)["segment_id"].(string)
	require.Equal(t, "auto-update", d.call(t, 200, "GET", "/v1/segments/"+segment, nil)["type"])
	require.Len(t, d.call(t, 200, "GET", "/v1/segments", nil)["data"], 1)
}

// An event in the name of nobody who is known makes them, as the public API does, and is told like any other.
func TestAnEventOfAnUnknownCustomer(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	answer := d.call(t, 200, "POST", "/v1/events", object{"event": "signed_up", "customer": object{"source_id": "new"}})
	customer := answer["customer"].(object)["id"]
	require.Equal(t, customer, d.call(t, 200, "GET", "/v1/customers/new", nil)["id"])
	var waiting int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM occurrences WHERE project_id = $1 AND type = 'customer.custom_event' AND waiting`,
		d.project).Scan(&waiting))
	require.Equal(t, 1, waiting)
	// An id of ours that nobody has is no new customer.
	d.call(t, 404, "POST", "/v1/events", object{"event": "signed_up", "customer": object{"id": id.Customer.Format(id.New())}})
}

func TestAFloodOfEventsFromOneKeyStopsNobodyElse(t *testing.T) {
	t.Parallel()
	d := doorOn(t, pgtest.New(t), api.Options{Rate: 20})
	other := d.as(t, db.Ingest) // another key of the same project
	event := func(source string) object {
		return object{"event": "seen", "customer": object{"source_id": source}}
	}
	served := 0
	var refused *httptest.ResponseRecorder
	require.Eventually(t, func() bool { // a new minute of the clock may begin in between
		w := d.request(t, "POST", "/v1/events", event("flood"))
		if w.Code == 200 {
			served++
			return false
		}
		refused = w
		return true
	}, 30*time.Second, time.Millisecond)
	require.Equal(t, 429, refused.Code)
	header := refused.Header()
	require.Equal(t, []string{"20", "0", "api_calls"}, []string{header.Get("X-Rate-Limit-Limit"), header.Get("X-Rate-Limit-Remaining"), header.Get("X-Rate-Limit-Type")})
	require.Regexp(t, `^\d{10}$`, header.Get("X-Rate-Limit-Retry"))
	require.Regexp(t, `^[1-9]\d?$`, header.Get("Retry-After"))
	require.Contains(t, refused.Body.String(), `"key":"too_many_requests"`)
	other.call(t, 200, "POST", "/v1/events", event("calm"))
	var kept int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM occurrences WHERE project_id = $1 AND name = 'seen'`, d.project).Scan(&kept))
	require.Equal(t, served+1, kept, "a refused event is not kept")
}
