package db_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/order"
	"herald/internal/pgtest"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// giftCard makes a gift card that a new customer holds.
func (s shop) giftCard(t testing.TB, code string, amount int64) (card voucher.Voucher, holder uuid.UUID) {
	t.Helper()
	ctx := context.Background()
	card, err := db.Vouchers{Pool: s.pool}.Create(ctx, voucher.Voucher{
		ProjectID: s.project, Code: code, Type: voucher.GiftVoucher, Active: true, Metadata: []byte("{}"),
		Value: voucher.Benefit{Type: voucher.GiftVoucher, Gift: &voucher.Gift{Amount: &amount}}.Value(),
	})
	require.NoError(t, err)
	holder = s.customer(t)
	_, err = s.pool.Exec(ctx, "UPDATE vouchers SET holder_id = $2 WHERE id = $1", card.ID, holder)
	require.NoError(t, err)
	return card, holder
}

// spend asks to pay for an order with credits of gift cards, as many of each as are named.
func spend(customer uuid.UUID, amount int64, cards ...redemption.Redeemable) db.Asking {
	return db.Asking{
		Request:  redemption.Request{Redeemables: cards, Order: &order.Draft{Amount: &amount}, Metadata: []byte("{}")},
		Customer: &db.Saving{ID: &customer},
	}
}

func credits(code string, n int64) redemption.Redeemable {
	return redemption.Redeemable{Object: redemption.Voucher, ID: code, Gift: &redemption.Gift{Credits: &n}}
}

// Whatever is redeemed and rolled back, what is on gift cards, what their holder and their redeemer did with them, and what the
// orders cost says what a simple model says.
func TestGiftCardsFollowTheModel(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Redemptions{Pool: s.pool}
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		type spent struct {
			id      string
			stacked bool
			took    map[string]int64
			paid    int64
		}
		buyer := s.customer(t)
		balances, holders, codes := map[string]int64{}, map[string]uuid.UUID{}, []string{uuid.NewString(), uuid.NewString()}
		for _, code := range codes {
			balances[code] = rapid.Int64Range(0, 300).Draw(rt, "on the card")
			_, holders[code] = s.giftCard(t, code, balances[code])
		}
		var done []spent
		var paid int64
		rt.Repeat(map[string]func(*rapid.T){
			"redeem": func(rt *rapid.T) {
				amount := rapid.Int64Range(0, 400).Draw(rt, "order")
				var cards []redemption.Redeemable
				wanted := map[string]int64{}
				for _, code := range codes[:rapid.IntRange(1, 2).Draw(rt, "cards")] {
					wanted[code] = rapid.Int64Range(1, 200).Draw(rt, "credits")
					cards = append(cards, credits(code, wanted[code]))
				}
				made, err := store.Redeem(ctx, s.project, spend(buyer, amount, cards...))
				for code, n := range wanted {
					if n > balances[code] {
						require.True(rt, fault.Is(err, fault.GiftExceeded), "%v", err)
						return
					}
				}
				require.NoError(rt, err)
				one := spent{id: made.Parts[0].PublicID(), took: map[string]int64{}, paid: amount}
				if made.Parent != nil {
					one.id, one.stacked = made.Parent.PublicID(), true
				}
				for _, card := range cards {
					n := min(wanted[card.ID], one.paid)
					one.took[card.ID], one.paid = n, one.paid-n
					balances[card.ID] -= n
				}
				require.Equal(rt, one.paid, made.Order.TotalAmount)
				paid += one.paid
				done = append(done, one)
			},
			"roll back": func(rt *rapid.T) {
				if len(done) == 0 {
					rt.Skip()
				}
				i := rapid.IntRange(0, len(done)-1).Draw(rt, "which")
				one := done[i]
				_, err := store.RollBack(ctx, s.project, db.RollingBack{Redemption: one.id, Stacked: one.stacked})
				require.NoError(rt, err)
				_, err = store.RollBack(ctx, s.project, db.RollingBack{Redemption: one.id, Stacked: one.stacked})
				require.True(rt, fault.Is(err, fault.AlreadyRolledBack), "%v", err)
				for code, n := range one.took {
					balances[code] += n
				}
				paid -= one.paid
				done = append(done[:i], done[i+1:]...)
			},
			"": func(rt *rapid.T) {
				var redeemed int64
				uses := map[string]int64{}
				for _, one := range done {
					for code, n := range one.took {
						redeemed += n
						uses[code]++
					}
				}
				for _, code := range codes {
					card, err := db.Vouchers{Pool: s.pool}.Find(ctx, s.project, code)
					require.NoError(rt, err)
					worth, err := voucher.BenefitOf(card.Type, card.Value)
					require.NoError(rt, err)
					require.Equal(rt, balances[code], *worth.Gift.Balance)
					require.Equal(rt, uses[code], card.RedeemedQuantity)
					moved := s.count(t, "SELECT coalesce(sum(amount), 0) FROM voucher_transactions WHERE voucher_id = $1", card.ID)
					require.Equal(rt, *worth.Gift.Amount+moved, balances[code])
					toGo := s.count(t, "SELECT coalesce(sum(gift_to_go), 0) FROM customer_figures WHERE customer_id = $1", holders[code])
					require.Equal(rt, moved, toGo, "what the holder's figures moved by")
				}
				require.Equal(rt, redeemed, s.count(t, "SELECT coalesce(sum(gift_redeemed), 0) FROM customer_figures WHERE customer_id = $1", buyer))
				require.Equal(rt, paid, s.count(t, "SELECT coalesce(sum(orders_amount), 0) FROM customer_figures WHERE customer_id = $1", buyer))
				require.EqualValues(rt, len(done), s.count(t, "SELECT count(*) FROM orders WHERE customer_id = $1 AND status = 'PAID'", buyer))
			},
		})
	})
}

// Two cards that many redeem together, in either order, by customers who hold the other's: no credit is spent twice, and nobody waits
// for ever.
func TestParallelStacksSpendEachCreditOnce(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t)+"&pool_max_conns=16")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s := newShop(t, pool)
	_, ann := s.giftCard(t, "A", 1000)
	_, bob := s.giftCard(t, "B", 1000)
	var mu sync.Mutex
	made := 0
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			buyer, cards := ann, []redemption.Redeemable{credits("A", 50), credits("B", 50)}
			if i%2 == 0 {
				buyer, cards = bob, []redemption.Redeemable{credits("B", 50), credits("A", 50)}
			}
			_, err := db.Redemptions{Pool: pool}.Redeem(context.Background(), s.project, spend(buyer, 500, cards...))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case !fault.Is(err, fault.GiftExceeded):
				t.Errorf("redeem: %v", err)
			}
		})
	}
	group.Wait()
	require.Equal(t, 20, made)
	require.Zero(t, s.count(t, "SELECT sum((value->>'balance')::bigint) FROM vouchers"))
	require.EqualValues(t, 40, s.count(t, "SELECT count(*) FROM redemptions WHERE result = 'FAILURE'"))
	require.EqualValues(t, 2000, s.count(t, "SELECT sum(gift_redeemed) FROM customer_figures"))
	require.EqualValues(t, -2000, s.count(t, "SELECT sum(gift_to_go) FROM customer_figures"))
}
