package e2e_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/occurrence"
)

// What a trigger can give beside words, whom it can be for, and what it leaves alone.
func TestWhatTriggersGive(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	for name, story := range map[string]func(*house){
		"those who are in the segment already": forThoseInTheSegment,
		"a code, which is told once":           aCode,
		"news of a promotion":                  newsOfAPromotion,
		"nothing for imports but segments":     nothingForImports,
	} {
		t.Run(name, func(t *testing.T) {
			defer h.in(t)()
			story(h)
		})
	}
}

// planned is a segment of those who have the plan.
func (h *house) planned(name, plan string) string {
	h.Helper()
	made := h.call("POST", "/segments", object{
		"name": name, "type": "auto-update", "filter": object{"metadata.plan": object{"conditions": object{"$is": []string{plan}}}},
	}, http.StatusOK)["id"].(string)
	require.Eventually(h, func() bool {
		return h.call("GET", "/segments/"+made, nil, http.StatusOK)["initial_sync_status"] == "DONE"
	}, 30*time.Second, 20*time.Millisecond)
	return made
}

// plans has a customer take a plan.
func (h *house) plans(who, plan string) {
	h.Helper()
	body := person(who)
	body["metadata"] = object{"plan": plan}
	h.call("POST", "/customers", body, http.StatusOK)
}

// asks has a customer cause a custom event.
func (h *house) asks(who, event string) {
	h.Helper()
	h.call("POST", "/events", object{"event": event, "customer": person(who)}, http.StatusOK)
}

// sent waits until a distribution has sent so many, and nothing else.
func (h *house) sent(one string, mails int64) {
	h.Helper()
	h.relayed()
	require.Eventually(h, func() bool { return h.tally(h.get(one)).Sent == mails }, 20*time.Second, 20*time.Millisecond)
	require.Equal(h, mails, h.tally(h.get(one)).Total())
}

func forThoseInTheSegment(h *house) {
	pros := h.planned("Pros", "pro")
	for _, who := range []string{"ada", "bea"} {
		h.plans(who, "pro")
	}
	h.relayed()
	one := h.live(letter(object{"type": string(occurrence.SegmentEntered), "segment_id": pros, "include_existing": true},
		object{"type": "message"}, "Welcome", "{{ segment.name }}, {{ customer.metadata.plan }}"))
	h.gets("ada@private.example", 1)
	h.gets("bea@private.example", 1)
	h.plans("cleo", "pro")
	h.gets("cleo@private.example", 1)
	for _, who := range []string{"ada", "bea", "cleo"} {
		require.Equal(h, "Dear Secret "+who+": Pros, pro", h.said(who, "Welcome"))
	}
	h.plans("ada", "free")
	h.plans("ada", "pro")
	h.gets("ada@private.example", 2)
	h.sent(one, 4)
}

func aCode(h *house) {
	campaign := h.campaign(5)
	giving := h.live(letter(object{"type": string(occurrence.CustomEvent), "event": "wants a code"},
		object{"type": "publish_code", "campaign_id": campaign}, "A code", "{{ voucher.code }}, {{ campaign.name }}"))
	telling := h.live(letter(object{"type": string(occurrence.Published), "campaign_id": campaign}, object{"type": "message"}, "Told", "{{ voucher.code }}"))
	h.asks("dora", "wants a code")
	h.gets("dora@private.example", 2)
	h.sent(giving, 1)
	h.sent(telling, 1)

	published := h.call("GET", "/publications?customer=dora", nil, http.StatusOK)["publications"].([]any)
	require.Len(h, published, 1)
	given := published[0].(object)
	code := given["voucher"].(object)["code"].(string)
	require.Equal(h, "Automation", given["channel"])
	require.Equal(h, object{"source_type": "distribution", "source_id": giving, "distribution_id": giving}, given["metadata"])
	for subject, words := range map[string]string{"A code": code + ", Spring codes", "Told": code} {
		require.Equal(h, "Dear Secret dora: "+words, h.said("dora", subject))
	}
	told := h.list("/customers/dora/activity?type=" + string(occurrence.Published))
	require.Len(h, told, 1)
	publication := told[0]["data"].(object)["data"].(object)["publication"].(object)
	require.Equal(h, []any{given["id"], given["channel"], given["metadata"]}, []any{publication["id"], publication["channel"], publication["metadata"]})
	require.Equal(h, giving, told[0]["group_id"], "a distribution did it")
}

