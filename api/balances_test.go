package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/balance"
)

// club makes a loyalty programme whose new cards hold that many points, and says its id.
func (d door) club(t testing.TB, name string, points int, rules object) string {
	t.Helper()
	card := object{"points": points}
	if rules != nil {
		card["expiration_rules"] = rules
	}
	return d.call(t, 200, "POST", "/v1/loyalties", object{"name": name, "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": card}})["id"].(string)
}

// member makes a customer a member of a programme, and says the code of their card.
func (d door) member(t testing.TB, club, customer string) string {
	t.Helper()
	return d.call(t, 200, "POST", "/v1/loyalties/"+club+"/members", object{"customer": customer})["code"].(string)
}

func day(days int) string { return balance.Day(time.Now().UTC().AddDate(0, 0, days)) }

func TestPointsAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.club(t, "Club", 100, nil)
	joined := d.call(t, 200, "POST", "/v1/loyalties/Club/members", object{"customer": object{"source_id": "ann", "name": "Ann"}, "metadata": object{"a": 1}})
	require.Equal(t, object{"points": 100.0, "balance": 100.0}, joined["loyalty_card"])
	code := joined["code"].(string)
	require.Len(t, d.told(t, "customer.publication.succeeded"), 1)
	require.Empty(t, d.told(t, "customer.voucher.loyalty_card.points_added"), "what a new card holds is not added to it")

	after := d.call(t, 200, "POST", "/v1/loyalties/members/"+code+"/balance", object{
		"points": 50, "reason": "Sorry", "source_id": "s1", "expiration_type": "CUSTOM_DATE", "expiration_date": day(1),
	})
	require.Equal(t, object{
		"points": 50.0, "total": 150.0, "balance": 150.0, "type": "loyalty_card", "object": "balance", "operation_type": "MANUAL",
		"related_object": object{"type": "voucher", "id": joined["id"]},
	}, after)
	told := d.told(t, "customer.voucher.loyalty_card.points_added")
	require.Len(t, told, 1)
	card := told[0]["data"].(object)["voucher"].(object)
	require.Equal(t, object{"points": 150.0, "balance": 150.0, "next_expiration_date": day(1), "next_expiration_points": 50.0}, card["loyalty_card"])
	transaction := told[0]["data"].(object)["transaction"].(object)
	require.Equal(t, "POINTS_ADDITION", transaction["type"])
	require.Equal(t, []any{"Sorry", "s1", "API"}, []any{transaction["reason"], transaction["source_id"], transaction["source"]})

	// The points that expire first are spent first.
	after = d.call(t, 200, "POST", "/v1/loyalties/Club/members/"+code+"/balance", object{"points": -60})
	require.Equal(t, []any{-60.0, 150.0, 90.0}, []any{after["points"], after["total"], after["balance"]})
	require.Equal(t, object{"points": 150.0, "balance": 90.0, "subtracted_points": 60.0}, d.call(t, 200, "GET", "/v1/loyalties/members/"+code, nil)["loyalty_card"])
	buckets := d.call(t, 200, "GET", "/v1/loyalties/Club/members/"+code+"/points-expiration", nil)
	require.EqualValues(t, 2, buckets["total"])
	first, last := buckets["data"].([]any)[0].(object), buckets["data"].([]any)[1].(object)
	require.Equal(t, []any{day(1), object{"total_points": 0.0}, "ACTIVE"}, []any{first["expires_at"], first["bucket"], first["status"]})
	require.Equal(t, []any{nil, object{"total_points": 90.0}}, []any{last["expires_at"], last["bucket"]})

	// The figures of the customer know all of it.
	ann := d.call(t, 200, "GET", "/v1/customers/ann", nil)
	require.EqualValues(t, 90, ann["summary"].(object)["redemptions"].(object)["loyalty_card"].(object)["points_to_go"])
	require.EqualValues(t, 150, ann["loyalty"].(object)["points"])

	transactions := d.call(t, 200, "GET", "/v1/loyalties/members/"+code+"/transactions?limit=1", nil)
	require.Equal(t, true, transactions["has_more"])
	require.Equal(t, "POINTS_REMOVAL", transactions["data"].([]any)[0].(object)["type"])
	next := d.call(t, 200, "GET", "/v1/loyalties/Club/members/"+code+"/transactions?limit=1&starting_after_id="+transactions["more_starting_after"].(string), nil)
	require.Equal(t, transaction, next["data"].([]any)[0])
	require.Equal(t, false, next["has_more"])
	for _, path := range []string{"/v1/vouchers/" + code, "/v1/campaigns/Club", "/v1/loyalties/Club"} {
		all := d.call(t, 200, "GET", path+"/transactions?order=id", nil)["data"].([]any)
		require.Equal(t, transaction, all[0])
		require.Len(t, all, 2)
	}
	require.Len(t, d.call(t, 200, "GET", "/v1/vouchers/"+code+"/transactions?filters[id][conditions][$is]="+transaction["id"].(string), nil)["data"], 1)
}

