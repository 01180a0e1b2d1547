package redemption

import "herald/internal/order"

// BasketOf is an order as redeemables find it: with what was taken off it before.
func BasketOf(o order.Order) Basket {
	b := Basket{Bare: o.Amount, Lines: make([]Line, len(o.Items))}
	if o.DiscountAmount != nil {
		b.Discount = *o.DiscountAmount
	}
	for i, item := range o.Items {
		l := Line{Item: item, Quantity: item.Quantity, Amount: item.Amount, Discount: item.DiscountAmount, Free: item.DiscountQuantity}
		if item.Price != nil {
			l.Price = *item.Price
		}
		if item.InitialQuantity > 0 {
			l.Added = max(item.Quantity-item.InitialQuantity, 0)
		}
		b.Bare -= item.Amount
		b.Lines[i] = l
	}
	b.Bare = max(b.Bare, 0)
	return b
}

// Onto is the order with what the basket says of its amounts, and with what the last redeemable did to its items.
func (b *Basket) Onto(o order.Order) order.Order {
	o.Items = make([]order.Item, len(b.Lines))
	for i, l := range b.Lines {
		o.Items[i] = l.item()
	}
	t := b.Totals()
	o.Amount, o.TotalAmount = t.Amount, t.TotalAmount
	if t.InitialAmount != 0 && o.InitialAmount == nil {
		o.InitialAmount = &t.InitialAmount
	}
	o.DiscountAmount = some(t.Discount)
	o.Total()
	return o
}

func some(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

func (l Line) item() order.Item {
	item := l.Item
	if item.Object == "" { // a redeemable made the line
		item.Object = "order_item"
		item.Price = &l.Price
	}
	item.InitialQuantity, item.InitialAmount = 0, 0
	if l.Added > 0 {
		item.InitialQuantity, item.InitialAmount = l.Quantity-l.Added, l.Amount-l.Added*l.Price
	}
	item.Quantity, item.Amount, item.DiscountAmount, item.DiscountQuantity = l.Quantity, l.Amount, l.Discount, l.Free
	item.AppliedDiscountAmount, item.AppliedDiscountQuantity = l.Applied, l.FreeApplied
	return item
}

// Took is what one redemption did to the items of an order, by their places in it.
type Took struct {
	Item  int    `json:"item"`
	Key   string `json:"key,omitempty"` // finds it where its place changed
	Off   int64  `json:"off,omitempty"`
	Free  int64  `json:"free,omitempty"`
	Added int64  `json:"added,omitempty"`
}

// Took is what the last redeemable did to the items.
func (b *Basket) Took() (took []Took) {
	for i, l := range b.Lines {
		if l.Applied != 0 || l.FreeApplied != 0 || l.AddedApplied != 0 {
			took = append(took, Took{i, l.Key(), l.Applied, l.FreeApplied, l.AddedApplied})
		}
	}
	return took
}

// line is the item that the redemption took from; nil where it is gone.
func (t Took) line(lines []Line) *Line {
	if t.Item < len(lines) && lines[t.Item].Key() == t.Key {
		return &lines[t.Item]
	}
	for i := range lines {
		if lines[i].Key() == t.Key {
			return &lines[i]
		}
	}
	return nil
}

// Undone is the order without what the redemption took off it, as far as that still stands there. Items that redeemables alone
// put into it go.
func (e Effects) Undone(o order.Order) order.Order {
	if e.Order == nil {
		return o
	}
	b := BasketOf(o)
	b.Begin()
	b.Discount = max(b.Discount-e.Order.AppliedDiscount, 0)
	for _, t := range e.Took {
		l := t.line(b.Lines)
		if l == nil {
			continue
		}
		added := min(t.Added, l.Quantity)
		l.Discount = max(l.Discount-t.Off, 0)
		l.Free = max(l.Free-t.Free, 0)
		l.Quantity -= added
		l.Added = max(l.Added-added, 0)
		l.Amount = max(l.Amount-added*l.Price, 0)
		l.Discount = min(l.Discount, l.Amount)
	}
	kept := b.Lines[:0]
	for _, l := range b.Lines {
		if l.Quantity > 0 {
			kept = append(kept, l)
		}
	}
	b.Lines = kept
	b.Discount = min(b.Discount, b.Amount()-b.LinesDiscount())
	undone := b.Onto(o)
	if undone.InitialAmount != nil && *undone.InitialAmount >= undone.Amount {
		undone.InitialAmount = nil
	}
	return undone
}
