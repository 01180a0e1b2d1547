package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/internal/balance"
	"herald/internal/customer"
	"herald/internal/occurrence"
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

// Move is change.moveBalances in a change of its own; it returns the transactions.
func Move(ctx context.Context, pool *pgxpool.Pool, project uuid.UUID, movements ...balance.Movement) (made []balance.Transaction, err error) {
	err = inChange(ctx, pool, project, func(c *change) error {
		done, err := c.moveBalances(ctx, movements)
		made = each(done, func(m moved) balance.Transaction { return m.transaction })
		return err
	})
	return made, err
}

// Join is change.joinAll for one card, in a change of its own.
func Join(ctx context.Context, pool *pgxpool.Pool, card voucher.Voucher, holder uuid.UUID) error {
	card.HolderID = &holder
	return inChange(ctx, pool, card.ProjectID, func(c *change) error { return c.joinAll(ctx, []voucher.Voucher{card}) })
}

// Meet is change.meet in a change of its own.
func Meet(ctx context.Context, pool *pgxpool.Pool, project uuid.UUID, all []Saving) (met []customer.Customer, err error) {
	err = inChange(ctx, pool, project, func(c *change) (err error) {
		met, err = c.meet(ctx, all)
		return err
	})
	return met, err
}

// Happen is a change in which nothing but these things happened.
func Happen(ctx context.Context, pool *pgxpool.Pool, project uuid.UUID, all ...occurrence.Occurrence) error {
	return inChange(ctx, pool, project, func(c *change) error {
		if _, err := c.lock(ctx, each(all, func(o occurrence.Occurrence) uuid.UUID { return o.Customer })...); err != nil {
			return err
		}
		for _, o := range all {
			c.happened(o)
		}
		return nil
	})
}
