package email

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// class says who is served first. Most who send mail keep what somebody waits for apart from what goes to everyone; here both
// share the connections to a server, so whoever is urgent goes first: it is served before the others, and is given connections
// that carry bulk, each after its current message. One connection stays with bulk as long as there is bulk: a flood of urgent
// messages slows it down, and never stops it. (Of a single connection, nothing stays.)
type class uint8

const (
	bulk class = iota
	urgent
)

// lease is the right to use a connection for a while.
type lease struct {
	class  class
	since  time.Time
	yields bool // to somebody urgent, after its current message
}

// leases are those given out, and who waits for one. The pool's mutex guards all but wanted.
type leases struct {
	given    [urgent + 1]int // connections given out or being opened
	waiting  [urgent + 1][]chan struct{}
	yielding int
	wanted   atomic.Uint32 // what a connection looks at after each message
}

// Values of leases.wanted.
const (
	byNobody uint32 = iota
	bySomebody
	byUrgent // a connection that carries bulk is asked for
)

func (l *leases) end(of lease) {
	l.given[of.class]--
	if of.yields {
		l.yielding--
	}
}

// next is who gets the next lease of so many; false where nobody does.
func (l *leases) next(limit int) (class, bool) {
	if l.given[bulk]+l.given[urgent] >= limit {
		return 0, false
	}
	bulkWaits := len(l.waiting[bulk]) > 0
	if len(l.waiting[urgent]) > 0 && (!bulkWaits || l.given[urgent] < spared(limit)) {
		return urgent, true
	}
	return bulk, bulkWaits
}

// lacking is how many connections that carry bulk are to be given to urgent messages and have not been asked yet.
func (l *leases) lacking(limit int) int {
	return min(len(l.waiting[urgent]), spared(limit)-l.given[urgent]) - l.yielding
}

// spared is how many of the connections bulk can spare.
func spared(limit int) int { return max(limit-1, 1) }

// lease waits until one more connection may be used.
func (p *Pool) lease(ctx context.Context, who class) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refusal(); err != nil {
		return err
	}
	turn := make(chan struct{})
	p.leases.waiting[who] = append(p.leases.waiting[who], turn)
	p.wake()
	p.mu.Unlock()
	select {
	case <-turn:
		p.mu.Lock()
	case <-ctx.Done():
		p.mu.Lock()
		p.giveUp(who, turn)
		return ctx.Err()
	}
	err := p.refusal()
	if err != nil {
		p.leases.end(lease{class: who})
		p.wake()
	}
	return err
}

// giveUp takes a waiter off the list, or gives back the lease that it got just now; p.mu is held.
func (p *Pool) giveUp(who class, turn chan struct{}) {
	if i := slices.Index(p.leases.waiting[who], turn); i >= 0 {
		p.leases.waiting[who] = slices.Delete(p.leases.waiting[who], i, i+1)
	} else {
		p.leases.end(lease{class: who})
	}
	p.wake()
}

// free gives up a lease whose connection is gone.
func (p *Pool) free(of lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leases.end(of)
	p.wake()
}

// wake leases to those who wait, the urgent first and otherwise in their order, as many connections as may be used. p.mu is
// held.
func (p *Pool) wake() {
	l, limit := &p.leases, p.limit()
	for who, ok := l.next(limit); ok; who, ok = l.next(limit) {
		l.given[who]++
		close(l.waiting[who][0])
		l.waiting[who] = l.waiting[who][1:]
	}
	wanted := byNobody
	switch {
	case l.lacking(limit) > 0:
		wanted = byUrgent
	case len(l.waiting[bulk])+len(l.waiting[urgent]) > 0:
		wanted = bySomebody
	}
	l.wanted.Store(wanted)
}

// limit is how many connections may be used; while the server is in trouble only one tries at a time.
func (p *Pool) limit() int {
	if p.health.troubled() {
		return 1
	}
	return p.settings.Connections
}

func (p *Pool) wakeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake()
}

// turnTime is how long a lease may last while others wait for a connection. A batch that is sent fast keeps all connections to
// its end, so that their outcomes are committed in large groups; one that crawls lets others in.
const turnTime = time.Second

// turnOver reports whether a connection should now serve someone else.
func (p *Pool) turnOver(c *conn) bool {
	wanted := p.leases.wanted.Load()
	if wanted == byNobody || p.health.troubled() {
		return false
	}
	return c.lease.yields || wanted == byUrgent && p.yield(c) || time.Since(c.lease.since) >= p.turn
}

// yield gives a connection that carries bulk to somebody urgent, where one more is needed; it is asked once.
func (p *Pool) yield(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.lease.class == urgent || p.leases.lacking(p.limit()) <= 0 {
		return false
	}
	c.lease.yields = true
	p.leases.yielding++
	p.wake()
	return true
}
