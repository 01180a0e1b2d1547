package workflows

import (
	"context"
	"slices"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// What is left to do, counted: the fake of activities.Rounds.

func (f *ledgerFake) FindRound(_ context.Context, in activities.RoundInput) (activities.Round, error) {
	f.called("FindRound")
	f.mu.Lock()
	defer f.mu.Unlock()
	round := activities.Round{Tally: f.tally()}
	for i, m := range f.messages {
		thousand := int64(i) / 1000
		switch {
		case f.toSend(m):
			if thousand > in.After && !slices.Contains(round.Thousands, thousand) && len(round.Thousands) < 2 {
				round.Thousands = append(round.Thousands, thousand)
			}
		case m.status == message.Deferred && m.reason == message.ReasonOutOfCodes:
			round.OutOfCodes++
		}
		if m.status == message.Deferred && m.reason != message.ReasonOutOfCodes {
			round.Deferred++
			if round.Due.IsZero() || m.due.Before(round.Due) {
				round.Due = m.due
			}
		}
	}
	return round, nil
}

func (f *ledgerFake) TellAgain(context.Context, activities.Ref) (int64, error) {
	f.called("TellAgain")
	return 0, nil
}

func (f *ledgerFake) StopRest(context.Context, activities.RestInput) (message.Tally, error) {
	f.called("StopRest")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	if f.strict && f.under > 0 {
		f.broken.add("the rest was stopped while batches were under way")
	}
	for i := range f.messages {
		if m := &f.messages[i]; m.status == message.Pending || m.status == message.Deferred {
			m.status, m.reason = message.Stopped, message.ReasonStopped
		}
	}
	return f.tally(), nil
}

func (f *ledgerFake) CountMessages(context.Context, activities.Ref) (message.Tally, error) {
	f.called("CountMessages")
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tally(), nil
}

func (f *ledgerFake) RetryMessages(_ context.Context, in activities.RetryInput) (n int64, err error) {
	f.called("RetryMessages")
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.messages {
		if m := &f.messages[i]; m.status == in.Status {
			m.status, m.reason, m.due = message.Deferred, "retry_requested", f.now()
			n++
		}
	}
	return n, nil
}

func (f *ledgerFake) tally() (t message.Tally) {
	for _, m := range f.messages {
		switch m.status {
		case message.Sent:
			t.Sent++
			if m.attempts > 1 {
				t.Recovered++
			}
		case message.Pending:
			t.Pending++
		case message.Deferred:
			t.Deferred++
		case message.Failed:
			t.Failed++
		case message.Stopped:
			t.Stopped++
		case message.Skipped:
			t.Skipped++
		}
	}
	return t
}

// count is the tally, for those outside.
func (f *ledgerFake) count() message.Tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tally()
}

func (f *ledgerFake) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.messages))
}

// idle reports whether no batch is under way.
func (f *ledgerFake) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.under == 0
}

func (f *ledgerFake) addCodes(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes += n
	if f.pauseReason == distribution.ReasonOutOfCodes {
		f.resuming++
	}
}
