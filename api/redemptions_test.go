package api_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/internal/id"
	"herald/internal/pgtest"
)

// coupon makes a discount voucher; change may change it before.
func (d door) coupon(t testing.TB, code string, change object) object {
	t.Helper()
	draft := object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "AMOUNT", "amount_off": 1000}}
	for key, value := range change {
		draft[key] = value
	}
	return d.call(t, 200, "POST", "/v1/vouchers/"+code, draft)
}

// giftCard makes a gift card with so much on it.
func (d door) giftCard(t testing.TB, code string, amount int) {
	t.Helper()
	d.call(t, 200, "POST", "/v1/vouchers/"+code, object{"type": "GIFT_VOUCHER", "gift": object{"amount": amount}})
}

// promotion makes a promotion with tiers, each with its discount, and returns the tiers' ids.
func (d door) promotion(t testing.TB, name string, discounts ...object) (campaign string, tiers []string) {
	t.Helper()
	var made uuid.UUID
	require.NoError(t, d.pool.QueryRow(t.Context(), `INSERT INTO campaigns (project_id, name, campaign_type, type)
		VALUES ($1, $2, 'PROMOTION', 'STATIC') RETURNING id`, d.project, name).Scan(&made))
	campaign = id.Campaign.Format(made)
	for i, discount := range discounts {
		tier := d.call(t, 200, "POST", "/v1/promotions/"+campaign+"/tiers", object{
			"name": fmt.Sprintf("%s %d", name, i), "action": object{"discount": discount},
		})
		tiers = append(tiers, tier["id"].(string))
	}
	return campaign, tiers
}

// redeemed counts the redemptions of the project that the customer's figures show.
func (d door) redeemed(t testing.TB, source string) object {
	t.Helper()
	return d.call(t, 200, "GET", "/v1/customers/"+source, nil)["summary"].(object)["redemptions"].(object)
}

// redemptionsTold is what redemptions were told as, of one customer.
func (d door) redemptionsTold(t testing.TB, source string) []string {
	t.Helper()
	types, _ := d.happened(t, source)
	return slices.DeleteFunc(types, func(kind string) bool { return !strings.HasPrefix(kind, "customer.redemption.") })
}

func amounts(o any) []any {
	order := o.(object)
	return []any{order["status"], order["amount"], order["total_discount_amount"], order["total_amount"], order["total_applied_discount_amount"]}
}

func TestARedemptionPaysTheOrderAndTellsOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.coupon(t, "SPRING", object{"redemption": object{"quantity": 2}})
	answer := d.call(t, 200, "POST", "/v1/vouchers/SPRING/redemption", object{
		"customer": object{"source_id": "ada", "name": "Ada"}, "metadata": object{"shop": "L1"},
		"order": object{"source_id": "o1", "items": []any{
			object{"product_id": "shoes", "quantity": 1, "price": 3300}, object{"product_id": "hat", "quantity": 1, "price": 2700},
		}},
	})
	ada := d.call(t, 200, "GET", "/v1/customers/ada", nil)["id"]
	require.Equal(t, []any{"PAID", 6000.0, 1000.0, 5000.0, 1000.0}, amounts(answer["order"]))
	require.Equal(t, ada, answer["customer_id"])
	require.Equal(t, "Ada", answer["customer"].(object)["name"])
	require.Equal(t, []any{"voucher", made["id"], "SUCCESS", "SUCCEEDED", nil}, []any{
		answer["related_object_type"], answer["related_object_id"], answer["result"], answer["status"], answer["redemption"],
	})
	require.Equal(t, object{"channel_id": d.appID, "channel_type": "API"}, answer["channel"])
	require.EqualValues(t, 1, answer["voucher"].(object)["redemption"].(object)["redeemed_quantity"])
	using := answer["order"].(object)["redemptions"].(object)[answer["id"].(string)].(object)
	require.Equal(t, []any{answer["date"], "voucher", made["id"]}, []any{using["date"], using["related_object_type"], using["related_object_id"]})

	types, datas := d.happened(t, "ada")
	require.Equal(t, []string{"customer.created", "customer.order.created", "customer.order.paid", "customer.redemption.succeeded"}, types)
	told := datas[3]
	require.Len(t, told, 7)
	require.Equal(t, answer["id"], told["redemption"].(object)["id"])
	require.Equal(t, "SPRING", told["voucher"].(object)["code"])
	require.Equal(t, []any{"PAID", 6000.0, 1000.0, 5000.0, 1000.0}, amounts(told["order"]))
	for _, none := range []string{"campaign", "holder", "promotion_tier", "promotion_stack"} {
		require.Contains(t, told, none)
		require.Nil(t, told[none])
	}
	require.Equal(t, answer["id"], datas[2]["redemption"].(object)["id"], "the order says what it was redeemed with")
	require.EqualValues(t, 1, d.redeemed(t, "ada")["total_succeeded"])
	require.EqualValues(t, 5000, d.ordersOf(t, "ada")["total_amount"])

	// What was answered is what is kept.
	kept := d.call(t, 200, "GET", "/v1/redemptions/"+answer["id"].(string), nil)
	require.Equal(t, plain(answer, "order"), plain(kept, "order"))
	order := d.call(t, 200, "GET", "/v1/orders/o1", nil)
	require.Equal(t, []any{1000.0, 5000.0, "PAID"}, []any{order["discount_amount"], order["total_amount"], order["status"]})
}

