package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// referralCode makes a referral programme with one code, and publishes that to the customer.
func (d door) referralCode(t testing.TB, programme, code string, referrer any) {
	t.Helper()
	_, err := d.pool.Exec(t.Context(), `INSERT INTO campaigns (project_id, name, campaign_type, type)
		VALUES ($1, $2, 'REFERRAL_PROGRAM', 'STATIC') ON CONFLICT DO NOTHING`, d.project, programme)
	require.NoError(t, err)
	_, err = d.pool.Exec(t.Context(), `INSERT INTO vouchers (project_id, campaign_id, code, type, value, is_referral_code)
		SELECT $1, id, $3, 'DISCOUNT_VOUCHER', '{"type": "PERCENT", "percent_off": 10}', true FROM campaigns WHERE project_id = $1 AND name = $2`,
		d.project, programme, code)
	require.NoError(t, err)
	if referrer != nil {
		d.call(t, 200, "POST", "/v1/publications", object{"voucher": code, "customer": referrer})
	}
}

// roles are the parts that listed holders have.
func roles(answer object) []string {
	all := []string{}
	for _, one := range answer["data"].([]any) {
		all = append(all, one.(object)["holder_role"].(string))
	}
	return all
}

func TestWhoHasAPartInAReferralCode(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.referralCode(t, "Friends", "FRIEND", "ada")
	path := "/v1/referrals/Friends/members/FRIEND/holders"
	added := d.call(t, 200, "POST", path, object{
		"holders": []object{
			{"source_id": "bob", "name": "Bob", "country": "Wales"}, {"source_id": "cyd"},
		}, "metadata": object{"influencer_code": true},
	})["holders"].([]any)
	require.Len(t, added, 2)
	first := added[0].(object)
	require.Equal(t, "REFEREE", first["holder_role"])
	require.Equal(t, object{"influencer_code": true}, first["metadata"])
	require.Equal(t, "REFERRAL_PROGRAM", first["campaign_type"])
	bob := d.call(t, 200, "GET", "/v1/customers/bob", nil)
	require.Equal(t, "Bob", bob["name"])
	require.Equal(t, bob["id"], first["customer_id"])
	told := d.told(t, "customer.holder.assignment.created")
	require.Len(t, told, 2)
	require.Equal(t, bob["id"], told[0]["customer"])
	require.Equal(t, first["id"], told[0]["data"].(object)["holder"].(object)["id"])
	require.EqualValues(t, 0, bob["referrals"].(object)["total"], "whom a code was brought to has done nothing for it yet")

	for _, path := range []string{path, "/v1/referrals/members/FRIEND/holders"} {
		list := d.call(t, 200, "GET", path+"?order=created_at", nil)
		require.Equal(t, []string{"REFERRER", "REFEREE", "REFEREE"}, roles(list))
		require.EqualValues(t, 3, list["total"])
		require.Equal(t, false, list["has_more"])
		var walked []string
		for after := ""; ; {
			page := d.call(t, 200, "GET", path+"?order=-id&limit=1"+after, nil)
			walked = append(walked, roles(page)...)
			if page["has_more"] == false {
				break
			}
			after = "&starting_after_id=" + page["more_starting_after"].(string)
		}
		require.Equal(t, []string{"REFEREE", "REFEREE", "REFERRER"}, walked)
		list = d.call(t, 200, "GET", path+"?filters[holder_role][conditions][$is]=REFEREE&filters[customer_id][conditions][$is]="+bob["id"].(string), nil)
		require.EqualValues(t, 1, list["total"])
	}

	of := path + "/" + first["id"].(string)
	require.Equal(t, 204, d.request(t, "DELETE", of, nil).Code)
	require.Equal(t, "redeemable_holder", d.call(t, 404, "DELETE", of, nil)["resource_type"])
	require.Len(t, d.told(t, "customer.holder.assignment.deleted"), 1)
	referrer := d.call(t, 200, "GET", path+"?order=id&limit=1", nil)["data"].([]any)[0].(object)["id"].(string)
	require.Equal(t, "You can not remove Referrer assignment", d.call(t, 403, "DELETE", path+"/"+referrer, nil)["details"])
	d.call(t, 404, "DELETE", path+"/rh_x", nil)
}

