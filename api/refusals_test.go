package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/distribution"
	"herald/internal/id"
)

func TestAutomaticDraftsAreRefusedWithWhatFits(t *testing.T) {
	t.Parallel()
	w := world{door: openDoor(t)}
	paid := object{"type": "customer.order.paid"}
	before := w.fingerprint(t)
	for name, c := range map[string]struct {
		spec        object
		blamed, why string
	}{
		"an unknown kind":              {answering(object{"type": "customer.sneezed"}, nil), "trigger.type", "known: manual, customer.segment.entered, customer.segment.left, customer.order.created"},
		"an action that does not fit":  {answering(object{"type": "customer.rewarded"}, object{"action": object{"type": "notify_promotion"}}), "action.type", `"notify_promotion" does not fit the trigger customer.rewarded; what fits: message`},
		"a loop":                       {answering(object{"type": "customer.publication.succeeded"}, object{"action": object{"type": "publish_code"}}), "action.type", "it brings about what it would answer, and would go round and round; what fits: message"},
		"a channel that does not fit":  {answering(paid, object{"channels": []object{{"type": "pigeon"}}}), "channels[0].type", "what fits: email"},
		"a campaign of an order":       {answering(object{"type": "customer.order.paid", "campaign_id": "camp_1"}, nil), "trigger.campaign_id", "it knows: validation_rule_id, delay"},
		"a segment of an event":        {answering(object{"type": "customer.custom_event", "segment_id": "seg_1"}, nil), "trigger.segment_id", "it knows: event, validation_rule_id, delay"},
		"a rule of a segment":          {answering(object{"type": "customer.segment.left", "validation_rule_id": "val_1"}, nil), "trigger.validation_rule_id", "it knows: segment_id, delay"},
		"a tier of gift cards":         {answering(object{"type": "customer.voucher.gift.balance_added", "tier_id": "ltr_1"}, nil), "trigger.tier_id", "it knows: campaign_id, delay"},
		"who has left already":         {answering(object{"type": "customer.segment.left", "include_existing": true}, nil), "trigger.include_existing", "knows no include_existing"},
		"two segments":                 {answering(object{"type": "customer.segment.left", "segment_id": "seg_1", "segment": object{"name": "x"}}, nil), "trigger", "one of segment_id and segment"},
		"a new segment that is none":   {answering(object{"type": "customer.segment.left", "segment": object{"name": "x", "type": "passive"}}, nil), "trigger.segment.filter", "is required"},
		"a delay that is none":         {answering(object{"type": "customer.order.paid", "delay": "2 hours"}, nil), "trigger.delay", "as in PT2H"},
		"an audience":                  {answering(paid, object{"audience": object{"customer_id": "cust_1"}}), "audience", "the trigger decides"},
		"a word for pauses":            {answering(paid, object{"while_paused": "drop"}), "while_paused", `use "skip" or "hold"`},
		"a cap of nothing":             {answering(paid, object{"frequency_cap": object{"per_day": 0}}), "frequency_cap.per_day", "from 1 to"},
		"quiet all day":                {answering(paid, object{"quiet_hours": object{"from": "22:00", "to": "22:00"}}), "quiet_hours.to", "nothing would ever be sent"},
		"an end before the start":      {answering(paid, object{"start_date": "2090-01-02T00:00:00Z", "expiration_date": "2090-01-01T00:00:00Z"}), "expiration_date", "after the start_date"},
		"a manual one that is limited": {mailing(object{"while_paused": "hold"}), "while_paused", "is for automatic distributions"},
	} {
		answer := w.call(t, 400, "POST", "/v1/distributions", c.spec)
		require.Equal(t, "invalid_payload", answer["key"], name)
		require.Contains(t, properties(answer), c.blamed, name)
		require.Contains(t, properties(answer)[c.blamed], c.why, name)
	}
	require.Equal(t, before, w.fingerprint(t), "a refused call changed something")
}

