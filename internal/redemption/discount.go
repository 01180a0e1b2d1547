package redemption

import (
	"encoding/json"
	"math"

	"herald/internal/order"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// percent is the precision of a percentage: millionths of a percent.
const percent = 1_000_000

// ApplyDiscount applies a discount and says how much it takes off. Formulas are not evaluated: the number beside one, which
// the public API calls its fallback, counts.
func (b *Basket) ApplyDiscount(d voucher.Discount, a rule.Applicability) int64 {
	b.Begin()
	switch {
	case d.Type == "UNIT" && b.Bare > 0: // items and an amount of something else cannot be added up
	case d.Type == "UNIT":
		b.addUnits(d, a)
	case OnLines(d):
		b.takeOff(b.parts(a), d)
	default:
		b.off(orderOff(d, b.Left()))
	}
	return b.Applied + b.LinesApplied
}

// Lacks reports whether the discount works on items, and the order has none, or an amount that they do not make up.
func (b *Basket) Lacks(d voucher.Discount) bool {
	return OnLines(d) && len(b.Lines) == 0 || d.Type == "UNIT" && b.Bare > 0
}

// OnLines reports whether the discount works on the items that an order has.
func OnLines(d voucher.Discount) bool {
	return d.Type != "UNIT" && d.Effect != "" && d.Effect != "APPLY_TO_ORDER" || d.Effect == "ADD_SAME_ITEMS"
}

// orderOff is what a discount takes off an order of which so much is left.
func orderOff(d voucher.Discount, left int64) int64 {
	switch d.Type {
	case "PERCENT":
		return min(percentOf(d, left), limit(d.AmountLimit), limit(d.AggregatedAmountLimit))
	case "AMOUNT":
		return min(whole(d.AmountOff), limit(d.AggregatedAmountLimit))
	case "FIXED":
		return left - whole(d.FixedAmount)
	}
	return 0
}

// percentOf is the discount's share of an amount.
func percentOf(d voucher.Discount, amount int64) int64 {
	if d.PercentOff == nil {
		return 0
	}
	parts := int64(math.Round(math.Min(math.Max(*d.PercentOff, 0), 100) * percent))
	return share(amount, parts, 100*percent)
}

// takeOff discounts parts of lines. Each gets what the discount gives it, as far as that is left of it and of what it shares.
func (b *Basket) takeOff(parts []part, d voucher.Discount) {
	bases := make([]int64, len(parts))
	for i, p := range parts {
		bases[i] = p.base(b)
	}
	rest := limit(d.AggregatedAmountLimit)
	for i, wanted := range wantedOff(parts, bases, d) {
		p := parts[i]
		taken := b.offLine(p.line, min(wanted, bases[i], p.most, p.group.most, rest))
		p.group.most -= taken
		rest -= taken
	}
}

// wantedOff is what a discount gives each part that costs so much.
func wantedOff(parts []part, bases []int64, d voucher.Discount) []int64 {
	off := whole(d.AmountOff)
	switch d.Effect {
	case "APPLY_TO_ITEMS_PROPORTIONALLY":
		return spread(min(off, sum(bases)), bases)
	case "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY":
		return spreadByUnits(off, parts, bases)
	}
	wanted := make([]int64, len(parts))
	for i, p := range parts {
		switch {
		case d.Type == "PERCENT":
			wanted[i] = min(percentOf(d, bases[i]), limit(d.AmountLimit))
		case d.Type == "FIXED" && p.price != nil:
			wanted[i] = bases[i] - times(*p.price, p.units)
		case d.Type == "FIXED":
			wanted[i] = bases[i] - times(whole(d.FixedAmount), p.units)
		case d.Effect == "APPLY_TO_ITEMS_BY_QUANTITY":
			wanted[i] = times(off, p.units)
		default:
			wanted[i] = off
		}
	}
	return wanted
}

// spreadByUnits divides an amount by units; what a part cannot take goes to those that can.
func spreadByUnits(amount int64, parts []part, bases []int64) []int64 {
	amount = min(amount, sum(bases))
	wanted := make([]int64, len(parts))
	for amount > 0 {
		weights := make([]int64, len(parts))
		for i, p := range parts {
			if wanted[i] < bases[i] {
				weights[i] = p.units
			}
		}
		given := int64(0)
		for i, n := range spread(amount, weights) {
			n = min(n, bases[i]-wanted[i])
			wanted[i] += n
			given += n
		}
		if given == 0 { // the rest of a rounding that falls on no one
			break
		}
		amount -= given
	}
	return wanted
}

func sum(list []int64) (all int64) {
	for _, n := range list {
		all += n
	}
	return all
}

// freeItem is a product that a UNIT discount gives, as its definition names it. Where it says no price, the order's own counts.
type freeItem struct {
	ID       string `json:"id"`
	SourceID string `json:"source_id"`
	Name     string `json:"name"`
	SKU      string `json:"sku"`
	Price    *int64 `json:"price"`
}

func (b *Basket) addUnits(d voucher.Discount, a rule.Applicability) {
	switch d.Effect {
	case "ADD_SAME_ITEMS":
		for _, p := range b.parts(a) {
			n := units(d.UnitOff)
			b.grow(p.line, n)
			b.free(p.line, n)
		}
	case "ADD_MANY_ITEMS":
		for _, u := range d.Units {
			b.addUnit(u)
		}
	default:
		b.addUnit(voucher.Unit{UnitOff: d.UnitOff, UnitType: d.UnitType, Effect: d.Effect, Product: d.Product, SKU: d.SKU})
	}
}

// addUnit gives units of a product: new ones (ADD_NEW_ITEMS), or those that the order lacks, and makes them free.
func (b *Basket) addUnit(u voucher.Unit) {
	n := units(u.UnitOff)
	if n == 0 {
		return
	}
	i := b.lineOf(u)
	missing := n
	if u.Effect != "ADD_NEW_ITEMS" {
		missing = max(n-b.Lines[i].Quantity, 0)
	}
	b.grow(i, missing)
	b.free(i, n)
}

// lineOf is the line of the unit's product, made where there is none.
func (b *Basket) lineOf(u voucher.Unit) int {
	var product, sku freeItem
	_ = json.Unmarshal(u.Product, &product) // what cannot be read names nothing: the unit_type does
	_ = json.Unmarshal(u.SKU, &sku)
	target := rule.Target{Object: "product", ID: &u.UnitType, SourceID: named(product.SourceID)}
	item := order.Item{ProductID: u.UnitType, RelatedObject: "product"}
	price := product.Price
	if product.ID != "" {
		item.ProductID = product.ID
	}
	if product != (freeItem{}) {
		item.Product = &order.Product{ID: product.ID, SourceID: product.SourceID, Name: product.Name, Price: product.Price}
	}
	if sku.ID != "" || sku.SourceID != "" {
		target = rule.Target{Object: "sku", ID: named(sku.ID), SourceID: named(sku.SourceID)}
		item.SKUID, item.RelatedObject = sku.ID, "sku"
		item.SKU = &order.SKU{ID: sku.ID, SourceID: sku.SourceID, Name: sku.SKU, Price: sku.Price}
		if sku.Price != nil {
			price = sku.Price
		}
	}
	for i, l := range b.Lines {
		if target.Names(l.Item) {
			return i
		}
	}
	b.Lines = append(b.Lines, Line{Item: item, Price: whole(price)})
	return len(b.Lines) - 1
}

// named is an id, nil where it is none.
func named(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

func units(n *int64) int64 {
	if n == nil {
		return 1
	}
	return whole(n)
}

// grow puts units into a line, as far as their price stays within bounds.
func (b *Basket) grow(i int, n int64) {
	l := &b.Lines[i]
	n = min(n, MaxAmount/max(l.Price, 1))
	l.Quantity += n
	l.Added += n
	l.AddedApplied += n
	l.Amount += l.Price * n
}

// free makes units of a line free, as many as are not.
func (b *Basket) free(i int, n int64) {
	l := &b.Lines[i]
	n = max(min(n, l.Quantity-l.Free), 0)
	l.Free += n
	l.FreeApplied += n
	b.offLine(i, times(l.Price, n))
}
