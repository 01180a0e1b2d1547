package voucher

import (
	"encoding/json"
	"net/url"

	"herald/internal/id"
	"herald/internal/stamp"
)

// Shown is a voucher as the public API shows it.
type Shown struct {
	ID             string          `json:"id"`
	Code           string          `json:"code"`
	Campaign       *string         `json:"campaign"`
	CampaignID     *string         `json:"campaign_id"`
	Category       *string         `json:"category"`
	CategoryID     *string         `json:"category_id"`
	Categories     []string        `json:"categories"`
	Type           Type            `json:"type"`
	Discount       json.RawMessage `json:"discount"`
	Gift           json.RawMessage `json:"gift"`
	LoyaltyCard    json.RawMessage `json:"loyalty_card"`
	StartDate      *stamp.Stamp    `json:"start_date"`
	ExpirationDate *stamp.Stamp    `json:"expiration_date"`
	shownValidity
	Active                     bool            `json:"active"`
	AdditionalInfo             *string         `json:"additional_info"`
	Metadata                   json.RawMessage `json:"metadata"`
	Assets                     *Assets         `json:"assets,omitempty"` // nil where nobody knows the address of the door
	IsReferralCode             bool            `json:"is_referral_code"`
	CreatedAt                  stamp.Stamp     `json:"created_at"`
	UpdatedAt                  *stamp.Stamp    `json:"updated_at"`
	HolderID                   *string         `json:"holder_id,omitempty"`
	ReferrerID                 *string         `json:"referrer_id,omitempty"` // the holder of a referral code
	ValidationRulesAssignments Assignments     `json:"validation_rules_assignments"`
	Redemption                 ShownRedemption `json:"redemption"`
	Publish                    shownPublish    `json:"publish"`
	Object                     string          `json:"object"`
}

// Assets are the addresses of a voucher's code as images.
type Assets struct {
	QR      Asset `json:"qr"`
	Barcode Asset `json:"barcode"`
}

// Asset is one image: its id, which says nothing of the code, and where it is.
type Asset struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

// Assignments is the list of the validation rules that limit a thing.
type Assignments struct {
	Object  string `json:"object"`
	DataRef string `json:"data_ref"`
	Data    []any  `json:"data"`
	Total   int64  `json:"total"`
}

// NoAssignments is the list of what no rule limits.
var NoAssignments = Assignments{Object: "list", DataRef: "data", Data: []any{}}

type shownValidity struct {
	Timeframe *Timeframe `json:"validity_timeframe"`
	DayOfWeek []int      `json:"validity_day_of_week"`
	Hours     *Hours     `json:"validity_hours,omitempty"`
}

// ShownRedemption is how often a voucher can be used, how often it was, and what was taken from it.
type ShownRedemption struct {
	Quantity         *int64 `json:"quantity"`
	RedeemedQuantity int64  `json:"redeemed_quantity"`
	RedeemedAmount   *int64 `json:"redeemed_amount,omitempty"` // of a gift, in minor units
	RedeemedPoints   *int64 `json:"redeemed_points,omitempty"` // of a loyalty card
	Object           string `json:"object,omitempty"`
	URL              string `json:"url,omitempty"`
}

type shownPublish struct {
	Object string `json:"object"`
	Count  int    `json:"count"`
	URL    string `json:"url"`
}

// Show is the voucher as the public API shows it; campaign is the name of the one it belongs to.
func Show(v Voucher, campaign *string) Shown {
	worth := ShowWorth(v)
	shown := Shown{
		ID: id.Voucher.Format(v.ID), Code: v.Code, Campaign: campaign, CampaignID: id.Campaign.FormatPtr(v.CampaignID),
		Category: v.Category, Categories: []string{}, Type: v.Type, Discount: worth.Discount, Gift: worth.Gift,
		LoyaltyCard: worth.LoyaltyCard, StartDate: stamp.Ptr(v.StartDate), ExpirationDate: stamp.Ptr(v.ExpirationDate),
		Active: v.Active, AdditionalInfo: v.AdditionalInfo, Metadata: v.Metadata, IsReferralCode: v.IsReferralCode,
		CreatedAt: stamp.Stamp(v.CreatedAt), UpdatedAt: stamp.Ptr(v.UpdatedAt), HolderID: id.Customer.FormatPtr(v.HolderID),
		ReferrerID: referrer(v), ValidationRulesAssignments: NoAssignments, Redemption: showRedemption(v),
		Publish: shownPublish{Object: "list"}, Object: "voucher",
	}
	if v.Validity != nil {
		shown.shownValidity = shownValidity{v.Validity.Timeframe, v.Validity.DayOfWeek, v.Validity.Hours}
	}
	if v.PublicationID != nil {
		shown.Publish.Count = 1
	}
	path := "/v1/vouchers/" + url.PathEscape(v.Code)
	shown.Redemption.Object, shown.Redemption.URL = "list", path+"/redemptions?page=1&limit=10"
	shown.Publish.URL = path + "/publications?page=1&limit=10"
	return shown
}

