package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/distribution"
	"herald/internal/occurrence"
)

// answered is one trigger with a live distribution that answers it, and what a customer does to hear from it.
type answered struct {
	kind  occurrence.Type
	about object // what the trigger names
	words string // what the mail says, as a template
	ready func() // before anything is live
	do    func()
	says  func() string     // the words as they arrive
	also  []occurrence.Type // what else comes of it, and is answered
}

// Every trigger, from the calls of the API to the mail: one mail for each distribution that answers, with the words of what
// happened, and none for anybody else.
func TestEveryTriggerIsAnsweredByMail(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	s := openShop(h)
	all := s.triggers()
	for _, one := range all {
		if one.ready != nil {
			one.ready()
		}
	}
	h.relayed()
	live, expected := map[occurrence.Type]string{}, map[occurrence.Type]int64{}
	for _, one := range all {
		trigger := object{"type": string(one.kind)}
		maps.Copy(trigger, one.about)
		live[one.kind] = h.live(letter(trigger, object{"type": "message"}, string(one.kind), one.words))
	}
	for _, fit := range distribution.Fits {
		require.True(t, fit.Trigger == distribution.Manual || live[occurrence.Type(fit.Trigger)] != "", "%s is told", fit.Trigger)
	}
	mails := 0
	for _, one := range all {
		who := nameOf(one.kind)
		mails += 1 + len(one.also)
		expected[one.kind]++
		for _, other := range one.also {
			expected[other]++
		}
		t.Run(string(one.kind), func(t *testing.T) {
			defer h.in(t)()
			one.do()
			h.gets(who+"@private.example", 1+len(one.also))
			h.hears(who, one, live[one.kind])
		})
	}
	h.relayed()
	for kind, one := range live {
		require.Eventually(t, func() bool { return h.tally(h.get(one)).Sent == expected[kind] }, 20*time.Second, 20*time.Millisecond, kind)
		require.Equal(t, expected[kind], h.tally(h.get(one)).Total(), kind)
	}
	require.Equal(t, mails, h.mail.Count())
}

// letter is a distribution that answers a trigger with a mail that says the words.
func letter(trigger, action object, subject, words string) object {
	return object{
		"name": "Answer to " + trigger["type"].(string), "trigger": trigger, "action": action,
		"channels": []object{{"type": "email", "subject": subject, "template": object{"text": "Dear {{ customer.name }}: " + words}}},
	}
}

// nameOf is the customer of a trigger's story.
func nameOf(kind occurrence.Type) string { return strings.ReplaceAll(string(kind), ".", "-") }

// person is the customer as calls name them.
func person(who string) object {
	return object{"source_id": who, "name": "Secret " + who, "email": who + "@private.example"}
}

// in has a part of the story fail by itself, until it is left.
func (h *house) in(t *testing.T) (leave func()) {
	whole := h.T
	h.T = t
	return func() { h.T = whole }
}

// relayed waits until everybody was told of what happened so far.
func (h *house) relayed() {
	h.Helper()
	require.Eventually(h, func() bool {
		var waiting int
		require.NoError(h, h.pool.QueryRow(h.Context(), "SELECT count(*) FROM occurrences WHERE waiting").Scan(&waiting))
		return waiting == 0
	}, 20*time.Second, 10*time.Millisecond)
}

// hears sees what the customer's mails say, and that the ledger explains the one that the story is about.
func (h *house) hears(who string, one answered, from string) {
	h.Helper()
	subjects, bodies := []string{}, map[string]string{}
	for _, m := range h.mail.Mails() {
		if m.To == who+"@private.example" {
			subjects = append(subjects, m.Subject)
			bodies[m.Subject] = strings.TrimSpace(m.Body)
		}
	}
	expected := []string{string(one.kind)}
	for _, other := range one.also {
		expected = append(expected, string(other))
	}
	slices.Sort(expected)
	slices.Sort(subjects)
	require.Equal(h, expected, subjects)
	require.Equal(h, "Dear Secret "+who+": "+one.says(), bodies[string(one.kind)])

	customer := h.call("GET", "/customers/"+who, nil, http.StatusOK)["id"]
	var message object
	for _, m := range h.list("/distributions/" + from + "/messages?limit=100") {
		if m["customer_id"] == customer {
			require.Nil(h, message, "one message")
			message = m
		}
	}
	happened := h.list("/customers/" + who + "/activity?type=" + string(one.kind))
	require.Equal(h, happened[0]["id"], message["occurrence_id"])
	require.Equal(h, bodies[string(one.kind)], strings.TrimSpace(
		h.call("GET", "/messages/"+message["id"].(string), nil, http.StatusOK)["body"].(object)["text"].(string)))
}

// list is what a list of the API shows.
func (h *house) list(path string) (all []object) {
	h.Helper()
	for _, one := range h.call("GET", path, nil, http.StatusOK)["data"].([]any) {
		all = append(all, one.(object))
	}
	return all
}
