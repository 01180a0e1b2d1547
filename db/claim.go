package db

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
)

// Claims is what one worker may send. All its claims are held by one session, so that what became of the messages of all its
// batches is written in one commit. Postgres gives a range to one session at a time and takes it back the instant that session
// ends. A worker that only seems dead to the engine can therefore not send beside the one that replaces it; and because
// outcomes are written by the same session, it stops at its next outcome.
type Claims struct {
	pool    *pgxpool.Pool
	mu      sync.Mutex
	session *session // what holds new claims; nil where there are none
}

// NewClaims is for one worker; it takes a session from the pool while it has claims.
func NewClaims(pool *pgxpool.Pool) *Claims { return &Claims{pool: pool} }

// Claim is the sole right to send a range of messages, which never spans two thousands: the thousand is what is locked.
type Claim struct {
	claims       *Claims
	session      *session
	distribution uuid.UUID
	from, to     int64
}

// session holds claims, and does one thing at a time.
type session struct {
	users int // claims, and attempts at them; guarded by Claims.mu

	mu      sync.Mutex
	conn    *pgxpool.Conn
	planned time.Time
	lost    bool
	held    map[lockKey]bool // Postgres would give a session what it holds already once more
}

// lockKey is an advisory lock's two halves; a collision of two ranges would only make one wait for the other.
type lockKey struct{ high, low int32 }

const (
	// takeover is how long a range's former holder may take to notice that the engine has given up on it.
	takeover = 20 * time.Second
	// statementPatience bounds what a session does. No caller's context does: pgx closes a connection whose statement is
	// cancelled, and with it would go the claims of others.
	statementPatience = 30 * time.Second
)

