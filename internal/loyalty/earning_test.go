package loyalty_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/loyalty"
	"herald/internal/order"
)

// Points for every so much are whole multiples that do not exceed what was there, whatever the numbers.
func TestProportionalPointsAreWholeMultiples(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		every, points := rapid.Int64Range(1, loyalty.MaxPoints).Draw(t, "every"), rapid.Int64Range(1, loyalty.MaxPoints).Draw(t, "points")
		amount := rapid.Int64Range(0, order.MaxAmount).Draw(t, "amount")
		rule := loyalty.Earning{
			Type: "PROPORTIONAL", CalculationType: "ORDER_AMOUNT",
			Order: &loyalty.OrderBasis{Amount: &loyalty.Ratio{Every: loyalty.Whole(every), Points: loyalty.Whole(points)}},
		}
		got := rule.Give(loyalty.Facts{Order: &order.Order{Amount: amount}})
		require.GreaterOrEqual(t, got, int64(0))
		require.LessOrEqual(t, got, int64(loyalty.MaxPoints))
		if got < loyalty.MaxPoints {
			require.Equal(t, amount/every*points, got)
		}
		require.Zero(t, rule.Give(loyalty.Facts{}), "without an order there is nothing to count")
	})
}

func TestNumbersOfMetadata(t *testing.T) {
	t.Parallel()
	rule := loyalty.Earning{
		Type: "PROPORTIONAL", CalculationType: "CUSTOMER_METADATA",
		Customer: &loyalty.MetadataBasis{Metadata: &loyalty.Ratio{Every: 2, Points: 3, Property: "n"}},
	}
	for raw, points := range map[string]int64{
		`{"n": 7}`: 9, `{"n": 7.9}`: 9, `{"n": "8"}`: 12, `{"n": -8}`: 0, `{"n": true}`: 0, `{"n": [9]}`: 0, `{"n": null}`: 0, `{}`: 0, ``: 0,
		`{"n": "NaN"}`: 0, `{"n": "Inf"}`: 0, `{"n": 1e300}`: loyalty.MaxPoints,
	} {
		require.Equal(t, points, rule.Give(loyalty.Facts{Customer: json.RawMessage(raw)}), raw)
	}
}

// What a tier makes of points is never below nothing, never too much, and nothing where a rule gives nothing.
func TestTiersMapPoints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.Int64Range(0, loyalty.MaxPoints).Draw(t, "points")
		multiplier := rapid.Float64Range(0, 1000).Draw(t, "multiplier")
		rule := loyalty.Rule{}
		raw, err := json.Marshal(loyalty.Mappings{rule.PublicID(): {Type: "MULTIPLY", Multiplier: &multiplier}})
		require.NoError(t, err)
		got, err := rule.Mapped(&loyalty.Tier{EarningRules: raw}, points)
		require.NoError(t, err)
		require.GreaterOrEqual(t, got, int64(0))
		require.LessOrEqual(t, got, int64(loyalty.MaxPoints))
		require.LessOrEqual(t, float64(got), float64(points)*multiplier+1)
		plain, err := rule.Mapped(nil, points)
		require.NoError(t, err)
		require.Equal(t, points, plain)
	})
	five, hundredths := int64(5), 0.29
	rule := loyalty.Rule{}
	for _, c := range []struct {
		mapping      loyalty.Mapping
		points, want int64
	}{
		{loyalty.Mapping{Type: "CUSTOM", Points: &five}, 100, 5}, {loyalty.Mapping{Type: "CUSTOM", Points: &five}, 0, 0},
		{loyalty.Mapping{Type: "MULTIPLY", Multiplier: &hundredths}, 100, 29},
	} {
		raw, err := json.Marshal(loyalty.Mappings{rule.PublicID(): c.mapping})
		require.NoError(t, err)
		got, err := rule.Mapped(&loyalty.Tier{EarningRules: raw}, c.points)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestSettingsOfTiersThatCannotBeKept(t *testing.T) {
	t.Parallel()
	for _, bad := range []loyalty.Expiration{
		{}, {QualificationType: "BALANCE", StartDate: loyalty.TierStart{Type: "NEXT_PERIOD"}, ExpirationDate: loyalty.TierEnd{Type: "CUSTOM"}},
		{QualificationType: "BALANCE", StartDate: loyalty.TierStart{Type: "IMMEDIATE"}, ExpirationDate: loyalty.TierEnd{Type: "CUSTOM", Extend: "PT1H"}},
		{QualificationType: "BALANCE", StartDate: loyalty.TierStart{Type: "IMMEDIATE"}, ExpirationDate: loyalty.TierEnd{
			Type: "CUSTOM", Rounding: &loyalty.Rounding{Type: "CUSTOM"},
		}},
	} {
		require.NotNil(t, bad.Check("x"), "%+v", bad)
	}
}
