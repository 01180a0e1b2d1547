package email

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/channel"
	"herald/internal/channel/email/sink"
	"herald/internal/fault"
)

func recipients(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("r%d@example.com", i)
	}
	return list
}

func TestSendsAllOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sink.Options{
		"pipelining":    {Pipelining: true},
		"no pipelining": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			got := map[string]int{}
			o.Record = func(id, to []byte) {
				mu.Lock()
				defer mu.Unlock()
				got[string(to)]++
				if string(id) != string(to) {
					got["wrong id "+string(id)]++
				}
			}
			s, err := sink.Listen("127.0.0.1:0", o)
			require.NoError(t, err)
			defer s.Close()
			settings := sinkSettings(t, s, 4)
			settings.MaxMessages = 100
			p := newPool(t, settings)
			var l ledger
			require.NoError(t, p.Send(within(t), l.queue(recipients(2000)...)))
			require.Equal(t, 2000, l.count(channel.Sent))
			require.Len(t, got, 2000)
			for to, n := range got {
				require.Equal(t, 1, n, to)
			}
			stats := s.Stats()
			require.LessOrEqual(t, stats.MostOpen, int64(4))
			require.GreaterOrEqual(t, stats.Connections, int64(20), "renewed after 100 messages")
			require.Zero(t, stats.Violations)
		})
	}
}

func TestFaultsOfSomeMessages(t *testing.T) {
	t.Parallel()
	for _, pipelining := range []bool{true, false} {
		s, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: pipelining, Busy: 0.02, Unknown: 0.05, Closing: 0.01})
		require.NoError(t, err)
		defer s.Close()
		p := newPool(t, sinkSettings(t, s, 5))
		var l ledger
		require.NoError(t, p.Send(within(t), l.queue(recipients(3000)...)))
		stats := s.Stats()
		require.EqualValues(t, stats.Busy, l.count(channel.Deferred))
		require.EqualValues(t, stats.Unknown, l.count(channel.Failed))
		require.EqualValues(t, stats.Messages, l.count(channel.Sent))
		require.Equal(t, 3000, l.count(channel.Deferred)+l.count(channel.Failed)+l.count(channel.Sent))
		require.Positive(t, stats.Busy)
		require.Positive(t, stats.Unknown)
		require.Positive(t, stats.Closing, "a 421 costs no message")
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	var l ledger
	jobs := make(chan Job, 10)
	broken := l.job("broken@example.com")
	broken.Append = func(dst []byte) ([]byte, error) { return nil, fault.New(fault.InvalidPayload, "line 3 is wrong") }
	crooked := l.job("x@example.com>\r\nRCPT TO:<eve@example.com")
	foreign := l.job("ädä@example.com")
	unicode := l.job("c@exämple.com")
	for _, j := range []Job{l.job("a@example.com"), broken, crooked, foreign, unicode, l.job("b@example.com")} {
		jobs <- j
	}
	close(jobs)
	require.NoError(t, p.Send(within(t), Batch{Jobs: jobs}))
	require.Equal(t, channel.Outcome{Verdict: channel.Failed, Reason: RenderFailed, Reply: "line 3 is wrong"}, l.of("broken@example.com"))
	require.Equal(t, AddressInvalid, l.of(crooked.To).Reason)
	require.Equal(t, UTF8Unsupported, l.of(foreign.To).Reason)
	require.Equal(t, []string{"a@example.com", "c@xn--exmple-cua.com", "b@example.com"}, f.received())
	for _, said := range f.said() {
		require.NotContains(t, said, "eve")
	}
}

func TestInternationalAddressWhereOffered(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: []string{"PIPELINING", "SMTPUTF8", "8BITMIME"}, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	var l ledger
	require.NoError(t, p.Send(within(t), l.queue("ädä@example.com", "b@example.com")))
	require.Equal(t, 2, l.count(channel.Sent))
	require.Contains(t, f.said(), "MAIL FROM:<shop@example.com> SMTPUTF8")
	require.Contains(t, f.said(), "MAIL FROM:<shop@example.com>")
}

func TestDotsArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	var l ledger
	job := l.job("a@example.com")
	text := "Subject: x\r\n\r\n.\r\n..\r\n.x\r\ny.\r\n"
	job.Append = func(dst []byte) ([]byte, error) { return append(dst, text...), nil }
	jobs := make(chan Job, 1)
	jobs <- job
	close(jobs)
	require.NoError(t, p.Send(within(t), Batch{Jobs: jobs}))
	require.Equal(t, []string{text}, f.bodies)
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	quit := make(chan struct{})
	f := &fake{extensions: pipelined, answer: func(_ *dialogue, command string) string {
		if command == "QUIT" {
			close(quit)
		}
		return ""
	}}
	p := newPool(t, f.start(t))
	p.idleTime = 30 * time.Millisecond
	var l ledger
	require.NoError(t, p.Send(within(t), l.queue("a@example.com")))
	select {
	case <-quit:
	case <-within(t).Done():
		require.Fail(t, "the idle connection stays open")
	}
}

type countingLimiter struct {
	n     atomic.Int32
	until int32
}

func (c *countingLimiter) Try(bool) bool { return false }

func (c *countingLimiter) Wait(ctx context.Context, _ bool) error {
	if c.n.Add(1) > c.until {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func TestLimiterIsAskedForEachMessage(t *testing.T) {
	t.Parallel()
	s, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: true})
	require.NoError(t, err)
	defer s.Close()
	limiter := &countingLimiter{until: 30}
	settings := sinkSettings(t, s, 4)
	settings.Limiter = limiter
	p := newPool(t, settings)
	ctx, cancel := context.WithCancel(within(t))
	var l ledger
	ended := make(chan error, 1)
	go func() { ended <- p.Send(ctx, l.queue(recipients(100)...)) }()
	require.Eventually(t, func() bool { return s.Stats().Messages == 30 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.EqualValues(t, 30, s.Stats().Messages)
	require.Equal(t, 30, l.count(channel.Sent))
}

func TestSendsShareTheConnections(t *testing.T) {
	t.Parallel()
	s, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: true, Delay: time.Millisecond})
	require.NoError(t, err)
	defer s.Close()
	p := newPool(t, sinkSettings(t, s, 2))
	p.turn = time.Millisecond
	ctx, cancel := context.WithCancel(within(t))
	var l, other ledger
	const plenty = 100_000
	endless := make(chan Job, plenty)
	for range plenty {
		endless <- l.job("e@example.com")
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Send(ctx, Batch{Jobs: endless}) }()
	require.Eventually(t, func() bool { return s.Stats().Messages > 100 }, 10*time.Second, time.Millisecond)
	var sends sync.WaitGroup
	for i := range 3 {
		sends.Go(func() {
			list := recipients(200)
			for j := range list {
				list[j] = fmt.Sprintf("s%d.%s", i, list[j])
			}
			if err := p.Send(ctx, other.queue(list...)); err != nil {
				t.Error(err)
			}
		})
	}
	sends.Wait()
	require.Equal(t, 600, other.count(channel.Sent))
	require.NotEmpty(t, endless, "the short ones are done long before the long one")
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.LessOrEqual(t, s.Stats().MostOpen, int64(2))
	require.EqualValues(t, s.Stats().Messages, l.times["e@example.com"]+600)
}

func TestClosedPool(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	p.Close()
	var l ledger
	require.ErrorIs(t, p.Send(within(t), l.queue("a@example.com")), errClosed)
	require.Empty(t, l.outcomes)
}

func TestFewMessagesOpenFewConnections(t *testing.T) {
	t.Parallel()
	s, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: true})
	require.NoError(t, err)
	defer s.Close()
	p := newPool(t, sinkSettings(t, s, 40))
	var l ledger
	require.NoError(t, p.Send(within(t), l.queue(recipients(2)...)))
	require.LessOrEqual(t, s.Stats().Connections, int64(2))
}
