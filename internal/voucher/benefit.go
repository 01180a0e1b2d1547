package voucher

import (
	"encoding/json"
	"fmt"
	"slices"

	"herald/internal/fault"
)

// Discount is the public API's discount: a share, an amount, units of a product for free, or a fixed price. Formulas and
// effects are kept for whoever redeems the voucher.
type Discount struct {
	Type                  string          `json:"type"`
	PercentOff            *float64        `json:"percent_off,omitempty"`
	PercentOffFormula     string          `json:"percent_off_formula,omitempty"`
	AmountLimit           *int64          `json:"amount_limit,omitempty"`
	AggregatedAmountLimit *int64          `json:"aggregated_amount_limit,omitempty"`
	AmountOff             *int64          `json:"amount_off,omitempty"`
	AmountOffFormula      string          `json:"amount_off_formula,omitempty"`
	FixedAmount           *int64          `json:"fixed_amount,omitempty"`
	FixedAmountFormula    string          `json:"fixed_amount_formula,omitempty"`
	UnitOff               *int64          `json:"unit_off,omitempty"`
	UnitOffFormula        string          `json:"unit_off_formula,omitempty"`
	UnitType              string          `json:"unit_type,omitempty"`
	Units                 []Unit          `json:"units,omitempty"`
	Product               json.RawMessage `json:"product,omitempty"`
	SKU                   json.RawMessage `json:"sku,omitempty"`
	Effect                string          `json:"effect,omitempty"`
	IsDynamic             *bool           `json:"is_dynamic,omitempty"`
}

// Unit is one of several products that a discount adds.
type Unit struct {
	UnitOff        *int64          `json:"unit_off,omitempty"`
	UnitOffFormula string          `json:"unit_off_formula,omitempty"`
	UnitType       string          `json:"unit_type,omitempty"`
	Effect         string          `json:"effect,omitempty"`
	Product        json.RawMessage `json:"product,omitempty"`
	SKU            json.RawMessage `json:"sku,omitempty"`
}

// effects are what a discount of each type can apply to.
var effects = map[string][]string{
	"PERCENT": {"APPLY_TO_ORDER", "APPLY_TO_ITEMS"},
	"AMOUNT": {
		"APPLY_TO_ORDER", "APPLY_TO_ITEMS", "APPLY_TO_ITEMS_PROPORTIONALLY", "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
		"APPLY_TO_ITEMS_BY_QUANTITY",
	},
	"FIXED": {"APPLY_TO_ORDER", "APPLY_TO_ITEMS"},
	"UNIT":  {"ADD_MISSING_ITEMS", "ADD_NEW_ITEMS", "ADD_MANY_ITEMS", "ADD_SAME_ITEMS"},
}

// Check finds what is wrong.
func (d Discount) Check(path string) *fault.Error {
	known, ok := effects[d.Type]
	if !ok {
		return fault.Property(path+".type", "Property .%s.type should be PERCENT, AMOUNT, UNIT or FIXED", path)
	}
	if d.Effect != "" && !slices.Contains(known, d.Effect) {
		return fault.Property(path+".effect", "Property .%s.effect: a discount of type %s can be %v", path, d.Type, known)
	}
	for _, limit := range []struct {
		name  string
		value *int64
	}{
		{"amount_limit", d.AmountLimit}, {"aggregated_amount_limit", d.AggregatedAmountLimit}, {"fixed_amount", d.FixedAmount},
		{"amount_off", d.AmountOff}, {"unit_off", d.UnitOff},
	} {
		if bad := CheckAmount(path+"."+limit.name, limit.value); bad != nil {
			return bad
		}
	}
	if p := d.PercentOff; p == nil && d.Type == "PERCENT" || p != nil && (*p < 0 || *p > 100) {
		return fault.Property(path+".percent_off", "Property .%s.percent_off should be a number from 0 to 100", path)
	}
	if bad := checkProducts(path, d.Product, d.SKU); bad != nil {
		return bad
	}
	for i, u := range d.Units {
		if bad := checkProducts(fmt.Sprintf("%s.units[%d]", path, i), u.Product, u.SKU); bad != nil {
			return bad
		}
	}
	switch d.Type {
	case "AMOUNT":
		if d.AmountOff == nil {
			return fault.Property(path+".amount_off", "Property .%s.amount_off is required, in minor units: 1000 is 10.00", path)
		}
	case "FIXED":
		if d.FixedAmount == nil {
			return fault.Property(path+".fixed_amount", "Property .%s.fixed_amount is required, in minor units: 1000 is 10.00", path)
		}
	case "UNIT":
		return d.checkUnits(path)
	}
	return nil
}

// checkProducts finds what is no object among the products that a discount adds.
func checkProducts(path string, product, sku json.RawMessage) *fault.Error {
	for _, given := range []struct {
		name string
		raw  json.RawMessage
	}{{"product", product}, {"sku", sku}} {
		if text := string(given.raw); text != "" && text != "null" && text[0] != '{' {
			return fault.Property(path+"."+given.name, "Property .%s.%s should be an object", path, given.name)
		}
	}
	return nil
}

func (d Discount) checkUnits(path string) *fault.Error {
	if d.Effect == "ADD_MANY_ITEMS" {
		if len(d.Units) == 0 {
			return fault.Property(path+".units", "Property .%s.units is required for ADD_MANY_ITEMS", path)
		}
		return nil
	}
	if d.UnitType == "" {
		return fault.Property(path+".unit_type", "Property .%s.unit_type is required: the product that is added", path)
	}
	return nil
}

// MaxAmount bounds every amount and number of points, so that sums of them cannot overflow.
const MaxAmount = 1_000_000_000_000

// CheckAmount finds whether an amount is negative or beyond MaxAmount; nil is no amount.
func CheckAmount(path string, amount *int64) *fault.Error {
	if amount != nil && (*amount < 0 || *amount > MaxAmount) {
		return fault.Property(path, "Property .%s should be a whole number from 0 to %d", path, int64(MaxAmount))
	}
	return nil
}

// Gift is the public API's gift: money on a card, in minor units. Amount is all that was ever put on the card; Balance is what
// is left of it: amount - subtracted - redeemed.
type Gift struct {
	Amount           *int64 `json:"amount"`
	SubtractedAmount int64  `json:"subtracted_amount,omitempty"`
	Balance          *int64 `json:"balance,omitempty"`
	Effect           string `json:"effect,omitempty"`
}

// Check finds what is wrong.
func (g Gift) Check(path string) *fault.Error {
	if g.Amount == nil {
		return fault.Property(path+".amount", "Property .%s.amount is required, in minor units: 1000 is 10.00", path)
	}
	if bad := CheckAmount(path+".amount", g.Amount); bad != nil {
		return bad
	}
	switch {
	case g.SubtractedAmount < 0 || g.SubtractedAmount > *g.Amount:
		return fault.Property(path+".subtracted_amount", "Property .%s.subtracted_amount should be from 0 to the amount", path)
	case g.Balance != nil && (*g.Balance < 0 || *g.Balance > *g.Amount-g.SubtractedAmount):
		return fault.Property(path+".balance", "Property .%s.balance should be from 0 to the amount", path)
	case g.Effect != "" && g.Effect != "APPLY_TO_ORDER" && g.Effect != "APPLY_TO_ITEMS":
		return fault.Property(path+".effect", "Property .%s.effect should be APPLY_TO_ORDER or APPLY_TO_ITEMS", path)
	}
	return nil
}

// filled is the gift of a voucher: a card nobody used holds all of its amount.
func (g Gift) filled() Gift {
	if g.Balance == nil {
		left := *g.Amount - g.SubtractedAmount
		g.Balance = &left
	}
	return g
}

// Redeemed is what was spent from the card, of a Gift that is a voucher's value.
func (g Gift) Redeemed() int64 { return *g.Amount - g.SubtractedAmount - *g.Balance }