func TestRedemptionsOfAllKindsOfDiscounts(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	order := object{"items": []any{
		object{"product_id": "shoes", "quantity": 2, "price": 3000}, object{"product_id": "hat", "quantity": 1, "price": 4000},
	}}
	for code, c := range map[string]struct {
		discount object
		total    int
		items    int
	}{
		"PERCENT": {object{"type": "PERCENT", "percent_off": 12.5}, 8750, 2},
		"FIXED":   {object{"type": "FIXED", "fixed_amount": 999}, 999, 2},
		"ITEMS":   {object{"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ITEMS"}, 9000, 2},
		"UNITS":   {object{"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ITEMS_BY_QUANTITY"}, 8500, 2},
		"SHARED":  {object{"type": "AMOUNT", "amount_off": 100, "effect": "APPLY_TO_ITEMS_PROPORTIONALLY"}, 9900, 2},
		"EACH":    {object{"type": "FIXED", "fixed_amount": 1000, "effect": "APPLY_TO_ITEMS"}, 3000, 2},
		"FREE": {object{
			"type": "UNIT", "unit_off": 1, "unit_type": "sock", "effect": "ADD_NEW_ITEMS", "product": object{"id": "sock", "name": "Sock", "price": 500},
		}, 10000, 3},
	} {
		d.coupon(t, code, object{"discount": c.discount})
		answer := d.call(t, 200, "POST", "/v1/vouchers/"+code+"/redemption", object{"order": order})
		shown := answer["order"].(object)
		require.EqualValues(t, c.total, shown["total_amount"], code)
		require.Len(t, shown["items"], c.items, code)
		require.Nil(t, answer["customer"], code)
		kept := d.call(t, 200, "GET", "/v1/orders/"+shown["id"].(string), nil)
		require.EqualValues(t, c.total, kept["total_amount"], code)
		back := d.call(t, 200, "POST", "/v1/redemptions/"+answer["id"].(string)+"/rollback?reason=Oops", "{}")
		require.Equal(t, []any{"CANCELED", 10000.0, nil, 10000.0, nil}, amounts(back["order"]), code)
		require.Len(t, back["order"].(object)["items"], 2, code)
		require.Equal(t, []any{"Oops", answer["id"], "redemption_rollback"}, []any{back["reason"], back["redemption"], back["object"]})
	}
	d.coupon(t, "BARE", object{"discount": object{"type": "AMOUNT", "amount_off": 500, "effect": "APPLY_TO_ITEMS"}})
	require.Equal(t, "missing_order_items", d.call(t, 400, "POST", "/v1/vouchers/BARE/redemption", object{"order": object{"amount": 100}})["key"])
}

func TestTheLastRedemptionIsMadeOnce(t *testing.T) {
	t.Parallel()
	d := doorOn(t, pgtest.New(t), api.Options{Rate: 100_000})
	d.coupon(t, "LAST", object{"redemption": object{"quantity": 1}})
	var mu sync.Mutex
	codes := map[int]int{}
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			w := d.request(t, "POST", "/v1/vouchers/LAST/redemption", object{
				"customer": object{"source_id": fmt.Sprint("c", i%50)}, "order": object{"amount": 5000},
			})
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{200: 1, 400: 199}, codes)
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/vouchers/LAST", nil)["redemption"].(object)["redeemed_quantity"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/redemptions?result=SUCCESS", nil)["total"])
	require.EqualValues(t, 199, d.call(t, 200, "GET", "/v1/redemptions?filters[failure_code][conditions][$is]=quantity_exceeded", nil)["total"])
	require.Len(t, d.told(t, "customer.redemption.succeeded"), 1)
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/orders", nil)["total"])
}

