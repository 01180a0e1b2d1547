// Package order is the noun of what customers buy: what an order may be, what its amounts add up to, and what a change of one
// means. Amounts are in minor units of the currency (1000 is 10.00).
package order

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/internal/customer"
	"herald/internal/occurrence"
)

// Status says how far an order is.
type Status string

// The statuses. Processing is missing from the public API's documents of requests, but stands in its SDK and its event types.
const (
	Created    Status = "CREATED"
	Paid       Status = "PAID"
	Canceled   Status = "CANCELED"
	Fulfilled  Status = "FULFILLED"
	Processing Status = "PROCESSING"
)

// Counts reports whether an order of that status is money that the customer spent.
func (s Status) Counts() bool { return s == Paid || s == Fulfilled }

// told is what an order's coming into a status is told as.
var told = map[Status]occurrence.Type{
	Paid: occurrence.OrderPaid, Canceled: occurrence.OrderCanceled, Fulfilled: occurrence.OrderFulfilled,
	Processing: occurrence.OrderProcessing, Created: occurrence.OrderUpdated,
}

// Order is one order. What a discount takes off stands in the discount amounts; nil is none.
type Order struct {
	ID                  uuid.UUID
	ProjectID           uuid.UUID
	SourceID            *string
	CustomerID          *uuid.UUID
	ReferrerID          *uuid.UUID
	Status              Status
	Amount              int64  // the sum of the items' amounts, before discounts
	InitialAmount       *int64 // before a discount added or replaced items
	DiscountAmount      *int64 // taken off the order as a whole
	ItemsDiscountAmount *int64 // taken off its items, in sum
	TotalDiscountAmount *int64 // both
	TotalAmount         int64  // what is left to pay
	Items               []Item
	Metadata            json.RawMessage
	CreatedAt           time.Time
	UpdatedAt           *time.Time
}

// Item is one line of an order, as the public API shows it and as it is kept. The applied fields are what one redemption or
// validation did to it; they are shown with that and never kept.
type Item struct {
	Object           string          `json:"object"`
	ID               string          `json:"id,omitempty"`
	SourceID         string          `json:"source_id,omitempty"`
	RelatedObject    string          `json:"related_object,omitempty"` // product or sku: what the source id is of
	ProductID        string          `json:"product_id,omitempty"`
	SKUID            string          `json:"sku_id,omitempty"`
	Quantity         int64           `json:"quantity"`
	DiscountQuantity int64           `json:"discount_quantity,omitempty"` // of the quantity, those that are free
	InitialQuantity  int64           `json:"initial_quantity,omitempty"`
	Amount           int64           `json:"amount"` // price × quantity
	InitialAmount    int64           `json:"initial_amount,omitempty"`
	DiscountAmount   int64           `json:"discount_amount,omitempty"`
	Price            *int64          `json:"price,omitempty"` // of one; nil where only the amount is known
	SubtotalAmount   int64           `json:"subtotal_amount"` // the amount without the discount
	Product          *Product        `json:"product,omitempty"`
	SKU              *SKU            `json:"sku,omitempty"`
	Metadata         json.RawMessage `json:"metadata,omitempty"`

	AppliedDiscountAmount   int64 `json:"applied_discount_amount,omitempty"`
	AppliedDiscountQuantity int64 `json:"applied_discount_quantity,omitempty"`
	AppliedQuantity         int64 `json:"applied_quantity,omitempty"`
	AppliedQuantityAmount   int64 `json:"applied_quantity_amount,omitempty"`
}

