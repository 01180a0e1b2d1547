package db_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/segment"
)

// newShoppers are three customers: ada did much, bob a little, cyd nothing.
func newShoppers(t testing.TB) people {
	t.Helper()
	p := newPeople(t)
	for _, source := range []string{"ada", "bob", "cyd"} {
		p.save(t, source, `{}`)
	}
	_, err := p.pool.Exec(t.Context(), `WITH c AS (SELECT id, source_id FROM customers WHERE project_id = $1), figures AS (
			INSERT INTO customer_figures (customer_id, orders_amount, orders_count, last_order_at, last_order_amount, redemptions_succeeded,
				redemptions_failed, rollbacks_succeeded, rollbacks_failed, gift_redeemed, gift_to_go, points_redeemed, points_to_go, points,
				referred_customers)
			SELECT id, 30000, 3, now() - interval '10 days', 7000, 5, 4, 3, 2, 1000, 500, 60, 40, 100, 2 FROM c WHERE source_id = 'ada'
			UNION ALL
			SELECT id, 900, 1, now() - interval '40 days', 900, 1, 0, 0, 0, 0, 100, 0, 5, 5, 0 FROM c WHERE source_id = 'bob'
		), events AS (
			INSERT INTO customer_events (customer_id, name, count, last_at)
			SELECT id, 'cart.abandoned', 2, now() - interval '1 day' FROM c WHERE source_id = 'ada'
			UNION ALL SELECT id, 'cart.abandoned', 1, now() - interval '3 days' FROM c WHERE source_id = 'bob'
		), campaign AS (
			INSERT INTO campaigns (project_id, name, campaign_type, type) VALUES ($1, 'Tiers 2', 'LOYALTY_PROGRAM', 'AUTO_UPDATE') RETURNING id
		), tier AS (
			INSERT INTO loyalty_tiers (id, project_id, campaign_id, name) SELECT $2, $1, id, 'Gold' FROM campaign RETURNING id
		), card AS (
			INSERT INTO vouchers (project_id, campaign_id, code, type, value)
			SELECT $1, campaign.id, 'card-' || source_id, 'LOYALTY_CARD', jsonb_build_object('points', 100, 'balance', CASE source_id WHEN 'ada' THEN 40 ELSE 5 END)
			FROM c, campaign WHERE source_id <> 'cyd' RETURNING id, campaign_id, code
		)
		INSERT INTO loyalty_members (voucher_id, project_id, campaign_id, customer_id, tier_id)
		SELECT card.id, $1, card.campaign_id, c.id, CASE source_id WHEN 'ada' THEN $2::uuid END FROM card JOIN c ON card.code = 'card-' || c.source_id`,
		p.project, goldTier)
	require.NoError(t, err)
	return p
}

var goldTier = uuid.MustParse("0190a000-0000-7000-8000-00000000001d")

func TestSegmentsOfWhatCustomersDid(t *testing.T) {
	t.Parallel()
	p := newShoppers(t)
	for _, c := range []struct{ field, conditions, fit string }{
		{"events.cart.abandoned.count", `{"$is":["1"]}`, "bob"},
		{"events.cart.abandoned.count", `{"$more_than":["0"]}`, "ada bob"},
		{"events.cart.abandoned.count", `{"$less_than":2}`, "bob cyd"},
		{"events.cart.abandoned.count", `{"$in":[0,2]}`, "ada cyd"},
		{"events.cart.abandoned.count", `{"$is_unknown":true}`, "cyd"},
		{"events.other.count", `{"$more_than":0}`, ""},
		{"events.cart.abandoned.last_occurrence", `{"$less_than_ago":2}`, "ada"},
		{"events.cart.abandoned.last_occurrence", `{"$more_than_ago":2}`, "bob"},
		{"events.cart.abandoned.last_occurrence", `{"$has_value":true}`, "ada bob"},
		{"summary.orders.total_amount", `{"$more_than":[900]}`, "ada"},
		{"summary.orders.total_amount", `{"$less_than_equal":900}`, "bob cyd"},
		{"summary.orders.total_count", `{"$is":0}`, "cyd"},
		{"summary.orders.total_count", `{"$is_not":1}`, "ada cyd"},
		{"summary.orders.average_amount", `{"$is":[10000,900]}`, "ada bob"},
		{"summary.orders.average_amount", `{"$has_value":true}`, "ada bob"},
		{"summary.orders.last_order_amount", `{"$more_than_equal":7000}`, "ada"},
		{"summary.orders.last_order_date", `{"$less_than":[30]}`, "ada"},
		{"summary.orders.last_order_date", `{"$more_than":30}`, "bob"},
		{"summary.orders.last_order_date", `{"$is_unknown":true}`, "cyd"},
		{"summary.redemptions.total_succeeded", `{"$less_than":[5]}`, "bob cyd"},
		{"summary.redemptions.total_redeemed", `{"$is":5}`, "ada"},
		{"summary.redemptions.total_failed", `{"$is":4}`, "ada"},
		{"summary.redemptions.total_rolled_back", `{"$is":3}`, "ada"},
		{"summary.redemptions.total_rollback_succeeded", `{"$is":3}`, "ada"},
		{"summary.redemptions.total_rollback_failed", `{"$is":2}`, "ada"},
		{"summary.redemptions.gift.redeemed_amount", `{"$has_value":true}`, "ada"},
		{"summary.redemptions.gift.amount_to_go", `{"$more_than":99}`, "ada bob"},
		{"summary.redemptions.loyalty_card.redeemed_points", `{"$is":60}`, "ada"},
		{"summary.redemptions.loyalty_card.points_to_go", `{"$is":[5]}`, "bob"},
		{"loyalty.points", `{"$more_than":5}`, "ada"},
		{"loyalty.referred_customers", `{"$more_than":1}`, "ada"},
		{"loyalty_points.campaigns.Tiers 2.points", `{"$less_than":40}`, "bob cyd"},
		{"loyalty_points.campaigns.Tiers 2.points", `{"$is":"40"}`, "ada"},
		{"loyalty_points.campaigns.Tiers.points", `{"$more_than":0}`, ""},
		{"loyalty.campaigns.Tiers 2.loyalty_tier", `{"$is":"ltr_` + hex(goldTier) + `"}`, "ada"},
		{"loyalty.campaigns.Tiers 2.loyalty_tier", `{"$is_unknown":true}`, "bob cyd"},
	} {
		one := p.segment(t, fmt.Sprintf(`{%q:{"conditions":%s}}`, c.field, c.conditions))
		p.sync(t, one.ID)
		require.Equal(t, strings.Fields(c.fit), p.members(t, one.ID), "%s %s", c.field, c.conditions)
		require.NoError(t, p.segments.Delete(t.Context(), p.project, one.ID))
	}
}

// allowed reads what a refusal lists.
func allowed(t *testing.T, filter string) []string {
	t.Helper()
	_, err := segment.Parse(json.RawMessage(filter))
	require.Error(t, err)
	_, listed, found := strings.Cut(err.Error(), "are: ")
	require.True(t, found, err)
	return strings.Split(listed, ", ")
}

// Every operator of every field is SQL that runs, in all the places where filters are held against customers: a sync, a change
// of one customer, the clock, and somebody who is no customer.
func TestEveryOperatorOfEveryFieldRuns(t *testing.T) {
	t.Parallel()
	p := newShoppers(t)
	var filters []string
	for _, field := range allowed(t, `{}`) {
		field = strings.ReplaceAll(field, "<key>", "any")
		for _, operator := range allowed(t, fmt.Sprintf(`{%q:{}}`, field)) {
			filter := ""
			for _, operand := range []string{`true`, `1`, `"2026-03-04"`, `"a"`} {
				filter = fmt.Sprintf(`{%q:{"conditions":{%q:%s}}}`, field, operator, operand)
				if _, err := segment.Parse(json.RawMessage(filter)); err == nil {
					break
				}
			}
			_, err := segment.Parse(json.RawMessage(filter))
			require.NoError(t, err, filter)
			filters = append(filters, filter)
		}
	}
	require.Greater(t, len(filters), 500)
	_, err := p.pool.Exec(t.Context(), `INSERT INTO segments (project_id, name, type, filter, initial_sync_status, moves)
		SELECT $1, 'all', 'passive', filter::jsonb, 'DONE', true FROM unnest($2::text[]) filter`, p.project, filters)
	require.NoError(t, err)
	held := func(by func()) (fit string) {
		_, err := p.pool.Exec(t.Context(), "DELETE FROM segment_members")
		require.NoError(t, err)
		by()
		require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT string_agg(s.filter::text, chr(10) ORDER BY s.id) FROM segment_members m
			JOIN segments s ON s.id = m.segment_id JOIN customers c ON c.id = m.customer_id WHERE c.source_id = 'eve'`).Scan(&fit))
		return fit
	}
	byMaking := held(func() { p.save(t, "eve", `{"email":"e@example.com","metadata":{"any":"2026-03-04"}}`) })
	byClock := held(func() {
		_, err = p.segments.DriftPage(t.Context(), p.project, db.SyncCursor{})
		require.NoError(t, err)
	})
	require.Equal(t, byMaking, byClock)
	require.Greater(t, strings.Count(byClock, "\n"), 100)
	fit, err := p.segments.FitFor(t.Context(), p.project, "guest")
	require.NoError(t, err)
	require.NotEmpty(t, fit)
}
