package api_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
)

// reward makes a reward that a programme offers for so many points (0: without a price), and says its id.
func (d door) reward(t testing.TB, club string, points int, parameters, change object) string {
	t.Helper()
	body := object{"name": "Reward", "parameters": parameters}
	for name, value := range change {
		body[name] = value
	}
	made := d.call(t, 200, "POST", "/v1/rewards", body)["id"].(string)
	offering := object{"reward": made}
	if points > 0 {
		offering["parameters"] = object{"loyalty": object{"points": points}}
	}
	d.many(t, "/v1/loyalties/"+club+"/rewards", offering)
	return made
}

// rich makes a customer a member with points on the card, and says the card's code.
func (d door) rich(t testing.TB, club, customer string, points int) string {
	t.Helper()
	card := d.member(t, club, customer)
	d.call(t, 200, "POST", "/v1/loyalties/members/"+card+"/balance", object{"points": points})
	return card
}

// book is what a material reward gives.
var book = object{"product": object{"id": "prod_book", "sku_id": "sku_1"}}

func TestAMaterialRewardIsRedeemed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.rich(t, club, "ann", 100)
	reward := d.reward(t, club, 30, book, object{"stock": 3, "attributes": object{"image_url": "https://x.example/a.png", "description": "A book"}})
	made := d.call(t, 200, "POST", "/v1/loyalties/Club/members/"+card+"/redemption", object{"reward": object{"id": reward}, "metadata": object{"a": 1}})
	require.Equal(t, []any{30.0, "SUCCESS", nil, object{"points": 30.0}, object{"a": 1.0}}, []any{
		made["amount"], made["result"], made["order"], made["loyalty_card"], made["metadata"],
	})
	got := made["reward"].(object)
	require.Equal(t, []any{reward, "MATERIAL", object{"id": "prod_book", "object": "product"}, object{"id": "sku_1", "object": "sku"}, nil}, []any{
		got["id"], got["type"], got["product"], got["sku"], got["voucher"],
	})
	require.Equal(t, "ann", got["customer"].(object)["source_id"])
	require.Regexp(t, "^rewa_", got["assignment_id"])
	require.Equal(t, 70, d.points(t, card))
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/rewards/"+reward, nil)["redeemed"])
	require.EqualValues(t, 1, d.redeemed(t, "ann")["total_succeeded"])

	told := d.told(t, "customer.rewarded")
	require.Len(t, told, 1)
	require.NotContains(t, told[0]["data"].(object)["reward"], "customer", "who stands in the occurrence itself")
	require.Len(t, d.told(t, "customer.redemption.succeeded"), 1)
	shown := d.call(t, 200, "GET", "/v1/redemptions/"+made["id"].(string), nil)
	require.Equal(t, reward, shown["reward"].(object)["id"])
	transaction := d.call(t, 200, "GET", "/v1/loyalties/members/"+card+"/transactions", nil)["data"].([]any)[0].(object)
	require.Equal(t, []any{"POINTS_REDEMPTION", object{"id": reward, "name": "Reward"}}, []any{transaction["type"], transaction["details"].(object)["reward"]})

	d.call(t, 200, "POST", "/v1/redemptions/"+made["id"].(string)+"/rollback", object{})
	require.Equal(t, 100, d.points(t, card))
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/rewards/"+reward, nil)["redeemed"])
	require.Len(t, d.told(t, "customer.redemption.rollback.succeeded"), 1)
	require.Len(t, d.told(t, "customer.rewarded"), 1)
}

