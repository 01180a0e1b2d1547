package e2e_test

import (
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"herald/internal/balance"
	"herald/internal/occurrence"
)

// shop is what there is to trigger with.
type shop struct {
	*house
	coupons, gifts, club, lodge, friends string // campaigns
	pros                                 string // a segment
	silver, gold                         string // tiers of the club; the lodge's ends
	book                                 string // a reward of the club
}

// openShop makes a campaign of every kind, a segment, tiers that never end and one that does, an earning rule and a reward.
func openShop(h *house) *shop {
	s := &shop{house: h, coupons: h.campaign(20)}
	made := func(path string, body any) string { return h.call("POST", path, body, http.StatusOK)["id"].(string) }
	s.gifts = made("/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "type": "AUTO_UPDATE", "voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 1000}},
	})
	s.friends = made("/campaigns", object{
		"name": "Friends", "campaign_type": "REFERRAL_PROGRAM", "type": "AUTO_UPDATE",
		"voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "is_referral_code": true},
	})
	card := object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}}
	s.club = made("/loyalties", object{"name": "Club", "voucher": card})
	s.lodge = made("/loyalties", object{"name": "Lodge", "voucher": card, "loyalty_tiers_expiration": object{
		"qualification_type": "BALANCE", "start_date": object{"type": "IMMEDIATE"}, "expiration_date": object{"type": "CUSTOM", "extend": "P3M"},
	}})
	tiers := h.many("/loyalties/"+s.club+"/tiers",
		object{"name": "Silver", "points": object{"from": 100, "to": 199}}, object{"name": "Gold", "points": object{"from": 200}})
	s.silver, s.gold = tiers[0]["id"].(string), tiers[1]["id"].(string)
	h.many("/loyalties/"+s.lodge+"/tiers", object{"name": "Brother", "points": object{"from": 100}})
	h.many("/loyalties/"+s.club+"/earning-rules", object{
		"event": "reviewed", "loyalty": object{"type": "FIXED", "points": 10}, "source": object{"banner": "For a review"},
	})
	s.book = made("/rewards", object{"name": "A book", "parameters": object{"product": object{"id": "prod_book"}}})
	h.many("/loyalties/"+s.club+"/rewards", object{"reward": s.book, "parameters": object{"loyalty": object{"points": 30}}})
	s.pros = h.planned("Pros", "pro")
	return s
}

// many sends an array and returns the array that is answered.
func (h *house) many(path string, items ...object) (made []object) {
	h.Helper()
	h.ask("POST", path, items, http.StatusOK, &made)
	return made
}

// member makes somebody a member of a programme with points on the card, and says its code.
func (s *shop) member(club string, who object, points int) string {
	code := s.call("POST", "/loyalties/"+club+"/members", object{"customer": who}, http.StatusOK)["code"].(string)
	if points > 0 {
		s.put(code, points, "")
	}
	return code
}

// put moves points of a card by hand.
func (s *shop) put(card string, points int, source string) {
	ask := object{"points": points}
	if source != "" {
		ask["source_id"] = source
	}
	s.call("POST", "/loyalties/members/"+card+"/balance", ask, http.StatusOK)
}

// publish gives somebody a code of a campaign.
func (s *shop) publish(campaign string, who object) string {
	given := s.call("POST", "/publications", object{"campaign": object{"id": campaign}, "customer": who}, http.StatusOK)
	return given["voucher"].(object)["code"].(string)
}

// today is over: what expires today is due, and the schedule that takes it off is started.
func (s *shop) todayIsOver() {
	_, err := s.pool.Exec(s.Context(), "UPDATE points_buckets SET expires_on = expires_on - 1")
	require.NoError(s, err)
	require.NoError(s, s.engine.ScheduleClient().GetHandle(s.Context(), "points-expiry").Trigger(s.Context(), client.ScheduleTriggerOptions{}))
}

// triggers are the stories of all triggers.
func (s *shop) triggers() []answered {
	return append(append(s.attributes(), s.orders()...), append(s.codes(), s.loyalty()...)...)
}

// said is a story whose words are known before.
func said(words string) func() string { return func() string { return words } }

// attributes are what customers are, and what apps tell of them.
func (s *shop) attributes() []answered {
	entering, leaving := nameOf(occurrence.SegmentEntered), nameOf(occurrence.SegmentLeft)
	return []answered{{
		kind: occurrence.SegmentEntered, about: object{"segment_id": s.pros}, words: "{{ segment.name }}, {{ customer.metadata.plan }}",
		do: func() { s.plans(entering, "pro") }, says: said("Pros, pro"),
	}, {
		kind: occurrence.SegmentLeft, about: object{"segment_id": s.pros}, words: "{{ segment.name }}, {{ customer.metadata.plan }}",
		ready: func() { s.plans(leaving, "pro") }, do: func() { s.plans(leaving, "free") }, says: said("Pros, free"),
	}, {
		kind: occurrence.CustomEvent, about: object{"event": "signed up"}, words: "{{ event.type }} for {{ event.metadata.plan }}",
		do: func() {
			for range 2 { // the second is a repeated call, and nothing new
				body := object{"event": "signed up", "customer": person(nameOf(occurrence.CustomEvent)), "metadata": object{"plan": "pro"}}
				s.call("POST", "/events", body, http.StatusOK, "Idempotency-Key", "signs-up")
			}
		},
		says: said("signed up for pro"),
	}}
}

// orders are what customers buy.
func (s *shop) orders() []answered {
	order := func(kind occurrence.Type, status string) func() {
		return func() {
			s.call("POST", "/orders", object{
				"source_id": nameOf(kind), "customer": person(nameOf(kind)), "status": status, "metadata": object{"shop": "L1"},
				"items": []object{{"product_id": "shoes", "quantity": 2, "price": 3000, "product": object{"name": "Shoes"}}},
			}, http.StatusOK)
		}
	}
	becomes := func(kind occurrence.Type, change object) func() {
		return func() { s.call("PUT", "/orders/"+nameOf(kind), change, http.StatusOK) }
	}
	return []answered{{
		kind: occurrence.OrderCreated, do: order(occurrence.OrderCreated, "CREATED"),
		words: "{% for item in order.items %}{{ item.quantity }} {{ item.product.name }}{% endfor %} at {{ order.metadata.shop }}", says: said("2 Shoes at L1"),
	}, {
		kind: occurrence.OrderUpdated, words: "{{ order.source_id }}, {{ order.metadata.gift }}", ready: order(occurrence.OrderUpdated, "CREATED"),
		do: becomes(occurrence.OrderUpdated, object{"metadata": object{"gift": "wrapped"}}), says: said("customer-order-updated, wrapped"),
	}, {
		kind: occurrence.OrderPaid, words: "{{ order.status }}, {{ order.total_amount }}", ready: order(occurrence.OrderPaid, "CREATED"),
		do: becomes(occurrence.OrderPaid, object{"status": "PAID"}), says: said("PAID, 6000"),
	}, {
		kind: occurrence.OrderCanceled, words: "{{ order.status }}, {{ order.amount }}", ready: order(occurrence.OrderCanceled, "PAID"),
		do: becomes(occurrence.OrderCanceled, object{"status": "CANCELED"}), says: said("CANCELED, 6000"),
	}}
}

// codes are what customers get and redeem.
func (s *shop) codes() []answered {
	var given, gift, redeemed, friend string
	var back string // the redemption that is rolled back
	redeem := func(who, code string) object {
		return s.call("POST", "/vouchers/"+code+"/redemption", object{
			"customer": person(who), "order": object{"amount": 1000}, "metadata": object{"shop": "L1"},
		}, http.StatusOK)
	}
	return []answered{{
		kind: occurrence.Published, about: object{"campaign_id": s.coupons},
		words: "{{ voucher.code }}, {{ voucher.value }} off, {{ publication.metadata.year }}, {{ campaign.name }}",
		do: func() {
			for range 2 {
				given = s.call("POST", "/publications", object{
					"campaign": object{"id": s.coupons}, "customer": person(nameOf(occurrence.Published)), "source_id": "p-1", "metadata": object{"year": 2026},
				}, http.StatusOK)["voucher"].(object)["code"].(string)
			}
		},
		says: func() string { return given + ", 10% off, 2026, Spring codes" },
	}, {
		kind: occurrence.GiftBalanceAdded, about: object{"campaign_id": s.gifts},
		words: "{{ balance.amount }} more are {{ balance.balance }} on {{ voucher.code }}: {{ transaction.reason }}",
		ready: func() { gift = s.publish(s.gifts, person(nameOf(occurrence.GiftBalanceAdded))) },
		do: func() {
			s.call("POST", "/vouchers/"+gift+"/balance", object{"amount": 500, "reason": "Sorry"}, http.StatusOK)
		},
		says: func() string { return "500 more are 1500 on " + gift + ": Sorry" },
	}, {
		kind: occurrence.Redeemed, about: object{"campaign_id": s.coupons},
		words: "{{ voucher.code }}, {{ order.total_discount_amount }} off at {{ redemption.metadata.shop }}",
		ready: func() { redeemed = s.publish(s.coupons, person(nameOf(occurrence.Redeemed))) },
		do:    func() { redeem(nameOf(occurrence.Redeemed), redeemed) },
		says:  func() string { return redeemed + ", 100 off at L1" },
		also:  []occurrence.Type{occurrence.OrderCreated, occurrence.OrderPaid},
	}, {
		kind: occurrence.RolledBack, about: object{"campaign_id": s.coupons}, words: "{{ redemption_rollback.reason }}, {{ order.status }}",
		ready: func() {
			who := nameOf(occurrence.RolledBack)
			back = redeem(who, s.publish(s.coupons, person(who)))["id"].(string)
		},
		do:   func() { s.call("POST", "/redemptions/"+back+"/rollback", object{"reason": "Sent back"}, http.StatusOK) },
		says: said("Sent back, CANCELED"), also: []occurrence.Type{occurrence.OrderUpdated, occurrence.OrderCanceled},
	}, {
		kind: occurrence.Referred, about: object{"campaign_id": s.friends}, words: "{{ referrer.name }}, {{ custom_event.type }}",
		ready: func() { friend = s.publish(s.friends, person("friend")) },
		do: func() {
			s.call("POST", "/events", object{"event": "came along", "customer": person(nameOf(occurrence.Referred)), "referral": object{"code": friend}}, http.StatusOK)
		},
		says: said("Secret friend, came along"),
	}}
}

