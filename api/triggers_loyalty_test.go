package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// put has points put on a card, by hand; a source id makes it once.
func put(t *testing.T, d door, status int, card string, points int, source string) object {
	t.Helper()
	ask := object{"points": points}
	if source != "" {
		ask["source_id"] = source
	}
	return d.call(t, status, "POST", "/v1/loyalties/members/"+card+"/balance", ask)
}

func getsPoints(t *testing.T, d door) firing {
	club := d.club(t, "Club", 100, nil)
	card := d.member(t, club, "ann")
	var balance object
	return firing{
		who: "ann", subject: club,
		cause:  func() { balance = put(t, d, 200, card, 50, "s-1") },
		repeat: func() { put(t, d, 400, card, 50, "s-1") },
		fail:   func() { put(t, d, 400, card, -151, "") },
		says: func() object {
			return object{
				"campaign": d.shown(t, "/v1/campaigns/"+club), "voucher": d.shown(t, "/v1/vouchers/"+card), "balance": balance,
				"transaction": d.lastOf(t, card),
			}
		},
	}
}

// lastOf is the last transaction on a card.
func (d door) lastOf(t *testing.T, card string) object {
	t.Helper()
	return d.shown(t, "/v1/loyalties/members/"+card+"/transactions?limit=1")["data"].([]any)[0].(object)
}

func losesPoints(t *testing.T, d door) firing {
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	d.call(t, 200, "POST", "/v1/loyalties/members/"+card+"/balance", object{"points": 70, "expiration_type": "CUSTOM_DATE", "expiration_date": day(0)})
	d.call(t, 200, "POST", "/v1/loyalties/members/"+card+"/balance", object{"points": 30, "expiration_type": "NON_EXPIRING"})
	due := d.shown(t, "/v1/loyalties/Club/members/"+card+"/points-expiration")["data"].([]any)[0].(object)
	night := func() {
		_, err := db.Balances{Pool: d.pool}.ExpirePage(t.Context())
		require.NoError(t, err)
	}
	return firing{
		who: "ann", subject: club, byHerald: true,
		cause: func() {
			_, err := d.pool.Exec(t.Context(), "UPDATE points_buckets SET expires_on = expires_on - 1")
			require.NoError(t, err)
			night()
		},
		repeat: night,
		fail:   night, // the day is not over
		says: func() object {
			due["expires_at"] = day(-1)
			return object{
				"campaign": d.shown(t, "/v1/campaigns/"+club), "voucher": d.shown(t, "/v1/vouchers/"+card), "points": 70.0,
				"buckets": []any{due}, "transaction": d.lastOf(t, card),
			}
		},
	}
}

func earnsPoints(t *testing.T, d door) firing {
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	rule := d.rule(t, club, "order.paid", object{"type": "FIXED", "points": 10}, nil)
	ask := object{"source_id": "o1", "customer": "ann", "amount": 5999, "status": "PAID"}
	return firing{
		who: "ann", subject: club,
		cause:  func() { d.call(t, 200, "POST", "/v1/orders", ask) },
		repeat: func() { d.call(t, 200, "POST", "/v1/orders", ask) },
		fail: func() {
			d.call(t, 400, "POST", "/v1/orders", object{"customer": "ann", "status": "PAID", "items": []object{{"price": -1}}})
			d.call(t, 200, "POST", "/v1/orders", object{"customer": "bob", "amount": 5000, "status": "PAID"}) // no member
		},
		says: func() object {
			ann, shown := d.shown(t, "/v1/customers/ann"), d.shown(t, "/v1/vouchers/"+card)
			return object{
				"holder": ann, "voucher": shown, "campaign": d.shown(t, "/v1/campaigns/"+club), "loyalty_tier": nil,
				"earning_rule": d.shown(t, "/v1/loyalties/Club/earning-rules/"+rule), "order": d.shown(t, "/v1/orders/o1"),
				"balance": object{
					"points": 10.0, "balance": 10.0, "total": 10.0, "type": "loyalty_card", "object": "balance", "operation_type": "AUTOMATIC",
					"related_object": object{"type": "voucher", "id": shown["id"]},
				},
				"event": object{
					"type": "customer.order.paid", "category": "EFFECT", "entity_id": ann["id"], "created_at": anInstant,
					"group_id": d.shown(t, "/v1/customers/ann/activity?type=customer.order.paid")["data"].([]any)[0].(object)["group_id"],
				},
			}
		},
	}
}

func takesReward(t *testing.T, d door) firing {
	club := d.club(t, "Club", 0, nil)
	card := d.rich(t, club, "ann", 100)
	reward := d.reward(t, club, 30, book, nil)
	dear := d.reward(t, club, 101, book, nil)
	path := "/v1/loyalties/members/" + card + "/redemption"
	var made object
	return firing{
		who: "ann", subject: club,
		cause: func() {
			made = d.call(t, 200, "POST", path, object{"reward": object{"id": reward}}, "Idempotency-Key", "k")
		},
		repeat: func() { d.call(t, 200, "POST", path, object{"reward": object{"id": reward}}, "Idempotency-Key", "k") },
		fail:   func() { d.call(t, 400, "POST", path, object{"reward": object{"id": dear}}) },
		says: func() object {
			return object{
				"holder": made["customer"], "voucher": made["voucher"], "campaign": d.shown(t, "/v1/campaigns/"+club), "redemption": made,
				"reward": made["reward"], "referral_tier": nil, "balance": nil, "custom_event": nil, "customer_event": nil,
			}
		},
	}
}

// ladder is a programme with the tiers silver from 100 and gold from 200 points, and ann's card with so many.
func (d door) ladder(t *testing.T, points int) (club, card string, tiers map[string]object) {
	t.Helper()
	club = d.club(t, "Club", points, nil)
	made := d.many(t, "/v1/loyalties/Club/tiers",
		object{"name": "Silver", "points": object{"from": 100, "to": 199}}, object{"name": "Gold", "points": object{"from": 200}})
	return club, d.member(t, club, "ann"), map[string]object{"Silver": made[0], "Gold": made[1]}
}

// moves has ann's points move her between tiers; about is the tier that the occurrence is about.
func moves(t *testing.T, d door, from, by int, about string, names map[string]string) firing {
	club, card, tiers := d.ladder(t, from)
	return firing{
		who: "ann", subject: club, tier: tiers[about]["id"].(string),
		cause:  func() { put(t, d, 200, card, by, "s-1") },
		repeat: func() { put(t, d, 400, card, by, "s-1") },
		fail:   func() { put(t, d, 400, card, -1000, "") },
		says: func() object {
			says := object{"campaign": d.shown(t, "/v1/campaigns/"+club), "created_at": anInstant}
			for name, tier := range names {
				says[name] = tiers[tier]
			}
			return says
		},
	}
}

func joinsTier(t *testing.T, d door) firing {
	return moves(t, d, 0, 100, "Silver", map[string]string{"loyalty_tier": "Silver"})
}

func leavesTier(t *testing.T, d door) firing {
	return moves(t, d, 100, -1, "Silver", map[string]string{"loyalty_tier": "Silver"})
}

func risesInTiers(t *testing.T, d door) firing {
	return moves(t, d, 100, 100, "Gold", map[string]string{"loyalty_tier_from": "Silver", "loyalty_tier_to": "Gold"})
}

func fallsInTiers(t *testing.T, d door) firing {
	return moves(t, d, 200, -1, "Silver", map[string]string{"loyalty_tier_from": "Gold", "loyalty_tier_to": "Silver"})
}

// ending is a programme whose tier is left three months after the points dropped, and the card of ann, who is in it.
func (d door) ending(t *testing.T) (club, card, tier string) {
	t.Helper()
	club = d.call(t, 200, "POST", "/v1/loyalties", object{
		"name": "Club", "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}}, "loyalty_tiers_expiration": object{
			"qualification_type": "BALANCE", "start_date": object{"type": "IMMEDIATE"}, "expiration_date": object{"type": "CUSTOM", "extend": "P3M"},
		},
	})["id"].(string)
	card = d.rich(t, club, "ann", 100)
	tier = d.many(t, "/v1/loyalties/Club/tiers", object{"name": "Silver", "points": object{"from": 100}})[0]["id"].(string)
	put(t, d, 200, card, -1, "")
	return club, card, tier
}

func prolongsTier(t *testing.T, d door) firing {
	club, card, tier := d.ending(t)
	return firing{
		who: "ann", subject: club, tier: tier,
		cause:  func() { put(t, d, 200, card, 1, "s-1") },
		repeat: func() { put(t, d, 400, card, 1, "s-1") },
		fail:   func() { put(t, d, 400, card, -1000, "") },
		says: func() object {
			return object{"campaign": d.shown(t, "/v1/campaigns/"+club), "loyalty_tier": d.shown(t, "/v1/loyalties/Club/tiers/"+tier), "created_at": anInstant}
		},
	}
}

func outlivesTier(t *testing.T, d door) firing {
	club, card, tier := d.ending(t)
	shown := d.call(t, 200, "GET", "/v1/loyalties/members/"+card+"/tiers", nil)["data"].([]any)[0].(object)
	ends, err := time.Parse(time.RFC3339, shown["expiration"].(object)["expiration_date"].(string))
	require.NoError(t, err)
	at := func(now time.Time) {
		_, err := db.Tiers{Pool: d.pool}.RetierPage(t.Context(), now)
		require.NoError(t, err)
	}
	return firing{
		who: "ann", subject: club, tier: tier, byHerald: true,
		cause:  func() { at(ends.Add(time.Second)) },
		repeat: func() { at(ends.Add(time.Second)) },
		fail:   func() { at(ends.Add(-time.Second)) },
		says: func() object {
			return object{"campaign": d.shown(t, "/v1/campaigns/"+club), "loyalty_tier": d.shown(t, "/v1/loyalties/Club/tiers/"+tier), "created_at": anInstant}
		},
	}
}
