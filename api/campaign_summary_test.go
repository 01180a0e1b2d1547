package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// cameOf is what came of a campaign, without the campaign.
func (d door) cameOf(t testing.TB, campaign, query string) object {
	t.Helper()
	summary := d.call(t, 200, "GET", "/v1/campaigns/"+campaign+"/summary"+query, nil)
	require.Equal(t, []any{"campaign_summary", d.call(t, 200, "GET", "/v1/campaigns/"+campaign, nil)}, []any{summary["object"], summary["campaign"]})
	delete(summary, "object")
	delete(summary, "campaign")
	return summary
}

// codes adds vouchers to a campaign.
func (d door) codes(t testing.TB, campaign string, codes ...string) {
	t.Helper()
	for _, code := range codes {
		d.call(t, 200, "POST", "/v1/campaigns/"+campaign+"/vouchers/"+code, nil)
	}
}

// happenedOn moves rows of a table to another time.
func (d door) happenedOn(t testing.TB, at, table, which string) {
	t.Helper()
	moved, err := d.pool.Exec(t.Context(), "UPDATE "+table+" SET created_at = $2 WHERE project_id = $1 AND "+which, d.project, at)
	require.NoError(t, err)
	require.Positive(t, moved.RowsAffected())
}

func TestWhatCameOfDiscountsIsSummedUp(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/campaigns", object{"name": "Spring", "type": "STATIC", "voucher": object{
		"type": "DISCOUNT_VOUCHER", "discount": object{"type": "AMOUNT", "amount_off": 1000},
	}})["id"].(string)
	nothing := object{
		"redemptions": 0.0, "redemptions_succeeded": 0.0, "redemptions_failed": 0.0, "rollbacks": 0.0, "rollbacks_succeeded": 0.0,
		"rollbacks_failed": 0.0, "orders_amount": 0.0, "orders_rolledback_amount": 0.0, "vouchers_created": 0.0, "publications": 0.0,
		"publications_succeeded": 0.0, "publications_failed": 0.0, "discounted_amount": 0.0, "rolledback_discounted_amount": 0.0,
	}
	require.Equal(t, nothing, d.cameOf(t, made, ""))

	d.codes(t, "Spring", "A", "B", "C")
	d.coupon(t, "ELSE", nil)
	d.call(t, 200, "POST", "/v1/publications", object{"campaign": object{"name": "Spring"}, "customer": "ada"})
	d.call(t, 400, "POST", "/v1/publications", object{"campaign": object{"name": "Spring", "count": 9}, "customer": "bob"})
	first := d.call(t, 200, "POST", "/v1/vouchers/A/redemption", object{"customer": "ada", "order": object{"amount": 6000}})["id"].(string)
	d.call(t, 200, "POST", "/v1/redemptions", object{"order": object{"amount": 3500}, "redeemables": []any{
		object{"object": "voucher", "id": "A"}, object{"object": "voucher", "id": "B"}, object{"object": "voucher", "id": "ELSE"},
	}})
	d.call(t, 200, "POST", "/v1/vouchers/C/disable", nil)
	d.call(t, 400, "POST", "/v1/vouchers/C/redemption", object{"customer": "bob", "order": object{"amount": 800}})
	d.call(t, 200, "POST", "/v1/redemptions/"+first+"/rollback", nil)
	d.call(t, 400, "POST", "/v1/redemptions/"+first+"/rollback", nil)
	all := object{
		"redemptions": 4.0, "redemptions_succeeded": 3.0, "redemptions_failed": 1.0, "rollbacks": 2.0, "rollbacks_succeeded": 1.0,
		"rollbacks_failed": 1.0, "orders_amount": 9500.0, "orders_rolledback_amount": 6000.0, "vouchers_created": 3.0, "publications": 2.0,
		"publications_succeeded": 1.0, "publications_failed": 1.0, "discounted_amount": 3000.0, "rolledback_discounted_amount": 1000.0,
	}
	require.Equal(t, all, d.cameOf(t, "Spring", ""))
	require.Equal(t, all, d.cameOf(t, made, "?start_date="+day(-1)+"&end_date="+day(1)))
	require.Equal(t, nothing, d.cameOf(t, made, "?start_date="+day(2)))
	require.Equal(t, nothing, d.cameOf(t, made, "?end_date="+day(-1)))

	d.happenedOn(t, "2026-01-05T00:00:00Z", "vouchers", "code = 'C'")
	d.happenedOn(t, "2026-01-05T23:59:59Z", "redemptions", "object = 'redemption' AND order_id = (SELECT order_id FROM redemptions WHERE status = 'ROLLED_BACK')")
	d.happenedOn(t, "2026-01-06T00:00:00Z", "publications", "result = 'FAILURE'")
	then := object{}
	for name, figure := range nothing {
		then[name] = figure
	}
	then["vouchers_created"], then["redemptions"], then["redemptions_succeeded"] = 1.0, 1.0, 1.0
	then["orders_amount"], then["discounted_amount"] = 6000.0, 1000.0
	require.Equal(t, then, d.cameOf(t, "Spring", "?start_date=2026-01-05&end_date=2026-01-05"), "both days are included")
	require.Equal(t, then, d.cameOf(t, "Spring", "?start_date=2026-01-05T10:13:06.487Z&end_date=2026-01-05T02:00:00Z"), "an instant is its day")
	require.EqualValues(t, 1, d.cameOf(t, "Spring", "?start_date=2026-01-06&end_date=2026-01-06")["publications_failed"])
	require.EqualValues(t, 6000, d.cameOf(t, "Spring", "?start_date="+day(-1))["orders_rolledback_amount"], "what was undone may be older")

	require.Equal(t, "end_date", d.call(t, 400, "GET", "/v1/campaigns/Spring/summary?end_date=soon", nil)["property"])
	d.call(t, 404, "GET", "/v1/campaigns/Summer/summary", nil)
	d.elsewhere(t).call(t, 404, "GET", "/v1/campaigns/"+made+"/summary", nil)
}

func TestWhatCameOfPromotionsAndReferralsIsSummedUp(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	promotion, tiers := d.promotion(t, "Sale", object{"type": "AMOUNT", "amount_off": 300})
	d.call(t, 200, "POST", "/v1/promotions/tiers/"+tiers[0]+"/redemption", object{"customer": "bob", "order": object{"amount": 2000}})
	figures := d.cameOf(t, promotion, "")
	require.Equal(t, []any{1.0, 2000.0, 300.0}, []any{figures["redemptions"], figures["orders_amount"], figures["discounted_amount"]})
	require.NotContains(t, figures, "vouchers_created")
	require.NotContains(t, figures, "publications")

	d.referralCode(t, "Friends", "FRIEND", "ada")
	d.call(t, 200, "POST", "/v1/vouchers/FRIEND/redemption", object{"customer": "bob", "order": object{"amount": 2000}})
	figures = d.cameOf(t, "Friends", "")
	require.Equal(t, []any{1.0, 1.0, 1.0, 1.0}, []any{
		figures["redemptions"], figures["vouchers_created"], figures["publications"], figures["referred_customers"],
	})
	require.NotContains(t, figures, "discounted_amount")
	require.EqualValues(t, 0, d.cameOf(t, "Friends", "?end_date="+day(-1))["referred_customers"])
}

func TestWhatCameOfGiftCardsIsSummedUp(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", object{"name": "Gifts", "voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 5000}}})
	d.codes(t, "Gifts", "G", "H")
	d.call(t, 200, "POST", "/v1/vouchers/G/balance", object{"amount": 700})
	d.call(t, 200, "POST", "/v1/vouchers/G/balance", object{"amount": -300})
	d.call(t, 200, "POST", "/v1/vouchers/G/redemption", object{"order": object{"amount": 2000}})
	again := d.call(t, 200, "POST", "/v1/vouchers/G/redemption", object{"order": object{"amount": 1100}})["id"].(string)
	d.call(t, 200, "POST", "/v1/redemptions/"+again+"/rollback", nil)
	credits := func(query string) []any {
		figures := d.cameOf(t, "Gifts", query)
		require.NotContains(t, figures, "discounted_amount")
		require.NotContains(t, figures, "points_added")
		return []any{
			figures["created_vouchers_amount"], figures["amount_added"], figures["amount_subtracted"], figures["amount_redeemed"],
			figures["amount_rolledback"], figures["orders_amount"], figures["orders_rolledback_amount"],
		}
	}
	require.Equal(t, []any{10000.0, 700.0, 300.0, 3100.0, 1100.0, 3100.0, 1100.0}, credits(""))

	d.happenedOn(t, "2026-01-05T12:00:00Z", "vouchers", "code = 'G'")
	require.Equal(t, []any{5000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}, credits("?end_date=2026-01-05"))
	require.Equal(t, []any{5000.0, 700.0, 300.0, 3100.0, 1100.0, 3100.0, 1100.0}, credits("?start_date=2026-01-06"))
}

func TestWhatCameOfPointsIsSummedUp(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 100, nil)
	ann, bob := d.member(t, club, "ann"), d.member(t, club, "bob")
	member := "/v1/loyalties/members/" + ann
	d.call(t, 200, "POST", member+"/balance", object{"points": 50})
	d.call(t, 200, "POST", member+"/balance", object{"points": -7})
	d.call(t, 200, "POST", "/v1/loyalties/Club/members/"+ann+"/transfers", []object{{"code": bob, "points": 4}})
	_, err := d.pool.Exec(t.Context(), "UPDATE points_buckets SET expires_on = current_date - 3 WHERE voucher_id = (SELECT id FROM vouchers WHERE code = $1)", bob)
	require.NoError(t, err)
	d.call(t, 200, "POST", "/v1/loyalties/members/"+bob+"/balance", object{"points": 1})

	d.rule(t, club, "order.paid", object{"type": "FIXED", "points": 11}, nil)
	d.rule(t, club, "order.paid", object{"type": "FIXED", "points": 40}, object{"pending_points": object{"period_type": "DAY", "period_value": 10}})
	waiting := d.pending(t, club, "ann", 3)
	d.call(t, 200, "POST", member+"/pending-points/"+waiting[0]["id"].(string)+"/balance", object{"points": -15})
	d.call(t, 200, "POST", member+"/pending-points/"+waiting[0]["id"].(string)+"/activate", nil)
	d.call(t, 204, "POST", member+"/pending-points/"+waiting[1]["id"].(string)+"/cancel", nil)

	reward := d.reward(t, club, 30, book, nil)
	d.call(t, 200, "POST", member+"/redemption", object{"reward": object{"id": reward}})
	again := d.call(t, 200, "POST", member+"/redemption", object{"reward": object{"id": reward}})["id"].(string)
	d.call(t, 200, "POST", "/v1/redemptions/"+again+"/rollback", nil)
	cards := d.call(t, 200, "GET", "/v1/campaigns/Club", nil)["vouchers_count"].(float64) // more than two: some are made ahead
	all := object{
		"redemptions": 2.0, "redemptions_succeeded": 2.0, "redemptions_failed": 0.0, "rollbacks": 1.0, "rollbacks_succeeded": 1.0,
		"rollbacks_failed": 0.0, "orders_amount": 0.0, "orders_rolledback_amount": 0.0, "vouchers_created": cards, "publications": 2.0,
		"publications_succeeded": 2.0, "publications_failed": 0.0, "created_vouchers_points": 100 * cards, "points_added": 51.0,
		"points_subtracted": 7.0, "points_rewarded": 58.0, "points_redeemed": 60.0, "points_rolledback": 30.0, "points_expired": 96.0,
		"points_transferred_in": 4.0, "points_transferred_out": 4.0, "pending_points_added": 105.0, "pending_points_activated": 25.0,
		"pending_points_canceled": 40.0,
	}
	require.Equal(t, all, d.cameOf(t, "Club", ""))
	for name := range all {
		all[name] = 0.0
	}
	require.Equal(t, all, d.cameOf(t, club, "?end_date="+day(-1)))
	d.happenedOn(t, "2026-01-05T12:00:00Z", "pending_points", "status = 'CANCELED'")
	require.EqualValues(t, 40, d.cameOf(t, club, "?end_date=2026-01-05")["pending_points_added"])
	require.EqualValues(t, 40, d.cameOf(t, club, "?start_date=2026-01-06")["pending_points_canceled"])
}
