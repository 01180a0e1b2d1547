package rule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/order"
)

func never(t testing.TB, text string, where Asked) string {
	t.Helper()
	r, err := Parse([]byte(text))
	require.NoError(t, err, text)
	return Rule{Rules: r}.Never(where)
}

func TestWhatNeverHoldsSaysWhy(t *testing.T) {
	t.Parallel()
	ofOrder, ofEvent, gone := Asked{Order: true}, Asked{Event: true}, uuid.MustParse("0192f0c1-b8d7-7d4f-a1c3-e5f708192a3d")
	segment := id.Segment.Format(gone)
	for text, c := range map[string]struct {
		where Asked
		why   string
	}{
		`{"1": {"name": "custom_event.metadata", "property": "page", "conditions": {"$is": ["home"]}}}`: {ofOrder, "it asks about custom_event.metadata, and there is no custom event"},
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [1]}}}`:                            {ofEvent, "it asks about order.amount, and there is no order"},
		`{"1": {"name": "order.items.any", "conditions": {"$is": ["prod_1"]}}}`:                         {ofEvent, "there is no order"},
		`{"1": {"name": "redemption.count.per_customer", "conditions": {"$more_than": [1]}}}`:           {ofOrder, "nothing is redeemed"},
		`{"1": {"name": "customer.segment", "conditions": {"$is": ["` + segment + `"]}}}`:               {Asked{Gone: []uuid.UUID{gone}}, "it asks for a segment that there is no longer: " + segment},
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [100]}},
		  "2": {"name": "order.amount", "conditions": {"$less_than": [50]}}}`: {ofOrder, "it asks of order.amount what nothing is: $more_than 100 and $less_than 50"},
		`{"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "2": {"name": "order.amount", "conditions": {"$is": [2]}}}`: {ofOrder, "order.amount"},
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [1], "$less_than": [2]}}}`:                                  {ofOrder, "order.amount"}, // amounts are whole
		`{"1": {"name": "order.items.count", "conditions": {"$less_than": [0]}}}`:                                                {ofOrder, "order.items.count"},
		`{"1": {"name": "customer.metadata", "property": "a", "conditions": {"$is": ["X"], "$is_not": ["x"]}}}`:                  {Asked{}, "customer.metadata.a"},
		`{"1": {"name": "customer.metadata", "property": "a", "conditions": {"$in": [1, "2"]}, "rules":
		  {"1": {"name": "customer.metadata", "property": "a", "conditions": {"$not_in": ["1.0", 2, 3]}}}}}`: {Asked{}, "customer.metadata.a"},
		`{"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "2": {"name": "order.amount", "conditions": {"$is": [2]}},
		  "3": {"name": "order.amount", "conditions": {"$is": [3]}}, "logic": "1 and (2 or (2 and 3))"}`: {ofEvent, "there is no order"},
		`{"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "2": {"name": "order.amount", "conditions": {"$is": [2]}},
		  "3": {"name": "custom_event.metadata", "property": "a", "conditions": {"$is": [3]}}, "logic": "1 and (2 or 3)"}`: {ofOrder, "order.amount"},
	} {
		require.Contains(t, never(t, text, c.where), c.why, text)
	}
}

func TestWhatCouldHoldIsNotDoubted(t *testing.T) {
	t.Parallel()
	ofOrder, other := Asked{Order: true}, uuid.MustParse("0192f0c1-b8d7-7d4f-a1c3-e5f708192a3d")
	segment := id.Segment.Format(other)
	for text, where := range map[string]Asked{
		`{"logic": ""}`: ofOrder,
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [9900]}}, "2": {"name": "customer.segment", "conditions": {"$is": ["` + segment + `"]}}}`:                                                                  ofOrder,
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [1]}}, "2": {"name": "custom_event.metadata", "property": "a", "conditions": {"$is": [1]}}, "logic": "1 or 2"}`:                                            ofOrder,
		`{"1": {"name": "custom_event.metadata", "property": "a", "conditions": {"$is_not": [1]}}}`:                                                                                                                             ofOrder, // unknown fits the opposites
		`{"1": {"name": "order.items.none", "conditions": {"$is": ["prod_1"]}}}`:                                                                                                                                                {Event: true},
		`{"1": {"name": "redemption.count.per_customer", "conditions": {"$less_than_or_equal": [1]}}}`:                                                                                                                          ofOrder,
		`{"1": {"name": "customer.metadata", "property": "tags", "conditions": {"$is": ["a"]}}, "2": {"name": "customer.metadata", "property": "tags", "conditions": {"$is": ["b"]}}}`:                                          {}, // a list has both
		`{"1": {"name": "customer.metadata", "property": "a", "conditions": {"$is": ["x"]}}, "2": {"name": "customer.metadata", "property": "b", "conditions": {"$is_not": ["x"]}}}`:                                            {},
		`{"1": {"name": "order.items.price_any", "conditions": {"$is": [1]}}, "2": {"name": "order.items.price_any", "conditions": {"$is": [2]}}}`:                                                                              ofOrder, // another line
		`{"1": {"name": "customer.segment", "conditions": {"$is_not": ["` + segment + `"]}}}`:                                                                                                                                   {Gone: []uuid.UUID{other}},
		`{"1": {"name": "customer.segment", "conditions": {"$in": ["` + segment + `", "seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]}}}`:                                                                                               {Gone: []uuid.UUID{other}},
		`{"1": {"name": "order.amount", "conditions": {"$more_than": [9007199254740992]}}}`:                                                                                                                                     ofOrder,
		`{"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "2": {"name": "order.amount", "conditions": {"$is": [2]}}, "logic": "1 or 2"}`:                                                                             ofOrder,
		`{"1": {"name": "order.amount", "conditions": {"$is": [1]}}, "2": {"name": "custom_event.metadata", "property": "a", "conditions": {"$is": [1]}}, "logic": "1"}`:                                                        ofOrder, // 2 is not asked
		`{"1": {"name": "order.amount", "conditions": {"$more_than_or_equal": [5]}}, "2": {"name": "order.amount", "conditions": {"$less_than_or_equal": [5]}}}`:                                                                ofOrder,
		`{"1": {"name": "order.items.any", "conditions": {"$is": ["prod_1"]}, "rules": {"1": {"name": "order.items.price", "conditions": {"$is": [1]}}}}, "2": {"name": "order.items.any", "conditions": {"$is": ["prod_2"]}}}`: ofOrder,
	} {
		require.Empty(t, never(t, text, where), text)
	}
}

// Whatever Never says cannot be, is not so for any customer, order and event.
func TestWhatNeverHoldsDoesNotHold(t *testing.T) {
	t.Parallel()
	doubted := 0
	rapid.Check(t, func(t *rapid.T) {
		where := Asked{Order: rapid.Bool().Draw(t, "order"), Event: rapid.Bool().Draw(t, "event")}
		var parts []string
		for n := 1; n <= 3; n++ {
			about := rapid.SampledFrom([]string{
				`"name": "order.amount"`, `"name": "order.items.count"`, `"name": "order.items.price_any"`, `"name": "redemption.count.per_customer"`,
				`"name": "customer.metadata", "property": "a"`, `"name": "custom_event.metadata", "property": "a"`,
			}).Draw(t, "about")
			test := func() string {
				return fmt.Sprintf(`"%s": [%d]`, rapid.SampledFrom([]string{"$is", "$is_not", "$more_than", "$less_than", "$more_than_or_equal"}).Draw(t, "op"),
					rapid.IntRange(-1, 4).Draw(t, "operand"))
			}
			parts = append(parts, fmt.Sprintf(`"%d": {%s, "conditions": {%s}}`, n, about, test()))
		}
		logic := rapid.SampledFrom([]string{"1 and 2 and 3", "1 and (2 or 3)", "1 or 2 and 3", "1 or 2 or 3", "1 and 2"}).Draw(t, "logic")
		text := "{" + strings.Join(parts, ", ") + `, "logic": "` + logic + `"}`
		r, err := Parse([]byte(text))
		require.NoError(t, err)
		all := Rule{Rules: r}
		why := all.Never(where)
		if why == "" {
			return
		}
		doubted++
		metadata := rapid.SampledFrom([]string{`{}`, `{"a": 1}`, `{"a": [0, 1, 2, 3, 4]}`, `{"a": 3}`})
		f := Facts{Customer: &customer.Customer{Metadata: []byte(metadata.Draw(t, "customer"))}}
		if where.Order {
			price := rapid.Int64Range(0, 5).Draw(t, "price")
			f.Order = &order.Order{Amount: rapid.Int64Range(0, 5).Draw(t, "amount"), Items: []order.Item{{Quantity: rapid.Int64Range(0, 5).Draw(t, "quantity"), Price: &price}}}
		}
		if where.Event {
			f.Event = []byte(metadata.Draw(t, "event"))
		}
		require.NotNil(t, all.Check(f), "%s: %s", text, why)
	})
	require.Positive(t, doubted)
}
