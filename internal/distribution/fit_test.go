package distribution

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/rule"
	"herald/internal/segment"
)

func TestTheTableNamesOnlyWhatThereIs(t *testing.T) {
	t.Parallel()
	seen := map[TriggerType]bool{}
	for _, fit := range Fits {
		require.False(t, seen[fit.Trigger], "%s stands there twice", fit.Trigger)
		seen[fit.Trigger] = true
		require.NotEmpty(t, fit.Name)
		require.NotEmpty(t, fit.Category)
		require.NotEmpty(t, fit.Actions)
		for _, channel := range fit.Channels {
			require.Contains(t, ChannelTypes, channel)
		}
		require.Equal(t, fit.Trigger != Manual, occurrence.Type(fit.Trigger).Triggers(), "%s waits for the relay", fit.Trigger)
	}
}

// The triggers, limits and purposes of the public product's documentation, in its own order of categories.
func TestEveryDocumentedTriggerIsThere(t *testing.T) {
	t.Parallel()
	const rules, tiers, codes = "validation_rule_id", "tier_id", PublishCode
	for trigger, want := range map[occurrence.Type][]string{
		occurrence.CustomEvent: {"event", rules, string(codes)},
		occurrence.TierJoined:  {"campaign_id", tiers}, occurrence.TierLeft: {"campaign_id", tiers}, occurrence.TierUpgraded: {"campaign_id", tiers},
		occurrence.TierDowngraded: {"campaign_id", tiers}, occurrence.TierProlonged: {"campaign_id", tiers}, occurrence.RewardedPoints: {"campaign_id", tiers},
		occurrence.OrderUpdated: {rules, string(codes)}, occurrence.OrderPaid: {rules, string(codes)}, occurrence.OrderCreated: {rules, string(codes)},
		occurrence.OrderCanceled: {rules, string(codes)}, occurrence.Published: {"campaign_id"}, occurrence.Referred: {"campaign_id"}, occurrence.Rewarded: {"campaign_id"},
		occurrence.SegmentEntered: {"segment_id", "include_existing", string(codes)}, occurrence.SegmentLeft: {"segment_id", string(codes)},
		occurrence.GiftBalanceAdded: {"campaign_id"}, occurrence.PointsAdded: {"campaign_id"}, occurrence.PointsExpired: {"campaign_id"},
		occurrence.Redeemed: {"campaign_id"}, occurrence.RolledBack: {"campaign_id"}, occurrence.Type(Manual): {string(codes)},
	} {
		fit, ok := FitOf(TriggerType(trigger))
		require.True(t, ok, trigger)
		needs, takes := fit.Names()
		have := slices.Concat(needs, takes)
		if slices.Contains(fit.Actions, codes) {
			require.Contains(t, fit.Actions, NotifyPromotion, trigger)
			have = append(have, string(codes))
		}
		have = slices.DeleteFunc(have, func(name string) bool { return name == "delay" })
		require.ElementsMatch(t, want, have, trigger)
		require.Contains(t, fit.Actions, Message, "a plain message always fits")
	}
}

// What giving a code brings about is answered with plain messages only, so that no distribution can set itself or others going
// round and round. Segments are left: what a code moves in a customer's figures only grows, so that it can move them into each
// segment, and out of it, once.
func TestNothingThatACodeBringsAboutGivesCodes(t *testing.T) {
	t.Parallel()
	for action, types := range brings {
		for _, one := range types {
			fit, ok := FitOf(TriggerType(one))
			require.True(t, ok, one)
			require.NotContains(t, fit.Actions, action, "%s on %s goes round and round", action, one)
			spec := Spec{Name: "x", Trigger: Trigger{Type: fit.Trigger}, Action: Action{Type: action}}
			require.ErrorContains(t, spec.CheckDraft(), "round and round")
		}
	}
}

