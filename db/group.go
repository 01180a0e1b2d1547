package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"herald/internal/occurrence"
)

const (
	groupSize  = 128              // asks that go into one transaction
	groupLanes = 2                // transactions of one project under way at once
	groupTime  = 30 * time.Second // for one transaction
)

// group does together what callers ask for at the same time: while a project's transactions are under way, what else is asked
// of the project gathers, and goes into the next one. Nobody waits for company: who comes alone is served alone. Most of what
// a small transaction costs is its beginning, its round trips and its commit, so the busier a project is, the less each ask
// costs.
type group[Ask, Answer any] struct {
	// run does what is asked, all of it in one transaction or none, and answers in order.
	run func(ctx context.Context, project uuid.UUID, asks []asked[Ask]) ([]Answer, error)
	// about names what an ask is about. Two that are about the same go into different transactions.
	about func(Ask) []string

	mu     sync.Mutex
	queues map[uuid.UUID]*groupQueue[Ask, Answer]
}

// asked is what one caller asks for.
type asked[Ask any] struct {
	ask    Ask
	source occurrence.Source
	keyed  *Keyed // nil: without an Idempotency-Key
}

// carryOutFor says that a change carries out what callers ask for, and answers them so.
func carryOutFor[Ask, Answer any](c *change, asks []asked[Ask], answers []Answer) error {
	for i, a := range asks {
		if a.keyed == nil {
			continue
		}
		s := served{Keyed: a.keyed}
		if a.keyed.Show != nil {
			answer, err := a.keyed.Show(answers[i])
			if err != nil {
				return err
			}
			s.answer = &answer
		}
		c.served = append(c.served, s)
	}
	return nil
}

type groupQueue[Ask, Answer any] struct {
	waiting []*groupTicket[Ask, Answer]
	lanes   int // transactions under way
}

type groupTicket[Ask, Answer any] struct {
	asked[Ask]
	answer Answer
	err    error
	done   chan struct{}
}

// errApart ends a transaction whose asks turn out to be about the same customer: each is then served alone.
var errApart = errors.New("the requests are about the same customer")

// do asks, and waits for the answer. A caller who stops waiting has asked all the same.
func (g *group[Ask, Answer]) do(ctx context.Context, project uuid.UUID, ask Ask) (answer Answer, err error) {
	t := &groupTicket[Ask, Answer]{asked: asked[Ask]{ask, occurrence.SourceOf(ctx), KeyedOf(ctx)}, done: make(chan struct{})}
	g.mu.Lock()
	if g.queues == nil {
		g.queues = map[uuid.UUID]*groupQueue[Ask, Answer]{}
	}
	q := g.queues[project]
	if q == nil {
		q = &groupQueue[Ask, Answer]{}
		g.queues[project] = q
	}
	q.waiting = append(q.waiting, t)
	if q.lanes < groupLanes {
		q.lanes++
		go g.drive(unkeyed(context.WithoutCancel(ctx)), project, q)
	}
	g.mu.Unlock()
	select {
	case <-t.done:
		return t.answer, t.err
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

// drive serves what waits until nothing does.
func (g *group[Ask, Answer]) drive(ctx context.Context, project uuid.UUID, q *groupQueue[Ask, Answer]) {
	for {
		g.mu.Lock()
		next := g.next(q)
		if len(next) == 0 {
			if q.lanes--; q.lanes == 0 {
				delete(g.queues, project)
			}
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		g.serve(ctx, project, next)
	}
}

// next takes what waits, the oldest first; what is about the same as one before it stays for the next transaction.
func (g *group[Ask, Answer]) next(q *groupQueue[Ask, Answer]) (taken []*groupTicket[Ask, Answer]) {
	named := map[string]bool{}
	rest := q.waiting[:0:0]
	for i, t := range q.waiting {
		if len(taken) == groupSize {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		about, clash := g.about(t.ask), false
		for _, name := range about {
			clash = clash || named[name]
			named[name] = true // also of who stays, so that nobody overtakes
		}
		if clash {
			rest = append(rest, t)
			continue
		}
		taken = append(taken, t)
	}
	q.waiting = rest
	return taken
}

// serve runs one transaction. Where it fails, each ask is served alone, so that each fails for its own reason only.
func (g *group[Ask, Answer]) serve(ctx context.Context, project uuid.UUID, tickets []*groupTicket[Ask, Answer]) {
	asks := make([]asked[Ask], len(tickets))
	for i, t := range tickets {
		asks[i] = t.asked
	}
	if len(tickets) == 1 {
		ctx = occurrence.With(ctx, tickets[0].source)
	} else {
		ctx = occurrence.With(ctx, occurrence.Source{Channel: occurrence.ChannelInternal})
	}
	answers, err := g.guarded(ctx, project, asks)
	if err != nil && len(tickets) > 1 {
		for _, t := range tickets {
			g.serve(ctx, project, []*groupTicket[Ask, Answer]{t})
		}
		return
	}
	for i, t := range tickets {
		if t.err = err; err == nil {
			t.answer = answers[i]
		}
		close(t.done)
	}
}

// guarded is run with its time, and with a panic turned into an error: its caller's request is not on this goroutine's stack.
func (g *group[Ask, Answer]) guarded(ctx context.Context, project uuid.UUID, asks []asked[Ask]) (answers []Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, groupTime)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return g.run(ctx, project, asks)
}
