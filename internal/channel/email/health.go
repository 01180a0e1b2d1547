package email

import (
	"sync"
	"sync/atomic"
	"time"

	"herald/internal/channel"
	"herald/internal/fault"
)

// health watches how the server treats us: faults in a row open the breaker, postponements slow the sending down.
type health struct {
	mu       sync.Mutex
	faults   atomic.Int32 // in a row
	trips    int          // in a row: each doubles the wait
	until    time.Time    // the breaker is open
	last     *fault.Error // why
	streak   int          // refusals by policy without one message taken
	recent   uint64       // the last outcomes, newest in bit 0: 1 is a postponement
	observed int
	pace     atomic.Int64 // nanoseconds to wait before each message
	now      func() time.Time
}

const (
	tripAfter    = 5 // faults in a row
	policyStreak = 20
	firstWait    = 5 * time.Second
	longestWait  = 5 * time.Minute
	firstBackoff = 100 * time.Millisecond
	window       = 50 // outcomes looked at for the pace
	firstPace    = 50 * time.Millisecond
	slowestPace  = 2 * time.Second
)

// troubled reports whether the last thing that happened was a fault: one connection at a time then tries.
func (h *health) troubled() bool { return h.faults.Load() > 0 }

// refuse is the fault to answer with while the breaker is open, otherwise nil.
func (h *health) refuse() *fault.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	wait := h.until.Sub(h.now())
	if h.last == nil || wait <= 0 {
		return nil
	}
	f := *h.last
	f.RetryAfter = wait
	return &f
}

// backoff is how long to wait before the next try to connect.
func (h *health) backoff() time.Duration {
	n := h.faults.Load()
	if n == 0 || n >= tripAfter {
		return 0
	}
	return firstBackoff << (n - 1)
}

// failed counts a fault of something that began when there had been since faults in a row: many connections that fail at one
// time are one fault. Where it was one too many, or one that no second try can cure, the breaker opens and the fault to give
// up with comes back.
func (h *health) failed(details string, hopeless bool, since int32) *fault.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.faults.Load()
	if n == since {
		n = h.faults.Add(1)
	}
	if n < tripAfter && !hopeless {
		return nil
	}
	return h.trip(details)
}

func (h *health) trip(details string) *fault.Error {
	h.faults.Store(tripAfter) // the next try is a probe, whose failure trips at once
	if wait := h.until.Sub(h.now()); wait > 0 && h.last != nil {
		f := *h.last
		f.RetryAfter = wait
		return &f // others found out first
	}
	wait := min(firstWait<<min(h.trips, 10), longestWait)
	h.trips++
	h.until = h.now().Add(wait)
	h.last = fault.New(fault.ProviderFault, "%s", details)
	f := *h.last
	f.RetryAfter = wait
	return &f
}

// answered takes note of an outcome that the server gave. It reports whether trouble has just ended, and gives a fault where
// the outcomes say that the settings are wrong.
func (h *health) answered(o channel.Outcome, server string) (recovered bool, stop *fault.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	recovered = h.faults.Swap(0) > 0
	h.observe(o.Verdict == channel.Deferred)
	switch {
	case o.Verdict == channel.Sent:
		h.trips, h.streak = 0, 0
	case o.Verdict == channel.Failed && o.Reason == PolicyRejected:
		if h.streak++; h.streak >= policyStreak {
			h.streak = 0
			return false, h.trip(server + " refuses every message: " + o.Reply)
		}
	}
	return recovered, nil
}

// observe sets the pace: slower while more than half of the last outcomes are postponements, faster again as they cease.
func (h *health) observe(postponed bool) {
	h.recent <<= 1
	if postponed {
		h.recent |= 1
	}
	if h.observed++; h.observed < window {
		return
	}
	pace := time.Duration(h.pace.Load())
	bad := popcount(h.recent & (1<<window - 1))
	switch {
	case bad > window/2:
		h.observed = window / 2 // look again after half a window of news
		h.pace.Store(int64(min(max(2*pace, firstPace), slowestPace)))
	case pace > 0:
		h.observed = window / 2
		if pace /= 4; pace < firstPace {
			pace = 0
		}
		h.pace.Store(int64(pace))
	}
}

func popcount(x uint64) (n int) {
	for ; x != 0; x &= x - 1 {
		n++
	}
	return n
}
