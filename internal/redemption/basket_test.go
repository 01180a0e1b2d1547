package redemption_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/rule"
	"herald/internal/voucher"
)

func text(s string) *string { return &s }

func number(n int64) *int64 { return &n }

func off(kind, effect string, n float64) voucher.Discount {
	d := voucher.Discount{Type: kind, Effect: effect}
	whole := int64(n)
	switch kind {
	case "PERCENT":
		d.PercentOff = &n
	case "AMOUNT":
		d.AmountOff = &whole
	case "FIXED":
		d.FixedAmount = &whole
	case "UNIT":
		d.UnitOff = &whole
	}
	return d
}

func lines(amounts ...int64) redemption.Basket {
	var b redemption.Basket
	for i, a := range amounts {
		b.Lines = append(b.Lines, redemption.Line{Item: order.Item{ProductID: string(rune('a' + i))}, Price: a, Quantity: 1, Amount: a})
	}
	return b
}

func discounts(b redemption.Basket) (list []int64) {
	for _, l := range b.Lines {
		list = append(list, l.Discount)
	}
	return list
}

func TestDiscountsOfAnOrder(t *testing.T) {
	t.Parallel()
	limited := off("PERCENT", "APPLY_TO_ORDER", 40)
	limited.AmountLimit = number(600)
	for name, c := range map[string]struct {
		discount voucher.Discount
		amount   int64
		taken    int64
	}{
		"percent":                      {off("PERCENT", "", 20), 199_900, 39_980},
		"percent with decimals":        {off("PERCENT", "APPLY_TO_ORDER", 33.3333), 100_000, 33_333},
		"percent rounds halves up":     {off("PERCENT", "APPLY_TO_ORDER", 50), 5, 3},
		"percent with a limit":         {limited, 10_000, 600},
		"all of it":                    {off("PERCENT", "APPLY_TO_ORDER", 100), 12_345, 12_345},
		"amount":                       {off("AMOUNT", "APPLY_TO_ORDER", 300), 6_000, 300},
		"amount above the order":       {off("AMOUNT", "APPLY_TO_ORDER", 300), 200, 200},
		"amount beyond any number":     {off("AMOUNT", "APPLY_TO_ORDER", 1e18), 200, 200},
		"fixed":                        {off("FIXED", "APPLY_TO_ORDER", 500), 6_000, 5_500},
		"fixed above the order":        {off("FIXED", "APPLY_TO_ORDER", 7_000), 6_000, 0},
		"for the items, of which none": {off("AMOUNT", "APPLY_TO_ITEMS", 300), 6_000, 0},
	} {
		b := redemption.Basket{Bare: c.amount}
		require.Equal(t, c.taken, b.ApplyDiscount(c.discount, rule.Applicability{}), name)
		require.Equal(t, c.amount-c.taken, b.Left(), name)
	}
}

func TestDiscountsOfItems(t *testing.T) {
	t.Parallel()
	b := lines(3_300, 3_400) // as the public API's documents show it
	require.EqualValues(t, 300, b.ApplyDiscount(off("AMOUNT", "APPLY_TO_ITEMS_PROPORTIONALLY", 300), rule.Applicability{}))
	require.Equal(t, []int64{148, 152}, discounts(b))
	require.Equal(t, redemption.Totals{
		Amount: 6_700, ItemsDiscount: 300, TotalDiscount: 300, TotalAmount: 6_400, ItemsAppliedDiscount: 300, TotalAppliedDiscount: 300,
	}, b.Totals())

	b = lines(2_000, 8_000, 5_000)
	some := rule.Applicability{Included: []rule.Target{{Object: "product", ID: text("b")}, {Object: "product", ID: text("a")}}}
	b.ApplyDiscount(off("AMOUNT", "APPLY_TO_ITEMS", 1_000), some)
	require.Equal(t, []int64{1_000, 1_000, 0}, discounts(b))

	b = lines(2_000, 8_000, 5_000)
	b.ApplyDiscount(off("PERCENT", "APPLY_TO_ITEMS", 10), rule.Applicability{IncludedAll: true, Excluded: []rule.Target{{Object: "product", ID: text("b")}}})
	require.Equal(t, []int64{200, 0, 500}, discounts(b))

	b = lines(100, 5_000)
	b.Lines[0].Quantity, b.Lines[1].Quantity = 3, 1
	b.ApplyDiscount(off("AMOUNT", "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY", 1_000), rule.Applicability{})
	require.Equal(t, []int64{100, 900}, discounts(b), "what a line cannot take goes to those that can")

	b = lines(100, 5_000)
	b.Lines[1].Quantity = 10
	b.ApplyDiscount(off("AMOUNT", "APPLY_TO_ITEMS_BY_QUANTITY", 30), rule.Applicability{})
	require.Equal(t, []int64{30, 300}, discounts(b))

	b = lines(100, 5_000)
	b.ApplyDiscount(off("FIXED", "APPLY_TO_ITEMS", 99), rule.Applicability{})
	require.Equal(t, []int64{1, 4_901}, discounts(b))
}

