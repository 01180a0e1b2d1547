package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
)

// percent is the body of a campaign of coupons; change says what is different about it.
func percent(name string, change object) object {
	body := object{
		"name": name, "campaign_type": "DISCOUNT_COUPONS", "type": "STATIC",
		"voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}},
	}
	for key, value := range change {
		body[key] = value
	}
	return body
}

// work does what the async actions of the project ask for, as a worker would.
func (d door) work(t testing.TB) {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), `SELECT a.id, a.type, coalesce(i.params->>'campaign_id', '') FROM async_actions a
		JOIN async_action_inputs i ON i.action_id = a.id WHERE a.project_id = $1 AND a.status IN ('ENQUEUED', 'IN_PROGRESS') ORDER BY a.created_at`, d.project)
	require.NoError(t, err)
	type action struct {
		ID       [16]byte
		Type     string
		Campaign string
	}
	var actions []action
	for rows.Next() {
		var a action
		require.NoError(t, rows.Scan(&a.ID, &a.Type, &a.Campaign))
		actions = append(actions, a)
	}
	require.NoError(t, rows.Err())
	campaigns, vouchers := db.Campaigns{Pool: d.pool}, db.Vouchers{Pool: d.pool}
	for _, a := range actions {
		switch a.Type {
		case "CAMPAIGN.VOUCHERS_GENERATE":
			made := db.CodesMade{Wanted: 1}
			for !made.Done() {
				made, err = campaigns.MakeCodes(t.Context(), d.project, a.ID)
				require.NoError(t, err)
			}
			of, err := d.campaignOf(a.Campaign)
			require.NoError(t, err)
			require.NoError(t, campaigns.EndCodes(t.Context(), d.project, of, a.ID, made.Made, ""))
		case "CAMPAIGN.VOUCHERS_DELETE":
			_, err = campaigns.DeleteAll(t.Context(), d.project, a.ID, func(int64) {})
		case "CAMPAIGN.VOUCHERS_UPDATE":
			_, err = campaigns.AdoptAll(t.Context(), d.project, a.ID, func(int64) {})
		case "VOUCHERS.BULK_UPDATE", "VOUCHERS.METADATA_UPDATE":
			_, err = vouchers.MergeAll(t.Context(), d.project, a.ID, func(db.Imported) {})
		default:
			_, err = vouchers.ImportAll(t.Context(), d.project, a.ID, func(db.Imported) {})
		}
		require.NoError(t, err)
	}
}

