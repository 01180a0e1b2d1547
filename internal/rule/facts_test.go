package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/customer"
	"herald/internal/order"
)

var (
	members = uuid.MustParse("0192f0c1-b8d7-7d4f-a1c3-e5f708192a3b")
	ada     = uuid.MustParse("0192f0c1-b8d7-7d4f-a1c3-e5f708192a3c")
)

func price(n int64) *int64 { return &n }

// someFacts is a member who buys two shirts and a hat on Wednesday, 13 May 2026, at noon.
func someFacts() Facts {
	return Facts{
		Now: time.Date(2026, 5, 13, 12, 0, 0, 0, time.UTC),
		Customer: &customer.Customer{ID: ada, Metadata: []byte(`{"level": "Gold", "visits": 7, "vip": true, "tags": ["a", "b"], "rate": "2.5",
			"since": "2026-05-10", "next": "2026-05-15T09:00:00Z", "lunch": "2026-05-13T12:30:00Z", "nothing": null, "deep": {"a": 1}}`)},
		Segments: map[uuid.UUID]bool{members: true},
		Order: &order.Order{
			Amount: 7000, TotalAmount: 6300, Metadata: []byte(`{"location": "Santorini"}`),
			Items: []order.Item{
				{ProductID: "prod_shirt", SourceID: "shirt", Quantity: 2, Amount: 4000, Price: price(2000), Metadata: []byte(`{"size": 40}`),
					Product: &order.Product{Metadata: []byte(`{"brand": "X"}`)}},
				{SourceID: "hat-red", RelatedObject: "sku", SKUID: "sku_hat", Quantity: 1, Amount: 3000, Price: price(3000), Metadata: []byte(`{"size": 50}`),
					Product: &order.Product{ID: "prod_hat", Metadata: []byte(`{"brand": "Y"}`)}},
			},
		},
		Redemption: []byte(`{"till": 3}`), Event: []byte(`{"page": "/home"}`), Holder: &ada, Gift: price(500), Points: price(20), Discount: 700,
		APIKey: "app-1", KeyName: "Shop",
		Counts: Counts{
			Redemptions: Spans{Day: 2, Week: 4, Month: 9}, PerCustomer: Spans{Total: 1, Day: 0, Week: 1, Month: 1}, PerKey: 5,
			CampaignRedemptions: Spans{Total: 30, Day: 3, Week: 5, Month: 12}, CampaignCustomers: Spans{Total: 20, Day: 2, Week: 3, Month: 9},
			CampaignByCustomer: Spans{Total: 1, Week: 1, Month: 1}, OrdersAmount: 90_000, OrdersDiscounted: 9_000,
		},
	}
}

func check(t testing.TB, text string, f Facts) *Violation {
	t.Helper()
	r, err := Parse([]byte(text))
	require.NoError(t, err, text)
	return Rule{Rules: r}.Check(f)
}

