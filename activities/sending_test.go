package activities_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/activities"
	"herald/db"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/message"
	"herald/internal/smtptest"
)

func TestABatchIsSent(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1200, nil, nil)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, activities.Sent{Tally: message.Tally{Sent: 1000, Pending: 200}}, sent)

	mails := p.server.Mails()
	require.Len(t, mails, 1000)
	ids := map[string]bool{}
	for _, m := range mails {
		ids[m.MessageID] = true
		require.True(t, strings.HasSuffix(m.MessageID, "@herald.example"), m.MessageID)
		n := strings.TrimSuffix(strings.TrimPrefix(m.To, "person"), "@shop.example")
		require.Equal(t, "Hello Person "+n, m.Subject)
		require.Contains(t, m.Body, "Dear Person "+n+",")
	}
	require.Len(t, ids, 1000)
	require.Len(t, p.server.ByRecipient(), 1000)

	again, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, sent, again)
	require.Equal(t, 1000, p.server.Count())
	require.Equal(t, []string{"created", "sending_started"}, p.events(t), "what goes well is no event")
}

// refuse answers one recipient, until the test changes its mind.
func refuse(to, with string) smtptest.Answer {
	return func(stage smtptest.Stage, recipient string) string {
		if stage == smtptest.Recipient && recipient == to {
			return with
		}
		return ""
	}
}

func TestWhoIsPutOffGetsAnotherAttempt(t *testing.T) {
	t.Parallel()
	p := newPost(t, 20, nil, nil)
	slow := p.addressOf(t, 5)
	p.server.Answers(refuse(slow, "451 4.7.1 greylisted, come back"))
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 19, Deferred: 1}, sent.Tally)

	m := p.message(t, 5)
	require.Equal(t, message.Deferred, m.Status)
	require.Equal(t, 1, m.Attempts)
	require.Contains(t, m.Reply, "greylisted, come back")
	require.WithinDuration(t, time.Now().Add(retryAfter[0]), *m.DueAt, 20*time.Second)
	require.Len(t, m.History, 1)
	require.Equal(t, m.Reason, m.History[0].Reason)

	sent, err = p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 19, Deferred: 1}, sent.Tally, "it is not due yet")

	p.exec(t, "UPDATE messages SET due_at = now() WHERE seq = 5")
	p.server.Answers(nil)
	sent, err = p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 20, Recovered: 1}, sent.Tally)
	require.Equal(t, 1, p.server.ByRecipient()[slow])
	require.Equal(t, 20, p.server.Count())
}

// Whose quiet hours have come since they were enrolled wait for the end, without an attempt.
func TestNobodyIsWrittenToInQuietHours(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	p := newPost(t, 20, nil, func(spec *distribution.Spec) {
		spec.Trigger = distribution.Trigger{Type: "customer.segment.entered", SegmentID: spec.Audience.SegmentID, IncludeExisting: true}
		spec.Audience = nil
		spec.QuietHours = &distribution.QuietHours{From: now.Add(-2 * time.Hour).Format("15:04"), To: now.Add(2 * time.Hour).Format("15:04")}
	})
	p.exec(t, `UPDATE customers SET metadata = '{"timezone": "Etc/GMT-9"}' WHERE (metadata->>'size')::int > 15`)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 5, Deferred: 15}, sent.Tally, "five are elsewhere")
	m := p.message(t, 1)
	require.Equal(t, message.ReasonQuiet, m.Reason)
	require.Zero(t, m.Attempts)
	require.WithinDuration(t, now.Add(2*time.Hour), *m.DueAt, time.Minute)

	p.exec(t, "UPDATE messages SET due_at = now() WHERE flag = 'deferred'")
	sent, err = p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 5, Deferred: 15}, sent.Tally, "it still is")
	p.exec(t, "UPDATE messages SET due_at = now() WHERE flag = 'deferred'")
	p.exec(t, `UPDATE customers SET metadata = '{"timezone": "Etc/GMT-9"}'`)
	sent, err = p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 20}, sent.Tally)
	require.Len(t, p.server.ByRecipient(), 20)
}

