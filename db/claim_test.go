package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/message"
)

// claimed claims a range of an enrolled distribution.
func (s sale) claimed(t *testing.T, from, to int64) *db.Claim {
	t.Helper()
	claim, err := s.claims.Claim(t.Context(), s.one, from, to)
	require.NoError(t, err)
	return claim
}

// commit writes outcomes under a claim.
func (s sale) commit(t *testing.T, claim *db.Claim, outcomes db.Outcomes) {
	t.Helper()
	outcomes.Claim = claim
	left, err := s.claims.Commit(t.Context(), []*db.Outcomes{&outcomes})
	require.NoError(t, err)
	require.Empty(t, left)
}

// toSend is the numbers of the messages that a claim would send now.
func toSend(t *testing.T, claim *db.Claim) (seqs []int64) {
	t.Helper()
	rows, err := claim.ToSend(t.Context())
	require.NoError(t, err)
	for _, row := range rows {
		seqs = append(seqs, row.Seq)
	}
	return seqs
}

// successor is another worker.
func (s sale) successor() sale {
	s.claims = db.NewClaims(s.pool)
	return s
}

const heldLocks = "FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

// killClaims ends the sessions that hold claims, as a crash of their worker or of its network does.
func (s sale) killClaims(t *testing.T) {
	t.Helper()
	require.Positive(t, s.count(t, "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) "+heldLocks))
}

func TestAClaimKeepsOthersOut(t *testing.T) {
	t.Parallel()
	first := newSale(t, 1500)
	first.enrol(t, nil)
	claim := first.claimed(t, 1, 1000)
	for name, other := range map[string]sale{"the same worker": first, "another worker": first.successor()} {
		beside := other.claimed(t, 1001, 1500)
		impatient, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := other.claims.Claim(impatient, other.one, 500, 1000)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NoError(t, beside.Release())
	}
	waits := make(chan error)
	go func() {
		next, err := first.successor().claims.Claim(context.Background(), first.one, 1, 1000)
		if err == nil {
			err = next.Release()
		}
		waits <- err
	}()
	require.NoError(t, claim.Release())
	require.NoError(t, <-waits)
	require.Zero(t, first.count(t, "SELECT count(*) "+heldLocks))
}

func TestAClaimIsFreedWithItsSession(t *testing.T) {
	t.Parallel()
	s := newSale(t, 1010)
	s.enrol(t, nil)
	claim, beside := s.claimed(t, 1, 1000), s.claimed(t, 1001, 1010)
	require.False(t, claim.Lost())
	s.killClaims(t)
	successor := s.successor()
	taken, other := successor.claimed(t, 1, 1000), successor.claimed(t, 1001, 1010)

	// What had happened is written all the same; and whoever wrote it hears that nothing more may be sent.
	s.commit(t, claim, sent(1, 2))
	require.True(t, claim.Lost())
	require.True(t, beside.Lost(), "all claims of a worker go with its session")
	s.commit(t, beside, notSent(message.Failed, "mailbox_unavailable", time.Time{}, 1001))
	require.NoError(t, claim.Release())
	require.NoError(t, beside.Release())

	require.EqualValues(t, 3, toSend(t, taken)[0])
	require.EqualValues(t, 1002, toSend(t, other)[0])
	require.NoError(t, taken.Recount(t.Context()))
	require.NoError(t, other.Recount(t.Context()))
	require.Equal(t, message.Tally{Pending: 1007, Sent: 2, Failed: 1}, s.tally(t))

	// The worker that lost its session gets another for what it claims next.
	require.NoError(t, taken.Release())
	again := s.claimed(t, 1, 1000)
	require.False(t, again.Lost())
	require.NoError(t, again.Release())
	require.NoError(t, other.Release())
}

func TestAHolderThatHangsLosesItsClaim(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a holder is given 20 s")
	}
	for name, next := range map[string]func(s sale) sale{
		"to another worker":          sale.successor,
		"to a batch of its worker's": func(s sale) sale { return s },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSale(t, 10)
			s.enrol(t, nil)
			hangs := s.claimed(t, 1, 10)
			taken := next(s).claimed(t, 1, 10)
			s.commit(t, hangs, sent(1))
			require.True(t, hangs.Lost())
			require.False(t, taken.Lost())
			require.NoError(t, taken.Release())
			require.NoError(t, hangs.Release())
		})
	}
}

func TestAClaimReadsWhatIsToBeSentNow(t *testing.T) {
	t.Parallel()
	s := newSale(t, 8)
	s.enrol(t, nil)
	s.become(t, sent(1))
	s.become(t, notSent(message.Deferred, "greylisted", time.Now().Add(time.Hour), 2))
	s.become(t, notSent(message.Deferred, "greylisted", time.Now().Add(-time.Minute), 3))
	s.become(t, notSent(message.Failed, "mailbox_unavailable", time.Time{}, 4))
	claim := s.claimed(t, 1, 7)
	require.Equal(t, []int64{3, 5, 6, 7}, toSend(t, claim))
	require.NoError(t, claim.Release())
}

// A message that a dead attempt had begun is in doubt: it is never sent again by itself.
func TestWhatADeadAttemptHadBegunIsUnknown(t *testing.T) {
	t.Parallel()
	s := newSale(t, 6)
	s.enrol(t, nil)
	dead := s.claimed(t, 1, 6)
	s.commit(t, dead, db.Outcomes{Begun: []int64{1, 2, 3, 4}})
	s.commit(t, dead, sent(2))
	s.commit(t, dead, db.Outcomes{Unbegun: []int64{4}})
	s.killClaims(t)

	taken := s.successor().claimed(t, 1, 6)
	require.Equal(t, []int64{4, 5, 6}, toSend(t, taken))
	require.NoError(t, taken.Recount(t.Context()))
	require.NoError(t, taken.Release())
	require.Equal(t, message.Tally{Pending: 3, Sent: 1, Unknown: 2}, s.tally(t))
	m, err := s.messages.Get(t.Context(), s.project, s.one, 1)
	require.NoError(t, err)
	require.Equal(t, message.ReasonLostAnswer, m.Reason)
	require.Error(t, dead.Release(), "its session is gone")
}

func TestAGroupOfOutcomesIsOneCommit(t *testing.T) {
	t.Parallel()
	s := newSale(t, 1010)
	s.enrol(t, nil)
	claim, beside := s.claimed(t, 1, 1000), s.claimed(t, 1001, 1010)
	good, bad := sent(1), notSent("no such flag", "x", time.Time{}, 1001)
	good.Claim, bad.Claim = claim, beside
	require.True(t, good.Takes(beside), "one session holds both")
	left, err := s.claims.Commit(t.Context(), []*db.Outcomes{&good, &bad})
	require.Error(t, err)
	require.Len(t, left, 2, "all or nothing")
	require.False(t, claim.Lost())
	require.EqualValues(t, 1, toSend(t, claim)[0])
	require.NoError(t, claim.Release())
	require.NoError(t, beside.Release())
}

// A worker's claims are not closed by the caller that gives one of them up.
func TestACallerThatGivesUpTakesNoClaimWithIt(t *testing.T) {
	t.Parallel()
	s := newSale(t, 10)
	s.enrol(t, nil)
	claim := s.claimed(t, 1, 10)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.claims.Claim(gone, s.one, 1, 10)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, claim.Lost())
	s.commit(t, claim, sent(1))
	require.False(t, claim.Lost())
	require.NoError(t, claim.Release())
}
