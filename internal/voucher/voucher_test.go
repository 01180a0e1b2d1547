package voucher_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/fault"
	"herald/internal/voucher"
)

func number(n float64) *float64 { return &n }

func minor(n int64) *int64 { return &n }

func TestBenefits(t *testing.T) {
	t.Parallel()
	discount := func(d voucher.Discount) voucher.Benefit {
		return voucher.Benefit{Type: voucher.DiscountVoucher, Discount: &d}
	}
	gift := func(g voucher.Gift) voucher.Benefit { return voucher.Benefit{Type: voucher.GiftVoucher, Gift: &g} }
	card := func(c voucher.Card) voucher.Benefit {
		return voucher.Benefit{Type: voucher.LoyaltyCard, LoyaltyCard: &c}
	}
	for name, c := range map[string]struct {
		benefit voucher.Benefit
		at      string
	}{
		"per cent":            {discount(voucher.Discount{Type: "PERCENT", PercentOff: number(10)}), ""},
		"amount":              {discount(voucher.Discount{Type: "AMOUNT", AmountOff: minor(1000), Effect: "APPLY_TO_ITEMS"}), ""},
		"fixed":               {discount(voucher.Discount{Type: "FIXED", FixedAmount: minor(0)}), ""},
		"unit":                {discount(voucher.Discount{Type: "UNIT", UnitOff: minor(1), UnitType: "prod_1"}), ""},
		"units":               {discount(voucher.Discount{Type: "UNIT", Effect: "ADD_MANY_ITEMS", Units: []voucher.Unit{{}}}), ""},
		"gift":                {gift(voucher.Gift{Amount: minor(0)}), ""},
		"no type":             {voucher.Benefit{}, "v.type"},
		"unknown type":        {voucher.Benefit{Type: "X"}, "v.type"},
		"loyalty":             {card(voucher.Card{Points: minor(0)}), ""},
		"loyalty without":     {voucher.Benefit{Type: voucher.LoyaltyCard}, "v.loyalty_card"},
		"loyalty beside":      {voucher.Benefit{Type: voucher.GiftVoucher, LoyaltyCard: &voucher.Card{}}, "v.loyalty_card"},
		"points missing":      {card(voucher.Card{}), "v.loyalty_card.points"},
		"points beyond":       {card(voucher.Card{Points: minor(voucher.MaxAmount + 1)}), "v.loyalty_card.points"},
		"points less":         {card(voucher.Card{Points: minor(1), Balance: minor(2)}), "v.loyalty_card.balance"},
		"points for ever":     {card(voucher.Card{Points: minor(1), ExpirationRules: &voucher.PointsExpiration{}}), "v.loyalty_card.expiration_rules.period_type"},
		"money beyond":        {gift(voucher.Gift{Amount: minor(voucher.MaxAmount + 1)}), "v.gift.amount"},
		"no discount":         {voucher.Benefit{Type: voucher.DiscountVoucher}, "v.discount"},
		"gift beside":         {voucher.Benefit{Type: voucher.DiscountVoucher, Gift: &voucher.Gift{}}, "v.gift"},
		"discount beside":     {voucher.Benefit{Type: voucher.GiftVoucher, Discount: &voucher.Discount{}}, "v.discount"},
		"no gift":             {voucher.Benefit{Type: voucher.GiftVoucher}, "v.gift"},
		"no discount type":    {discount(voucher.Discount{}), "v.discount.type"},
		"per cent missing":    {discount(voucher.Discount{Type: "PERCENT"}), "v.discount.percent_off"},
		"per cent too much":   {discount(voucher.Discount{Type: "PERCENT", PercentOff: number(100.1)}), "v.discount.percent_off"},
		"negative":            {discount(voucher.Discount{Type: "AMOUNT", AmountOff: minor(-1)}), "v.discount.amount_off"},
		"amount missing":      {discount(voucher.Discount{Type: "AMOUNT"}), "v.discount.amount_off"},
		"fixed missing":       {discount(voucher.Discount{Type: "FIXED"}), "v.discount.fixed_amount"},
		"effect of another":   {discount(voucher.Discount{Type: "PERCENT", PercentOff: number(1), Effect: "ADD_NEW_ITEMS"}), "v.discount.effect"},
		"unit missing":        {discount(voucher.Discount{Type: "UNIT", UnitOff: minor(1)}), "v.discount.unit_type"},
		"units missing":       {discount(voucher.Discount{Type: "UNIT", Effect: "ADD_MANY_ITEMS"}), "v.discount.units"},
		"gift without amount": {gift(voucher.Gift{}), "v.gift.amount"},
		"more than there is":  {gift(voucher.Gift{Amount: minor(5), Balance: minor(6)}), "v.gift.balance"},
		"effect of a gift":    {gift(voucher.Gift{Amount: minor(5), Effect: "X"}), "v.gift.effect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.benefit.Check("v")
			if c.at != "" {
				require.NotNil(t, found)
				require.Equal(t, c.at, found.Property)
				return
			}
			require.Nil(t, found)
			kept, err := voucher.BenefitOf(c.benefit.Type, c.benefit.Value())
			require.NoError(t, err)
			require.JSONEq(t, string(c.benefit.Value()), string(kept.Value()))
		})
	}
	require.JSONEq(t, `{"amount": 500, "subtracted_amount": 200, "balance": 300}`,
		string(gift(voucher.Gift{Amount: minor(500), SubtractedAmount: 200}).Value()), "a card holds what was not taken from it")
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{
		"P1D": true, "PT1H": true, "P1DT2H30M": true, "P2W": true, "P1Y2M": true, "": true,
		"P": false, "PT": false, "P1DT": false, "1D": false, "P-1D": false, "P1H": false, "2 days": false,
	} {
		v := voucher.Validity{Timeframe: &voucher.Timeframe{Duration: text}}
		require.Equal(t, fine, v.Check("") == nil, "%q", text)
	}
}

