package workflows

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// happens tells the run of occurrences.
func (h *harness) happens(occurrences ...int64) {
	h.give(&order{name: triggers.name, input: Triggered{Occurrences: occurrences}, signal: true})
}

// livesOf are lives of automatic distributions; each is played in one piece and continued as new after every few steps.
func livesOf() []scenario {
	second := func(h *harness, n int, do func(h *harness)) { h.at(time.Duration(n)*time.Second, do) }
	return []scenario{
		{
			name: "answers and stops", tally: message.Tally{Sent: 3}, log: []string{logLive, logStopped}, first: time.Second,
			setup: func(h *harness) {
				second(h, 1, func(h *harness) { h.happens(1, 2) })
				second(h, 2, func(h *harness) { h.happens(2, 3) }) // told twice: enrolled once
				second(h, 60, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "many at once", tally: message.Tally{Sent: 2500}, log: []string{logLive, logStopped}, first: time.Second,
			setup: func(h *harness) {
				second(h, 1, func(h *harness) {
					for from := range 5 {
						var batch []int64
						for n := range 500 {
							batch = append(batch, int64(from*500+n+1))
						}
						h.happens(batch...)
					}
				})
				second(h, 120, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "held while paused", tally: message.Tally{Sent: 2}, log: []string{logLive, logPaused, logLiveAgain, logStopped}, first: time.Second,
			setup: func(h *harness) {
				second(h, 1, func(h *harness) { h.happens(1) })
				second(h, 30, func(h *harness) { h.control(distribution.Pause) })
				second(h, 40, func(h *harness) { h.happens(2) })
				second(h, 70, func(h *harness) { h.control(distribution.Resume) })
				second(h, 120, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "skipped while paused", tally: message.Tally{Sent: 2, Skipped: 1}, log: []string{logLive, logPaused, logLiveAgain, logStopped},
			first: time.Second,
			setup: func(h *harness) {
				h.ledger.skips = true
				second(h, 1, func(h *harness) { h.happens(1) })
				second(h, 30, func(h *harness) { h.control(distribution.Pause) })
				second(h, 40, func(h *harness) { h.happens(2) })
				second(h, 70, func(h *harness) { h.control(distribution.Resume) })
				second(h, 80, func(h *harness) { h.happens(3) })
				second(h, 120, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "edited while live", tally: message.Tally{Sent: 2}, log: []string{logLive, "ops edited: live", logStopped}, first: time.Second,
			setup: func(h *harness) {
				second(h, 1, func(h *harness) { h.happens(1) })
				second(h, 30, func(h *harness) { h.edit(2, false) })
				second(h, 40, func(h *harness) { h.happens(2) })
				second(h, 120, func(h *harness) { h.control(distribution.Stop) })
			},
			check: func(t *testing.T, h *harness) {
				require.Equal(t, []int{1, 2}, []int{h.ledger.messages[0].enrolled, h.ledger.messages[1].enrolled})
			},
		},
		{
			name: "failed are sent again", tally: message.Tally{Sent: 3, Recovered: 1}, log: []string{logLive, "ops retry_started: live", logStopped}, first: time.Second,
			setup: func(h *harness) {
				h.ledger.unknown = map[int64]bool{2: true}
				second(h, 1, func(h *harness) { h.happens(1, 2) })
				second(h, 30, func(h *harness) {
					h.ledger.knows(2)
					h.order(string(distribution.Retry), Order{Actor: "ops", Retry: message.Failed})
				})
				second(h, 60, func(h *harness) { h.happens(3) })
				second(h, 120, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "delayed", tally: message.Tally{Sent: 2}, log: []string{logLive, logStopped}, first: 2*time.Hour + time.Second,
			setup: func(h *harness) {
				h.ledger.waits = 2 * time.Hour
				second(h, 1, func(h *harness) { h.happens(1) })
				second(h, 3600, func(h *harness) { h.happens(2) })
				h.at(4*time.Hour, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "beside much that its rule does not let through", tally: message.Tally{Sent: 2, Skipped: 10_000}, log: []string{logLive, logStopped},
			first: time.Second,
			setup: func(h *harness) {
				h.ledger.refused = 5000
				second(h, 1, func(h *harness) { h.happens(1) })
				second(h, 30, func(h *harness) { h.happens(2) })
				second(h, 60, func(h *harness) { h.control(distribution.Stop) })
			},
			check: func(t *testing.T, h *harness) {
				require.Equal(t, 2, h.ledger.calls["SendBatch"], "what the relay has skipped is not looked at")
			},
		},
		{
			name: "greylisted", tally: message.Tally{Sent: 2, Recovered: 1}, log: []string{logLive, logStopped}, first: time.Second,
			setup: func(h *harness) {
				h.ledger.deferrals[1] = 2
				second(h, 1, func(h *harness) { h.happens(1, 2) })
				h.at(time.Hour, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "out of codes", tally: message.Tally{Sent: 3}, log: []string{logLive, logOutOfCodes, "herald codes_added: live", logStopped}, first: time.Second,
			setup: func(h *harness) {
				h.ledger.publishes, h.ledger.codes = true, 1
				second(h, 1, func(h *harness) { h.happens(1, 2) })
				second(h, 60, func(h *harness) { h.addCodes(2) })
				second(h, 90, func(h *harness) { h.happens(3) })
				second(h, 180, func(h *harness) { h.control(distribution.Stop) })
			},
		},
		{
			name: "expires", tally: message.Tally{Sent: 1}, log: []string{logLive, "herald expired: sent"}, first: time.Second,
			setup: func(h *harness) {
				h.ledger.plan.Until = start.Add(time.Hour)
				second(h, 1, func(h *harness) { h.happens(1) })
			},
		},
		{
			name: "starts with who is there", tally: message.Tally{Sent: 3501}, log: []string{logLive, logStopped}, first: atOnce, only: []int{0, 2, 3, 5, 7},
			setup: func(h *harness) {
				h.ledger.plan.IncludeExisting = true
				second(h, 30, func(h *harness) { h.happens(1) })
				second(h, 120, func(h *harness) { h.control(distribution.Stop) })
			},
		},
	}
}

const (
	logLive      = "app live: live"
	logLiveAgain = "ops resumed: live"
)

func TestAutomaticDistribution(t *testing.T) {
	t.Parallel()
	for _, s := range livesOf() {
		for _, steps := range stepsPerRun {
			t.Run(fmt.Sprintf("%s/%d steps a run", s.name, steps), func(t *testing.T) {
				t.Parallel()
				h := &harness{t: t, ledger: newLedgerFake(3500)}
				h.ledger.plan.Status = distribution.Draft
				s.setup(h)
				carry(h, AutomaticDistribution, AutomaticState{Flight: Flight{
					VersionRef: confirmedState().VersionRef, Actor: "app", StepsPerRun: steps,
				}})
				s.judge(t, h, steps)
			})
		}
	}
}

// A run that the relay brought back obeys where the ledger says that the distribution stands.
func TestARunThatComesBack(t *testing.T) {
	t.Parallel()
	for status, log := range map[distribution.Status][]string{
		distribution.Live:    {"relay came_back: live", logStopped},
		distribution.Paused:  {"relay came_back: paused, by_request", logStopped},
		distribution.Stopped: nil,
	} {
		h := &harness{t: t, ledger: newLedgerFake(0)}
		h.ledger.plan = activities.Plan{Status: status}
		if status == distribution.Paused {
			h.ledger.plan.Reason = distribution.ReasonByRequest
		}
		h.at(time.Second, func(h *harness) { h.happens(1) })
		if log != nil {
			h.at(time.Minute, func(h *harness) { h.control(distribution.Stop) })
		}
		carry(h, AutomaticDistribution, AutomaticState{Flight: Flight{VersionRef: confirmedState().VersionRef, Actor: relay}})
		require.NoError(t, h.err)
		require.Equal(t, log, h.ledger.log, status)
		require.Equal(t, log != nil, h.ledger.calls["TellAgain"] == 1, "what the run before took along is told again")
	}
}
