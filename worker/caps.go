package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"herald/db"
)

// sendingCap is a cap that all workers share: each takes turns from the ledger, a quarter of a second's worth at a time, so
// that the sum keeps to the rate whoever sends, without a query per message.
//
// A turn is given to somebody when its time has come, not before: who is urgent then goes first, however many have waited for
// longer. So an urgent message waits for no more than a turn, after the blocks that all workers have taken: a quarter of a
// second's worth each, or one turn where that is more.
type sendingCap struct {
	store db.SendingCaps
	key   string  // what is capped: the provider
	rate  float64 // messages per second

	mu      sync.Mutex
	left    int       // turns of the block taken last
	next    time.Time // of the next turn
	urgent  queue
	bulk    queue
	passed  int  // turns in a row that urgent ones had while bulk waited
	serving bool // somebody gives out turns
}

// queue is who waits for a turn, in order. Each is told nil when it has one.
type queue []chan error

const (
	// bulkShare is the part of the turns that stays with bulk while there is any, whatever is urgent: one of so many.
	bulkShare = 10
	// takePatience bounds how long the ledger may take to answer.
	takePatience = 30 * time.Second
)

// Wait holds until the next message may leave.
func (c *sendingCap) Wait(ctx context.Context, urgent bool) error {
	turn := make(chan error, 1)
	c.mu.Lock()
	mine := c.queueOf(urgent)
	*mine = append(*mine, turn)
	if !c.serving {
		c.serving = true
		go c.serve()
	}
	c.mu.Unlock()
	select {
	case err := <-turn:
		return err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		if i := slices.Index(*mine, turn); i >= 0 {
			*mine = slices.Delete(*mine, i, i+1)
		}
		return ctx.Err()
	}
}

// Try takes a turn whose time has come, where nobody goes before.
func (c *sendingCap) Try(urgent bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 || time.Now().Before(c.next) || len(c.urgent) > 0 || !urgent && len(c.bulk) > 0 || c.bulkIsDue() {
		return false
	}
	c.spend(urgent)
	return true
}

func (c *sendingCap) queueOf(urgent bool) *queue {
	if urgent {
		return &c.urgent
	}
	return &c.bulk
}

// bulkIsDue reports whether it is time that bulk has a turn, whatever is urgent.
func (c *sendingCap) bulkIsDue() bool { return len(c.bulk) > 0 && c.passed >= bulkShare-1 }

// spend uses a turn.
func (c *sendingCap) spend(urgent bool) {
	c.left--
	c.next = c.next.Add(time.Duration(float64(time.Second) / c.rate))
	if urgent && len(c.bulk) > 0 {
		c.passed++
	} else {
		c.passed = 0
	}
}

// serve gives out turns, each when its time has come, until nobody waits.
func (c *sendingCap) serve() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.urgent)+len(c.bulk) > 0 {
		if c.left == 0 {
			c.take()
			continue
		}
		if early := time.Until(c.next); early > 0 {
			c.mu.Unlock()
			time.Sleep(early)
			c.mu.Lock()
			continue // who waits may have changed
		}
		urgent := len(c.urgent) > 0 && !c.bulkIsDue()
		c.spend(urgent)
		first := c.queueOf(urgent)
		(*first)[0] <- nil
		*first = (*first)[1:]
	}
	c.serving = false
}

// take takes a block of turns from the ledger. Where that fails, all who wait are told; they come again.
func (c *sendingCap) take() {
	block := max(int(c.rate/4), 1)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), takePatience)
	wait, err := c.store.Take(ctx, c.key, float64(block)/c.rate)
	cancel()
	c.mu.Lock()
	if err == nil {
		c.left, c.next = block, time.Now().Add(wait)
		return
	}
	for _, turn := range slices.Concat(c.urgent, c.bulk) {
		turn <- err
	}
	c.urgent, c.bulk = nil, nil
}
