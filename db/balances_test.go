package db_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/pgtest"
	"herald/internal/voucher"
)

// programme makes a loyalty programme whose points expire as the rules say.
func (s shop) programme(t testing.TB, rules *voucher.PointsExpiration) campaign.Campaign {
	t.Helper()
	made, err := s.campaigns.Create(context.Background(), s.project, campaign.Draft{
		Name: "Club " + uuid.NewString(), CampaignType: campaign.LoyaltyProgram, Voucher: &campaign.Pattern{
			Type: voucher.LoyaltyCard, LoyaltyCard: &voucher.Card{Points: new(int64), ExpirationRules: rules},
		},
	}.WithDefaults(), "v-1", func(context.Context, uuid.UUID, uuid.UUID) error { return nil })
	require.NoError(t, err)
	return made
}

// member gives a new customer a new card of a programme, with points on it.
func (s shop) member(t testing.TB, c campaign.Campaign, points int64) voucher.Voucher {
	t.Helper()
	ctx, holder := context.Background(), s.customer(t)
	card := voucher.Voucher{
		ProjectID: s.project, CampaignID: &c.ID, Code: uuid.NewString(), Type: voucher.LoyaltyCard, Active: true, Metadata: []byte("{}"),
		Value: voucher.Benefit{Type: voucher.LoyaltyCard, LoyaltyCard: &voucher.Card{Points: &points}}.Value(),
	}
	card, err := db.Vouchers{Pool: s.pool}.Create(ctx, card)
	require.NoError(t, err)
	_, err = s.pool.Exec(ctx, "UPDATE vouchers SET holder_id = $2 WHERE id = $1", card.ID, holder)
	require.NoError(t, err)
	require.NoError(t, db.Join(ctx, s.pool, card, holder))
	return s.reread(t, card)
}

// gift makes a gift voucher that a new customer holds.
func (s shop) gift(t testing.TB, amount int64) voucher.Voucher {
	t.Helper()
	ctx, holder := context.Background(), s.customer(t)
	card, err := db.Vouchers{Pool: s.pool}.Create(ctx, voucher.Voucher{
		ProjectID: s.project, Code: uuid.NewString(), Type: voucher.GiftVoucher, Active: true, Metadata: []byte("{}"),
		Value: voucher.Benefit{Type: voucher.GiftVoucher, Gift: &voucher.Gift{Amount: &amount}}.Value(),
	})
	require.NoError(t, err)
	_, err = s.pool.Exec(ctx, "UPDATE vouchers SET holder_id = $2 WHERE id = $1", card.ID, holder)
	require.NoError(t, err)
	return s.reread(t, card)
}

func (s shop) reread(t testing.TB, card voucher.Voucher) voucher.Voucher {
	t.Helper()
	found, err := db.Vouchers{Pool: s.pool}.Find(context.Background(), s.project, card.Code)
	require.NoError(t, err)
	return found
}

func (s shop) account(t testing.TB, card voucher.Voucher) balance.Account {
	t.Helper()
	a, err := balance.AccountOf(s.reread(t, card))
	require.NoError(t, err)
	return a
}

func (s shop) number(t testing.TB, query string, args ...any) (n int64) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

// never is the day of points that do not expire.
const never = 1 << 30

// model is what a loyalty card should hold: points by how many days away their last day is.
type model struct {
	total, subtracted, expired, redeemed int64
	days                                 map[int]int64
	spent                                []map[int]int64 // by redemptions that can still be refunded
	transactions                         []uuid.UUID     // of those
}

func (m *model) balance() (sum int64) {
	for _, n := range m.days {
		sum += n
	}
	return sum
}

// spend takes points from the days that are over first.
func (m *model) spend(points int64) map[int]int64 {
	taken := map[int]int64{}
	for _, day := range slices.Sorted(maps.Keys(m.days)) {
		if n := min(points, m.days[day]); n > 0 {
			m.days[day] -= n
			points -= n
			taken[day] = n
		}
	}
	return taken
}

// dayPasses brings all days one nearer. What was good until today is gone.
func (m *model) dayPasses() {
	nearer := func(days map[int]int64) map[int]int64 {
		left := map[int]int64{}
		for day, n := range days {
			if day != never {
				day--
			}
			left[day] = n
		}
		return left
	}
	m.days = nearer(m.days)
	m.expired += m.days[-1]
	delete(m.days, -1)
	for i := range m.spent {
		m.spent[i] = nearer(m.spent[i])
	}
}

// Whatever happens to a card, its points, its buckets, its transactions and its holder's figures say what a simple model says.
func TestPointsFollowTheModel(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	programme := s.programme(t, nil)
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		start := rapid.Int64Range(0, 50).Draw(rt, "start")
		card := s.member(t, programme, start)
		m := &model{total: start, days: map[int]int64{never: start}}
		move := func(movement balance.Movement, fits bool) (uuid.UUID, bool) {
			movement.Voucher = card.ID
			made, err := db.Move(ctx, s.pool, s.project, movement)
			if !fits {
				require.True(rt, fault.Is(err, fault.PointsExceeded), "%v", err)
				return uuid.UUID{}, false
			}
			require.NoError(rt, err)
			return made[0].ID, true
		}
		today := balance.Today(time.Now())
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				n, day := rapid.Int64Range(1, 100).Draw(rt, "points"), rapid.SampledFrom([]int{never, 0, 1, 3}).Draw(rt, "day")
				expires := balance.Expiration{Type: balance.NonExpiring}
				if day != never {
					until := today.AddDate(0, 0, day)
					expires = balance.Expiration{Type: balance.CustomDate, Date: &until}
				}
				move(balance.Movement{Amount: n, Type: balance.PointsAddition, Expires: expires}, true)
				m.total += n
				m.days[day] += n
			},
			"remove": func(rt *rapid.T) {
				n := rapid.Int64Range(1, 100).Draw(rt, "points")
				if _, ok := move(balance.Movement{Amount: -n, Type: balance.PointsRemoval}, n <= m.balance()); ok {
					m.subtracted += n
					m.spend(n)
				}
			},
			"redeem": func(rt *rapid.T) {
				n := rapid.Int64Range(1, 100).Draw(rt, "points")
				if made, ok := move(balance.Movement{Amount: -n, Type: balance.PointsRedemption}, n <= m.balance()); ok {
					m.redeemed += n
					m.spent, m.transactions = append(m.spent, m.spend(n)), append(m.transactions, made)
				}
			},
			"refund": func(rt *rapid.T) {
				if len(m.spent) == 0 {
					rt.Skip()
				}
				i := rapid.IntRange(0, len(m.spent)-1).Draw(rt, "which")
				var n int64
				for day, points := range m.spent[i] {
					if day < 0 {
						day = never // what has expired since comes back as new points do, and in this programme those stay
					}
					m.days[day] += points
					n += points
				}
				move(balance.Movement{Amount: n, Type: balance.PointsRefund, Refunds: &m.transactions[i]}, true)
				m.redeemed -= n
				m.spent, m.transactions = slices.Delete(m.spent, i, i+1), slices.Delete(m.transactions, i, i+1)
			},
			"a day passes": func(rt *rapid.T) {
				_, err := s.pool.Exec(ctx, "UPDATE points_buckets SET expires_on = expires_on - 1 WHERE voucher_id = $1 AND expired_at IS NULL", card.ID)
				require.NoError(rt, err)
				m.dayPasses()
				if rapid.Bool().Draw(rt, "at night") {
					_, err = db.Balances{Pool: s.pool}.ExpirePage(ctx)
				} else { // or as soon as the card is touched
					_, err = db.Move(ctx, s.pool, s.project, balance.Movement{Voucher: card.ID, Amount: 1, Type: balance.PointsAccrual})
					m.total++
					m.days[never]++
				}
				require.NoError(rt, err)
			},
			"": func(rt *rapid.T) {
				want := balance.Account{Kind: voucher.LoyaltyCard, Total: m.total, Subtracted: m.subtracted, Expired: m.expired, Balance: m.balance()}
				require.Equal(rt, want, s.account(t, card))
				require.Equal(rt, m.redeemed, want.Redeemed())
				for _, sum := range []string{
					"SELECT coalesce(sum(points), 0) FROM points_buckets WHERE voucher_id = $1 AND expired_at IS NULL",
					fmt.Sprintf("SELECT %d + coalesce(sum(amount), 0) FROM voucher_transactions WHERE voucher_id = $1", start),
					"SELECT points_to_go FROM customer_figures f JOIN vouchers v ON v.holder_id = f.customer_id WHERE v.id = $1 UNION ALL SELECT 0 LIMIT 1",
				} {
					require.Equal(rt, m.balance(), s.number(t, sum, card.ID), sum)
				}
				require.Equal(rt, []int64{m.total - m.expired, m.redeemed}, []int64{
					s.number(t, "SELECT points FROM customer_figures f JOIN vouchers v ON v.holder_id = f.customer_id WHERE v.id = $1 UNION ALL SELECT 0 LIMIT 1", card.ID),
					s.number(t, "SELECT points_redeemed FROM customer_figures f JOIN vouchers v ON v.holder_id = f.customer_id WHERE v.id = $1 UNION ALL SELECT 0 LIMIT 1", card.ID),
				})
			},
		})
	})
}