// Product is what the caller said of an item's product. There is no catalogue: it stands in the order alone.
type Product struct {
	ID       string          `json:"id,omitempty"`
	SourceID string          `json:"source_id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Price    *int64          `json:"price,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// SKU is what the caller said of an item's stock keeping unit.
type SKU struct {
	ID       string          `json:"id,omitempty"`
	SourceID string          `json:"source_id,omitempty"`
	Name     string          `json:"sku,omitempty"`
	Price    *int64          `json:"price,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Total sets the order's sums from its items' amounts and discounts, and the discounts from what is left of them: a discount
// never takes more than there is. An order of items whose prices are unknown, or without items, keeps its amount.
func (o *Order) Total() {
	var sum, off int64
	priced := false
	for i := range o.Items {
		item := &o.Items[i]
		item.DiscountAmount = min(item.DiscountAmount, item.Amount)
		item.SubtotalAmount = item.Amount - item.DiscountAmount
		sum += item.Amount
		off += item.DiscountAmount
		priced = priced || item.Price != nil || item.Amount > 0
	}
	if priced {
		o.Amount = sum
	}
	off = min(off, o.Amount)
	whole := min(value(o.DiscountAmount), o.Amount-off)
	o.DiscountAmount, o.ItemsDiscountAmount, o.TotalDiscountAmount = some(whole), some(off), some(whole+off)
	o.InitialAmount = some(value(o.InitialAmount))
	o.TotalAmount = o.Amount - whole - off
}

// value is an amount that may be missing.
func value(amount *int64) int64 {
	if amount == nil {
		return 0
	}
	return *amount
}

// some is the amount, nil where it is nothing.
func some(amount int64) *int64 {
	if amount == 0 {
		return nil
	}
	return &amount
}

// Kept is the order as it is written down: without what one redemption alone shows.
func (o Order) Kept() Order {
	o.Items = slices.Clone(o.Items)
	for i := range o.Items {
		item := &o.Items[i]
		item.AppliedDiscountAmount, item.AppliedDiscountQuantity, item.AppliedQuantity, item.AppliedQuantityAmount = 0, 0, 0, 0
	}
	return o
}

// Same reports whether two orders say the same in everything but their instants.
func (o Order) Same(other Order) bool { return o.Status == other.Status && o.sameBesideStatus(other) }

func (o Order) sameBesideStatus(other Order) bool {
	if !slices.EqualFunc(o.Items, other.Items, sameItem) || !sameJSON(o.Metadata, other.Metadata) {
		return false
	}
	blank := func(o Order) Order {
		o.Status, o.Items, o.Metadata, o.CreatedAt, o.UpdatedAt = "", nil, nil, time.Time{}, nil
		return o
	}
	return reflect.DeepEqual(blank(o), blank(other))
}

func sameItem(a, b Item) bool {
	blank := func(i Item) (Item, [3]json.RawMessage) {
		metadata := [3]json.RawMessage{i.Metadata}
		i.Metadata = nil
		if i.Product != nil {
			p := *i.Product
			metadata[1], p.Metadata = p.Metadata, nil
			i.Product = &p
		}
		if i.SKU != nil {
			s := *i.SKU
			metadata[2], s.Metadata = s.Metadata, nil
			i.SKU = &s
		}
		return i, metadata
	}
	left, leftMetadata := blank(a)
	right, rightMetadata := blank(b)
	return reflect.DeepEqual(left, right) && slices.EqualFunc(leftMetadata[:], rightMetadata[:], sameJSON)
}

// sameJSON compares what two texts of JSON mean; the database writes keys in an order of its own.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	left, okLeft := meaning(a)
	right, okRight := meaning(b)
	return okLeft && okRight && reflect.DeepEqual(left, right)
}

func meaning(raw json.RawMessage) (value any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return value, decoder.Decode(&value) == nil
}

// Told is what the change from before (nil where there was none) to the order is told as: that it was made; that it came into
// another status; that something else about it changed. An order that is made as paid was made and was paid.
func Told(before *Order, o Order) (types []occurrence.Type) {
	switch {
	case before == nil:
		types = append(types, occurrence.OrderCreated)
		if o.Status != Created {
			types = append(types, told[o.Status])
		}
		return types
	case !o.sameBesideStatus(*before):
		types = append(types, occurrence.OrderUpdated)
	}
	if kind := told[o.Status]; o.Status != before.Status && !slices.Contains(types, kind) {
		types = append(types, kind)
	}
	return types
}

// Figures is what the order adds to its customer's figures: nothing, unless it is paid or fulfilled.
func (o Order) Figures() customer.Figures {
	if o.CustomerID == nil || !o.Status.Counts() {
		return customer.Figures{}
	}
	return customer.Figures{OrdersAmount: o.TotalAmount, OrdersCount: 1, LastOrderAt: &o.CreatedAt, LastOrderAmount: o.TotalAmount}
}
