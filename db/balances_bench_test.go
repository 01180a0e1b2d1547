package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/pgtest"
)

// One change of a balance, with all that follows from it.
func BenchmarkAdjust(b *testing.B) {
	s := newShop(b, pgtest.New(b))
	card := s.member(b, s.programme(b, nil), 10)
	for b.Loop() {
		_, err := db.Balances{Pool: s.pool}.Adjust(context.Background(), card, balance.Adjustment{Amount: 1})
		require.NoError(b, err)
	}
}

// A night on which the points of ten thousand cards expire.
func BenchmarkNight(b *testing.B) {
	ctx := context.Background()
	const cards = 10_000
	s := newShop(b, pgtest.New(b))
	programme := s.programme(b, nil)
	_, err := s.pool.Exec(ctx, `WITH people AS (
			INSERT INTO customers (project_id) SELECT $1 FROM generate_series(1, $3) RETURNING id
		), cards AS (
			INSERT INTO vouchers (project_id, campaign_id, code, type, value, holder_id)
			SELECT $1, $2, p.id::text, 'LOYALTY_CARD', '{"points": 10, "balance": 10}', p.id FROM people p RETURNING id, holder_id
		)
		INSERT INTO loyalty_members (voucher_id, project_id, campaign_id, customer_id) SELECT c.id, $1, $2, c.holder_id FROM cards c`,
		s.project, programme.ID, cards)
	require.NoError(b, err)
	for b.Loop() {
		b.StopTimer()
		_, err := s.pool.Exec(ctx, `WITH filled AS (UPDATE vouchers SET value = '{"points": 10, "balance": 10}' WHERE project_id = $1 RETURNING id)
			INSERT INTO points_buckets (id, project_id, voucher_id, points, expires_on) SELECT uuid7(), $1, id, 10, current_date - 1 FROM filled`, s.project)
		require.NoError(b, err)
		_, err = s.pool.Exec(ctx, "ANALYZE")
		require.NoError(b, err)
		b.StartTimer()
		for seen := int64(1); seen > 0; {
			seen, err = db.Balances{Pool: s.pool}.ExpirePage(ctx)
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(b.N)*cards/b.Elapsed().Seconds(), "cards/s")
}
