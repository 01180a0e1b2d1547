package loyalty_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/loyalty"
)

func whole(n int64) *int64 { return &n }

// ladder is tiers that begin with these points; names are their indexes.
func ladder(starts ...int64) []loyalty.Tier {
	tiers := make([]loyalty.Tier, len(starts))
	for i, start := range starts {
		tiers[i] = loyalty.Tier{ID: uuid.New(), PointsFrom: whole(start)}
	}
	return tiers
}

// place is the index of a standing's tier, -1 for none.
func place(tiers []loyalty.Tier, s loyalty.Standing) int {
	for i, t := range tiers {
		if s.Tier != nil && t.ID == *s.Tier {
			return i
		}
	}
	return -1
}

// reaches is the index of the tier that begins with no more than these points, -1 for none.
func reaches(tiers []loyalty.Tier, points int64) (at int) {
	at = -1
	for i, t := range tiers {
		if *t.PointsFrom <= points {
			at = i
		}
	}
	return at
}

// moved is what going from one place to another is.
func moved(from, to int) loyalty.Move {
	switch {
	case from == to:
		return loyalty.Stayed
	case from < 0:
		return loyalty.Joined
	case to < 0:
		return loyalty.Left
	case to > from:
		return loyalty.Upgraded
	}
	return loyalty.Downgraded
}

func TestWithoutSettingsTiersFollowTheBalance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tiers := ladder(rapid.SampledFrom([]int64{0, 1, 50}).Draw(t, "lowest"), 100, 200)
		var s loyalty.Standing
		var none *loyalty.Expiration
		for range 10 {
			points := rapid.Int64Range(0, 300).Draw(t, "points")
			before := place(tiers, s)
			after, move := none.Stand(tiers, s, loyalty.Points{Balance: points}, time.Now())
			require.Equal(t, reaches(tiers, points), place(tiers, after))
			require.Equal(t, moved(before, place(tiers, after)), move)
			s = after
		}
	})
}

// anyExpiration draws settings that are accepted.
func anyExpiration(t *rapid.T) loyalty.Expiration {
	e := loyalty.Expiration{
		QualificationType:   rapid.SampledFrom([]string{"BALANCE", "POINTS_IN_PERIOD"}).Draw(t, "by"),
		QualificationPeriod: rapid.SampledFrom([]string{"MONTH", "QUARTER", "HALF_YEAR", "YEAR"}).Draw(t, "period"),
		StartDate:           loyalty.TierStart{Type: rapid.SampledFrom([]string{"IMMEDIATE", "NEXT_PERIOD"}).Draw(t, "start")},
		ExpirationDate: loyalty.TierEnd{
			Type:   rapid.SampledFrom([]string{"END_OF_PERIOD", "END_OF_NEXT_PERIOD", "BALANCE_DROP", "CUSTOM"}).Draw(t, "end"),
			Extend: rapid.SampledFrom([]string{"", "P1D", "P3M", "P1Y2M"}).Draw(t, "extend"),
		},
	}
	if rapid.Bool().Draw(t, "rounded") {
		month := rapid.IntRange(0, 11).Draw(t, "month")
		e.ExpirationDate.Rounding = &loyalty.Rounding{
			Type:     rapid.SampledFrom([]string{"MONTH", "QUARTER", "HALF_YEAR", "YEAR", "CUSTOM"}).Draw(t, "rounding"),
			Strategy: rapid.SampledFrom([]string{"", "START", "END"}).Draw(t, "strategy"), Unit: "MONTH", Value: &month,
		}
	}
	return e
}

// due is when a standing is to be looked at again.
func due(s loyalty.Standing) *time.Time {
	if s.Expires == nil || s.Starts != nil && s.Starts.Before(*s.Expires) {
		return s.Starts
	}
	return s.Expires
}