func TestSeveralThingsAreRedeemedAtOnceOrNone(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.giftCard(t, "GIFT", 500)
	d.coupon(t, "FIFTH", object{"discount": object{"type": "PERCENT", "percent_off": 20}})
	d.coupon(t, "OFF", object{"active": false})
	campaign, tiers := d.promotion(t, "Sale", object{"type": "AMOUNT", "amount_off": 8000}, object{"type": "PERCENT", "percent_off": 10})
	stack := d.call(t, 200, "POST", "/v1/promotions/"+campaign+"/stacks", object{"name": "Both", "tiers": object{"ids": tiers}})["id"]
	body := object{
		"customer": object{"source_id": "ada"}, "order": object{"amount": 200000, "source_id": "o1"},
		"redeemables": []any{
			object{"object": "voucher", "id": "GIFT", "gift": object{"credits": 100}}, object{"object": "voucher", "id": "FIFTH"},
			object{"object": "promotion_tier", "id": tiers[0]},
		},
	}
	answer := d.call(t, 200, "POST", "/v1/redemptions", body) // as the public API's documents show it
	require.Equal(t, []any{"PAID", 200000.0, 48080.0, 151920.0, 48080.0}, amounts(answer["order"]))
	parts := answer["redemptions"].([]any)
	require.Len(t, parts, 3)
	parent := answer["parent_redemption"].(object)
	for i, want := range [][]any{
		{"PAID", 200000.0, 100.0, 199900.0, 100.0}, {"PAID", 200000.0, 40080.0, 159920.0, 39980.0}, {"PAID", 200000.0, 48080.0, 151920.0, 8000.0},
	} {
		require.Equal(t, want, amounts(parts[i].(object)["order"]))
		require.Equal(t, parent["id"], parts[i].(object)["redemption"])
	}
	require.Equal(t, []any{100.0, object{"amount": 100.0}}, []any{parts[0].(object)["amount"], parts[0].(object)["gift"]})
	require.Equal(t, "redemption", parent["related_object_type"])
	shown := answer["order"].(object)["redemptions"].(object)[parent["id"].(string)].(object)
	require.Len(t, shown["stacked"], 3)
	require.Equal(t, shown, d.call(t, 200, "GET", "/v1/orders/o1", nil)["redemptions"].(object)[parent["id"].(string)])
	require.Equal(t, []string{"customer.redemption.succeeded", "customer.redemption.succeeded", "customer.redemption.succeeded"}, d.redemptionsTold(t, "ada"))
	require.EqualValues(t, 3, d.redeemed(t, "ada")["total_succeeded"])
	summary := d.call(t, 200, "GET", "/v1/promotions/tiers/"+tiers[0], nil)["summary"].(object)
	require.Equal(t, object{"total_amount": 200000.0, "total_discount_amount": 8000.0}, summary["orders"])

	// One that cannot be redeemed keeps the others from it.
	body["order"] = object{"amount": 100}
	body["redeemables"] = append(body["redeemables"].([]any), object{"object": "voucher", "id": "OFF"})
	require.Equal(t, "voucher_disabled", d.call(t, 400, "POST", "/v1/redemptions", body)["key"])
	require.EqualValues(t, 400, d.call(t, 200, "GET", "/v1/vouchers/GIFT", nil)["gift"].(object)["balance"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/vouchers/FIFTH", nil)["redemption"].(object)["redeemed_quantity"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/orders", nil)["total"])

	// A stack stands for its tiers; a tier can be redeemed alone.
	both := d.call(t, 200, "POST", "/v1/redemptions", object{"order": object{"amount": 10000}, "redeemables": []any{object{"object": "promotion_stack", "id": stack}}})
	require.Equal(t, []any{"PAID", 10000.0, 8200.0, 1800.0, 8200.0}, amounts(both["order"]))
	require.Len(t, both["redemptions"], 2)
	alone := d.call(t, 200, "POST", "/v1/promotions/tiers/"+tiers[1]+"/redemption", object{"order": object{"amount": 500}})
	require.Equal(t, []any{"promotion_tier", tiers[1], 450.0}, []any{alone["related_object_type"], alone["related_object_id"], alone["order"].(object)["total_amount"]})
	d.call(t, 200, "POST", "/v1/promotions/tiers/"+tiers[1]+"/disable", nil)
	answer = d.call(t, 400, "POST", "/v1/promotions/tiers/"+tiers[1]+"/redemption", object{"customer": "ada", "order": object{"amount": 500}})
	require.Equal(t, "promotion_inactive", answer["key"])
	require.Equal(t, "promotion_tier", d.call(t, 200, "GET", "/v1/redemptions/"+answer["resource_id"].(string), nil)["related_object_type"])

	// One redemption alone has no parent, and all of one request are rolled back at once.
	one := d.call(t, 200, "POST", "/v1/redemptions", object{"redeemables": []any{object{"object": "voucher", "id": "FIFTH"}}})
	require.NotContains(t, one, "parent_redemption")
	require.Nil(t, one["order"])
	require.Equal(t, "invalid_redemption_parent", d.call(t, 400, "POST", "/v1/redemptions/"+parts[0].(object)["id"].(string)+"/rollback", nil)["key"])
	require.Equal(t, "invalid_redemption", d.call(t, 400, "POST", "/v1/redemptions/"+parent["id"].(string)+"/rollback", nil)["key"])
	back := d.call(t, 200, "POST", "/v1/redemptions/"+parent["id"].(string)+"/rollbacks", object{"reason": "Sorry"})
	require.Len(t, back["rollbacks"], 3)
	require.Equal(t, parent["id"], back["parent_rollback"].(object)["redemption"])
	require.Equal(t, []any{"CANCELED", 200000.0, nil, 200000.0, nil}, amounts(back["order"]))
	require.Len(t, back["order"].(object)["redemptions"].(object)[parent["id"].(string)].(object)["rollback_stacked"], 3)
	require.EqualValues(t, 500, d.call(t, 200, "GET", "/v1/vouchers/GIFT", nil)["gift"].(object)["balance"])
	require.Equal(t, "already_rolled_back", d.call(t, 400, "POST", "/v1/redemptions/"+parent["id"].(string)+"/rollbacks", nil)["key"])
	require.Len(t, d.told(t, "customer.redemption.rollback.succeeded"), 3)
}