func TestCampaignIsMadeWithItsCodes(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{
		"vouchers_count": 3, "join_once": true, "start_date": "2026-03-01T00:00:00Z", "expiration_date": "2026-04-01T00:00:00Z",
		"validity_timeframe": object{"interval": "P2D", "duration": "P1D"}, "validity_day_of_week": []int{0, 1},
		"activity_duration_after_publishing": "P24D", "metadata": object{"region": "AMER", "big": 1e15}, "category": "First",
		"voucher": object{
			"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "redemption": object{"quantity": 1},
			"code_config": object{"pattern": "10OFF-#######"},
		},
	}))
	require.Regexp(t, "^camp_[0-9a-f]{32}$", made["id"])
	require.Equal(t, "campaign", made["object"])
	require.Equal(t, "IN_PROGRESS", made["creation_status"])
	require.Equal(t, "IN_PROGRESS", made["vouchers_generation_status"])
	require.EqualValues(t, 0, made["vouchers_count"])
	require.Equal(t, object{"region": "AMER", "big": 1e15}, made["metadata"])
	require.Equal(t, []any{0.0, 1.0}, made["validity_day_of_week"])
	require.Equal(t, "P24D", made["activity_duration_after_publishing"])
	require.Equal(t, "2026-03-01T00:00:00.000Z", made["start_date"])
	require.Equal(t, object{
		"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10.0}, "redemption": object{"quantity": 1.0},
		"code_config": object{
			"length": 7.0, "charset": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "pattern": "10OFF-#######",
		},
		"is_referral_code": false, "start_date": "2026-03-01T00:00:00.000Z", "expiration_date": "2026-04-01T00:00:00.000Z",
		"validity_timeframe": object{"interval": "P2D", "duration": "P1D"}, "validity_day_of_week": []any{0.0, 1.0},
	}, made["voucher"])

	d.work(t)
	for _, name := range []string{"Spring", made["id"].(string)} {
		found := d.call(t, 200, "GET", "/v1/campaigns/"+name, nil)
		require.EqualValues(t, 3, found["vouchers_count"])
		require.Equal(t, "DONE", found["vouchers_generation_status"])
		require.Equal(t, "DONE", found["creation_status"])
	}
	vouchers := d.call(t, 200, "GET", "/v1/vouchers?campaign=Spring", nil)
	require.EqualValues(t, 3, vouchers["total"])
	one := vouchers["vouchers"].([]any)[0].(object)
	require.Regexp(t, "^10OFF-[0-9a-zA-Z]{7}$", one["code"])
	require.Equal(t, "Spring", one["campaign"])
	require.Equal(t, made["id"], one["campaign_id"])
	require.Equal(t, "2026-04-01T00:00:00.000Z", one["expiration_date"])
	actions := d.call(t, 200, "GET", "/v1/async-actions", nil)["async_actions"].([]any)
	require.Equal(t, "CAMPAIGN.VOUCHERS_GENERATE", actions[0].(object)["type"])
	require.EqualValues(t, 100, actions[0].(object)["progress"])
}

func TestCampaignsAreRefusedWithTheProperty(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	gift := object{"type": "GIFT_VOUCHER", "gift": object{"amount": 1000}}
	pattern := func(config object) object {
		return object{"voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "code_config": config}}
	}
	for name, c := range map[string]struct {
		change   object
		property string
	}{
		"no name":          {object{"name": " "}, "name"},
		"unknown type":     {object{"type": "BULK"}, "type"},
		"two standalone":   {object{"type": "STANDALONE", "vouchers_count": 2}, "vouchers_count"},
		"promoted codes":   {object{"campaign_type": "PROMOTION"}, "voucher"},
		"tiers of coupons": {object{"promotion": object{"tiers": []object{}}}, "promotion"},
		"loyal coupons":    {object{"loyalty_tiers_expiration": object{"qualification_type": "BALANCE", "start_date": object{"type": "IMMEDIATE"}, "expiration_date": object{"type": "BALANCE_DROP"}}}, "loyalty_tiers_expiration"},
		"nobody refers":    {object{"campaign_type": "REFERRAL_PROGRAM", "referral_program": object{"conversion_event_type": "custom_event"}}, "referral_program.custom_event"},
		"long category":    {object{"category": strings.Repeat("x", 501)}, "category"},
		"a tier too much": {object{"campaign_type": "PROMOTION", "voucher": nil, "promotion": object{"tiers": []object{
			{"name": "T", "action": object{"discount": object{"type": "PERCENT", "percent_off": 101}}},
		}}}, "promotion.tiers[0].action.discount.percent_off"},
		"unknown kind":      {object{"campaign_type": "X"}, "campaign_type"},
		"no voucher":        {object{"voucher": nil}, "voucher"},
		"no discount":       {object{"voucher": object{"type": "DISCOUNT_VOUCHER"}}, "voucher.discount"},
		"other voucher":     {object{"voucher": gift}, "voucher.type"},
		"too much":          {object{"voucher": object{"discount": object{"type": "PERCENT", "percent_off": 101}}}, "voucher.discount.percent_off"},
		"no such discount":  {object{"voucher": object{"discount": object{"type": "HALF"}}}, "voucher.discount.type"},
		"wrong effect":      {object{"voucher": object{"discount": object{"type": "PERCENT", "percent_off": 1, "effect": "ADD_NEW_ITEMS"}}}, "voucher.discount.effect"},
		"pattern without #": {pattern(object{"pattern": "SPRING"}), "voucher.code_config.pattern"},
		"one character":     {pattern(object{"charset": "aaa"}), "voucher.code_config.charset"},
		"guessable":         {pattern(object{"pattern": "A-##", "charset": "0123456789"}), "voucher.code_config.pattern"},
		"unknown in config": {pattern(object{"lenght": 3}), "voucher.code_config.lenght"},
		"ends before":       {object{"start_date": "2026-03-02T00:00:00Z", "expiration_date": "2026-03-01T00:00:00Z"}, "expiration_date"},
		"not a date":        {object{"start_date": "soon"}, "start_date"},
		"not a duration":    {object{"validity_timeframe": object{"interval": "2 days"}}, "validity_timeframe.interval"},
		"no such day":       {object{"validity_day_of_week": []int{7}}, "validity_day_of_week"},
		"too many":          {object{"vouchers_count": 100_000_000}, "vouchers_count"},
		"negative":          {object{"vouchers_count": -1}, "vouchers_count"},
		"referral program":  {object{"referral_program": object{"conversion_event_type": "redemption"}}, "referral_program"},
		"access settings":   {object{"access_settings": object{"areas": 1}}, "access_settings.areas"},
		"unknown property":  {object{"colour": "red"}, "colour"},
		"metadata":          {object{"metadata": []int{1}}, "metadata"},
		"large metadata":    {object{"metadata": object{"a": strings.Repeat("x", 40_000)}}, "metadata"},
		"redeemed never":    {object{"voucher": object{"discount": object{"type": "PERCENT", "percent_off": 1}, "redemption": object{"quantity": 0}}}, "voucher.redemption.quantity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := d.call(t, 400, "POST", "/v1/campaigns", percent("C "+name, c.change))
			require.Equal(t, "invalid_payload", answer["key"], answer)
			require.Equal(t, c.property, answer["property"], answer)
		})
	}
	require.Equal(t, "category", d.call(t, 404, "POST", "/v1/campaigns", percent("x", object{"category_id": "cat_1"}))["resource_type"])
}

