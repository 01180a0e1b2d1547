package voucher

import (
	"time"

	"herald/internal/code"
	"herald/internal/fault"
)

// Draft is a voucher as a caller asks for it, alone or in an import.
type Draft struct {
	Code           string       `json:"code,omitempty"`
	CodeConfig     *code.Config `json:"code_config,omitempty"` // where no code is given
	Category       *string      `json:"category,omitempty"`
	Active         *bool        `json:"active,omitempty"`
	AdditionalInfo *string      `json:"additional_info,omitempty"`
	StartDate      *time.Time   `json:"start_date,omitempty"`
	ExpirationDate *time.Time   `json:"expiration_date,omitempty"`
	Metadata       Metadata     `json:"metadata,omitempty"`
	Redemption     *Redemption  `json:"redemption,omitempty"`
	Benefit
	Validity
}

// Redemption is how often a voucher can be used, and was.
type Redemption struct {
	Quantity         *int64 `json:"quantity"` // nil: without limit
	RedeemedQuantity int64  `json:"redeemed_quantity,omitempty"`
}

// Check finds what is wrong with a draft that stands alone.
func (d Draft) Check() error {
	var faults fault.List
	faults.Add(d.Benefit.Check(""))
	faults.Add(d.CheckRest())
	return faults.Err()
}

// CheckRest finds what is wrong beside the benefit, which a campaign may decide.
func (d Draft) CheckRest() *fault.Error {
	if d.Code != "" {
		if bad := code.CheckCode("code", d.Code); bad != nil {
			return bad
		}
	}
	if d.CodeConfig != nil {
		if bad := d.CodeConfig.Check("code_config"); bad != nil {
			return bad
		}
		if bad := d.CodeConfig.CheckRoom("code_config", 1); bad != nil {
			return bad
		}
	}
	if r := d.Redemption; r != nil {
		if r.Quantity != nil && (*r.Quantity < 1 || *r.Quantity > MaxAmount) {
			return fault.Property("redemption.quantity", "Property .redemption.quantity should be at least 1, or null for no limit")
		}
		if bad := CheckAmount("redemption.redeemed_quantity", &r.RedeemedQuantity); bad != nil {
			return bad
		}
	}
	if bad := CheckTexts(d.Category, d.AdditionalInfo); bad != nil {
		return bad
	}
	if bad := d.Metadata.Check("metadata"); bad != nil {
		return bad
	}
	if bad := d.Validity.Check(""); bad != nil {
		return bad
	}
	return CheckDates("", d.StartDate, d.ExpirationDate)
}

// Standalone is the voucher of a draft that belongs to no campaign. What it is worth may tell its type.
func (d Draft) Standalone() (Voucher, error) {
	if d.Type == "" && d.Gift != nil {
		d.Type = GiftVoucher
	}
	if d.Type == "" && d.Discount != nil {
		d.Type = DiscountVoucher
	}
	if err := d.Check(); err != nil {
		return Voucher{}, err
	}
	return d.Voucher(), nil
}

// Voucher is what a draft that Check found nothing wrong with asks for; its code may still have to be drawn.
func (d Draft) Voucher() Voucher {
	return d.Over(Voucher{Type: d.Type, Value: d.Value(), Active: true, Metadata: d.Metadata.Raw()})
}

// Over is v, as a campaign makes it, with what the draft says in its place; what it is worth stays.
func (d Draft) Over(v Voucher) Voucher {
	v.Code = d.Code
	if d.Active != nil {
		v.Active = *d.Active
	}
	if d.AdditionalInfo != nil {
		v.AdditionalInfo = d.AdditionalInfo
	}
	if d.Category != nil {
		v.Category = d.Category
	}
	if d.StartDate != nil {
		v.StartDate = d.StartDate
	}
	if d.ExpirationDate != nil {
		v.ExpirationDate = d.ExpirationDate
	}
	if own := d.Validity.OrNil(); own != nil {
		v.Validity = own
	}
	if d.Redemption != nil {
		v.RedeemedQuantity = d.Redemption.RedeemedQuantity
		if d.Redemption.Quantity != nil {
			v.RedemptionQuantity = d.Redemption.Quantity
		}
	}
	if len(d.Metadata) > 0 {
		v.Metadata = d.Metadata.Raw()
	}
	return v
}
