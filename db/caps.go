package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
)

// SendingCaps is the store of sending caps, which all workers share.
type SendingCaps struct{ Pool *pgxpool.Pool }

// Take books the next stretch of time (in seconds) of what key caps, and says how long it is until that stretch begins.
func (s SendingCaps) Take(ctx context.Context, key string, seconds float64) (time.Duration, error) {
	wait, err := q.SendingCapTake(ctx, s.Pool, rows.SendingCapTakeParams{Key: key, Seconds: seconds})
	return time.Duration(wait * float64(time.Second)), err
}