func TestRewardsThatCannotBeRedeemed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.rich(t, club, "ann", 100)
	dear := d.reward(t, club, 101, book, nil)
	gone := d.reward(t, club, 1, book, object{"stock": 0})
	coin := d.reward(t, club, 0, object{"coin": object{"exchange_ratio": 1}}, nil)
	rule := d.call(t, 200, "POST", "/v1/validation-rules", object{"name": "vip", "rules": object{
		"1": object{"name": "customer.metadata", "property": "vip", "conditions": object{"$is": []bool{true}}}, "logic": "1",
	}})
	limited := d.call(t, 200, "POST", "/v1/rewards", object{"name": "x", "parameters": book})["id"].(string)
	d.call(t, 200, "POST", "/v1/rewards/"+limited+"/assignments", object{
		"campaign": "Club", "parameters": object{"loyalty": object{"points": 1}}, "validation_rules": []any{rule["id"]},
	})
	path := "/v1/loyalties/members/" + card + "/redemption"
	ask := func(status int, reward string) object {
		return d.call(t, status, "POST", path, object{"reward": object{"id": reward}})
	}
	require.Equal(t, "loyalty_card_points_exceeded", ask(400, dear)["key"])
	require.Equal(t, "quantity_exceeded", ask(400, gone)["key"])
	require.Equal(t, "missing_order", ask(400, coin)["key"])
	require.Equal(t, "customer_rules_violated", ask(400, limited)["key"])
	require.Equal(t, "missing_reward", ask(400, "rew_0192f0c1b8d77d4fa1c3e5f708192a3b")["key"])
	d.call(t, 400, "POST", path, object{})
	d.call(t, 400, "POST", path, object{"reward": object{"id": dear, "colour": "red"}})
	d.call(t, 404, "POST", "/v1/loyalties/members/nobody/redemption", object{"reward": object{"id": dear}})
	d.call(t, 404, "POST", "/v1/loyalties/Other/members/"+card+"/redemption", object{"reward": object{"id": dear}})
	require.Empty(t, d.told(t, "customer.rewarded"))
	require.Empty(t, d.told(t, "customer.redemption.succeeded"))
	require.Equal(t, 100, d.points(t, card))
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ann", "metadata": object{"vip": true}})
	ask(200, limited)
	require.Equal(t, 99, d.points(t, card))
}

func TestTheLastOfARewardGoesToOne(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	reward := d.reward(t, club, 10, book, object{"stock": 1})
	cards := make([]string, 16)
	for i := range cards {
		cards[i] = d.rich(t, club, fmt.Sprintf("c%d", i), 100)
	}
	codes := make([]int, 2*len(cards))
	var g errgroup.Group
	for i := range codes {
		g.Go(func() error {
			path := "/v1/loyalties/members/" + cards[i%len(cards)] + "/redemption"
			codes[i] = d.request(t, "POST", path, object{"reward": object{"id": reward}}).Code
			return nil
		})
	}
	require.NoError(t, g.Wait())
	left, served := 0, 0
	for i, code := range codes {
		require.Contains(t, []int{200, 400}, code, i)
		if code == 200 {
			served++
		}
	}
	for _, card := range cards {
		left += d.points(t, card)
	}
	require.Equal(t, 1, served)
	require.Equal(t, 100*len(cards)-10, left, "only that one paid")
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/rewards/"+reward, nil)["redeemed"])
	require.Len(t, d.told(t, "customer.rewarded"), 1)
}

func TestACoinRewardPaysForAnOrder(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.rich(t, club, "ann", 3000)
	reward := d.reward(t, club, 0, object{"coin": object{"exchange_ratio": "20", "points_ratio": 100}}, nil)
	path := "/v1/loyalties/Club/members/" + card + "/redemption"
	made := d.call(t, 200, "POST", path, object{
		"reward": object{"id": reward, "points": 100}, "order": object{"items": []object{{"price": 22500, "quantity": "2"}}},
	})
	order := made["order"].(object)
	require.Equal(t, []any{100.0, "PAID", 45000.0, 2000.0, 43000.0}, []any{
		made["amount"], order["status"], order["amount"], order["total_discount_amount"], order["total_amount"],
	})
	require.Equal(t, "COIN", made["reward"].(object)["type"])
	made = d.call(t, 200, "POST", path, object{"reward": object{"id": reward}, "order": object{"amount": 45000}})
	require.EqualValues(t, 0, made["order"].(object)["total_amount"], "as many as the order needs")
	require.EqualValues(t, 2250, made["amount"])
	require.Equal(t, 650, d.points(t, card))
	require.Len(t, d.told(t, "customer.rewarded"), 2)
	require.Len(t, d.told(t, "customer.order.paid"), 2)
}

