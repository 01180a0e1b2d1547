package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/pgtest"
)

func TestAPipelineIsATransaction(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, err := pool.Exec(t.Context(), "CREATE TABLE things (n int PRIMARY KEY)")
	require.NoError(t, err)
	count := func() (n int) {
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n))
		return n
	}
	insert := func(p *db.Pipeline, n int) { _, _ = db.Later(p).Exec(t.Context(), "INSERT INTO things VALUES ($1)", n) }

	require.NoError(t, db.InPipeline(t.Context(), pool, func(*db.Pipeline) error { return nil }))
	require.NoError(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		insert(p, 1)
		var seen []int
		found, err := p.Query(t.Context(), "SELECT n FROM things")
		require.NoError(t, err)
		seen, err = pgx.CollectRows(found, pgx.RowTo[int])
		require.NoError(t, err)
		require.Equal(t, []int{1}, seen, "what was kept for later went before")
		insert(p, 2)
		_, err = p.Exec(t.Context(), "SELECT 1")
		require.NoError(t, err)
		_, err = p.Exec(t.Context(), "SELECT 1")
		require.NoError(t, err)
		insert(p, 3) // goes with the commit
		return nil
	}))
	require.Equal(t, 3, count())

	require.NoError(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		var before, after []int
		ask := func(into *[]int) { require.NoError(t, db.Ahead(t.Context(), p, "SELECT n FROM things", into)) }
		ask(&before)
		insert(p, 9)
		ask(&after)
		require.Nil(t, before, "nothing was sent yet")
		require.NoError(t, db.Flush(t.Context(), p))
		require.Equal(t, []int{1, 2, 3}, before)
		require.Equal(t, []int{1, 2, 3, 9}, after)
		_, err := p.Exec(t.Context(), "DELETE FROM things WHERE n = 9")
		ask(&after)
		return err // what was asked last is answered with the commit
	}))

	refused := errors.New("refused")
	require.ErrorIs(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		insert(p, 4)
		require.ErrorIs(t, p.QueryRow(t.Context(), "SELECT n FROM things WHERE n = 99").Scan(new(int)), pgx.ErrNoRows)
		insert(p, 5)
		return refused
	}), refused)
	require.Equal(t, 3, count(), "nothing is left of a transaction that failed")

	var pg *pgconn.PgError
	require.ErrorAs(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		insert(p, 6)
		insert(p, 1)
		_, err := p.Exec(t.Context(), "SELECT 1")
		return err
	}), &pg, "the next statement fails where one before it did")
	require.Equal(t, "things_pkey", pg.ConstraintName)
	require.ErrorAs(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error { insert(p, 1); return nil }), &pg, "and so does the commit")
	require.ErrorAs(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		return p.QueryRow(t.Context(), "SELECT 1/0").Scan(new(int))
	}), &pg)
	require.Error(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := p.Exec(ctx, "SELECT pg_sleep(5)")
		return err
	}))
	require.Equal(t, 3, count())
	require.NoError(t, db.InPipeline(t.Context(), pool, func(p *db.Pipeline) error {
		n, err := p.CopyFrom(t.Context(), pgx.Identifier{"things"}, []string{"n"}, pgx.CopyFromRows([][]any{{7}, {8}}))
		require.EqualValues(t, 2, n)
		return err
	}))
	require.Equal(t, 5, count())
}

func TestUUIDsGoBothWays(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	one, two := uuid.New(), uuid.New()
	var back uuid.UUID
	var missing, there *uuid.UUID
	var some, none []uuid.UUID
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT $1::uuid, $2::uuid, $3::uuid, $4::uuid[], $5::uuid[]",
		one, nil, &two, []uuid.UUID{one, two}, []uuid.UUID{}).Scan(&back, &missing, &there, &some, &none))
	require.Equal(t, one, back)
	require.Nil(t, missing)
	require.Equal(t, two, *there)
	require.Equal(t, []uuid.UUID{one, two}, some)
	require.Empty(t, none)
	require.Error(t, pool.QueryRow(t.Context(), "SELECT NULL::uuid").Scan(&back))
	var isNull bool
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT $1::uuid[] IS NULL", []uuid.UUID(nil)).Scan(&isNull))
	require.True(t, isNull)
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT $1::uuid = $2::text::uuid", one, one.String()).Scan(&isNull))
	require.True(t, isNull)
}
