package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/message"
	"herald/internal/smtptest"
)

// A distribution to everyone is under way, as fast as the sending cap allows, when many customers do something at once. Their
// mails overtake the rest of it, which then arrives all the same, and nothing twice.
func TestTriggeredMessagesOvertakeBulk(t *testing.T) {
	const everyone, some, rate = 2000, 200, 200
	h := newHouse(t, time.Millisecond)
	h.workAt("priority.example", rate)
	spec := answer(object{"type": "customer.custom_event", "event": "ordered"}, object{"type": "message"}, "Thank you")
	spec["while_paused"] = "hold" // so that all of them leave at once
	thanks := h.live(spec)
	run, err := h.engine.DescribeWorkflowExecution(t.Context(), h.workflowID(thanks), "")
	require.NoError(t, err)
	require.EqualValues(t, 1, run.WorkflowExecutionInfo.Priority.GetPriorityKey())
	h.control(thanks, "pause")
	for i := range some {
		source := fmt.Sprintf("buyer%d", i)
		h.call("POST", "/events", object{
			"event": "ordered", "customer": object{"source_id": source, "name": "Secret " + source, "email": source + "@private.example"},
		}, http.StatusOK)
	}
	require.Eventually(t, func() bool { return h.tally(h.get(thanks)).Pending == some }, 30*time.Second, 50*time.Millisecond)
	sale := h.send(sale(h.people(everyone), "", "Spring sale"))
	h.arrived(everyone / 20)
	h.control(thanks, "resume")
	h.becomes(sale, "sent")
	require.Equal(t, message.Tally{Sent: everyone}, h.tally(h.get(sale)))
	require.EqualValues(t, some, h.tally(h.get(thanks)).Sent)
	h.everyoneOnce(everyone + some)

	mails := h.mail.Mails()
	first := slices.IndexFunc(mails, isThanks)
	slices.Reverse(mails)
	last := len(mails) - 1 - slices.IndexFunc(mails, isThanks)
	// One turn of ten stays with bulk; served in turn, it would have had two of three.
	require.Less(t, last-first-some, some/2, "bulk mails between the first triggered one and the last")
	require.Less(t, last, everyone, "they did not come last")
	h.control(thanks, "stop")
	h.becomes(thanks, "stopped")
}

func isThanks(m smtptest.Mail) bool { return m.Subject == "Thank you" }