func TestTheLastAttemptFails(t *testing.T) {
	t.Parallel()
	p := newPost(t, 3, func(stage smtptest.Stage, _ string) string {
		if stage == smtptest.Recipient {
			return "452 4.2.2 mailbox full"
		}
		return ""
	}, nil)
	for range len(retryAfter) + 1 {
		p.exec(t, "UPDATE messages SET due_at = now() WHERE flag = 'deferred'")
		_, err := p.send(t.Context())
		require.NoError(t, err)
	}
	m := p.message(t, 2)
	require.Equal(t, message.Failed, m.Status)
	require.Equal(t, len(retryAfter)+1, m.Attempts)
	require.Len(t, m.History, len(retryAfter)+1)
	require.Equal(t, message.Failed, m.History[2].Verdict)
	require.Nil(t, m.DueAt)
}

func TestAnUnknownRecipientFailsAlone(t *testing.T) {
	t.Parallel()
	p := newPost(t, 20, nil, nil)
	gone := p.addressOf(t, 7)
	p.server.Answers(refuse(gone, "550 5.1.1 <"+gone+"> user unknown"))
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 19, Failed: 1}, sent.Tally)
	m := p.message(t, 7)
	require.Equal(t, "mailbox_unavailable", m.Reason)
	require.Contains(t, m.Reply, "user unknown")
	require.Zero(t, p.server.ByRecipient()[gone])
}

func TestATemplateThatFailsForOneFailsForOne(t *testing.T) {
	t.Parallel()
	p := newPost(t, 10, nil, func(s *distribution.Spec) {
		s.Channels[0].Template.Text = "{{ 100 | divided_by: customer.metadata.size }}"
	})
	p.exec(t, `UPDATE messages SET vars = jsonb_set(vars, '{customer,metadata,size}', '0') WHERE seq = 4`)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 9, Failed: 1}, sent.Tally)
	require.Equal(t, message.Failed, p.message(t, 4).Status)
	require.Contains(t, p.message(t, 4).Reply, "divided_by")
}

func TestAReplyOfRubbishIsKept(t *testing.T) {
	t.Parallel()
	p := newPost(t, 3, func(stage smtptest.Stage, _ string) string {
		if stage == smtptest.Recipient {
			return "550 5.1.1 caf\xe9 \x00\x1b[31m unknown " + strings.Repeat("x", 2000)
		}
		return ""
	}, nil)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Failed: 3}, sent.Tally)
	require.Contains(t, p.message(t, 1).Reply, "unknown")
}

// blockAt holds the server at the end of the nth mail until the test goes on.
func blockAt(n int64) (answer smtptest.Answer, reached <-chan struct{}, goOn func()) {
	var ended atomic.Int64
	there, on := make(chan struct{}), make(chan struct{})
	return func(stage smtptest.Stage, _ string) string {
		if stage == smtptest.End {
			if ended.Add(1) == n {
				close(there)
			}
			if ended.Load() >= n {
				<-on
			}
		}
		return ""
	}, there, sync.OnceFunc(func() { close(on) })
}

func TestABatchThatIsInterruptedLeavesTheRest(t *testing.T) {
	t.Parallel()
	answer, reached, goOn := blockAt(50)
	defer goOn()
	p := newPost(t, 1000, answer, nil)
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		<-reached
		interrupt()
		goOn()
	}()
	sent, err := p.send(ctx)
	require.NoError(t, err)
	require.True(t, sent.Interrupted)
	require.EqualValues(t, p.server.Count(), sent.Tally.Sent, "what was on a connection is written down")
	require.Less(t, sent.Tally.Sent, int64(100))
	require.EqualValues(t, 1000, sent.Tally.Sent+sent.Tally.Pending)

	sent, err = p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, activities.Sent{Tally: message.Tally{Sent: 1000}}, sent)
	require.Equal(t, 1000, p.server.Count())
	require.Len(t, p.server.ByRecipient(), 1000)
}

