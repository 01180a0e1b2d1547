package rule

import (
	"encoding/json"
	"slices"

	"herald/internal/order"
)

// quantifier says how many lines must pass the rules below a condition that chose them.
type quantifier uint8

// The quantifiers.
const (
	some  quantifier = iota // at least one
	every                   // all lines of the order were chosen, and all pass
	none                    // no line that was chosen passes
)

// lineOperators are the operators on products: whether a line is of one of them, or of none. With $not_differ the order has no
// other lines, with $not_intersect none of these.
var lineOperators = map[string]operator{
	"$is":            {fits: products, read: readTarget, wants: targetWanted},
	"$in":            {fits: products, read: readTarget, wants: targetWanted, many: true},
	"$from":          {fits: products, read: readTarget, wants: targetWanted, many: true},
	"$is_not":        {fits: products, read: readTarget, wants: targetWanted, not: true},
	"$not_in":        {fits: products, read: readTarget, wants: targetWanted, not: true, many: true},
	"$not_differ":    {fits: products, read: readTarget, wants: targetWanted, many: true},
	"$not_intersect": {fits: products, read: readTarget, wants: targetWanted, not: true, many: true},
}

const targetWanted = `a product's id, or an object as in {"object": "product", "id": "prod_1"}`

// readTarget reads a product, SKU or collection: its id alone, or an object.
func readTarget(raw json.RawMessage) (operand, bool) {
	var t Target
	var id string
	if json.Unmarshal(raw, &id) == nil && id != "" {
		t.ID = &id
	} else if decodeTarget(raw, &t) != nil {
		return operand{}, false
	}
	return operand{line: t}, t.check("", false) == nil
}

// lines asks a condition that chooses lines of the order, and the rules below it about each of those. A choice below a choice
// looks at the one line that it is asked about; so what is asked grows with the lines, and not with their powers.
func (a *asker) lines(c *condition, s scope) bool {
	if s.line != nil {
		s.lines = []order.Item{*s.line}
	}
	if !c.allowed(s) {
		return false
	}
	found := c.about.lines(c, a, s)
	passes := func(item order.Item) bool { return a.all(c.rules, scope{lines: found, line: &item}) }
	fails := func(item order.Item) bool { return !passes(item) }
	switch {
	case c.about.among == none:
		defer a.mark()() // that a line does not pass is what is wanted here
		return !slices.ContainsFunc(found, passes)
	case c.about.among == every || c.matchAll:
		return len(found) > 0 && len(found) == len(s.lines) && !slices.ContainsFunc(found, fails)
	}
	return slices.ContainsFunc(found, passes)
}

// allowed holds what the condition says of the order's lines as a whole.
func (c *condition) allowed(s scope) bool {
	if c.about.kind != products {
		return true
	}
	for _, t := range c.tests {
		for _, item := range s.lines {
			named := t.names(item)
			if t.name == "$not_differ" && !named || t.name == "$not_intersect" && named {
				return false
			}
		}
	}
	return true
}

// chosen is the lines that are of the products which the condition names; without tests all of them.
func chosen(c *condition, _ *asker, s scope) []order.Item {
	return filter(s.lines, func(item order.Item) bool {
		for _, t := range c.tests {
			if t.names(item) == t.operator.not {
				return false
			}
		}
		return true
	})
}

// chosenAmong is chosen, of the lines at one end of the prices.
func chosenAmong(end func([]order.Item) []order.Item) func(*condition, *asker, scope) []order.Item {
	return func(c *condition, a *asker, s scope) []order.Item {
		return chosen(c, a, scope{lines: end(s.lines)})
	}
}

// withMetadata is the lines whose products have metadata that pass the condition.
func withMetadata(c *condition, a *asker, s scope) []order.Item {
	return filter(s.lines, func(item order.Item) bool {
		v := unknown
		if item.Product != nil {
			v = a.facts.metadata(item.Product.Metadata, c.property)
		}
		return c.passes(v, a.facts.Now)
	})
}

func filter(lines []order.Item, keep func(order.Item) bool) []order.Item {
	var kept []order.Item
	for _, item := range lines {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}

// names reports whether the line is of one of the products that the test names.
func (t test) names(item order.Item) bool {
	return slices.ContainsFunc(t.given, func(o operand) bool { return o.line.Names(item) })
}

func cheapest(lines []order.Item) []order.Item {
	return atEnd(lines, func(price, end int64) bool { return price < end })
}

func mostExpensive(lines []order.Item) []order.Item {
	return atEnd(lines, func(price, end int64) bool { return price > end })
}

// atEnd is the lines of the price that lies beyond all others; lines without a price are left out.
func atEnd(lines []order.Item, beyond func(price, end int64) bool) []order.Item {
	var found []order.Item
	for _, item := range lines {
		price, ok := priceOf(item)
		if !ok {
			continue
		}
		if len(found) > 0 {
			end, _ := priceOf(found[0])
			if beyond(end, price) {
				continue
			}
			if beyond(price, end) {
				found = nil
			}
		}
		found = append(found, item)
	}
	return found
}

// priceOf is what one of the line costs.
func priceOf(item order.Item) (int64, bool) {
	switch {
	case item.Price != nil:
		return *item.Price, true
	case item.SKU != nil && item.SKU.Price != nil:
		return *item.SKU.Price, true
	case item.Product != nil && item.Product.Price != nil:
		return *item.Product.Price, true
	}
	return 0, false
}

func priceValue(_ *Facts, item order.Item, _ string) value {
	if price, ok := priceOf(item); ok {
		return numberValue(price)
	}
	return unknown
}

func lineMetadata(f *Facts, item order.Item, key string) value { return f.metadata(item.Metadata, key) }

func quantityValue(_ *Facts, item order.Item, _ string) value { return numberValue(item.Quantity) }

func quantityOf(item order.Item) int64 { return item.Quantity }

// ofLines adds up something of the lines that are looked at.
func ofLines(of func(order.Item) int64) about {
	return about{kind: numbers, read: func(_ *Facts, s scope, _ string) []value {
		sum := int64(0)
		for _, item := range s.lines {
			sum += of(item)
		}
		return []value{numberValue(sum)}
	}}
}

// ofLine reads something of the line that is asked about, or of each line that is looked at.
func ofLine(k kind, read func(*Facts, order.Item, string) value) about {
	return about{kind: k, read: func(f *Facts, s scope, key string) []value {
		if s.line != nil {
			return []value{read(f, *s.line, key)}
		}
		values := make([]value, len(s.lines))
		for i, item := range s.lines {
			values[i] = read(f, item, key)
		}
		return values
	}}
}
