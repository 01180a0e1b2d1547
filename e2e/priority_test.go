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

// Many updates in bulk are asked for at once, and none of them gets on: what a customer triggers meanwhile is answered all the
// same, because they do not get all of a worker's connections to the database.
func TestWorkInBulkLeavesRoomForTriggers(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("room.example")
	h.live(answer(object{"type": "customer.custom_event", "event": "ordered"}, object{"type": "message"}, "Thank you"))
	h.call("POST", "/customers", object{"source_id": "stuck", "name": "Secret stuck"}, http.StatusOK)
	holder, err := h.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = holder.Rollback(t.Context()) }()
	_, err = holder.Exec(t.Context(), "SELECT FROM customers WHERE source_id = 'stuck' FOR UPDATE")
	require.NoError(t, err)
	const many = 2 * connections
	for range many {
		h.call("POST", "/customers/bulk/async", []object{{"source_id": "stuck", "phone": "+48"}}, http.StatusAccepted)
	}
	require.Eventually(t, func() bool {
		var waiting int
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
		return waiting >= 8
	}, 30*time.Second, 50*time.Millisecond, "the updates wait for the customer")
	h.call("POST", "/events", object{
		"event": "ordered", "customer": object{"source_id": "buyer", "name": "Secret buyer", "email": "buyer@private.example"},
	}, http.StatusOK)
	h.gets("buyer@private.example", 1)
	require.NoError(t, holder.Rollback(t.Context()))
	require.Eventually(t, func() bool {
		done := h.call("GET", "/async-actions?limit=100", nil, http.StatusOK)["async_actions"].([]any)
		return len(done) == many && !slices.ContainsFunc(done, func(a any) bool { return a.(object)["status"] != "DONE" })
	}, time.Minute, 50*time.Millisecond)
}

func isThanks(m smtptest.Mail) bool { return m.Subject == "Thank you" }