func TestTheLimitsOfAScope(t *testing.T) {
	t.Parallel()
	count := func(n int64) *int64 { return &n }
	scoped := func(effect string, change func(*rule.Target)) []int64 {
		b := lines(1_000, 3_000, 2_000)
		for i := range b.Lines {
			b.Lines[i].Item.ProductID, b.Lines[i].Quantity, b.Lines[i].Price = "p", 10, b.Lines[i].Amount/10
		}
		target := rule.Target{Object: "product", ID: text("p"), Effect: effect}
		change(&target)
		b.ApplyDiscount(off("PERCENT", "APPLY_TO_ITEMS", 50), rule.Applicability{Included: []rule.Target{target}})
		return discounts(b)
	}
	require.Equal(t, []int64{500, 1_500, 1_000}, scoped("APPLY_TO_EVERY", func(*rule.Target) {}))
	require.Equal(t, []int64{500, 0, 0}, scoped("APPLY_TO_CHEAPEST", func(*rule.Target) {}))
	require.Equal(t, []int64{0, 1_500, 0}, scoped("APPLY_TO_MOST_EXPENSIVE", func(*rule.Target) {}))
	require.Equal(t, []int64{150, 450, 300}, scoped("", func(s *rule.Target) { s.QuantityLimit = count(3) }))
	require.Equal(t, []int64{500, 300, 0}, scoped("", func(s *rule.Target) { s.AggregatedQuantityLimit = count(12) }))
	require.Equal(t, []int64{400, 400, 400}, scoped("", func(s *rule.Target) { s.AmountLimit = count(400) }))
	require.Equal(t, []int64{500, 100, 0}, scoped("", func(s *rule.Target) { s.AggregatedAmountLimit = count(600) }))
}

func TestUnitsForFree(t *testing.T) {
	t.Parallel()
	product := json.RawMessage(`{"id": "prod_1", "name": "Phone", "price": 2100}`)
	unit := func(effect string, n float64) voucher.Discount {
		d := off("UNIT", effect, n)
		d.UnitType, d.Product = "prod_1", product
		return d
	}
	has := func(quantity int64) redemption.Basket {
		return redemption.Basket{Lines: []redemption.Line{{Item: order.Item{ProductID: "prod_1"}, Price: 2_100, Quantity: quantity, Amount: 2_100 * quantity}}}
	}

	b := lines(2_300)
	require.EqualValues(t, 94_500, b.ApplyDiscount(unit("ADD_NEW_ITEMS", 45), rule.Applicability{}))
	require.Equal(t, "Phone", b.Lines[1].Item.Product.Name)
	b.Lines[1].Item = order.Item{}
	require.Equal(t, redemption.Line{
		Price: 2_100, Quantity: 45, Amount: 94_500, Discount: 94_500, Applied: 94_500, Free: 45, FreeApplied: 45, Added: 45, AddedApplied: 45,
	}, b.Lines[1])
	require.Equal(t, redemption.Totals{
		Amount: 96_800, InitialAmount: 2_300, ItemsDiscount: 94_500, TotalDiscount: 94_500, TotalAmount: 2_300,
		ItemsAppliedDiscount: 94_500, TotalAppliedDiscount: 94_500,
	}, b.Totals())

	b = has(2)
	b.ApplyDiscount(unit("ADD_MISSING_ITEMS", 3), rule.Applicability{})
	require.EqualValues(t, 3, b.Lines[0].Quantity)
	require.EqualValues(t, 1, b.Lines[0].Added)
	require.Zero(t, b.Left())
	b = has(5)
	b.ApplyDiscount(unit("ADD_MISSING_ITEMS", 3), rule.Applicability{})
	require.EqualValues(t, 5, b.Lines[0].Quantity)
	require.EqualValues(t, 4_200, b.Left())
	b = has(5)
	b.ApplyDiscount(unit("ADD_SAME_ITEMS", 1), rule.Applicability{})
	require.EqualValues(t, 6, b.Lines[0].Quantity)
	require.EqualValues(t, 10_500, b.Left())
	b = has(1)
	b.ApplyDiscount(voucher.Discount{Type: "UNIT", Effect: "ADD_MANY_ITEMS", Units: []voucher.Unit{
		{UnitOff: number(2), UnitType: "prod_1", Effect: "ADD_NEW_ITEMS", Product: product},
		{UnitOff: number(1), UnitType: "prod_2", Effect: "ADD_MISSING_ITEMS"},
	}}, rule.Applicability{})
	require.Len(t, b.Lines, 2)
	require.EqualValues(t, 3, b.Lines[0].Quantity)
	require.EqualValues(t, 2_100, b.Left())
}