func TestKindsOfCampaigns(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	rule := d.call(t, 200, "POST", "/v1/validation-rules", object{
		"name": "big", "rules": object{"1": object{"name": "order.amount", "conditions": object{"$more_than": []int{100}}, "rules": object{}}, "logic": "1"},
	})["id"]
	limited := func(shown object, key string) any {
		return shown[key].(object)["data"].([]any)[0].(object)["rule_id"]
	}
	promotion := d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Deals", "campaign_type": "PROMOTION", "validation_rules": []any{rule}, "promotion": object{"tiers": []object{
			{"name": "Ten", "banner": "10% off", "action": object{"discount": object{"type": "PERCENT", "percent_off": 10}}, "validation_rules": []any{rule}},
			{"name": "Twenty", "action": object{"discount": object{"type": "PERCENT", "percent_off": 20}}, "hierarchy": 1},
		}},
	})
	require.Equal(t, "STATIC", promotion["type"])
	require.NotContains(t, promotion, "voucher")
	require.Equal(t, rule, limited(promotion, "validation_rules_assignments"))
	tiers := promotion["promotion"].(object)["tiers"].([]any)
	require.Equal(t, []any{"Twenty", "Ten"}, []any{tiers[0].(object)["name"], tiers[1].(object)["name"]})
	require.Equal(t, rule, limited(tiers[1].(object), "validation_rule_assignments"))
	require.Equal(t, promotion, d.call(t, 200, "GET", "/v1/campaigns/Deals", nil))
	require.Equal(t, promotion["promotion"], d.call(t, 200, "PUT", "/v1/campaigns/Deals", promotion)["promotion"], "a whole campaign can be sent back")
	d.call(t, 400, "POST", "/v1/campaigns/Deals/vouchers", nil)
	d.call(t, 400, "POST", "/v1/campaigns/Deals/vouchers/X", nil)

	expiration := object{
		"qualification_type": "BALANCE", "qualification_period": "MONTH", "start_date": object{"type": "IMMEDIATE"},
		"expiration_date": object{"type": "END_OF_PERIOD", "extend": "P3M"},
	}
	card := object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 5, "expiration_rules": object{"period_type": "MONTH", "period_value": 6}}}
	loyal := d.call(t, 200, "POST", "/v1/campaigns", object{"name": "Club", "voucher": card, "loyalty_tiers_expiration": expiration})
	require.Equal(t, "LOYALTY_PROGRAM", loyal["campaign_type"])
	require.Equal(t, true, loyal["join_once"])
	require.Equal(t, expiration, loyal["loyalty_tiers_expiration"])
	require.EqualValues(t, 5, loyal["voucher"].(object)["loyalty_card"].(object)["points"])
	made := d.call(t, 200, "POST", "/v1/campaigns/Club/vouchers/CARD", nil)
	require.Equal(t, object{"points": 5.0, "balance": 5.0}, made["loyalty_card"])
	d.call(t, 200, "PUT", "/v1/campaigns/Club", loyal)
	rules := object{"period_type": "MONTH", "period_value": 4.0, "rounding_type": "END_OF_YEAR"}
	changed := d.call(t, 200, "PUT", "/v1/loyalties/Club", object{ // as in the public API's example
		"join_once": false, "loyalty_card": object{"points": 1, "expiration_rules": rules},
	})
	require.Equal(t, true, changed["join_once"], "a programme is joined once")
	require.Equal(t, object{"points": 1.0, "expiration_rules": rules}, changed["voucher"].(object)["loyalty_card"])
	d.work(t)
	require.Equal(t, object{"points": 1.0, "balance": 1.0}, d.call(t, 200, "GET", "/v1/vouchers/CARD", nil)["loyalty_card"])
	require.Equal(t, "loyalty_card.points", d.call(t, 400, "PUT", "/v1/loyalties/Club", object{"loyalty_card": object{}})["property"])

	program := object{"conversion_event_type": "custom_event", "custom_event": object{"name": "signed_up"}}
	refers := d.call(t, 200, "POST", "/v1/campaigns", percent("Friends", object{"campaign_type": "REFERRAL_PROGRAM", "referral_program": program}))
	require.Equal(t, true, refers["voucher"].(object)["is_referral_code"])
	require.Equal(t, program, refers["referral_program"])
	given := d.call(t, 200, "POST", "/v1/campaigns/Friends/vouchers/REF", nil)
	require.Equal(t, true, given["is_referral_code"])
	published := d.call(t, 200, "POST", "/v1/publications", object{"voucher": "REF", "customer": "ann"})
	require.Equal(t, published["customer_id"], published["voucher"].(object)["referrer_id"], "who holds a referral code refers with it")
	require.Len(t, d.call(t, 200, "GET", "/v1/campaigns?is_referral_code=true", nil)["campaigns"], 1)

	one := d.call(t, 200, "POST", "/v1/campaigns", percent("Everyone", object{"type": "STANDALONE", "join_once": true}))
	require.Equal(t, false, one["join_once"])
	d.call(t, 200, "POST", "/v1/campaigns/Everyone/vouchers/BLACK-FRIDAY", nil)
	d.call(t, 400, "POST", "/v1/campaigns/Everyone/vouchers/ANOTHER", nil)
	require.Equal(t, "type", d.call(t, 400, "PUT", "/v1/campaigns/Everyone", object{"type": "STATIC"})["property"])
}

