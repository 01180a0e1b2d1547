package voucher

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Worth is what a voucher is worth, as a message says it: "10%", "5.00", "2 items"; empty where the value says nothing.
func Worth(t Type, value json.RawMessage) string {
	if t != DiscountVoucher && t != GiftVoucher {
		return ""
	}
	benefit, err := BenefitOf(t, value)
	if err != nil {
		return ""
	}
	switch d, g := benefit.Discount, benefit.Gift; {
	case g != nil && g.Amount != nil:
		return money(*g.Amount)
	case d == nil:
		return ""
	case d.PercentOff != nil:
		return strconv.FormatFloat(*d.PercentOff, 'f', -1, 64) + "%"
	case d.AmountOff != nil:
		return money(*d.AmountOff)
	case d.FixedAmount != nil:
		return money(*d.FixedAmount)
	case d.UnitOff != nil:
		return strconv.FormatInt(*d.UnitOff, 10) + " " + d.UnitType
	}
	return ""
}

// money writes minor units with two decimals; the currency is the sender's to name in the template.
func money(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }
