package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/id"
)

// stage is a project with one of everything that an automatic distribution can name.
type stage struct {
	world
	segment, static, campaign, gifts, club, clubTier, otherTier, promotion, tier, rule, consent string
}

func setStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{world: world{door: openDoor(t)}}
	golds := object{"metadata.tier": object{"conditions": object{"$is": []string{"gold"}}}}
	s.segment = s.make(t, "/v1/segments", object{"name": "gold", "type": "passive", "filter": golds})
	s.static = s.make(t, "/v1/segments", object{"name": "few", "type": "static", "customers": []string{}})
	s.campaign = s.make(t, "/v1/campaigns", object{"name": "Spring", "campaign_type": "DISCOUNT_COUPONS", "type": "STATIC", "voucher": tenPercent()})
	s.gifts = s.make(t, "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 1000}},
	})
	s.club, s.clubTier = s.programme(t, "Club")
	_, s.otherTier = s.programme(t, "Other club")
	s.promotion = s.make(t, "/v1/campaigns", object{"name": "Promotion", "campaign_type": "PROMOTION"})
	s.tier = s.make(t, "/v1/promotions/"+s.promotion+"/tiers", object{
		"name": "Five off", "action": object{"discount": object{"type": "AMOUNT", "amount_off": 500.0}},
	})
	s.rule = s.ruled(t, "global", object{"1": above(9900)})
	s.consent = s.make(t, "/v1/consents", object{"name": "news", "description": "Once a week", "category": "email"})
	return s
}

func (s *stage) programme(t *testing.T, name string) (programme, tier string) {
	t.Helper()
	programme = s.make(t, "/v1/loyalties", object{
		"name": name, "type": "AUTO_UPDATE", "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}},
	})
	made := s.request(t, "POST", "/v1/loyalties/"+programme+"/tiers", []object{{"name": "Gold", "points": object{"from": 0}}})
	require.Equal(t, 200, made.Code, made.Body)
	_, rest, _ := strings.Cut(made.Body.String(), `"id":"`)
	tier, _, _ = strings.Cut(rest, `"`)
	return programme, tier
}

func (s *stage) ruled(t *testing.T, context string, rules object) string {
	t.Helper()
	return s.make(t, "/v1/validation-rules", object{"name": "A rule", "context_type": context, "rules": rules})
}

func above(amount int) object {
	return object{"name": "order.amount", "conditions": object{"$more_than": []int{amount}}}
}

// answering is a distribution that answers a trigger with a plain message, with changes.
func answering(trigger object, change object) object {
	spec := mailing(object{"name": "Answer", "trigger": trigger})
	for name, value := range change {
		spec[name] = value
	}
	return spec
}

// confirmed is a distribution that stands there, as if its run had written so.
func (d door) confirmed(t testing.TB, spec object, status distribution.Status) string {
	t.Helper()
	one := d.call(t, 200, "POST", "/v1/distributions", spec)["id"].(string)
	row, _ := id.Distribution.Parse(one)
	store := db.Distributions{Pool: d.pool}
	found, err := store.Get(t.Context(), d.project, row)
	require.NoError(t, err)
	require.NoError(t, store.Confirm(t.Context(), row, 1, found.Spec, "test"))
	require.NoError(t, store.Adopt(t.Context(), d.project, row, 1, found.Spec))
	d.becomes(t, one, status)
	return one
}

func (d door) becomes(t testing.TB, one string, status distribution.Status) {
	t.Helper()
	row, _ := id.Distribution.Parse(one)
	require.NoError(t, db.Distributions{Pool: d.pool}.Record(t.Context(), d.project, row, db.Standing{Status: status, Actor: "test", Event: string(status)}))
}
