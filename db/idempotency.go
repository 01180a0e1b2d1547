package db

import (
	"bytes"
	"context"

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

// Claim takes the key for a request, known by its hash. It returns nil when the caller should now serve the request, the
// answer when the same request was served before, and fault.Conflict when the key belongs to another request or to one
// that is still running.
func (s Idempotency) Claim(ctx context.Context, project uuid.UUID, key string, hash []byte) (*Answer, error) {
	claimed, err := q.IdempotencyClaim(ctx, s.Pool, rows.IdempotencyClaimParams{ProjectID: project, Key: key, RequestHash: hash})
	if err != nil || claimed == 1 {
		return nil, err
	}
	row, err := q.IdempotencyFind(ctx, s.Pool, rows.IdempotencyFindParams{ProjectID: project, Key: key})
	switch {
	case missing(err): // let go of in this very moment
		return nil, fault.New(fault.Conflict, "The first request with this Idempotency-Key failed just now; send it again")
	case err != nil:
		return nil, err
	case !bytes.Equal(row.RequestHash, hash):
		return nil, fault.New(fault.Conflict, "This Idempotency-Key was used for another request; use a new key for each request")
	case row.Status == nil:
		return nil, fault.New(fault.Conflict, "The first request with this Idempotency-Key is still being served; ask again in a moment")
	}
	if *row.Status == forgottenAnswer {
		return nil, fault.New(fault.Conflict, "The answer to the first request with this Idempotency-Key was about a customer who is deleted")
	}
	answer := &Answer{Status: int(*row.Status), Body: row.Response}
	if row.ContentType != nil {
		answer.ContentType = *row.ContentType
	}
	return answer, nil
}

// forgottenAnswer is the status of an answer that was about a customer who was permanently deleted: it is 410, Gone, which no
// request is answered with.
const forgottenAnswer = 410

// Keep records the answer to the request that holds the key.
func (s Idempotency) Keep(ctx context.Context, project uuid.UUID, key string, a Answer) error {
	return q.IdempotencyKeep(ctx, s.Pool, rows.IdempotencyKeepParams{
		ProjectID: project, Key: key, Status: int32(a.Status), ContentType: a.ContentType, Response: a.Body,
	})
}

// Forget lets go of the key, so that the request can be tried again.
func (s Idempotency) Forget(ctx context.Context, project uuid.UUID, key string) error {
	return q.IdempotencyForget(ctx, s.Pool, rows.IdempotencyForgetParams{ProjectID: project, Key: key})
}

// Expire deletes up to a thousand answers that are older than a day.
func (s Idempotency) Expire(ctx context.Context) error { return q.IdempotencyExpire(ctx, s.Pool) }
