package email

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/channel"
	"herald/internal/fault"
)

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
