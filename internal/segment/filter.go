package segment

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"herald/internal/fault"
)

// The limits of a filter: what people write stays far below them.
const (
	maxTests    = 100
	maxOperands = 200
	maxOperand  = 1000 // bytes of a text
)

// Filter is a parsed filter: conditions of which all must hold, or any.
type Filter struct {
	Any        bool
	Conditions []Condition
}

// Condition is the tests of one field, which must all hold.
type Condition struct {
	Field Field
	Tests []Test
}

// Test is one operator with what it compares to.
type Test struct {
	Name     string // "$is"
	operator operator
	operands []operand
}

// At is the test as a plain comparison of its field, at that instant.
func (t Test) At(f Field, now time.Time) Predicate {
	p := t.operator.plain(t.operands, clock{now: now.UTC(), anniversary: f.Kind == Birthday})
	p.Not = t.operator.not
	return p
}

// Moves reports whether the filter speaks of today, so that customers enter and leave as time passes.
func (f Filter) Moves() bool {
	for _, c := range f.Conditions {
		if slices.ContainsFunc(c.Tests, func(t Test) bool { return t.operator.moves }) {
			return true
		}
	}
	return false
}

// Parse reads a filter in the public API's grammar:
//
//	{"junction": "and"|"or", "<field>": {"conditions": {"<operator>": operand or [operands], …}}, …}
//
// The operators of one field must all hold, whatever the junction; without one it is "and". Every fault names the place and
// says what is allowed there.
func Parse(raw json.RawMessage) (Filter, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || parts == nil {
		return Filter{}, fault.Property("filter", "Property .filter should be an object")
	}
	var filter Filter
	if junction, ok := parts["junction"]; ok {
		var word string
		if json.Unmarshal(junction, &word) != nil || !slices.Contains([]string{"and", "or"}, strings.ToLower(word)) {
			return Filter{}, fault.Property("filter.junction", "Property .filter.junction should be one of: and, or")
		}
		filter.Any = strings.EqualFold(word, "or")
		delete(parts, "junction")
	}
	if len(parts) == 0 {
		return Filter{}, fault.Property("filter", "Property .filter should name at least one field; there are: %s", fieldNames())
	}
	var faults fault.List
	tests := 0
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		condition, found := parseCondition(name, parts[name])
		faults = append(faults, found...)
		filter.Conditions = append(filter.Conditions, condition)
		tests += len(condition.Tests)
	}
	if tests > maxTests {
		faults.Add(fault.Property("filter", "Property .filter has %d operators; at most %d are allowed", tests, maxTests))
	}
	return filter, faults.Err()
}

func parseCondition(name string, raw json.RawMessage) (Condition, fault.List) {
	path := "filter." + name
	field, ok := findField(name)
	if !ok {
		return Condition{}, fault.List{fault.Property(path, "Property .%s is not a field of a filter; there are: %s", path, fieldNames())}
	}
	var wrapped map[string]json.RawMessage
	var operators map[string]json.RawMessage
	if json.Unmarshal(raw, &wrapped) == nil && len(wrapped) == 1 {
		_ = json.Unmarshal(wrapped["conditions"], &operators) // what is no object leaves none
	}
	if len(operators) == 0 {
		return Condition{}, fault.List{fault.Property(path,
			`Property .%s should be {"conditions": {<operator>: <operand>}}; the operators of %s are: %s`, path, name, operatorNames(field.Kind))}
	}
	condition := Condition{Field: field}
	var faults fault.List
	for _, op := range slices.Sorted(maps.Keys(operators)) {
		test, err := parseTest(path+".conditions."+op, field, op, operators[op])
		faults.Add(err)
		condition.Tests = append(condition.Tests, test)
	}
	return condition, faults
}

func parseTest(path string, field Field, name string, raw json.RawMessage) (Test, *fault.Error) {
	op, ok := findOperator(name, field.Kind)
	if !ok {
		return Test{}, fault.Property(path, "Property .%s is not an operator of %s; there are: %s", path, field, operatorNames(field.Kind))
	}
	given, ok := list(raw)
	if !ok || len(given) == 0 || len(given) > maxOperands || len(given) > 1 && !op.many {
		most := 1
		if op.many {
			most = maxOperands
		}
		return Test{}, fault.Property(path, "Property .%s should be %s, or an array of 1 to %d of them", path, op.wants, most)
	}
	test := Test{Name: name, operator: op}
	for _, one := range given {
		value, ok := op.read(one)
		if !ok || len(value.text) > maxOperand {
			return Test{}, fault.Property(path, "Property .%s should be %s", path, op.wants)
		}
		test.operands = append(test.operands, value)
	}
	return test, nil
}

// list reads what may be an array or one value.
func list(raw json.RawMessage) ([]json.RawMessage, bool) {
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) == nil && many != nil {
		return many, true
	}
	return []json.RawMessage{raw}, !strings.HasPrefix(string(raw), "{")
}

func asFault(err error, f **fault.Error) bool { return errors.As(err, f) }
