package voucher

import (
	"time"

	"herald/internal/fault"
)

// Change is what a caller says about a voucher that exists; nil is left as it is.
type Change struct {
	Type                      Type // if given, the voucher's own
	Discount                  *Discount
	Gift                      *Gift
	Active                    *bool
	StartDate, ExpirationDate *time.Time
	ClearStart, ClearEnd      bool
	Timeframe                 *Timeframe
	DayOfWeek                 []int
	Hours                     *Hours
	AdditionalInfo            *string
	Category                  *string
	Metadata                  Metadata // merged; null removes a key
}

// Apply changes v.
func (h Change) Apply(v *Voucher) error {
	benefit, err := BenefitOf(v.Type, v.Value)
	if err != nil {
		return err
	}
	if bad := h.checkBenefit(v.Type, benefit); bad != nil {
		return bad
	}
	if bad := CheckTexts(h.Category, h.AdditionalInfo); bad != nil {
		return bad
	}
	if h.Discount != nil || h.Gift != nil {
		changed := Benefit{Type: v.Type, Discount: h.Discount, Gift: h.Gift}
		if bad := changed.Check(""); bad != nil {
			return bad
		}
		if h.Gift != nil { // what is on the card moves by transactions, so that it cannot be overwritten with what was read earlier
			kept := *benefit.Gift
			kept.Effect = h.Gift.Effect
			changed.Gift = &kept
		}
		v.Value = changed.Value()
	}
	if h.Active != nil {
		v.Active = *h.Active
	}
	if h.StartDate != nil || h.ClearStart {
		v.StartDate = h.StartDate
	}
	if h.ExpirationDate != nil || h.ClearEnd {
		v.ExpirationDate = h.ExpirationDate
	}
	if bad := CheckDates("", v.StartDate, v.ExpirationDate); bad != nil {
		return bad
	}
	if h.AdditionalInfo != nil {
		v.AdditionalInfo = h.AdditionalInfo
	}
	if h.Category != nil {
		v.Category = h.Category
	}
	if bad := h.applyValidity(v); bad != nil {
		return bad
	}
	v.Metadata, err = h.Metadata.Merged(v.Metadata, nil)
	return err
}

// checkBenefit refuses to make a voucher into another kind of voucher.
func (h Change) checkBenefit(t Type, now Benefit) *fault.Error {
	switch {
	case h.Type != "" && h.Type != t:
		return fault.Property("type", "It is not possible to change the voucher's type; it is %s", t)
	case h.Discount != nil && now.Discount == nil:
		return fault.Property("discount", "A %s has no discount", t)
	case h.Gift != nil && now.Gift == nil:
		return fault.Property("gift", "A %s has no gift", t)
	case h.Discount != nil && h.Discount.Type != now.Discount.Type:
		return fault.Property("discount.type", "It is not possible to change the voucher's discount type; it is %s", now.Discount.Type)
	}
	return nil
}

func (h Change) applyValidity(v *Voucher) *fault.Error {
	var changed Validity
	if v.Validity != nil {
		changed = *v.Validity
	}
	if h.Timeframe != nil {
		changed.Timeframe = h.Timeframe
	}
	if h.DayOfWeek != nil {
		changed.DayOfWeek = h.DayOfWeek
	}
	if h.Hours != nil {
		changed.Hours = h.Hours
	}
	v.Validity = changed.OrNil()
	return changed.Check("")
}
