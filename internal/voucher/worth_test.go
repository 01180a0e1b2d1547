package voucher

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWorth(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"type": "PERCENT", "percent_off": 10}`:                         "10%",
		`{"type": "PERCENT", "percent_off": 12.5}`:                       "12.5%",
		`{"type": "AMOUNT", "amount_off": 1999}`:                         "19.99",
		`{"type": "FIXED", "fixed_amount": 500}`:                         "5.00",
		`{"type": "UNIT", "unit_off": 2, "unit_type": "time"}`:           "2 time",
		`{"type": "PERCENT", "percent_off_formula": "ORDER_VOLUME / 2"}`: "",
		`[]`: "",
	} {
		require.Equal(t, want, Worth(DiscountVoucher, json.RawMessage(value)), value)
	}
	require.Equal(t, "100.00", Worth(GiftVoucher, json.RawMessage(`{"amount": 10000}`)))
	require.Empty(t, Worth(LoyaltyCard, json.RawMessage(`{"points": 3}`)))
}