func TestParallelChangesOfABalanceAddUp(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t)+"&pool_max_conns=16")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s := newShop(t, pool)
	for _, card := range []voucher.Voucher{s.member(t, s.programme(t, nil), 100), s.gift(t, 100)} {
		const callers = 60
		var group sync.WaitGroup
		var mu sync.Mutex
		sum, refused := int64(100), 0
		for i := range callers {
			amount := int64(i%7*10 - 30) // from -30 to 30
			if amount == 0 {
				amount = -50
			}
			group.Go(func() {
				_, err := db.Balances{Pool: pool}.Adjust(context.Background(), card, balance.Adjustment{Amount: amount})
				mu.Lock()
				defer mu.Unlock()
				if fault.Is(err, fault.PointsExceeded) || fault.Is(err, fault.GiftExceeded) {
					refused++
					return
				}
				require.NoError(t, err)
				sum += amount
			})
		}
		group.Wait()
		require.Equal(t, sum, s.account(t, card).Balance)
		require.EqualValues(t, callers-refused, s.number(t, "SELECT count(*) FROM voucher_transactions WHERE voucher_id = $1", card.ID))
		require.GreaterOrEqual(t, sum, int64(0))
	}
}

// However many transfer between however few cards in all directions, no point is lost or made, and nobody hears of a deadlock.
func TestParallelTransfersKeepThePoints(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t)+"&pool_max_conns=16")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s := newShop(t, pool)
	programme := s.programme(t, nil)
	cards := make([]voucher.Voucher, 4)
	for i := range cards {
		cards[i] = s.member(t, programme, 50)
	}
	var group sync.WaitGroup
	for i := range 120 {
		to, from, other := cards[i%4], cards[(i+1+i/4%3)%4], cards[(i+1+(i/4+1)%3)%4]
		group.Go(func() {
			_, err := db.Balances{Pool: pool}.Transfer(context.Background(), to, []balance.Transfer{
				{Code: from.Code, Points: int64(i%20 + 1)}, {Code: other.Code, Points: 3},
			})
			if !fault.Is(err, fault.PointsExceeded) {
				require.NoError(t, err)
			}
		})
	}
	group.Wait()
	var sum int64
	for _, card := range cards {
		a := s.account(t, card)
		sum += a.Balance
		require.Equal(t, a.Balance, s.number(t, "SELECT sum(points) FROM points_buckets WHERE voucher_id = $1", card.ID))
	}
	require.EqualValues(t, 200, sum)
	require.Zero(t, s.number(t, "SELECT sum(amount) FROM voucher_transactions"))
	require.Positive(t, s.number(t, "SELECT count(*) FROM voucher_transactions"))
}

// However many work through the night at once, in however many projects, points expire once.
func TestParallelNightsExpirePointsOnce(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t)+"&pool_max_conns=16")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	const members = 30
	for range 2 {
		s := newShop(t, pool)
		programme := s.programme(t, nil)
		for range members {
			s.member(t, programme, 10)
		}
	}
	_, err = pool.Exec(t.Context(), "UPDATE points_buckets SET expires_on = current_date - 2")
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				cards, err := db.Balances{Pool: pool}.ExpirePage(context.Background())
				require.NoError(t, err)
				if cards == 0 {
					return
				}
			}
		})
	}
	group.Wait()
	s := shop{pool: pool}
	for _, count := range []string{
		"SELECT count(*) FROM occurrences WHERE type = 'customer.voucher.loyalty_card.points_expired'",
		"SELECT count(*) FROM voucher_transactions WHERE type = 'POINTS_EXPIRATION' AND amount = -10",
		"SELECT count(*) FROM vouchers WHERE value->>'balance' = '0' AND value->>'expired_points' = '10'",
		"SELECT count(*) FROM points_buckets WHERE expired_at IS NOT NULL",
	} {
		require.EqualValues(t, 2*members, s.number(t, count), count)
	}
}
