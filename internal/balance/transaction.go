package balance

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Type says what a transaction is.
type Type string

// The types. The amount of those that take away is negative.
const (
	PointsAddition     Type = "POINTS_ADDITION"           // by hand
	PointsRemoval      Type = "POINTS_REMOVAL"            // by hand
	PointsAccrual      Type = "POINTS_ACCRUAL"            // earned
	PendingActivation  Type = "PENDING_POINTS_ACTIVATION" // earned earlier, and now theirs
	PointsCancellation Type = "POINTS_CANCELLATION"       // earned, and taken back as if they never were
	PointsRedemption   Type = "POINTS_REDEMPTION"
	PointsRefund       Type = "POINTS_REFUND" // of a redemption that was rolled back
	PointsTransferIn   Type = "POINTS_TRANSFER_IN"
	PointsTransferOut  Type = "POINTS_TRANSFER_OUT"
	PointsExpiration   Type = "POINTS_EXPIRATION"
	CreditsAddition    Type = "CREDITS_ADDITION"
	CreditsRemoval     Type = "CREDITS_REMOVAL"
	CreditsRedemption  Type = "CREDITS_REDEMPTION" //nolint:gosec // no credentials
	CreditsRefund      Type = "CREDITS_REFUND"
)

// Automation is the source of what Herald does by itself.
const Automation = "Automation"

// What every transaction shows of itself.
const (
	operationManual    = "MANUAL"
	operationAutomatic = "AUTOMATIC"
	objectBalance      = "balance"
	objectVoucher      = "voucher"
)

// counted says which part of an account an amount counts as, beside its balance.
type counted int

const (
	asTotal counted = iota
	asSubtracted
	asExpired
	asRedeemed
)

// types is what each type of transaction does.
var types = map[Type]struct {
	kind   voucher.Type
	comes  bool // its amounts are positive
	counts counted
	news   bool // the holder has new points or credits, which a distribution can tell
	manual bool
}{
	PointsAddition:     {voucher.LoyaltyCard, true, asTotal, true, true},
	PointsRemoval:      {voucher.LoyaltyCard, false, asSubtracted, false, true},
	PointsAccrual:      {voucher.LoyaltyCard, true, asTotal, true, false},
	PendingActivation:  {voucher.LoyaltyCard, true, asTotal, true, false},
	PointsCancellation: {voucher.LoyaltyCard, false, asTotal, false, false},
	PointsRedemption:   {voucher.LoyaltyCard, false, asRedeemed, false, false},
	PointsRefund:       {voucher.LoyaltyCard, true, asRedeemed, false, false},
	PointsTransferIn:   {voucher.LoyaltyCard, true, asTotal, true, true},
	PointsTransferOut:  {voucher.LoyaltyCard, false, asSubtracted, false, true},
	PointsExpiration:   {voucher.LoyaltyCard, false, asExpired, false, false},
	CreditsAddition:    {voucher.GiftVoucher, true, asTotal, true, true},
	CreditsRemoval:     {voucher.GiftVoucher, false, asSubtracted, false, true},
	CreditsRedemption:  {voucher.GiftVoucher, false, asRedeemed, false, false},
	CreditsRefund:      {voucher.GiftVoucher, true, asRedeemed, false, false},
}

// Added reports whether a transaction of the type gives the holder something new.
func (t Type) Added() bool { return types[t].news }

// Redeems reports whether what moves was spent, or comes back from having been.
func (t Type) Redeems() bool { return types[t].counts == asRedeemed }

// Collects reports whether what moves counts as ever collected.
func (t Type) Collects() bool { return types[t].counts == asTotal }

// ByHand is the type of a change of a card's balance that somebody asks for.
func ByHand(kind voucher.Type, amount int64) Type {
	switch {
	case kind == voucher.GiftVoucher && amount < 0:
		return CreditsRemoval
	case kind == voucher.GiftVoucher:
		return CreditsAddition
	case amount < 0:
		return PointsRemoval
	}
	return PointsAddition
}

// Movement is a transaction that is asked for.
type Movement struct {
	ID       uuid.UUID // of the transaction; zero: a new one
	Voucher  uuid.UUID
	Amount   int64 // what comes; negative where it goes
	Type     Type
	Manual   bool // somebody asked for it, though it is of a type that Herald makes by itself
	Reason   *string
	SourceID *string    // the caller's own id, unique among the project's transactions
	Source   *string    // what asked for it: API, Automation; nil for a redemption
	By       *uuid.UUID // the customer who spends or gets back; nil: the card's holder
	Expires  Expiration // of points that come
	Refunds  *uuid.UUID // the transaction whose points come back
	Related  *uuid.UUID // the transaction on the other card of a transfer
	Other    *uuid.UUID // that card
	// Details says what stands behind it, each under the name and in the shape of the public API: order, event, redemption,
	// rollback, reward, earning_rule, segment, loyalty_tier, custom_event, source_voucher, destination_voucher.
	Details map[string]any
}

