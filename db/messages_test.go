package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
)

// become writes what became of messages, as a batch would.
func (s sale) become(t *testing.T, outcomes db.Outcomes) {
	t.Helper()
	seqs := append(append(append([]int64{}, outcomes.Begun...), outcomes.Sent...), outcomes.NotSent...)
	claim := s.claimed(t, seqs[0], seqs[0])
	s.commit(t, claim, outcomes)
	require.NoError(t, claim.Release())
	require.NoError(t, s.messages.Recount(t.Context(), s.one))
}

func sent(seqs ...int64) db.Outcomes {
	o := db.Outcomes{Sent: seqs}
	for range seqs {
		o.SentReplies = append(o.SentReplies, "250 taken")
	}
	return o
}

func notSent(flag message.Status, reason string, due time.Time, seqs ...int64) db.Outcomes {
	o := db.Outcomes{NotSent: seqs}
	for range seqs {
		o.Flags, o.Reasons = append(o.Flags, string(flag)), append(o.Reasons, reason)
		o.Replies, o.Dues = append(o.Replies, "reply of the provider"), append(o.Dues, due)
	}
	return o
}

func TestTalliesEqualARecount(t *testing.T) {
	t.Parallel()
	s := newSale(t, 2500)
	s.enrol(t, nil)
	later := time.Now().Add(time.Hour)
	s.become(t, sent(1, 2, 3, 1001, 2500))
	s.become(t, notSent(message.Deferred, "greylisted", later, 4, 1002))
	s.become(t, notSent(message.Failed, "mailbox_unavailable", later, 5))
	s.become(t, notSent(message.Unknown, message.ReasonLostAnswer, later, 6))
	s.become(t, sent(1002))
	require.Equal(t, message.Tally{Pending: 2491, Sent: 6, Recovered: 1, Deferred: 1, Failed: 1, Unknown: 1}, s.tally(t))

	m, err := s.messages.Get(t.Context(), s.project, s.one, 1002)
	require.NoError(t, err)
	require.Equal(t, message.Sent, m.Status)
	require.Equal(t, 2, m.Attempts)
	require.Equal(t, "250 taken", m.Reply)
	require.Nil(t, m.DueAt)
	require.Len(t, m.History, 1)
	require.Equal(t, message.Deferred, m.History[0].Verdict)
	require.Equal(t, "greylisted", m.History[0].Reason)
	require.Equal(t, "reply of the provider", m.History[0].Reply)
	require.WithinDuration(t, time.Now(), m.History[0].At, time.Minute)
}

func TestOutcomesOfSentMessagesChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSale(t, 2)
	s.enrol(t, nil)
	s.become(t, sent(1))
	before, err := s.messages.Get(t.Context(), s.project, s.one, 1)
	require.NoError(t, err)
	s.become(t, sent(1))
	s.become(t, notSent(message.Failed, "late", time.Time{}, 1))
	s.become(t, db.Outcomes{Begun: []int64{1}})
	after, err := s.messages.Get(t.Context(), s.project, s.one, 1)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestOpenFindsWhatIsToBeSentNow(t *testing.T) {
	t.Parallel()
	s := newSale(t, 4500)
	s.enrol(t, nil)
	_, err := s.pool.Exec(t.Context(), "UPDATE messages SET sent_at = now(), attempts = 1 WHERE distribution_id = $1 AND seq <> 2500", s.one)
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), "UPDATE messages SET sent_at = NULL, flag = 'deferred', reason = 'greylisted', due_at = CASE seq WHEN 1 THEN now() WHEN 3001 THEN now() + interval '1 hour' END WHERE seq IN (1, 3001)")
	require.NoError(t, err)
	require.NoError(t, s.messages.Recount(t.Context(), s.one))
	open := func(after int64, pageSize int) []int64 {
		found, err := s.messages.Open(t.Context(), s.one, after, pageSize)
		require.NoError(t, err)
		return found
	}
	require.Equal(t, []int64{0, 2}, open(-1, 10), "due, and pending")
	require.Equal(t, []int64{0}, open(-1, 1))
	require.Equal(t, []int64{2}, open(0, 10))
	require.Empty(t, open(2, 10))
	outOfCodes, deferred, due, err := s.messages.Waiting(t.Context(), s.one)
	require.NoError(t, err)
	require.Zero(t, outOfCodes)
	require.EqualValues(t, 2, deferred)
	require.WithinDuration(t, time.Now(), due, time.Minute)
}

