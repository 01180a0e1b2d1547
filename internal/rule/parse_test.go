package rule

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/fault"
)

// examples are the rules of the public API's own documents.
var examples = []string{
	`{"logic": ""}`,
	`{"1": {"name": "customer.segment", "rules": {}, "property": null, "conditions": {"$is": ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]}}, "logic": "1"}`,
	`{"1": {"name": "order.items.price_any", "rules": {}, "property": null, "conditions": {"$is": [150000]}}, "logic": "1"}`,
	`{"1": {"name": "order.amount", "rules": {}, "property": null, "conditions": {"$more_than": [10000]}}, "logic": "1"}`,
	`{"1": {"name": "order.metadata", "property": "location", "rules": {}, "conditions": {"$is": ["Santorini"]},
		"error": {"message": "Your order must be placed at one of our Santorini shops."}},
	  "2": {"name": "custom_event.metadata", "property": "test", "rules": {}, "conditions": {"$greater_than_or_equal": [1]}},
	  "3": {"name": "order.items.every", "rules": {"1": {"name": "order.items.metadata", "property": "test", "rules": {}, "conditions": {"$greater_than_or_equal": [1]}}},
		"conditions": {"$is": [{"id": "<PROD_ID>", "effect": "APPLY_TO_EVERY", "object": "product", "source_id": "<SOURCE_ID>"}]}},
	  "logic": "1 or 2"}`,
	`{"1": {"name": "order.initial_amount", "property": null, "conditions": {"$more_than": [9900]}, "rules": {}},
	  "2": {"name": "order.items.count", "property": null, "conditions": {"$more_than": [3]}, "rules": {}},
	  "3": {"name": "order.items.price_each", "property": null, "conditions": {"$more_than": [500]}, "rules": {}},
	  "4": {"name": "customer.segment", "property": null, "conditions": {"$is": ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]}, "rules": {}},
	  "logic": " 1 AND 2 AND (  3 AND 4 )"}`,
}

func TestTheExamplesOfThePublicAPIAreRead(t *testing.T) {
	t.Parallel()
	for _, text := range examples {
		r, err := Parse([]byte(text))
		require.NoError(t, err, text)
		shown, err := json.Marshal(r)
		require.NoError(t, err)
		require.JSONEq(t, text, string(shown), "they are shown as they were given")
	}
}

func TestEveryNameIsReadInBothSpellings(t *testing.T) {
	t.Parallel()
	operand := map[kind]string{
		numbers: `{"$more_than": [1]}`, texts: `{"$is": ["x"]}`, truths: `{"$is": [true]}`, metadatas: `{"$is": ["x"]}`,
		segments: `{"$is": ["seg_0192f0c1b8d77d4fa1c3e5f708192a3b"]}`, products: `{"$is": ["prod_1"]}`,
	}
	for name, a := range names {
		for _, spelling := range []string{name, strings.ReplaceAll(name, ".", "_")} {
			property := ""
			if a.property {
				_, err := Parse([]byte(`{"1": {"name": "` + spelling + `", "conditions": ` + operand[a.kind] + `}}`))
				require.True(t, fault.Is(err, fault.InvalidRules), spelling)
				require.ErrorContains(t, err, "Rule '"+spelling+"' must have a 'property'")
				property = `"property": "key", `
			}
			_, err := Parse([]byte(`{"1": {"name": "` + spelling + `", ` + property + `"conditions": ` + operand[a.kind] + `}}`))
			require.NoError(t, err, spelling)
		}
	}
}

