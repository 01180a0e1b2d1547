package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/smtptest"
)

// answer is an automatic distribution that answers with a mail.
func answer(trigger object, action object, subject string) object {
	return object{
		"name": "Answer to " + trigger["type"].(string), "trigger": trigger, "action": action,
		"channels": []object{{"type": "email", "subject": subject, "template": object{"text": "Dear {{ customer.name }}, {{ voucher.code }}"}}},
	}
}

// live sets a distribution live.
func (h *house) live(spec object) string {
	h.Helper()
	one := h.call("POST", "/distributions", spec, http.StatusOK)["id"].(string)
	require.Equal(h, "live", h.call("POST", "/distributions/"+one+"/live", nil, http.StatusAccepted)["status"])
	return one
}

// gets waits until a mailbox has so many mails.
func (h *house) gets(to string, mails int) {
	h.Helper()
	require.EventuallyWithT(h, func(c *assert.CollectT) { assert.Equal(c, mails, h.mail.ByRecipient()[to], to) }, 20*time.Second, 20*time.Millisecond)
}

// "You can send messages to customers who paid for an order above $99 and belong to a new customer segment": only those.
func TestOrderPaidAboveAnAmountByNewCustomers(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("orders.example")
	segment := h.call("POST", "/segments", object{
		"name": "New customers", "type": "auto-update", "filter": object{"metadata.new": object{"conditions": object{"$is": []bool{true}}}},
	}, http.StatusOK)["id"].(string)
	rule := h.call("POST", "/validation-rules", object{
		"name": "Large orders of new customers", "context_type": "distribution.order.paid",
		"rules": object{
			"1": object{"name": "order.amount", "conditions": object{"$more_than": []int{9900}}},
			"2": object{"name": "customer.segment", "conditions": object{"$is": []string{segment}}}, "logic": "1 and 2",
		},
	}, http.StatusOK)["id"].(string)
	campaign := h.campaign(10)
	one := h.live(answer(object{"type": "customer.order.paid", "validation_rule_id": rule},
		object{"type": "publish_code", "campaign_id": campaign}, "Thank you"))
	for source, paid := range map[string]struct {
		amount int
		new    bool
		status string
	}{
		"large": {20000, true, "PAID"}, "small": {9900, true, "PAID"}, "old": {20000, false, "PAID"}, "unpaid": {20000, true, "CREATED"},
	} {
		h.call("POST", "/orders", object{
			"source_id": "order-" + source, "status": paid.status, "amount": paid.amount,
			"customer": object{"source_id": source, "name": "Secret " + source, "email": source + "@private.example", "metadata": object{"new": paid.new}},
		}, http.StatusOK)
	}
	h.gets("large@private.example", 1)
	h.call("PUT", "/orders/order-unpaid", object{"status": "PAID"}, http.StatusOK)
	h.gets("unpaid@private.example", 1)
	h.call("PUT", "/orders/order-unpaid", object{"status": "PAID"}, http.StatusOK)
	require.Eventually(t, func() bool {
		tally := h.tally(h.get(one))
		return tally.Sent == 2 && tally.Skipped == 2
	}, 20*time.Second, 50*time.Millisecond, "%v", h.get(one)["messages"])
	require.Len(t, h.mail.ByRecipient(), 2)
	h.control(one, "stop")
	h.becomes(one, "stopped")
}

