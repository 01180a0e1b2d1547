package redemption

import (
	"math/bits"

	"herald/internal/order"
)

// MaxAmount bounds every amount: sums of thousands of them stay far within 64 bits.
const MaxAmount = order.MaxAmount

// A Basket is an order while redeemables are applied to it, one after the other. Each works on what those before it left, so a
// fifth off after a voucher of 1.00 on an order of 2000.00 is a fifth of 1999.00.
//
// Its law: no line is discounted by more than its amount, and the whole by no more than the order; nothing goes below zero.
// Shares are rounded to the nearest minor unit, halves up; what is divided among lines is divided without a rest.
type Basket struct {
	Bare  int64 // what the order costs beside its lines; all of it where it has none
	Lines []Line
	// Discount is what was taken off the order as a whole, beside what was taken off its lines.
	Discount int64
	// Applied and LinesApplied are what the last redeemable took off the order as a whole, and off its lines.
	Applied, LinesApplied int64
}

// Line is one item of the order.
type Line struct {
	Item order.Item // as it was; what a redeemable made has only its product or SKU

	Price, Quantity, Amount int64
	// Discount is what was taken off the line, Free how many of its units are for nothing, Applied and FreeApplied what the
	// last redeemable did of that.
	Discount, Free, Applied, FreeApplied int64
	// Added is how many units redeemables put into the line, which had so many fewer; AddedApplied the last one's.
	Added, AddedApplied int64
}

// Key tells a line from others, as far as its order does.
func (l Line) Key() string {
	for _, key := range []string{l.Item.SKUID, l.Item.ProductID, l.Item.SourceID} {
		if key != "" {
			return key
		}
	}
	return ""
}

// Left is what is still to pay for the line.
func (l Line) Left() int64 { return l.Amount - l.Discount }

// Amount is what the order costs before discounts.
func (b *Basket) Amount() int64 {
	all := b.Bare
	for _, l := range b.Lines {
		all += l.Amount
	}
	return all
}

// LinesDiscount is what was taken off lines.
func (b *Basket) LinesDiscount() (all int64) {
	for _, l := range b.Lines {
		all += l.Discount
	}
	return all
}

// Left is what is still to pay.
func (b *Basket) Left() int64 { return b.Amount() - b.LinesDiscount() - b.Discount }

// Totals are the amounts as they are now.
func (b *Basket) Totals() Totals {
	lines, amount := b.LinesDiscount(), b.Amount()
	initial := amount
	for _, l := range b.Lines {
		initial -= l.Added * l.Price
	}
	t := Totals{
		Amount: amount, Discount: b.Discount, ItemsDiscount: lines, TotalDiscount: b.Discount + lines,
		TotalAmount: amount - b.Discount - lines, AppliedDiscount: b.Applied, ItemsAppliedDiscount: b.LinesApplied,
		TotalAppliedDiscount: b.Applied + b.LinesApplied,
	}
	if initial != amount {
		t.InitialAmount = initial
	}
	return t
}

// Begin forgets what the last redeemable did.
func (b *Basket) Begin() {
	b.Applied, b.LinesApplied = 0, 0
	for i := range b.Lines {
		b.Lines[i].Applied, b.Lines[i].FreeApplied, b.Lines[i].AddedApplied = 0, 0, 0
	}
}

// Since says that all that was applied since the start was applied as one. Redeemables add lines at the end only.
func (b *Basket) Since(start Basket) {
	b.Applied, b.LinesApplied = b.Discount-start.Discount, b.LinesDiscount()-start.LinesDiscount()
	for i := range b.Lines {
		var was Line
		if i < len(start.Lines) {
			was = start.Lines[i]
		}
		l := &b.Lines[i]
		l.Applied, l.FreeApplied, l.AddedApplied = l.Discount-was.Discount, l.Free-was.Free, l.Added-was.Added
	}
}

// off takes an amount off the order as a whole, as much as is left of it, and says how much that was.
func (b *Basket) off(amount int64) int64 {
	amount = max(min(amount, b.Left()), 0)
	b.Discount += amount
	b.Applied += amount
	return amount
}

// offLine takes an amount off a line, as much as is left of it and of the order, and says how much that was.
func (b *Basket) offLine(i int, amount int64) int64 {
	l := &b.Lines[i]
	amount = max(min(amount, l.Left(), b.Left()), 0)
	l.Discount += amount
	l.Applied += amount
	b.LinesApplied += amount
	return amount
}

// spread divides an amount among lines by their weights, without a rest: each gets its share of the running sum, rounded.
func spread(amount int64, weights []int64) []int64 {
	all := sum(weights)
	parts := make([]int64, len(weights))
	if all == 0 {
		return parts
	}
	var running, given int64
	for i, w := range weights {
		running += w
		upTo := share(amount, running, all)
		parts[i], given = upTo-given, upTo
	}
	return parts
}

// share is amount × part ÷ whole, rounded to the nearest, halves up. None of them is negative, whole is not zero, and part is
// not above whole.
func share(amount, part, whole int64) int64 {
	high, low := bits.Mul64(uint64(amount), uint64(part))
	low, carry := bits.Add64(low, uint64(whole)/2, 0)
	quotient, _ := bits.Div64(high+carry, low, uint64(whole))
	return int64(quotient)
}

// times multiplies two numbers that are not negative, up to MaxAmount.
func times(a, b int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	if high > 0 || low > MaxAmount {
		return MaxAmount
	}
	return int64(low)
}

// whole is a number of a definition as an amount, within bounds.
func whole(n *int64) int64 {
	if n == nil {
		return 0
	}
	return max(min(*n, MaxAmount), 0)
}
