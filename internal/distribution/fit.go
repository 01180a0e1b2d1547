package distribution

import (
	"slices"
	"strings"

	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/occurrence"
)

// TriggerType names what makes messages leave: a person, or the type of the occurrences that do.
type TriggerType string

// ActionType names what is sent.
type ActionType string

// ChannelType names a way to the customer.
type ChannelType string

// What a distribution may be made of.
const (
	Manual TriggerType = "manual"

	Message         ActionType = "message"
	PublishCode     ActionType = "publish_code"
	NotifyPromotion ActionType = "notify_promotion"

	Email ChannelType = "email"
)

// About is what a trigger has to name.
type About string

// The things that triggers are about.
const (
	AboutNothing  About = ""
	AboutSegment  About = "segment_id"
	AboutCampaign About = "campaign_id"
	AboutEvent    About = "event"
)

// Fit is one row of the table of what fits what.
type Fit struct {
	Trigger  TriggerType
	Actions  []ActionType
	Channels []ChannelType
	About    About
	Kinds    []campaign.Kind // of the campaign that the trigger is about; none is any
	Tier     bool            // whether it may name a loyalty tier
	Rule     bool            // whether a validation rule may limit it
	Data     []string        // what its occurrences bring along, for templates and rules
}

// everything can be sent where the trigger itself hands out nothing.
var (
	everything  = []ActionType{Message, PublishCode, NotifyPromotion}
	justMessage = []ActionType{Message}
	allChannels = []ChannelType{Email}
	giftCards   = []campaign.Kind{campaign.GiftVouchers}
	loyalty     = []campaign.Kind{campaign.LoyaltyProgram}
	referral    = []campaign.Kind{campaign.ReferralProgram}
	ordering    = []string{"order", "referrer", "redemption"}
	redeeming   = []string{"campaign", "voucher", "holder", "order", "promotion_tier", "redemption"}
)

// Fits is the one table of which trigger names what, and of which actions and channels fit it: validation, the API's errors
// and the docs read it. It follows the public documentation of distribution webhooks, trigger by trigger.
var Fits = []Fit{
	{Trigger: Manual, Actions: everything, Channels: allChannels},
	{Trigger: TriggerType(occurrence.SegmentEntered), Actions: everything, Channels: allChannels, About: AboutSegment, Data: []string{"segment"}},
	{Trigger: TriggerType(occurrence.SegmentLeft), Actions: everything, Channels: allChannels, About: AboutSegment, Data: []string{"segment"}},
	{Trigger: TriggerType(occurrence.OrderCreated), Actions: everything, Channels: allChannels, Rule: true, Data: ordering},
	{Trigger: TriggerType(occurrence.OrderUpdated), Actions: everything, Channels: allChannels, Rule: true, Data: ordering},
	{Trigger: TriggerType(occurrence.OrderPaid), Actions: everything, Channels: allChannels, Rule: true, Data: ordering},
	{Trigger: TriggerType(occurrence.OrderCanceled), Actions: everything, Channels: allChannels, Rule: true, Data: ordering},
	{Trigger: TriggerType(occurrence.CustomEvent), Actions: everything, Channels: allChannels, About: AboutEvent, Rule: true, Data: []string{"event", "referral", "loyalty"}},
	{
		Trigger: TriggerType(occurrence.Published), Actions: justMessage, Channels: allChannels, About: AboutCampaign,
		Data: []string{"campaign", "voucher", "publication"},
	},
	{
		Trigger: TriggerType(occurrence.GiftBalanceAdded), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: giftCards,
		Data: []string{"campaign", "voucher", "balance", "transaction"},
	},
	{
		Trigger: TriggerType(occurrence.PointsAdded), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: loyalty,
		Data: []string{"campaign", "voucher", "balance", "transaction"},
	},
	{
		Trigger: TriggerType(occurrence.PointsExpired), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: loyalty,
		Data: []string{"campaign", "voucher", "points", "buckets", "transaction"},
	},
	{Trigger: TriggerType(occurrence.Redeemed), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Data: redeeming},
	{
		Trigger: TriggerType(occurrence.RolledBack), Actions: justMessage, Channels: allChannels, About: AboutCampaign,
		Data: append([]string{"redemption_rollback"}, redeeming...),
	},
	{
		Trigger: TriggerType(occurrence.Rewarded), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: loyalty,
		Data: []string{"campaign", "voucher", "holder", "reward", "redemption", "balance", "custom_event"},
	},
	{
		Trigger: TriggerType(occurrence.RewardedPoints), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: loyalty,
		Data: []string{"campaign", "voucher", "holder", "balance", "order", "event", "loyalty_tier", "earning_rule"},
	},
	tierFit(occurrence.TierJoined, "loyalty_tier"),
	tierFit(occurrence.TierLeft, "loyalty_tier"),
	tierFit(occurrence.TierProlonged, "loyalty_tier"),
	tierFit(occurrence.TierUpgraded, "loyalty_tier_from", "loyalty_tier_to"),
	tierFit(occurrence.TierDowngraded, "loyalty_tier_from", "loyalty_tier_to"),
	{
		Trigger: TriggerType(occurrence.Referred), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: referral,
		Data: []string{"campaign", "voucher", "referrer", "custom_event", "redemption"},
	},
}

func tierFit(t occurrence.Type, data ...string) Fit {
	return Fit{
		Trigger: TriggerType(t), Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: loyalty, Tier: true,
		Data: append([]string{"campaign", "created_at"}, data...),
	}
}

// ChannelTypes are all channels there are.
var ChannelTypes = []ChannelType{Email}

// FitOf is the table's row of a trigger; false where there is none.
func FitOf(t TriggerType) (Fit, bool) {
	at := slices.IndexFunc(Fits, func(f Fit) bool { return f.Trigger == t })
	if at < 0 {
		return Fit{}, false
	}
	return Fits[at], true
}

// checkFit looks the spec's trigger, action and channels up in the table.
func (s *Spec) checkFit() *fault.Error {
	fit, ok := FitOf(s.Trigger.Type)
	if !ok {
		known := make([]TriggerType, len(Fits))
		for i, f := range Fits {
			known[i] = f.Trigger
		}
		return fault.Property("trigger.type", "%q is unknown; known: %s", s.Trigger.Type, list(known))
	}
	if !slices.Contains(fit.Actions, s.Action.Type) {
		return fault.Property("action.type", "%q does not fit the trigger %s; what fits: %s",
			s.Action.Type, fit.Trigger, list(fit.Actions))
	}
	for i, c := range s.Channels {
		if !slices.Contains(fit.Channels, c.Type) {
			return fault.Property(channelPath(i)+".type", "%q does not fit the trigger %s; what fits: %s",
				c.Type, fit.Trigger, list(fit.Channels))
		}
	}
	return nil
}

// CheckRule finds why a rule that asks for those names could never hold for the trigger: it asks about what the trigger's
// occurrences do not bring.
func (f Fit) CheckRule(asks []string) *fault.Error {
	about := map[string]string{"order": "order", "product": "order", "sku": "order", "custom_event": "event"}
	for _, name := range asks {
		root, _, _ := strings.Cut(name, ".")
		if root == "customer" || slices.Contains(f.Data, about[root]) {
			continue
		}
		return fault.Property("trigger.validation_rule_id", "the rule asks about %s, which the trigger %s knows nothing of: it could never hold",
			name, f.Trigger)
	}
	return nil
}
