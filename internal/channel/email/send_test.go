package email

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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

// Each row is one way in which a server can misbehave, and what becomes of three messages sent to it one after the other.
func TestServersThatMisbehave(t *testing.T) {
	t.Parallel()
	a, b, c := "a@example.com", "b@example.com", "c@example.com"
	to := func(who, say string) func(*dialogue, string) string {
		return func(_ *dialogue, command string) string {
			if command == "RCPT TO:<"+who+">" {
				return say
			}
			return ""
		}
	}
	sent := channel.Outcome{Verdict: channel.Sent, Reply: "2.0.0 taken"}
	for name, row := range map[string]struct {
		extensions []string
		answer     func(d *dialogue, command string) string
		want       map[string]channel.Outcome
		taken      []string
		err        string
	}{
		"one unknown user": {pipelined, to(b, "550 5.1.1 nobody here"),
			map[string]channel.Outcome{a: sent, b: {Verdict: channel.Failed, Reason: MailboxUnavailable, Reply: "550 5.1.1 nobody here"}, c: sent}, []string{a, c}, ""},
		"one greylisted, without pipelining": {nil, to(b, "451 4.7.1 Greylisted, try again"),
			map[string]channel.Outcome{a: sent, b: {Verdict: channel.Deferred, Reason: Greylisted, Reply: "451 4.7.1 Greylisted, try again"}, c: sent}, []string{a, c}, ""},
		"refused recipient, yet 354": {pipelined, func(d *dialogue, command string) string {
			switch {
			case command == "RCPT TO:<"+b+">":
				return "550 5.1.1 nobody here"
			case command == "DATA":
				return "354 go on"
			case command == "." && d.to == b:
				return "554 5.5.1 no valid recipients"
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: {Verdict: channel.Failed, Reason: MailboxUnavailable, Reply: "550 5.1.1 nobody here"}, c: sent}, []string{a, c}, ""},
		"refused recipient, DATA refused, RSET wanted": {pipelined, func(d *dialogue, command string) string {
			switch {
			case command == "RCPT TO:<"+b+">":
				return "550 5.1.1 nobody here"
			case command == "DATA" && d.to == b:
				d.to = "nested"
				return "503 5.5.1 no valid recipients"
			case strings.HasPrefix(command, "MAIL") && d.to == "nested":
				return "503 5.5.1 nested MAIL"
			case command == "RSET":
				d.to = ""
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: {Verdict: channel.Failed, Reason: MailboxUnavailable, Reply: "550 5.1.1 nobody here"}, c: sent}, []string{a, c}, ""},
		"content refused after the dot": {pipelined, func(d *dialogue, command string) string {
			if command == "." && d.to == b {
				return "554-5.6.0 this\r\n554 5.6.0 is spam"
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: {Verdict: channel.Failed, Reason: ContentRejected, Reply: "554 5.6.0 this 5.6.0 is spam"}, c: sent}, []string{a, c}, ""},
		"421 after the dot, once": {pipelined, func(d *dialogue, command string) string {
			if command == "." && d.to == b && d.number == 1 {
				return "421 4.3.2 going down"
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: sent, c: sent}, []string{a, b, c}, ""},
		"dropped after the dot, once": {pipelined, func(d *dialogue, command string) string {
			if command == "." && d.to == b && d.number == 1 {
				return drop
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: {Verdict: channel.Unknown, Reason: ConnectionLost}, c: sent}, []string{a, c}, ""},
		"garbled after the dot": {pipelined, func(d *dialogue, command string) string {
			if command == "." && d.to == b {
				return "what?"
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: {Verdict: channel.Unknown, Reason: ConnectionLost}, c: sent}, []string{a, c}, ""},
		"two codes in one reply": {pipelined, func(d *dialogue, command string) string {
			if command == "RCPT TO:<"+b+">" && d.number == 1 {
				return "250-fine\r\n550 not fine"
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: sent, c: sent}, []string{a, b, c}, ""},
		"dropped in the envelope, once": {pipelined, func(d *dialogue, command string) string {
			if command == "DATA" && d.to == b && d.number == 1 {
				return drop
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: sent, c: sent}, []string{a, b, c}, ""},
		"dropped in the envelope of one message, always": {pipelined, func(d *dialogue, command string) string {
			if command == "RCPT TO:<"+b+">" {
				return drop
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: {Verdict: channel.Deferred, Reason: ConnectionLost}, c: sent}, []string{a, c}, ""},
		"421 after each message": {nil, func(d *dialogue, command string) string {
			if strings.HasPrefix(command, "MAIL") && d.message > 1 {
				return "421 one message a connection"
			}
			return ""
		}, map[string]channel.Outcome{a: sent, b: sent, c: sent}, []string{a, b, c}, ""},
		"421 always": {pipelined, func(_ *dialogue, command string) string {
			return map[string]string{"CONNECT": "421 4.3.2 closed"}[command]
		}, nil, nil, "421 4.3.2 closed"},
		"421 to MAIL always": {nil, func(_ *dialogue, command string) string {
			return when(strings.HasPrefix(command, "MAIL"), "421 4.3.2 busy")
		}, nil, nil, "said to MAIL FROM: 421 4.3.2 busy"},
		"451 to MAIL always": {pipelined, func(_ *dialogue, command string) string {
			return when(strings.HasPrefix(command, "MAIL"), "451 4.3.0 busy")
		}, nil, nil, "said to MAIL FROM: 451 4.3.0 busy"},
		"sender not allowed": {pipelined, func(_ *dialogue, command string) string {
			return when(strings.HasPrefix(command, "MAIL"), "553 5.7.1 not yours")
		}, nil, nil, "said to MAIL FROM: 553 5.7.1 not yours"},
		"authentication wanted": {nil, func(_ *dialogue, command string) string {
			return when(strings.HasPrefix(command, "RCPT"), "530 5.7.0 sign in first")
		}, nil, nil, "530 5.7.0 sign in first"},
		"greeting refused": {nil, func(_ *dialogue, command string) string { return when(command == "CONNECT", "554 no service") }, nil, nil, "554 no service"},
		"garbled always":   {pipelined, func(_ *dialogue, command string) string { return when(strings.HasPrefix(command, "RCPT"), "hello?") }, nil, nil, ""},
		"ESMTP parameters refused": {[]string{"PIPELINING", "8BITMIME", "SIZE 1000", "SMTPUTF8", "DSN"}, func(_ *dialogue, command string) string {
			return when(strings.HasPrefix(command, "MAIL") && !strings.HasSuffix(command, ">") || strings.HasPrefix(command, "RCPT") && !strings.HasSuffix(command, ">"), "501 5.5.4 no parameters")
		}, map[string]channel.Outcome{a: sent, b: sent, c: sent}, []string{a, b, c}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{extensions: row.extensions, answer: row.answer}
			p := newPool(t, f.start(t))
			var l ledger
			err := p.Send(within(t), l.queue(a, b, c))
			if row.want == nil && row.taken == nil {
				var down *fault.Error
				require.ErrorAs(t, err, &down)
				require.Equal(t, fault.ProviderFault, down.Code)
				require.Contains(t, down.Details, row.err)
				require.GreaterOrEqual(t, down.RetryAfter, time.Second)
				if name != "garbled always" {
					require.Empty(t, l.outcomes)
				}
				require.Empty(t, f.received())
				if name == "sender not allowed" || name == "authentication wanted" || name == "greeting refused" {
					require.Equal(t, 1, f.opened, "what waiting cannot cure is not tried again")
				}
				require.Equal(t, name == "sender not allowed", p.health.refuse() == nil, "another sender may be welcome")
				return
			}
			require.NoError(t, err)
			for who, want := range row.want {
				got := l.of(who)
				if want.Verdict == channel.Unknown || want.Reason == ConnectionLost {
					require.NotEmpty(t, got.Reply)
					got.Reply = ""
				}
				require.Equal(t, want, got, who)
				require.Equal(t, 1, l.times[who], who)
			}
			require.ElementsMatch(t, row.taken, f.received())
			if n, ok := connectionsOf[name]; ok {
				require.Equal(t, n, f.opened, "connections opened")
			}
		})
	}
}

// connectionsOf is how many connections those servers should see that do not go away.
var connectionsOf = map[string]int{
	"one unknown user": 1, "one greylisted, without pipelining": 1, "refused recipient, yet 354": 1, "content refused after the dot": 1,
	"refused recipient, DATA refused, RSET wanted": 1, "ESMTP parameters refused": 1, "421 after the dot, once": 2, "421 after each message": 3,
}

func TestConnectionsThatEndAreNoFault(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string {
		return when(strings.HasPrefix(command, "MAIL") && d.message > 1, drop)
	}}
	var logged strings.Builder
	p := NewPool(f.start(t), slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer p.Close()
	var l ledger
	require.NoError(t, p.Send(within(t), l.queue(recipients(8)...)))
	require.Equal(t, recipients(8), f.received())
	require.Equal(t, 8, strings.Count(logged.String(), "connection opened"))
	require.NotContains(t, logged.String(), "fault")
}

func when(holds bool, say string) string {
	if holds {
		return say
	}
	return ""
}

func TestBreakerProbesWithOneConnection(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var connects atomic.Int32
	down.Store(true)
	f := &fake{extensions: pipelined, answer: func(_ *dialogue, command string) string {
		if command == "CONNECT" {
			connects.Add(1)
			if down.Load() {
				return "421 4.3.2 closed"
			}
		}
		return ""
	}}
	settings := f.start(t)
	settings.Connections = 8
	p := newPool(t, settings)
	now := time.Now()
	var skip atomic.Int64
	p.health.now = func() time.Time { return now.Add(time.Duration(skip.Load())) }
	var l ledger

	var first *fault.Error
	require.ErrorAs(t, p.Send(within(t), l.queue(recipients(20)...)), &first)
	before := connects.Load()
	require.LessOrEqual(t, before, int32(8+tripAfter-1), "one at a time once there is trouble")
	require.GreaterOrEqual(t, before, int32(tripAfter), "faults at one time are one fault")
	require.Equal(t, firstWait, first.RetryAfter)

	require.Error(t, p.Send(within(t), l.queue(recipients(20)...)))
	require.Equal(t, before, connects.Load(), "the open breaker connects to nothing")

	skip.Add(int64(firstWait))
	var second *fault.Error
	require.ErrorAs(t, p.Send(within(t), l.queue(recipients(20)...)), &second)
	require.Equal(t, before+1, connects.Load(), "one probe")
	require.Equal(t, 2*firstWait, second.RetryAfter)

	skip.Add(int64(2 * firstWait))
	down.Store(false)
	require.NoError(t, p.Send(within(t), l.queue(recipients(20)...)))
	require.Equal(t, 20, l.count(channel.Sent))
	require.False(t, p.health.troubled())
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	t.Run("before the dot", func(t *testing.T) {
		t.Parallel()
		f := &fake{extensions: pipelined, answer: func(_ *dialogue, command string) string { return when(command == "DATA", hang) }}
		settings := f.start(t)
		settings.Timeout = 50 * time.Millisecond
		var l ledger
		var down *fault.Error
		p := newPool(t, settings)
		require.ErrorAs(t, p.Send(within(t), l.queue(recipients(2)...)), &down)
		require.Contains(t, down.Details, "timeout")
		require.Empty(t, f.received())
		require.Zero(t, l.count(channel.Unknown))
	})
	t.Run("after the dot", func(t *testing.T) {
		t.Parallel()
		f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string { return when(command == "." && d.number == 1, hang) }}
		settings := f.start(t)
		settings.Timeout = 50 * time.Millisecond
		var l ledger
		p := newPool(t, settings)
		require.NoError(t, p.Send(within(t), l.queue(recipients(2)...)))
		require.Equal(t, channel.Unknown, l.of("r0@example.com").Verdict)
		require.Equal(t, TimedOut, l.of("r0@example.com").Reason)
		require.Equal(t, channel.Sent, l.of("r1@example.com").Verdict)
	})
	t.Run("connecting", func(t *testing.T) {
		t.Parallel()
		f := &fake{answer: func(_ *dialogue, command string) string { return when(command == "CONNECT", hang) }}
		settings := f.start(t)
		settings.Timeout = 20 * time.Millisecond
		var l ledger
		require.ErrorContains(t, newPool(t, settings).Send(within(t), l.queue("a@example.com")), "timeout")
		require.Empty(t, l.outcomes)
	})
}

// The invariant that the fault harness counts on: on one connection the server never takes a second message before the
// outcome of the first is durable. The outcomes here become durable only when the test says so.
func TestNoSecondDotBeforeDurable(t *testing.T) {
	t.Parallel()
	for name, large := range map[string]bool{"small": false, "large": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dots := make(chan string, 10)
			f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string {
				if command == "." {
					dots <- d.to
				}
				return ""
			}}
			p := newPool(t, f.start(t))
			durable := make(chan chan struct{}, 10)
			rendered := make(chan string, 10)
			jobs := make(chan Job, 3)
			for _, to := range recipients(3) {
				jobs <- Job{From: "shop@example.com", To: to,
					Append: func(dst []byte) ([]byte, error) {
						rendered <- to
						dst, _ = hello(to)(dst)
						if large {
							dst = append(dst, strings.Repeat("0123456789\r\n", 10_000)...)
						}
						return dst, nil
					},
					Done: func(channel.Outcome) <-chan struct{} { c := make(chan struct{}); durable <- c; return c },
				}
			}
			close(jobs)
			ended := make(chan error, 1)
			go func() { ended <- p.Send(within(t), jobs) }()
			for i, to := range recipients(3) {
				require.Equal(t, to, <-dots)
				c := <-durable
				if i < 2 {
					for range 2 - min(i, 1) { // what the invariant allows goes on: the next message is rendered
						<-rendered
					}
				}
				select {
				case to := <-dots:
					require.Fail(t, "a dot too early", to)
				case <-ended:
					require.Fail(t, "Send returned before the outcome was durable")
				case <-time.After(50 * time.Millisecond): // nothing may happen in this time
				}
				close(c)
			}
			require.NoError(t, <-ended)
			require.Len(t, f.received(), 3)
		})
	}
}

// The same for many connections under load: never more messages taken without a durable outcome than connections.
func TestInDoubtIsAtMostConnections(t *testing.T) {
	t.Parallel()
	var doubt, most atomic.Int64
	s, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: true, Closing: 0.01, Record: func(_, _ []byte) {
		n := doubt.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
	}})
	require.NoError(t, err)
	defer s.Close()
	p := newPool(t, sinkSettings(t, s, 8))
	commit := make(chan chan struct{}, 8)
	go func() { // a committer that groups what it finds
		for c := range commit {
			group := []chan struct{}{c}
			for more := true; more; {
				select {
				case c, ok := <-commit:
					if more = ok; ok {
						group = append(group, c)
					}
				default:
					more = false
				}
			}
			for _, c := range group {
				doubt.Add(-1)
				close(c)
			}
		}
	}()
	jobs := make(chan Job, 16)
	go func() {
		defer close(jobs)
		for _, to := range recipients(5000) {
			jobs <- Job{From: "shop@example.com", To: to, Append: hello(to), Done: func(o channel.Outcome) <-chan struct{} {
				c := make(chan struct{})
				commit <- c
				return c
			}}
		}
	}()
	require.NoError(t, p.Send(within(t), jobs))
	close(commit)
	require.EqualValues(t, 5000, s.Stats().Messages)
	require.LessOrEqual(t, most.Load(), int64(8))
	require.Positive(t, most.Load())
}

func TestPauseLetsNoNewDotOut(t *testing.T) {
	t.Parallel()
	dots := make(chan string, 10)
	goOn := make(chan struct{})
	f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string {
		if command == "." {
			dots <- d.to
			<-goOn
		}
		return ""
	}}
	p := newPool(t, f.start(t))
	ctx, cancel := context.WithCancel(within(t))
	var l ledger
	ended := make(chan error, 1)
	go func() { ended <- p.Send(ctx, l.queue(recipients(5)...)) }()
	require.Equal(t, "r0@example.com", <-dots)
	cancel()
	close(goOn)
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, []string{"r0@example.com"}, f.received())
	require.Equal(t, channel.Sent, l.of("r0@example.com").Verdict, "what was in flight is finished")
	require.Len(t, l.outcomes, 1)

	require.NoError(t, p.Send(within(t), l.queue(recipients(5)[1:]...)), "and the rest goes out later")
	require.Equal(t, recipients(5), f.received())
}

