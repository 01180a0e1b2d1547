package export

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"herald/internal/fault"
)

// Filters narrow the rows: {"junction": "and", "field": {"conditions": {"$operator": value or [values]}}}. They are shown as they
// were given.
type Filters struct {
	Any        bool // one condition is enough
	Conditions []Condition
	raw        json.RawMessage
}

// Condition is one operator on one field.
type Condition struct {
	Field, Operator string
	Values          []string
}

// Add is f with a condition that must hold beside it; f is of rows that belong to one thing.
func (f Filters) Add(field, operator string, values ...string) Filters {
	whole := map[string]json.RawMessage{}
	if len(f.raw) > 0 {
		_ = json.Unmarshal(f.raw, &whole) // it was read before
	}
	condition, _ := json.Marshal(map[string]any{"conditions": map[string]any{operator: values}}) // texts
	whole[field] = condition
	raw, _ := json.Marshal(whole)
	return Filters{Any: f.Any, Conditions: append(slices.Clone(f.Conditions), Condition{field, operator, values}), raw: raw}
}

// Has reports whether a condition is on the field.
func (f Filters) Has(field string) bool {
	return slices.ContainsFunc(f.Conditions, func(c Condition) bool { return c.Field == field })
}

// IsZero reports whether nothing was given.
func (f Filters) IsZero() bool { return len(f.raw) == 0 }

// MarshalJSON writes the filters as they were given.
func (f Filters) MarshalJSON() ([]byte, error) {
	if f.IsZero() {
		return []byte("{}"), nil
	}
	return f.raw, nil
}

// UnmarshalJSON reads them.
func (f *Filters) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return wrong("", "should be an object")
	}
	read := Filters{raw: bytes.Clone(raw)}
	names := make([]string, 0, len(whole))
	for name := range whole {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name == "junction" {
			var junction string
			if json.Unmarshal(whole[name], &junction) != nil || !slices.Contains([]string{"and", "or"}, strings.ToLower(junction)) {
				return wrong("junction", "should be and or or")
			}
			read.Any = strings.EqualFold(junction, "or")
			continue
		}
		conditions, err := readConditions(name, whole[name])
		if err != nil {
			return err
		}
		read.Conditions = append(read.Conditions, conditions...)
	}
	*f = read
	return nil
}

func wrong(name, what string) error {
	path := strings.TrimSuffix("parameters.filters."+name, ".")
	return fault.Property(path, "Property .%s %s", path, what)
}

func readConditions(field string, raw json.RawMessage) ([]Condition, error) {
	var of struct {
		Conditions map[string]json.RawMessage `json:"conditions"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&of); err != nil || of.Conditions == nil {
		return nil, wrong(field, `should be {"conditions": {"$operator": value}}`)
	}
	operators := make([]string, 0, len(of.Conditions))
	for operator := range of.Conditions {
		operators = append(operators, operator)
	}
	slices.Sort(operators)
	conditions := make([]Condition, len(operators))
	for i, operator := range operators {
		values, ok := readValues(of.Conditions[operator])
		if !ok {
			return nil, wrong(field+".conditions."+operator, "should be a text, a number, true or false, or a list of such")
		}
		conditions[i] = Condition{field, operator, values}
	}
	return conditions, nil
}

// readValues reads one value or a list of them, each as a text.
func readValues(raw json.RawMessage) ([]string, bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	values := make([]string, len(list))
	for i, one := range list {
		one = bytes.TrimSpace(one)
		switch {
		case len(one) == 0 || one[0] == '{' || one[0] == '[' || string(one) == "null":
			return nil, false
		case one[0] == '"':
			if json.Unmarshal(one, &values[i]) != nil {
				return nil, false
			}
		default:
			values[i] = string(one)
		}
	}
	return values, true
}
