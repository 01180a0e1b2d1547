package campaign

import (
	"encoding/json"

	"herald/internal/id"
	"herald/internal/loyalty"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Shown is a campaign as the public API shows it.
type Shown struct {
	ID                       string        `json:"id"`
	Name                     string        `json:"name"`
	Description              *string       `json:"description,omitempty"`
	CampaignType             Kind          `json:"campaign_type"`
	Type                     Type          `json:"type"`
	Voucher                  *shownPattern `json:"voucher,omitempty"` // a promotion has none
	AutoJoin                 bool          `json:"auto_join"`
	JoinOnce                 bool          `json:"join_once"`
	UseVoucherMetadataSchema bool          `json:"use_voucher_metadata_schema"`
	StartDate                *stamp.Stamp  `json:"start_date,omitempty"`
	ExpirationDate           *stamp.Stamp  `json:"expiration_date,omitempty"`
	voucher.Validity
	VouchersCount              int64               `json:"vouchers_count"`
	Active                     bool                `json:"active"`
	Metadata                   json.RawMessage     `json:"metadata"`
	CreatedAt                  stamp.Stamp         `json:"created_at"`
	UpdatedAt                  *stamp.Stamp        `json:"updated_at,omitempty"`
	Category                   *string             `json:"category,omitempty"`
	CreationStatus             Status              `json:"creation_status"`
	VouchersGenerationStatus   Status              `json:"vouchers_generation_status"`
	Protected                  bool                `json:"protected"`
	CategoryID                 *string             `json:"category_id"`
	Categories                 []string            `json:"categories"`
	ReferralProgram            *Referral           `json:"referral_program,omitempty"`
	LoyaltyTiersExpiration     *loyalty.Expiration `json:"loyalty_tiers_expiration,omitempty"`
	Promotion                  any                 `json:"promotion,omitempty"` // the tiers of a promotion
	ValidationRulesAssignments voucher.Assignments `json:"validation_rules_assignments"`
	Object                     string              `json:"object"`
}

// shownPattern is the pattern with the dates its vouchers get.
type shownPattern struct {
	Pattern
	StartDate      *stamp.Stamp `json:"start_date,omitempty"`
	ExpirationDate *stamp.Stamp `json:"expiration_date,omitempty"`
	voucher.Validity
}

// Show is the campaign as the public API shows it.
func Show(c Campaign) Shown {
	var validity voucher.Validity
	if c.Validity != nil {
		validity = *c.Validity
	}
	shown := Shown{
		ID: id.Campaign.Format(c.ID), Name: c.Name, Description: c.Description, CampaignType: c.CampaignType, Type: c.Type,
		AutoJoin: c.AutoJoin, JoinOnce: c.JoinOnce, UseVoucherMetadataSchema: c.UseVoucherMetadataSchema,
		StartDate: stamp.Ptr(c.StartDate), ExpirationDate: stamp.Ptr(c.ExpirationDate), Validity: validity, VouchersCount: c.VouchersCount,
		Active: c.Active, Metadata: c.Metadata, CreatedAt: stamp.Stamp(c.CreatedAt), UpdatedAt: stamp.Ptr(c.UpdatedAt), Category: c.Category,
		CreationStatus: c.CreationStatus, VouchersGenerationStatus: c.VouchersGenerationStatus, Categories: []string{},
		ReferralProgram: c.ReferralProgram, LoyaltyTiersExpiration: c.LoyaltyTiersExpiration,
		ValidationRulesAssignments: voucher.NoAssignments, Object: "campaign",
	}
	if c.CampaignType != Promotion {
		pattern := shownPattern{Pattern: c.Voucher, StartDate: shown.StartDate, ExpirationDate: shown.ExpirationDate, Validity: validity}
		pattern.ActivityDurationAfterPublishing = nil
		shown.Voucher = &pattern
	}
	return shown
}

// Simple is a campaign as the data of events and the activity of customers show it.
type Simple struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	CampaignType   Kind            `json:"campaign_type"`
	Type           Type            `json:"type"`
	IsReferralCode bool            `json:"is_referral_code"`
	AutoJoin       bool            `json:"auto_join"`
	JoinOnce       bool            `json:"join_once"`
	Active         bool            `json:"active"`
	Category       *string         `json:"category,omitempty"`
	Metadata       json.RawMessage `json:"metadata"`
	StartDate      *stamp.Stamp    `json:"start_date,omitempty"`
	ExpirationDate *stamp.Stamp    `json:"expiration_date,omitempty"`
	Description    *string         `json:"description,omitempty"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	UpdatedAt      *stamp.Stamp    `json:"updated_at,omitempty"`
	Object         string          `json:"object"`
}

// ShowSimple is the campaign as the data of an event shows it.
func ShowSimple(c Campaign) Simple {
	return Simple{
		ID: id.Campaign.Format(c.ID), Name: c.Name, CampaignType: c.CampaignType, Type: c.Type, IsReferralCode: c.Voucher.IsReferralCode,
		AutoJoin: c.AutoJoin, JoinOnce: c.JoinOnce, Active: c.Active, Category: c.Category, Metadata: c.Metadata,
		StartDate: stamp.Ptr(c.StartDate), ExpirationDate: stamp.Ptr(c.ExpirationDate), Description: c.Description,
		CreatedAt: stamp.Stamp(c.CreatedAt), UpdatedAt: stamp.Ptr(c.UpdatedAt), Object: "campaign",
	}
}
