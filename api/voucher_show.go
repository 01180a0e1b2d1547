package api

import (
	"encoding/json"
	"net/url"

	"github.com/labstack/echo/v4"

	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// shownVoucher is a voucher as the public API shows it.
type shownVoucher struct {
	ID             string          `json:"id"`
	Code           string          `json:"code"`
	Campaign       *string         `json:"campaign"`
	CampaignID     *string         `json:"campaign_id"`
	Category       *string         `json:"category"`
	CategoryID     *string         `json:"category_id"`
	Categories     []string        `json:"categories"`
	Type           voucher.Type    `json:"type"`
	Discount       json.RawMessage `json:"discount"`
	Gift           json.RawMessage `json:"gift"`
	LoyaltyCard    json.RawMessage `json:"loyalty_card"`
	StartDate      *timestamp      `json:"start_date"`
	ExpirationDate *timestamp      `json:"expiration_date"`
	shownValidity
	Active                     bool            `json:"active"`
	AdditionalInfo             *string         `json:"additional_info"`
	Metadata                   json.RawMessage `json:"metadata"`
	Assets                     *struct{}       `json:"assets"` // null: no images are rendered
	IsReferralCode             bool            `json:"is_referral_code"`
	CreatedAt                  timestamp       `json:"created_at"`
	UpdatedAt                  *timestamp      `json:"updated_at"`
	HolderID                   *string         `json:"holder_id"`
	ValidationRulesAssignments echo.Map        `json:"validation_rules_assignments"`
	Redemption                 shownRedemption `json:"redemption"`
	Publish                    shownPublish    `json:"publish"`
	Object                     string          `json:"object"`
}

type shownValidity struct {
	Timeframe *voucher.Timeframe `json:"validity_timeframe"`
	DayOfWeek []int              `json:"validity_day_of_week"`
	Hours     *voucher.Hours     `json:"validity_hours,omitempty"`
}

type shownRedemption struct {
	Quantity         *int64 `json:"quantity"`
	RedeemedQuantity int64  `json:"redeemed_quantity"`
	Object           string `json:"object"`
	URL              string `json:"url"`
}

type shownPublish struct {
	Object string `json:"object"`
	Count  int    `json:"count"`
	URL    string `json:"url"`
}

func showVoucher(v voucher.Voucher, campaign *string) shownVoucher {
	shown := shownVoucher{
		ID: id.Voucher.Format(v.ID), Code: v.Code, Campaign: campaign, CampaignID: id.Campaign.FormatPtr(v.CampaignID),
		Category: v.Category, Categories: []string{}, Type: v.Type, StartDate: stamp.Ptr(v.StartDate),
		ExpirationDate: stamp.Ptr(v.ExpirationDate), Active: v.Active, AdditionalInfo: v.AdditionalInfo, Metadata: v.Metadata,
		IsReferralCode: v.IsReferralCode, CreatedAt: timestamp(v.CreatedAt), UpdatedAt: stamp.Ptr(v.UpdatedAt),
		HolderID: id.Customer.FormatPtr(v.HolderID), ValidationRulesAssignments: list[struct{}]("data", nil, 0),
		Redemption: shownRedemption{Quantity: v.RedemptionQuantity, RedeemedQuantity: v.RedeemedQuantity, Object: "list"},
		Publish:    shownPublish{Object: "list"}, Object: "voucher",
	}
	if v.Validity != nil {
		shown.shownValidity = shownValidity{v.Validity.Timeframe, v.Validity.DayOfWeek, v.Validity.Hours}
	}
	if v.PublicationID != nil {
		shown.Publish.Count = 1
	}
	path := "/v1/vouchers/" + url.PathEscape(v.Code)
	shown.Redemption.URL = path + "/redemptions?page=1&limit=10"
	shown.Publish.URL = path + "/publications?page=1&limit=10"
	benefit := worth(v)
	shown.Discount, shown.Gift, shown.LoyaltyCard = benefit.Discount, benefit.Gift, benefit.LoyaltyCard
	return shown
}

// shownBenefit is a voucher's value under the name that goes with its type.
type shownBenefit struct {
	Discount    json.RawMessage `json:"discount,omitempty"`
	Gift        json.RawMessage `json:"gift,omitempty"`
	LoyaltyCard json.RawMessage `json:"loyalty_card,omitempty"`
}

func worth(v voucher.Voucher) shownBenefit {
	switch v.Type {
	case voucher.GiftVoucher:
		return shownBenefit{Gift: v.Value}
	case voucher.LoyaltyCard:
		return shownBenefit{LoyaltyCard: v.Value}
	}
	return shownBenefit{Discount: v.Value}
}
