package redemption

import (
	"math/bits"

	"herald/internal/rule"
)

// ApplyCredits pays with credits of a gift card, at most as many, and says how many were taken. The effect says whether they
// pay for the order as a whole or for the items in scope, each its share.
func (b *Basket) ApplyCredits(credits int64, effect string, a rule.Applicability) int64 {
	b.Begin()
	if effect != "APPLY_TO_ITEMS" {
		return b.off(credits)
	}
	parts := b.parts(a)
	bases := make([]int64, len(parts))
	for i, p := range parts {
		bases[i] = p.base(b)
	}
	for i, n := range spread(min(credits, sum(bases), b.Left()), bases) {
		b.offLine(parts[i].line, n)
	}
	return b.LinesApplied
}

// Exchange is what points are worth: so many points pay so much, in minor units.
type Exchange struct{ Points, Amount int64 }

// Worth is what points pay, rounded down.
func (e Exchange) Worth(points int64) int64 {
	if e.Points <= 0 {
		return 0
	}
	worth, _ := divided(points, e.Amount, e.Points)
	return worth
}

// Needed is how many points pay an amount, rounded up.
func (e Exchange) Needed(amount int64) int64 {
	if e.Amount <= 0 {
		return 0
	}
	points, rest := divided(amount, e.Points, e.Amount)
	if rest > 0 {
		points++
	}
	return points
}

// divided is a × b ÷ c with its rest; what does not fit is as large as fits.
func divided(a, b, c int64) (quotient, rest int64) {
	high, low := bits.Mul64(uint64(a), uint64(b))
	if high >= uint64(c) {
		return MaxAmount, 0
	}
	q, r := bits.Div64(high, low, uint64(c))
	return int64(min(q, MaxAmount)), int64(r)
}

// ApplyPoints pays with points, at most as many and no more than the order needs, and says how many were spent.
func (b *Basket) ApplyPoints(points int64, e Exchange) int64 {
	b.Begin()
	points = min(points, e.Needed(b.Left()))
	b.off(e.Worth(points))
	return points
}
