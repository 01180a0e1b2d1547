package redemption

import "math"

// Scope says which lines of an order a discount applies to, as validation rules limit it. The zero scope is all of them.
type Scope struct {
	All      bool // everything but what is excluded
	Included []Target
	Excluded []Target
}

// Target is one product or SKU that a scope names, with the limits that go with it. Nil is no limit.
type Target struct {
	Object   string // product, sku or products_collection
	ID       string // ours, where we have one, or the caller's
	SourceID string
	Effect   string // APPLY_TO_EVERY, APPLY_TO_CHEAPEST or APPLY_TO_MOST_EXPENSIVE
	Price    *int64

	QuantityLimit, AggregatedQuantityLimit *int64 // units that are discounted: in a line, in all of them
	AmountLimit, AggregatedAmountLimit     *int64 // what they are discounted by
}

// part is how much of a line a discount may touch.
type part struct {
	line  int
	units int64
	most  int64  // the discount that it may get
	group *group // what it shares with other lines
	price *int64 // what a unit costs after a FIXED discount, where the target says its own
}

// group is what several lines of one target share.
type group struct{ most int64 }

// base is what the part costs as things stand.
func (p part) base(b *Basket) int64 {
	l := b.Lines[p.line]
	if p.units >= l.Quantity {
		return l.Left()
	}
	return share(l.Left(), p.units, l.Quantity)
}

// names reports whether the target is the line's product or SKU. Collections are not kept, so they name nothing.
func (t Target) names(l Line) bool {
	is := func(ids ...string) bool {
		for _, id := range ids {
			if id != "" && (id == t.ID || id == t.SourceID) {
				return true
			}
		}
		return false
	}
	switch t.Object {
	case "sku":
		return is(l.SKUID, l.SKUSource, l.SourceID)
	case "product":
		return is(l.ProductID, l.ProductSource, l.SourceID)
	}
	return false
}

// parts are the lines that the scope lets a discount touch, in the order of the order.
func (s Scope) parts(b *Basket) []part {
	open := make([]bool, len(b.Lines))
	for i, l := range b.Lines {
		open[i] = l.Quantity > 0
		for _, t := range s.Excluded {
			open[i] = open[i] && !t.names(l)
		}
	}
	if s.All || len(s.Included) == 0 {
		return wholeLines(b, open)
	}
	var parts []part
	for _, t := range s.Included {
		parts = append(parts, t.parts(b, open)...)
	}
	return parts
}

func wholeLines(b *Basket, open []bool) (parts []part) {
	shared := &group{math.MaxInt64}
	for i, l := range b.Lines {
		if open[i] {
			parts = append(parts, part{line: i, units: l.Quantity, most: math.MaxInt64, group: shared})
		}
	}
	return parts
}

// parts are the target's lines among the open ones, which it closes: the first target that names a line has it.
func (t Target) parts(b *Basket, open []bool) (parts []part) {
	shared := &group{limit(t.AggregatedAmountLimit)}
	units := limit(t.AggregatedQuantityLimit)
	for _, i := range t.lines(b, open) {
		open[i] = false
		n := min(b.Lines[i].Quantity, limit(t.QuantityLimit), units)
		if n <= 0 {
			continue
		}
		units -= n
		p := part{line: i, units: n, most: limit(t.AmountLimit), group: shared}
		if t.Price != nil {
			price := whole(t.Price)
			p.price = &price
		}
		parts = append(parts, p)
	}
	return parts
}

// lines are the open lines that the target names: all, or the one with the lowest or highest price.
func (t Target) lines(b *Basket, open []bool) (lines []int) {
	for i, l := range b.Lines {
		if open[i] && t.names(l) {
			lines = append(lines, i)
		}
	}
	if len(lines) < 2 || t.Effect != "APPLY_TO_CHEAPEST" && t.Effect != "APPLY_TO_MOST_EXPENSIVE" {
		return lines
	}
	best := lines[0]
	for _, i := range lines[1:] {
		cheaper := b.Lines[i].Price < b.Lines[best].Price
		dearer := b.Lines[i].Price > b.Lines[best].Price
		if cheaper && t.Effect == "APPLY_TO_CHEAPEST" || dearer && t.Effect == "APPLY_TO_MOST_EXPENSIVE" {
			best = i
		}
	}
	return []int{best}
}

func limit(n *int64) int64 {
	if n == nil {
		return math.MaxInt64
	}
	return max(*n, 0)
}