func TestMetadataIsMerged(t *testing.T) {
	t.Parallel()
	kept := json.RawMessage(`{"a": 1, "b": 12345678901234567890, "c": null}`)
	merged, err := voucher.Metadata{"a": jsontext.Value("null"), "d": jsontext.Value(`"x"`)}.Merged(kept, []string{"c"})
	require.NoError(t, err)
	require.Contains(t, string(merged), "12345678901234567890", "a number stays as it was written")
	require.JSONEq(t, `{"b": 12345678901234567890, "d": "x"}`, string(merged))
	none, err := voucher.Metadata(nil).Merged(json.RawMessage("{}"), nil)
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(none))
	_, err = voucher.Metadata{"a": jsontext.Value(`"` + strings.Repeat("x", 40_000) + `"`)}.Merged(kept, nil)
	require.True(t, fault.Is(err, fault.InvalidPayload))
}

func TestRowsOfCodes(t *testing.T) {
	t.Parallel()
	columns, err := voucher.ReadHeader([]string{
		"code", "Voucher Type", "VALUE", "Discount_Type", "Start Date", "Expiration Date", "Redemption Limit", "Redeemed Quantity",
		"Active", "Additional Info", "Category", "Gift Amount", "Redeemed Amount", "My Season", "",
	})
	require.NoError(t, err)
	read := func(fields ...string) (voucher.Draft, error) {
		return columns.Read(append(fields, make([]string, 15-len(fields))...))
	}
	d, err := read(" A-1 ", "discount_voucher", "12.5", "percent", "2026-03-11T09", "2026-03-12", "3", "1", "FALSE", "note", "First", "", "", "Fall", "dropped")
	require.NoError(t, err)
	require.NoError(t, d.Check())
	v := d.Voucher()
	start, limit, note := time.Date(2026, 3, 11, 9, 0, 0, 0, time.UTC), int64(3), "note"
	require.Equal(t, "A-1", v.Code)
	require.JSONEq(t, `{"type": "PERCENT", "percent_off": 12.5}`, string(v.Value))
	require.Equal(t, &start, v.StartDate)
	require.Equal(t, &limit, v.RedemptionQuantity)
	require.EqualValues(t, 1, v.RedeemedQuantity)
	require.Equal(t, &note, v.AdditionalInfo)
	require.False(t, v.Active)
	require.JSONEq(t, `{"My Season": "Fall"}`, string(v.Metadata))

	d, err = read("A-2", "", "", "", "", "", "", "", "", "", "", "500", "200")
	require.NoError(t, err)
	require.JSONEq(t, `{"amount": 500, "balance": 300}`, string(d.Voucher().Value))

	for field, says := range map[int]string{2: "Value", 4: "Start Date", 6: "Redemption Limit", 7: "Redeemed Quantity", 8: "Active", 11: "Gift Amount"} {
		fields := make([]string, 15)
		fields[0], fields[field] = "A", "nonsense"
		_, err := columns.Read(fields)
		require.ErrorContains(t, err, says)
	}
	_, err = read("A", "", "NaN")
	require.ErrorContains(t, err, "should be a number")
	_, err = read("")
	require.ErrorContains(t, err, "cannot be empty")
	for _, header := range [][]string{{"Name"}, {"Code", "code"}, {"Code", "season", "season"}} {
		_, err := voucher.ReadHeader(header)
		require.True(t, fault.Is(err, fault.InvalidPayload), "%v", header)
	}
}