func TestARewardGivesCodesCreditsAndPoints(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	other := d.club(t, "Other club", 0, nil)
	card := d.rich(t, club, "ann", 100)
	coupons := d.call(t, 200, "POST", "/v1/campaigns", percent("Coupons", object{"type": "AUTO_UPDATE"}))["id"].(string)
	gifts := d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 0}},
	})["id"].(string)
	ask := func(reward string) object {
		return d.call(t, 200, "POST", "/v1/loyalties/members/"+card+"/redemption", object{"reward": object{"id": reward}})
	}
	coupon := d.reward(t, club, 10, object{"campaign": object{"id": coupons}}, nil)
	made := ask(coupon)
	given := made["reward"].(object)["voucher"].(object)
	require.Equal(t, []any{coupons, made["customer_id"], "DISCOUNT_VOUCHER"}, []any{given["campaign_id"], given["holder_id"], given["type"]})
	require.Len(t, d.told(t, "customer.publication.succeeded"), 2, "of the card, and of the coupon")
	require.Equal(t, given["code"], d.call(t, 200, "GET", "/v1/redemptions/"+made["id"].(string), nil)["reward"].(object)["voucher"].(object)["code"])

	credits := d.reward(t, club, 10, object{"campaign": object{"id": gifts, "balance": 500}}, nil)
	first := ask(credits)["reward"].(object)["voucher"].(object)
	again := ask(credits)
	require.Equal(t, first["code"], again["reward"].(object)["voucher"].(object)["code"], "the card that the customer has")
	require.EqualValues(t, 1000, again["reward"].(object)["voucher"].(object)["gift"].(object)["balance"])
	told := d.told(t, "customer.rewarded")
	require.Equal(t, object{"amount": 500.0}, told[len(told)-1]["data"].(object)["balance"])
	require.Len(t, d.told(t, "customer.voucher.gift.balance_added"), 2)

	points := d.reward(t, club, 10, object{"campaign": object{"id": other, "balance": 70}}, nil)
	theirs := ask(points)["reward"].(object)["voucher"].(object)
	require.EqualValues(t, 70, theirs["loyalty_card"].(object)["balance"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/loyalties/"+other+"/members", nil)["total"], "a member by their reward")
	require.Equal(t, 60, d.points(t, card))

	d.call(t, 200, "POST", "/v1/redemptions/"+made["id"].(string)+"/rollback", object{})
	d.call(t, 200, "POST", "/v1/redemptions/"+again["id"].(string)+"/rollback", object{})
	require.Equal(t, false, d.call(t, 200, "GET", "/v1/vouchers/"+given["code"].(string), nil)["active"])
	require.EqualValues(t, 500, d.call(t, 200, "GET", "/v1/vouchers/"+first["code"].(string), nil)["gift"].(object)["balance"])
	require.Equal(t, 80, d.points(t, card))
}

func TestARewardWithoutCodesCostsNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.rich(t, club, "ann", 100)
	coupons := d.call(t, 200, "POST", "/v1/campaigns", percent("Coupons", nil))["id"].(string)
	reward := d.reward(t, club, 10, object{"campaign": object{"id": coupons}}, nil)
	d.call(t, 400, "POST", "/v1/loyalties/members/"+card+"/redemption", object{"reward": object{"id": reward}})
	require.Equal(t, 100, d.points(t, card))
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/rewards/"+reward, nil)["redeemed"])
	require.Empty(t, d.told(t, "customer.rewarded"))
}

