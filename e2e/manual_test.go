package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/message"
	"herald/internal/smtptest"
)

func TestFromACSVFileToTheInbox(t *testing.T) {
	const people = 300
	h := newHouse(t, 2*time.Second)
	h.work("herald.example")
	file := "Source_id,Name,Email,city\n"
	for n := range people {
		file += fmt.Sprintf("c%d,Wilhelmina Q%d,wilhelmina.q%d@private.example,%s\n", n, n, n, []string{"Katowice", "Katowice", "Warsaw"}[n%3])
	}
	h.done(h.imports(file))

	segment := h.call("POST", "/segments", object{
		"name": "Katowice", "type": "auto-update",
		"filter": object{"junction": "and", "metadata.city": object{"conditions": object{"$is": []string{"Katowice"}}}},
	}, http.StatusOK)["id"].(string)
	campaign := h.campaign(people)
	spec := sale(segment, campaign, "{{ customer.name }}, a code for you")
	distribution := h.call("POST", "/distributions", spec, http.StatusOK)["id"].(string)
	preview := h.call("POST", "/distributions/"+distribution+"/preview", object{}, http.StatusOK)
	require.Contains(t, preview["text"], "PREVIEW-CODE")

	confirmed := h.control(distribution, "send")
	require.Contains(t, []any{"syncing", "scheduled"}, confirmed["status"])
	sent := h.becomes(distribution, "sent")
	require.Equal(t, message.Tally{Sent: 200}, h.tally(sent))
	h.everyoneOnce(200)
	codes := map[string]bool{}
	for _, m := range h.mail.Mails() {
		n := strings.TrimSuffix(strings.TrimPrefix(m.To, "wilhelmina.q"), "@private.example")
		require.Equal(t, "Wilhelmina Q"+n+", a code for you", m.Subject)
		require.Contains(t, m.Body, "Dear Wilhelmina Q"+n+", your code: HUSH-")
		codes[m.Body[strings.Index(m.Body, "HUSH-"):]] = true
	}
	require.Len(t, codes, 200, "everybody has a code of their own")
	require.Subset(t, h.events(distribution), []string{"created", "confirmed", "countdown_started", "sending_started", "sent"})

	first := h.call("GET", "/distributions/"+distribution+"/messages?limit=1", nil, http.StatusOK)["data"].([]any)[0].(object)
	shown := h.call("GET", "/messages/"+first["id"].(string), nil, http.StatusOK)
	require.Equal(t, "sent", shown["status"])
	require.Contains(t, shown["body"].(object)["text"], "HUSH-")
	h.call("POST", "/distributions/"+distribution+"/pause", nil, http.StatusConflict)
	h.call("POST", "/distributions/"+distribution+"/send", nil, http.StatusConflict)
	h.call("POST", "/distributions/"+distribution+"/retry", object{"status": "failed"}, http.StatusConflict)
}

func TestStoppedInTheCountdown(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	distribution := h.send(sale(h.people(100), "", "Hello"))
	h.becomes(distribution, "scheduled")
	h.call("POST", "/distributions/"+distribution+"/resume", nil, http.StatusConflict)
	h.control(distribution, "stop")
	stopped := h.becomes(distribution, "stopped")
	require.Equal(t, message.Tally{}, h.tally(stopped))
	require.Zero(t, h.mail.Count())
	require.Equal(t, []string{"created", "confirmed", "countdown_started", "stopped"}, h.events(distribution))
	h.call("POST", "/distributions/"+distribution+"/send-now", nil, http.StatusConflict)
}

func TestEditedInTheCountdown(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	segment := h.people(100)
	distribution := h.send(sale(segment, "", "The old subject"))
	h.becomes(distribution, "scheduled")
	wrong := sale(segment, "", "{{ unclosed")
	h.call("PUT", "/distributions/"+distribution, wrong, http.StatusBadRequest)
	edited := h.call("PUT", "/distributions/"+distribution+"?countdown=restart", sale(segment, "", "The new subject"), http.StatusAccepted)
	require.Equal(t, "scheduled", edited["status"])
	h.control(distribution, "send-now")
	h.becomes(distribution, "sent")
	h.everyoneOnce(100)
	for _, m := range h.mail.Mails() {
		require.Equal(t, "The new subject", m.Subject)
	}
	h.call("PUT", "/distributions/"+distribution, sale(segment, "", "Too late"), http.StatusConflict)
}

// slow lets each mail take a while, so that there is a flight to interrupt.
func slow(stage smtptest.Stage, _ string) string {
	if stage == smtptest.End {
		time.Sleep(5 * time.Millisecond)
	}
	return ""
}

