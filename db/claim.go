package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
)

// Claim is the sole right to send a range of messages, held by a session of its own: Postgres gives the range to one session
// at a time and takes it back the instant that session ends. A worker that only seems dead to the engine can therefore not
// send beside the one that replaces it; and because outcomes are written by the same session, it stops at its next outcome.
type Claim struct {
	conn         *pgxpool.Conn
	pool         *pgxpool.Pool
	distribution uuid.UUID
	from, to     int64
	lost         bool
}

// takeover is how long a range's former holder may take to notice that the engine has given up on it.
const takeover = 20 * time.Second

// Claim waits for the range and takes it. Ranges never span two thousands, so the thousand is what is locked.
func (s Messages) Claim(ctx context.Context, distribution uuid.UUID, from, to int64) (*Claim, error) {
	conn, err := s.Pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	c := &Claim{conn: conn, pool: s.Pool, distribution: distribution, from: from, to: to}
	if err := c.lock(ctx); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

func (c *Claim) lock(ctx context.Context) error {
	high, low := c.key()
	deadline := time.Now().Add(takeover)
	for {
		var taken bool
		if err := c.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", high, low).Scan(&taken); err != nil || taken {
			return err
		}
		if time.Now().After(deadline) {
			// Its holder hangs: end its session, so that it can record nothing more and therefore send nothing more.
			if _, err := c.conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks
				WHERE locktype = 'advisory' AND classid = $1::int4::oid AND objid = $2::int4::oid AND granted`, high, low); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// key is the lock's two halves; a collision of two ranges would only make one wait for the other.
func (c *Claim) key() (high, low int32) {
	u := c.distribution
	high = int32(u[12])<<24 | int32(u[13])<<16 | int32(u[14])<<8 | int32(u[15])
	return high, int32(thousand(c.from))
}

// ToSend is one message to send now, or to send again.
type ToSend = rows.MessageToSendRow

// ToSend reads what is to be sent in the range. Where nothing may be sent twice, what a dead attempt may have sent becomes
// unknown first.
func (c *Claim) ToSend(ctx context.Context) ([]ToSend, error) {
	_, err := q.MessageDoubt(ctx, c.conn, rows.MessageDoubtParams{DistributionID: c.distribution, FromSeq: c.from, ToSeq: c.to})
	if err != nil {
		return nil, err
	}
	return q.MessageToSend(ctx, c.conn, rows.MessageToSendParams{DistributionID: c.distribution, FromSeq: c.from, ToSeq: c.to})
}

// Outcomes is what became of a group of messages, to be written in one commit.
type Outcomes struct {
	Begun       []int64 // may be out from now on
	Sent        []int64
	SentReplies []string
	NotSent     []int64
	Flags       []string
	Reasons     []string
	Replies     []string
	Dues        []time.Time // of the deferred; anything for the others
}

// Empty reports whether there is nothing to write.
func (o *Outcomes) Empty() bool { return len(o.Begun)+len(o.Sent)+len(o.NotSent) == 0 }

// Commit makes outcomes durable. It writes by the claim's own session while that lives. After the session is lost it writes
// them by another, because what happened must be kept, and Lost tells that nothing more may be sent.
func (c *Claim) Commit(ctx context.Context, o *Outcomes) error {
	if !c.lost {
		err := c.write(ctx, c.conn, o)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !c.conn.Conn().IsClosed() {
			return err
		}
		c.lost = true
	}
	return c.write(ctx, c.pool, o)
}

// Lost reports whether the range may meanwhile be another's.
func (c *Claim) Lost() bool { return c.lost }

func (c *Claim) write(ctx context.Context, on beginner, o *Outcomes) error {
	sentOnly := len(o.NotSent) == 0 && len(o.Begun) == 0
	if sentOnly { // one statement is its own transaction: no round trips for BEGIN and COMMIT
		return c.writeSent(ctx, on, o)
	}
	return pgx.BeginFunc(ctx, on, func(tx pgx.Tx) error {
		if len(o.Sent) > 0 {
			if err := c.writeSent(ctx, tx, o); err != nil {
				return err
			}
		}
		if len(o.NotSent) > 0 {
			if err := q.MessageNotSent(ctx, tx, rows.MessageNotSentParams{
				DistributionID: c.distribution, Seqs: o.NotSent, Flags: o.Flags, Reasons: o.Reasons, Replies: o.Replies, Dues: o.Dues,
			}); err != nil {
				return err
			}
		}
		if len(o.Begun) == 0 {
			return nil
		}
		return q.MessageBegin(ctx, tx, rows.MessageBeginParams{DistributionID: c.distribution, Seqs: o.Begun})
	})
}

func (c *Claim) writeSent(ctx context.Context, on rows.DBTX, o *Outcomes) error {
	return q.MessageSent(ctx, on, rows.MessageSentParams{DistributionID: c.distribution, Seqs: o.Sent, Replies: o.SentReplies})
}

// beginner is a session or a pool of them.
type beginner interface {
	rows.DBTX
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Recount makes the tally of the range's thousand true again.
func (c *Claim) Recount(ctx context.Context) error {
	return recount(ctx, c.pool, c.distribution, c.from, c.to)
}

// Release gives the range back.
func (c *Claim) Release(ctx context.Context) error {
	high, low := c.key()
	_, err := c.conn.Exec(ctx, "SELECT pg_advisory_unlock($1, $2)", high, low)
	if err != nil {
		c.discard()
		return errors.Join(err, ctx.Err())
	}
	c.conn.Release()
	return nil
}

// discard ends the session, and with it the lock.
func (c *Claim) discard() {
	conn := c.conn.Hijack()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