func TestMembersSeeWhatTheyCanGet(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.rich(t, club, "ann", 100)
	cheap, dear := d.reward(t, club, 100, book, nil), d.reward(t, club, 101, book, nil)
	d.reward(t, club, 1, book, object{"stock": 0})
	path := "/v1/loyalties/members/" + card + "/rewards"
	ids := func(query string) (all []any) {
		for _, one := range d.call(t, 200, "GET", path+query, nil)["data"].([]any) {
			require.Equal(t, "loyalty_reward", one.(object)["object"])
			all = append(all, one.(object)["reward"].(object)["id"])
		}
		return all
	}
	require.Len(t, ids(""), 3)
	require.Equal(t, []any{cheap}, ids("?affordable_only=true"))
	offers := d.call(t, 200, "GET", "/v1/loyalties/Club/rewards", nil)["data"].([]any)
	assignment := offers[1].(object)["id"].(string)
	tier := d.many(t, "/v1/loyalties/Club/tiers", object{
		"name": "Gold", "points": object{"from": 50}, "rewards": object{assignment: object{"type": "CUSTOM", "points": 90}},
	})[0]["id"].(string)
	require.Equal(t, []any{cheap, dear}, ids("?affordable_only=true"), "at the prices of the tier")
	of := d.call(t, 200, "GET", "/v1/loyalties/Club/tiers/"+tier+"/rewards", nil)["data"].([]any)
	require.Equal(t, "loyalty_tier_reward", of[1].(object)["object"])
	require.EqualValues(t, 90, of[1].(object)["assignment"].(object)["parameters"].(object)["loyalty"].(object)["points"])
	require.EqualValues(t, 90, d.call(t, 200, "POST", "/v1/loyalties/members/"+card+"/redemption", object{"reward": object{"id": dear}})["amount"])
	d.call(t, 400, "GET", path+"?affordable_only=maybe", nil)
}

