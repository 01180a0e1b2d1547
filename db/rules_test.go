package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/pgtest"
	"herald/internal/rule"
)

// limit assigns a rule of one condition to an object.
func (s shop) limit(t testing.TB, kind rule.ObjectType, object uuid.UUID, name, conditions string) rule.Rule {
	t.Helper()
	rules := db.Rules{Pool: s.pool}
	parsed, err := rule.Parse([]byte(`{"1": {"name": "` + name + `", "conditions": ` + conditions + `, "error": {"message": "` + name + `"}}}`))
	require.NoError(t, err)
	made, err := rules.Create(t.Context(), s.project, rule.Rule{Name: name, Type: "expression", ContextType: rule.Global, Rules: parsed})
	require.NoError(t, err)
	_, err = rules.Assign(t.Context(), s.project, made.ID, kind, kind.Prefix().Format(object), false)
	require.NoError(t, err)
	return made
}

// redeem writes a redemption that was made ago.
func (s shop) redeem(t testing.TB, tx interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, customer, campaign uuid.UUID, ago time.Duration, status string,
) {
	t.Helper()
	effects, err := json.Marshal(map[string]any{
		"channel": map[string]string{"channel_id": "app-1", "channel_type": "API"}, "order": map[string]int{"amount": 1000}, "applied": 100,
	})
	require.NoError(t, err)
	var one uuid.UUID
	require.NoError(t, tx.QueryRow(context.Background(), `INSERT INTO redemptions
		(id, project_id, object, customer_id, campaign_id, result, status, effects, created_at)
		VALUES ($1, $2, 'redemption', $3, $4, 'SUCCESS', $5, $6, $7) RETURNING id`,
		uuid.New(), s.project, customer, campaign, status, effects, time.Now().Add(-ago)).Scan(&one))
}

func (s shop) broken(t testing.TB, f rule.Facts, objects ...uuid.UUID) map[uuid.UUID]rule.Violation {
	t.Helper()
	var broken map[uuid.UUID]rule.Violation
	require.NoError(t, pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) (err error) {
		broken, err = db.BrokenRules(t.Context(), tx, s.project, objects, f)
		return err
	}))
	return broken
}

func TestRulesOfManyObjectsAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	open, closed, other := s.campaign(t, nil), s.campaign(t, nil), newShop(t, s.pool)
	s.limit(t, rule.Campaign, open.ID, "order.items.none", `{"$is": ["prod_1"]}`)
	shut := s.limit(t, rule.Campaign, closed.ID, "order.items.any", `{"$is": ["prod_1"]}`)
	card := s.gift(t, 100)
	s.limit(t, rule.Voucher, card.ID, "publication.redeemable_by_linked_customer", `{"$is": [true]}`)
	elsewhere := other.campaign(t, nil)
	other.limit(t, rule.Campaign, elsewhere.ID, "order.items.any", `{"$is": ["prod_1"]}`)

	broken := s.broken(t, rule.Facts{}, open.ID, closed.ID, card.ID, elsewhere.ID)
	require.Len(t, broken, 2, "another project's rules are not its own")
	require.Equal(t, rule.Violation{Rule: shut.ID, Message: "order.items.any", About: "order.items.any"}, broken[closed.ID])
	holder := s.customer(t)
	require.NotContains(t, s.broken(t, rule.Facts{Customer: &customer.Customer{ID: holder}, Holder: &holder}, card.ID), card.ID)
	require.Empty(t, s.broken(t, rule.Facts{}, uuid.New()))
	require.Empty(t, s.broken(t, rule.Facts{}))
}

func TestRulesCountWhatWasRedeemed(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	ada, grace := s.customer(t), s.customer(t)
	c, other := s.campaign(t, nil), s.campaign(t, nil)
	now := time.Now().UTC()
	sinceMidnight := now.Sub(now.Truncate(24 * time.Hour))
	s.redeem(t, s.pool, ada, c.ID, 0, "SUCCEEDED")
	s.redeem(t, s.pool, grace, c.ID, sinceMidnight/2, "SUCCEEDED")
	s.redeem(t, s.pool, grace, c.ID, 400*24*time.Hour, "SUCCEEDED")
	s.redeem(t, s.pool, ada, c.ID, 0, "ROLLED_BACK")
	s.redeem(t, s.pool, ada, c.ID, 0, "FAILED")
	s.redeem(t, s.pool, ada, other.ID, 0, "SUCCEEDED")
	facts := rule.Facts{Customer: &customer.Customer{ID: ada}, APIKey: "app-1", Discount: 50}
	for name, counted := range map[string]int{
		"campaign.redemptions.count":                 4,
		"campaign.redemptions.count.daily":           3,
		"campaign.redemptions.count.weekly":          3,
		"campaign.redemptions.count.monthly":         3,
		"campaign.redemptions.customers_count":       2,
		"campaign.redemptions.customers_count.daily": 2,
		"campaign.orders.amount":                     3000,
		"campaign.orders.amount_discounted":          350,
		"redemption.count.daily":                     3,
		"redemption.count.weekly":                    3,
		"redemption.count.monthly":                   3,
		"redemption.count.per_customer":              2,
		"redemption.count.per_customer.daily":        2,
		"redemption.count.per_customer.monthly":      2,
		"redemption.count.per_api_key":               4,
	} {
		made := s.limit(t, rule.Campaign, c.ID, name, fmt.Sprintf(`{"$is": [%d]}`, counted))
		require.Empty(t, s.broken(t, facts, c.ID), name)
		_, err := s.pool.Exec(t.Context(), "DELETE FROM validation_rules WHERE id = $1", made.ID)
		require.NoError(t, err)
	}
	// A rule of a voucher counts that voucher's redemptions, and those of the voucher's campaign as its campaign's.
	code := s.gift(t, 1)
	_, err := s.pool.Exec(t.Context(), "UPDATE vouchers SET campaign_id = $1 WHERE id = $2", c.ID, code.ID)
	require.NoError(t, err)
	s.limit(t, rule.Voucher, code.ID, "redemption.count.per_customer", `{"$is": [1]}`)
	s.limit(t, rule.Voucher, code.ID, "campaign.redemptions.count", `{"$is": [4]}`)
	require.Empty(t, s.broken(t, facts, code.ID))
	require.Equal(t, "redemption.count.per_customer", s.broken(t, rule.Facts{}, code.ID)[code.ID].Message, "nothing is known of nobody")
}

func TestRulesAskForSegments(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	ada, c := s.customer(t), s.campaign(t, nil)
	var friends uuid.UUID
	require.NoError(t, s.pool.QueryRow(t.Context(), `INSERT INTO segments (id, project_id, name, type, initial_sync_status)
		VALUES ($1, $2, 'Friends', 'static', 'DONE') RETURNING id`, uuid.New(), s.project).Scan(&friends))
	_, err := s.pool.Exec(t.Context(), "INSERT INTO segment_members (segment_id, customer_id) VALUES ($1, $2)", friends, ada)
	require.NoError(t, err)
	s.limit(t, rule.Campaign, c.ID, "customer.segment", `{"$is": ["seg_`+fmt.Sprintf("%x", friends[:])+`"]}`)
	require.Empty(t, s.broken(t, rule.Facts{Customer: &customer.Customer{ID: ada}}, c.ID))
	require.Len(t, s.broken(t, rule.Facts{Customer: &customer.Customer{ID: s.customer(t)}}, c.ID), 1)
	require.Len(t, s.broken(t, rule.Facts{}, c.ID), 1)
}

// Twenty redeem at once what a rule allows three times.
func TestRedemptionsThatRulesCountTogetherDoNotCountAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, nil)
	s.limit(t, rule.Campaign, c.ID, "campaign.redemptions.count", `{"$less_than_or_equal": [3]}`)
	var redeemed atomic.Int32
	var all errgroup.Group
	for range 20 {
		who := s.customer(t)
		all.Go(func() error {
			return pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
				f := rule.Facts{Customer: &customer.Customer{ID: who}, Redeeming: true}
				broken, err := db.BrokenRules(t.Context(), tx, s.project, []uuid.UUID{c.ID}, f)
				if err == nil && len(broken) == 0 {
					redeemed.Add(1)
					s.redeem(t, tx, who, c.ID, 0, "SUCCEEDED")
				}
				return err
			})
		})
	}
	require.NoError(t, all.Wait())
	require.EqualValues(t, 3, redeemed.Load())
}