// Every way in which a change of a balance can be wrong: it is refused, changes nothing, and is no occurrence.
func TestBadChangesOfABalanceChangeNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 10, nil)
	code := d.member(t, club, "ann")
	d.call(t, 200, "POST", "/v1/vouchers/GIFT", object{"type": "GIFT_VOUCHER", "gift": object{"amount": 1000}})
	d.call(t, 200, "POST", "/v1/vouchers/OFF", object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}})
	points, gift := "/v1/loyalties/members/"+code+"/balance", "/v1/vouchers/GIFT/balance"
	d.call(t, 200, "POST", points, object{"points": 5, "source_id": "once"})
	for name, c := range map[string]struct {
		path     string
		body     any
		status   int
		key      string
		property any
	}{
		"nothing":             {points, object{}, 400, "invalid_payload", "points"},
		"zero":                {points, object{"points": 0}, 400, "invalid_payload", "points"},
		"a fraction":          {points, `{"points": 1.5}`, 400, "invalid_payload", "points"},
		"a text":              {points, object{"points": "5"}, 400, "invalid_payload", "points"},
		"too much":            {points, object{"points": 1_000_000_000_001}, 400, "invalid_payload", "points"},
		"overflow":            {points, `{"points": 9223372036854775808}`, 400, "invalid_payload", "points"},
		"more than there is":  {points, object{"points": -16}, 400, "loyalty_card_points_exceeded", nil},
		"source id again":     {points, object{"points": 5, "source_id": "once"}, 400, "duplicate_source_id", "source_id"},
		"on another card":     {gift, object{"amount": 5, "source_id": "once"}, 400, "duplicate_source_id", "source_id"},
		"empty source id":     {points, object{"points": 5, "source_id": ""}, 400, "invalid_payload", "source_id"},
		"unknown expiration":  {points, object{"points": 5, "expiration_type": "SOON"}, 400, "invalid_payload", "expiration_type"},
		"no date":             {points, object{"points": 5, "expiration_type": "CUSTOM_DATE"}, 400, "invalid_payload", "expiration_date"},
		"no type":             {points, object{"points": 5, "expiration_date": "2099-01-01"}, 400, "invalid_payload", "expiration_date"},
		"a bad date":          {points, object{"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": "2099-02-30"}, 400, "invalid_payload", "expiration_date"},
		"yesterday":           {points, object{"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": day(-1)}, 400, "invalid_expiration_date", "expiration_date"},
		"unknown property":    {points, object{"points": 5, "amount": 5}, 400, "invalid_payload", "amount"},
		"unknown card":        {"/v1/loyalties/members/NONE/balance", object{"points": 5}, 404, "not_found", nil},
		"not a member":        {"/v1/loyalties/members/GIFT/balance", object{"points": 5}, 404, "not_found", nil},
		"unknown programme":   {"/v1/loyalties/None/members/" + code + "/balance", object{"points": 5}, 404, "not_found", nil},
		"gift of nothing":     {gift, object{}, 400, "invalid_payload", "amount"},
		"more than the gift":  {gift, object{"amount": -1001}, 400, "gift_amount_exceeded", nil},
		"points on a gift":    {gift, object{"points": 5}, 400, "invalid_payload", "points"},
		"a discount":          {"/v1/vouchers/OFF/balance", object{"amount": 5}, 400, "invalid_voucher", nil},
		"unknown voucher":     {"/v1/vouchers/NONE/balance", object{"amount": 5}, 404, "not_found", nil},
		"a reason of a novel": {gift, object{"amount": 5, "reason": string(make([]rune, 256))}, 400, "invalid_payload", nil},
	} {
		answer := d.call(t, c.status, "POST", c.path, c.body)
		require.Equal(t, c.key, answer["key"], name)
		if c.property != nil {
			require.Equal(t, c.property, answer["property"], name)
		}
	}
	require.Equal(t, object{"points": 15.0, "balance": 15.0}, d.call(t, 200, "GET", "/v1/vouchers/"+code, nil)["loyalty_card"])
	require.Equal(t, object{"amount": 1000.0, "balance": 1000.0}, d.call(t, 200, "GET", "/v1/vouchers/GIFT", nil)["gift"])
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.points_added"), 1)
	require.Len(t, d.call(t, 200, "GET", "/v1/campaigns/Club/transactions", nil)["data"], 1)
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/vouchers/GIFT/transactions?starting_after_id=x", nil)["key"])

	// A card that nobody holds gets no points.
	_, err := d.pool.Exec(t.Context(), "UPDATE vouchers SET holder_id = NULL WHERE code = $1", code)
	require.NoError(t, err)
	require.Equal(t, "not_published", d.call(t, 400, "POST", points, object{"points": 5})["key"])

	other := d.elsewhere(t)
	other.call(t, 404, "POST", points, object{"points": 5})
	other.call(t, 404, "GET", "/v1/vouchers/GIFT/transactions", nil)
	other.call(t, 404, "GET", "/v1/campaigns/"+club+"/transactions", nil)
	other.call(t, 404, "GET", "/v1/loyalties/"+club+"/members", nil)
	require.Equal(t, "forbidden", d.as(t, db.Ingest).call(t, 403, "POST", gift, object{"amount": 5})["key"])
}