// Claim waits for the range and takes it.
func (c *Claims) Claim(ctx context.Context, distribution uuid.UUID, from, to int64) (*Claim, error) {
	for deadline := time.Now().Add(takeover); ; {
		s, err := c.join(ctx)
		if err != nil {
			return nil, err
		}
		claim := &Claim{claims: c, session: s, distribution: distribution, from: from, to: to}
		taken, err := s.take(claim.key(), time.Now().After(deadline))
		if taken {
			return claim, nil
		}
		c.leave(s)
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// join gives the session that holds new claims.
func (c *Claims) join(ctx context.Context) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil || c.session.isLost() {
		conn, err := c.pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		c.session = &session{conn: conn, held: map[lockKey]bool{}}
		// What a session of claims runs finds its rows by key, whatever the numbers: planning each time anew costs more than
		// doing it, and a plan made while the table was small must not read all of it later, so it is made anew now and then.
		if err := c.session.exec("SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false)"); err != nil {
			c.session.discard()
			c.session = nil
			return nil, err
		}
	}
	c.session.users++
	return c.session, nil
}

// leave is for who joined; the last one gives the connection back.
func (c *Claims) leave(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if c.session == s {
		c.session = nil
	}
	if s.isLost() || s.exec("SELECT set_config('plan_cache_mode', 'auto', false), set_config('enable_seqscan', 'on', false)") != nil {
		s.discard()
		return
	}
	s.conn.Release()
}

func (s *session) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// take tries for a lock; insist ends the session that holds it, so that it can record nothing more and therefore send
// nothing more.
func (s *session) take(key lockKey, insist bool) (taken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key] {
		s.lost = s.lost || insist // the holder is this worker, and hangs
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementPatience)
	defer cancel()
	if err := s.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", key.high, key.low).Scan(&taken); err != nil {
		return false, s.noted(err)
	}
	if taken {
		s.held[key] = true
	} else if insist {
		_, err = s.conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks
			WHERE locktype = 'advisory' AND classid = $1::int4::oid AND objid = $2::int4::oid AND granted`, key.high, key.low)
	}
	return taken, s.noted(err)
}

// use runs do on the session.
func (s *session) use(do func(ctx context.Context, conn *pgxpool.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), statementPatience)
	defer cancel()
	return s.noted(do(ctx, s.conn))
}

func (s *session) exec(sql string, args ...any) error {
	return s.use(func(ctx context.Context, conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// noted takes note where an error has cost the session; mu is held.
func (s *session) noted(err error) error {
	if err != nil && s.conn.Conn().IsClosed() {
		s.lost = true
	}
	return err
}

// discard ends the session, and with it its locks.
func (s *session) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	conn := s.conn.Hijack()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

func (c *Claim) key() lockKey {
	u := c.distribution
	return lockKey{int32(u[12])<<24 | int32(u[13])<<16 | int32(u[14])<<8 | int32(u[15]), int32(thousand(c.from))}
}

// ToSend is one message to send now, or to send again.
type ToSend = rows.MessageToSendRow

// ToSend reads what is to be sent in the range. Where nothing may be sent twice, what a dead attempt may have sent becomes
// unknown first.
func (c *Claim) ToSend(ctx context.Context) ([]ToSend, error) {
	err := c.session.use(func(ctx context.Context, conn *pgxpool.Conn) error {
		_, err := q.MessageDoubt(ctx, conn, rows.MessageDoubtParams{DistributionID: c.distribution, FromSeq: c.from, ToSeq: c.to})
		return err
	})
	if err != nil {
		return nil, err
	}
	return q.MessageToSend(ctx, c.claims.pool, rows.MessageToSendParams{DistributionID: c.distribution, FromSeq: c.from, ToSeq: c.to})
}

// Hold makes messages of the range wait, each until a time of its own.
func (c *Claim) Hold(reason string, seqs []int64, dues []time.Time) error {
	return c.session.use(func(ctx context.Context, conn *pgxpool.Conn) error {
		return q.MessageHold(ctx, conn, rows.MessageHoldParams{DistributionID: c.distribution, Reason: reason, Seqs: seqs, Dues: dues})
	})
}

// Lost reports whether the range may meanwhile be another's.
func (c *Claim) Lost() bool { return c.session.isLost() }

// Recount makes the tally of the range's thousand true again.
func (c *Claim) Recount(ctx context.Context) error {
	return inPipeline(ctx, c.claims.pool, func(tx *pipeline) error {
		tx.replan()
		return recount(ctx, tx, c.distribution, c.from, c.to)
	})
}

// Release gives the range back; one that was lost is given back already.
func (c *Claim) Release() error {
	defer c.claims.leave(c.session)
	if c.Lost() {
		return nil
	}
	key := c.key()
	err := c.session.exec("SELECT pg_advisory_unlock($1, $2)", key.high, key.low)
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if err != nil { // it may be held still: nobody can have it until the session ends
		c.session.lost = true
		return err
	}
	delete(c.session.held, key)
	return nil
}

// Outcomes is what became of messages of one distribution.
type Outcomes struct {
	Claim       *Claim  // one of those that they belong to
	Begun       []int64 // may be out from now on
	Unbegun     []int64 // have not left after all
	Sent        []int64
	SentReplies []string
	NotSent     []int64
	Flags       []string
	Reasons     []string
	Replies     []string
	Dues        []time.Time // of the deferred; anything for the others
}

// Takes reports whether outcomes under that claim can go with these.
func (o *Outcomes) Takes(c *Claim) bool {
	return o.Claim.session == c.session && o.Claim.distribution == c.distribution
}

// Commit makes outcomes durable, in one commit where one session holds their claims. Where that session is lost they are
// written by another, because what happened must be kept, and Claim.Lost tells that nothing more may be sent. With an error it
// returns those that are not durable yet.
func (c *Claims) Commit(ctx context.Context, all []*Outcomes) (left []*Outcomes, err error) {
	for len(all) > 0 {
		s, n := all[0].Claim.session, 1
		for n < len(all) && all[n].Claim.session == s {
			n++
		}
		if err := c.commit(ctx, s, all[:n]); err != nil {
			return all, err
		}
		all = all[n:]
	}
	return nil, nil
}

func (c *Claims) commit(ctx context.Context, s *session, all []*Outcomes) error {
	s.mu.Lock()
	if !s.lost {
		err := s.noted(s.write(ctx, all))
		if err == nil || !s.lost {
			s.mu.Unlock()
			return err
		}
	}
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return write(ctx, c.pool, all)
}

// write writes outcomes on the session; mu is held.
func (s *session) write(ctx context.Context, all []*Outcomes) error {
	if now := time.Now(); now.Sub(s.planned) >= plansFor {
		s.planned = now
		if _, err := s.conn.Exec(ctx, "DISCARD PLANS"); err != nil {
			return err
		}
	}
	return write(ctx, s.conn, all)
}

func write(ctx context.Context, on beginner, all []*Outcomes) error {
	if one := all[0]; len(all) == 1 && len(one.Sent) > 0 && len(one.NotSent)+len(one.Begun)+len(one.Unbegun) == 0 {
		return writeSent(ctx, on, one) // one statement is its own transaction: no round trips for BEGIN and COMMIT
	}
	return pgx.BeginFunc(ctx, on, func(tx pgx.Tx) error {
		for _, o := range all {
			if err := writeAll(ctx, tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeAll(ctx context.Context, tx pgx.Tx, o *Outcomes) error {
	distribution := o.Claim.distribution
	if len(o.Sent) > 0 {
		if err := writeSent(ctx, tx, o); err != nil {
			return err
		}
	}
	if len(o.NotSent) > 0 {
		if err := q.MessageNotSent(ctx, tx, rows.MessageNotSentParams{
			DistributionID: distribution, Seqs: o.NotSent, Flags: o.Flags, Reasons: o.Reasons, Replies: o.Replies, Dues: o.Dues,
		}); err != nil {
			return err
		}
	}
	if len(o.Begun) > 0 {
		if err := q.MessageBegin(ctx, tx, rows.MessageBeginParams{DistributionID: distribution, Seqs: o.Begun}); err != nil {
			return err
		}
	}
	if len(o.Unbegun) == 0 {
		return nil
	}
	return q.MessageUnbegin(ctx, tx, rows.MessageUnbeginParams{DistributionID: distribution, Seqs: o.Unbegun})
}

func writeSent(ctx context.Context, on rows.DBTX, o *Outcomes) error {
	return q.MessageSent(ctx, on, rows.MessageSentParams{DistributionID: o.Claim.distribution, Seqs: o.Sent, Replies: o.SentReplies})
}

// beginner is a session or a pool of them.
type beginner interface {
	rows.DBTX
	Begin(ctx context.Context) (pgx.Tx, error)
}