func TestPauseAtTheLastMomentHoldsTheDot(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	ctx, cancel := context.WithCancel(within(t))
	var l ledger
	job := l.job("a@example.com")
	job.Before = func(context.Context) error { cancel(); return nil }
	jobs := make(chan Job, 1)
	jobs <- job
	require.ErrorIs(t, p.Send(ctx, jobs), context.Canceled)
	require.Empty(t, f.received())
	require.Empty(t, l.outcomes)
}

func TestPauseWaitsForWhatWasSentToBeDurable(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	ctx, cancel := context.WithCancel(within(t))
	durable := make(chan struct{})
	jobs := make(chan Job, 3)
	var l ledger
	job := l.job("a@example.com")
	job.Done = func(channel.Outcome) <-chan struct{} { cancel(); return durable }
	jobs <- job
	jobs <- l.job("b@example.com")
	ended := make(chan error, 1)
	go func() { ended <- p.Send(ctx, jobs) }()
	select {
	case <-ended:
		require.Fail(t, "Send returned before the outcome was durable")
	case <-time.After(100 * time.Millisecond): // nothing may happen in this time
	}
	close(durable)
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, []string{"a@example.com"}, f.received())
}

// A connection that goes from one Send to another takes the invariant along.
func TestSharedConnectionWaitsForTheOtherSendsOutcome(t *testing.T) {
	t.Parallel()
	dots := make(chan string, 10)
	f := &fake{extensions: pipelined, answer: func(d *dialogue, command string) string {
		if command == "." {
			dots <- d.to
		}
		return ""
	}}
	p := newPool(t, f.start(t))
	durable := make(chan struct{})
	var l ledger
	first := make(chan Job, 1)
	job := l.job("a@example.com")
	job.Done = func(channel.Outcome) <-chan struct{} { return durable }
	first <- job
	ended := make(chan error, 2)
	go func() { ended <- p.Send(within(t), first) }()
	require.Equal(t, "a@example.com", <-dots)
	go func() { ended <- p.Send(within(t), l.queue("b@example.com")) }()
	select {
	case to := <-dots:
		require.Fail(t, "a dot too early", to)
	case <-time.After(100 * time.Millisecond): // nothing may happen in this time
	}
	close(durable)
	require.Equal(t, "b@example.com", <-dots)
	close(first)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}