func TestCreditsAreAddedAndRemoved(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "voucher": object{"gift": object{"amount": 1000, "effect": "APPLY_TO_ORDER"}},
	})
	given := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Gifts", "customer": "ann"})["voucher"].(object)
	path := "/v1/vouchers/" + given["code"].(string)
	after := d.call(t, 200, "POST", path+"/balance", object{"amount": 500, "source_id": "top-up"})
	require.Equal(t, object{
		"amount": 500.0, "total": 1500.0, "balance": 1500.0, "type": "gift_voucher", "object": "balance", "operation_type": "MANUAL",
		"related_object": object{"type": "voucher", "id": given["id"]},
	}, after)
	d.call(t, 400, "POST", path+"/balance", object{"amount": 500, "source_id": "top-up"})
	d.call(t, 400, "POST", path+"/balance", object{"amount": -1501})
	d.call(t, 200, "POST", path+"/balance", object{"amount": -1500})
	require.Equal(t, object{"amount": 1500.0, "balance": 0.0, "subtracted_amount": 1500.0, "effect": "APPLY_TO_ORDER"}, d.call(t, 200, "GET", path, nil)["gift"])
	require.Len(t, d.told(t, "customer.voucher.gift.balance_added"), 1, "what takes away tells nothing")
	require.Len(t, d.call(t, 200, "GET", "/v1/campaigns/Gifts/transactions", nil)["data"], 2)
	ann := d.call(t, 200, "GET", "/v1/customers/ann", nil)
	require.EqualValues(t, 0, ann["summary"].(object)["redemptions"].(object)["gift"].(object)["amount_to_go"])

	// A voucher that is sent back as it was read earlier does not bring its balance back.
	d.call(t, 200, "PUT", path, given)
	require.Equal(t, object{"amount": 1500.0, "balance": 0.0, "subtracted_amount": 1500.0, "effect": "APPLY_TO_ORDER"}, d.call(t, 200, "GET", path, nil)["gift"])

	// A gift that nobody holds is nobody's occurrence.
	d.call(t, 200, "POST", "/v1/vouchers/ALONE", object{"type": "GIFT_VOUCHER", "gift": object{"amount": 1}})
	d.call(t, 200, "POST", "/v1/vouchers/ALONE/balance", object{"amount": 5})
	require.Len(t, d.told(t, "customer.voucher.gift.balance_added"), 1)
}

func TestPointsExpireOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 10, object{"period_type": "MONTH", "period_value": 1})
	code := d.member(t, club, "ann")
	path := "/v1/loyalties/members/" + code
	d.call(t, 200, "POST", path+"/balance", object{"points": 70, "expiration_type": "CUSTOM_DATE", "expiration_date": day(0)})
	d.call(t, 200, "POST", path+"/balance", object{"points": 30, "expiration_type": "NON_EXPIRING"})
	d.call(t, 200, "POST", path+"/balance", object{"points": -20})
	month := d.call(t, 200, "GET", "/v1/loyalties/Club/members/"+code+"/points-expiration", nil)["data"].([]any)[1].(object)
	require.Equal(t, object{"total_points": 10.0}, month["bucket"])
	require.NotEqual(t, day(0), month["expires_at"])

	// Today is over.
	_, err := d.pool.Exec(t.Context(), "UPDATE points_buckets SET expires_on = expires_on - 1")
	require.NoError(t, err)
	for range 2 {
		_, err = db.Balances{Pool: d.pool}.ExpirePage(t.Context())
		require.NoError(t, err)
	}
	told := d.told(t, "customer.voucher.loyalty_card.points_expired")
	require.Len(t, told, 1)
	require.EqualValues(t, 50, told[0]["data"].(object)["points"])
	buckets := told[0]["data"].(object)["buckets"].([]any)
	require.Len(t, buckets, 1)
	require.Equal(t, []any{object{"total_points": 50.0}, day(-1)}, []any{buckets[0].(object)["bucket"], buckets[0].(object)["expires_at"]})
	card := d.call(t, 200, "GET", path, nil)["loyalty_card"].(object)
	require.Equal(t, []any{110.0, 40.0, 50.0, 20.0}, []any{card["points"], card["balance"], card["expired_points"], card["subtracted_points"]})
	require.Len(t, d.call(t, 200, "GET", path+"/transactions?filters[type][conditions][$is]=POINTS_EXPIRATION", nil)["data"], 1)
	require.Len(t, d.call(t, 200, "GET", "/v1/loyalties/Club/members/"+code+"/points-expiration", nil)["data"], 2)
	activity := d.call(t, 200, "GET", "/v1/loyalties/Club/members/"+code+"/activity?limit=1", nil)
	require.Equal(t, "customer.voucher.loyalty_card.points_expired", activity["data"].([]any)[0].(object)["type"])
	require.Equal(t, true, activity["has_more"])
	all := d.call(t, 200, "GET", path+"/activities", nil)
	require.EqualValues(t, len(all["activities"].([]any)), all["total"])

	// Points that are due are not spent before the night's work takes them either.
	d.call(t, 200, "POST", path+"/balance", object{"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": day(0)})
	_, err = d.pool.Exec(t.Context(), "UPDATE points_buckets SET expires_on = expires_on - 1 WHERE expires_on = $1", day(0))
	require.NoError(t, err)
	d.call(t, 400, "POST", path+"/balance", object{"points": -45})
	d.call(t, 200, "POST", path+"/balance", object{"points": -40})
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.points_expired"), 2)
}

func TestPointsAreTransferred(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 10, nil)
	ann, bob, cat := d.member(t, club, "ann"), d.member(t, club, "bob"), d.member(t, club, "cat")
	path := "/v1/loyalties/Club/members/" + ann + "/transfers"
	card := d.call(t, 200, "POST", path, []object{{"code": bob, "points": 4, "source_id": "t1", "reason": "Family"}, {"code": cat, "points": 10}})
	require.Equal(t, object{"points": 24.0, "balance": 24.0}, card["loyalty_card"])
	require.Equal(t, object{"points": 10.0, "balance": 6.0, "subtracted_points": 4.0}, d.call(t, 200, "GET", "/v1/vouchers/"+bob, nil)["loyalty_card"])
	in := d.call(t, 200, "GET", "/v1/vouchers/"+ann+"/transactions?order=id", nil)["data"].([]any)[0].(object)
	out := d.call(t, 200, "GET", "/v1/vouchers/"+bob+"/transactions", nil)["data"].([]any)[0].(object)
	require.Equal(t, []any{"POINTS_TRANSFER_IN", "t1", "Family", out["id"]}, []any{in["type"], in["source_id"], in["reason"], in["related_transaction_id"]})
	require.Equal(t, []any{"POINTS_TRANSFER_OUT", "t1", in["id"]}, []any{out["type"], out["source_id"], out["related_transaction_id"]})
	require.Equal(t, bob, in["details"].(object)["source_voucher"].(object)["code"])
	require.Equal(t, ann, out["details"].(object)["destination_voucher"].(object)["code"])
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.points_added"), 2)

	for name, c := range map[string]struct {
		body   any
		status int
		key    string
	}{
		"nothing":            {[]object{}, 400, "invalid_payload"},
		"an object":          {object{"code": bob, "points": 1}, 400, "invalid_payload"},
		"no code":            {[]object{{"points": 1}}, 400, "invalid_payload"},
		"no points":          {[]object{{"code": bob}}, 400, "invalid_payload"},
		"from itself":        {[]object{{"code": ann, "points": 1}}, 400, "invalid_payload"},
		"more than there is": {[]object{{"code": bob, "points": 1}, {"code": cat, "points": 1}}, 400, "loyalty_card_points_exceeded"},
		"again":              {[]object{{"code": bob, "points": 1, "source_id": "t1"}}, 400, "duplicate_source_id"},
		"one for both":       {[]object{{"code": bob, "points": 1, "source_id": "t2"}, {"code": bob, "points": 1, "source_id": "t2"}}, 400, "duplicate_source_id"},
		"unknown":            {[]object{{"code": "NONE", "points": 1}}, 404, "not_found"},
	} {
		require.Equal(t, c.key, d.call(t, c.status, "POST", path, c.body)["key"], name)
	}
	require.Equal(t, object{"points": 24.0, "balance": 24.0}, d.call(t, 200, "GET", "/v1/vouchers/"+ann, nil)["loyalty_card"])
	require.Len(t, d.told(t, "customer.voucher.loyalty_card.points_added"), 2)
}

func TestMembersJoinOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	d.club(t, "Other", 0, nil)
	ann := d.member(t, club, "ann")
	require.Equal(t, "voucher_cannot_be_published", d.call(t, 400, "POST", "/v1/loyalties/Club/members", object{"customer": "ann"})["key"])
	require.Equal(t, "voucher_already_published", d.call(t, 400, "POST", "/v1/loyalties/Club/members", object{"customer": "bob", "voucher": ann})["key"])
	d.call(t, 404, "POST", "/v1/loyalties/Other/members", object{"customer": "bob", "voucher": ann})
	d.call(t, 404, "POST", "/v1/loyalties/None/members", object{"customer": "bob"})
	require.Equal(t, "customer", d.call(t, 400, "POST", "/v1/loyalties/Club/members", object{})["property"])
	d.call(t, 404, "GET", "/v1/loyalties/Other/members/"+ann, nil)
	d.call(t, 404, "GET", "/v1/loyalties/members/NONE", nil)

	bob := d.as(t, db.Ingest).member(t, club, "bob")
	codes := func(query string) (codes []string) {
		t.Helper()
		page := d.call(t, 200, "GET", "/v1/loyalties/"+club+"/members?"+query, nil)
		for _, card := range page["vouchers"].([]any) {
			codes = append(codes, card.(object)["code"].(string))
		}
		return codes
	}
	require.Equal(t, []string{bob, ann}, codes("order=-updated_at"))
	require.Equal(t, []string{ann}, codes("customer=ann"))
	require.Equal(t, []string{bob}, codes("code="+bob))
	require.Empty(t, d.call(t, 200, "GET", "/v1/loyalties/Other/members", nil)["vouchers"])
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/loyalties/Club/members?order=name", nil)["key"])
}