func TestPointsPayForAnOrder(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 500, nil)
	card := d.member(t, club, "ada")
	reward := d.call(t, 200, "POST", "/v1/rewards", object{"name": "Pay", "parameters": object{"coin": object{"exchange_ratio": 20, "points_ratio": 100}}})["id"]
	body := object{"order": object{"amount": 10000}, "reward": object{"id": reward, "points": 300}}
	require.Equal(t, "missing_reward", d.call(t, 400, "POST", "/v1/vouchers/"+card+"/redemption", body)["key"], "the programme does not offer it")
	_, err := d.pool.Exec(t.Context(), `INSERT INTO reward_assignments (id, project_id, reward_id, campaign_id, parameters)
		SELECT uuid7(), r.project_id, r.id, c.id, '{}' FROM rewards r, campaigns c WHERE c.name = 'Club'`)
	require.NoError(t, err)
	made := d.call(t, 200, "POST", "/v1/vouchers/"+card+"/redemption", body)
	require.Equal(t, []any{"PAID", 10000.0, 6000.0, 4000.0, 6000.0}, amounts(made["order"]))
	require.Equal(t, []any{300.0, object{"points": 300.0}}, []any{made["amount"], made["loyalty_card"]})
	require.Equal(t, "ada", made["customer"].(object)["source_id"], "who holds the card redeems it")
	require.EqualValues(t, 200, made["voucher"].(object)["loyalty_card"].(object)["balance"])
	body["reward"] = object{"id": reward, "points": 201}
	require.Equal(t, "loyalty_card_points_exceeded", d.call(t, 400, "POST", "/v1/vouchers/"+card+"/redemption", body)["key"])
	stacked := d.call(t, 200, "POST", "/v1/redemptions", object{
		"order": object{"amount": 1000}, "redeemables": []any{object{"object": "loyalty_card", "id": card, "reward": object{"id": reward}}},
	})
	require.EqualValues(t, 50, stacked["redemptions"].([]any)[0].(object)["amount"], "as many as the order needs")
	require.Equal(t, object{"redeemed_points": 350.0, "points_to_go": 150.0}, d.redeemed(t, "ada")["loyalty_card"])
	d.call(t, 200, "POST", "/v1/redemptions/"+made["id"].(string)+"/rollback", nil)
	require.EqualValues(t, 450, d.call(t, 200, "GET", "/v1/vouchers/"+card, nil)["loyalty_card"].(object)["balance"])
	require.EqualValues(t, 500, d.call(t, 200, "GET", "/v1/customers/ada", nil)["loyalty"].(object)["points"], "ever collected")
}