func TestALiveDistributionPausesEditsAndComesBack(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("events.example")
	spec := answer(object{"type": "customer.custom_event", "event": "signed_up"}, object{"type": "message"}, "Welcome")
	spec["while_paused"] = "hold"
	one := h.live(spec)
	signUp := func(source string) {
		h.call("POST", "/events", object{
			"event": "signed_up", "customer": object{"source_id": source, "name": "Secret " + source, "email": source + "@private.example"},
		}, http.StatusOK)
	}
	signUp("ada")
	h.gets("ada@private.example", 1)
	require.Equal(t, "paused", h.control(one, "pause")["status"])
	signUp("bea")
	time.Sleep(time.Second) // as long as a mail would take many times over
	require.NotContains(t, h.mail.ByRecipient(), "bea@private.example")
	h.control(one, "resume")
	h.gets("bea@private.example", 1)

	spec["channels"].([]object)[0]["subject"] = "Welcome again"
	require.EqualValues(t, 2, h.call("PUT", "/distributions/"+one, spec, http.StatusAccepted)["version"])
	signUp("ada")
	h.gets("ada@private.example", 2)

	require.NoError(t, h.engine.TerminateWorkflow(t.Context(), h.workflowID(one), "", "by hand"))
	signUp("cleo")
	h.gets("cleo@private.example", 1)
	h.control(one, "stop")
	h.becomes(one, "stopped")
	signUp("ada")
	require.EqualValues(t, 4, h.tally(h.get(one)).Sent)
}

// Who could not be reached is written to again when somebody says so, while it is live and after.
func TestFailedMessagesOfALiveDistributionAreSentAgain(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("retried.example")
	unreachable := func(stage smtptest.Stage, to string) string {
		if stage == smtptest.Recipient && strings.HasPrefix(to, "lost") {
			return "550 5.1.1 unknown"
		}
		return ""
	}
	h.mail.Answers(unreachable)
	one := h.live(answer(object{"type": "customer.custom_event", "event": "signed_up"}, object{"type": "message"}, "Welcome"))
	signUp := func(source string) {
		h.call("POST", "/events", object{
			"event": "signed_up", "customer": object{"source_id": source, "name": "Secret " + source, "email": source + "@private.example"},
		}, http.StatusOK)
	}
	failed := func(n int64) {
		require.Eventually(t, func() bool { return h.tally(h.get(one)).Failed == n }, 20*time.Second, 20*time.Millisecond)
	}
	retry := func() {
		h.call("POST", "/distributions/"+one+"/retry", object{"status": "failed"}, http.StatusAccepted)
	}
	h.call("POST", "/distributions/"+one+"/retry", object{"status": "failed"}, http.StatusConflict)
	signUp("found")
	signUp("lost1")
	h.gets("found@private.example", 1)
	failed(1)
	h.mail.Answers(nil)
	retry()
	h.gets("lost1@private.example", 1)
	h.mail.Answers(unreachable)
	signUp("lost2")
	failed(1)
	h.control(one, "stop")
	h.becomes(one, "stopped")
	h.mail.Answers(nil)
	retry()
	h.gets("lost2@private.example", 1)
	h.becomes(one, "sent")
	require.Equal(t, message.Tally{Sent: 3, Recovered: 2}, h.tally(h.get(one)))
	require.Equal(t, map[string]int{"found@private.example": 1, "lost1@private.example": 1, "lost2@private.example": 1}, h.mail.ByRecipient())
}

// Whoever ends a run in the engine, in the middle of everything, loses nothing: it comes back, and answers what the run took along.
func TestATerminatedRunLosesNothing(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("terminated.example")
	one := h.live(answer(object{"type": "customer.custom_event", "event": "signed_up"}, object{"type": "message"}, "Welcome"))
	const customers = 300
	for n := range customers {
		source := fmt.Sprintf("customer%d", n)
		h.call("POST", "/events", object{
			"event": "signed_up", "customer": object{"source_id": source, "name": "Secret " + source, "email": source + "@private.example"},
		}, http.StatusOK)
		if n%50 == 25 {
			err := h.engine.TerminateWorkflow(t.Context(), h.workflowID(one), "", "by hand")
			require.True(t, err == nil || errors.As(err, new(*serviceerror.NotFound)), "%v", err) // it may not be back yet
		}
	}
	h.arrived(customers)
	h.control(one, "stop")
	h.becomes(one, "stopped")
	require.Equal(t, message.Tally{Sent: customers}, h.tally(h.get(one)))
	h.everyoneOnce(customers)
}

// workflowID is how the engine calls a distribution's run.
func (h *house) workflowID(one string) string {
	return "distribution/" + id.Project.Format(h.project) + "/" + one
}