func TestBringingAReferralCodeToTheWrongPeople(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.referralCode(t, "Friends", "FRIEND", "ada")
	d.referralCode(t, "Friends", "FREE", nil)
	d.call(t, 200, "POST", "/v1/vouchers/PLAIN", object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "AMOUNT", "amount_off": 100}})
	path := "/v1/referrals/members/FRIEND/holders"
	to := func(sources ...string) object {
		var holders []object
		for _, source := range sources {
			holders = append(holders, object{"source_id": source})
		}
		return object{"holders": holders}
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint("c", i)
	}
	d.call(t, 200, "POST", path, to("bob"))
	for _, bad := range []struct {
		status int
		key    string
		path   string
		body   any
	}{
		{409, "holder_assignement_duplication", path, to("eve", "bob")},
		{409, "holder_assignement_duplication", path, to("ada")},
		{409, "duplicate_found", path, to("eve", "eve")},
		{400, "not_published", "/v1/referrals/members/FREE/holders", to("eve")},
		{404, "not_found", "/v1/referrals/members/PLAIN/holders", to("eve")},
		{404, "not_found", "/v1/referrals/members/NONE/holders", to("eve")},
		{404, "not_found", "/v1/referrals/Others/members/FRIEND/holders", to("eve")},
		{404, "not_found", path, object{"holders": []object{{"source_id": "eve"}, {"id": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"}}}},
		{400, "invalid_payload", path, to(many...)},
		{400, "invalid_payload", path, to()},
		{400, "invalid_payload", path, object{}},
		{400, "invalid_payload", path, object{"holders": []object{{"name": "Eve"}}}},
		{400, "invalid_payload", path, object{"holders": []object{{"source_id": "eve"}, {"source_id": "x", "email": "nobody"}}}},
		{400, "invalid_payload", path, object{"holders": []object{{"source_id": strings.Repeat("x", 256)}}}},
		{400, "invalid_payload", path, object{"holders": []any{"eve"}}},
		{400, "invalid_payload", path, object{"holders": to("eve")["holders"], "metadata": "x"}},
		{400, "invalid_payload", path, object{"holders": to("eve")["holders"], "role": "OWNER"}},
	} {
		require.Equal(t, bad.key, d.call(t, bad.status, "POST", bad.path, bad.body)["key"], "%v", bad)
	}
	d.call(t, 404, "GET", "/v1/customers/eve", nil)
	require.EqualValues(t, 2, d.call(t, 200, "GET", path, nil)["total"], "nothing of it was done")
	for _, query := range []string{"order=name", "limit=0", "starting_after_id=x", "page=1", "filters[colour][conditions][$is]=x", "filters[created_at][conditions][$after]=soon"} {
		d.call(t, 400, "GET", path+"?"+query, nil)
	}
	d.as(t, db.Viewer).call(t, 403, "POST", path, to("eve"))
	d.elsewhere(t).call(t, 404, "GET", path, nil)
	d.elsewhere(t).call(t, 404, "POST", path, to("eve"))
}

func TestWhatACustomerCanRedeem(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.referralCode(t, "Friends", "FRIEND", "ada")
	d.referralCode(t, "Others", "OTHER", "bob")
	d.call(t, 200, "POST", "/v1/referrals/members/OTHER/holders", object{"holders": []object{{"source_id": "ada"}}})
	for code, change := range map[string]string{
		"OK": "active = true", "OFF": "active = false", "LATE": "expiration_date = now()", "SOON": "start_date = now() + interval '1 day'",
		"USED": "redemption_quantity = 1, redeemed_quantity = 1", "SPENT": `type = 'GIFT_VOUCHER', value = '{"amount": 100, "balance": 0}'`,
	} {
		d.call(t, 200, "POST", "/v1/vouchers/"+code, object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "AMOUNT", "amount_off": 100}})
		d.call(t, 200, "POST", "/v1/publications", object{"voucher": code, "customer": "ada"})
		_, err := d.pool.Exec(t.Context(), "UPDATE vouchers SET "+change+" WHERE code = $1", code)
		require.NoError(t, err)
	}
	path := "/v1/customers/ada/redeemables"
	list := d.call(t, 200, "GET", path+"?limit=100", nil)
	require.EqualValues(t, 8, list["total"])
	got := map[string][]any{}
	for _, item := range list["data"].([]any) {
		one := item.(object)
		redeemable := one["redeemable"].(object)
		got[redeemable["voucher"].(object)["code"].(string)] = []any{one["holder_role"], redeemable["status"], one["campaign_type"]}
		require.Equal(t, one["redeemable_id"], redeemable["voucher"].(object)["id"])
	}
	require.Equal(t, map[string][]any{
		"FRIEND": {"REFERRER", "ACTIVE", "REFERRAL_PROGRAM"}, "OTHER": {"REFEREE", "ACTIVE", "REFERRAL_PROGRAM"},
		"OK": {"OWNER", "ACTIVE", nil}, "OFF": {"OWNER", "DISABLED", nil}, "LATE": {"OWNER", "EXPIRED", nil},
		"SOON": {"OWNER", "NOT_ACTIVE_YET", nil}, "USED": {"OWNER", "USED", nil}, "SPENT": {"OWNER", "NO_BALANCE", nil},
	}, got)
	list = d.call(t, 200, "GET", path+"?filters[campaign_type][conditions][$is]=REFERRAL_PROGRAM&order=id", nil)
	require.Equal(t, []string{"REFERRER", "REFEREE"}, roles(list))
	require.Empty(t, d.call(t, 200, "GET", path+"?filters[created_at][conditions][$before]=2020-01-01", nil)["data"])
	d.call(t, 404, "GET", "/v1/customers/nobody/redeemables", nil)
	d.elsewhere(t).call(t, 404, "GET", path, nil)
}

func TestACustomEventRefersOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.referralCode(t, "Friends", "FRIEND", "ada")
	for range 2 {
		d.call(t, 200, "POST", "/v1/events", object{"event": "signed up", "customer": "bob", "referral": object{"code": "FRIEND"}})
	}
	ada, bob := d.call(t, 200, "GET", "/v1/customers/ada", nil), d.call(t, 200, "GET", "/v1/customers/bob", nil)
	require.Equal(t, object{"Friends": object{"points": 0.0, "referred_customers": 1.0}}, ada["loyalty"].(object)["campaigns"])
	require.EqualValues(t, 1, ada["loyalty"].(object)["referred_customers"])
	by := bob["referrals"].(object)
	require.EqualValues(t, 1, by["total"])
	entry := by["campaigns"].([]any)[0].(object)
	require.Equal(t, []any{ada["id"], "event"}, []any{entry["referrer_id"], entry["related_object_type"]})
	list := d.call(t, 200, "GET", "/v1/referrals/members/FRIEND/holders?order=created_at", nil)
	require.Equal(t, []string{"REFERRER", "REFEREE"}, roles(list), "who is referred is a referee")
}