func TestARuleFitsItsTrigger(t *testing.T) {
	t.Parallel()
	parsed, err := rule.Parse([]byte(`{"1": {"name": "order.amount", "conditions": {"$more_than": [1]}}}`))
	require.NoError(t, err)
	paid, _ := FitOf(TriggerType(occurrence.OrderPaid))
	event, _ := FitOf(TriggerType(occurrence.CustomEvent))
	require.Nil(t, paid.CheckRule(rule.Rule{Rules: parsed, ContextType: rule.Global}, nil))
	require.Nil(t, paid.CheckRule(rule.Rule{Rules: parsed, ContextType: "distribution.order.paid"}, nil))
	require.Nil(t, paid.CheckRule(rule.Rule{Rules: parsed, ContextType: "campaign.promotion"}, nil), "contexts of other places name no trigger")
	require.ErrorContains(t, paid.CheckRule(rule.Rule{Rules: parsed, ContextType: "distribution.order.updated"}, nil), "made for the trigger customer.order.updated")
	require.ErrorContains(t, event.CheckRule(rule.Rule{Rules: parsed, ContextType: rule.Global}, nil), "there is no order")
}

func TestACampaignFitsItsTrigger(t *testing.T) {
	t.Parallel()
	gifts, _ := FitOf(TriggerType(occurrence.GiftBalanceAdded))
	published, _ := FitOf(TriggerType(occurrence.Published))
	require.Nil(t, gifts.CheckCampaign(campaign.GiftVouchers))
	require.Nil(t, published.CheckCampaign(campaign.DiscountCoupons))
	require.ErrorContains(t, gifts.CheckCampaign(campaign.Promotion), "campaigns of type GIFT_VOUCHERS, not PROMOTION")
}

func live() Spec {
	spec := sendable()
	spec.Audience = nil
	spec.Trigger = Trigger{Type: TriggerType(occurrence.TierJoined), CampaignID: id.Campaign.Format(id.New()), TierID: id.Tier.Format(id.New())}
	return spec
}

func TestWhatMayChangeWhileLive(t *testing.T) {
	t.Parallel()
	for property, change := range map[string]func(*Spec){
		"trigger.type":             func(s *Spec) { s.Trigger = Trigger{Type: Manual} },
		"trigger.campaign_id":      func(s *Spec) { s.Trigger.CampaignID = id.Campaign.Format(id.New()) },
		"trigger.tier_id":          func(s *Spec) { s.Trigger.TierID = "" },
		"trigger.segment_id":       func(s *Spec) { s.Trigger.SegmentID = "seg_1" },
		"trigger.event":            func(s *Spec) { s.Trigger.Event = "x" },
		"trigger.include_existing": func(s *Spec) { s.Trigger.IncludeExisting = true },
		"action.type":              func(s *Spec) { s.Action.Type = Message },
		"": func(s *Spec) {
			s.Name, s.Action.CampaignID, s.Consents, s.Channels, s.Repeat, s.WhilePaused = "Other", "camp_2", []string{"x"}, nil, "never", Hold
			s.Trigger.Delay, s.Trigger.ValidationRuleID, s.QuietHours, s.FrequencyCap = "PT1H", "val_1", &QuietHours{}, &FrequencyCap{}
		},
	} {
		was := live()
		is := was
		change(&is)
		faults := is.CheckEdit(&was)
		if property == "" {
			require.Empty(t, faults)
			continue
		}
		require.Len(t, faults, 1, property)
		require.Equal(t, property, faults[0].Property)
	}
	was, is := sendable(), sendable()
	is.Audience, is.Action, is.Channels = &Audience{Segment: &segment.Definition{}}, Action{Type: Message}, nil
	require.Empty(t, is.CheckEdit(&was), "until a manual one is sent, all but its trigger may change")
}

func TestControlsFitTheKindOfDistribution(t *testing.T) {
	t.Parallel()
	manual, automatic := sendable(), live()
	for control, fits := range map[Control]struct{ manual, automatic bool }{
		Send: {true, false}, GoLive: {false, true}, Edit: {true, true}, Delete: {true, true},
	} {
		for spec, fits := range map[*Spec]bool{&manual: fits.manual, &automatic: fits.automatic} {
			err := spec.Takes(control, Draft)
			require.Equal(t, !fits, fault.Is(err, fault.Conflict), "%s of %s", control, spec.Trigger.Type)
		}
	}
	require.True(t, fault.Is(automatic.Takes(SendNow, Paused), fault.Conflict))
	require.NoError(t, manual.Takes(SendNow, Paused))
}