func TestWhatCannotGoLiveIsToldAtOnce(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	elsewhere := s.elsewhere(t)
	theirs := elsewhere.call(t, 200, "POST", "/v1/segments", object{"name": "few", "type": "static", "customers": []any{}})["id"]
	gone := s.make(t, "/v1/segments", object{"name": "gone", "type": "static", "customers": []string{}})
	ofGone := s.ruled(t, "global", object{"1": object{"name": "customer.segment", "conditions": object{"$is": []string{gone}}}})
	_, err := s.pool.Exec(t.Context(), "DELETE FROM segments WHERE name = 'gone'")
	require.NoError(t, err)
	resting := s.make(t, "/v1/campaigns", object{"name": "Resting", "campaign_type": "DISCOUNT_COUPONS", "voucher": tenPercent(), "active": false})

	entered := func(segment any) object { return object{"type": "customer.segment.entered", "segment_id": segment} }
	paid := func(rule string) object { return object{"type": "customer.order.paid", "validation_rule_id": rule} }
	tier := func(campaign, tier string) object {
		return object{"type": "customer.loyalty.tier.joined", "campaign_id": campaign, "tier_id": tier}
	}
	gives := func(campaign any) object {
		return answering(paid(s.rule), object{"action": object{"type": "publish_code", "campaign_id": campaign}})
	}
	event := func(rule string) object {
		return object{"type": "customer.custom_event", "event": "seen", "validation_rule_id": rule}
	}
	unknown := func(prefix id.Prefix) string { return prefix.Format(id.New()) }
	for name, c := range map[string]struct {
		spec        object
		blamed, why string
	}{
		"no segment":                        {answering(object{"type": "customer.segment.entered"}, nil), "trigger.segment_id", "needs it"},
		"no event":                          {answering(object{"type": "customer.custom_event"}, nil), "trigger.event", "needs it"},
		"no campaign":                       {answering(object{"type": "customer.referred"}, nil), "trigger.campaign_id", "needs it"},
		"an unknown segment":                {answering(entered(unknown(id.Segment)), nil), "trigger.segment_id", "no segment has the id"},
		"a segment's id that is none":       {answering(entered("gold"), nil), "trigger.segment_id", "no segment has the id"},
		"another's segment":                 {answering(entered(theirs), nil), "trigger.segment_id", "no segment has the id"},
		"a static segment":                  {answering(entered(s.static), nil), "trigger.segment_id", "use one with a filter"},
		"an unknown campaign":               {answering(object{"type": "customer.referred", "campaign_id": unknown(id.Campaign)}, nil), "trigger.campaign_id", "no campaign has the id"},
		"a campaign of another kind":        {answering(object{"type": "customer.voucher.gift.balance_added", "campaign_id": s.campaign}, nil), "trigger.campaign_id", "campaigns of type GIFT_VOUCHERS, not DISCOUNT_COUPONS"},
		"an unknown tier":                   {answering(tier(s.club, unknown(id.Tier)), nil), "trigger.tier_id", "no loyalty tier of the campaign"},
		"a tier of another programme":       {answering(tier(s.club, s.otherTier), nil), "trigger.tier_id", "no loyalty tier of the campaign"},
		"an unknown rule":                   {answering(paid(unknown(id.Rule)), nil), "trigger.validation_rule_id", "no validation rule has the id"},
		"a rule about orders for events":    {answering(event(s.rule), nil), "trigger.validation_rule_id", "could never hold for the trigger customer.custom_event: it asks about order.amount, and there is no order"},
		"a rule that contradicts itself":    {answering(paid(s.ruled(t, "global", object{"1": above(100), "2": object{"name": "order.amount", "conditions": object{"$is": []int{50}}}, "logic": "1 and 2"})), nil), "trigger.validation_rule_id", "it asks of order.amount what nothing is"},
		"a rule for another trigger":        {answering(paid(s.ruled(t, "distribution.order.created", object{"1": above(1)})), nil), "trigger.validation_rule_id", "use one whose context_type is global or distribution.order.paid"},
		"a rule for a segment that is gone": {answering(paid(ofGone), nil), "trigger.validation_rule_id", "it asks for a segment that there is no longer: " + gone},
		"no campaign whose codes it gives":  {gives(nil), "action.campaign_id", "needs the campaign"},
		"an unknown campaign of codes":      {gives(unknown(id.Campaign)), "action.campaign_id", "no campaign has the id"},
		"codes of a promotion":              {gives(s.promotion), "action.campaign_id", "use notify_promotion"},
		"codes of a campaign that rests":    {gives(resting), "action.campaign_id", "enable it first"},
		"no promotion tier":                 {answering(paid(s.rule), object{"action": object{"type": "notify_promotion"}}), "action.promotion_tier_id", "needs the promotion tier"},
		"an unknown promotion tier":         {answering(paid(s.rule), object{"action": object{"type": "notify_promotion", "promotion_tier_id": unknown(id.Promotion)}}), "action.promotion_tier_id", "no promotion tier has the id"},
		"an unknown consent":                {answering(paid(s.rule), object{"consents": []any{unknown(id.Consent)}}), "consents", "do not exist"},
		"an end that has passed":            {answering(paid(s.rule), object{"expiration_date": "2020-01-01T00:00:00Z"}), "expiration_date", "has passed"},
		"no channel":                        {answering(paid(s.rule), object{"channels": nil}), "channels", "add at least one; known: email"},
		"a variable that there is not":      {answering(paid(s.rule), object{"channels": []any{email("{{ order.colour }}", "x")}}), "channels[0].subject", "order"},
	} {
		t.Run(name, func(t *testing.T) {
			one := s.call(t, 200, "POST", "/v1/distributions", c.spec)["id"].(string)
			before := s.fingerprint(t)
			answer := s.call(t, 400, "POST", "/v1/distributions/"+one+"/live", nil)
			require.Equal(t, "invalid_payload", answer["key"])
			require.Contains(t, properties(answer), c.blamed)
			require.Contains(t, properties(answer)[c.blamed], c.why)
			require.Equal(t, before, s.fingerprint(t), "a refused call changed something")
		})
	}
}

func TestWhatMayNotChangeWhileLiveSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	other := s.make(t, "/v1/segments", object{"name": "others", "filter": object{"name": object{"conditions": object{"$is": "Ada"}}}})
	entered := object{"type": "customer.segment.entered", "segment_id": s.segment}
	tier := object{"type": "customer.loyalty.tier.joined", "campaign_id": s.club, "tier_id": s.clubTier}
	for name, c := range map[string]struct {
		was, is     object
		blamed, why string
	}{
		"the trigger":            {answering(entered, nil), answering(object{"type": "customer.segment.left", "segment_id": s.segment}, nil), "trigger.type", "(it is customer.segment.entered): duplicate it, change the copy"},
		"the segment":            {answering(entered, nil), answering(object{"type": "customer.segment.entered", "segment_id": other}, nil), "trigger.segment_id", "duplicate it"},
		"a new segment":          {answering(entered, nil), answering(object{"type": "customer.segment.entered", "segment": object{"name": "x", "filter": object{"name": object{"conditions": object{"$is": "Ada"}}}}}, nil), "trigger.segment_id", "duplicate it"},
		"who is in it already":   {answering(entered, nil), answering(object{"type": "customer.segment.entered", "segment_id": s.segment, "include_existing": true}, nil), "trigger.include_existing", "send a manual one"},
		"the event":              {answering(object{"type": "customer.custom_event", "event": "a"}, nil), answering(object{"type": "customer.custom_event", "event": "b"}, nil), "trigger.event", "(it is a)"},
		"the campaign":           {answering(object{"type": "customer.publication.succeeded", "campaign_id": s.campaign}, nil), answering(object{"type": "customer.publication.succeeded", "campaign_id": s.gifts}, nil), "trigger.campaign_id", "set that live, and stop this one"},
		"the tier":               {answering(tier, nil), answering(object{"type": "customer.loyalty.tier.joined", "campaign_id": s.club}, nil), "trigger.tier_id", "duplicate it"},
		"what it sends":          {answering(entered, object{"action": object{"type": "publish_code", "campaign_id": s.campaign}}), answering(entered, nil), "action.type", "(it is publish_code)"},
		"a rule to one of none":  {answering(object{"type": "customer.order.paid"}, nil), answering(object{"type": "customer.order.paid", "validation_rule_id": "val_1"}, nil), "trigger.validation_rule_id", "no validation rule has the id"},
		"a manual one's trigger": {mailing(object{"audience": object{"segment_id": s.static}}), answering(entered, nil), "trigger.type", "(it is manual): duplicate it"},
		"a manual one's new segment that is not enough": {mailing(object{"audience": object{"segment_id": s.static}}), mailing(object{
			"audience": object{"segment": object{"name": "new", "filter": object{"name": object{"conditions": object{"$is": "Ada"}}}}}, "channels": nil,
		}), "channels", "add at least one"},
	} {
		t.Run(name, func(t *testing.T) {
			status := distribution.Live
			if c.was["trigger"].(object)["type"] == "manual" {
				status = distribution.Scheduled
			}
			one := s.confirmed(t, c.was, status)
			before := s.fingerprint(t)
			answer := s.call(t, 400, "PUT", "/v1/distributions/"+one, c.is)
			require.Equal(t, "invalid_payload", answer["key"])
			require.Contains(t, properties(answer), c.blamed)
			require.Contains(t, properties(answer)[c.blamed], c.why)
			require.Equal(t, before, s.fingerprint(t), "a refused call changed something")
		})
	}
}