func TestNoRowBreaksTheReader(t *testing.T) {
	t.Parallel()
	header := []string{"Code", "Voucher Type", "Value", "Discount Type", "Start Date", "Redemption Limit", "Active", "Gift Amount", "x"}
	columns, err := voucher.ReadHeader(header)
	require.NoError(t, err)
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "A", "PERCENT", "UNIT", "GIFT_VOUCHER", "LOYALTY_CARD", "1e400", "1.5", "NaN", "-1", "2026-02-30", "true"}))
	rapid.Check(t, func(t *rapid.T) {
		d, err := columns.Read(rapid.SliceOfN(word, len(header), len(header)).Draw(t, "row"))
		if err != nil || d.Check() != nil {
			return
		}
		v := d.Voucher()
		require.True(t, json.Valid(v.Value))
		require.True(t, json.Valid(v.Metadata))
		require.NotEmpty(t, v.Code)
	})
}

func TestVoucherChanges(t *testing.T) {
	t.Parallel()
	fresh := func() voucher.Voucher {
		return voucher.Voucher{
			Type: voucher.DiscountVoucher, Value: json.RawMessage(`{"type": "PERCENT", "percent_off": 10}`), Metadata: json.RawMessage("{}"),
		}
	}
	for property, change := range map[string]voucher.Change{
		"type":                 {Type: voucher.GiftVoucher},
		"gift":                 {Gift: &voucher.Gift{Amount: minor(1)}},
		"discount.type":        {Discount: &voucher.Discount{Type: "AMOUNT", AmountOff: minor(1)}},
		"discount.percent_off": {Discount: &voucher.Discount{Type: "PERCENT", PercentOff: number(101)}},
		"expiration_date":      {StartDate: new(time.Time), ExpirationDate: new(time.Time)},
		"validity_day_of_week": {DayOfWeek: []int{9}},
	} {
		v := fresh()
		err := change.Apply(&v)
		var f *fault.Error
		require.ErrorAs(t, err, &f, property)
		require.Equal(t, property, f.Property)
	}
	v := fresh()
	yes := true
	require.NoError(t, voucher.Change{Active: &yes, DayOfWeek: []int{1}, ExpirationDate: new(time.Time)}.Apply(&v))
	require.True(t, v.Active)
	require.Equal(t, []int{1}, v.Validity.DayOfWeek)
	require.NoError(t, voucher.Change{ClearEnd: true}.Apply(&v))
	require.Nil(t, v.ExpirationDate)
	require.Equal(t, []int{1}, v.Validity.DayOfWeek, "what is not named stays")
}
