package rule

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"herald/internal/fault"
	"herald/internal/id"

	"github.com/google/uuid"
)

// The limits of a rule: what people write stays far below them.
const (
	maxRules      = 64 << 10 // bytes
	maxConditions = 200
	maxNesting    = 5 // levels of rules below each other, as the public API documents them
	maxProperty   = 100
	maxMessage    = 1000 // characters
)

// Rules are numbered conditions and the logic that joins them. The zero value holds always.
type Rules struct {
	raw        json.RawMessage // as they were given
	conditions map[int]*condition
	logic      logic
}

// condition is one numbered rule: tests on what its name is about, and further rules below it.
type condition struct {
	name     string
	about    about
	property string
	tests    []test
	rules    Rules
	message  string
	matchAll bool // a rule below says that all lines must match
}

// test is an operator with what it compares to.
type test struct {
	name     string
	operator operator
	given    []operand
}

// Parse reads rules in the public API's grammar:
//
//	{"1": {"name": …, "property": …, "conditions": {"<operator>": [operands]}, "rules": {…}, "error": {"message": …}},
//	 "2": {…}, "logic": "1 and 2"}
//
// Without logic, or with an empty one, all of them must hold; a rule that the logic leaves out is kept and not asked, as in
// the API's own examples. Every fault is a fault.InvalidRules that names the place and says what is allowed there.
func Parse(raw json.RawMessage) (Rules, error) {
	if len(raw) > maxRules {
		return Rules{}, invalid("rules", "Property .rules is larger than %d bytes", maxRules)
	}
	p := parser{}
	r := p.rules("rules", raw, 1)
	return r, p.faults.Err()
}

// MarshalJSON writes the rules as they were given; rules that are empty have an empty logic.
func (r Rules) MarshalJSON() ([]byte, error) {
	if len(r.raw) == 0 || len(r.conditions) == 0 {
		return []byte(`{"logic":""}`), nil
	}
	return r.raw, nil
}

// UnmarshalJSON is Parse.
func (r *Rules) UnmarshalJSON(raw []byte) (err error) {
	*r, err = Parse(slices.Clone(raw))
	return err
}

// Segments are those that the rules ask about.
func (r Rules) Segments() []uuid.UUID { return Rule{Rules: r}.Need().Segments }

// each calls do with every condition.
func (r Rules) each(do func(*condition)) {
	for _, number := range slices.Sorted(maps.Keys(r.conditions)) {
		do(r.conditions[number])
		r.conditions[number].rules.each(do)
	}
}

func invalid(path, format string, args ...any) *fault.Error {
	f := fault.Property(path, format, args...)
	f.Code = fault.InvalidRules
	return f
}

// parser gathers faults, and counts conditions.
type parser struct {
	faults fault.List
	count  int
}

func (p *parser) complain(path, format string, args ...any) {
	p.faults.Add(invalid(path, format, args...))
}

func (p *parser) rules(path string, raw json.RawMessage, depth int) Rules {
	parts, ok := object(raw)
	if !ok {
		p.complain(path, "Property .%s should be an object", path)
		return Rules{}
	}
	r := Rules{raw: raw, conditions: make(map[int]*condition, len(parts))}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		if key == "logic" {
			continue
		}
		at := path + "." + key
		number, ok := ruleNumber(key)
		switch {
		case !ok:
			p.complain(at, "Property .%s is not allowed: rules are numbered from 1 to %d, and joined by logic", at, maxNumber)
		case depth > maxNesting:
			p.complain(at, "Property .%s nests deeper than %d levels", at, maxNesting)
			return r
		case p.count == maxConditions:
			p.complain(at, "There are more than %d rules", maxConditions)
			return r
		default:
			p.count++
			r.conditions[number] = p.condition(at, parts[key], depth)
		}
	}
	r.logic = p.logic(path+".logic", parts["logic"], r.conditions)
	return r
}

func (p *parser) logic(path string, raw json.RawMessage, conditions map[int]*condition) logic {
	var text string
	if raw != nil && (json.Unmarshal(raw, &text) != nil || isNull(raw)) {
		p.complain(path, `Property .%s should be a text as in "1 and (2 or 3)"`, path)
		return logic{}
	}
	if strings.TrimSpace(text) == "" {
		return allOf(slices.Sorted(maps.Keys(conditions)))
	}
	l, bad := parseLogic(text, func(n int) bool { return conditions[n] != nil })
	if bad != nil {
		p.complain(path, "Property .%s cannot be read: %v", path, bad)
	}
	return l
}