func TestLoyaltyProgrammesAreCampaigns(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	rules := object{"period_type": "MONTH", "period_value": 3, "rounding_type": "END_OF_QUARTER"}
	club := d.club(t, "Club", 5, rules)
	made := d.call(t, 200, "GET", "/v1/loyalties/Club", nil)
	require.Equal(t, []any{"LOYALTY_PROGRAM", true, club}, []any{made["campaign_type"], made["join_once"], made["id"]})
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/campaigns/"+club, nil))
	require.Equal(t, []any{made}, d.call(t, 200, "GET", "/v1/loyalties", nil)["campaigns"])
	require.EqualValues(t, 2, d.call(t, 200, "GET", "/v1/campaigns", nil)["total"])
	changed := d.call(t, 200, "PUT", "/v1/loyalties/"+club, object{"description": "Ours", "metadata": object{"a": 1}})
	require.Equal(t, "Ours", changed["description"])
	d.call(t, 404, "GET", "/v1/loyalties/Spring", nil)
	d.call(t, 404, "DELETE", "/v1/loyalties/Spring", nil)
	d.call(t, 404, "PUT", "/v1/loyalties/Spring", object{})
	require.Equal(t, "duplicate_found", d.call(t, 409, "POST", "/v1/loyalties", object{
		"name": "Club", "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}},
	})["key"])
	for property, body := range map[string]object{
		"campaign_type":        {"name": "X", "campaign_type": "DISCOUNT_COUPONS", "voucher": object{"loyalty_card": object{"points": 0}}},
		"voucher":              {"name": "X"},
		"voucher.discount":     {"name": "X", "voucher": object{"type": "LOYALTY_CARD", "discount": object{"type": "PERCENT", "percent_off": 1}}},
		"voucher.loyalty_card": {"name": "X", "voucher": object{"type": "LOYALTY_CARD"}},
		"voucher.loyalty_card.expiration_rules.period_value": {
			"name": "X", "voucher": object{"loyalty_card": object{"points": 0, "expiration_rules": object{"period_type": "MONTH"}}},
		},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/loyalties", body)["property"])
	}

	d.member(t, club, "ann")
	action := d.call(t, 200, "DELETE", "/v1/loyalties/"+club+"?force=true", nil)["async_action_id"].(string)
	d.work(t)
	require.Equal(t, "DONE", d.call(t, 200, "GET", "/v1/async-actions/"+action, nil)["status"])
	d.call(t, 404, "GET", "/v1/loyalties/"+club, nil)
	require.Empty(t, d.call(t, 200, "GET", "/v1/loyalties", nil)["campaigns"])
}

// A campaign that changes what new cards hold leaves alone what has moved already.
func TestAChangedCampaignKeepsWhatMoved(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "voucher": object{"gift": object{"amount": 1000}}, "type": "STATIC",
	})
	d.call(t, 200, "POST", "/v1/campaigns/Gifts/vouchers/USED", object{})
	d.call(t, 200, "POST", "/v1/campaigns/Gifts/vouchers/NEW", object{})
	d.call(t, 200, "POST", "/v1/vouchers/USED/balance", object{"amount": 500})
	d.call(t, 200, "PUT", "/v1/campaigns/Gifts", object{"gift": object{"amount": 2000}})
	d.work(t)
	require.Equal(t, object{"amount": 1500.0, "balance": 1500.0}, d.call(t, 200, "GET", "/v1/vouchers/USED", nil)["gift"])
	require.Equal(t, object{"amount": 2000.0, "balance": 2000.0}, d.call(t, 200, "GET", "/v1/vouchers/NEW", nil)["gift"])
}

// A loyalty card can stand alone: its points count for who holds it, who is no member of anything.
func TestALoyaltyCardOfNoProgramme(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/vouchers/ALONE", object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 10}})
	require.Equal(t, "not_published", d.call(t, 400, "POST", "/v1/vouchers/ALONE/balance", object{"amount": 5})["key"])
	d.call(t, 200, "POST", "/v1/publications", object{"voucher": "ALONE", "customer": "ann"})
	d.call(t, 200, "POST", "/v1/vouchers/ALONE/balance", object{"amount": -4})
	require.Equal(t, object{"points": 10.0, "balance": 6.0, "subtracted_points": 4.0}, d.call(t, 200, "GET", "/v1/loyalties/members/ALONE", nil)["loyalty_card"])
	ann := d.call(t, 200, "GET", "/v1/customers/ann", nil)
	require.EqualValues(t, 6, ann["summary"].(object)["redemptions"].(object)["loyalty_card"].(object)["points_to_go"])
	require.EqualValues(t, 10, ann["loyalty"].(object)["points"])
	require.NotEmpty(t, d.call(t, 200, "GET", "/v1/loyalties/members/ALONE/activity", nil)["data"])
}
