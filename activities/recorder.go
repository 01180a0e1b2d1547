package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"herald/db"
	"herald/internal/message"
)

// Recorder writes outcomes down in groups, those of all batches of a worker together: while one commit is under way the next
// group gathers, so the busier the connections, the larger the groups and the fewer the commits per message.
type Recorder struct {
	claims *db.Claims
	most   int // outcomes that can come at once

	mu      sync.Mutex
	batches int        // that may have outcomes
	in      chan entry // open while there are any
}

// NewRecorder is for one worker, which sends over so many connections.
func NewRecorder(claims *db.Claims, connections int) *Recorder {
	return &Recorder{claims: claims, most: min(connections, maxGroup)}
}

// record is where one batch's outcomes go.
type record struct {
	recorder *Recorder
	claim    *db.Claim
	giveUp   context.CancelCauseFunc // called when nothing more of the batch may be sent
	written  sync.WaitGroup
	in       chan<- entry

	mu    sync.Mutex
	begun map[int64]bool // without an outcome yet
}

// entry is one line for the ledger; durable is closed once it is kept.
type entry struct {
	log     *record
	seq     int64
	kind    kind
	verdict verdict
	durable chan struct{}
}

type kind uint8

const (
	ended   kind = iota // with a verdict
	begun               // the message may be out from now on
	unbegun             // it has not left after all
)

type verdict struct {
	flag          message.Status
	reason, reply string
	due           time.Time
}

// errClaimLost ends a batch whose session died: the range may be another's, so nothing more is sent.
var errClaimLost = errors.New("the database session that claimed this batch was lost")

// maxGroup bounds a commit.
const maxGroup = 500

// open begins to take a batch's outcomes.
func (r *Recorder) open(claim *db.Claim, giveUp context.CancelCauseFunc) *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches++; r.batches == 1 {
		r.in = make(chan entry, maxGroup)
		go r.run(r.in)
	}
	return &record{recorder: r, claim: claim, giveUp: giveUp, in: r.in, begun: map[int64]bool{}}
}

// close takes back what was begun and never left, and returns when everything is written. Only when Send has returned is it
// certain what never left. Under a lost claim that is right too: whoever claims the range next puts in doubt what is begun, so
// what is begun still is ours.
func (l *record) close() {
	for seq := range l.begun {
		l.write(entry{seq: seq, kind: unbegun})
	}
	l.written.Wait()
	r := l.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.batches--; r.batches == 0 {
		close(r.in)
	}
}

func (l *record) write(e entry) <-chan struct{} {
	e.log, e.durable = l, make(chan struct{})
	l.written.Add(1)
	l.in <- e
	return e.durable
}

// done writes an outcome down; the channel closes when it is durable.
func (l *record) done(seq int64, v verdict) <-chan struct{} {
	l.mu.Lock()
	delete(l.begun, seq)
	l.mu.Unlock()
	return l.write(entry{seq: seq, verdict: v})
}

// begin writes down that a message may be out from now on, and returns when that is durable.
func (l *record) begin(ctx context.Context, seq int64) error {
	l.mu.Lock()
	l.begun[seq] = true
	l.mu.Unlock()
	select {
	case <-l.write(entry{seq: seq, kind: begun}):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Recorder) run(in <-chan entry) {
	group := make([]entry, 0, maxGroup)
	pace := pace{most: r.most}
	for first := range in {
		group = pace.gather(append(group[:0], first), in)
		began := time.Now()
		r.write(group)
		pace.note(len(group), time.Since(began))
	}
}

// pace is how commits went lately. Connections that wait for the same commit begin their next messages together, and end them
// together: where a commit is slow it pays to wait a little for the rest of them, or two halves take turns at half the speed.
type pace struct {
	most  int    // in a group, as a rule
	sizes [2]int // of the last groups
	took  time.Duration
}

func (p *pace) note(size int, took time.Duration) {
	p.sizes[0], p.sizes[1], p.took = p.sizes[1], size, took
}

// slowCommit is what it has to take before waiting can pay.
const slowCommit = time.Millisecond

// gather takes what is there, and after a slow commit waits for as many as the last two groups had, at most for half of that
// commit's time.
func (p *pace) gather(group []entry, in <-chan entry) []entry {
	var waited <-chan time.Time
	for len(group) < maxGroup {
		select {
		case e, open := <-in:
			if !open {
				return group
			}
			group = append(group, e)
			continue
		default:
		}
		if p.took < slowCommit || len(group) >= min(p.sizes[0]+p.sizes[1], p.most) {
			return group
		}
		if waited == nil {
			timer := time.NewTimer(p.took / 2)
			defer timer.Stop()
			waited = timer.C
		}
		select {
		case e, open := <-in:
			if !open {
				return group
			}
			group = append(group, e)
		case <-waited:
			return group
		}
	}
	return group
}

// write commits a group. What happened must be kept, so it is tried until the database takes it: no connection goes on
// meanwhile, because each waits for its outcome.
func (r *Recorder) write(group []entry) {
	left := sorted(group)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		var err error
		left, err = r.claims.Commit(ctx, left)
		cancel()
		for _, e := range group {
			if e.log.claim.Lost() {
				e.log.giveUp(errClaimLost)
			}
		}
		if err == nil {
			break
		}
		time.Sleep(pause)
	}
	for _, e := range group {
		close(e.durable)
		e.log.written.Done()
	}
}

// sorted is entries by distribution.
func sorted(group []entry) []*db.Outcomes {
	var all []*db.Outcomes
	for _, e := range group {
		o := outcomesOf(&all, e.log.claim)
		switch {
		case e.kind == begun:
			o.Begun = append(o.Begun, e.seq)
		case e.kind == unbegun:
			o.Unbegun = append(o.Unbegun, e.seq)
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
	return all
}

func outcomesOf(all *[]*db.Outcomes, claim *db.Claim) *db.Outcomes {
	for _, o := range *all {
		if o.Takes(claim) {
			return o
		}
	}
	o := &db.Outcomes{Claim: claim}
	*all = append(*all, o)
	return o
}