func (p *parser) condition(path string, raw json.RawMessage, depth int) *condition {
	c := &condition{}
	parts, ok := object(raw)
	if !ok {
		p.complain(path, "Property .%s should be an object", path)
		return c
	}
	for key := range parts {
		if !slices.Contains([]string{"name", "property", "conditions", "rules", "error"}, key) {
			p.complain(path+"."+key, "Property .%s.%s is not allowed; there are: name, property, conditions, rules, error", path, key)
		}
	}
	name := p.text(path+".name", parts["name"])
	known, ok := spellings[name]
	if !ok {
		p.complain(path+".name", "Property .%s.name should be one of: %s", path, nameList())
		return c
	}
	c.name, c.about = known, names[known]
	if c.property = p.text(path+".property", parts["property"]); c.about.property && c.property == "" {
		p.complain(path+".property", "Rule '%s' must have a 'property'", name)
	} else if utf8.RuneCountInString(c.property) > maxProperty {
		p.complain(path+".property", "Property .%s.property is longer than %d characters", path, maxProperty)
	}
	c.message = p.message(path+".error", parts["error"])
	c.tests = p.tests(path+".conditions", parts["conditions"], name, c.about)
	if below, ok := parts["rules"]; ok && !isNull(below) {
		c.rules = p.rules(path+".rules", below, depth+1)
	}
	// A choice of lines needs no condition; anything else would hold whatever is the case.
	if len(c.tests) == 0 && c.about.kind != products && len(c.rules.conditions) == 0 && len(p.faults) == 0 {
		p.complain(path+".conditions", "Property .%s.conditions should have an operator; those of %s are: %s", path, name,
			operatorNames(c.about.kind))
	}
	for _, below := range c.rules.conditions {
		c.matchAll = c.matchAll || below.about.matchAll && below.says(true)
	}
	return c
}

// says reports whether the condition states that much.
func (c *condition) says(yes bool) bool {
	return len(c.tests) > 0 && c.passes(truthValue(yes), time.Time{})
}

func (p *parser) tests(path string, raw json.RawMessage, name string, a about) []test {
	if raw == nil || isNull(raw) {
		return nil
	}
	parts, ok := object(raw)
	if !ok {
		p.complain(path, "Property .%s should be an object", path)
		return nil
	}
	var tests []test
	for _, op := range slices.Sorted(maps.Keys(parts)) {
		at := path + "." + op
		found, ok := operators[op]
		if a.kind == products {
			found, ok = lineOperators[op]
		}
		if !ok || found.fits&a.kind == 0 {
			p.complain(at, "Property .%s is not an operator of %s; there are: %s", at, name, operatorNames(a.kind))
			continue
		}
		if given, ok := p.operands(at, parts[op], found, a.kind); ok {
			tests = append(tests, test{name: op, operator: found, given: given})
		}
	}
	return tests
}

func (p *parser) operands(path string, raw json.RawMessage, op operator, k kind) ([]operand, bool) {
	most, wants := 1, op.wants
	if op.many {
		most = maxOperands
	}
	if narrower := operandOf[k]; narrower.reads != nil && op.fits&k != 0 {
		wants = narrower.wants
	}
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) != nil || len(many) == 0 || len(many) > most {
		p.complain(path, "Property .%s should be an array of 1 to %d, each %s", path, most, wants)
		return nil, false
	}
	given := make([]operand, len(many))
	for i, one := range many {
		o, ok := op.read(one)
		if narrower := operandOf[k]; ok && narrower.reads != nil {
			ok = narrower.reads(o.scalar)
		}
		if !ok || isNull(one) {
			p.complain(path, "Property .%s should be an array of 1 to %d, each %s", path, most, wants)
			return nil, false
		}
		given[i] = o
	}
	return given, true
}

// operandOf narrows what operators take, by what they are used on.
var operandOf = map[kind]struct {
	wants string
	reads func(scalar) bool
}{
	numbers:  {"a number", func(s scalar) bool { return s.number != nil }},
	truths:   {"true or false", func(s scalar) bool { return s.text == "true" || s.text == "false" }},
	segments: {"a segment's id", func(s scalar) bool { _, ok := segmentID(s.text); return ok }},
}

func segmentID(text string) (uuid.UUID, bool) { return id.Segment.Parse(text) }

// text reads a text that may be missing or null.
func (p *parser) text(path string, raw json.RawMessage) string {
	var text string
	if raw != nil && json.Unmarshal(raw, &text) != nil {
		p.complain(path, "Property .%s should be a string", path)
	}
	return text
}

// message reads {"message": …}.
func (p *parser) message(path string, raw json.RawMessage) string {
	if raw == nil || isNull(raw) {
		return ""
	}
	parts, ok := object(raw)
	if !ok {
		p.complain(path, `Property .%s should be an object as in {"message": "…"}`, path)
		return ""
	}
	for key := range parts {
		if key != "message" {
			p.complain(path+"."+key, "Property .%s.%s is not allowed; there is: message", path, key)
		}
	}
	text := p.text(path+".message", parts["message"])
	if utf8.RuneCountInString(text) > maxMessage {
		p.complain(path+".message", "Property .%s.message is longer than %d characters", path, maxMessage)
	}
	return text
}

// object reads an object; null is none.
func object(raw json.RawMessage) (parts map[string]json.RawMessage, ok bool) {
	return parts, json.Unmarshal(raw, &parts) == nil && parts != nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }
