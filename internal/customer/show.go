package customer

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/referral"
	"herald/internal/stamp"
)

// Simple is a customer where something else is shown: a publication, an order's referrer, the holder of a card.
type Simple struct {
	ID       string          `json:"id"`
	Name     *string         `json:"name,omitempty"`
	Email    *string         `json:"email,omitempty"`
	SourceID *string         `json:"source_id"`
	Metadata json.RawMessage `json:"metadata"`
	Object   string          `json:"object"`
}

// ShowSimple is the customer as the data of an event shows one. In the data of an occurrence it stands under referrer and under
// holder only: there the deletion of a customer finds it.
func ShowSimple(c Customer) Simple {
	return Simple{
		ID: id.Customer.Format(c.ID), Name: c.Name, Email: c.Email, SourceID: c.SourceID, Metadata: c.Metadata, Object: "customer",
	}
}

// Profile is a customer with everything that the public API shows of one.
type Profile struct {
	Customer
	Figures   Figures
	Campaigns map[string]InCampaign // by the campaign's name
	Referrals []referral.Referral   // by which others brought the customer along
}

// InCampaign is what a customer has in one loyalty or referral programme.
type InCampaign struct {
	Points            int64 // left on the cards
	Tier              *uuid.UUID
	ReferredCustomers int64
}

// Shown is a customer as the public API shows one.
type Shown struct {
	ID             string          `json:"id"`
	SourceID       *string         `json:"source_id"`
	Name           *string         `json:"name,omitempty"`
	Description    *string         `json:"description,omitempty"`
	Email          *string         `json:"email,omitempty"`
	Phone          *string         `json:"phone,omitempty"`
	Birthdate      *string         `json:"birthdate,omitempty"`
	Address        json.RawMessage `json:"address"`
	Summary        ShownSummary    `json:"summary"`
	Loyalty        ShownLoyalty    `json:"loyalty"`
	Referrals      ShownReferrals  `json:"referrals"`
	Metadata       json.RawMessage `json:"metadata"`
	SystemMetadata json.RawMessage `json:"system_metadata"`
	UnsubscribedAt *stamp.Stamp    `json:"unsubscribed_at,omitempty"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	UpdatedAt      *stamp.Stamp    `json:"updated_at,omitempty"`
	Object         string          `json:"object"`
}

// ShownSummary counts what the customer redeemed and ordered.
type ShownSummary struct {
	Redemptions ShownRedemptions `json:"redemptions"`
	Orders      ShownOrders      `json:"orders"`
}

// ShownRedemptions counts what the customer redeemed.
type ShownRedemptions struct {
	TotalRedeemed          int64     `json:"total_redeemed"`
	TotalFailed            int64     `json:"total_failed"`
	TotalSucceeded         int64     `json:"total_succeeded"`
	TotalRolledBack        int64     `json:"total_rolled_back"`
	TotalRollbackFailed    int64     `json:"total_rollback_failed"`
	TotalRollbackSucceeded int64     `json:"total_rollback_succeeded"`
	Gift                   ShownGift `json:"gift"`
	LoyaltyCard            ShownCard `json:"loyalty_card"`
}

// ShownGift sums the customer's gift cards, in minor units.
type ShownGift struct {
	RedeemedAmount int64 `json:"redeemed_amount"`
	AmountToGo     int64 `json:"amount_to_go"`
}

// ShownCard sums the customer's loyalty cards.
type ShownCard struct {
	RedeemedPoints int64 `json:"redeemed_points"`
	PointsToGo     int64 `json:"points_to_go"`
}

// ShownOrders sums the customer's orders that are paid or fulfilled, in minor units.
type ShownOrders struct {
	TotalAmount     int64        `json:"total_amount"`
	TotalCount      int64        `json:"total_count"`
	AverageAmount   int64        `json:"average_amount"`
	LastOrderAmount int64        `json:"last_order_amount"`
	LastOrderDate   *stamp.Stamp `json:"last_order_date,omitempty"`
}

// ShownLoyalty is the customer's points and whom they referred, in all and by the campaign's name.
type ShownLoyalty struct {
	Points            int64                      `json:"points"`
	ReferredCustomers int64                      `json:"referred_customers"`
	Campaigns         map[string]ShownInCampaign `json:"campaigns"`
}

// ShownInCampaign is InCampaign as the public API shows it.
type ShownInCampaign struct {
	Points            int64   `json:"points"`
	Tier              *string `json:"loyalty_tier,omitempty"`
	ReferredCustomers int64   `json:"referred_customers"`
}

// ShownReferrals is by whom the customer was referred.
type ShownReferrals struct {
	Total     int              `json:"total"`
	Campaigns []referral.Shown `json:"campaigns"`
}

// Show is the customer as the public API shows one.
func Show(p Profile) Shown {
	shown := Shown{
		ID: id.Customer.Format(p.ID), SourceID: p.SourceID, Name: p.Name, Description: p.Description, Email: p.Email,
		Phone: p.Phone, Address: p.Address, Metadata: p.Metadata, SystemMetadata: p.SystemMetadata,
		UnsubscribedAt: stamp.Ptr(p.UnsubscribedAt), CreatedAt: stamp.Stamp(p.CreatedAt), UpdatedAt: stamp.Ptr(p.UpdatedAt),
		Summary:   p.Figures.summary(),
		Loyalty:   ShownLoyalty{Points: p.Figures.Points, ReferredCustomers: p.Figures.ReferredCustomers, Campaigns: map[string]ShownInCampaign{}},
		Referrals: ShownReferrals{Total: len(p.Referrals), Campaigns: make([]referral.Shown, len(p.Referrals))}, Object: "customer",
	}
	if p.Birthdate != nil {
		born := p.Birthdate.Format(time.DateOnly)
		shown.Birthdate = &born
	}
	for name, in := range p.Campaigns {
		shown.Loyalty.Campaigns[name] = ShownInCampaign{in.Points, id.Tier.FormatPtr(in.Tier), in.ReferredCustomers}
	}
	for i, r := range p.Referrals {
		shown.Referrals.Campaigns[i] = referral.Show(r)
	}
	return shown
}

func (f Figures) summary() ShownSummary {
	s := ShownSummary{
		Redemptions: ShownRedemptions{
			TotalRedeemed: f.RedemptionsSucceeded, TotalFailed: f.RedemptionsFailed,
			TotalSucceeded: f.RedemptionsSucceeded, TotalRolledBack: f.RollbacksSucceeded,
			TotalRollbackFailed: f.RollbacksFailed, TotalRollbackSucceeded: f.RollbacksSucceeded,
			Gift:        ShownGift{f.GiftRedeemed, f.GiftToGo},
			LoyaltyCard: ShownCard{f.PointsRedeemed, f.PointsToGo},
		},
		Orders: ShownOrders{
			TotalAmount: f.OrdersAmount, TotalCount: f.OrdersCount, LastOrderAmount: f.LastOrderAmount, LastOrderDate: stamp.Ptr(f.LastOrderAt),
		},
	}
	if f.OrdersCount > 0 {
		s.Orders.AverageAmount = f.OrdersAmount / f.OrdersCount
	}
	return s
}

// ShownConsent is a consent as the data of an event shows it.
type ShownConsent struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Object string `json:"object"`
}
