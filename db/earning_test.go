package db_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/id"
	"herald/internal/loyalty"
	"herald/internal/occurrence"
	"herald/internal/pgtest"
	"herald/internal/segment"
)

// statements counts the statements of a pool, but for those that wake the relay: whether one does is a question of time.
type statements struct{ n atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	s.n.Add(1)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, one := range data.Batch.QueuedQueries {
		if !strings.HasPrefix(one.SQL, "-- name: RelayWake") {
			s.n.Add(1)
		}
	}
	return ctx
}

func (s *statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// counted is the same database through a pool whose statements are counted.
func counted(t testing.TB, pool *pgxpool.Pool) (*pgxpool.Pool, *statements) {
	t.Helper()
	config, seen := pool.Config(), &statements{}
	config.ConnConfig.Tracer = seen
	made, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(made.Close)
	return made, seen
}

// earning adds an earning rule to a programme.
func (s shop) earning(t testing.TB, c campaign.Campaign, d loyalty.RuleDraft) loyalty.Rule {
	t.Helper()
	rule, err := d.New("")
	require.NoError(t, err)
	made, err := db.EarningRules{Pool: s.pool}.Create(context.Background(), s.project, c.ID, []db.LimitedRule{{Rule: rule}})
	require.NoError(t, err)
	return made[0].Rule
}

func fixed(points int64) *loyalty.Earning {
	p := loyalty.Whole(points)
	return &loyalty.Earning{Type: "FIXED", Points: &p}
}

// crowd is many members of a programme, with the occurrences of their entering a segment.
func (s shop) crowd(t testing.TB, club campaign.Campaign, in uuid.UUID, n int) (entered []occurrence.Occurrence) {
	t.Helper()
	result, err := s.pool.Query(context.Background(), `WITH people AS (
		INSERT INTO customers (project_id, name) SELECT $1, 'c' || n FROM generate_series(1, $3) n RETURNING id
	), cards AS (
		INSERT INTO vouchers (project_id, campaign_id, code, type, value, holder_id)
		SELECT $1, $2, p.id::text, 'LOYALTY_CARD', '{"points": 0, "balance": 0}', p.id FROM people p RETURNING id, holder_id
	)
	INSERT INTO loyalty_members (voucher_id, project_id, campaign_id, customer_id) SELECT c.id, $1, $2, c.holder_id FROM cards c
	RETURNING customer_id`, s.project, club.ID, n)
	require.NoError(t, err)
	people, err := pgx.CollectRows(result, pgx.RowTo[uuid.UUID])
	require.NoError(t, err)
	for _, one := range people {
		entered = append(entered, segment.Moved(one, in, "crowd", true))
	}
	return entered
}

// A segment that many members enter at once earns them points in as many statements as one that a few enter, tiers and the points
// for those included.
func TestManyMembersEarnInAsManyStatementsAsFew(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	pool, seen := counted(t, s.pool)
	club := s.programme(t, nil)
	s.tiers(t, club, 10, 20)
	in, err := db.Segments{Pool: s.pool}.Create(t.Context(), s.project, segment.Definition{
		Name: "crowd", Type: segment.AutoUpdate, Filter: []byte(`{"name": {"conditions": {"$is": ["nobody"]}}}`),
	}, false, func(context.Context, uuid.UUID, uuid.UUID) error { return nil })
	require.NoError(t, err)
	s.earning(t, club, loyalty.RuleDraft{Event: "customer.segment.entered", Loyalty: fixed(10), Segment: &loyalty.Named{ID: id.Segment.Format(in.ID)}})
	s.earning(t, club, loyalty.RuleDraft{Event: "customer.loyalty.tier.joined", Loyalty: fixed(10)})

	used := map[int]int64{}
	for _, n := range []int{1, 2, 1000} { // the first opens a connection
		entered := s.crowd(t, club, in.ID, n)
		before := seen.n.Load()
		require.NoError(t, db.Happen(t.Context(), pool, s.project, entered...))
		used[n] = seen.n.Load() - before
	}
	require.InDelta(t, used[2], used[1000], 4, "but for what is read again from time to time")
	require.EqualValues(t, 1003*20, s.number(t, "SELECT sum((value->>'balance')::bigint) FROM vouchers WHERE campaign_id = $1", club.ID))
	for kind, n := range map[occurrence.Type]int{
		occurrence.TierJoined: 1003, occurrence.TierUpgraded: 1003, occurrence.RewardedPoints: 2 * 1003, occurrence.PointsAdded: 2 * 1003,
	} {
		require.EqualValues(t, n, s.number(t, "SELECT count(*) FROM occurrences WHERE project_id = $1 AND type = $2", s.project, kind), kind)
	}
}

// What nobody promised points for costs one look at an index.
func TestWithoutRulesEarningCostsOneStatement(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	pool, seen := counted(t, s.pool)
	one := s.customer(t)
	cost := func(kind occurrence.Type) int64 {
		before := seen.n.Load()
		require.NoError(t, db.Happen(t.Context(), pool, s.project, occurrence.Occurrence{Type: kind, Customer: one, Name: "x"}))
		return seen.n.Load() - before
	}
	cost(occurrence.OrderCreated) // a connection is opened, and what it asks
	require.Equal(t, cost(occurrence.OrderCreated)+1, cost(occurrence.CustomEvent))
}

// Whatever members do, their cards hold what the rules give by a simple model, and their tiers are those of what they hold.
func TestPointsAndTiersFollowAModel(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	rapid.Check(t, func(draw *rapid.T) {
		ctx := context.Background()
		club := s.programme(t, nil)
		tiers := s.tiers(t, club, 100, 300)
		event := "e" + uuid.NewString()
		each := rapid.Int64Range(1, 90).Draw(draw, "points for each event")
		joining := rapid.Int64Range(0, 250).Draw(draw, "points for joining a tier")
		s.earning(t, club, loyalty.RuleDraft{Event: event, Loyalty: fixed(each)})
		if joining > 0 {
			s.earning(t, club, loyalty.RuleDraft{Event: "customer.loyalty.tier.joined", Loyalty: fixed(joining)})
		}
		card := s.member(t, club, 0)
		var held int64
		at := -1
		place := func() {
			before := at
			at = reaches(held)
			if before < 0 && at >= 0 { // joined: that earns points, which may lift further
				held += joining
				at = reaches(held)
			}
		}
		for range 8 {
			if points := rapid.Int64Range(-80, 80).Draw(draw, "by hand"); points != 0 && held+points >= 0 {
				s.add(t, card, points)
				held += points
				place()
			}
			n := rapid.IntRange(0, 3).Draw(draw, "events")
			happen := make([]occurrence.Occurrence, n)
			for i := range happen {
				happen[i] = occurrence.Occurrence{Type: occurrence.CustomEvent, Customer: *card.HolderID, Name: event}
			}
			if n > 0 {
				require.NoError(t, db.Happen(ctx, s.pool, s.project, happen...))
				held += int64(n) * each
				place()
			}
			require.Equal(t, held, s.account(t, card).Balance)
			shown, err := db.Tiers{Pool: s.pool}.OfCard(ctx, s.project, card.ID)
			require.NoError(t, err)
			if at < 0 {
				require.Nil(t, shown)
			} else {
				require.Equal(t, tiers[at].Name, shown.Name)
			}
		}
	})
}

// reaches is which of two tiers, from 100 and from 300, so many points give; -1 is none.
func reaches(points int64) int {
	switch {
	case points >= 300:
		return 1
	case points >= 100:
		return 0
	}
	return -1
}