func newsOfAPromotion(h *house) {
	promotion := h.call("POST", "/campaigns", object{"name": "Autumn", "campaign_type": "PROMOTION"}, http.StatusOK)["id"].(string)
	tier := h.call("POST", "/promotions/"+promotion+"/tiers", object{
		"name": "Five off", "banner": "5.00 off everything", "action": object{"discount": object{"type": "AMOUNT", "amount_off": 500}},
	}, http.StatusOK)["id"].(string)
	one := h.live(letter(object{"type": string(occurrence.CustomEvent), "event": "wants news"},
		object{"type": "notify_promotion", "promotion_tier_id": tier}, "News", "{{ promotion.name }} of {{ campaign.name }}: {{ promotion.banner }}"))
	h.asks("eve", "wants news")
	h.gets("eve@private.example", 1)
	h.sent(one, 1)
	words := "Dear Secret eve: Five off of Autumn: 5.00 off everything"
	require.Equal(h, words, h.said("eve", "News"))

	h.call("PUT", "/promotions/tiers/"+tier, object{"name": "Six off", "banner": "6.00 off everything"}, http.StatusOK)
	first := h.list("/distributions/" + one + "/messages")[0]["id"].(string)
	shown := h.call("GET", "/messages/"+first, nil, http.StatusOK)["body"].(object)["text"].(string)
	require.Equal(h, words, strings.TrimSpace(shown), "what it said stays, whatever is renamed")
}

// Imports tell nothing of orders and customers, but who enters a segment by them does.
func nothingForImports(h *house) {
	old := h.planned("Old friends", "old")
	entered := h.live(letter(object{"type": string(occurrence.SegmentEntered), "segment_id": old}, object{"type": "message"}, "Entered", ""))
	for _, kind := range []occurrence.Type{occurrence.OrderCreated, occurrence.OrderPaid} {
		h.live(letter(object{"type": string(kind)}, object{"type": "message"}, string(kind), ""))
	}
	buyer := person("fay")
	buyer["metadata"] = object{"plan": "old"}
	h.done(h.call("POST", "/orders/import", []object{{"source_id": "old", "customer": buyer, "status": "PAID", "amount": 500}}, http.StatusOK))
	h.done(h.imports("Source_id,Name,Email,plan\ngreta,Secret greta,greta@private.example,old\nhilda,Secret hilda,hilda@private.example,free\n"))
	h.gets("fay@private.example", 1)
	h.gets("greta@private.example", 1)
	h.sent(entered, 2)
	for who, happened := range map[string][]string{"fay": {"customer.segment.entered"}, "greta": {"customer.segment.entered"}, "hilda": {}} {
		types := []string{}
		for _, entry := range h.list("/customers/" + who + "/activity") {
			types = append(types, entry["type"].(string))
		}
		require.Equal(h, happened, types, who)
	}
}

// imports sends a file of customers.
func (h *house) imports(content string) (answer object) {
	h.Helper()
	var file bytes.Buffer
	form := multipart.NewWriter(&file)
	part, err := form.CreateFormFile("file", "customers.csv")
	require.NoError(h, err)
	fmt.Fprint(part, content)
	require.NoError(h, form.Close())
	h.request("POST", "/customers/importCSV", form.FormDataContentType(), &file, http.StatusAccepted, &answer)
	return answer
}

// done waits until an async action has ended well.
func (h *house) done(action object) {
	h.Helper()
	var now object
	require.Eventually(h, func() bool {
		now = h.call("GET", "/async-actions/"+action["async_action_id"].(string), nil, http.StatusOK)
		return now["status"] == "DONE"
	}, 30*time.Second, 20*time.Millisecond)
	require.Equal(h, "SUCCESS", now["operation_status"], now)
}

// said is what the mail with that subject says to somebody.
func (h *house) said(who, subject string) (text string) {
	h.Helper()
	for _, m := range h.mail.Mails() {
		if m.To == who+"@private.example" && m.Subject == subject {
			require.Empty(h, text, "one mail")
			text = strings.TrimSpace(m.Body)
		}
	}
	return text
}