func TestAReferralProgrammeSaysWhatRefersAndWhatARefereeIsGiven(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	gifts := d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "type": "AUTO_UPDATE",
		"voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 0}},
	})
	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Friends", "campaign_type": "REFERRAL_PROGRAM", "type": "AUTO_UPDATE", "vouchers_count": 1,
		"voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "is_referral_code": true},
		"referral_program": object{
			"conversion_event_type": "custom_event", "custom_event": object{"name": "signed up"},
			"referee_reward": object{"type": "GIFT_VOUCHER", "amount": 500, "related_object_parent": object{"id": gifts["id"], "object": "CAMPAIGN"}},
		},
	})
	d.work(t)
	code := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Friends", "customer": "ada"})["voucher"].(object)
	require.Equal(t, true, code["is_referral_code"])
	named := object{"code": code["code"]}
	d.call(t, 200, "POST", "/v1/vouchers/"+code["code"].(string)+"/redemption", object{"customer": "bob"})
	d.call(t, 200, "POST", "/v1/events", object{"event": "looked", "customer": "bob", "referral": named})
	require.Empty(t, d.told(t, "customer.referred"), "only the programme's event refers")
	for range 2 {
		d.call(t, 200, "POST", "/v1/events", object{"event": "signed up", "customer": "bob", "referral": named})
	}
	require.Len(t, d.told(t, "customer.referred"), 1)

	require.Len(t, d.told(t, "customer.rewarded"), 1)
	bob := d.call(t, 200, "GET", "/v1/customers/bob", nil)
	require.EqualValues(t, 500, bob["summary"].(object)["redemptions"].(object)["gift"].(object)["amount_to_go"])
	given := d.call(t, 200, "GET", "/v1/publications?customer=bob", nil)["publications"].([]any)
	require.Len(t, given, 1)
	require.Equal(t, "Automation", given[0].(object)["channel"])
	require.Len(t, d.told(t, "customer.voucher.gift.balance_added"), 1)
}

func TestARefereeIsReferredEvenWhereThereIsNothingToGive(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "None", "campaign_type": "GIFT_VOUCHERS", "type": "STATIC", "voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 0}},
	})
	for i, parent := range []object{{"name": "None"}, {"name": "Gone"}, {"id": "camp_0192f0c1b8d77d4fa1c3e5f708192a3b"}} {
		name := fmt.Sprint("Friends ", i)
		d.call(t, 200, "POST", "/v1/campaigns", object{
			"name": name, "campaign_type": "REFERRAL_PROGRAM", "type": "AUTO_UPDATE", "vouchers_count": 1,
			"voucher":          object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "is_referral_code": true},
			"referral_program": object{"referee_reward": object{"type": "GIFT_VOUCHER", "amount": 500, "related_object_parent": parent}},
		})
		d.work(t)
		code := d.call(t, 200, "POST", "/v1/publications", object{"campaign": name, "customer": "ada"})["voucher"].(object)["code"]
		d.call(t, 200, "POST", "/v1/events", object{"event": "signed up", "customer": "bob", "referral": object{"code": code}})
		require.Len(t, d.told(t, "customer.referred"), i+1)
		require.Empty(t, d.told(t, "customer.rewarded"))
	}
}