func TestWhatADistributionUsesIsNotDeleted(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	customer := s.make(t, "/v1/customers", object{"source_id": "ada", "email": "ada@example.com"})
	segment := s.make(t, "/v1/segments", object{"name": "everyone", "type": "static", "customers": []string{"ada"}})
	paid := object{"type": "customer.order.paid"}
	for name, c := range map[string]struct {
		spec   object
		status distribution.Status
		path   string
		done   int // once the distribution has ended
	}{
		"the campaign it answers":   {answering(object{"type": "customer.voucher.gift.balance_added", "campaign_id": s.gifts}, nil), distribution.Live, "/v1/campaigns/" + s.gifts, 202},
		"the programme it answers":  {answering(object{"type": "customer.loyalty.tier.joined", "campaign_id": s.club, "tier_id": s.clubTier}, nil), distribution.Live, "/v1/loyalties/" + s.club, 200},
		"the campaign of its codes": {answering(paid, object{"action": object{"type": "publish_code", "campaign_id": s.campaign}}), distribution.Paused, "/v1/campaigns/" + s.campaign, 202},
		"the promotion tier":        {answering(paid, object{"action": object{"type": "notify_promotion", "promotion_tier_id": s.tier}}), distribution.Live, "/v1/promotions/tiers/" + s.tier, 204},
		"the rule":                  {answering(object{"type": "customer.order.paid", "validation_rule_id": s.rule}, nil), distribution.Live, "/v1/validation-rules/" + s.rule, 204},
		"the segment it answers":    {answering(object{"type": "customer.segment.left", "segment_id": s.segment}, nil), distribution.Live, "/v1/segments/" + s.segment, 204},
		"the segment it is for":     {mailing(object{"audience": object{"segment_id": segment}}), distribution.Sending, "/v1/segments/" + segment, 204},
		"the customer it is for":    {mailing(object{"audience": object{"customer_id": customer}}), distribution.Scheduled, "/v1/customers/ada", 204},
		"the distribution itself":   {answering(paid, nil), distribution.Live, "", 204},
	} {
		t.Run(name, func(t *testing.T) {
			one := s.confirmed(t, c.spec, c.status)
			path := c.path
			if path == "" {
				path = "/v1/distributions/" + one
			}
			before := s.fingerprint(t)
			answer := s.call(t, 409, "DELETE", path, nil)
			require.Equal(t, "conflict", answer["key"])
			if c.path != "" {
				require.Equal(t, "distribution", answer["resource_type"])
				require.Equal(t, one, answer["resource_id"])
				require.Contains(t, answer["details"], "The distribution "+c.spec["name"].(string)+" ("+one+") uses this ")
			}
			require.Equal(t, before, s.fingerprint(t), "a refused call changed something")
			s.becomes(t, one, distribution.Stopped)
			s.call(t, c.done, "DELETE", path, nil)
		})
	}
}

func TestControlsThatDoNotFitADistribution(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	paid := answering(object{"type": "customer.order.paid"}, nil)
	manual := mailing(object{"audience": object{"segment_id": s.static}})
	for name, c := range map[string]struct {
		spec    object
		status  distribution.Status
		control string
		why     string
	}{
		"sending an automatic one":       {paid, distribution.Draft, "send", "goes live (POST …/live)"},
		"sending one that is live":       {paid, distribution.Live, "send", "goes live (POST …/live)"},
		"ending a countdown without one": {paid, distribution.Paused, "send-now", "has no countdown"},
		"setting a manual one live":      {manual, distribution.Draft, "live", "is sent (POST …/send)"},
		"live twice":                     {paid, distribution.Live, "live", `a distribution that is live cannot take "live"; that fits only: draft, sent, stopped, failed`},
		"live while paused":              {paid, distribution.Paused, "live", "that fits only: draft, sent, stopped, failed"},
		"pausing twice":                  {paid, distribution.Paused, "pause", `a distribution that is paused cannot take "pause"; that fits only: syncing, scheduled, sending, live`},
		"resuming what goes on":          {paid, distribution.Live, "resume", "that fits only: paused"},
		"stopping twice":                 {paid, distribution.Stopped, "stop", "that fits only: syncing, scheduled, sending, paused, live"},
		"pausing a draft":                {paid, distribution.Draft, "pause", "that fits only"},
	} {
		t.Run(name, func(t *testing.T) {
			one := s.confirmed(t, c.spec, c.status)
			before := s.fingerprint(t)
			answer := s.call(t, 409, "POST", "/v1/distributions/"+one+"/"+c.control, nil)
			require.Equal(t, "conflict", answer["key"])
			require.Contains(t, answer["details"], c.why)
			require.Equal(t, before, s.fingerprint(t), "a refused call changed something")
		})
	}
	for _, status := range []distribution.Status{distribution.Sent, distribution.Stopped, distribution.Failed} {
		one := s.confirmed(t, paid, status)
		require.Contains(t, s.call(t, 409, "PUT", "/v1/distributions/"+one, paid)["details"], "that fits only: draft, syncing, scheduled, paused, live")
		require.Contains(t, s.call(t, 409, "POST", "/v1/distributions/"+one+"/retry", object{"status": "failed"})["details"], "no message of this distribution is failed")
	}
}
