package workflows

import (
	"context"
	"fmt"
	"sync"
	"time"

	"herald/activities"
	"herald/internal/message"
)

func (f *ledgerFake) toSend(m messageFake) bool {
	return m.status == message.Pending ||
		m.status == message.Deferred && m.reason != message.ReasonOutOfCodes && !m.due.After(f.now().Add(time.Second))
}

func (f *ledgerFake) SendBatch(ctx context.Context, in activities.SendInput) (activities.Sent, error) {
	n := f.called("SendBatch")
	if in.To-in.From >= 1000 || (in.From-1)/1000 != (in.To-1)/1000 {
		f.breaks("batch %d–%d spans two thousands", in.From, in.To)
	}
	ctx, end := f.interruptible(ctx)
	defer end()
	claim := f.claim(in.From)
	defer claim.Unlock()
	defer f.begin()()
	if f.refuses != nil {
		if err := f.refuses(n); err != nil {
			return activities.Sent{}, err
		}
	}
	for seq := in.From; seq <= min(in.To, f.last()); seq++ {
		if f.halfway != nil && seq == (in.From+in.To)/2 {
			f.halfway(n, &batch{ctx, f})
		}
		if ctx.Err() != nil {
			break
		}
		f.send(seq, in.Version)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return activities.Sent{Interrupted: ctx.Err() != nil, Tally: f.tally()}, nil
}

func (f *ledgerFake) claim(seq int64) *sync.Mutex {
	f.mu.Lock()
	thousand := (seq - 1) / 1000
	if f.claims[thousand] == nil {
		f.claims[thousand] = &sync.Mutex{}
	}
	claim := f.claims[thousand]
	f.mu.Unlock()
	claim.Lock()
	return claim
}

// begin notes a batch under way. What the run had begun when it was paused may still end; nothing else may begin.
func (f *ledgerFake) begin() (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.under++
	if f.paused() {
		f.inPause++
		if f.inPause > batches || f.now().Sub(f.pausedAt) > 2*time.Second {
			f.broken.add("a batch began while paused")
		}
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.under--
	}
}

// paused reports whether nothing may begin. A run that was told to resume may send before that is written down.
func (f *ledgerFake) paused() bool { return !f.pausedAt.IsZero() && f.resuming == 0 }

// resumes says that the run is being told to.
func (f *ledgerFake) resumes() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resuming++
}

// knows lets a recipient be known from now on.
func (f *ledgerFake) knows(seq int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.unknown, seq)
}

func (f *ledgerFake) send(seq int64, version int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := &f.messages[seq-1]
	if !f.toSend(*m) {
		return
	}
	now := f.now()
	if f.stopped {
		f.broken.add(fmt.Sprintf("message %d left after the stop", seq))
	}
	if f.paused() && now.Sub(f.pausedAt) > 2*time.Second {
		f.broken.add(fmt.Sprintf("message %d left %s into a pause", seq, now.Sub(f.pausedAt)))
	}
	if f.firstSent.IsZero() {
		f.firstSent = now
	}
	m.attempts++
	switch {
	case f.unknown[seq]:
		m.status, m.reason = message.Failed, "mailbox_unavailable"
	case m.attempts <= f.deferrals[seq]:
		m.status, m.reason, m.due = message.Deferred, "greylisted", now.Add(time.Duration(m.attempts)*f.wait)
	default:
		if m.version != 0 {
			f.broken.add(fmt.Sprintf("message %d was sent twice", seq))
		}
		m.status, m.reason, m.version = message.Sent, "", version
	}
}
