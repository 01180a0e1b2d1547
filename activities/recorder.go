package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"herald/db"
	"herald/internal/message"
)

// recorder writes outcomes down in groups: while one commit is under way the next group gathers, so the busier the
// connections, the larger the groups and the fewer the commits per message.
type recorder struct {
	claim  *db.Claim
	giveUp context.CancelCauseFunc
	in     chan entry
	end    sync.WaitGroup
}

// entry is one line for the ledger; durable is closed once it is kept.
type entry struct {
	seq     int64
	begun   bool // the message may be out from now on
	verdict verdict
	durable chan struct{}
}

type verdict struct {
	flag          message.Status
	reason, reply string
	due           time.Time
}

// errClaimLost ends a batch whose session died: the range may be another's, so nothing more is sent.
var errClaimLost = errors.New("the database session that claimed this batch was lost")

// maxGroup bounds a commit.
const maxGroup = 500

// record starts a recorder for a claim; giveUp is called when nothing more may be sent.
func record(claim *db.Claim, giveUp context.CancelCauseFunc) *recorder {
	r := &recorder{claim: claim, giveUp: giveUp, in: make(chan entry, maxGroup)}
	r.end.Add(1)
	go r.run()
	return r
}

// close waits until everything is written.
func (r *recorder) close() {
	close(r.in)
	r.end.Wait()
}

// done writes an outcome down; the channel closes when it is durable.
func (r *recorder) done(seq int64, v verdict) <-chan struct{} {
	e := entry{seq: seq, verdict: v, durable: make(chan struct{})}
	r.in <- e
	return e.durable
}

// begin writes down that a message may be out from now on, and returns when that is durable.
func (r *recorder) begin(ctx context.Context, seq int64) error {
	e := entry{seq: seq, begun: true, durable: make(chan struct{})}
	r.in <- e
	select {
	case <-e.durable:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) run() {
	defer r.end.Done()
	group := make([]entry, 0, maxGroup)
	for first := range r.in {
		group = append(group[:0], first)
	gather:
		for len(group) < maxGroup {
			select {
			case e, open := <-r.in:
				if !open {
					break gather
				}
				group = append(group, e)
			default:
				break gather
			}
		}
		r.write(group)
	}
}

// write commits a group. What happened must be kept, so it is tried until the database takes it: no connection goes on
// meanwhile, because each waits for its outcome.
func (r *recorder) write(group []entry) {
	outcomes := gather(group)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := r.claim.Commit(ctx, outcomes)
		cancel()
		if r.claim.Lost() {
			r.giveUp(errClaimLost)
		}
		if err == nil {
			break
		}
		time.Sleep(pause)
	}
	for _, e := range group {
		close(e.durable)
	}
}

func gather(group []entry) *db.Outcomes {
	o := &db.Outcomes{}
	for _, e := range group {
		switch {
		case e.begun:
			o.Begun = append(o.Begun, e.seq)
		case e.verdict.flag == message.Sent:
			o.Sent = append(o.Sent, e.seq)
			o.SentReplies = append(o.SentReplies, e.verdict.reply)
		default:
			o.NotSent = append(o.NotSent, e.seq)
			o.Flags = append(o.Flags, string(e.verdict.flag))
			o.Reasons = append(o.Reasons, e.verdict.reason)
			o.Replies = append(o.Replies, e.verdict.reply)
			o.Dues = append(o.Dues, e.verdict.due)
		}
	}
	return o
}