func TestPaying(t *testing.T) {
	t.Parallel()
	b := redemption.Basket{Bare: 6_000}
	require.EqualValues(t, 2_000, b.ApplyCredits(2_000, "", rule.Applicability{}))
	require.EqualValues(t, 4_000, b.ApplyCredits(9_000, "APPLY_TO_ORDER", rule.Applicability{}))
	require.Zero(t, b.Left())
	b = lines(1_000, 2_000)
	require.EqualValues(t, 300, b.ApplyCredits(300, "APPLY_TO_ITEMS", rule.Applicability{}))
	require.Equal(t, []int64{100, 200}, discounts(b))

	ratio := redemption.Exchange{Points: 100, Amount: 2_000} // as the public API's documents show it
	require.EqualValues(t, 6_000, ratio.Worth(300))
	b = redemption.Basket{Bare: 4_500}
	require.EqualValues(t, 200, b.ApplyPoints(200, ratio))
	require.EqualValues(t, 500, b.Left())
	require.EqualValues(t, 25, b.ApplyPoints(1_000, ratio), "no more than the order needs")
	require.Zero(t, b.Left())
	require.Zero(t, b.ApplyPoints(1_000, ratio))
}

// Whatever is applied in whatever order: amounts add up, nothing is below zero, and no more is taken than the order costs.
func TestNothingIsTakenThatIsNotThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := redemption.Basket{Bare: rapid.Int64Range(0, redemption.MaxAmount).Draw(t, "bare")}
		for i := range rapid.IntRange(0, 5).Draw(t, "lines") {
			price, quantity := rapid.Int64Range(0, 1e9).Draw(t, "price"), rapid.Int64Range(0, 100).Draw(t, "quantity")
			b.Lines = append(b.Lines, redemption.Line{
				Item: order.Item{ProductID: string(rune('a' + i))}, Price: price, Quantity: quantity,
				Amount: price*quantity + rapid.Int64Range(0, 10).Draw(t, "more"),
			})
		}
		start := b.Amount()
		for range rapid.IntRange(1, 30).Draw(t, "redeemables") {
			before := b.Left()
			taken := apply(t, &b)
			now := b.Totals()
			added := now.Amount - start
			require.LessOrEqual(t, taken, before+added)
			require.Equal(t, taken, now.TotalAppliedDiscount)
			holds(t, b)
			if now.InitialAmount != 0 {
				require.Equal(t, start, now.InitialAmount)
			}
		}
	})
}

