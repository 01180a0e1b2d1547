// Package balance says how the credits of gift vouchers and the points of loyalty cards move: which transactions there are,
// what each does to what a card holds, and when points expire. It knows nothing of how cards are kept. Credits are in minor
// units of the currency (1000 is 10.00); points are whole.
package balance

import (
	"encoding/json"
	"fmt"

	"herald/internal/fault"
	"herald/internal/voucher"
)

const (
	// Max is the most that one transaction can move.
	Max = voucher.MaxAmount
	// MaxTotal is the most that a card can have been given over its life: what every client still reads as a whole number.
	MaxTotal = 1<<53 - 1
)

// Account is what a card holds, and what became of what it was given: Balance is Total less what was subtracted, what expired
// and what was redeemed.
type Account struct {
	Kind       voucher.Type // GiftVoucher or LoyaltyCard
	Total      int64        // ever given
	Subtracted int64        // taken away by hand, or transferred to another card
	Expired    int64        // points only
	Balance    int64        // left
	Pending    int64        // points that are not theirs yet, and in none of the others
}

// Redeemed is how much was spent.
func (a Account) Redeemed() int64 { return a.Total - a.Subtracted - a.Expired - a.Balance }

// AccountOf reads the account of a gift voucher or a loyalty card.
func AccountOf(v voucher.Voucher) (Account, error) {
	benefit, err := voucher.BenefitOf(v.Type, v.Value)
	if err != nil {
		return Account{}, err
	}
	switch gift, card := benefit.Gift, benefit.LoyaltyCard; {
	case gift != nil && gift.Amount != nil && gift.Balance != nil:
		return Account{Kind: v.Type, Total: *gift.Amount, Subtracted: gift.SubtractedAmount, Balance: *gift.Balance}, nil
	case card != nil && card.Points != nil && card.Balance != nil:
		return Account{
			Kind: v.Type, Total: *card.Points, Subtracted: card.SubtractedPoints, Expired: card.ExpiredPoints, Balance: *card.Balance,
			Pending: card.PendingPoints,
		}, nil
	}
	return Account{}, &fault.Error{
		Code: fault.InvalidVoucher, ResourceType: "voucher", ResourceID: v.Code,
		Details: "Voucher '" + v.Code + "' is a " + string(v.Type) + "; only gift vouchers and loyalty cards have a balance",
	}
}

// Value is a voucher's kept value with what the account and its buckets now say.
func (a Account) Value(kept json.RawMessage, buckets Buckets) (json.RawMessage, error) {
	benefit, err := voucher.BenefitOf(a.Kind, kept)
	if err != nil {
		return nil, err
	}
	if gift := benefit.Gift; gift != nil {
		gift.Amount, gift.Balance, gift.SubtractedAmount = &a.Total, &a.Balance, a.Subtracted
		return json.Marshal(gift)
	}
	card := benefit.LoyaltyCard
	card.Points, card.Balance, card.SubtractedPoints, card.ExpiredPoints = &a.Total, &a.Balance, a.Subtracted, a.Expired
	card.PendingPoints, card.NextExpirationDate = a.Pending, ""
	next, points := buckets.Next()
	if card.NextExpirationPoints = points; next != nil {
		card.NextExpirationDate = Day(*next)
	}
	return json.Marshal(card)
}

// Apply moves amount (negative where it goes) as a transaction of type t says. The account stays as it is where that cannot be.
func (a *Account) Apply(t Type, amount int64, code string) error {
	does, ok := types[t]
	if !ok || does.kind != a.Kind {
		return fmt.Errorf("balance: a %s has no transactions of type %s", a.Kind, t)
	}
	if amount == 0 || amount > 0 != does.comes {
		return invalidAmount("Amount has to be a number other than 0")
	}
	if amount > Max || amount < -Max {
		return invalidAmount("At most %d can be moved at once", int64(Max))
	}
	after := *a
	after.Balance += amount
	switch does.counts {
	case asTotal:
		after.Total += amount
	case asSubtracted:
		after.Subtracted -= amount
	case asExpired:
		after.Expired -= amount
	case asRedeemed: // what is left over of the others
	}
	switch {
	case after.Balance < 0:
		return a.exceeded(-amount, code)
	case after.Total > MaxTotal || after.Subtracted > MaxTotal:
		return invalidAmount("A card can be given at most %d over its life", int64(MaxTotal))
	case after.Total < 0 || after.Redeemed() < 0:
		return invalidAmount("No more than what was spent can be given back")
	}
	*a = after
	return nil
}

// exceeded is the documented fault of taking more than there is.
func (a Account) exceeded(wanted int64, code string) *fault.Error {
	f := &fault.Error{Code: fault.PointsExceeded, ResourceType: "voucher", ResourceID: code}
	what := "points"
	if a.Kind == voucher.GiftVoucher {
		f.Code, what = fault.GiftExceeded, "credits"
	}
	f.Details = fmt.Sprintf("Voucher '%s' holds %d %s, fewer than %d", code, a.Balance, what, wanted)
	return f
}

func invalidAmount(format string, args ...any) *fault.Error {
	return fault.New(fault.InvalidAmount, format, args...)
}
