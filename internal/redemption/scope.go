package redemption

import (
	"cmp"
	"math"
	"slices"

	"herald/internal/rule"
)

// part is how much of a line a discount may touch.
type part struct {
	line  int
	units int64
	most  int64  // the discount that it may get
	group *group // what it shares with other lines
	price *int64 // what a unit costs after a FIXED discount, where the rule says its own
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

// parts are the lines that a discount may touch, as rules limit it, in the order of the order. Where a rule names what is
// included, its limits go with each; the first that names a line has it.
func (b *Basket) parts(a rule.Applicability) []part {
	open := make([]bool, len(b.Lines))
	for i, l := range b.Lines {
		open[i] = l.Quantity > 0 && a.Covers(l.Item)
	}
	var parts []part
	for _, t := range a.Included {
		parts = append(parts, b.partsOf(t, open)...)
	}
	shared := &group{math.MaxInt64}
	for i, l := range b.Lines {
		if open[i] { // everything is included, beside what is named
			parts = append(parts, part{line: i, units: l.Quantity, most: math.MaxInt64, group: shared})
		}
	}
	return parts
}

// partsOf are the target's lines among the open ones, which it closes.
func (b *Basket) partsOf(t rule.Target, open []bool) (parts []part) {
	shared := &group{limit(t.AggregatedAmountLimit)}
	units := limit(t.AggregatedQuantityLimit)
	for _, i := range b.linesOf(t, open) {
		n := min(eligible(t, b.Lines[i].Quantity), limit(t.QuantityLimit), units)
		if n <= 0 {
			continue
		}
		units -= n
		p := part{line: i, units: n, most: limit(t.AmountLimit), group: shared}
		if t.Price != nil {
			price := int64(math.Round(*t.Price))
			p.price = &price
		}
		parts = append(parts, p)
	}
	return parts
}

// linesOf are the open lines that the target names, which it closes: all of them in their order or by their price, or the one
// with the lowest or highest price.
func (b *Basket) linesOf(t rule.Target, open []bool) (lines []int) {
	for i, l := range b.Lines {
		if open[i] && t.Names(l.Item) {
			lines = append(lines, i)
			open[i] = false
		}
	}
	byPrice := func(x, y int) int { return cmp.Compare(b.Lines[x].Price, b.Lines[y].Price) }
	switch t.Effect {
	case rule.ToCheapest, rule.FromCheapest:
		slices.SortStableFunc(lines, byPrice)
	case rule.ToMostExpensive, rule.FromMostExpensive:
		slices.SortStableFunc(lines, func(x, y int) int { return byPrice(y, x) })
	}
	if len(lines) > 0 && (t.Effect == rule.ToCheapest || t.Effect == rule.ToMostExpensive) {
		return lines[:1]
	}
	return lines
}

// eligible is how many of a line's units the target covers: every n-th after those that are skipped, where it says so.
func eligible(t rule.Target, quantity int64) int64 {
	if t.SkipInitially != nil {
		quantity = max(quantity-*t.SkipInitially, 0)
	}
	if t.Repeat != nil && *t.Repeat > 1 {
		quantity /= *t.Repeat
	}
	return quantity
}

func limit(n *int64) int64 {
	if n == nil {
		return math.MaxInt64
	}
	return max(*n, 0)
}