func TestCampaignNamesAreUnique(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	answer := d.call(t, 409, "POST", "/v1/campaigns", percent("Spring", nil))
	require.Equal(t, "duplicate_found", answer["key"])
	require.Equal(t, "Duplicated campaign exists with name Spring", answer["details"])
	d.elsewhere(t).call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
}

func TestCampaignsOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	d.call(t, 200, "POST", "/v1/campaigns/Spring/vouchers/ONE", object{})
	other := d.elsewhere(t)
	for _, name := range []string{"Spring", made["id"].(string)} {
		path := "/v1/campaigns/" + name
		other.call(t, 404, "GET", path, nil)
		other.call(t, 404, "PUT", path, object{"description": "x"})
		other.call(t, 404, "DELETE", path, nil)
		other.call(t, 404, "POST", path+"/enable", object{})
		other.call(t, 404, "POST", path+"/disable", object{})
		other.call(t, 404, "POST", path+"/vouchers", object{})
		other.call(t, 404, "POST", path+"/vouchers/X", object{})
		other.call(t, 404, "POST", path+"/import", []object{{"code": "X"}})
	}
	other.call(t, 404, "GET", "/v1/vouchers/ONE", nil)
	other.call(t, 404, "PUT", "/v1/vouchers/ONE", object{"active": false})
	other.call(t, 404, "DELETE", "/v1/vouchers/ONE", nil)
	other.call(t, 404, "POST", "/v1/vouchers/ONE/enable", object{})
	other.call(t, 404, "POST", "/v1/publications", object{"voucher": "ONE", "customer": object{"source_id": "ada"}})
	other.call(t, 404, "POST", "/v1/publications", object{"campaign": "Spring", "customer": object{"source_id": "ada"}})
	require.EqualValues(t, 0, other.call(t, 200, "GET", "/v1/campaigns", nil)["total"])
	require.EqualValues(t, 0, other.call(t, 200, "GET", "/v1/vouchers", nil)["total"])
}

