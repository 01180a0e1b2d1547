package db_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/campaign"
	"herald/internal/loyalty"
	"herald/internal/occurrence"
	"herald/internal/pgtest"
	"herald/internal/voucher"
)

// tiers adds tiers to a programme that begin with these points.
func (s shop) tiers(t testing.TB, c campaign.Campaign, starts ...int64) []loyalty.Tier {
	t.Helper()
	drafts := make([]loyalty.TierDraft, len(starts))
	for i, start := range starts {
		drafts[i] = loyalty.TierDraft{Name: "tier " + uuid.NewString(), Points: &loyalty.Range{From: &start}}
	}
	made, err := db.Tiers{Pool: s.pool}.Create(context.Background(), s.project, c.ID, drafts)
	require.NoError(t, err)
	return made
}

// expiring says how the tiers of a programme end.
func (s shop) expiring(t testing.TB, c campaign.Campaign, e loyalty.Expiration) {
	t.Helper()
	require.Nil(t, e.Check("loyalty_tiers_expiration"))
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	_, err = s.pool.Exec(context.Background(), "UPDATE campaigns SET loyalty_tiers_expiration = $2 WHERE id = $1", c.ID, raw)
	require.NoError(t, err)
}

// add puts points on a card, or takes them away.
func (s shop) add(t testing.TB, card voucher.Voucher, points int64) {
	t.Helper()
	_, err := db.Balances{Pool: s.pool}.Adjust(context.Background(), card, balance.Adjustment{Amount: points})
	require.NoError(t, err)
}

// told is what happened to the holder of a card about tiers and earned points, since it was asked last.
type told struct {
	shop
	card  voucher.Voucher
	after int64
}

// happening is one occurrence, with the tier it is about.
type happening struct {
	kind occurrence.Type
	tier *uuid.UUID
	data map[string]any
}

func (l *told) next(t testing.TB) (seen []happening) {
	t.Helper()
	result, err := l.pool.Query(context.Background(), `SELECT id, type, tier_id, data, waiting FROM occurrences
		WHERE customer_id = $1 AND id > $2 AND (type LIKE 'customer.loyalty.tier.%' OR type LIKE 'customer.rewarded%') ORDER BY id`,
		l.card.HolderID, l.after)
	require.NoError(t, err)
	var h happening
	var waits bool
	_, err = pgx.ForEachRow(result, []any{&l.after, &h.kind, &h.tier, &h.data, &waits}, func() error {
		require.Equal(t, h.kind.Triggers(), waits)
		seen = append(seen, h)
		h.data = nil
		return nil
	})
	require.NoError(t, err)
	return seen
}

// of are the types of what happened.
func of(seen []happening) (kinds []occurrence.Type) {
	for _, h := range seen {
		kinds = append(kinds, h.kind)
	}
	return kinds
}

func TestTiersFollowPointsAndAreToldOfOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	club := s.programme(t, nil)
	tiers := s.tiers(t, club, 100, 200)
	card := s.member(t, club, 0)
	news := &told{shop: s, card: card}
	require.Empty(t, news.next(t))

	s.add(t, card, 99)
	require.Empty(t, news.next(t))
	s.add(t, card, 1)
	joined := news.next(t)
	require.Equal(t, []occurrence.Type{occurrence.TierJoined}, of(joined))
	require.Equal(t, tiers[0].ID, *joined[0].tier)
	require.ElementsMatch(t, []string{"campaign", "loyalty_tier", "created_at"}, keys(joined[0].data))
	require.Equal(t, tiers[0].Name, joined[0].data["loyalty_tier"].(map[string]any)["name"])
	s.add(t, card, 50)
	require.Empty(t, news.next(t), "still the same tier")

	s.add(t, card, 100)
	upgraded := news.next(t)
	require.Equal(t, []occurrence.Type{occurrence.TierUpgraded}, of(upgraded))
	require.Equal(t, tiers[1].ID, *upgraded[0].tier)
	require.ElementsMatch(t, []string{"campaign", "loyalty_tier_from", "loyalty_tier_to", "created_at"}, keys(upgraded[0].data))
	s.add(t, card, -100)
	require.Equal(t, []occurrence.Type{occurrence.TierDowngraded}, of(news.next(t)))
	s.add(t, card, -100)
	left := news.next(t)
	require.Equal(t, []occurrence.Type{occurrence.TierLeft}, of(left))
	require.Equal(t, tiers[0].ID, *left[0].tier)

	_, err := db.Balances{Pool: s.pool}.Adjust(t.Context(), card, balance.Adjustment{Amount: -1000})
	require.Error(t, err)
	require.Empty(t, news.next(t), "a refused call moves nobody")
	n, err := db.Tiers{Pool: s.pool}.RetierPage(t.Context(), time.Now().AddDate(10, 0, 0))
	require.NoError(t, err)
	require.Zero(t, n, "nothing is due")
}

func keys(m map[string]any) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

func TestMembersAreInNewTiersAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	club := s.programme(t, nil)
	card := s.member(t, club, 150)
	news := &told{shop: s, card: card}
	tiers := s.tiers(t, club, 100, 200)
	joined := news.next(t)
	require.Equal(t, []occurrence.Type{occurrence.TierJoined}, of(joined))
	require.Equal(t, tiers[0].ID, *joined[0].tier)

	fresh := s.member(t, club, 250)
	require.Equal(t, []occurrence.Type{occurrence.TierJoined}, of((&told{shop: s, card: fresh}).next(t)), "with the card")
	shown, err := db.Tiers{Pool: s.pool}.OfCard(t.Context(), s.project, fresh.ID)
	require.NoError(t, err)
	require.Equal(t, tiers[1].Name, shown.Name)

	from := int64(150)
	_, err = db.Tiers{Pool: s.pool}.Create(t.Context(), s.project, club.ID, []loyalty.TierDraft{{Name: "x", Points: &loyalty.Range{From: &from, To: &from}}})
	require.NoError(t, err)
	require.Equal(t, []occurrence.Type{occurrence.TierUpgraded}, of(news.next(t)))
}