// A condition is written as: name, property where there is one, operator, operands.
func TestConditionsHoldOrNot(t *testing.T) {
	t.Parallel()
	for condition, holds := range map[string]bool{
		`customer.segment $is ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]`:     true,
		`customer.segment $is_not ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]`: false,
		`customer.segment $in ["seg_0192f0c1b8d77d4fa1c3e5f708192a3c"]`:     false,
		`customer.segment $not_in ["seg_0192f0c1b8d77d4fa1c3e5f708192a3c"]`: true,

		`customer.metadata level $is ["gold"]`:                true, // texts compare without case
		`customer.metadata level $is_not ["gold"]`:            false,
		`customer.metadata level $in ["silver", "GOLD"]`:      true,
		`customer.metadata level $starts_with ["go", "si"]`:   true,
		`customer.metadata level $ends_with ["LD"]`:           true,
		`customer.metadata level $contains ["ol"]`:            true,
		`customer.metadata level $contains ["x"]`:             false,
		`customer.metadata visits $more_than [6]`:             true,
		`customer.metadata visits $more_than [7]`:             false,
		`customer.metadata visits $more_than_or_equal [7]`:    true,
		`customer.metadata visits $greater_than_or_equal [8]`: false,
		`customer.metadata visits $is ["7"]`:                  true, // a text that is a number compares as one
		`customer.metadata visits $is [7.0]`:                  true,
		`customer.metadata rate $less_than [3]`:               true,
		`customer.metadata vip $is [true]`:                    true,
		`customer.metadata vip $is ["true"]`:                  true,
		`customer.metadata tags $is ["b"]`:                    true, // one of several is enough
		`customer.metadata tags $is_not ["b"]`:                false,
		`customer.metadata tags $count [2]`:                   true,
		`customer.metadata tags $count_more [1]`:              true,
		`customer.metadata tags $count_less [2]`:              false,
		`customer.metadata level $count [1]`:                  false, // one text is no list
		`customer.metadata tags $not_differ ["a", "b", "c"]`:  true,  // nothing else than these
		`customer.metadata tags $not_differ ["a"]`:            false,
		`customer.metadata tags $not_intersect ["c"]`:         true,
		`customer.metadata tags $not_intersect ["c", "a"]`:    false,
		`customer.metadata gone $is ["x"]`:                    false, // what is unknown fits only the opposite
		`customer.metadata gone $is_not ["x"]`:                true,
		`customer.metadata gone $less_than [1]`:               false,
		`customer.metadata nothing $is_not ["x"]`:             true,
		`customer.metadata deep $is ["x"]`:                    false,

		`customer.metadata since $after ["2026-05-09"]`:                                             true,
		`customer.metadata since $before ["2026-05-10"]`:                                            false,
		`customer.metadata since $more_than ["2026-05-09T23:59:59Z"]`:                               true,
		`customer.metadata since $more_than_ago [3]`:                                                true,
		`customer.metadata since $more_than_ago [4]`:                                                false,
		`customer.metadata since $less_than_ago [4]`:                                                true,
		`customer.metadata since $is_days_ago [3]`:                                                  true,
		`customer.metadata next $is_days_in_future [2]`:                                             true,
		`customer.metadata next $more_than_future [1]`:                                              true,
		`customer.metadata next $less_than_future [1]`:                                              false,
		`customer.metadata next $less_than_ago [5]`:                                                 false,
		`customer.metadata since $less_than_future [5]`:                                             false,
		`customer.metadata lunch $dow [0, 3]`:                                                       true, // a Wednesday
		`customer.metadata lunch $dow [4]`:                                                          false,
		`customer.metadata lunch $timeframe ["2026-05-01T12:00:00Z;P1D;PT1H"]`:                      true,
		`customer.metadata lunch $timeframe ["2026-05-01T13:00:00Z;P1D;PT1H"]`:                      false,
		`customer.metadata lunch $timeframe ["2026-05-14T12:00:00Z;P1D;PT1H"]`:                      false, // it starts later
		`customer.metadata lunch $timeframe ["2026-01-13T12:00:00Z;P1M;PT1H"]`:                      true,
		`customer.metadata lunch $timeframe_absolute ["2026-05-13T12:00:00Z;2026-05-13T13:00:00Z"]`: true,
		`customer.metadata lunch $timeframe_absolute ["2026-05-13T13:00:00Z;2026-05-14T13:00:00Z"]`: false,
		`customer.metadata lunch $timeframe_daily_hours ["12:00;13:00;3"]`:                          true,
		`customer.metadata lunch $timeframe_daily_hours ["12:00;13:00;2,4"]`:                        false,
		`customer.metadata lunch $timeframe_daily_hours ["22:00;12:31;2"]`:                          true, // from Tuesday into Wednesday
		`customer.metadata level $dow [3]`:                                                          false,

		`order.amount $is [7000]`:                         true,
		`order.amount $in [1, 7000]`:                      true,
		`order.amount $not_in [1, 7000]`:                  false,
		`order.total_amount $less_than [7000]`:            true,
		`order.initial_amount $more_than_or_equal [7000]`: true,
		`order.metadata location $is ["Santorini"]`:       true,
		`order_metadata location $is ["Athens"]`:          false,
		`order.items.count $is [3]`:                       true, // units
		`order.items.aggregated_quantity $is [3]`:         true,
		`order.items.aggregated_amount $is [7000]`:        true,
		`order.items.price_any $is [2000]`:                true,
		`order.items.price_each $is [2000]`:               false,
		`order.items.price_each $more_than [500]`:         true,
		`order.items.metadata_any size $more_than [45]`:   true,
		`order.items.metadata_each size $more_than [45]`:  false,
		`order.items.metadata_each size $more_than [35]`:  true,
		`product.price $is [3000]`:                        true,
		`product.quantity $more_than [2]`:                 false,
		`product.metadata brand $is ["X"]`:                true,
		`product.metadata brand $is ["Z"]`:                false,

		`order.items.any $is ["shirt"]`:                                           true,
		`order.items.any $is [{"object": "product", "id": "prod_hat"}]`:           true,
		`order.items.any $is [{"object": "sku", "source_id": "hat-red"}]`:         true,
		`order.items.any $is [{"object": "product", "id": "hat-red"}]`:            false, // that is the SKU's
		`order.items.any $is [{"object": "products_collection", "id": "shirt"}]`:  false,
		`order.items.any $in ["x", "sku_hat"]`:                                    true,
		`order.items.any $not_in ["prod_shirt", "prod_hat"]`:                      false,
		`order.items.every $in ["prod_shirt", "prod_hat"]`:                        true,
		`order.items.every $is ["prod_shirt"]`:                                    false,
		`order.items.none $is ["prod_shoe"]`:                                      true,
		`order.items.none $is ["prod_shirt"]`:                                     false,
		`order.items.cheapest $is ["prod_shirt"]`:                                 true,
		`order.items.cheapest $is ["prod_hat"]`:                                   false,
		`order.items.most_expensive $is ["sku_hat"]`:                              true,
		`order.items.any $not_differ ["prod_shirt", "prod_hat"]`:                  true,
		`order.items.any $not_differ ["prod_shirt"]`:                              false,
		`order.items.any $not_intersect ["prod_shoe"]`:                            true,
		`order.items.any $not_intersect ["prod_shoe", "prod_hat"]`:                false,
		`order.items.any $from [{"object": "products_collection", "id": "pc_1"}]`: false,
		`product.id $is ["prod_shirt"]`:                                           true,
		`sku.id $is ["sku_hat"]`:                                                  true,
		`sku.id $is ["prod_shoe"]`:                                                false,

		// The one that is asked about counts too.
		`redemption.count.daily $less_than_or_equal [3]`:                true,
		`redemption.count.daily $less_than [3]`:                         false,
		`redemption.count.weekly $is [5]`:                               true,
		`redemption.count.monthly $is [10]`:                             true,
		`redemption.count.per_customer $less_than_or_equal [1]`:         false,
		`redemption.count.per_customer.daily $less_than_or_equal [1]`:   true,
		`redemption.count.per_customer.weekly $is [2]`:                  true,
		`redemption_count_per_customer_monthly $is [2]`:                 true,
		`redemption.count.per_api_key $is [6]`:                          true,
		`redemption.count.per_user $less_than [1]`:                      true,
		`redemption.user.login $is ["ada"]`:                             false,
		`redemption.api_key $is ["app-1"]`:                              true,
		`redemption.api_key $in ["x", "shop"]`:                          true,
		`redemption.api_key $is ["app-2"]`:                              false,
		`redemption.metadata till $is [3]`:                              true,
		`redemption.gift.amount $less_than_or_equal [500]`:              true,
		`redemption.reward.pay_with_points.points_used $more_than [20]`: false,
		`campaign.redemptions.count $is [31]`:                           true,
		`campaign.redemptions.count.daily $is [4]`:                      true,
		`campaign.redemptions.count.weekly $is [6]`:                     true,
		`campaign.redemptions.count.monthly $is [13]`:                   true,
		`campaign.redemptions.customers_count $is [20]`:                 true, // who is among them already
		`campaign.redemptions.customers_count.daily $is [3]`:            true, // and who is not yet today
		`campaign.redemptions.customers_count.weekly $is [3]`:           true,
		`campaign.redemptions.customers_count.monthly $is [9]`:          true,
		`campaign.orders.amount $is [97000]`:                            true,
		`campaign.orders.amount_discounted $is [9700]`:                  true,
		`publication.redeemable_by_linked_customer $is [true]`:          true,
		`custom_event.metadata page $starts_with ["/h"]`:                true,
		`product.discount_applicable $is [false]`:                       true, // says something, and asks nothing
	} {
		require.Equal(t, holds, check(t, `{"1": `+written(t, condition)+`}`, someFacts()) == nil, condition)
	}
}

