package loyalty

import (
	"encoding/json"

	"herald/internal/id"
	"herald/internal/stamp"
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