func TestTiersThatAreDueEndAndArePutOffOrKept(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	club := s.programme(t, nil)
	s.expiring(t, club, loyalty.Expiration{
		QualificationType: "BALANCE", StartDate: loyalty.TierStart{Type: "IMMEDIATE"},
		ExpirationDate: loyalty.TierEnd{Type: "CUSTOM", Extend: "P3M"},
	})
	s.tiers(t, club, 100)
	card := s.member(t, club, 100)
	news := &told{shop: s, card: card}
	news.next(t)
	s.add(t, card, -50)
	require.Equal(t, []occurrence.Type{occurrence.TierExpirationChanged}, of(news.next(t)), "the tier ends in three months")
	s.add(t, card, -1)
	require.Empty(t, news.next(t))
	s.add(t, card, 60)
	prolonged := news.next(t)
	require.Equal(t, []occurrence.Type{occurrence.TierProlonged}, of(prolonged))
	require.ElementsMatch(t, []string{"campaign", "loyalty_tier", "created_at"}, keys(prolonged[0].data))

	s.add(t, card, -60)
	news.next(t)
	store := db.Tiers{Pool: s.pool}
	n, err := store.RetierPage(t.Context(), time.Now().AddDate(0, 2, 0))
	require.NoError(t, err)
	require.Zero(t, n, "not due yet")
	require.Empty(t, news.next(t))
	later := time.Now().AddDate(0, 4, 0)
	n, err = store.RetierPage(t.Context(), later)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Equal(t, []occurrence.Type{occurrence.TierLeft}, of(news.next(t)))
	n, err = store.RetierPage(t.Context(), later)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Empty(t, news.next(t))
}

// Members who collect points of a period are in the tier that the points of this period and the one before give, whenever a
// worker has looked at what is due: days pass by moving everything that happened into the past.
func TestTiersOfPeriodsFollowAModelInTheLedger(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	rapid.Check(t, func(draw *rapid.T) {
		ctx := context.Background()
		club := s.programme(t, nil)
		s.expiring(t, club, loyalty.Expiration{
			QualificationType: "POINTS_IN_PERIOD", QualificationPeriod: "MONTH", StartDate: loyalty.TierStart{Type: "IMMEDIATE"},
			ExpirationDate: loyalty.TierEnd{Type: rapid.SampledFrom([]string{"END_OF_PERIOD", "END_OF_NEXT_PERIOD"}).Draw(draw, "end")},
		})
		tiers := s.tiers(t, club, 100, 200)
		card := s.member(t, club, 0)
		keeps := s.text(t, "SELECT loyalty_tiers_expiration->'expiration_date'->>'type' FROM campaigns WHERE id = $1", club.ID) == "END_OF_NEXT_PERIOD"
		var before, now int64 // points of the last period and of this one
		for range 5 {
			if rapid.Bool().Draw(draw, "a month passes") {
				s.monthPasses(t, card)
				before, now = now, 0
				for {
					n, err := db.Tiers{Pool: s.pool}.RetierPage(ctx, time.Now())
					require.NoError(t, err)
					if n == 0 {
						break
					}
				}
			} else {
				points := rapid.Int64Range(1, 150).Draw(draw, "points")
				s.add(t, card, points)
				now += points
			}
			best := tierFor(now)
			if keeps {
				best = max(best, tierFor(before))
			}
			shown, err := db.Tiers{Pool: s.pool}.OfCard(ctx, s.project, card.ID)
			require.NoError(t, err)
			if best < 0 {
				require.Nil(t, shown)
			} else {
				require.NotNil(t, shown)
				require.Equal(t, tiers[best].Name, shown.Name)
			}
		}
	})
}

// tierFor is which of two tiers, from 100 and from 200, so many points give; -1 is none.
func tierFor(points int64) int { return min(int(points/100), 2) - 1 }

func (s shop) text(t testing.TB, query string, args ...any) (text string) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(context.Background(), query, args...).Scan(&text))
	return text
}

// monthPasses moves what happened on a card, and when its holder's tier is due, a month into the past; a day of the month that
// the month before lacks is its last.
func (s shop) monthPasses(t testing.TB, card voucher.Voucher) {
	t.Helper()
	_, err := s.pool.Exec(context.Background(), `WITH moved AS (
			UPDATE voucher_transactions SET created_at = date_trunc('month', created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '15 days'
			WHERE voucher_id = $1
		)
		UPDATE loyalty_members SET tier_expires_at = (tier_expires_at AT TIME ZONE 'UTC' - interval '1 month') AT TIME ZONE 'UTC',
			tier_starts_at = (tier_starts_at AT TIME ZONE 'UTC' - interval '1 month') AT TIME ZONE 'UTC' WHERE voucher_id = $1`, card.ID)
	require.NoError(t, err)
}

func TestParallelPointsJoinATierOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	club := s.programme(t, nil)
	s.tiers(t, club, 100, 200)
	card := s.member(t, club, 0)
	var g errgroup.Group
	for range 50 {
		g.Go(func() error {
			_, err := db.Balances{Pool: s.pool}.Adjust(context.Background(), card, balance.Adjustment{Amount: 5})
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 250, s.account(t, card).Balance)
	require.Equal(t, []occurrence.Type{occurrence.TierJoined, occurrence.TierUpgraded}, of((&told{shop: s, card: card}).next(t)))
}