func TestRewardsAndAssignmentsAreKept(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	made := d.call(t, 200, "POST", "/v1/rewards", object{"name": "Book", "parameters": book, "stock": 2, "metadata": object{"a": 1}})
	one := "/v1/rewards/" + made["id"].(string)
	require.Equal(t, object{
		"id": made["id"], "name": "Book", "stock": 2.0, "redeemed": 0.0, "attributes": object{}, "metadata": object{"a": 1.0}, "type": "MATERIAL",
		"parameters": book, "created_at": made["created_at"], "updated_at": nil, "object": "reward",
	}, made)
	require.Equal(t, made, d.call(t, 200, "GET", one, nil))
	made["name"] = "Novel"
	require.Equal(t, "Novel", d.call(t, 200, "PUT", one, made)["name"], "a whole reward can be sent back")
	require.Nil(t, d.call(t, 200, "PUT", one, object{"stock": nil})["stock"])
	d.call(t, 400, "PUT", one, object{"parameters": object{"coin": object{"exchange_ratio": 1}}})

	price := object{"loyalty": object{"points": 5.0}}
	offer := d.call(t, 200, "POST", one+"/assignments", object{"campaign": club, "parameters": price})
	require.Equal(t, object{
		"id": offer["id"], "reward_id": made["id"], "related_object_id": club, "related_object_type": "campaign", "parameters": price,
		"created_at": offer["created_at"], "updated_at": nil, "object": "reward_assignment",
	}, offer)
	twice := d.call(t, 409, "POST", one+"/assignments", object{"campaign": "Club", "parameters": price})
	require.Equal(t, offer["id"], twice["resource_id"])
	require.Equal(t, 409, d.request(t, "POST", "/v1/loyalties/Club/rewards", []object{{"reward": made["id"], "parameters": price}}).Code)
	assignment := offer["id"].(string)
	for _, path := range []string{one + "/assignments/", "/v1/loyalties/Club/rewards/", "/v1/loyalties/Club/reward-assignments/"} {
		require.Equal(t, offer, d.call(t, 200, "GET", path+assignment, nil))
		d.call(t, 404, "GET", path+"rewa_0192f0c1b8d77d4fa1c3e5f708192a3b", nil)
		d.elsewhere(t).call(t, 404, "GET", path+assignment, nil)
	}
	for _, path := range []string{one + "/assignments", "/v1/loyalties/Club/rewards", "/v1/loyalties/Club/reward-assignments?assignmentId=" + assignment} {
		require.EqualValues(t, 1, d.call(t, 200, "GET", path, nil)["total"])
	}
	require.Equal(t, made["id"], d.call(t, 200, "GET", "/v1/loyalties/Club/reward-assignments/"+assignment+"/reward", nil)["id"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/rewards?assignment_id="+assignment, nil)["total"])
	used := d.call(t, 400, "DELETE", one, nil)
	require.Equal(t, []any{"resource_in_use", []any{assignment}, "reward_assignment", 1.0}, []any{
		used["key"], used["related_object_ids"], used["related_object_type"], used["related_object_total"],
	})
	changed := d.call(t, 200, "PUT", "/v1/loyalties/Club/rewards/"+assignment, object{"parameters": object{"loyalty": object{"points": 6}}})
	require.EqualValues(t, 6, changed["parameters"].(object)["loyalty"].(object)["points"])
	d.as(t, db.Viewer).call(t, 403, "DELETE", one+"/assignments/"+assignment, nil)
	d.call(t, 204, "DELETE", one+"/assignments/"+assignment, nil)
	d.call(t, 404, "DELETE", "/v1/loyalties/Club/rewards/"+assignment, nil)
	d.elsewhere(t).call(t, 404, "DELETE", one, nil)
	d.call(t, 204, "DELETE", one, nil)
	d.call(t, 404, "GET", one, nil)
}

func TestBadRewardsAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Coupons", nil))
	for body, property := range map[string]string{
		`{}`: "name", `{"name": "x"}`: "parameters", `{"name": " ", "parameters": {"product": {"id": "p"}}}`: "name",
		`{"name": "x", "parameters": {}}`:                                                                "parameters",
		`{"name": "x", "parameters": {"product": {}}}`:                                                   "parameters.product.id",
		`{"name": "x", "parameters": {"product": {"id": "p"}, "coin": {"exchange_ratio": 1}}}`:           "parameters",
		`{"name": "x", "type": "COIN", "parameters": {"product": {"id": "p"}}}`:                          "type",
		`{"name": "x", "parameters": {"coin": {"exchange_ratio": 0}}}`:                                   "parameters.coin.exchange_ratio",
		`{"name": "x", "parameters": {"coin": {"exchange_ratio": "much"}}}`:                              "parameters.coin.exchange_ratio",
		`{"name": "x", "parameters": {"coin": {"exchange_ratio": 1, "points_ratio": 0}}}`:                "parameters.coin.points_ratio",
		`{"name": "x", "parameters": {"campaign": {"id": "Coupons", "balance": 5}}}`:                     "parameters.campaign.balance",
		`{"name": "x", "parameters": {"campaign": {"id": "Club"}}}`:                                      "parameters.campaign.balance",
		`{"name": "x", "parameters": {"product": {"id": "p"}}, "stock": -1}`:                             "stock",
		`{"name": "x", "parameters": {"product": {"id": "p"}}, "attributes": {"image_url": "http://x"}}`: "attributes.image_url",
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/rewards", body)["property"], body)
	}
	d.call(t, 404, "POST", "/v1/rewards", `{"name": "x", "parameters": {"campaign": {"id": "nothing"}}}`)
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/rewards", nil)["total"])

	reward := d.call(t, 200, "POST", "/v1/rewards", object{"name": "x", "parameters": book})["id"].(string)
	path := "/v1/rewards/" + reward + "/assignments"
	price := object{"loyalty": object{"points": 1}}
	for property, body := range map[string]object{
		"campaign":                       {"parameters": price},
		"parameters.loyalty.points":      {"campaign": club},
		"parameters.loyalty.auto_redeem": {"campaign": club, "parameters": object{"loyalty": object{"points": 1, "auto_redeem": true}}},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", path, body)["property"])
	}
	d.call(t, 400, "POST", path, object{"campaign": club, "parameters": object{"loyalty": object{"points": 0}}})
	d.call(t, 404, "POST", path, object{"campaign": "Coupons", "parameters": price})
	d.call(t, 404, "POST", path, object{"campaign": club, "parameters": price, "validation_rules": []string{"val_0192f0c1b8d77d4fa1c3e5f708192a3b"}})
	d.call(t, 400, "POST", "/v1/loyalties/Club/rewards", []object{{"reward": reward, "parameters": price}, {"reward": reward, "parameters": price}})
	d.call(t, 404, "POST", "/v1/loyalties/Club/rewards", []object{{"reward": reward, "parameters": price}, {"reward": "rew_0192f0c1b8d77d4fa1c3e5f708192a3b", "parameters": price}})
	require.EqualValues(t, 0, d.call(t, 200, "GET", path, nil)["total"], "nothing is half-written")
}
