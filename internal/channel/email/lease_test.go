package email

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/channel"
)

// named are n recipients of a kind.
func named(kind string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%d@example.com", kind, i)
	}
	return list
}

// hurry makes a batch urgent.
func hurry(b Batch) Batch {
	b.Urgent = true
	return b
}

// holds keeps a dialogue until then, or to the test's end.
func (d *dialogue) holds(until <-chan struct{}) {
	select {
	case <-until:
	case <-d.server.end:
	}
}

// waits returns once so many of a class wait for a connection.
func (p *Pool) waits(t *testing.T, who class, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.leases.waiting[who]) >= n
	}, 10*time.Second, time.Millisecond)
}

// isIdle sees that every lease was given back.
func (p *Pool) isIdle(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Equal(t, leases{}.given, p.leases.given)
	require.Zero(t, p.leases.yielding)
	require.Equal(t, byNobody, p.leases.wanted.Load())
}

// The only connection carries a batch, and another batch waits for it: who is urgent gets it after the message under way (and
// the one whose envelope travels with that).
func TestUrgentMessagesGoFirst(t *testing.T) {
	t.Parallel()
	for name, extensions := range map[string][]string{"pipelining": pipelined, "no pipelining": {"ENHANCEDSTATUSCODES"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			held := make(chan struct{})
			f := &fake{extensions: extensions, answer: func(d *dialogue, command string) string {
				if command == "." && d.to == "bulk0@example.com" {
					d.holds(held)
				}
				return ""
			}}
			p := newPool(t, f.start(t))
			var l ledger
			var sends sync.WaitGroup
			send := func(b Batch) {
				sends.Go(func() {
					if err := p.Send(within(t), b); err != nil {
						t.Error(err)
					}
				})
			}
			send(l.queue(named("bulk", 50)...))
			require.Eventually(t, func() bool { return slices.Contains(f.said(), "DATA") }, 10*time.Second, time.Millisecond)
			send(l.queue(named("other", 50)...))
			p.waits(t, bulk, 1)
			send(hurry(l.queue("urgent@example.com")))
			p.waits(t, urgent, 1)
			close(held)
			sends.Wait()
			received := f.received()
			require.Len(t, received, 101)
			require.Equal(t, 101, l.count(channel.Sent))
			require.LessOrEqual(t, slices.Index(received, "urgent@example.com"), 2, "%v", received[:5])
			p.isIdle(t)
		})
	}
}

// However much is urgent, one connection stays with bulk as long as there is any: urgent messages get two of three, and while
// they hold both, bulk goes on.
func TestBulkKeepsAConnection(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	bulkOn := map[int]bool{} // connections
	held, passed := 0, 0     // urgent messages that wait for goOn, and bulk ones while two do
	most := 0
	goOn := make(chan struct{})
	f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string {
		if command != "." {
			return ""
		}
		mu.Lock()
		if strings.HasPrefix(d.to, "urgent") {
			held++
			mu.Unlock()
			d.holds(goOn)
			return ""
		}
		defer mu.Unlock()
		bulkOn[d.number] = true
		if held < 2 {
			return ""
		}
		if passed++; passed == 100 {
			most = held
			close(goOn)
		}
		return ""
	}}
	settings := f.start(t)
	settings.Connections = 3
	p := newPool(t, settings)
	p.turn = time.Hour // nobody's turn ends by itself
	ctx, cancel := context.WithCancel(within(t))
	var l, other ledger
	endless := make(chan Job, 100_000)
	for range cap(endless) {
		endless <- l.job("bulk@example.com")
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Send(ctx, Batch{Jobs: endless}) }()
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(bulkOn) == 3
	}, 10*time.Second, time.Millisecond, "bulk has all connections")
	var sends sync.WaitGroup
	for _, kind := range []string{"urgent-a", "urgent-b", "urgent-c"} {
		sends.Go(func() {
			if err := p.Send(ctx, hurry(other.queue(named(kind, 300)...))); err != nil {
				t.Error(err)
			}
		})
	}
	sends.Wait()
	require.NotEmpty(t, endless)
	require.Equal(t, 900, other.count(channel.Sent))
	require.Equal(t, 2, most)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// gate lets so many messages that are not urgent through, and all urgent ones.
type gate struct{ left chan struct{} }

func (g gate) Wait(ctx context.Context, urgent bool) error {
	if urgent {
		return nil
	}
	select {
	case <-g.left:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) Try(urgent bool) bool {
	if urgent {
		return true
	}
	select {
	case <-g.left:
		return true
	default:
		return false
	}
}

// Who waits for the limiter holds no connection meanwhile.
func TestNobodyWaitsForTheLimiterOnAConnection(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	settings := f.start(t)
	limiter := gate{left: make(chan struct{}, 3)}
	limiter.left <- struct{}{}
	settings.Limiter = limiter
	p := newPool(t, settings)
	var l ledger
	ended := make(chan error, 1)
	go func() { ended <- p.Send(within(t), l.queue(named("bulk", 3)...)) }()
	require.Eventually(t, func() bool { return len(f.received()) == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, p.Send(within(t), hurry(l.queue("urgent@example.com"))))
	limiter.left <- struct{}{}
	limiter.left <- struct{}{}
	require.NoError(t, <-ended)
	require.Equal(t, []string{"bulk0@example.com", "urgent@example.com", "bulk1@example.com", "bulk2@example.com"}, f.received())
}

// Who waits and gives up leaves everything to the others.
func TestUrgentMessagesThatGiveUp(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string {
		if command == "." && d.to == "bulk0@example.com" {
			d.holds(held)
		}
		return ""
	}}
	p := newPool(t, f.start(t))
	var l ledger
	ended := make(chan error, 1)
	go func() { ended <- p.Send(within(t), l.queue(named("bulk", 20)...)) }()
	require.Eventually(t, func() bool { return slices.Contains(f.said(), "DATA") }, 10*time.Second, time.Millisecond)
	ctx, cancel := context.WithCancel(within(t))
	gaveUp := make(chan error, 1)
	go func() { gaveUp <- p.Send(ctx, hurry(l.queue("urgent@example.com"))) }()
	p.waits(t, urgent, 1)
	cancel()
	require.ErrorIs(t, <-gaveUp, context.Canceled)
	close(held)
	require.NoError(t, <-ended)
	require.NoError(t, p.Send(within(t), hurry(l.queue("urgent@example.com"))))
	require.Equal(t, append(named("bulk", 20), "urgent@example.com"), f.received())
	p.isIdle(t)
}