func TestPausedInFullFlight(t *testing.T) {
	const people = 4000
	h := newHouse(t, 0)
	h.work("herald.example")
	h.mail.Answers(slow)
	distribution := h.send(sale(h.people(people), "", "Hello"))
	h.arrived(200)
	h.control(distribution, "pause")
	pausedAt := time.Now()
	require.Eventually(t, func() bool { return time.Since(pausedAt) >= 2*time.Second }, 3*time.Second, 10*time.Millisecond)
	then := h.mail.Count()
	require.Less(t, then, people)
	require.Never(t, func() bool { return h.mail.Count() > then }, 1500*time.Millisecond, 20*time.Millisecond, "the last mail leaves within 2 s")
	shown := h.get(distribution)
	require.Equal(t, "paused", shown["status"])
	require.Equal(t, "by_request", shown["reason"])
	require.EqualValues(t, then, h.tally(shown).Sent, "what left is known")

	h.mail.Answers(nil)
	h.control(distribution, "resume")
	require.Equal(t, message.Tally{Sent: people}, h.tally(h.becomes(distribution, "sent")))
	h.everyoneOnce(people)
}

func TestPausedAndResumedAtOnce(t *testing.T) {
	const people = 4000
	h := newHouse(t, 0)
	h.work("herald.example")
	h.mail.Answers(slow)
	distribution := h.send(sale(h.people(people), "", "Hello"))
	for n := range 5 {
		h.arrived(100 * (n + 1))
		h.control(distribution, "pause")
		h.control(distribution, "resume")
	}
	h.mail.Answers(nil)
	require.Equal(t, message.Tally{Sent: people}, h.tally(h.becomes(distribution, "sent")))
	h.everyoneOnce(people)
}

func TestStoppedInFullFlight(t *testing.T) {
	const people = 4000
	h := newHouse(t, 0)
	h.work("herald.example")
	segment, campaign := h.people(people), h.campaign(people)
	h.mail.Answers(slow)
	distribution := h.send(sale(segment, campaign, "Hello"))
	h.arrived(200)
	require.Eventually(t, func() bool { return h.tally(h.get(distribution)).Total() == people }, 30*time.Second, 20*time.Millisecond, "all are enrolled")
	h.control(distribution, "stop")
	tally := h.tally(h.becomes(distribution, "stopped"))
	require.EqualValues(t, h.mail.Count(), tally.Sent, "what left is known")
	require.Equal(t, message.Tally{Sent: tally.Sent, Stopped: people - tally.Sent}, tally)
	require.Positive(t, tally.Stopped)
	var given int64
	require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT count(*) FROM vouchers WHERE publication_id IS NOT NULL").Scan(&given))
	require.Equal(t, tally.Sent, given, "the others' codes can be given again")
}

func TestTwoWorkersShareADistribution(t *testing.T) {
	const people = 6000
	h := newHouse(t, 0)
	h.mail.Answers(slow)
	stopFirst := h.work("first.example")
	h.work("second.example")
	distribution := h.send(sale(h.people(people), "", "Hello"))
	by := func() (first, second int) {
		for _, m := range h.mail.Mails() {
			if strings.HasSuffix(m.MessageID, "@first.example") {
				first++
			} else {
				second++
			}
		}
		return first, second
	}
	require.Eventually(t, func() bool {
		first, second := by()
		return first > 100 && second > 100
	}, time.Minute, 10*time.Millisecond)
	h.mail.Answers(nil)
	stopFirst()
	require.Equal(t, message.Tally{Sent: people}, h.tally(h.becomes(distribution, "sent")))
	h.everyoneOnce(people)
}

func TestTheWorkerIsReplacedInFullFlight(t *testing.T) {
	const people = 3000
	h := newHouse(t, 0)
	h.mail.Answers(slow)
	stop := h.work("first.example")
	distribution := h.send(sale(h.people(people), "", "Hello"))
	h.arrived(200)
	stop()
	then := h.mail.Count()
	require.Less(t, then, people)
	h.mail.Answers(nil)
	h.work("second.example")
	require.Equal(t, message.Tally{Sent: people}, h.tally(h.becomes(distribution, "sent")))
	h.everyoneOnce(people)
}

func TestTheProviderIsBusyForAWhile(t *testing.T) {
	const people = 1500
	h := newHouse(t, 0)
	h.work("herald.example")
	var mails atomic.Int64
	var busy atomic.Bool
	h.mail.Answers(func(stage smtptest.Stage, _ string) string {
		if stage == smtptest.Sender && mails.Add(1) == 300 {
			busy.Store(true)
		}
		if busy.Load() && stage == smtptest.Sender {
			return "421 4.3.2 <wilhelmina.q7@private.example> has to wait, too many mails"
		}
		return ""
	})
	distribution := h.send(sale(h.people(people), "", "Hello"))
	require.Eventually(t, func() bool {
		shown := h.get(distribution)
		return shown["status"] == "sending" && strings.Contains(fmt.Sprint(shown["reason"]), "too many mails")
	}, time.Minute, 50*time.Millisecond, "people see why it does not get on")
	busy.Store(false)
	sent := h.becomes(distribution, "sent")
	require.Equal(t, message.Tally{Sent: people}, h.tally(sent))
	require.Nil(t, sent["reason"])
	h.everyoneOnce(people)
	require.Subset(t, h.events(distribution), []string{"provider_unavailable", "provider_recovered", "sent"})
}

