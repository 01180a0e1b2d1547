package distribution

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/occurrence"
	"herald/internal/rule"
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

// Category is where a picker shows a trigger.
type Category string

// The categories, as the public product has them.
const (
	CategoryManual   Category = "Manual"
	CategorySegment  Category = "Segment related activity"
	CategoryCart     Category = "Cart related activity"
	CategoryEvent    Category = "Custom event"
	CategoryPublish  Category = "Publishing codes"
	CategoryVoucher  Category = "Voucher related activity"
	CategoryReward   Category = "Customer rewards"
	CategoryTier     Category = "Loyalty tier related activity"
	CategoryReferral Category = "Referral related activity"
)

// Fit is one row of the table of what fits what.
type Fit struct {
	Trigger  TriggerType
	Name     string // for people
	Category Category
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
	rewarding   = []campaign.Kind{campaign.LoyaltyProgram, campaign.ReferralProgram}
	ordering    = []string{"order", "referrer", "redemption"}
	redeeming   = []string{"voucher", "holder", "order", "promotion_tier", "redemption"}
	tiering     = []string{"loyalty_tier", "created_at"}
	moving      = []string{"loyalty_tier_from", "loyalty_tier_to", "created_at"} // between tiers
)

// Fits is the one table of which trigger names what, and of which actions and channels fit it: validation, the API, its errors
// and the docs read it. It follows the public documentation of distributions and of their webhooks, trigger by trigger.
var Fits = []Fit{
	{Trigger: Manual, Name: "Manual message", Category: CategoryManual, Actions: everything, Channels: allChannels},
	segmentFit(occurrence.SegmentEntered, "Customer entered segment"),
	segmentFit(occurrence.SegmentLeft, "Customer left segment"),
	orderFit(occurrence.OrderCreated, "Order created"),
	orderFit(occurrence.OrderUpdated, "Order updated"),
	orderFit(occurrence.OrderPaid, "Order paid"),
	orderFit(occurrence.OrderCanceled, "Order canceled"),
	{
		Trigger: TriggerType(occurrence.CustomEvent), Name: "Custom event", Category: CategoryEvent,
		Actions: everything, Channels: allChannels, About: AboutEvent, Rule: true, Data: []string{"event", "referral", "loyalty"},
	},
	campaignFit(occurrence.Published, "Code published", CategoryPublish, nil, "voucher", "publication"),
	campaignFit(occurrence.GiftBalanceAdded, "Gift credits added", CategoryVoucher, giftCards, "voucher", "balance", "transaction"),
	campaignFit(occurrence.PointsAdded, "Loyalty points added", CategoryVoucher, loyalty, "voucher", "balance", "transaction"),
	campaignFit(occurrence.PointsExpired, "Loyalty points expired", CategoryVoucher, loyalty, "voucher", "points", "buckets", "transaction"),
	campaignFit(occurrence.Redeemed, "Voucher redeemed", CategoryVoucher, nil, redeeming...),
	campaignFit(occurrence.RolledBack, "Redemption rolled back", CategoryVoucher, nil, append([]string{"redemption_rollback"}, redeeming...)...),
	campaignFit(occurrence.Rewarded, "Reward redeemed", CategoryReward, rewarding, "voucher", "holder", "reward", "redemption", "balance", "custom_event"),
	tierFit(occurrence.RewardedPoints, "Customer rewarded loyalty points", "voucher", "holder", "balance", "order", "event", "loyalty_tier", "earning_rule"),
	tierFit(occurrence.TierJoined, "Customer entered loyalty tiers", tiering...),
	tierFit(occurrence.TierLeft, "Customer left loyalty tiers", tiering...),
	tierFit(occurrence.TierProlonged, "Loyalty tier prolonged", tiering...),
	tierFit(occurrence.TierUpgraded, "Loyalty tier upgraded", moving...),
	tierFit(occurrence.TierDowngraded, "Loyalty tier downgraded", moving...),
	campaignFit(occurrence.Referred, "Customer was referred", CategoryReferral, referral, "voucher", "referrer", "custom_event", "redemption"),
}

func segmentFit(t occurrence.Type, name string) Fit {
	return Fit{
		Trigger: TriggerType(t), Name: name, Category: CategorySegment,
		Actions: everything, Channels: allChannels, About: AboutSegment, Data: []string{"segment"},
	}
}

func orderFit(t occurrence.Type, name string) Fit {
	return Fit{
		Trigger: TriggerType(t), Name: name, Category: CategoryCart,
		Actions: everything, Channels: allChannels, Rule: true, Data: ordering,
	}
}

func campaignFit(t occurrence.Type, name string, in Category, kinds []campaign.Kind, data ...string) Fit {
	return Fit{
		Trigger: TriggerType(t), Name: name, Category: in,
		Actions: justMessage, Channels: allChannels, About: AboutCampaign, Kinds: kinds, Data: append([]string{"campaign"}, data...),
	}
}

func tierFit(t occurrence.Type, name string, data ...string) Fit {
	f := campaignFit(t, name, CategoryTier, loyalty, data...)
	f.Tier = true
	return f
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
		return fault.Property("action.type", "%q does not fit the trigger %s%s; what fits: %s",
			s.Action.Type, fit.Trigger, fit.loop(s.Action.Type), list(fit.Actions))
	}
	for i, c := range s.Channels {
		if !slices.Contains(fit.Channels, c.Type) {
			return fault.Property(channelPath(i)+".type", "%q does not fit the trigger %s; what fits: %s",
				c.Type, fit.Trigger, list(fit.Channels))
		}
	}
	return nil
}

// brings is what an action makes happen to those whom it is for, beside the message.
var brings = map[ActionType][]occurrence.Type{
	PublishCode: {occurrence.Published, occurrence.TierJoined, occurrence.TierUpgraded, occurrence.PointsAdded, occurrence.RewardedPoints},
}

// loop says so where the action would bring about what it answers.
func (f Fit) loop(a ActionType) string {
	if slices.Contains(brings[a], occurrence.Type(f.Trigger)) {
		return ": it brings about what it would answer, and would go round and round"
	}
	return ""
}

// CheckCampaign finds that the trigger is not about campaigns of a kind.
func (f Fit) CheckCampaign(kind campaign.Kind) *fault.Error {
	if len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind) {
		return nil
	}
	return fault.Property("trigger.campaign_id", "the trigger %s is about campaigns of type %s, not %s", f.Trigger, list(f.Kinds), kind)
}

// CheckRule finds why a rule could never let an occurrence through; gone are the segments it names that there are no longer.
func (f Fit) CheckRule(r rule.Rule, gone []uuid.UUID) *fault.Error {
	if place, ok := strings.CutPrefix(r.ContextType, "distribution."); ok && "customer."+place != string(f.Trigger) {
		return fault.Property("trigger.validation_rule_id", "the rule is made for the trigger customer.%s (its context_type is %s); "+
			"use one whose context_type is global or distribution.%s", place, r.ContextType, strings.TrimPrefix(string(f.Trigger), "customer."))
	}
	why := r.Never(rule.Asked{Order: slices.Contains(f.Data, "order"), Event: slices.Contains(f.Data, "event"), Gone: gone})
	if why != "" {
		return fault.Property("trigger.validation_rule_id", "the rule could never hold for the trigger %s: %s", f.Trigger, why)
	}
	return nil
}
