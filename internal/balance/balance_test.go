package balance_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// never is the day of points that do not expire.
const never = 1 << 30

var now = time.Date(2026, 1, 31, 23, 30, 0, 0, time.UTC)

func until(day int) *time.Time {
	if day == never {
		return nil
	}
	on := balance.Today(now).AddDate(0, 0, day)
	return &on
}

// Buckets hold what a map from days to points holds, are spent from the earliest day on, and give back to where they took from.
func TestBucketsFollowTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var buckets balance.Buckets
		model := map[int]int64{}
		spent := map[int]balance.Shares{}
		took := map[int]map[int]int64{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				n, day := rapid.Int64Range(1, 9).Draw(t, "points"), rapid.SampledFrom([]int{never, 0, 1, 5, 9}).Draw(t, "day")
				buckets.Put(n, until(day), now)
				model[day] += n
			},
			"spend": func(t *rapid.T) {
				n := rapid.Int64Range(0, buckets.Points()).Draw(t, "points")
				taken := map[int]int64{}
				left := n
				for _, day := range slices.Sorted(maps.Keys(model)) {
					of := min(left, model[day])
					model[day] -= of
					taken[day] += of
					left -= of
				}
				id := len(spent)
				spent[id], took[id] = buckets.Spend(n, now), taken
				var sum int64
				for _, share := range spent[id] {
					require.Positive(t, share.Points)
					sum += share.Points
				}
				require.Equal(t, n, sum)
			},
			"restore": func(t *rapid.T) {
				if len(spent) == 0 {
					t.Skip()
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(spent))).Draw(t, "which")
				var sum int64
				for day, n := range took[id] {
					model[day] += n
					sum += n
				}
				buckets.Restore(sum, spent[id], nil, now)
				spent[id], took[id] = nil, nil
			},
			"": func(t *rapid.T) {
				held := map[int]int64{}
				for _, bucket := range buckets {
					day := never
					if bucket.ExpiresOn != nil {
						day = int(bucket.ExpiresOn.Sub(balance.Today(now)).Hours() / 24)
					}
					require.GreaterOrEqual(t, bucket.Points, int64(0))
					require.NotContains(t, held, day, "points of one day share a bucket")
					held[day] = bucket.Points
				}
				for day, n := range model {
					require.Equal(t, n, held[day])
				}
				require.True(t, slices.IsSortedFunc(buckets, func(a, b *balance.Bucket) int {
					if a.ExpiresOn == nil || b.ExpiresOn == nil {
						return map[bool]int{true: 0, false: -1}[a.ExpiresOn == nil] - map[bool]int{true: 0, false: -1}[b.ExpiresOn == nil]
					}
					return a.ExpiresOn.Compare(*b.ExpiresOn)
				}))
				next, points := buckets.Next()
				for _, day := range slices.Sorted(maps.Keys(model)) {
					if day != never && model[day] > 0 {
						require.Equal(t, until(day), next)
						require.Equal(t, model[day], points)
						return
					}
				}
				require.Nil(t, next)
			},
		})
	})
}

// Whatever is asked of an account, it is never below zero nor beyond what clients can read, and what is refused changes nothing.
func TestAccountsStayWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]voucher.Type{voucher.GiftVoucher, voucher.LoyaltyCard}).Draw(t, "kind")
		a := balance.Account{Kind: kind}
		types := []balance.Type{balance.CreditsAddition, balance.CreditsRemoval, balance.CreditsRedemption, balance.CreditsRefund}
		if kind == voucher.LoyaltyCard {
			types = []balance.Type{
				balance.PointsAddition, balance.PointsRemoval, balance.PointsAccrual, balance.PointsCancellation, balance.PointsRedemption,
				balance.PointsRefund, balance.PointsTransferIn, balance.PointsTransferOut, balance.PointsExpiration, balance.PendingActivation,
			}
		}
		var sum int64
		for range rapid.IntRange(1, 50).Draw(t, "movements") {
			before := a
			amount := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64()).Draw(t, "amount")
			err := a.Apply(rapid.SampledFrom(types).Draw(t, "type"), amount, "CODE")
			if err != nil {
				var known *fault.Error
				require.ErrorAs(t, err, &known)
				require.Equal(t, before, a)
				continue
			}
			sum += amount
			require.Equal(t, sum, a.Balance)
			for _, part := range []int64{a.Balance, a.Total, a.Subtracted, a.Expired, a.Redeemed()} {
				require.GreaterOrEqual(t, part, int64(0))
				require.LessOrEqual(t, part, int64(balance.MaxTotal))
			}
		}
	})
}

func TestACardIsGivenNoMoreThanClientsCanRead(t *testing.T) {
	t.Parallel()
	a := balance.Account{Kind: voucher.LoyaltyCard, Total: balance.MaxTotal - 1, Balance: 5}
	require.NoError(t, a.Apply(balance.PointsAddition, 1, "CODE"))
	require.True(t, fault.Is(a.Apply(balance.PointsAddition, 1, "CODE"), fault.InvalidAmount))
	require.True(t, fault.Is(a.Apply(balance.PointsRemoval, -7, "CODE"), fault.PointsExceeded))
	require.Error(t, a.Apply(balance.CreditsAddition, 1, "CODE"), "credits are for gifts")
}

func TestRulesOfAProgrammeSayTheLastDay(t *testing.T) {
	t.Parallel()
	n := func(n int) *int { return &n }
	months := func(value int, rounding string, month int) voucher.PointsExpiration {
		return voucher.PointsExpiration{PeriodType: voucher.Months, PeriodValue: &value, RoundingType: rounding, RoundingValue: &month}
	}
	for want, rules := range map[string]voucher.PointsExpiration{
		"2026-02-28": months(1, "", 0), // there is no 31st
		"2026-03-31": months(2, "", 0),
		"2028-02-29": months(25, "", 0),
		"2026-06-30": months(4, voucher.EndOfQuarter, 0),
		"2026-12-31": months(8, voucher.EndOfHalfYear, 0),
		"2027-12-31": months(14, voucher.EndOfYear, 0),
		"2026-07-31": months(3, voucher.ParticularMonth, 7),
		"2027-04-30": months(4, voucher.ParticularMonth, 4), // May is past April
		"2026-05-30": {PeriodType: voucher.FixedDayOfYear, FixedMonth: n(5), FixedDay: n(30)},
		"2027-01-30": {PeriodType: voucher.FixedDayOfYear, FixedMonth: n(1), FixedDay: n(30)},
		"2027-01-31": {PeriodType: voucher.FixedDayOfYear, FixedMonth: n(1), FixedDay: n(31)}, // not today
		"2026-11-30": {PeriodType: voucher.FixedDayOfYear, FixedMonth: n(11), FixedDay: n(31)},
	} {
		last := balance.Expiration{}.Until(&rules, now)
		require.NotNil(t, last)
		require.Equal(t, want, balance.Day(*last), "%+v", rules)
	}
	year := months(12, "", 0)
	require.Nil(t, balance.Expiration{Type: balance.NonExpiring}.Until(&year, now))
	require.Nil(t, balance.Expiration{}.Until(nil, now))
	require.Equal(t, "2027-01-31", balance.Day(*balance.Expiration{Type: balance.ProgramRules, Rules: &year}.Until(nil, now)))
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.FixedZone("east", 14*3600))
	require.Equal(t, "2026-03-03", balance.Day(*balance.Expiration{Type: balance.CustomDate, Date: &noon}.Until(&year, now)))
}

func TestPointsOfAnExpiredBucketComeBackAsNewOnes(t *testing.T) {
	t.Parallel()
	var buckets balance.Buckets
	buckets.Put(5, until(1), now)
	buckets.Put(5, until(2), now)
	taken := buckets.Spend(8, now)
	buckets[0].ExpiredAt = &now
	put := buckets.Restore(8, taken, until(9), now)
	require.Equal(t, []int64{3, 5}, []int64{put[0].Points, put[1].Points})
	require.NotEqual(t, uuid.UUID{}, put[1].Bucket)
	require.EqualValues(t, 10, buckets.Points())
	require.Equal(t, until(9), buckets[2].ExpiresOn)
	require.Len(t, buckets.Due(*until(3)), 1)
}
