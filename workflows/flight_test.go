package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/distribution"
	"herald/internal/message"
)

func flights() []scenario {
	return []scenario{
		{
			name: "paused in full flight and resumed", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.control(distribution.Pause); b.stall() }) }
				h.at(2*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "paused with every batch under way", first: 10 * time.Minute, tally: message.Tally{Sent: 12_000}, only: []int{0},
			setup: func(h *harness) {
				h.ledger.people = 12_000
				h.ledger.halfway = func(n int, b *batch) {
					if n == batches {
						h.control(distribution.Pause)
					}
					if n <= batches {
						b.stall()
					}
				}
				h.at(2*time.Hour, func(h *harness) {
					require.EqualValues(h.t, batches*499, h.ledger.count().Sent, "each batch had sent 499 when it was paused")
					h.control(distribution.Resume)
				})
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "resumed before the batches have ended", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.control(distribution.Pause); b.stall() }) }
				h.ledger.hooks["RecordStatus"] = func(n int) {
					if n == 3 {
						h.control(distribution.Resume)
					}
				}
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "paused twice in full flight", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) {
					if n == 1 || n == 5 {
						h.control(distribution.Pause)
						b.stall()
					}
				}
				h.at(2*time.Hour, func(h *harness) { h.control(distribution.Resume) })
				h.at(4*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logPaused, logResumed, logSent},
		},
		{
			name: "paused while a page is enrolled", first: 10*time.Minute + time.Hour, tally: everyone, only: []int{0, 1},
			setup: func(h *harness) {
				h.ledger.hooks["EnrolPage"] = func(n int) { once(n, func() { h.wait(h.control(distribution.Pause)) }) }
				h.at(10*time.Minute+time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "stopped in full flight", first: 10 * time.Minute, loose: true,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.control(distribution.Stop); b.stall() }) }
			},
			log: []string{logConfirmed, logSending, logStopped},
			check: func(t *testing.T, h *harness) {
				tally := h.ledger.count()
				require.Equal(t, int64(len(h.ledger.messages)), tally.Sent+tally.Stopped)
				require.GreaterOrEqual(t, tally.Stopped, int64(251), "the rest of the batch that was under way")
				require.Equal(t, tally, h.tally)
			},
		},
		{
			name: "stopped while paused in full flight", first: 10 * time.Minute, loose: true,
			setup: func(h *harness) {
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.control(distribution.Pause); b.stall() }) }
				h.at(2*time.Hour, func(h *harness) { h.control(distribution.Stop) })
			},
			log: []string{logConfirmed, logSending, logPaused, logStopped},
			check: func(t *testing.T, h *harness) {
				require.GreaterOrEqual(t, h.ledger.count().Stopped, int64(251))
				require.Zero(t, h.ledger.count().Pending)
			},
		},
		{
			name: "stopped while everything has left and is counted", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.hooks["CountMessages"] = func(n int) { once(n, func() { h.wait(h.control(distribution.Stop)) }) }
			},
			log: []string{logConfirmed, logSending, logStopped},
		},
		{
			name: "controls that come while it ends", first: 10 * time.Minute, tally: everyone, only: []int{0},
			setup: func(h *harness) {
				h.ledger.hooks["CountMessages"] = func(n int) { h.wait(h.control(distribution.Pause)) }
				h.ledger.hooks["RecordStatus"] = func(n int) {
					if n == 3 { // of the pause: the resume waits for its turn, and so does the end
						h.wait(h.refused(distribution.Resume, "is sent cannot take"))
						time.Sleep(50 * time.Millisecond)
					}
				}
			},
			log: []string{logConfirmed, logSending, logPaused, logSent},
		},
	}
}