func apply(t *rapid.T, b *redemption.Basket) int64 {
	var scope rule.Applicability
	if rapid.Bool().Draw(t, "scoped") {
		limit := rapid.Int64Range(0, 50).Draw(t, "limit")
		amount := rapid.Int64Range(0, 1e9).Draw(t, "amount limit")
		scope.Included = []rule.Target{{Object: "product", ID: text("a"), QuantityLimit: &limit}, {Object: "product", ID: text("c"), AggregatedAmountLimit: &amount}}
	}
	d := off("PERCENT", "", 0)
	switch kind := rapid.SampledFrom([]string{"PERCENT", "AMOUNT", "FIXED", "UNIT", "CREDITS", "POINTS"}).Draw(t, "kind"); kind {
	case "PERCENT":
		d = off(kind, rapid.SampledFrom([]string{"", "APPLY_TO_ORDER", "APPLY_TO_ITEMS"}).Draw(t, "effect"), rapid.Float64Range(0, 100).Draw(t, "off"))
	case "AMOUNT":
		d = off(kind, rapid.SampledFrom([]string{
			"", "APPLY_TO_ORDER", "APPLY_TO_ITEMS", "APPLY_TO_ITEMS_PROPORTIONALLY", "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY",
			"APPLY_TO_ITEMS_BY_QUANTITY",
		}).Draw(t, "effect"), rapid.Float64Range(0, 1e13).Draw(t, "off"))
	case "FIXED":
		d = off(kind, rapid.SampledFrom([]string{"", "APPLY_TO_ORDER", "APPLY_TO_ITEMS"}).Draw(t, "effect"), rapid.Float64Range(0, 1e13).Draw(t, "off"))
	case "UNIT":
		d = off(kind, rapid.SampledFrom([]string{"ADD_NEW_ITEMS", "ADD_MISSING_ITEMS", "ADD_SAME_ITEMS"}).Draw(t, "effect"), float64(rapid.IntRange(0, 1e4).Draw(t, "off")))
		d.UnitType = rapid.SampledFrom([]string{"a", "b", "new"}).Draw(t, "unit")
		d.Product = json.RawMessage(`{"price": 1234}`)
	case "CREDITS":
		return b.ApplyCredits(rapid.Int64Range(0, 1e12).Draw(t, "credits"), rapid.SampledFrom([]string{"", "APPLY_TO_ITEMS"}).Draw(t, "effect"), scope)
	case "POINTS":
		ratio := redemption.Exchange{Points: rapid.Int64Range(1, 1000).Draw(t, "points"), Amount: rapid.Int64Range(0, 100_000).Draw(t, "worth")}
		points := rapid.Int64Range(0, 1e12).Draw(t, "spend")
		before := b.Left()
		spent := b.ApplyPoints(points, ratio)
		require.GreaterOrEqual(t, spent, int64(0))
		require.LessOrEqual(t, spent, points)
		return before - b.Left()
	}
	return b.ApplyDiscount(d, scope)
}

func holds(t require.TestingT, b redemption.Basket) {
	for _, l := range b.Lines {
		require.GreaterOrEqual(t, l.Discount, int64(0))
		require.LessOrEqual(t, l.Discount, l.Amount)
		require.GreaterOrEqual(t, l.Free, int64(0))
		require.LessOrEqual(t, l.Free, l.Quantity)
	}
	now := b.Totals()
	require.GreaterOrEqual(t, b.Discount, int64(0))
	require.GreaterOrEqual(t, now.TotalAmount, int64(0))
	require.Equal(t, now.Amount, now.TotalAmount+now.TotalDiscount)
	require.Equal(t, now.TotalDiscount, now.Discount+now.ItemsDiscount)
	require.GreaterOrEqual(t, now.TotalAppliedDiscount, int64(0))
	require.LessOrEqual(t, now.TotalAppliedDiscount, now.TotalDiscount)
}

// A redemption that is rolled back leaves the order as if it had never been, whatever was redeemed beside it.
func TestARollbackTakesOffWhatTheRedemptionDid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := order.Order{Status: order.Paid, Metadata: json.RawMessage("{}"), Items: []order.Item{}}
		for i := range rapid.IntRange(0, 4).Draw(t, "items") {
			price := rapid.Int64Range(0, 1e6).Draw(t, "price")
			quantity := rapid.Int64Range(1, 20).Draw(t, "quantity")
			o.Items = append(o.Items, order.Item{
				Object: "order_item", ProductID: string(rune('a' + i)), Price: &price, Quantity: quantity, Amount: price * quantity,
			})
		}
		o.Amount = rapid.Int64Range(0, 1e9).Draw(t, "amount")
		o.Total()
		before := o
		var done []redemption.Effects
		for range rapid.IntRange(1, 5).Draw(t, "redemptions") {
			b := redemption.BasketOf(o)
			apply(t, &b)
			totals := b.Totals()
			done = append(done, redemption.Effects{Order: &totals, Took: b.Took()})
			o = b.Onto(o)
			require.Equal(t, totals.TotalAmount, o.TotalAmount)
			o = o.Kept()
		}
		for i := len(done) - 1; i >= 0; i-- {
			o = done[i].Undone(o).Kept()
			require.GreaterOrEqual(t, o.TotalAmount, int64(0))
		}
		require.Equal(t, before.Amount, o.Amount)
		require.Equal(t, before.TotalAmount, o.TotalAmount)
		require.Equal(t, before.Items, o.Items)
		require.Nil(t, o.InitialAmount)
	})
}
