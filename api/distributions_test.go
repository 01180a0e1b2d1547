package api_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/id"
)

// mailing is what a distribution says, with changes.
func mailing(change object) object {
	spec := object{
		"name": "Spring sale", "trigger": object{"type": "manual"}, "action": object{"type": "message"},
		"channels": []any{email("Hello {{ customer.name }}", "Dear {{ customer.name }}, hello.")},
	}
	maps.Copy(spec, change)
	return spec
}

func email(subject, text string) object {
	return object{"type": "email", "subject": subject, "template": object{"text": text}}
}

func (d door) drafted(t testing.TB, change object) string {
	t.Helper()
	return d.call(t, 200, "POST", "/v1/distributions", mailing(change))["id"].(string)
}

// properties are those that an answer blames, with the first detail.
func properties(answer object) map[string]string {
	blamed := map[string]string{}
	if p, ok := answer["property"].(string); ok {
		blamed[p], _ = answer["details"].(string)
	}
	errors, _ := answer["errors"].([]any)
	for _, e := range errors {
		one := e.(object)
		if p, ok := one["property"].(string); ok {
			blamed[p], _ = one["details"].(string)
		}
	}
	return blamed
}

func TestADraftComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	spec := mailing(object{"audience": object{"customer_id": "cust_" + strings.Repeat("0", 32)}, "repeat": "never"})
	made := d.call(t, 200, "POST", "/v1/distributions", spec)
	require.Regexp(t, "^distr_[0-9a-f]{32}$", made["id"])
	require.Equal(t, "draft", made["status"])
	require.Equal(t, "distribution", made["object"])
	require.EqualValues(t, 1, made["version"])
	for _, property := range []string{"name", "trigger", "action", "audience", "repeat"} {
		require.Equal(t, spec[property], made[property], property)
	}
	path := "/v1/distributions/" + made["id"].(string)
	require.Equal(t, made, d.call(t, 200, "GET", path, nil))

	// What was read can be sent back, changed.
	made["name"] = "Summer sale"
	edited := d.call(t, 200, "PUT", path, made)
	require.Equal(t, "Summer sale", edited["name"])
	require.Equal(t, made["created_at"], edited["created_at"])

	copied := d.call(t, 200, "POST", path+"/duplicate", nil)
	require.NotEqual(t, made["id"], copied["id"])
	require.Equal(t, "Summer sale (copy)", copied["name"])
	require.Equal(t, "Summer sale (copy)", d.call(t, 200, "POST", "/v1/distributions/"+copied["id"].(string)+"/duplicate", nil)["name"])
	d.call(t, 204, "DELETE", path, nil)
	require.Equal(t, "distribution", d.call(t, 404, "GET", path, nil)["resource_type"])

	log := d.call(t, 200, "GET", "/v1/distributions/"+copied["id"].(string)+"/log", nil)
	require.Equal(t, d.appID, log["data"].([]any)[0].(object)["actor"])
}

func TestDraftsAreRefusedWithTheProperty(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for property, change := range map[string]object{
		"name":             {"name": " "},
		"trigger.type":     {"trigger": object{"type": "customer.sneezed"}},
		"action.type":      {"action": object{"type": "sing"}},
		"channels[0].type": {"channels": []any{object{"type": "pigeon"}}},
		"repeat":           {"repeat": "often"},
		"audience":         {"audience": object{"customer_id": "cust_1", "segment_id": "seg_1"}},
	} {
		answer := d.call(t, 400, "POST", "/v1/distributions", mailing(change))
		require.Equal(t, "invalid_payload", answer["key"])
		require.Contains(t, properties(answer), property)
	}
	for name, body := range map[string]string{
		"no JSON": `{"name": `, "a list": `[]`, "an unknown property": `{"name": "x", "colour": "red"}`, "a wrong type": `{"name": 7}`,
		"a channel that is none": `{"name": "x", "trigger": {"type": "manual"}, "action": {"type": "message"}, "channels": ["email"]}`,
	} {
		require.Equal(t, "invalid_payload", d.call(t, 400, "POST", "/v1/distributions", body)["key"], name)
	}
	require.Empty(t, d.call(t, 200, "GET", "/v1/distributions", nil)["data"])
}

func TestWhatCannotBeSentIsToldAtOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	elsewhere := d.elsewhere(t)
	theirs := elsewhere.call(t, 200, "POST", "/v1/segments", object{"name": "few", "type": "static", "customers": []any{}})["id"]
	empty := d.call(t, 200, "POST", "/v1/segments", object{"name": "nobody", "type": "static", "customers": []any{}})["id"]
	unknown := func(prefix id.Prefix) string { return prefix.Format(id.New()) }
	for name, c := range map[string]struct {
		change object
		blamed string
		why    string
	}{
		"no audience":            {object{}, "audience", "needs a customer_id, a segment_id"},
		"another's segment":      {object{"audience": object{"segment_id": theirs}}, "audience.segment_id", "no segment has the id"},
		"an empty segment":       {object{"audience": object{"segment_id": empty}}, "audience.segment_id", "has no members"},
		"no segment's id":        {object{"audience": object{"segment_id": "everyone"}}, "audience.segment_id", "no segment has the id"},
		"no such customer":       {object{"audience": object{"customer_id": unknown(id.Customer)}}, "audience.customer_id", "no customer has the id"},
		"no campaign":            {object{"action": object{"type": "publish_code"}}, "action.campaign_id", "needs the campaign"},
		"no such campaign":       {object{"action": object{"type": "publish_code", "campaign_id": unknown(id.Campaign)}, "audience": object{"segment_id": empty}}, "action.campaign_id", "no campaign has the id"},
		"no such consent":        {object{"consents": []any{unknown(id.Consent)}, "audience": object{"segment_id": empty}}, "consents", "do not exist"},
		"a consent that is none": {object{"consents": []any{""}, "audience": object{"segment_id": empty}}, "consents", "do not exist"},
		"no channel":             {object{"channels": []any{}}, "channels", "add at least one"},
		"no subject":             {object{"channels": []any{email("", "Hello")}}, "channels[0].subject", "needs a subject"},
		"no body":                {object{"channels": []any{object{"type": "email", "subject": "Hello"}}}, "channels[0].template", "needs html, text or both"},
		"a template that ends early": {
			object{"channels": []any{email("Hello", "{% if customer.name %}Hello")}}, "channels[0].template.text", "",
		},
		"an unknown variable": {object{"channels": []any{email("Hello {{ custmer.name }}", "Hello")}}, "channels[0].subject", "customer"},
		"a mailbox that is none": {
			object{"channels": []any{object{"type": "email", "from": "news", "subject": "Hello", "template": object{"text": "Hello"}}}}, "channels[0].from", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := d.drafted(t, c.change)
			answer := d.call(t, 400, "POST", "/v1/distributions/"+one+"/send", nil)
			require.Contains(t, properties(answer), c.blamed)
			require.Contains(t, properties(answer)[c.blamed], c.why)
			require.Equal(t, "draft", d.call(t, 200, "GET", "/v1/distributions/"+one, nil)["status"])
		})
	}
}

func TestControlsSayWhatWouldFit(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	one := d.drafted(t, nil)
	for _, control := range []string{"pause", "resume", "stop", "send-now"} {
		answer := d.call(t, 409, "POST", "/v1/distributions/"+one+"/"+control, nil)
		require.Equal(t, "conflict", answer["key"])
		require.Contains(t, answer["details"], "a distribution that is draft cannot take")
	}
	d.call(t, 409, "POST", "/v1/distributions/"+one+"/retry", object{"status": "failed"})
	d.call(t, 400, "POST", "/v1/distributions/"+one+"/retry", object{"status": "sent"})

	// Its run has ended although the ledger says otherwise, as after an ops terminated it.
	row, _ := id.Distribution.Parse(one)
	require.NoError(t, db.Distributions{Pool: d.pool}.Record(context.Background(), d.project, row,
		db.Standing{Status: distribution.Sending, Actor: "herald", Event: "sending_started"}))
	require.Contains(t, d.call(t, 409, "POST", "/v1/distributions/"+one+"/pause", nil)["details"], "run has ended")
	d.call(t, 409, "DELETE", "/v1/distributions/"+one, nil)
	d.call(t, 409, "POST", "/v1/distributions/"+one+"/send", nil)
}

func TestDistributionsAreListed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	var made []any
	for _, name := range []string{"Spring", "Summer", "Autumn", "Winter", "Spring again"} {
		made = append([]any{d.drafted(t, object{"name": name})}, made...)
	}
	ids := func(query string) (ids []any) {
		answer := d.call(t, 200, "GET", "/v1/distributions?"+query, nil)
		for _, one := range answer["data"].([]any) {
			ids = append(ids, one.(object)["id"])
		}
		return ids
	}
	require.Equal(t, made, ids(""))
	page := d.call(t, 200, "GET", "/v1/distributions?limit=2", nil)
	require.Equal(t, true, page["has_more"])
	require.Equal(t, made[1], page["more_starting_after"])
	require.Equal(t, made[2:4], ids("limit=2&starting_after_id="+made[1].(string)))
	require.Len(t, ids("subject=spring"), 2)
	require.Len(t, ids("status=draft&channel=email"), 5)
	require.Empty(t, ids("status=sent"))
	require.Empty(t, ids("created_at[after]=2100-01-01"))
	require.Empty(t, ids("campaign_id=nonsense"))
	for _, wrong := range []string{"status=resting", "limit=0", "limit=x", "created_at[after]=yesterday", "starting_after_id=x", "colour=red"} {
		require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/distributions?"+wrong, nil)["key"], wrong)
	}
}

func TestPreviews(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ada := d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "name": "Ada <Lovelace>"})["id"]
	one := d.drafted(t, object{"channels": []any{object{
		"type": "email", "from": "Shop <news@shop.example>", "subject": "Hello {{ customer.name }}", "template": object{"html": "<p>{{ customer.name }}</p>"},
	}}})
	path := "/v1/distributions/" + one + "/preview"
	require.Equal(t, "Hello Alex Sample", d.call(t, 200, "POST", path, object{})["subject"])
	shown := d.call(t, 200, "POST", path, object{"customer_id": ada, "channel": "email"}, "Idempotency-Key", "k")
	require.Equal(t, "Hello Ada <Lovelace>", shown["subject"])
	require.Empty(t, d.stands(t, "Hello Ada"), "what is shown of a person is kept nowhere")
	require.Contains(t, shown["html"], "<p>Ada &lt;Lovelace&gt;</p>")
	d.call(t, 404, "POST", path, object{"customer_id": id.Customer.Format(id.New())})
	require.Contains(t, properties(d.call(t, 400, "POST", path, object{"channel": "sms"})), "channel")
	require.Contains(t, properties(d.call(t, 400, "POST", "/v1/distributions/"+one+"/test", object{"to": "nobody"})), "to")

	coupons := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))["id"]
	letter := email("{{ voucher.value }} off", "{{ voucher.code }}")
	letter["from"] = "news@shop.example"
	one = d.drafted(t, object{"action": object{"type": "publish_code", "campaign_id": coupons}, "channels": []any{letter}})
	shown = d.call(t, 200, "POST", "/v1/distributions/"+one+"/preview", object{})
	require.Equal(t, []any{"10% off", "PREVIEW-CODE"}, []any{shown["subject"], strings.TrimSpace(shown["text"].(string))})
}

func TestDistributionsOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	one := d.drafted(t, nil)
	elsewhere := d.elsewhere(t)
	for _, route := range []struct{ method, path string }{
		{"GET", ""}, {"PUT", ""}, {"DELETE", ""}, {"POST", "/duplicate"}, {"POST", "/send"}, {"POST", "/pause"}, {"POST", "/resume"},
		{"POST", "/stop"}, {"POST", "/send-now"}, {"POST", "/preview"}, {"POST", "/test"}, {"GET", "/messages"}, {"GET", "/log"}, {"GET", "/analytics"},
	} {
		var body any
		switch route.path {
		case "":
			body = mailing(nil)
		case "/preview":
			body = object{}
		case "/test":
			body = object{"to": "me@shop.example"}
		}
		if route.method == "GET" || route.method == "DELETE" {
			body = nil
		}
		answer := elsewhere.call(t, 404, route.method, "/v1/distributions/"+one+route.path, body)
		require.Equal(t, "not_found", answer["key"], route)
	}
	elsewhere.call(t, 404, "POST", "/v1/distributions/"+one+"/retry", object{"status": "failed"})
	row, _ := id.Distribution.Parse(one)
	elsewhere.call(t, 404, "GET", "/v1/messages/"+id.FormatMessage(row, 1), nil)
	elsewhere.call(t, 404, "GET", "/v1/messages/nonsense", nil)
	require.Equal(t, "draft", d.call(t, 200, "GET", "/v1/distributions/"+one, nil)["status"])
}
