// Package redemption is the noun of using what a project gave away: a code, a promotion tier, credits of a gift card, points
// of a loyalty card. It says what redeemables do to an order and what refuses them, and knows nothing of how that is kept.
// Amounts are in minor units of the currency (1000 is 10.00).
package redemption

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
)

// Object says what a row is: a use, or the rollback of one.
type Object string

// The objects.
const (
	Use      Object = "redemption"
	Rollback Object = "redemption_rollback"
)

// Result says whether it was allowed.
type Result string

// The results.
const (
	Success Result = "SUCCESS"
	Failure Result = "FAILURE"
)

// Status says where a use or rollback stands.
type Status string

// The statuses. A use that was rolled back stays a success.
const (
	Succeeded  Status = "SUCCEEDED"
	Failed     Status = "FAILED"
	RolledBack Status = "ROLLED_BACK"
)

// Redemption is one use of a voucher, promotion tier or reward, the refusal of one, or the rollback of one.
type Redemption struct {
	ID              uuid.UUID
	ProjectID       uuid.UUID
	Object          Object
	RedemptionID    *uuid.UUID // what a rollback undoes
	ParentID        *uuid.UUID // the redemption, or rollback, that stands for all of one request
	CustomerID      *uuid.UUID
	VoucherID       *uuid.UUID
	PromotionTierID *uuid.UUID
	CampaignID      *uuid.UUID
	RewardID        *uuid.UUID // what the points of a loyalty card were spent on
	OrderID         *uuid.UUID
	TrackingID      *string
	Amount          *int64 // credits or points that were taken; negative where a rollback gave them back
	Result          Result
	Status          Status
	Reason          *string // why it was rolled back
	FailureCode     *string
	FailureMessage  *string
	Effects         Effects
	Metadata        json.RawMessage
	CreatedAt       time.Time
}

// Effects is what a redemption did beside what its columns say: enough to undo it, and to show the order as it left it. It
// holds ids and figures, nothing personal.
type Effects struct {
	Channel *Channel `json:"channel,omitempty"`
	Session string   `json:"session,omitempty"` // the key of the session that it was made in
	Order   *Totals  `json:"order,omitempty"`   // the order's amounts with this and what was redeemed before it
	Applied int64    `json:"applied,omitempty"` // what it alone took off the order
	Took    []Took   `json:"took,omitempty"`    // and off its items
	// Transaction is the movement of the card's balance, which a rollback refunds.
	Transaction *uuid.UUID  `json:"transaction,omitempty"`
	Reward      *Reward     `json:"reward,omitempty"`
	Parts       []uuid.UUID `json:"parts,omitempty"` // of what stands for several: those
	Stack       *uuid.UUID  `json:"stack,omitempty"` // the promotion stack that named the tier
}

// Channel is who redeemed.
type Channel struct {
	ID   string `json:"channel_id"`
	Type string `json:"channel_type"` // API, or AUTO_REDEEM where Herald did
}

// Reward is what a loyalty card's points were exchanged for.
type Reward struct {
	Assignment *uuid.UUID `json:"assignment,omitempty"`
	Voucher    *uuid.UUID `json:"voucher,omitempty"` // the code that was given
	Credits    int64      `json:"credits,omitempty"` // added to the code that was given
}

// Totals are the amounts of an order, as it is shown.
type Totals struct {
	Amount               int64 `json:"amount"`
	InitialAmount        int64 `json:"initial_amount,omitempty"` // before free items were added
	Discount             int64 `json:"discount_amount,omitempty"`
	ItemsDiscount        int64 `json:"items_discount_amount,omitempty"`
	TotalDiscount        int64 `json:"total_discount_amount,omitempty"`
	TotalAmount          int64 `json:"total_amount"`
	AppliedDiscount      int64 `json:"applied_discount_amount,omitempty"`
	ItemsAppliedDiscount int64 `json:"items_applied_discount_amount,omitempty"`
	TotalAppliedDiscount int64 `json:"total_applied_discount_amount,omitempty"`
}

// PublicID is the id as the outside sees it; the prefix says whether it is a use or a rollback, and whether it failed.
func (r Redemption) PublicID() string {
	prefix := id.Redemption
	switch {
	case r.Object == Rollback && r.Result == Failure:
		prefix = id.FailedBack
	case r.Object == Rollback:
		prefix = id.Rollback
	case r.Result == Failure:
		prefix = id.Failed
	}
	return prefix.Format(r.ID)
}

// Parse reads an id that PublicID wrote.
func Parse(text string) (uuid.UUID, bool) {
	for _, prefix := range []id.Prefix{id.Redemption, id.Failed, id.Rollback, id.FailedBack} {
		if one, ok := prefix.Parse(text); ok {
			return one, true
		}
	}
	return uuid.UUID{}, false
}

// RelatedObject is what was redeemed: voucher, promotion_tier, or redemption for what stands for several.
func (r Redemption) RelatedObject() (kind, publicID string) {
	switch {
	case r.VoucherID != nil:
		return "voucher", id.Voucher.Format(*r.VoucherID)
	case r.PromotionTierID != nil:
		return "promotion_tier", id.Promotion.Format(*r.PromotionTierID)
	}
	return "redemption", r.PublicID()
}