func TestPauseDoesNotWaitForADeafServer(t *testing.T) {
	t.Parallel()
	deaf := make(chan struct{})
	f := &fake{extensions: pipelined, answer: func(_ *dialogue, command string) string {
		if command == "DATA" {
			close(deaf)
			return hang
		}
		return ""
	}}
	settings := f.start(t)
	settings.Timeout = time.Minute
	p := newPool(t, settings)
	ctx, cancel := context.WithCancel(within(t))
	var l ledger
	ended := make(chan error, 1)
	go func() { ended <- p.Send(ctx, l.queue("a@example.com")) }()
	<-deaf
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, l.outcomes)
}

func TestBeforeHoldsTheDot(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(*dialogue, string) string { return "" }}
	p := newPool(t, f.start(t))
	var l ledger
	var order []string
	job := l.job("a@example.com")
	job.Before = func(context.Context) error {
		order = append(order, "before")
		require.Empty(t, f.received())
		return nil
	}
	jobs := make(chan Job, 2)
	jobs <- job
	close(jobs)
	require.NoError(t, p.Send(within(t), jobs))
	require.Equal(t, []string{"before"}, order)

	trouble := errors.New("the ledger is down")
	job = l.job("b@example.com")
	job.Before = func(context.Context) error { return trouble }
	jobs = make(chan Job, 2)
	jobs <- job
	close(jobs)
	require.ErrorIs(t, p.Send(within(t), jobs), trouble)
	require.Equal(t, []string{"a@example.com"}, f.received())
	require.Equal(t, channel.Outcome{}, l.of("b@example.com"))
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
	for _, j := range []Job{l.job("a@example.com"), broken, crooked, foreign, l.job("b@example.com")} {
		jobs <- j
	}
	close(jobs)
	require.NoError(t, p.Send(within(t), jobs))
	require.Equal(t, channel.Outcome{Verdict: channel.Failed, Reason: RenderFailed, Reply: "line 3 is wrong"}, l.of("broken@example.com"))
	require.Equal(t, AddressInvalid, l.of(crooked.To).Reason)
	require.Equal(t, UTF8Unsupported, l.of(foreign.To).Reason)
	require.Equal(t, []string{"a@example.com", "b@example.com"}, f.received())
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
	require.NoError(t, p.Send(within(t), jobs))
	require.Equal(t, []string{text}, f.bodies)
}

