package workflows

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/distribution"
	"herald/internal/message"
)

// scenario is a distribution's life: who is in the audience and what happens, and what must have come of it.
type scenario struct {
	name  string
	setup func(h *harness)
	state func(s *ManualState)
	log   []string      // every line of the distribution's log, in order
	tally message.Tally // at the end
	first time.Duration // from the confirmation to the first message; 0: none left
	fails string        // what the run itself ends with
	check func(t *testing.T, h *harness)
	loose bool  // the tally depends on what was faster
	only  []int // numbers of steps that it makes sense with; nil: all
}

// stepsPerRun is how often each scenario is run: in one piece, and continued as new after so many activities.
var stepsPerRun = []int{0, 1, 2, 3, 5, 7}

func TestManualDistribution(t *testing.T) {
	t.Parallel()
	for _, s := range slices.Concat(countdowns(), flights(), roundsAndCodes(), ends()) {
		for _, steps := range stepsPerRun {
			if s.only != nil && !slices.Contains(s.only, steps) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d steps a run", s.name, steps), func(t *testing.T) {
				t.Parallel()
				s.play(t, steps)
			})
		}
	}
}

func (s scenario) play(t *testing.T, steps int) {
	h := &harness{t: t, ledger: newLedgerFake(3500)}
	state := confirmedState()
	if s.state != nil {
		s.state(&state)
	}
	if s.setup != nil {
		s.setup(h)
	}
	h.run(state, steps)
	s.judge(t, h, steps)
}

// judge holds what has come of a distribution against what must have.
func (s scenario) judge(t *testing.T, h *harness, steps int) {
	f := h.ledger
	require.Empty(t, f.broken)
	require.Equal(t, s.log, f.log)
	if !s.loose {
		require.Equal(t, s.tally, f.tally())
	}
	if s.fails != "" {
		require.ErrorContains(t, h.err, s.fails)
	} else {
		require.NoError(t, h.err)
		require.Equal(t, f.tally(), h.tally, "the run's result")
	}
	for _, o := range h.orders {
		o.check(t)
	}
	require.Equal(t, s.first != 0, !f.firstSent.IsZero(), "whether something left")
	if s.first != 0 {
		require.InDelta(t, s.first.Seconds(), f.firstSent.Sub(start).Seconds(), 2)
	}
	if steps == 1 {
		require.NotZero(t, h.runs, "it never continued as new")
	}
	if s.check != nil {
		s.check(t, h)
	}
}

const (
	logConfirmed = "app confirmed: scheduled"
	logSyncing   = "app confirmed: syncing"
	logCountdown = "herald countdown_started: scheduled"
	logSending   = "herald sending_started: sending"
	logSent      = "herald sent: sent"
	logStopped   = "ops stopped: stopped"
	logPaused    = "ops paused: paused, by_request"
	logResumed   = "ops resumed: sending"

	logOutOfCodes = "herald out_of_codes: paused, out_of_codes"
	logCodesAdded = "herald codes_added: sending"
)

// atOnce is a first message without a countdown.
const atOnce = time.Nanosecond

// everyone is the usual end.
var everyone = message.Tally{Sent: 3500}