// written turns the short form of a condition into the public API's.
func written(t testing.TB, condition string) string {
	t.Helper()
	words := strings.Fields(condition)
	at := 1
	property := ""
	if !strings.HasPrefix(words[1], "$") {
		at, property = 2, `"property": "`+words[1]+`", `
	}
	_, operands, found := strings.Cut(condition, words[at]+" ")
	require.True(t, found)
	return `{"name": "` + words[0] + `", ` + property + `"conditions": {"` + words[at] + `": ` + operands + `}}`
}

func TestNothingIsKnownWithoutFacts(t *testing.T) {
	t.Parallel()
	for condition, holds := range map[string]bool{
		`customer.segment $is ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]`:     false,
		`customer.segment $not_in ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]`: true,
		`customer.metadata level $is ["gold"]`:                              false,
		`order.amount $more_than_or_equal [0]`:                              false,
		`order.metadata a $is_not ["b"]`:                                    true,
		`order.items.count $is [0]`:                                         true,
		`order.items.any $is ["a"]`:                                         false,
		`order.items.every $is ["a"]`:                                       false,
		`order.items.none $is ["a"]`:                                        true,
		`order.items.cheapest $is ["a"]`:                                    false,
		`order.items.price_each $is [1]`:                                    false,
		`redemption.gift.amount $is [0]`:                                    false,
		`redemption.count.per_customer $less_than [100]`:                    false,
		`redemption.count.daily $is [1]`:                                    true,
		`redemption.api_key $is_not ["x"]`:                                  true,
		`campaign.redemptions.customers_count $is [0]`:                      true,
		`publication.redeemable_by_linked_customer $is [true]`:              false,
	} {
		require.Equal(t, holds, check(t, `{"1": `+written(t, condition)+`}`, Facts{}) == nil, condition)
	}
}