func TestOutOfCodesUntilSomeAreAdded(t *testing.T) {
	h := newHouse(t, 0)
	h.work("herald.example")
	segment, campaign := h.people(80), h.campaign(50)
	distribution := h.send(sale(segment, campaign, "Hello"))
	paused := h.becomes(distribution, "paused")
	require.Equal(t, "out_of_codes", paused["reason"])
	require.Equal(t, message.Tally{Sent: 50, Deferred: 30}, h.tally(paused))
	h.control(distribution, "resume") // by hand, too early
	require.Eventually(t, func() bool { return count(h.events(distribution), "out_of_codes") == 2 }, 30*time.Second, 20*time.Millisecond)

	h.call("POST", "/campaigns/"+campaign+"/vouchers?vouchers_count=30", object{}, http.StatusAccepted)
	sent := h.becomes(distribution, "sent")
	require.Equal(t, message.Tally{Sent: 80}, h.tally(sent))
	h.everyoneOnce(80)
	var codes int
	require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT count(DISTINCT voucher_id) FROM messages").Scan(&codes))
	require.Equal(t, 80, codes)
	require.Subset(t, h.events(distribution), []string{"resumed", "codes_added", "sent"})
}

func count(list []string, what string) (n int) {
	for _, one := range list {
		if one == what {
			n++
		}
	}
	return n
}

func TestRefusedAndPutOffRecipients(t *testing.T) {
	h := newHouse(t, 0)
	h.work("herald.example")
	h.mail.Answers(putOff())
	distribution := h.send(sale(h.people(60), "", "Hello"))
	sent := h.becomes(distribution, "sent")
	require.Equal(t, message.Tally{Sent: 59, Recovered: 6, Failed: 1}, h.tally(sent))
	h.everyoneOnce(59)
	failed := h.call("GET", "/distributions/"+distribution+"/messages?status=failed", nil, http.StatusOK)["data"].([]any)
	require.Len(t, failed, 1)
	require.Equal(t, "550 5.1.1 <wilhelmina.q13@private.example> Wilhelmina Q13 unknown", failed[0].(object)["reply"])

	h.mail.Answers(nil)
	h.call("POST", "/distributions/"+distribution+"/retry", object{"status": "failed"}, http.StatusAccepted)
	require.Eventually(t, func() bool { return h.tally(h.get(distribution)).Sent == 60 }, 30*time.Second, 50*time.Millisecond)
	h.becomes(distribution, "sent")
	h.everyoneOnce(60)
}

// putOff greylists every tenth recipient once, and knows one of them not at all; both answers quote the address.
func putOff() smtptest.Answer {
	var tried [61]atomic.Int64
	return func(stage smtptest.Stage, to string) string {
		var n int
		if _, err := fmt.Sscanf(to, "wilhelmina.q%d@", &n); err != nil || stage != smtptest.Recipient {
			return ""
		}
		switch {
		case n == 13:
			return "550 5.1.1 <" + to + "> Wilhelmina Q13 unknown"
		case n%10 == 0 && tried[n].Add(1) == 1:
			return "451 4.7.1 <" + to + "> greylisted"
		}
		return ""
	}
}

func TestNobodyInTheSegmentAnyMore(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	distribution := h.send(sale(h.people(3), "", "Hello"))
	h.becomes(distribution, "scheduled")
	_, err := h.pool.Exec(t.Context(), "DELETE FROM segment_members")
	require.NoError(t, err)
	h.control(distribution, "send-now")
	require.Equal(t, "empty_audience", h.becomes(distribution, "failed")["reason"])
}

func TestATestMessage(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	h.secrets = append(h.secrets, "me@private.example")
	one := h.call("POST", "/distributions", sale(h.people(1), "", "Hello {{ customer.name }}"), http.StatusOK)["id"].(string)
	sent := h.call("POST", "/distributions/"+one+"/test", object{"to": "me@private.example"}, http.StatusOK)
	require.Equal(t, "sent", sent["status"])
	require.Equal(t, []string{"me@private.example"}, slices.Collect(maps.Keys(h.mail.ByRecipient())))
	require.Equal(t, "Hello Alex Sample", h.mail.Mails()[0].Subject)
	require.Equal(t, "draft", h.get(one)["status"])

	h.mail.Answers(func(stage smtptest.Stage, to string) string {
		if stage == smtptest.Recipient {
			return "550 5.1.1 <" + to + "> unknown"
		}
		return ""
	})
	refused := h.call("POST", "/distributions/"+one+"/test", object{"to": "me@private.example"}, http.StatusOK)
	require.Equal(t, "failed", refused["status"])
	require.Equal(t, "mailbox_unavailable", refused["reason"])
	var kept int
	require.NoError(t, h.pool.QueryRow(t.Context(), "SELECT count(*) FROM test_messages").Scan(&kept))
	require.Zero(t, kept)
}
