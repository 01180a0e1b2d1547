package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
)

// tiersTold are the types of what was told of tiers, in order, without the part that all share.
func (d door) tiersTold(t testing.TB, source string) (moves []string) {
	t.Helper()
	const prefix = "customer.loyalty.tier."
	types, _ := d.happened(t, source)
	for _, kind := range types {
		if len(kind) > len(prefix) && kind[:len(prefix)] == prefix {
			moves = append(moves, kind[len(prefix):])
		}
	}
	return moves
}

func TestMembersMoveBetweenTiers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	card := d.member(t, club, "ann")
	tiers := d.many(t, "/v1/loyalties/Club/tiers",
		object{"name": "Silver", "points": object{"from": 100, "to": 199}}, object{"name": "Gold", "points": object{"from": 200, "to": 300}})
	path := "/v1/loyalties/members/" + card + "/balance"
	add := func(points int) { d.call(t, 200, "POST", path, object{"points": points}) }
	add(100)
	shown := d.call(t, 200, "GET", "/v1/loyalties/members/"+card+"/tiers", nil)["data"].([]any)
	require.Len(t, shown, 1)
	expiration := shown[0].(object)["expiration"].(object)
	require.Equal(t, []any{tiers[0]["id"], club}, []any{expiration["tier_id"], expiration["campaign_id"]})
	require.NotContains(t, expiration, "expiration_date", "it lasts as long as the points")

	for _, points := range []int{250, -200, -150, 150} {
		add(points)
	}
	require.Equal(t, []string{"joined", "upgraded", "downgraded", "left", "joined"}, d.tiersTold(t, "ann"))
	loyalty := d.call(t, 200, "GET", "/v1/customers/ann", nil)["loyalty"].(object)["campaigns"].(object)["Club"].(object)
	require.Equal(t, tiers[0]["id"], loyalty["loyalty_tier"])
}

func TestTiersEndAndArePutOffAndProlonged(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.call(t, 200, "POST", "/v1/loyalties", object{
		"name": "Club", "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}}, "loyalty_tiers_expiration": object{
			"qualification_type": "BALANCE", "start_date": object{"type": "IMMEDIATE"},
			"expiration_date": object{"type": "CUSTOM", "extend": "P3M", "rounding": object{"type": "MONTH", "strategy": "END"}},
		},
	})
	require.Equal(t, "BALANCE", club["loyalty_tiers_expiration"].(object)["qualification_type"])
	card := d.rich(t, club["id"].(string), "ann", 100)
	d.many(t, "/v1/loyalties/Club/tiers", object{"name": "Silver", "points": object{"from": 100}})
	path := "/v1/loyalties/members/" + card
	d.call(t, 200, "POST", path+"/balance", object{"points": -1})
	ends := d.call(t, 200, "GET", path+"/tiers", nil)["data"].([]any)[0].(object)["expiration"].(object)["expiration_date"].(string)
	at, err := time.Parse(time.RFC3339, ends)
	require.NoError(t, err)
	require.Equal(t, 1, at.Day(), "three months later, to the end of that month")
	d.call(t, 200, "POST", path+"/balance", object{"points": 1})
	d.call(t, 200, "POST", path+"/balance", object{"points": -1})
	_, err = db.Tiers{Pool: d.pool}.RetierPage(t.Context(), at)
	require.NoError(t, err)
	require.Equal(t, []string{"joined", "expiration.changed", "prolonged", "expiration.changed", "left"}, d.tiersTold(t, "ann"))

	d.call(t, 200, "POST", path+"/balance", object{"points": 1})
	d.call(t, 200, "POST", path+"/balance", object{"points": -1})
	d.call(t, 200, "PUT", "/v1/loyalties/Club", object{
		"loyalty_tiers_expiration": object{
			"qualification_type": "BALANCE", "start_date": object{"type": "IMMEDIATE"},
			"expiration_date": object{"type": "END_OF_PERIOD", "extend": ""}, "qualification_period": "YEAR",
		},
		"options": object{"recalculate_tiers": true},
	})
	require.Equal(t, "expiration.changed", d.tiersTold(t, "ann")[6], "the tier was due to end already, and ends then")
}

func TestTiersAreKeptAndBadOnesRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	club := d.club(t, "Club", 0, nil)
	path := "/v1/loyalties/Club/tiers"
	draft := object{"name": "Silver", "points": object{"from": 100, "to": 199}, "metadata": object{"a": 1}}
	made := d.many(t, path, draft)[0]
	require.Equal(t, object{
		"id": made["id"], "name": "Silver", "campaign_id": club, "metadata": object{"a": 1.0}, "created_at": made["created_at"], "updated_at": nil,
		"earning_rules": object{}, "rewards": object{}, "config": object{"points": object{"from": 100.0, "to": 199.0}},
		"points": object{"from": 100.0, "to": 199.0}, "object": "loyalty_tier",
	}, made)
	require.Equal(t, made, d.call(t, 200, "GET", path+"/"+made["id"].(string), nil))
	require.EqualValues(t, 0, d.call(t, 200, "GET", path+"/"+made["id"].(string)+"/earning-rules", nil)["total"])
	for body, property := range map[string]string{
		`[]`: "", `{}`: "", `[{"points": {"from": 1}}]`: "[0].name", `[{"name": "x"}]`: "[0].points", `[{"name": "x", "points": {}}]`: "[0].points",
		`[{"name": "x", "points": {"from": -1}}]`:                                                                      "[0].points.from",
		`[{"name": "x", "points": {"from": 5, "to": 4}}]`:                                                              "[0].points.to",
		`[{"name": "x", "points": {"from": 1.5}}]`:                                                                     "[0].points.from",
		`[{"name": "x", "points": {"from": 1000, "to": 10000000000000}}]`:                                              "[0].points.to",
		`[{"name": "x", "points": {"from": 150}}]`:                                                                     "[0].points",
		`[{"name": "x", "points": {"from": 300}}, {"name": "y", "points": {"from": 300}}]`:                             "[1].points",
		`[{"name": "x", "points": {"from": 300}, "earning_rules": {"ern_x": {"type": "HALF"}}}]`:                       "[0].earning_rules.ern_x.type",
		`[{"name": "x", "points": {"from": 300}, "earning_rules": {"ern_x": {"type": "MULTIPLY", "multiplier": -1}}}]`: "[0].earning_rules.ern_x.multiplier",
		`[{"name": "x", "points": {"from": 300}, "rewards": {"rewa_x": {"type": "CUSTOM"}}}]`:                          "[0].rewards.rewa_x.points",
		`[{"name": "x", "points": {"from": 300}, "colour": "red"}]`:                                                    "[0].colour",
	} {
		answer := d.call(t, 400, "POST", path, body)
		if property != "" {
			require.Equal(t, property, answer["property"], body)
		}
	}
	require.EqualValues(t, 1, d.call(t, 200, "GET", path, nil)["total"])
	for property, change := range map[string]object{
		"loyalty_tiers_expiration.qualification_type":     {"qualification_type": "LUCK"},
		"loyalty_tiers_expiration.qualification_period":   {"qualification_type": "POINTS_IN_PERIOD"},
		"loyalty_tiers_expiration.start_date.type":        {"start_date": object{"type": "SOON"}},
		"loyalty_tiers_expiration.expiration_date.type":   {"expiration_date": object{"type": "NEVER", "extend": ""}},
		"loyalty_tiers_expiration.expiration_date.extend": {"expiration_date": object{"type": "CUSTOM", "extend": "3 months"}},
	} {
		settings := object{
			"qualification_type": "BALANCE", "start_date": object{"type": "IMMEDIATE"}, "expiration_date": object{"type": "BALANCE_DROP", "extend": ""},
		}
		for name, value := range change {
			settings[name] = value
		}
		require.Equal(t, property, d.call(t, 400, "PUT", "/v1/loyalties/Club", object{"loyalty_tiers_expiration": settings})["property"])
	}
	d.call(t, 404, "GET", path+"/ltr_0192f0c1b8d77d4fa1c3e5f708192a3b", nil)
	d.elsewhere(t).call(t, 404, "GET", "/v1/loyalties/"+club+"/tiers/"+made["id"].(string), nil)
	d.as(t, db.Viewer).call(t, 403, "POST", path, []object{draft})
}