func TestRulesBelowAskAboutTheLinesThatWereChosen(t *testing.T) {
	t.Parallel()
	below := func(name, choice, rules string) string {
		return `{"1": {"name": "` + name + `", "conditions": {` + choice + `}, "rules": {` + rules + `}}}`
	}
	rule := func(condition string) string { return `"1": ` + written(t, condition) }
	for text, holds := range map[string]bool{
		below("order.items.any", `"$is": ["prod_shirt"]`, rule(`order.items.quantity $is [2]`)):                    true,
		below("order.items.any", `"$is": ["prod_hat"]`, rule(`order.items.quantity $is [2]`)):                      false,
		below("order.items.any", ``, rule(`order.items.quantity $is [2]`)):                                         true,
		below("order.items.any", `"$is": ["prod_hat"]`, rule(`order.items.aggregated_quantity $is [1]`)):           true, // of the chosen
		below("order.items.any", `"$in": ["prod_hat", "shirt"]`, rule(`order.items.aggregated_amount $is [7000]`)): true,
		below("order.items.every", ``, rule(`order.items.price $more_than [1999]`)):                                true,
		below("order.items.every", ``, rule(`order.items.price $more_than [2000]`)):                                false,
		below("order.items.none", ``, rule(`order.items.price $more_than [3000]`)):                                 true,
		below("order.items.none", ``, rule(`order.items.price $more_than [2000]`)):                                 false,
		below("order.items.cheapest", ``, rule(`order.items.metadata size $is [40]`)):                              true,
		below("order.items.most_expensive", ``, rule(`order.items.metadata size $is [40]`)):                        false,
		below("product.id", `"$is": ["prod_shirt"]`, rule(`product.quantity $more_than_or_equal [2]`)):             true,
		// Two lines below one another, joined by a logic of their own.
		below("order.items.any", ``, rule(`order.items.price $is [1]`)+`, "2": `+written(t, `order.items.quantity $is [1]`)+`, "logic": "1 or 2"`): true,
		below("order.items.any", ``, rule(`order.items.price $is [3000]`)+`, "2": `+written(t, `order.items.quantity $is [2]`)):                    false, // not the same line
		// Metadata chooses lines, too.
		`{"1": {"name": "product.metadata", "property": "brand", "conditions": {"$is": ["X"]}, "rules": {` + rule(`product.metadata.aggregated_quantity $is [2]`) + `}}}`: true,
		`{"1": {"name": "product.metadata", "property": "brand", "conditions": {"$is": ["X"]}, "rules": {` + rule(`product.metadata.match_all $is [true]`) + `}}}`:        false,
		`{"1": {"name": "product.metadata", "property": "brand", "conditions": {"$in": ["X", "Y"]}, "rules": {` + rule(`product.metadata.match_all $is [true]`) + `}}}`:   true,
		`{"1": {"name": "product.metadata", "property": "brand", "conditions": {"$is": ["X"]}, "rules": {` + rule(`product.metadata.match_all $is [false]`) + `}}}`:       true,
		// A choice below a choice looks at the one line.
		below("order.items.any", `"$is": ["prod_hat"]`, `"1": {"name": "order.items.any", "conditions": {"$is": ["prod_shirt"]}}`): false,
		below("order.items.every", ``, `"1": {"name": "order.items.any", "conditions": {"$in": ["prod_shirt", "prod_hat"]}}`):      true,
		// A condition that chooses no lines may have rules below it as well.
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [1]}, "rules": {` + rule(`order.metadata location $is ["Athens"]`) + `}}}`: false,
	} {
		require.Equal(t, holds, check(t, text, someFacts()) == nil, text)
	}
}

func TestAViolationSaysWhatTheAuthorWants(t *testing.T) {
	t.Parallel()
	rules := `{"1": {"name": "order.amount", "conditions": {"$more_than": [1]}, "error": {"message": "Spend more."}},
		"2": {"name": "order.items.any", "rules": {"1": {"name": "order.items.price", "conditions": {"$is": [1]}, "error": {"message": "Too dear."}}}},
		"3": {"name": "order.items.none", "rules": {"1": {"name": "order.items.price", "conditions": {"$is": [1]}, "error": {"message": "Unsaid."}}}},
		"4": {"name": "customer.metadata", "property": "level", "conditions": {"$is": ["tin"]}, "error": {"message": "Only tin."}},
		"5": {"name": "customer.metadata", "property": "level", "conditions": {"$is": ["tin"]}}, "logic": "`
	for logic, want := range map[string]string{
		"4":                    "Only tin.",
		"1 and 4":              "Only tin.",
		"2":                    "Too dear.",
		"3 and 4":              "Only tin.", // a line that does not pass is what 3 wants
		"(2 or 1) and 4":       "Only tin.", // that 2 failed does not matter
		"2 or 4":               "Too dear.", // the first that was asked
		"5":                    "Not for you.",
		"5 or 4":               "Only tin.",
		"1 and (2 or 4) and 5": "Too dear.",
	} {
		r, err := Parse([]byte(rules + logic + `"}`))
		require.NoError(t, err)
		one := uuid.New()
		v := Rule{ID: one, Rules: r, Error: &Message{"Not for you."}}.Check(someFacts())
		require.NotNil(t, v, logic)
		require.Equal(t, one, v.Rule)
		require.Equal(t, want, v.Message, logic)
	}
	require.Nil(t, check(t, rules+`1 and 3"}`, someFacts()))
	require.Nil(t, Rule{}.Check(Facts{}), "no rules are no limit")
}