func TestAProviderThatIsDownShows(t *testing.T) {
	t.Parallel()
	p := newPost(t, 100, func(stage smtptest.Stage, _ string) string {
		if stage == smtptest.Sender {
			return "421 4.3.2 person1@shop.example: come back later"
		}
		return ""
	}, nil)
	_, err := p.send(t.Context())
	refused := failure(t, err)
	require.False(t, refused.NonRetryable(), "the engine tries again")
	require.Equal(t, string(fault.ProviderFault), refused.Type())
	require.Contains(t, refused.Message(), "421 4.3.2")
	require.NotContains(t, refused.Error(), "person1@", "history keeps no address")
	require.NotContains(t, refused.Error(), "come back later", "nor the provider's words, which may name a person")
	require.Zero(t, p.server.Count())

	shown := p.distribution(t)
	require.Equal(t, string(distribution.Sending), shown.Status)
	require.Contains(t, *shown.Reason, "come back later")
	require.Equal(t, []string{"created", "sending_started", "provider_unavailable"}, p.events(t))

	p.server.Answers(nil)
	p.hire(t) // the breaker of the other worker rests a while
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 100}, sent.Tally)
	require.Nil(t, p.distribution(t).Reason)
	require.Equal(t, []string{"created", "sending_started", "provider_unavailable", "provider_recovered"}, p.events(t))
}

func TestTheNextAttemptSendsTheRest(t *testing.T) {
	t.Parallel()
	answer, reached, goOn := blockAt(300)
	defer goOn()
	p := newPost(t, 1000, answer, nil)
	go func() {
		<-reached
		// As a crash of the worker does: its session ends.
		_, _ = p.pool.Exec(context.Background(), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
		goOn()
	}()
	_, err := p.send(t.Context())
	require.Error(t, err, "a batch that lost its claim does not go on")
	died := p.server.Count()
	require.Less(t, died, 400)

	p.hire(t)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 1000}, sent.Tally)
	require.Len(t, p.server.ByRecipient(), 1000)
	require.Equal(t, 1000, p.server.Count(), "what happened was written down after the session was lost")
}

// TestOnlyOneWorkerSendsARange has two workers send the same thousand at once, as when the engine takes a slow one for dead.
func TestOnlyOneWorkerSendsARange(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1000, nil, nil)
	other := *p
	other.hire(t)
	var both sync.WaitGroup
	for _, worker := range []*post{p, &other} {
		both.Go(func() {
			_, err := worker.send(context.Background())
			require.NoError(t, err)
		})
	}
	both.Wait()
	require.Equal(t, 1000, p.server.Count())
	require.Len(t, p.server.ByRecipient(), 1000)
}

func TestALostAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		repeat, reason string
		want           message.Tally
	}{
		{"allowed", message.ReasonLostAnswer, message.Tally{Sent: 19, Deferred: 1}},
		{"never", "connection_lost", message.Tally{Sent: 19, Unknown: 1}},
	} {
		t.Run(c.repeat, func(t *testing.T) {
			t.Parallel()
			p := newPost(t, 20, nil, func(s *distribution.Spec) { s.Repeat = c.repeat })
			doubtful := p.addressOf(t, 9)
			p.server.Answers(func(stage smtptest.Stage, to string) string {
				if stage == smtptest.End && to == doubtful {
					return smtptest.Drop
				}
				return ""
			})
			sent, err := p.send(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.want, sent.Tally)
			require.Equal(t, c.reason, p.message(t, 9).Reason)
			for to, n := range p.server.ByRecipient() {
				require.Equal(t, 1, n, to)
			}
		})
	}
}

func TestWhatADeadWorkerMayHaveSentIsNeverRepeated(t *testing.T) {
	t.Parallel()
	p := newPost(t, 20, nil, func(s *distribution.Spec) { s.Repeat = "never" })
	dead, err := p.sending.Claims.Claim(t.Context(), p.ref.DistributionID, 1, 20)
	require.NoError(t, err)
	_, err = p.sending.Claims.Commit(t.Context(), []*db.Outcomes{{Claim: dead, Begun: []int64{3, 4}}})
	require.NoError(t, err)
	require.NoError(t, dead.Release())
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 18, Unknown: 2}, sent.Tally)
	require.Equal(t, 18, p.server.Count())
	require.Equal(t, message.ReasonLostAnswer, p.message(t, 4).Reason)
}

func TestAVersionThatCannotBeReadEndsTheBatchForGood(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1, nil, nil)
	p.ref.Version = 7
	_, err := p.send(t.Context())
	require.True(t, failure(t, err).NonRetryable())
	require.Equal(t, string(fault.NotFound), failure(t, err).Type())
}

func TestADatabaseThatIsAwayIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1, nil, nil)
	p.pool.Close()
	_, err := p.send(t.Context())
	require.Error(t, err)
	require.False(t, failure(t, err).NonRetryable())
}
