package balance

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// PendingStatus says what became of pending points.
type PendingStatus string

// The statuses.
const (
	Waiting   PendingStatus = "PENDING"
	Activated PendingStatus = "ACTIVATED"
	Canceled  PendingStatus = "CANCELED"
)

// Pending is points that were earned and do not count yet.
type Pending struct {
	ID          uuid.UUID
	ProjectID   uuid.UUID
	VoucherID   uuid.UUID
	CampaignID  uuid.UUID
	CustomerID  uuid.UUID
	OrderID     *uuid.UUID
	Points      int64
	ActivatesOn time.Time                 // the first day (UTC) on which they count
	Expiration  *voucher.PointsExpiration // when they expire from then on; nil: as the programme says
	Details     json.RawMessage           // an object, as the public API shows it: event, earning_rule, order …
	Status      PendingStatus
	CreatedAt   time.Time
	UpdatedAt   *time.Time
}

// Want refuses pending points that wait no more; done is what was to be done with them: activated, canceled or updated.
func (p Pending) Want(done string) error {
	if p.Status == Waiting {
		return nil
	}
	return fault.New(fault.InvalidPending, "Only pending points in 'PENDING' status can be %s. Current status: '%s'.", done, p.Status)
}

// Adjusted is the points with more or fewer of them; some must be left.
func (p Pending) Adjusted(points int64) (Pending, error) {
	if points > Max || points < -Max {
		return p, invalidAmount("At most %d can be moved at once", int64(Max))
	}
	if p.Points+points < 1 || p.Points+points > Max {
		return p, invalidAmount("Amount has to be a valid positive number")
	}
	p.Points += points
	return p, nil
}

// Movement brings the points onto their card. Manual says whether somebody asked for it.
func (p Pending) Movement(source string, manual bool) (Movement, error) {
	details := map[string]any{}
	if err := json.Unmarshal(p.Details, &details); err != nil {
		return Movement{}, fmt.Errorf("details of pending points %s: %w", p.ID, err)
	}
	delete(details, "holder_loyalty_tier") // the transaction has the tier of its own time
	details["pending_points"] = p.Show()
	return Movement{
		Voucher: p.VoucherID, Amount: p.Points, Type: PendingActivation, Manual: manual, Source: &source,
		Expires: Expiration{Rules: p.Expiration}, Details: details,
	}, nil
}

// Order is the order that earned the points, as details show it.
func (p Pending) Order() any {
	var details struct {
		Order any `json:"order"`
	}
	_ = json.Unmarshal(p.Details, &details) // without details there is no order to show
	return details.Order
}

// ShownPending is pending points as the public API shows them.
type ShownPending struct {
	ID          string          `json:"id"`
	VoucherID   string          `json:"voucher_id"`
	CampaignID  string          `json:"campaign_id"`
	CustomerID  string          `json:"customer_id"`
	OrderID     *string         `json:"order_id"`
	Points      int64           `json:"points"`
	ActivatesAt string          `json:"activates_at"`
	Details     json.RawMessage `json:"details"`
	CreatedAt   stamp.Stamp     `json:"created_at"`
	UpdatedAt   *stamp.Stamp    `json:"updated_at,omitempty"`
}

// Show is the points as the public API shows them.
func (p Pending) Show() ShownPending {
	return ShownPending{
		ID: id.Pending.Format(p.ID), VoucherID: id.Voucher.Format(p.VoucherID), CampaignID: id.Campaign.Format(p.CampaignID),
		CustomerID: id.Customer.Format(p.CustomerID), OrderID: id.Order.FormatPtr(p.OrderID), Points: p.Points,
		ActivatesAt: Day(p.ActivatesOn), Details: p.Details, CreatedAt: stamp.Stamp(p.CreatedAt), UpdatedAt: stamp.Ptr(p.UpdatedAt),
	}
}

// ShownPendingBalance is what is pending on a card after a change of it.
type ShownPendingBalance struct {
	Points        int64   `json:"points"`
	Total         int64   `json:"total"`
	Object        string  `json:"object"`
	RelatedObject Related `json:"related_object"`
	OperationType string  `json:"operation_type"`
}

// ShowPending is what is pending on that card after points more or fewer of it.
func (a Account) ShowPending(points int64, of uuid.UUID) ShownPendingBalance {
	return ShownPendingBalance{
		Points: points, Total: a.Pending, Object: objectBalance, RelatedObject: Related{ID: id.Voucher.Format(of), Type: objectVoucher},
		OperationType: operationManual,
	}
}