func TestIdleConnectionThatTheServerClosed(t *testing.T) {
	t.Parallel()
	closeIdle := make(chan struct{})
	f := &fake{extensions: pipelined}
	gone := make(chan struct{}, 1)
	f.answer = func(d *dialogue, command string) string {
		if command == "." && d.number == 1 {
			go func() {
				<-closeIdle
				_ = d.conn.Close()
				gone <- struct{}{}
			}()
		}
		return ""
	}
	p := newPool(t, f.start(t))
	var l ledger
	require.NoError(t, p.Send(within(t), l.queue("a@example.com")))
	close(closeIdle)
	<-gone
	require.NoError(t, p.Send(within(t), l.queue("b@example.com", "c@example.com")))
	require.Equal(t, 3, l.count(channel.Sent))
	require.Equal(t, 2, f.opened)
	require.False(t, p.health.troubled())
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

func (c *countingLimiter) Wait(ctx context.Context) error {
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
	go func() { ended <- p.Send(ctx, endless) }()
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

func TestEveryMessageRefusedByPolicy(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: pipelined, answer: func(_ *dialogue, command string) string {
		return when(strings.HasPrefix(command, "RCPT"), "554 5.7.1 relay access denied")
	}}
	p := newPool(t, f.start(t))
	var l ledger
	err := p.Send(within(t), l.queue(recipients(500)...))
	require.ErrorContains(t, err, "relay access denied")
	require.True(t, fault.Is(err, fault.ProviderFault))
	require.Less(t, l.count(channel.Failed), policyStreak+3, "wrong settings do not fail everyone")
}
