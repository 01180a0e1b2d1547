package rule

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/customer"
)

// Asked says what is known where a rule is asked, beside the customer: without an order or a custom event, nothing is known of
// one, ever. Nothing is redeemed there, so counts of redemptions are those of the first.
type Asked struct {
	Order, Event bool
	Gone         []uuid.UUID // segments that the rule names and that there are no longer
}

// Never says why the rule could never hold there, and whatever a customer is or does; "" where it could, as far as can be seen. It
// is sure of what it says: what it does not see, it takes for possible.
func (r Rule) Never(where Asked) string {
	d := doubter{Asked: where, facts: &Facts{Now: time.Now(), Customer: &customer.Customer{}}}
	_, why := d.rules(r.Rules)
	return why
}

// doubter looks for what cannot be. Its facts are all that is known of what is never known.
type doubter struct {
	Asked
	facts *Facts
}

// rules finds the conditions that must hold for the rules to hold, or why they cannot.
func (d *doubter) rules(r Rules) (must []*condition, why string) {
	return d.logic(r.logic, r.conditions)
}

func (d *doubter) logic(l logic, conditions map[int]*condition) (must []*condition, why string) {
	switch {
	case l.number > 0:
		return d.condition(conditions[l.number])
	case l.any:
		return d.oneOf(l.parts, conditions)
	}
	for _, part := range l.parts {
		its, why := d.logic(part, conditions)
		if why != "" {
			return nil, why
		}
		must = append(must, its...)
	}
	return must, contradiction(must)
}

// oneOf is what must hold where one of several parts must: what the only possible one needs, and otherwise nothing.
func (d *doubter) oneOf(parts []logic, conditions map[int]*condition) (must []*condition, why string) {
	possible := 0
	for _, part := range parts {
		its, not := d.logic(part, conditions)
		if not == "" {
			must = its
			possible++
		} else if why == "" {
			why = not
		}
	}
	if possible == 0 {
		return nil, why
	}
	if possible > 1 {
		must = nil
	}
	return must, ""
}

func (d *doubter) condition(c *condition) (must []*condition, why string) {
	if thing := d.unknown(c.name); thing != "" {
		a := asker{facts: d.facts}
		if c.about.statement || c.about.lines != nil && a.lines(c, scope{}) || c.about.lines == nil && c.about.holds(c, d.facts, scope{}) {
			return nil, ""
		}
		return nil, fmt.Sprintf("it asks about %s, and %s", c.name, thing)
	}
	if c.about.kind == segments && d.gone(c) {
		return nil, fmt.Sprintf("it asks for a segment that there is no longer: %s", operands(c))
	}
	if c.about.lines != nil {
		return nil, "" // the rules below it are asked of each line
	}
	must, why = d.rules(c.rules)
	if why != "" {
		return nil, why
	}
	must = append(must, c)
	return must, contradiction(must)
}

// unknown says of what a name asks that is not known; "" where it is.
func (d *doubter) unknown(name string) string {
	root, _, _ := strings.Cut(name, ".")
	switch {
	case root == "customer":
		return ""
	case root == "custom_event" && !d.Event:
		return "there is no custom event"
	case root == "redemption", root == "publication", strings.HasPrefix(name, "campaign.redemptions"):
		return "nothing is redeemed"
	case root != "custom_event" && !d.Order:
		return "there is no order"
	}
	return ""
}

// gone reports whether a test of the condition can only be passed by being in segments that there are no longer.
func (d *doubter) gone(c *condition) bool {
	return slices.ContainsFunc(c.tests, func(t test) bool {
		return !t.operator.not && t.name != "$not_differ" && !slices.ContainsFunc(t.given, func(o operand) bool {
			one, _ := segmentID(o.text)
			return !slices.Contains(d.Gone, one)
		})
	})
}

// contradiction finds conditions that ask the same thing and exclude each other; "" where none do.
func contradiction(must []*condition) string {
	type thing struct{ name, property string }
	tests := map[thing][]test{}
	for _, c := range must {
		if c.about.kind == products || c.about.each || len(c.about.read(&Facts{}, scope{}, c.property)) != 1 {
			continue // it is asked of several values
		}
		about := thing{c.name, c.property}
		tests[about] = append(tests[about], c.tests...)
	}
	for _, about := range slices.SortedFunc(maps.Keys(tests), func(a, b thing) int { return strings.Compare(a.name+a.property, b.name+b.property) }) {
		all := tests[about]
		if names[about.name].kind == numbers && !someNumber(all) || opposed(all) {
			name := about.name
			if about.property != "" {
				name += "." + about.property
			}
			return fmt.Sprintf("it asks of %s what nothing is: %s", name, described(all))
		}
	}
	return ""
}

// someNumber reports whether a whole number from 0 passes all tests. What a test says changes only at its operands, so it is enough to
// look beside them.
func someNumber(tests []test) bool {
	candidates := []float64{0}
	for _, t := range tests {
		for _, o := range t.given {
			if o.number != nil {
				below, above := math.Nextafter(*o.number, math.Inf(-1)), math.Nextafter(*o.number, math.Inf(1))
				candidates = append(candidates, math.Floor(below), math.Floor(*o.number), math.Ceil(above))
			}
		}
	}
	alone := condition{tests: tests}
	return slices.ContainsFunc(candidates, func(n float64) bool {
		v := value{known: true, each: []scalar{{text: strconv.FormatFloat(n, 'f', -1, 64), number: &n}}}
		return n >= 0 && alone.passes(v, time.Time{})
	})
}

// opposed reports whether one test wants one of some things to be there, and another one none of those.
func opposed(tests []test) bool {
	wants := func(t test, names ...string) bool { return slices.Contains(names, t.name) }
	for _, t := range tests {
		if !wants(t, "$is", "$in") {
			continue
		}
		for _, u := range tests {
			if wants(u, "$is_not", "$not_in", "$not_intersect") &&
				!slices.ContainsFunc(t.given, func(o operand) bool { return !oneOf(o.scalar, u.given) }) {
				return true
			}
		}
	}
	return false
}

// described is tests in words: "$more_than 100 and $less_than 50".
func described(tests []test) string {
	words := make([]string, len(tests))
	for i, t := range tests {
		words[i] = t.name + " " + operands(&condition{tests: tests[i : i+1]})
	}
	return strings.Join(words, " and ")
}

// operands are what a condition compares with, for people.
func operands(c *condition) string {
	var words []string
	for _, t := range c.tests {
		for _, o := range t.given {
			words = append(words, o.text)
		}
	}
	return strings.Join(words, ", ")
}
