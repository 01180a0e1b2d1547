package db

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"herald/internal/seal"
)

// Secrets is the store of what only this installation knows.
type Secrets struct{ Pool *pgxpool.Pool }

// Seal is the key of the ids in links that are open to whoever has them.
func (s Secrets) Seal(ctx context.Context) (seal.Key, error) {
	key, err := q.SecretGet(ctx, s.Pool, "seal")
	return seal.Key(key), err
}
