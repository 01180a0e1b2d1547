package api_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// broken is a body that was good but for one rule of its schema.
type broken struct {
	why  string
	body any
}

// breaker makes bodies of which each breaks one rule.
type breaker struct {
	schema *openapi3.Schema // of the whole body
	good   any
	made   []broken
}

// breaks lists bodies that break the schema's rules one at a time; good keeps all of them.
func breaks(schema *openapi3.Schema, good any) []broken {
	b := &breaker{schema: schema, good: good}
	b.walk(schema, good, nil)
	return b.made
}

// add keeps the good body with one value replaced; what the whole schema allows after all (by another branch of a choice) is
// left out.
func (b *breaker) add(why string, at []any, value any) {
	body := replaced(b.good, at, value)
	if b.schema.VisitJSON(body) == nil {
		return
	}
	b.made = append(b.made, broken{why: why + " at " + fmt.Sprint(at), body: body})
}

// absent stands for a property that is taken away.
type absent struct{}

func (b *breaker) walk(s *openapi3.Schema, value any, at []any) {
	for _, part := range s.AllOf {
		b.walk(part.Value, value, at)
	}
	for _, choice := range slices.Concat(s.OneOf, s.AnyOf) {
		if choice.Value.VisitJSON(value) == nil {
			b.walk(choice.Value, value, at)
		}
	}
	for _, other := range []any{"word", 7.0, 7.5, true, map[string]any{"no": "such"}, []any{"word"}} { // null is as if it were left out
		b.add("a value of another type", at, other)
	}
	if len(s.Enum) > 0 || s.Const != nil {
		b.add("no value of the enum", at, "NO_SUCH_WORD")
	}
	switch v := value.(type) {
	case string:
		b.text(s, at)
	case float64:
		b.number(s, at)
	case []any:
		b.array(s, v, at)
	case map[string]any:
		b.object(s, v, at)
	}
}

func (b *breaker) text(s *openapi3.Schema, at []any) {
	if s.MinLength > 0 {
		b.add("too short", at, "")
	}
	if s.MaxLength != nil && *s.MaxLength < 100_000 {
		b.add("too long", at, strings.Repeat("x", int(*s.MaxLength)+1))
	}
	if s.Pattern != "" {
		b.add("not of the pattern", at, "\u0007 ?")
	}
	if s.Format != "" {
		b.made = append(b.made, broken{why: "not of the format " + s.Format + " at " + fmt.Sprint(at), body: replaced(b.good, at, "soon, perhaps")})
	}
}

func (b *breaker) number(s *openapi3.Schema, at []any) {
	if s.Min != nil {
		b.add("too small", at, *s.Min-1)
	}
	if s.Max != nil {
		b.add("too large", at, *s.Max+1)
	}
	if s.Type.Includes("integer") && !s.Type.Includes("number") {
		b.made = append(b.made, broken{why: "no integer can be so large at " + fmt.Sprint(at), body: replaced(b.good, at, math.Pow(10, 30))})
	}
}

func (b *breaker) array(s *openapi3.Schema, value []any, at []any) {
	if s.MinItems > 0 {
		b.add("too few items", at, []any{})
	}
	if len(value) == 0 {
		return
	}
	if s.MaxItems != nil && *s.MaxItems < 3000 {
		b.add("too many items", at, slices.Repeat(value[:1], int(*s.MaxItems)+1))
	}
	if s.UniqueItems {
		b.add("an item twice", at, []any{value[0], value[0]})
	}
	if s.Items != nil {
		b.walk(s.Items.Value, value[0], slices.Concat(at, []any{0}))
	}
}

func (b *breaker) object(s *openapi3.Schema, value map[string]any, at []any) {
	for _, name := range s.Required {
		b.add("without "+name, slices.Concat(at, []any{name}), absent{})
	}
	if allows := s.AdditionalProperties.Has; allows != nil && !*allows {
		b.add("a property that there is not", slices.Concat(at, []any{"no_such_property"}), 1.0)
	}
	for name, property := range s.Properties {
		if property.Value.ReadOnly { // callers may send it back, and it is skipped
			continue
		}
		inner := slices.Concat(at, []any{name})
		if held, ok := value[name]; ok {
			b.walk(property.Value, held, inner)
			continue
		}
		for _, other := range []any{"word", 7.5, true, map[string]any{"no": "such"}, []any{map[string]any{}}} {
			b.add("a value of another type", inner, other)
		}
	}
}

// replaced is a copy of body in which the value at the path is another.
func replaced(body any, at []any, value any) any {
	if len(at) == 0 {
		return value
	}
	switch whole := body.(type) {
	case map[string]any:
		name, _ := at[0].(string)
		copied := map[string]any{}
		for key, held := range whole {
			copied[key] = held
		}
		inner := replaced(whole[name], at[1:], value)
		copied[name] = inner
		if _, gone := inner.(absent); gone {
			delete(copied, name)
		}
		return copied
	case []any:
		index, _ := at[0].(int)
		copied := slices.Clone(whole)
		copied[index] = replaced(whole[index], at[1:], value)
		return copied
	}
	return body
}

// asJSON is a body as JSON has it.
func asJSON(body any) (value any) {
	raw, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(raw, &value)
	}
	if err != nil {
		panic(err)
	}
	return value
}
