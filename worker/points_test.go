package worker_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/voucher"
)

// The schedules take off cards what nobody spent in time, and bring onto them what waited, once, however often they run.
func TestPointsExpireByTheClock(t *testing.T) {
	r := open(t)
	r.work(t)
	var holder, club uuid.UUID
	require.NoError(t, r.pool.QueryRow(t.Context(), "INSERT INTO customers (project_id, source_id) VALUES ($1, 'ann') RETURNING id", r.project).Scan(&holder))
	require.NoError(t, r.pool.QueryRow(t.Context(), `INSERT INTO campaigns (project_id, name, campaign_type, type, voucher)
		VALUES ($1, 'Club', 'LOYALTY_PROGRAM', 'STATIC', '{"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}') RETURNING id`, r.project).Scan(&club))
	points := int64(0)
	card, err := db.Vouchers{Pool: r.pool}.Create(t.Context(), voucher.Voucher{
		ProjectID: r.project, CampaignID: &club, Code: "CARD", Type: voucher.LoyaltyCard, Active: true, Metadata: []byte("{}"),
		Value: voucher.Benefit{Type: voucher.LoyaltyCard, LoyaltyCard: &voucher.Card{Points: &points}}.Value(),
	})
	require.NoError(t, err)
	_, err = r.pool.Exec(t.Context(), "UPDATE vouchers SET holder_id = $2 WHERE id = $1", card.ID, holder)
	require.NoError(t, err)
	card.HolderID = &holder
	today := balance.Today(time.Now())
	_, err = db.Balances{Pool: r.pool}.Adjust(t.Context(), card, balance.Adjustment{
		Amount: 40, Expires: balance.Expiration{Type: balance.CustomDate, Date: &today},
	})
	require.NoError(t, err)
	_, err = r.pool.Exec(t.Context(), "UPDATE points_buckets SET expires_on = expires_on - 1")
	require.NoError(t, err)

	r.trigger(t, "points-expiry", 2)
	require.Equal(t, []string{"customer.voucher.loyalty_card.points_added ann", "customer.voucher.loyalty_card.points_expired ann"}, r.occurrences(t))
	left, err := db.Vouchers{Pool: r.pool}.Find(t.Context(), r.project, "CARD")
	require.NoError(t, err)
	a, err := balance.AccountOf(left)
	require.NoError(t, err)
	require.Equal(t, balance.Account{Kind: voucher.LoyaltyCard, Total: 40, Expired: 40}, a)

	_, err = r.pool.Exec(t.Context(), `INSERT INTO pending_points (id, project_id, voucher_id, campaign_id, customer_id, points, activates_on, details)
		VALUES (uuid7(), $1, $2, $3, $4, 7, current_date - 1, '{}')`, r.project, card.ID, club, holder)
	require.NoError(t, err)
	_, err = r.pool.Exec(t.Context(), `UPDATE vouchers SET value = value || '{"pending_points": 7}' WHERE id = $1`, card.ID)
	require.NoError(t, err)
	r.trigger(t, "points-activation", 2)
	left, err = db.Vouchers{Pool: r.pool}.Find(t.Context(), r.project, "CARD")
	require.NoError(t, err)
	a, err = balance.AccountOf(left)
	require.NoError(t, err)
	require.Equal(t, balance.Account{Kind: voucher.LoyaltyCard, Total: 47, Expired: 40, Balance: 7}, a)
}

// trigger has a schedule run so often, one run after the other.
func (r room) trigger(t *testing.T, id string, times int) {
	t.Helper()
	keeper := r.engine.ScheduleClient().GetHandle(t.Context(), id)
	ran := -1
	require.Eventually(t, func() bool {
		described, err := keeper.Describe(t.Context())
		if err == nil {
			ran = described.Info.NumActions
		}
		return err == nil
	}, time.Minute, 50*time.Millisecond)
	for n := range times {
		require.NoError(t, keeper.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
		require.Eventually(t, func() bool {
			described, err := keeper.Describe(t.Context())
			return err == nil && described.Info.NumActions > ran+n && len(described.Info.RunningWorkflows) == 0
		}, time.Minute, 50*time.Millisecond)
	}
}