func referrer(v Voucher) *string {
	if !v.IsReferralCode {
		return nil
	}
	return id.Customer.FormatPtr(v.HolderID)
}

func showRedemption(v Voucher) ShownRedemption {
	shown := ShownRedemption{Quantity: v.RedemptionQuantity, RedeemedQuantity: v.RedeemedQuantity}
	if v.Type == DiscountVoucher {
		return shown
	}
	benefit, err := BenefitOf(v.Type, v.Value)
	if err != nil {
		return shown
	}
	if g := benefit.Gift; g != nil && g.Amount != nil && g.Balance != nil {
		redeemed := g.Redeemed()
		shown.RedeemedAmount = &redeemed
	}
	if c := benefit.LoyaltyCard; c != nil && c.Points != nil && c.Balance != nil {
		redeemed := c.Redeemed()
		shown.RedeemedPoints = &redeemed
	}
	return shown
}

// ShownWorth is a voucher's value under the name that goes with its type.
type ShownWorth struct {
	Discount    json.RawMessage `json:"discount,omitempty"`
	Gift        json.RawMessage `json:"gift,omitempty"`
	LoyaltyCard json.RawMessage `json:"loyalty_card,omitempty"`
}

// ShowWorth shows what a voucher is worth.
func ShowWorth(v Voucher) ShownWorth {
	switch v.Type {
	case GiftVoucher:
		return ShownWorth{Gift: v.Value}
	case LoyaltyCard:
		return ShownWorth{LoyaltyCard: v.Value}
	}
	return ShownWorth{Discount: v.Value}
}

// Simple is a voucher as the data of events and the activity of customers show it.
type Simple struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Type Type   `json:"type"`
	ShownWorth
	Campaign       *string         `json:"campaign,omitempty"`
	CampaignID     *string         `json:"campaign_id,omitempty"`
	IsReferralCode bool            `json:"is_referral_code"`
	HolderID       *string         `json:"holder_id,omitempty"`
	ReferrerID     *string         `json:"referrer_id,omitempty"`
	Category       *string         `json:"category,omitempty"`
	Active         bool            `json:"active"`
	StartDate      *stamp.Stamp    `json:"start_date,omitempty"`
	ExpirationDate *stamp.Stamp    `json:"expiration_date,omitempty"`
	Metadata       json.RawMessage `json:"metadata"`
	Redemption     ShownRedemption `json:"redemption"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	UpdatedAt      *stamp.Stamp    `json:"updated_at,omitempty"`
	Object         string          `json:"object"`
}

// ShowSimple is the voucher as the data of an event shows it; campaign is the name of the one it belongs to. The database
// shows the same for what it does to many vouchers at once (simple_voucher).
func ShowSimple(v Voucher, campaign *string) Simple {
	return Simple{
		ID: id.Voucher.Format(v.ID), Code: v.Code, Type: v.Type, ShownWorth: ShowWorth(v), Campaign: campaign,
		CampaignID: id.Campaign.FormatPtr(v.CampaignID), IsReferralCode: v.IsReferralCode, HolderID: id.Customer.FormatPtr(v.HolderID),
		ReferrerID: referrer(v), Category: v.Category, Active: v.Active, StartDate: stamp.Ptr(v.StartDate),
		ExpirationDate: stamp.Ptr(v.ExpirationDate), Metadata: v.Metadata, Redemption: showRedemption(v),
		CreatedAt: stamp.Stamp(v.CreatedAt), UpdatedAt: stamp.Ptr(v.UpdatedAt), Object: "voucher",
	}
}