// loyalty is what happens to points.
func (s *shop) loyalty() []answered {
	cards := map[occurrence.Type]string{}
	has := func(kind occurrence.Type, club string, points ...int) func() {
		return func() {
			cards[kind] = s.member(club, person(nameOf(kind)), points[0])
			for _, n := range points[1:] {
				s.put(cards[kind], n, "")
			}
		}
	}
	gets := func(kind occurrence.Type, points int) func() { return func() { s.put(cards[kind], points, "") } }
	in, club := func(tier string) object { return object{"campaign_id": s.club, "tier_id": tier} }, object{"campaign_id": s.club}
	added := []occurrence.Type{occurrence.PointsAdded}
	return []answered{{
		kind: occurrence.PointsAdded, about: club, words: "{{ balance.points }} more are {{ balance.balance }} on {{ voucher.code }}",
		ready: has(occurrence.PointsAdded, s.club, 20), do: gets(occurrence.PointsAdded, 30),
		says: func() string { return "30 more are 50 on " + cards[occurrence.PointsAdded] },
	}, {
		kind: occurrence.PointsExpired, about: club, words: "{{ points }}{% for bucket in buckets %} of {{ bucket.expires_at }}{% endfor %}",
		ready: func() {
			has(occurrence.PointsExpired, s.club, 20)()
			s.call("POST", "/loyalties/members/"+cards[occurrence.PointsExpired]+"/balance",
				object{"points": 30, "expiration_type": "CUSTOM_DATE", "expiration_date": balance.Day(time.Now().UTC())}, http.StatusOK)
		},
		do: s.todayIsOver, says: func() string { return "30 of " + balance.Day(time.Now().UTC().AddDate(0, 0, -1)) },
	}, {
		kind: occurrence.Rewarded, about: club, words: "{{ reward.name }}, {{ reward.type }}", ready: has(occurrence.Rewarded, s.club, 90),
		do: func() {
			s.call("POST", "/loyalties/members/"+cards[occurrence.Rewarded]+"/redemption", object{"reward": object{"id": s.book}}, http.StatusOK)
		},
		says: said("A book, MATERIAL"),
	}, {
		kind: occurrence.RewardedPoints, about: club, words: "{{ earning_rule.source.banner }}: {{ balance.points }} of {{ balance.balance }}",
		ready: has(occurrence.RewardedPoints, s.club, 20), also: added, says: said("For a review: 10 of 30"),
		do: func() {
			s.asks(nameOf(occurrence.RewardedPoints), "reviewed")
		},
	}, {
		kind: occurrence.TierJoined, about: in(s.silver), words: "{{ loyalty_tier.name }} of {{ campaign.name }}", ready: has(occurrence.TierJoined, s.club, 0),
		do: gets(occurrence.TierJoined, 100), also: added, says: said("Silver of Club"),
	}, {
		kind: occurrence.TierLeft, about: in(s.silver), words: "{{ loyalty_tier.name }}", ready: has(occurrence.TierLeft, s.club, 100),
		do: gets(occurrence.TierLeft, -1), says: said("Silver"),
	}, {
		kind: occurrence.TierUpgraded, about: in(s.gold), words: "{{ loyalty_tier_from.name }} to {{ loyalty_tier_to.name }}",
		ready: has(occurrence.TierUpgraded, s.club, 100), do: gets(occurrence.TierUpgraded, 100), also: added, says: said("Silver to Gold"),
	}, {
		kind: occurrence.TierDowngraded, about: in(s.silver), words: "{{ loyalty_tier_from.name }} to {{ loyalty_tier_to.name }}",
		ready: has(occurrence.TierDowngraded, s.club, 200), do: gets(occurrence.TierDowngraded, -1), says: said("Gold to Silver"),
	}, {
		kind: occurrence.TierProlonged, about: object{"campaign_id": s.lodge}, words: "{{ loyalty_tier.name }}",
		ready: has(occurrence.TierProlonged, s.lodge, 100, -1), do: gets(occurrence.TierProlonged, 1), says: said("Brother"),
	}}
}
