package loyalty

import (
	"encoding/json"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// ShownTier is a tier as the public API shows it.
type ShownTier struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	CampaignID   string           `json:"campaign_id"`
	Metadata     json.RawMessage  `json:"metadata"`
	CreatedAt    stamp.Stamp      `json:"created_at"`
	UpdatedAt    *stamp.Stamp     `json:"updated_at"`
	EarningRules json.RawMessage  `json:"earning_rules"`
	Rewards      json.RawMessage  `json:"rewards"`
	Config       ShownConfig      `json:"config"`
	Points       Range            `json:"points"`
	Expiration   *ShownExpiration `json:"expiration,omitempty"` // of one member
	Object       string           `json:"object"`
}

// ShownConfig repeats a tier's points.
type ShownConfig struct {
	Points Range `json:"points"`
}

// ShownExpiration is from when to when a member is in a tier.
type ShownExpiration struct {
	CustomerID     string       `json:"customer_id"`
	CampaignID     string       `json:"campaign_id"`
	TierID         string       `json:"tier_id"`
	StartDate      *stamp.Stamp `json:"start_date,omitempty"`
	ExpirationDate *stamp.Stamp `json:"expiration_date,omitempty"`
	CreatedAt      stamp.Stamp  `json:"created_at"`
}

// ShowTier is the tier as the public API shows it.
func ShowTier(t Tier) ShownTier {
	return ShownTier{
		ID: id.Tier.Format(t.ID), Name: t.Name, CampaignID: id.Campaign.Format(t.CampaignID), Metadata: t.Metadata,
		CreatedAt: stamp.Stamp(t.CreatedAt), UpdatedAt: stamp.Ptr(t.UpdatedAt), EarningRules: t.EarningRules, Rewards: t.Rewards,
		Config: ShownConfig{t.Range()}, Points: t.Range(), Object: "loyalty_tier",
	}
}

// ShowTierOf is the tier as a member of it sees it.
func ShowTierOf(t Tier, member uuid.UUID, s Standing) ShownTier {
	shown := ShowTier(t)
	shown.Expiration = &ShownExpiration{
		CustomerID: id.Customer.Format(member), CampaignID: shown.CampaignID, TierID: shown.ID, StartDate: stamp.Ptr(s.Since),
		ExpirationDate: stamp.Ptr(s.Expires), CreatedAt: stamp.Stamp(t.CreatedAt),
	}
	if s.Since != nil {
		shown.Expiration.CreatedAt = stamp.Stamp(*s.Since)
	}
	return shown
}

// ShownRule is an earning rule as the public API shows it.
type ShownRule struct {
	ID               string                    `json:"id"`
	CreatedAt        stamp.Stamp               `json:"created_at"`
	UpdatedAt        *stamp.Stamp              `json:"updated_at"`
	ValidationRuleID *string                   `json:"validation_rule_id"`
	Loyalty          Earning                   `json:"loyalty"`
	Event            string                    `json:"event"`
	CustomEvent      *Schema                   `json:"custom_event,omitempty"`
	Segment          *Named                    `json:"segment,omitempty"`
	LoyaltyTier      *Named                    `json:"loyalty_tier,omitempty"`
	PendingPoints    *Pending                  `json:"pending_points,omitempty"`
	Source           ShownSource               `json:"source"`
	Active           bool                      `json:"active"`
	StartDate        *stamp.Stamp              `json:"start_date,omitempty"`
	ExpirationDate   *stamp.Stamp              `json:"expiration_date,omitempty"`
	ExpirationRules  *voucher.PointsExpiration `json:"expiration_rules,omitempty"`
	voucher.Validity
	AutomationID string          `json:"automation_id"`
	Metadata     json.RawMessage `json:"metadata"`
	Object       string          `json:"object"`
}

// ShownSource is where a rule belongs and what people see of it.
type ShownSource struct {
	Source
	ObjectID   string `json:"object_id"`
	ObjectType string `json:"object_type"`
}

// ShowRule is the rule as the public API shows it; limit is the validation rule that must hold.
func ShowRule(r Rule, limit *string) ShownRule {
	shown := ShownRule{
		ID: r.PublicID(), CreatedAt: stamp.Stamp(r.CreatedAt), UpdatedAt: stamp.Ptr(r.UpdatedAt), ValidationRuleID: limit,
		Loyalty: r.Loyalty, Event: r.Event, CustomEvent: r.CustomEvent, PendingPoints: r.PendingPoints,
		Source: ShownSource{r.Source, id.Campaign.Format(r.CampaignID), "campaign"}, Active: r.Active, StartDate: stamp.Ptr(r.StartDate),
		ExpirationDate: stamp.Ptr(r.ExpirationDate), ExpirationRules: r.ExpirationRules, Metadata: r.Metadata, Object: "earning_rule",
		AutomationID: automation.Format(r.ID), // nothing else stands behind a rule
	}
	if r.Validity != nil {
		shown.Validity = *r.Validity
	}
	if r.SegmentID != nil {
		shown.Segment = &Named{id.Segment.Format(*r.SegmentID)}
	}
	if triggers[r.Event] == onTier {
		shown.LoyaltyTier = &Named{AnyTier}
		if r.LoyaltyTierID != nil {
			shown.LoyaltyTier.ID = id.Tier.Format(*r.LoyaltyTierID)
		}
	}
	return shown
}

// automation is the prefix of the ids under which the public API shows what carries out a rule.
const automation id.Prefix = "auto"