func TestMalformedRulesAreRefusedWithThePlace(t *testing.T) {
	t.Parallel()
	amount := func(conditions string) string {
		return `{"1": {"name": "order.amount", "conditions": ` + conditions + `}}`
	}
	key := func(conditions string) string {
		return `{"1": {"name": "order.metadata", "property": "k", "conditions": ` + conditions + `}}`
	}
	deep := `{"name": "order.items.any"}`
	for range maxNesting {
		deep = `{"name": "order.items.any", "rules": {"1": ` + deep + `}}`
	}
	for text, want := range map[string]struct{ property, details string }{
		`[]`:                                {"rules", "Property .rules should be an object"},
		`null`:                              {"rules", "Property .rules should be an object"},
		`{"logic": 1}`:                      {"rules.logic", `should be a text as in "1 and (2 or 3)"`},
		`{"logic": null}`:                   {"rules.logic", `should be a text as in "1 and (2 or 3)"`},
		`{"logic": "1"}`:                    {"rules.logic", "cannot be read: there is no rule 1, named at character 1"},
		`{"one": {}}`:                       {"rules.one", "is not allowed: rules are numbered from 1 to 9999, and joined by logic"},
		`{"0": {}}`:                         {"rules.0", "is not allowed"},
		`{"01": {}}`:                        {"rules.01", "is not allowed"},
		`{"1": 7}`:                          {"rules.1", "should be an object"},
		`{"1": {}}`:                         {"rules.1.name", "should be one of: campaign.orders.amount, "},
		`{"1": {"name": 7}}`:                {"rules.1.name", "should be a string"},
		`{"1": {"name": "x"}}`:              {"rules.1.name", "should be one of: campaign.orders.amount, "},
		amount(`{"$is": [1]}, "extra": 1`):  {"rules.1.extra", "is not allowed; there are: name, property, conditions, rules, error"},
		amount(`[]`):                        {"rules.1.conditions", "should be an object"},
		amount(`{}`):                        {"rules.1.conditions", "should have an operator; those of order.amount are: $greater_than_or_equal, $in, "},
		amount(`{"$is": 1}`):                {"rules.1.conditions.$is", "should be an array of 1 to 1, each a number"},
		amount(`{"$is": []}`):               {"rules.1.conditions.$is", "should be an array of 1 to 1, each a number"},
		amount(`{"$is": [1, 2]}`):           {"rules.1.conditions.$is", "should be an array of 1 to 1, each a number"},
		amount(`{"$is": ["much"]}`):         {"rules.1.conditions.$is", "should be an array of 1 to 1, each a number"},
		amount(`{"$is": [null]}`):           {"rules.1.conditions.$is", "should be an array of 1 to 1, each a number"},
		amount(`{"$in": [1, {}]}`):          {"rules.1.conditions.$in", "should be an array of 1 to 200, each a number"},
		amount(`{"$contains": ["1"]}`):      {"rules.1.conditions.$contains", "is not an operator of order.amount; there are: $greater_than_or_equal, "},
		amount(`{"$nearly": [1]}`):          {"rules.1.conditions.$nearly", "is not an operator of order.amount"},
		amount(`{"$is": [1]}, "rules": []`): {"rules.1.rules", "should be an object"},
		amount(`{"$is": [1]}, "rules": {"x": {}}`):                                                     {"rules.1.rules.x", "is not allowed"},
		amount(`{"$is": [1]}, "error": "no"`):                                                          {"rules.1.error", "should be an object"},
		amount(`{"$is": [1]}, "error": {"text": 1}`):                                                   {"rules.1.error.text", "is not allowed; there is: message"},
		amount(`{"$is": [1]}, "error": {"message": "` + strings.Repeat("x", 1001) + `"}`):              {"rules.1.error.message", "is longer than 1000 characters"},
		amount(`{"$is": [1]}, "property": 7`):                                                          {"rules.1.property", "should be a string"},
		key(`{"$more_than": ["soon"]}`):                                                                {"rules.1.conditions.$more_than", "each a number or a date"},
		key(`{"$starts_with": [7]}`):                                                                   {"rules.1.conditions.$starts_with", "each a text"},
		key(`{"$count": [-1]}`):                                                                        {"rules.1.conditions.$count", "each a number from 0"},
		key(`{"$after": ["2024-02-30"]}`):                                                              {"rules.1.conditions.$after", "each a date"},
		key(`{"$is_days_ago": [1.5]}`):                                                                 {"rules.1.conditions.$is_days_ago", "each a whole number of days"},
		key(`{"$less_than_ago": [40000]}`):                                                             {"rules.1.conditions.$less_than_ago", "each a whole number of days"},
		key(`{"$dow": [7]}`):                                                                           {"rules.1.conditions.$dow", "each a day of the week"},
		key(`{"$timeframe": ["P1D;PT1H"]}`):                                                            {"rules.1.conditions.$timeframe", "each a text as in"},
		key(`{"$timeframe": ["2024-01-01;P1D;1h"]}`):                                                   {"rules.1.conditions.$timeframe", "each a text as in"},
		key(`{"$timeframe_absolute": ["2024-01-02;2024-01-01"]}`):                                      {"rules.1.conditions.$timeframe_absolute", "each a text as in"},
		key(`{"$timeframe_daily_hours": ["18:00;25:00;1"]}`):                                           {"rules.1.conditions.$timeframe_daily_hours", "each a text as in"},
		`{"1": {"name": "customer.segment", "conditions": {"$is": ["vip"]}}}`:                          {"rules.1.conditions.$is", "each a segment's id"},
		`{"1": {"name": "product.discount_applicable", "conditions": {"$is": [1]}}}`:                   {"rules.1.conditions.$is", "each true or false"},
		`{"1": {"name": "order.items.any", "conditions": {"$is": [{"sku": 1}]}}}`:                      {"rules.1.conditions.$is", "each a product's id, or an object"},
		`{"1": {"name": "order.items.any", "conditions": {"$is": [{"object": "sku"}]}}}`:               {"rules.1.conditions.$is", "each a product's id, or an object"},
		`{"1": {"name": "order.items.any", "conditions": {"$more_than": [1]}}}`:                        {"rules.1.conditions.$more_than", "is not an operator of order.items.any; there are: $from, $in, "},
		`{"1": ` + deep + `}`:                                                                          {"rules.1.rules.1.rules.1.rules.1.rules.1.rules.1", "nests deeper than 5 levels"},
		`{"1": {"name": "order.amount", "conditions": {"$in": [` + strings.Repeat("1,", 200) + `1]}}}`: {"rules.1.conditions.$in", "should be an array of 1 to 200"},
		`{"1": {"name": "order.metadata", "property": "` + strings.Repeat("k", 101) + `", "conditions": {"$is": ["x"]}}}`: {"rules.1.property", "is longer than 100 characters"},
		`{"logic": "` + strings.Repeat(" ", maxRules) + `"}`:                                                              {"rules", "is larger than 65536 bytes"},
	} {
		_, err := Parse([]byte(text))
		var f *fault.Error
		require.ErrorAs(t, err, &f, text)
		require.Equal(t, fault.InvalidRules, f.Code)
		require.Equal(t, want.property, f.Property, text)
		require.Contains(t, f.Details, want.details, text)
	}
}

