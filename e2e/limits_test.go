package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// noon is a time zone in which no day begins or ends while a story is told.
func noon() string {
	offset := 12 - time.Now().UTC().Hour()
	return fmt.Sprintf("Etc/GMT%+d", -offset) // whose names count to the west
}

// happens is an event of a customer in a time zone.
func (h *house) happens(event, source, zone string) {
	h.Helper()
	h.call("POST", "/events", object{"event": event, "customer": object{
		"source_id": source, "name": "Secret " + source, "email": source + "@private.example", "metadata": object{"timezone": zone},
	}}, http.StatusOK)
}

// limited is a live distribution that answers an event, within limits.
func (h *house) limited(event string, limits object) string {
	h.Helper()
	spec := answer(object{"type": "customer.custom_event", "event": event}, object{"type": "message"}, "About "+event)
	for name, limit := range limits {
		spec[name] = limit
	}
	if delay, ok := limits["delay"]; ok {
		delete(spec, "delay")
		spec["trigger"].(object)["delay"] = delay
	}
	return h.live(spec)
}

// stands waits until a distribution's messages stand like that: their statuses, each with its reason, by their number.
func (h *house) stands(one string, want ...string) (messages []object) {
	h.Helper()
	var got []string
	require.Eventually(h, func() bool {
		messages, got = nil, nil
		for _, m := range h.call("GET", "/distributions/"+one+"/messages?limit=100", nil, http.StatusOK)["data"].([]any) {
			m := m.(object)
			stands := m["status"].(string)
			if reason, ok := m["reason"]; ok {
				stands += " " + reason.(string)
			}
			messages, got = append(messages, m), append(got, stands)
		}
		return fmt.Sprint(got) == fmt.Sprint(want)
	}, 90*time.Second, 50*time.Millisecond, "%s: %v", one, &got)
	return messages
}

// dueAt is until when a message waits.
func (h *house) dueAt(message object) time.Time {
	h.Helper()
	at, err := time.Parse(time.RFC3339, message["due_at"].(string))
	require.NoError(h, err)
	return at
}

// Every limit of a live distribution holds, and is the reason on the messages that it holds back.
func TestLimitsOfLiveDistributions(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("limits.example")

	// Quiet hours that end soon, at a full minute; in Kiritimati it is another time of the day.
	there, err := time.LoadLocation("Asia/Kolkata")
	require.NoError(t, err)
	now := time.Now().In(there)
	ends := now.Add(15 * time.Second).Truncate(time.Minute).Add(time.Minute)
	quiet := h.limited("asked", object{"quiet_hours": object{"from": now.Add(-2 * time.Hour).Format("15:04"), "to": ends.Format("15:04")}})
	h.happens("asked", "elsewhere", "Pacific/Kiritimati")
	h.stands(quiet, "sent")
	h.happens("asked", "asleep", "Asia/Kolkata")
	require.WithinDuration(t, ends, h.dueAt(h.stands(quiet, "sent", "deferred quiet_hours")[1]), 0)

	h.endsAndBegins()
	h.capsAndDelays()

	asleep := h.stands(quiet, "sent", "sent")[1]
	sent, err := time.Parse(time.RFC3339, asleep["sent_at"].(string))
	require.NoError(t, err)
	require.False(t, sent.Before(ends.Add(-2*time.Second)), "sent %s, quiet until %s", sent, ends)
	h.gets("asleep@private.example", 1)
}

// endsAndBegins: what happens before the start makes no message, and what waits at the end never leaves.
func (h *house) endsAndBegins() {
	h.Helper()
	start := time.Now().Add(3 * time.Second)
	begins := h.limited("came", object{"start_date": start})
	h.happens("came", "early", "UTC")
	expires := h.limited("left", object{"expiration_date": time.Now().Add(15 * time.Second), "delay": "PT1H"})
	h.happens("left", "waiting", "UTC")
	h.stands(expires, "deferred delayed")
	time.Sleep(time.Until(start)) // the clock is what this is about
	h.happens("came", "late", "UTC")
	h.gets("late@private.example", 1)
	h.stands(begins, "sent")
	h.becomes(expires, "sent")
	h.stands(expires, "stopped distribution_expired")
	h.happens("left", "after", "UTC")
	h.control(begins, "stop")
	h.becomes(begins, "stopped")
	require.NotContains(h, h.mail.ByRecipient(), "early@private.example")
	require.NotContains(h, h.mail.ByRecipient(), "waiting@private.example")
	require.NotContains(h, h.mail.ByRecipient(), "after@private.example")
}

// capsAndDelays: one message a day of one distribution, three of the project's; and one that leaves later.
func (h *house) capsAndDelays() {
	h.Helper()
	delayed := h.limited("ordered", object{"delay": "PT3S"})
	h.happens("ordered", "patient", noon())
	due := h.dueAt(h.stands(delayed, "deferred delayed")[0])
	h.gets("patient@private.example", 1)
	require.False(h, time.Now().Before(due.Add(-2*time.Second)))

	once := h.limited("looked", object{"frequency_cap": object{"per_day": 1}})
	for range 2 {
		h.happens("looked", "regular", noon())
	}
	h.happens("looked", "other", noon())
	h.stands(once, "sent", "skipped frequency_cap", "sent")

	require.NoError(h, db.Projects{Pool: h.pool}.SetMessagesPerDay(h.Context(), h.project, 3))
	often := h.limited("bought", nil)
	for range 3 {
		h.happens("bought", "regular", noon())
	}
	h.stands(often, "sent", "sent", "skipped frequency_cap")
	h.happens("bought", "other", noon())
	h.stands(often, "sent", "sent", "skipped frequency_cap", "sent")
	require.NoError(h, db.Projects{Pool: h.pool}.SetMessagesPerDay(h.Context(), h.project, 0))
	h.happens("bought", "regular", noon())
	h.stands(often, "sent", "sent", "skipped frequency_cap", "sent", "sent")
	require.Equal(h, 4, h.mail.ByRecipient()["regular@private.example"])
}