func TestCampaignChanges(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"vouchers_count": 2, "metadata": object{"a": 1, "b": 2}}))
	d.work(t)
	// A whole campaign sent back changes nothing.
	same := d.call(t, 200, "PUT", "/v1/campaigns/Spring", made)
	require.Equal(t, made["voucher"], same["voucher"])
	changed := d.call(t, 200, "PUT", "/v1/campaigns/Spring", object{
		"description": "For all", "metadata": object{"c": 3}, "unset_metadata_fields": []string{"a"}, "join_once": true,
		"discount": object{"type": "PERCENT", "percent_off": 20}, "expiration_date": "2030-01-01T00:00:00Z",
	})
	require.Equal(t, object{"b": 2.0, "c": 3.0}, changed["metadata"])
	require.Equal(t, "For all", changed["description"])
	require.Equal(t, true, changed["join_once"])
	require.NotNil(t, changed["updated_at"])
	d.work(t)
	for _, v := range d.call(t, 200, "GET", "/v1/vouchers", nil)["vouchers"].([]any) {
		require.Equal(t, object{"type": "PERCENT", "percent_off": 20.0}, v.(object)["discount"])
		require.Equal(t, "2030-01-01T00:00:00.000Z", v.(object)["expiration_date"])
	}
	require.NotContains(t, d.call(t, 200, "PUT", "/v1/campaigns/Spring", object{"expiration_date": nil}), "expiration_date")
	require.Equal(t, "discount.type", d.call(t, 400, "PUT", "/v1/campaigns/Spring", object{"discount": object{"type": "AMOUNT", "amount_off": 1}})["property"])
	require.Equal(t, "gift", d.call(t, 400, "PUT", "/v1/campaigns/Spring", object{"gift": object{"amount": 1}})["property"])
	require.Equal(t, "loyalty_card", d.call(t, 400, "PUT", "/v1/campaigns/Spring", object{"loyalty_card": object{"points": 1}})["property"])
	d.call(t, 404, "POST", "/v1/campaigns/Spring/vouchers/NEW", object{"category_id": "cat_0b1da8105693710357"})
	d.call(t, 404, "POST", "/v1/campaigns/Spring/vouchers", object{"category_id": "cat_0b1da8105693710357"})

	require.Equal(t, object{}, d.call(t, 200, "POST", "/v1/campaigns/Spring/disable", object{}))
	require.Equal(t, false, d.call(t, 200, "GET", "/v1/campaigns/Spring", nil)["active"])
	d.call(t, 200, "POST", "/v1/campaigns/Spring/enable", object{})
	require.Equal(t, true, d.call(t, 200, "GET", "/v1/campaigns/Spring", nil)["active"])
}