func countdowns() []scenario {
	return []scenario{
		{
			name: "sent", first: 10 * time.Minute, tally: everyone,
			log: []string{logConfirmed, logSending, logSent},
			check: func(t *testing.T, h *harness) {
				require.Equal(t, Answer{Status: distribution.Scheduled, SendAt: start.Add(10 * time.Minute)}, h.orders[0].answer)
			},
		},
		{
			name: "waits for its segment, then counts down", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) { h.ledger.segments[1], h.ledger.synced[segmentOf(1)] = segmentOf(1), true },
			log:   []string{logSyncing, logCountdown, logSending, logSent},
			check: func(t *testing.T, h *harness) { require.Equal(t, distribution.Syncing, h.orders[0].answer.Status) },
		},
		{
			name: "stopped in the countdown",
			setup: func(h *harness) {
				h.at(5*time.Minute, func(h *harness) { h.control(distribution.Stop) })
			},
			log:   []string{logConfirmed, logStopped},
			check: func(t *testing.T, h *harness) { require.Zero(t, h.ledger.calls["EnrolPage"]) },
		},
		{
			name: "stopped while its segment syncs",
			setup: func(h *harness) {
				h.ledger.segments[1] = segmentOf(1)
				h.ledger.hooks["AwaitSegment"] = func(n int) { once(n, func() { h.control(distribution.Stop) }) }
			},
			log: []string{logSyncing, logStopped},
		},
		{
			name: "edited in the countdown, which goes on", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(5*time.Minute, func(h *harness) { h.edit(2, false) })
			},
			log:   []string{logConfirmed, "ops edited: scheduled", logSending, logSent},
			check: sentVersion(2),
		},
		{
			name: "edited in the countdown, which begins again", first: 15 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(5*time.Minute, func(h *harness) { h.edit(2, true) })
			},
			log:   []string{logConfirmed, "ops edited: scheduled", logSending, logSent},
			check: sentVersion(2),
		},
		{
			name: "edited twice", first: 18 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(8*time.Minute, func(h *harness) { h.edit(2, true) })
				h.at(17*time.Minute, func(h *harness) { h.edit(3, false) })
			},
			log:   []string{logConfirmed, "ops edited: scheduled", "ops edited: scheduled", logSending, logSent},
			check: sentVersion(3),
		},
		{
			name: "edited to another segment, which has to sync first", first: 19 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.segments[1], h.ledger.segments[2] = segmentOf(1), segmentOf(2)
				h.ledger.synced[segmentOf(1)], h.ledger.synced[segmentOf(2)] = true, true
				h.at(9*time.Minute, func(h *harness) { h.edit(2, false) })
			},
			log:   []string{logSyncing, logCountdown, "ops edited: syncing", logCountdown, logSending, logSent},
			check: sentVersion(2),
		},
		{
			name: "edited while it syncs: the same segment still has to", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.segments[1], h.ledger.segments[2] = segmentOf(1), segmentOf(1)
				h.ledger.hooks["AwaitSegment"] = func(n int) { once(n, func() { h.edit(2, false) }) }
				h.ledger.hooks["RecordStatus"] = func(n int) {
					if n == 2 {
						h.sync(segmentOf(1))
					}
				}
			},
			log:   []string{logSyncing, "ops edited: syncing", logCountdown, logSending, logSent},
			check: sentVersion(2),
		},
		{
			name: "edited away from a segment that never syncs", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.ledger.segments[1] = segmentOf(1)
				h.ledger.hooks["AwaitSegment"] = func(n int) { once(n, func() { h.edit(2, false) }) }
			},
			log:   []string{logSyncing, "ops edited: scheduled", logSending, logSent},
			check: sentVersion(2),
		},
		{
			name: "paused in the countdown and resumed before its end", first: 10 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(5*time.Minute, func(h *harness) { h.control(distribution.Pause) })
				h.at(8*time.Minute, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logPaused, "ops resumed: scheduled", logSending, logSent},
		},
		{
			name: "paused in the countdown and resumed long after", first: 3 * time.Hour, tally: everyone,
			setup: func(h *harness) {
				h.at(5*time.Minute, func(h *harness) { h.control(distribution.Pause) })
				h.at(3*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logConfirmed, logPaused, "ops resumed: scheduled", logSending, logSent},
		},
		{
			name: "paused while its segment syncs", first: 2 * time.Hour, tally: everyone,
			setup: func(h *harness) {
				h.ledger.segments[1] = segmentOf(1)
				h.ledger.hooks["AwaitSegment"] = func(n int) { once(n, func() { h.control(distribution.Pause) }) }
				h.ledger.hooks["RecordStatus"] = func(n int) {
					if n == 2 {
						h.sync(segmentOf(1))
					}
				}
				h.at(2*time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log: []string{logSyncing, logPaused, "herald countdown_started: paused, by_request", "ops resumed: scheduled", logSending, logSent},
		},
		{
			name: "edited while paused in the countdown", first: time.Hour, tally: everyone,
			setup: func(h *harness) {
				h.at(5*time.Minute, func(h *harness) { h.control(distribution.Pause) })
				h.at(50*time.Minute, func(h *harness) { h.edit(2, false) })
				h.at(time.Hour, func(h *harness) { h.control(distribution.Resume) })
			},
			log:   []string{logConfirmed, logPaused, "ops edited: paused, by_request", "ops resumed: scheduled", logSending, logSent},
			check: sentVersion(2),
		},
		{
			name: "sent at once", first: 3 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(3*time.Minute, func(h *harness) { h.control(distribution.SendNow) })
			},
			log: []string{logConfirmed, "ops sent_now: scheduled", logSending, logSent},
		},
		{
			name: "sent at once although paused", first: 7 * time.Minute, tally: everyone,
			setup: func(h *harness) {
				h.at(3*time.Minute, func(h *harness) { h.control(distribution.Pause) })
				h.at(7*time.Minute, func(h *harness) { h.control(distribution.SendNow) })
			},
			log: []string{logConfirmed, logPaused, "ops sent_now: scheduled", logSending, logSent},
		},
	}
}

// once does something in the first call alone.
func once(n int, do func()) {
	if n == 1 {
		do()
	}
}

// sync marks a segment as synced.
func (h *harness) sync(segment [16]byte) {
	h.ledger.mu.Lock()
	defer h.ledger.mu.Unlock()
	h.ledger.synced[segment] = true
}

func sentVersion(version int) func(t *testing.T, h *harness) {
	return func(t *testing.T, h *harness) {
		for seq, m := range h.ledger.messages {
			require.Equal(t, version, m.version, "message %d", seq+1)
		}
	}
}
