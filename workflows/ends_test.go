package workflows

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"herald/internal/distribution"
	"herald/internal/message"
)

func ends() []scenario {
	fault := temporal.NewNonRetryableApplicationError("the template cannot be read", "invalid_payload", nil)
	return []scenario{
		{
			name:  "nobody in the audience",
			setup: func(h *harness) { h.ledger.people = 0 },
			log:   []string{logConfirmed, logSending, "herald failed: failed, empty_audience"},
		},
		{
			name: "a fault that no retry cures", loose: true, fails: "the template cannot be read",
			setup: func(h *harness) { h.ledger.refuses = func(int) error { return fault } },
			log:   []string{logConfirmed, logSending, "herald failed: failed, invalid_payload: the template cannot be read"},
		},
		{
			name: "a version that is not there", fails: "Cannot find distribution_version", only: []int{0},
			state: func(s *ManualState) { s.Version = 0 },
			log:   []string{"herald failed: failed, not_found: Cannot find distribution_version"},
			check: func(t *testing.T, h *harness) { require.Equal(t, distribution.Failed, h.orders[0].answer.Status) },
		},
		{
			name: "an edit to a version that is not there", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(time.Minute, func(h *harness) { h.edit(-1, false).refusal = "Cannot find distribution_version" })
			},
			log:   []string{logConfirmed, logSending, logSent},
			check: sentVersion(1),
		},
		{
			name: "failed messages sent again", first: atOnce, tally: message.Tally{Sent: 3500, Recovered: 2},
			state: func(s *ManualState) { s.Retry, s.Actor = message.Failed, "ops" },
			setup: func(h *harness) {
				h.ledger.messages = slices.Repeat([]messageFake{{status: message.Sent, version: 1, attempts: 1}}, 3500)
				h.ledger.messages[0] = messageFake{status: message.Failed, attempts: 1}
				h.ledger.messages[3499] = messageFake{status: message.Failed, attempts: 1}
			},
			log: []string{"ops retry_started: sending", logSent},
		},
		{
			name: "controls that do not fit", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(time.Minute, func(h *harness) { h.refused(distribution.Resume, `scheduled cannot take "resume"`) })
				h.at(2*time.Minute, func(h *harness) { h.control(distribution.Pause) })
				h.at(3*time.Minute, func(h *harness) { h.refused(distribution.Pause, `paused cannot take "pause"`) })
				h.at(4*time.Minute, func(h *harness) { h.control(distribution.Resume) })
				h.ledger.halfway = func(n int, _ *batch) {
					once(n, func() {
						h.wait(h.refused(distribution.Edit, `sending cannot take "edit"`))
						h.wait(h.refused(distribution.SendNow, `sending cannot take "send-now"`))
						h.wait(h.refused(distribution.Resume, `sending cannot take "resume"`))
					})
				}
				h.at(24*time.Hour, func(h *harness) { t := h.t; require.Fail(t, "it should have ended") })
			},
			log: []string{logConfirmed, logPaused, "ops resumed: scheduled", logSending, logSent},
		},
		{
			name: "edits and hurry while paused in full flight are refused", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.control(distribution.Pause); b.stall() }) }
				h.at(time.Hour, func(h *harness) { h.refused(distribution.Edit, "messages are already being sent") })
				h.at(time.Hour, func(h *harness) { h.refused(distribution.SendNow, "messages are already being sent") })
				h.at(2*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "hurry while it syncs is refused", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.segments[1] = segmentOf(1)
				h.ledger.hooks["AwaitSegment"] = func(n int) {
					once(n, func() {
						h.wait(h.refused(distribution.SendNow, "syncing cannot take"))
						h.sync(segmentOf(1))
					})
				}
			},
			log: []string{logSyncing, logCountdown, logSending, logSent},
		},
		{
			name: "two stops at once", first: 10 * time.Minute, loose: true,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) {
					once(n, func() {
						h.control(distribution.Stop)
						h.refused(distribution.Stop, "is being stopped")
						b.stall()
					})
				}
			},
			log: []string{logConfirmed, logSending, logStopped},
		},
		{
			name: "cancelled in the engine's UI in the countdown", only: []int{0},
			setup: func(h *harness) { h.at(5*time.Minute, func(h *harness) { h.env.CancelWorkflow() }) },
			log:   []string{logConfirmed, "engine stopped: stopped"},
		},
		{
			name: "cancelled in the engine's UI while it syncs", only: []int{0},
			setup: func(h *harness) {
				h.ledger.segments[1] = segmentOf(1)
				h.ledger.hooks["AwaitSegment"] = func(n int) { once(n, func() { h.env.CancelWorkflow() }) }
			},
			log: []string{logSyncing, "engine stopped: stopped"},
		},
		{
			name: "cancelled in the engine's UI in full flight", loose: true, first: 10 * time.Minute, only: []int{0},
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.env.CancelWorkflow(); b.stall() }) }
			},
			log: []string{logConfirmed, logSending, "engine stopped: stopped"},
		},
	}
}