func TestCampaignIsDeletedWithItsVouchers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"vouchers_count": 2}))
	d.work(t)
	action := d.call(t, 202, "DELETE", "/v1/campaigns/Spring?force=true", nil)["async_action_id"].(string)
	d.work(t)
	d.call(t, 404, "GET", "/v1/campaigns/Spring", nil)
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/vouchers", nil)["total"])
	ended := d.call(t, 200, "GET", "/v1/async-actions/"+action, nil)
	require.Equal(t, object{"message": "Deleted 2 vouchers.", "done_count": 2.0}, ended["result"])
}

func TestCampaignList(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for i := range 3 {
		d.call(t, 200, "POST", "/v1/campaigns", percent(fmt.Sprintf("C%d", i), nil))
	}
	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "voucher": object{"gift": object{"amount": 1000}},
	})
	names := func(query string) (names []string) {
		t.Helper()
		answer := d.call(t, 200, "GET", "/v1/campaigns?"+query, nil)
		require.Equal(t, "campaigns", answer["data_ref"])
		for _, c := range answer["campaigns"].([]any) {
			names = append(names, c.(object)["name"].(string))
		}
		return names
	}
	require.Equal(t, []string{"Gifts", "C2", "C1", "C0"}, names(""))
	require.Equal(t, []string{"C0", "C1"}, names("order=created_at&limit=2"))
	require.Equal(t, []string{"C2", "Gifts"}, names("order=created_at&limit=2&page=2"))
	require.Equal(t, []string{"Gifts"}, names("campaign_type=GIFT_VOUCHERS"))
	require.Equal(t, []string{"C1"}, names("filters[campaigns][conditions][$is][0]=C1"))
	require.Equal(t, []string{"C2", "C1"}, names("filters[campaigns][conditions][$in][0]=C1&filters[campaigns][conditions][$in][1]=C2"))
	require.Equal(t, []string{"Gifts", "C1"}, names("filters[campaigns][conditions][$is]=C1&filters[voucher_type][conditions][$is]=GIFT_VOUCHER&filters[junction]=OR"))
	d.call(t, 200, "POST", "/v1/campaigns/C2/disable", nil)
	d.call(t, 200, "PUT", "/v1/campaigns/C1", object{"expiration_date": "2020-01-01T00:00:00Z"})
	d.call(t, 200, "PUT", "/v1/campaigns/C0", object{"start_date": "2090-01-01T00:00:00Z"})
	for filter, want := range map[string][]string{
		"active][conditions][$enabled]=": {"Gifts", "C1", "C0"}, "active][conditions][$disabled]=": {"C2"}, "active][conditions][$expired]=": {"C1"},
		"active][conditions][$active]=": {"Gifts"}, "status][conditions][$before_start]=": {"C0"}, "status][conditions][$expired]=": {"C1"},
		"status][conditions][$active]=": {"Gifts", "C2", "C1", "C0"}, "status][conditions][$in_progress]=": nil, "status][conditions][$failed]=": nil,
		"type][conditions][$in]=BULK": {"Gifts", "C2", "C1", "C0"}, "type][conditions][$in]=STATIC": {"C2", "C1", "C0"},
		"category_ids][conditions][$is]=cat_1": nil, "validity_timeframe][conditions][$has_value]=": nil,
	} {
		require.Equal(t, want, names("filters["+filter), filter)
	}
	require.Empty(t, names("campaign_status=MODIFYING"))
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/campaigns?filters[campaigns][is]=C1", nil)["key"])
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/campaigns?filters[colour][conditions][$is]=red", nil)["key"])
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/campaigns?limit=101", nil)["key"])
	require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/campaigns?order=name", nil)["key"])
}

func (d door) campaignOf(text string) (uuid.UUID, error) { return uuid.Parse(text) }
