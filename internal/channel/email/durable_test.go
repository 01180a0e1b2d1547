package email

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/channel"
	"herald/internal/channel/email/sink"
)

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
			go func() { ended <- p.Send(within(t), Batch{Jobs: jobs}) }()
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
	require.NoError(t, p.Send(within(t), Batch{Jobs: jobs}))
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
	require.ErrorIs(t, p.Send(ctx, Batch{Jobs: jobs}), context.Canceled)
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
	go func() { ended <- p.Send(ctx, Batch{Jobs: jobs}) }()
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
	go func() { ended <- p.Send(within(t), Batch{Jobs: first}) }()
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
	for _, silentAt := range []string{"CONNECT", "EHLO", "MAIL", "DATA"} {
		t.Run(silentAt, func(t *testing.T) {
			t.Parallel()
			deaf := make(chan struct{})
			f := &fake{extensions: pipelined, answer: func(_ *dialogue, command string) string {
				if strings.HasPrefix(command, silentAt) {
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
			select {
			case err := <-ended:
				require.ErrorIs(t, err, context.Canceled)
			case <-time.After(10 * time.Second):
				require.Fail(t, "the pause waits for the server")
			}
			require.Empty(t, l.outcomes)
			require.False(t, p.health.troubled(), "a pause is no fault")
		})
	}
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
	require.NoError(t, p.Send(within(t), Batch{Jobs: jobs}))
	require.Equal(t, []string{"before"}, order)

	trouble := errors.New("the ledger is down")
	job = l.job("b@example.com")
	job.Before = func(context.Context) error { return trouble }
	jobs = make(chan Job, 2)
	jobs <- job
	close(jobs)
	require.ErrorIs(t, p.Send(within(t), Batch{Jobs: jobs}), trouble)
	require.Equal(t, []string{"a@example.com"}, f.received())
	require.Equal(t, channel.Outcome{}, l.of("b@example.com"))
}