func TestARuleSaysWhatMustBeKnownOfThePast(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Need{
		`order.amount $is [1]`: {},
		`customer.segment $is ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]`: {Segments: []uuid.UUID{members}},
		`redemption.count.per_customer $is [1]`:                         {Counts: ByCustomer},
		`redemption.count.daily $is [1]`:                                {Counts: OfObject},
		`campaign.redemptions.customers_count.weekly $is [1]`:           {Counts: Customers | ByCustomer},
		`campaign.orders.amount $is [1]`:                                {Counts: Amounts},
	} {
		r, err := Parse([]byte(`{"1": {"name": "order.items.any", "rules": {"7": ` + written(t, text) + `}}}`))
		require.NoError(t, err)
		require.Equal(t, want, Rule{Rules: r}.Need(), text)
	}
}

// The opposite of a test holds exactly where the test does not, whatever the metadata says.
func TestOppositesAreExact(t *testing.T) {
	t.Parallel()
	values := []string{`"a"`, `"B"`, `7`, `"7"`, `true`, `null`, `["a", 7]`, `[]`, `{}`, `"2026-05-13"`}
	rapid.Check(t, func(t *rapid.T) {
		f := Facts{Customer: &customer.Customer{Metadata: []byte(`{"k": ` + rapid.SampledFrom(values).Draw(t, "value") + `}`)}}
		operands := "[" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{`"a"`, `"b"`, `7`, `"7"`, `true`}), 1, 3).Draw(t, "operands"), ",") + "]"
		holds := func(operator string) bool {
			r, err := Parse([]byte(`{"1": {"name": "customer.metadata", "property": "k", "conditions": {"` + operator + `": ` + operands + `}}}`))
			require.NoError(t, err)
			return Rule{Rules: r}.Check(f) == nil
		}
		require.NotEqual(t, holds("$in"), holds("$not_in"))
		require.Equal(t, holds("$not_in"), holds("$not_intersect"))
	})
}

