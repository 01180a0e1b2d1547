package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/internal/referral"
	"herald/internal/voucher"
)

// Refer is change.refer in a change of its own, without the event or redemption that calls it.
func Refer(ctx context.Context, pool *pgxpool.Pool, card voucher.Voucher, referee uuid.UUID, via referral.Cause) (referred bool, err error) {
	err = inChange(ctx, pool, card.ProjectID, func(c *change) error {
		if _, err := c.lock(ctx, referee); err != nil {
			return err
		}
		referred, err = c.refer(ctx, card, referee, via)
		return err
	})
	return referred, err
}
