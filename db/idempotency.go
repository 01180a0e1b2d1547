package db

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
)

// Idempotency is the store of the answers that were given to requests with an Idempotency-Key; it keeps them for a day.
type Idempotency struct{ Pool *pgxpool.Pool }

// Answer is what a request was answered with.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// Keyed is a request with an Idempotency-Key, and the right to serve it. The request's context carries it into every transaction
// that the request makes; the last statement of each says that the request was carried out, or fails where somebody else has the
// right by now. So the request changes something once, whichever process dies when.
type Keyed struct {
	// Show, where it is set, makes the answer from what the transaction came to, so that it is kept in the transaction.
	Show func(result any) (Answer, error)

	project  uuid.UUID
	key      string
	at       time.Time
	answered atomic.Bool
}

type keyedKey struct{}

// Within is ctx for serving the request.
func (k *Keyed) Within(ctx context.Context) context.Context {
	return context.WithValue(ctx, keyedKey{}, k)
}

// KeyedOf is the request that ctx serves; nil for one without a key.
func KeyedOf(ctx context.Context) *Keyed {
	k, _ := ctx.Value(keyedKey{}).(*Keyed)
	return k
}

// unkeyed is ctx for what is done on the way and is not the request itself.
func unkeyed(ctx context.Context) context.Context { return (*Keyed)(nil).Within(ctx) }

// Answered reports whether the answer was kept with the change.
func (k *Keyed) Answered() bool { return k.answered.Load() }

// Claim takes the key for a request, known by its hash. The caller serves the request where it gets one, and answers
// what was answered where the same request was served before. It is fault.Conflict when the key belongs to another request or
// to one that is still running, and fault.AnswerLost when the request was carried out and nobody can say any more with which
// answer.
func (s Idempotency) Claim(ctx context.Context, project uuid.UUID, key string, hash []byte) (*Keyed, *Answer, error) {
	at, err := q.IdempotencyClaim(ctx, s.Pool, rows.IdempotencyClaimParams{ProjectID: project, Key: key, RequestHash: hash})
	if err == nil {
		return &Keyed{project: project, key: key, at: at}, nil, nil
	}
	if !missing(err) {
		return nil, nil, err
	}
	row, err := q.IdempotencyFind(ctx, s.Pool, rows.IdempotencyFindParams{ProjectID: project, Key: key})
	switch {
	case missing(err): // let go of in this very moment
		return nil, nil, fault.New(fault.Conflict, "The first request with this Idempotency-Key failed just now; send it again")
	case err != nil:
		return nil, nil, err
	case !bytes.Equal(row.RequestHash, hash):
		return nil, nil, fault.New(fault.Conflict, "This Idempotency-Key was used for another request; use a new key for each request")
	case row.Status == nil && row.AnswerLost:
		return nil, nil, fault.New(fault.AnswerLost,
			"The first request with this Idempotency-Key was carried out, and the process ended before it could answer; look at what came of it")
	case row.Status == nil:
		return nil, nil, fault.New(fault.Conflict, "The first request with this Idempotency-Key is still being served; ask again in a moment")
	case *row.Status == forgottenAnswer:
		return nil, nil, fault.New(fault.Conflict, "The answer to the first request with this Idempotency-Key was about a customer who is deleted")
	}
	return nil, &Answer{Status: int(*row.Status), ContentType: or(row.ContentType, ""), Body: row.Response}, nil
}

// forgottenAnswer is the status of an answer that was about a customer who was permanently deleted: it is 410, Gone, which no
// request is answered with.
const forgottenAnswer = 410

// Keep records the answer to the request, as long as it holds its key.
func (s Idempotency) Keep(ctx context.Context, k *Keyed, a Answer) error {
	return q.IdempotencyKeep(ctx, s.Pool, rows.IdempotencyKeepParams{
		ProjectID: k.project, Key: k.key, ClaimedAt: k.at, Status: int32(a.Status), ContentType: a.ContentType, Response: a.Body,
	})
}

// Forget lets go of the key, so that the request can be tried again: where nothing came of it, or, with evenSo, although
// something did.
func (s Idempotency) Forget(ctx context.Context, k *Keyed, evenSo bool) error {
	return q.IdempotencyForget(ctx, s.Pool, rows.IdempotencyForgetParams{
		ProjectID: k.project, Key: k.key, ClaimedAt: k.at, CarriedOut: evenSo,
	})
}

// Expire deletes up to a thousand answers that are older than a day.
func (s Idempotency) Expire(ctx context.Context) error { return q.IdempotencyExpire(ctx, s.Pool) }

// served is a request that a transaction carries out, with its answer where that is known by then.
type served struct {
	*Keyed
	answer *Answer
}

// servedBy is the request of ctx, where it has a key.
func servedBy(ctx context.Context) []served {
	if k := KeyedOf(ctx); k != nil {
		return []served{{Keyed: k}}
	}
	return nil
}

// carryOut says, as the last thing in a transaction, that it carries out these requests, all of one project.
func carryOut(ctx context.Context, tx rows.DBTX, all []served) error {
	if len(all) == 0 {
		return nil
	}
	p := rows.IdempotencyCarriedOutParams{ProjectID: all[0].project}
	for _, s := range all {
		a := or(s.answer, Answer{})
		p.Keys, p.ClaimedAts = append(p.Keys, s.key), append(p.ClaimedAts, s.at)
		p.Statuses, p.ContentTypes = append(p.Statuses, int32(a.Status)), append(p.ContentTypes, a.ContentType)
		p.Responses = append(p.Responses, a.Body)
	}
	n, err := q.IdempotencyCarriedOut(ctx, tx, p)
	if err == nil && n != int64(len(all)) {
		return fault.New(fault.Conflict, "Another request with this Idempotency-Key is being served by now; ask again in a moment")
	}
	return err
}

// answered notes, once their transaction is committed, whose answers are kept.
func answered(all []served) {
	for _, s := range all {
		if s.answer != nil {
			s.answered.Store(true)
		}
	}
}
