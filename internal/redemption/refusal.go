package redemption

import (
	"time"
	"unicode/utf8"

	"herald/internal/fault"
	"herald/internal/voucher"
)

// notices are what a shop can tell its customer where no rule has words of its own; the first are the public API's.
var notices = map[fault.Code]string{
	fault.VoucherDisabled:     "The voucher has been disabled and cannot be used.",
	fault.VoucherNotActiveNow: "The voucher is not active in the given timeframe.",
	fault.InvalidCustomer:     "The customer is invalid.",
	fault.PromotionInactive:   "The promotion is inactive.",
	fault.VoucherExpired:      "The voucher has expired.",
	fault.VoucherNotActive:    "The voucher is not active yet.",
	fault.PromotionNotNow:     "The promotion is not active in the given timeframe.",
	fault.QuantityExceeded:    "The voucher cannot be used any more.",
}

// Refuse is a refusal; details is what it is about, mostly the code.
func Refuse(code fault.Code, details string) *fault.Error {
	return &fault.Error{Code: code, Message: fault.Refusals[code], Details: details, Notice: notices[code]}
}

// Window is when something can be used.
type Window struct {
	Active     bool
	Start, End *time.Time
	Validity   *voucher.Validity
	Published  *time.Time
}

// The states of a window.
const (
	open     = ""
	disabled = "disabled"
	early    = "early"
	over     = "over"
	closed   = "closed"
)

// at is the window's state at an instant.
func (w Window) at(now time.Time) string {
	switch {
	case !w.Active:
		return disabled
	case w.Start != nil && now.Before(*w.Start):
		return early
	case w.End != nil && !now.Before(*w.End):
		return over
	case !w.Validity.Open(w.Start, w.Published, now):
		return closed
	}
	return open
}

// RefuseVoucher is why a code cannot be used now: it or its campaign is disabled, not begun or over. Nil: it can.
func RefuseVoucher(code string, now time.Time, windows ...Window) *fault.Error {
	for _, w := range windows {
		switch w.at(now) {
		case disabled:
			return Refuse(fault.VoucherDisabled, code)
		case early:
			return Refuse(fault.VoucherNotActive, code)
		case over:
			return Refuse(fault.VoucherExpired, code)
		case closed:
			return Refuse(fault.VoucherNotActiveNow, code)
		}
	}
	return nil
}

// RefuseTier is RefuseVoucher for a promotion tier.
func RefuseTier(publicID string, now time.Time, windows ...Window) *fault.Error {
	for _, w := range windows {
		switch w.at(now) {
		case disabled:
			return Refuse(fault.PromotionInactive, "Promotion Tier with id: "+publicID+" is disabled.")
		case early:
			return Refuse(fault.PromotionInactive, "Promotion Tier with id: "+publicID+" has not begun.")
		case over:
			return Refuse(fault.PromotionInactive, "Promotion Tier with id: "+publicID+" is over.")
		case closed:
			return Refuse(fault.PromotionNotNow, "Promotion Tier with id: "+publicID+" is not active now.")
		}
	}
	return nil
}

// Refused reports whether err is a refusal that is recorded as a failed redemption, and as which: a mistake of the caller's
// program is not.
func Refused(err *fault.Error) bool {
	_, known := fault.Refusals[err.Code]
	return known || err.Code == fault.GiftExceeded || err.Code == fault.PointsExceeded
}

// CheckTexts finds what is wrong with what a rollback says; nil is nothing.
func CheckTexts(reason, trackingID *string) *fault.Error {
	if reason != nil && utf8.RuneCountInString(*reason) > maxReason {
		return fault.Property("reason", "Property .reason is longer than %d characters", maxReason)
	}
	if trackingID != nil && utf8.RuneCountInString(*trackingID) > maxKey {
		return fault.Property("tracking_id", "Property .tracking_id is longer than %d characters", maxKey)
	}
	return nil
}

// maxAge is how long after a redemption it can be rolled back.
const maxAge = 3 // months

// RefuseRollback is why a redemption cannot be rolled back, whoever asks: alone, or with what was redeemed beside it.
func (r Redemption) RefuseRollback(now time.Time, stacked bool) *fault.Error {
	switch {
	case r.Object != Use || r.Result != Success:
		return Refuse(fault.InvalidRedemption, "Only a redemption that succeeded can be rolled back.")
	case r.ParentID != nil:
		return Refuse(fault.InvalidParent, "You can rollback only a redemption that does not have parent redemption.")
	case !stacked && r.Stands():
		return Refuse(fault.InvalidRedemption, "You can rollback only a single redemption. Use different endpoint for stacked redemption.")
	case r.Status == RolledBack:
		return Refuse(fault.AlreadyRolledBack, "Redemption has been already rolled back.")
	case now.After(r.CreatedAt.AddDate(0, maxAge, 0)):
		return Refuse(fault.RollbackTooLate, "A redemption can be rolled back within 3 months.")
	}
	return nil
}

// Stands reports whether the redemption stands for several that were made at once.
func (r Redemption) Stands() bool {
	return r.VoucherID == nil && r.PromotionTierID == nil && len(r.Effects.Parts) > 0
}
