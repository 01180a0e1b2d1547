package worker

import (
	"context"
	"sync"
	"time"

	"herald/db"
)

// sendingCap is a cap that all workers share: each takes turns from the ledger, a quarter of a second's worth at a time, so
// that the sum keeps to the rate whoever sends, without a query per message.
type sendingCap struct {
	store db.SendingCaps
	key   string  // what is capped: the provider
	rate  float64 // messages per second

	mu   sync.Mutex
	left int       // turns of the block taken last
	next time.Time // of the next turn
}

// Wait holds until the next message may leave.
func (c *sendingCap) Wait(ctx context.Context) error {
	turn, err := c.turn(ctx)
	if err != nil {
		return err
	}
	timer := time.NewTimer(time.Until(turn))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *sendingCap) turn(ctx context.Context) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		block := max(int(c.rate/4), 1)
		wait, err := c.store.Take(ctx, c.key, float64(block)/c.rate)
		if err != nil {
			return time.Time{}, err
		}
		c.left, c.next = block, time.Now().Add(wait)
	}
	turn := c.next
	c.left--
	c.next = c.next.Add(time.Duration(float64(time.Second) / c.rate))
	return turn, nil
}