func TestARuleHasBoundedSize(t *testing.T) {
	t.Parallel()
	var rules []string
	for i := range 60 {
		inner := make([]string, 4)
		for j := range inner {
			inner[j] = `"` + string(rune('1'+j)) + `": {"name": "order.items.price", "conditions": {"$is": [1]}}`
		}
		rules = append(rules, `"1`+string(rune('0'+i/10))+string(rune('0'+i%10))+`": {"name": "order.items.any", "rules": {`+strings.Join(inner, ",")+`}}`)
	}
	_, err := Parse([]byte("{" + strings.Join(rules, ",") + "}"))
	require.ErrorContains(t, err, "There are more than 200 rules")
}

func FuzzRules(f *testing.F) {
	for _, text := range examples {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"1": {"name": "product.id", "conditions": {"$in": ["a", {"id": "b", "object": "sku"}]}, "rules": {"1": {"name": "product.metadata.match_all", "conditions": {"$is": [true]}}}}}`))
	f.Add([]byte(`{"1": {"name": "customer.metadata", "property": "at", "conditions": {"$timeframe": ["2024-01-01;P1D;PT1H"], "$dow": [1], "$count": [2]}}}`))
	facts := someFacts()
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Parse(raw)
		if err != nil {
			require.True(t, fault.Is(err, fault.InvalidRules))
			return
		}
		shown, err := json.Marshal(r)
		require.NoError(t, err)
		again, err := Parse(shown)
		require.NoError(t, err, "what was read is shown so that it can be read again")
		require.Equal(t, Rule{Rules: r}.Check(facts) == nil, Rule{Rules: again}.Check(facts) == nil)
		Rule{Rules: r}.Need()
		Rule{Rules: r}.Covered()
	})
}