func TestStopEndsWhatHasNotLeft(t *testing.T) {
	t.Parallel()
	s := newSale(t, 2100)
	c := s.campaign(t, nil)
	s.fill(t, c, 2050)
	s.enrol(t, func(e *db.Enrolment) { e.Campaign = &c })
	s.become(t, sent(1, 1500))
	s.become(t, notSent(message.Deferred, "greylisted", time.Now().Add(time.Hour), 2))
	s.become(t, notSent(message.Failed, "mailbox_unavailable", time.Time{}, 3))
	s.become(t, db.Outcomes{Begun: []int64{4}})

	var steps int
	for from := int64(0); ; from += 2 {
		steps++
		done, err := s.messages.StopRest(t.Context(), s.one, message.ReasonStopped, from, 2)
		require.NoError(t, err)
		if done {
			break
		}
	}
	require.Equal(t, 2, steps)
	require.Equal(t, message.Tally{Sent: 2, Failed: 1, Unknown: 1, Stopped: 2096}, s.tally(t))
	m, err := s.messages.Get(t.Context(), s.project, s.one, 2)
	require.NoError(t, err)
	require.Equal(t, message.Stopped, m.Status)
	require.Equal(t, message.ReasonStopped, m.Reason)
	require.Nil(t, m.DueAt)
	// Who has a mail, may have one, or was refused for good keeps the code; the others' codes can be given again.
	require.EqualValues(t, 2046, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1 AND publication_id IS NULL AND holder_id IS NULL", c.ID))
	require.EqualValues(t, 4, s.count(t, "SELECT count(*) FROM publications WHERE distribution_id = $1", s.one))
	require.EqualValues(t, 4, s.count(t, `SELECT count(*) FROM messages m JOIN vouchers v ON v.id = m.voucher_id AND v.holder_id = m.customer_id
		WHERE m.distribution_id = $1 AND m.seq IN (1, 3, 4, 1500)`, s.one))
	done, err := s.messages.StopRest(t.Context(), s.one, message.ReasonStopped, 0, 10)
	require.NoError(t, err)
	require.True(t, done, "stopping again changes nothing")
	require.EqualValues(t, 2096, s.tally(t).Stopped)
}

func TestStopKeepsACodeThatAnotherChannelHasBrought(t *testing.T) {
	t.Parallel()
	s := newSale(t, 2)
	c := s.campaign(t, nil)
	s.fill(t, c, 2)
	s.enrol(t, func(e *db.Enrolment) { e.Campaign, e.Channels = &c, 2 })
	s.become(t, sent(1)) // of the first person's two
	done, err := s.messages.StopRest(t.Context(), s.one, message.ReasonStopped, 0, 10)
	require.NoError(t, err)
	require.True(t, done)
	require.EqualValues(t, 1, s.count(t, "SELECT count(*) FROM vouchers WHERE holder_id = $1 AND publication_id IS NOT NULL", s.people[0]))
	require.Zero(t, s.count(t, "SELECT count(*) FROM vouchers WHERE holder_id = $1", s.people[1]))
}

func TestRetryMakesMessagesDueAgain(t *testing.T) {
	t.Parallel()
	s := newSale(t, 10)
	s.enrol(t, nil)
	s.become(t, sent(1, 2, 3, 4, 5, 6))
	s.become(t, notSent(message.Failed, "mailbox_unavailable", time.Time{}, 7, 8))
	s.become(t, notSent(message.Unknown, message.ReasonLostAnswer, time.Time{}, 9, 10))
	n, err := s.messages.Retry(t.Context(), s.one, message.Failed)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	require.Equal(t, message.Tally{Sent: 6, Deferred: 2, Unknown: 2}, s.tally(t))
	claim := s.claimed(t, 1, 10)
	rows, err := claim.ToSend(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.EqualValues(t, 7, rows[0].Seq)
	require.EqualValues(t, 8, rows[1].Seq)
	require.NoError(t, claim.Release())
}

func TestMessagesAreListedAPageAtATime(t *testing.T) {
	t.Parallel()
	s := newSale(t, 6)
	s.enrol(t, func(e *db.Enrolment) { e.Channels = 2 })
	s.become(t, sent(1, 2, 5))
	s.become(t, notSent(message.Failed, "mailbox_unavailable", time.Time{}, 3, 8))
	list := func(f db.MessageFilter) (seqs []int64) {
		f.Project, f.Distribution = s.project, s.one
		for {
			f.PageSize = 2
			page, err := s.messages.List(t.Context(), f)
			require.NoError(t, err)
			for _, m := range page {
				seqs = append(seqs, m.Seq)
				require.True(t, f.Status == "" || m.Status == f.Status)
			}
			if len(page) < 2 {
				return seqs
			}
			f.After = page[1].Seq
		}
	}
	second := int16(1)
	require.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, list(db.MessageFilter{}))
	require.Equal(t, []int64{1, 2, 5}, list(db.MessageFilter{Status: message.Sent}))
	require.Equal(t, []int64{4, 6, 7, 9, 10, 11, 12}, list(db.MessageFilter{Status: message.Pending}))
	require.Equal(t, []int64{3, 8}, list(db.MessageFilter{Status: message.Failed}))
	require.Equal(t, []int64{8}, list(db.MessageFilter{Status: message.Failed, Channel: &second}))
	require.Equal(t, []int64{2}, list(db.MessageFilter{Status: message.Sent, Channel: &second}))
}

func TestAnalyticsCountWhatWasSentByTime(t *testing.T) {
	t.Parallel()
	s := newSale(t, 30)
	s.enrol(t, nil)
	_, err := s.pool.Exec(t.Context(), "UPDATE messages SET sent_at = '2030-01-01 10:00Z'::timestamptz + seq * interval '4 min', attempts = 1 + (seq <= 3)::int WHERE seq <= 20")
	require.NoError(t, err)
	from := time.Date(2030, 1, 1, 10, 0, 0, 0, time.UTC)
	buckets, err := s.messages.Analytics(t.Context(), s.project, s.one, from, from.Add(90*time.Minute), time.Hour)
	require.NoError(t, err)
	require.Len(t, buckets, 2)
	require.Equal(t, from, buckets[0].Bucket.UTC())
	require.Equal(t, []int64{14, 3, 6, 0}, []int64{buckets[0].Sent, buckets[0].Recovered, buckets[1].Sent, buckets[1].Recovered})
}

func TestAnotherProjectSeesNoMessages(t *testing.T) {
	t.Parallel()
	s := newSale(t, 3)
	s.enrol(t, nil)
	s.become(t, sent(1))
	s.become(t, notSent(message.Failed, "mailbox_unavailable", time.Time{}, 2))
	stranger := newShop(t, s.pool)
	_, err := s.messages.Get(t.Context(), stranger.project, s.one, 1)
	require.True(t, fault.Is(err, fault.NotFound), err)
	_, err = s.messages.Get(t.Context(), s.project, uuid.New(), 1)
	require.True(t, fault.Is(err, fault.NotFound), err)
	for _, status := range append([]message.Status{""}, message.Statuses...) {
		list, err := s.messages.List(t.Context(), db.MessageFilter{Project: stranger.project, Distribution: s.one, Status: status, PageSize: 10})
		require.NoError(t, err)
		require.Empty(t, list)
	}
	buckets, err := s.messages.Analytics(t.Context(), stranger.project, s.one, time.Unix(0, 0), time.Now().Add(time.Hour), time.Hour)
	require.NoError(t, err)
	require.Empty(t, buckets)
}

func TestADeletedCustomerIsForgottenByTheirMessages(t *testing.T) {
	t.Parallel()
	s := newSale(t, 3)
	ctx := context.Background()
	s.enrol(t, func(e *db.Enrolment) { e.Paths = []string{"customer.name"} })
	_, err := s.pool.Exec(ctx, `UPDATE messages SET sent_at = now(), reply = 'OK person1@shop.example' WHERE seq = 1`)
	require.NoError(t, err)
	for _, person := range s.people[:2] {
		require.NoError(t, db.Customers{Pool: s.pool}.Delete(ctx, s.project, id.Customer.Format(person)))
	}
	for seq, want := range map[int64]message.Status{1: message.Sent, 2: message.Skipped, 3: message.Pending} {
		m, err := s.messages.Get(ctx, s.project, s.one, seq)
		require.NoError(t, err)
		require.Equal(t, want, m.Status)
		if seq == 3 {
			require.NotEmpty(t, m.Recipient)
			continue
		}
		require.Empty(t, m.Recipient+m.Reply)
		require.JSONEq(t, `{"customer": {}}`, string(m.Vars))
	}
}