// Transaction is one movement on a card, as it was made.
type Transaction struct {
	ID                 uuid.UUID
	ProjectID          uuid.UUID
	VoucherID          uuid.UUID
	CampaignID         *uuid.UUID
	SourceID           *string
	Type               Type
	Source             *string
	Reason             *string
	Amount             int64
	Details            json.RawMessage // an object, as the public API shows it
	Buckets            Shares          // which points moved
	RelatedTransaction *uuid.UUID
	CreatedAt          time.Time
}

// Shown is a balance as the public API shows it: points or an amount, by the card's type.
type Shown struct {
	Type          string  `json:"type"` // gift_voucher or loyalty_card
	Total         int64   `json:"total"`
	Object        string  `json:"object"`
	Points        *int64  `json:"points,omitempty"`
	Amount        *int64  `json:"amount,omitempty"`
	Balance       int64   `json:"balance"`
	OperationType string  `json:"operation_type"`
	RelatedObject Related `json:"related_object"`
}

// Related names the voucher of a balance.
type Related struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Show is the account after a transaction of that type and amount.
func (a Account) Show(t Type, amount int64, of uuid.UUID) Shown {
	shown := Shown{
		Type: "loyalty_card", Total: a.Total, Object: objectBalance, Points: &amount, Balance: a.Balance, OperationType: operationAutomatic,
		RelatedObject: Related{ID: id.Voucher.Format(of), Type: objectVoucher},
	}
	if types[t].manual {
		shown.OperationType = operationManual
	}
	if a.Kind == voucher.GiftVoucher {
		shown.Type, shown.Points, shown.Amount = "gift_voucher", nil, &amount
	}
	return shown
}

// Named is a thing of which a transaction shows the id and the name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// others is the detail that shows the other card of a transfer.
var others = map[Type]string{PointsTransferOut: "destination_voucher", PointsTransferIn: "source_voucher"}

// Record is the transaction that m makes of an account after it, with the shares of buckets that moved. Tier is the holder's
// loyalty tier before it; other is the other card of a transfer, as it is shown.
func (m Movement) Record(
	v voucher.Voucher, after Account, moved Shares, tier *Named, other *voucher.Simple, now time.Time,
) (Transaction, Shown, error) {
	shown := after.Show(m.Type, m.Amount, v.ID)
	if m.Manual {
		shown.OperationType = operationManual
	}
	details := map[string]any{"balance": shown}
	maps.Copy(details, m.Details)
	if other != nil {
		details[others[m.Type]] = other
	}
	if tier != nil {
		details["holder_loyalty_tier"] = tier
	}
	raw, err := json.Marshal(details)
	t := Transaction{
		ID: m.ID, ProjectID: v.ProjectID, VoucherID: v.ID, CampaignID: v.CampaignID, SourceID: m.SourceID, Type: m.Type, Source: m.Source,
		Reason: m.Reason, Amount: m.Amount, Details: raw, Buckets: moved, RelatedTransaction: m.Related, CreatedAt: now,
	}
	if t.ID == (uuid.UUID{}) {
		t.ID = id.New()
	}
	return t, shown, err
}

// Expiry is the movement by which points that nobody spent in time leave a card.
func Expiry(of uuid.UUID, points int64) Movement {
	source := Automation
	return Movement{Voucher: of, Amount: -points, Type: PointsExpiration, Source: &source}
}

// ShownTransaction is a transaction as the public API shows it.
type ShownTransaction struct {
	ID                   string          `json:"id"`
	SourceID             *string         `json:"source_id"`
	VoucherID            string          `json:"voucher_id"`
	CampaignID           *string         `json:"campaign_id"`
	Source               *string         `json:"source"`
	Reason               *string         `json:"reason"`
	Type                 Type            `json:"type"`
	Details              json.RawMessage `json:"details"`
	RelatedTransactionID *string         `json:"related_transaction_id"`
	CreatedAt            stamp.Stamp     `json:"created_at"`
}

// Show is the transaction as the public API shows it.
func (t Transaction) Show() ShownTransaction {
	return ShownTransaction{
		ID: id.Transaction.Format(t.ID), SourceID: t.SourceID, VoucherID: id.Voucher.Format(t.VoucherID),
		CampaignID: id.Campaign.FormatPtr(t.CampaignID), Source: t.Source, Reason: t.Reason, Type: t.Type, Details: t.Details,
		RelatedTransactionID: id.Transaction.FormatPtr(t.RelatedTransaction), CreatedAt: stamp.Stamp(t.CreatedAt),
	}
}