// Whatever the settings: looked at again in the same instant nothing happens, what is due lies ahead, and each move says what
// became of the tier.
func TestStandingsComeToRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anyExpiration(t)
		require.Nil(t, e.Check("loyalty_tiers_expiration"))
		tiers := ladder(rapid.SampledFrom([]int64{0, 10}).Draw(t, "lowest"), 100, 200)
		now := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "begin")), rapid.IntRange(1, 28).Draw(t, "day"), 12, 0, 0, 0, time.UTC)
		var s loyalty.Standing
		for range 12 {
			points := loyalty.Points{Balance: rapid.Int64Range(0, 300).Draw(t, "balance")}
			for i := range points.Collected {
				points.Collected[i] = rapid.Int64Range(0, 300).Draw(t, "collected")
			}
			before := place(tiers, s)
			after, move := e.Stand(tiers, s, points, now)
			again, nothing := e.Stand(tiers, after, points, now)
			require.Equal(t, after, again)
			require.Equal(t, loyalty.Stayed, nothing)
			if next := due(after); next != nil {
				require.True(t, next.After(now), "%v is not after %v", next, now)
			}
			if is := place(tiers, after); is != before {
				require.Equal(t, moved(before, is), move)
			} else {
				require.Contains(t, []loyalty.Move{loyalty.Stayed, loyalty.Prolonged, loyalty.Ending}, move)
			}
			s = after
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "days")) * 24 * time.Hour)
		}
	})
}

// Members who collect points and are looked at whenever something is due are, at any time, in the tier that a simple model says:
// that of the points of this period, or of the ones before it, as the settings say.
func TestTiersOfPeriodsFollowTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := loyalty.Expiration{
			QualificationType: "POINTS_IN_PERIOD", QualificationPeriod: "MONTH",
			StartDate:      loyalty.TierStart{Type: rapid.SampledFrom([]string{"IMMEDIATE", "NEXT_PERIOD"}).Draw(t, "start")},
			ExpirationDate: loyalty.TierEnd{Type: rapid.SampledFrom([]string{"END_OF_PERIOD", "END_OF_NEXT_PERIOD"}).Draw(t, "end")},
		}
		tiers := ladder(rapid.SampledFrom([]int64{0, 10}).Draw(t, "lowest"), 100, 200)
		collected := map[int]int64{} // by month, from January 2026
		now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
		var s loyalty.Standing
		look := func(at time.Time) {
			month := (at.Year()-2026)*12 + int(at.Month()) - 1
			s, _ = e.Stand(tiers, s, loyalty.Points{Collected: [3]int64{collected[month], collected[month-1], collected[month-2]}}, at)
			from, to := month, month // the months whose points count
			if e.StartDate.Type == "NEXT_PERIOD" {
				from, to = month-1, month-1
			}
			if e.ExpirationDate.Type == "END_OF_NEXT_PERIOD" {
				from--
			}
			best := -1
			for ; from <= to; from++ {
				best = max(best, reaches(tiers, collected[from]))
			}
			require.Equal(t, best, place(tiers, s), "at %v with %v, standing %+v", at, collected, s)
		}
		look(now)
		for range 20 {
			next := now.Add(time.Duration(rapid.IntRange(0, 25*24).Draw(t, "hours")) * time.Hour)
			for at := due(s); at != nil && !at.After(next); at = due(s) {
				look(*at)
			}
			now = next
			collected[(now.Year()-2026)*12+int(now.Month())-1] += rapid.Int64Range(0, 150).Draw(t, "points")
			look(now)
		}
	})
}

func TestATierThatEndsAfterADropWaitsAndCanBeKept(t *testing.T) {
	t.Parallel()
	e := loyalty.Expiration{
		QualificationType: "BALANCE", StartDate: loyalty.TierStart{Type: "IMMEDIATE"}, ExpirationDate: loyalty.TierEnd{
			Type: "CUSTOM", Extend: "P3M", Rounding: &loyalty.Rounding{Type: "MONTH", Strategy: "END"},
		},
	}
	tiers := ladder(100, 200)
	start := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	s, move := e.Stand(tiers, loyalty.Standing{}, loyalty.Points{Balance: 250}, start)
	require.Equal(t, loyalty.Joined, move)
	require.Nil(t, s.Expires)

	s, move = e.Stand(tiers, s, loyalty.Points{Balance: 150}, start)
	require.Equal(t, loyalty.Ending, move)
	require.Equal(t, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), *s.Expires, "three months later, to the end of that month")
	require.Equal(t, 1, place(tiers, s))

	kept, move := e.Stand(tiers, s, loyalty.Points{Balance: 200}, start.AddDate(0, 1, 0))
	require.Equal(t, loyalty.Prolonged, move)
	require.Nil(t, kept.Expires)

	lost, move := e.Stand(tiers, s, loyalty.Points{Balance: 150}, *s.Expires)
	require.Equal(t, loyalty.Downgraded, move)
	require.Equal(t, 0, place(tiers, lost))
	_, move = e.Stand(tiers, s, loyalty.Points{Balance: 5}, *s.Expires)
	require.Equal(t, loyalty.Left, move)
}