func TestWhatADiscountCovers(t *testing.T) {
	t.Parallel()
	items := someFacts().Order.Items
	shirt, hat := Target{Object: "product", ID: &items[0].ProductID}, Target{Object: "sku", SourceID: &items[1].SourceID}
	for _, c := range []struct {
		a          Applicability
		shirt, hat bool
	}{
		{Applicability{}, true, true},
		{Applicability{IncludedAll: true}, true, true},
		{Applicability{Included: []Target{shirt}}, true, false},
		{Applicability{Excluded: []Target{shirt}}, false, true},
		{Applicability{Included: []Target{shirt, hat}, Excluded: []Target{hat}}, true, false},
		{Applicability{Included: []Target{shirt}, IncludedAll: true}, true, true},
	} {
		require.Equal(t, []bool{c.shirt, c.hat}, []bool{c.a.Covers(items[0]), c.a.Covers(items[1])})
	}
	r, err := Parse([]byte(`{"1": {"name": "product.id", "conditions": {"$in": ["prod_shirt"]}, "rules": {
		"1": {"name": "product.discount_applicable", "conditions": {"$is": [true]}}}}, "2": {"name": "product.id", "conditions": {"$in": ["prod_hat"]}}}`))
	require.NoError(t, err)
	covered := Rule{Rules: r}.Covered()
	require.Len(t, covered.Included, 1)
	require.True(t, covered.Covers(items[0]))
	require.False(t, covered.Covers(items[1]))
}

func TestOneMoreRedemptionCounts(t *testing.T) {
	t.Parallel()
	before := someFacts().Counts
	of := before.And(false, 1000, 100)
	require.Equal(t, before.Redemptions, of.Redemptions, "another code of the campaign")
	require.Equal(t, before.PerKey, of.PerKey)
	require.Equal(t, Spans{Total: 31, Day: 4, Week: 6, Month: 13}, of.CampaignRedemptions)
	require.Equal(t, Spans{Total: 2, Day: 1, Week: 2, Month: 2}, of.CampaignByCustomer)
	require.Equal(t, Spans{Total: 20, Day: 3, Week: 3, Month: 9}, of.CampaignCustomers, "today they are new")
	require.EqualValues(t, 91_000, of.OrdersAmount)
	require.EqualValues(t, 9_100, of.OrdersDiscounted)
	itself := before.And(true, 0, 0)
	require.Equal(t, Spans{Total: 1, Day: 3, Week: 5, Month: 10}, itself.Redemptions)
	require.Equal(t, Spans{Total: 2, Day: 1, Week: 2, Month: 2}, itself.PerCustomer)
	require.EqualValues(t, 6, itself.PerKey)
}