func TestARedeemedReferralCodeRefers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.referralCode(t, "Friends", "FRIEND", "ada")
	made := d.call(t, 200, "POST", "/v1/vouchers/FRIEND/redemption", object{"customer": "bob", "order": object{"amount": 1000}})
	ada := d.call(t, 200, "GET", "/v1/customers/ada", nil)
	require.Equal(t, ada["id"], made["order"].(object)["referrer_id"])
	types, datas := d.happened(t, "bob")
	require.Equal(t, []string{
		"customer.created", "customer.order.created", "customer.order.paid", "customer.redemption.succeeded", "customer.referred",
	}, types)
	require.Equal(t, made["id"], datas[4]["redemption"].(object)["id"])
	require.Equal(t, ada["id"], datas[3]["holder"].(object)["id"])
	d.call(t, 200, "POST", "/v1/vouchers/FRIEND/redemption", object{"customer": "bob", "order": object{"amount": 1000}})
	require.Len(t, d.told(t, "customer.referred"), 1, "once")
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/customers/ada", nil)["loyalty"].(object)["referred_customers"])
}

func TestRedemptionsAreListed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.coupon(t, "A", nil)
	d.coupon(t, "B", nil)
	campaign, tiers := d.promotion(t, "Sale", object{"type": "AMOUNT", "amount_off": 1})
	made := d.call(t, 200, "POST", "/v1/vouchers/A/redemption", object{"customer": "ada", "tracking_id": "t1", "metadata": object{"shop": "x"}})
	d.call(t, 200, "POST", "/v1/vouchers/B/redemption?tracking_id=t2", object{"customer": "bob"})
	d.call(t, 200, "POST", "/v1/promotions/tiers/"+tiers[0]+"/redemption", object{"customer": "bob", "order": object{"amount": 5}})
	d.call(t, 200, "POST", "/v1/vouchers/A/disable", nil)
	d.call(t, 400, "POST", "/v1/vouchers/A/redemption", object{"customer": "ada"})
	d.call(t, 200, "POST", "/v1/redemptions/"+made["id"].(string)+"/rollback", nil)
	ada := d.call(t, 200, "GET", "/v1/customers/ada", nil)["id"].(string)
	for query, want := range map[string]int{
		"":               5,
		"limit=2&page=3": 1,
		"result=SUCCESS": 4,
		"result=FAILURE": 1,
		"customer=ada":   3,
		"campaign=Sale":  1,
		"result=SUCCESS&result=FAILURE&order=-voucher_code":                                                      5,
		"created_at[before]=2020-01-01":                                                                          0,
		"filters[voucher_code][conditions][$is]=B":                                                               1,
		"filters[related_object_id][conditions][$is]=" + tiers[0]:                                                1,
		"filters[related_object_parent_id][conditions][$is]=" + campaign:                                         1,
		"filters[object][conditions][$is]=redemption_rollback":                                                   1,
		"filters[customer_id][conditions][$in][0]=" + ada:                                                        3,
		"filters[campaign_name][conditions][$contains]=sal":                                                      1,
		"filters[campaign_name][conditions][$in][0]=Sale&filters[campaign_name][conditions][$in][1]=X":           1,
		"filters[voucher_code][conditions][$in][0]=B&filters[voucher_code][conditions][$is_not]=C":               1,
		"filters[failure_code][conditions][$has_value]=true":                                                     1,
		"filters[parent_redemption_id][conditions][$has_value]=true":                                             0,
		"filters[user_login][conditions][$has_value]=true":                                                       0,
		"filters[result][conditions][$is]=FAILURE&order=tracking_id&page=1":                                      1,
		"filters[metadata.shop][conditions][$is]=x&order=customer_id":                                            1,
		"filters[junction]=OR&filters[result][conditions][$is]=FAILURE&filters[voucher_code][conditions][$is]=B": 2,
	} {
		answer := d.call(t, 200, "GET", "/v1/redemptions?"+query, nil)
		require.Len(t, answer["redemptions"], want, query)
	}
	for _, bad := range []string{"result=MAYBE", "order=date", "page=100", "limit=0", "filters[nonsense][conditions][$is]=1", "x=1", "created_at[after]=soon"} {
		require.Equal(t, "invalid_query_params", d.call(t, 400, "GET", "/v1/redemptions?"+bad, nil)["key"], bad)
	}
	of := d.call(t, 200, "GET", "/v1/vouchers/A/redemption", nil)
	require.Equal(t, []any{3.0, 0.0, "redemption_entries"}, []any{of["total"], of["redeemed_quantity"], of["data_ref"]})
	require.EqualValues(t, 0, d.elsewhere(t).call(t, 200, "GET", "/v1/redemptions", nil)["total"])
	d.elsewhere(t).call(t, 404, "GET", "/v1/redemptions/"+made["id"].(string), nil)
	d.elsewhere(t).call(t, 404, "GET", "/v1/vouchers/A/redemption", nil)
}
