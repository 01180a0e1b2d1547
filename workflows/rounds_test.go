package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"herald/internal/distribution"
	"herald/internal/message"
)

func roundsAndCodes() []scenario {
	return []scenario{
		{
			name: "deferred, then recovered", first: 10 * time.Minute, tally: message.Tally{Sent: 3500, Recovered: 4},
			setup: func(h *harness) {
				h.ledger.deferrals = map[int64]int{7: 1, 1500: 1, 2999: 2, 3500: 4}
			},
			log: []string{logConfirmed, logSending, logSent},
			check: func(t *testing.T, h *harness) {
				require.Equal(t, 5, h.ledger.messages[3499].attempts)
				require.GreaterOrEqual(t, h.ledger.now().Sub(start), 20*time.Minute, "1+2+3+4 minutes after the first attempt")
			},
		},
		{
			name: "deferred in more thousands than one look finds", first: 10 * time.Minute, tally: message.Tally{Sent: 6500, Recovered: 7},
			setup: func(h *harness) {
				h.ledger.people = 6500
				for n := range int64(7) {
					h.ledger.deferrals[n*1000+1] = 1
				}
			},
			log: []string{logConfirmed, logSending, logSent},
		},
		{
			name: "paused between rounds", first: 10 * time.Minute, tally: message.Tally{Sent: 3500, Recovered: 1},
			setup: func(h *harness) {
				h.ledger.deferrals[7] = 3
				h.at(10*time.Minute+30*time.Second, func(h *harness) { h.control(distribution.Pause) })
				h.at(5*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "stopped between rounds", first: 10 * time.Minute, tally: message.Tally{Sent: 3499, Stopped: 1},
			setup: func(h *harness) {
				h.ledger.deferrals[7] = 1
				h.at(10*time.Minute+30*time.Second, func(h *harness) { h.control(distribution.Stop) })
			},
			log: []string{logConfirmed, logSending, logStopped},
		},
		{
			name: "some recipients are unknown", first: 10 * time.Minute, tally: message.Tally{Sent: 3498, Failed: 2},
			setup: func(h *harness) {
				h.ledger.unknown = map[int64]bool{1: true, 3500: true}
			},
			log: []string{logConfirmed, logSending, logSent},
		},
		{
			name: "the provider is away for a while", first: 10 * time.Minute, tally: everyone, loose: true,
			setup: func(h *harness) {
				h.ledger.refuses = func(n int) error {
					if n%2 == 1 {
						return temporal.NewApplicationError("421 busy", "provider_unavailable")
					}
					return nil
				}
			},
			log:   []string{logConfirmed, logSending, logSent},
			check: func(t *testing.T, h *harness) { require.Equal(t, everyone, h.tally) },
		},
		{
			name: "out of codes until some are added", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.at(6*time.Hour, func(h *harness) {
					require.EqualValues(h.t, 2000, h.ledger.count().Sent)
					h.addCodes(1500)
				})
			},
			log: []string{logConfirmed, logSending, logOutOfCodes, logCodesAdded, logSent},
		},
		{
			name: "too few codes added", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.at(6*time.Hour, func(h *harness) { h.addCodes(700) })
				h.at(7*time.Hour, func(h *harness) { h.addCodes(800) })
			},
			log: []string{logConfirmed, logSending, logOutOfCodes, logCodesAdded, logOutOfCodes, logCodesAdded, logSent},
		},
		{
			name: "out of codes, resumed by hand", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.at(6*time.Hour, func(h *harness) { h.control(distribution.Resume) })
				h.at(7*time.Hour, func(h *harness) { h.ledger.addCodes(1500); h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logOutOfCodes, logResumed, logOutOfCodes, logResumed, logSent},
		},
		{
			name: "codes added before anybody noticed", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.ledger.halfway = func(n int, _ *batch) { once(n, func() { h.addCodes(1500) }) }
			},
			log: []string{logConfirmed, logSending, logSent},
		},
		{
			name: "codes made by the campaign itself while it looked", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.ledger.hooks["PublishWaiting"] = func(n int) { once(n, func() { h.ledger.addCodes(1500) }) }
			},
			log: []string{logConfirmed, logSending, logSent},
		},
		{
			name: "codes added while paused by request", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.ledger.halfway = func(n int, b *batch) { once(n, func() { h.control(distribution.Pause); b.stall() }) }
				h.at(time.Hour, func(h *harness) { h.addCodes(1500) })
				h.at(2*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "stopped while out of codes", first: 10 * time.Minute, tally: message.Tally{Sent: 2000, Stopped: 1500},
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 2000
				h.at(6*time.Hour, func(h *harness) { h.control(distribution.Stop) })
			},
			log: []string{logConfirmed, logSending, logOutOfCodes, logStopped},
		},
	}
}
