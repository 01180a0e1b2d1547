package loyalty

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"herald/internal/fault"
	"herald/internal/order"
)

// Earning says how many points an earning rule gives (the public API's loyalty): a FIXED number, or a PROPORTIONAL one, so many
// for every so much of something.
type Earning struct {
	Type            string         `json:"type"`
	Points          *Whole         `json:"points,omitempty"` // of FIXED
	CalculationType string         `json:"calculation_type,omitempty"`
	Order           *OrderBasis    `json:"order,omitempty"`
	OrderItems      *ItemsBasis    `json:"order_items,omitempty"`
	Customer        *MetadataBasis `json:"customer,omitempty"`
	CustomEvent     *MetadataBasis `json:"custom_event,omitempty"`
}

// OrderBasis counts an order's amount before discounts, or after them, or a number in its metadata.
type OrderBasis struct {
	Amount      *Ratio `json:"amount,omitempty"`
	TotalAmount *Ratio `json:"total_amount,omitempty"`
	Metadata    *Ratio `json:"metadata,omitempty"`
}

// ItemsBasis counts some of an order's items: what they cost before discounts, or after them, or how many there are.
type ItemsBasis struct {
	Amount         *Ratio `json:"amount,omitempty"`
	SubtotalAmount *Ratio `json:"subtotal_amount,omitempty"`
	Quantity       *Ratio `json:"quantity,omitempty"`
}

// MetadataBasis counts a number in the metadata of a customer or a custom event.
type MetadataBasis struct {
	Metadata *Ratio `json:"metadata,omitempty"`
}

// Ratio gives points for every so much; what is left over gives none. Amounts are in minor units.
type Ratio struct {
	Every        Whole  `json:"every"`
	Points       Whole  `json:"points"`
	Property     string `json:"property,omitempty"` // of metadata
	Object       string `json:"object,omitempty"`   // product or sku: which items; with ID the first of ApplicableTo
	ID           string `json:"id,omitempty"`
	ApplicableTo []Item `json:"applicable_to,omitempty"`
}

// Item names a product or a stock keeping unit.
type Item struct {
	Object string `json:"object"`
	ID     string `json:"id"`
}

// Whole is a whole number, which official examples also write as a text: "5".
type Whole int64

// JSONKind says what the JSON should be.
func (Whole) JSONKind() string { return "an integer" }

// UnmarshalJSON reads 5 or "5".
func (w *Whole) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if len(text) > 2 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	*w = Whole(n)
	return err
}

// basis is where the ratio of a calculation type stands.
type basis struct {
	path  string
	ratio func(Earning) *Ratio
	count func(Ratio, Facts) int64
}

func orderRatio(of func(OrderBasis) *Ratio) func(Earning) *Ratio {
	return func(e Earning) *Ratio {
		if e.Order == nil {
			return nil
		}
		return of(*e.Order)
	}
}

func itemsRatio(of func(ItemsBasis) *Ratio) func(Earning) *Ratio {
	return func(e Earning) *Ratio {
		if e.OrderItems == nil {
			return nil
		}
		return of(*e.OrderItems)
	}
}

func metadataRatio(of func(Earning) *MetadataBasis) func(Earning) *Ratio {
	return func(e Earning) *Ratio {
		if b := of(e); b != nil {
			return b.Metadata
		}
		return nil
	}
}

// bases are the calculation types.
var bases = map[string]basis{
	"ORDER_AMOUNT": {
		"order.amount", orderRatio(func(o OrderBasis) *Ratio { return o.Amount }),
		func(_ Ratio, f Facts) int64 { return f.Order.Amount },
	},
	"ORDER_TOTAL_AMOUNT": {
		"order.total_amount", orderRatio(func(o OrderBasis) *Ratio { return o.TotalAmount }),
		func(_ Ratio, f Facts) int64 { return f.Order.TotalAmount },
	},
	"ORDER_METADATA": {
		"order.metadata", orderRatio(func(o OrderBasis) *Ratio { return o.Metadata }),
		func(r Ratio, f Facts) int64 { return number(f.Order.Metadata, r.Property) },
	},
	"ORDER_ITEMS_AMOUNT": {
		"order_items.amount", itemsRatio(func(i ItemsBasis) *Ratio { return i.Amount }),
		func(r Ratio, f Facts) int64 { return r.sum(f, func(i order.Item) int64 { return i.Amount }) },
	},
	"ORDER_ITEMS_SUBTOTAL_AMOUNT": {
		"order_items.subtotal_amount", itemsRatio(func(i ItemsBasis) *Ratio { return i.SubtotalAmount }),
		func(r Ratio, f Facts) int64 { return r.sum(f, func(i order.Item) int64 { return i.SubtotalAmount }) },
	},
	"ORDER_ITEMS_QUANTITY": {
		"order_items.quantity", itemsRatio(func(i ItemsBasis) *Ratio { return i.Quantity }),
		func(r Ratio, f Facts) int64 { return r.sum(f, func(i order.Item) int64 { return i.Quantity }) },
	},
	"CUSTOMER_METADATA": {
		"customer.metadata", metadataRatio(func(e Earning) *MetadataBasis { return e.Customer }),
		func(r Ratio, f Facts) int64 { return number(f.Customer, r.Property) },
	},
	"CUSTOM_EVENT_METADATA": {
		"custom_event.metadata", metadataRatio(func(e Earning) *MetadataBasis { return e.CustomEvent }),
		func(r Ratio, f Facts) int64 { return number(f.Event, r.Property) },
	},
}

// OfCustomer reports whether the points go by the customer's metadata.
func (e Earning) OfCustomer() bool { return e.CalculationType == "CUSTOMER_METADATA" }

// fits are the calculation types that go with each kind of event.
var fits = map[Trigger][]string{
	onOrder: {
		"ORDER_AMOUNT", "ORDER_TOTAL_AMOUNT", "ORDER_METADATA", "ORDER_ITEMS_AMOUNT", "ORDER_ITEMS_SUBTOTAL_AMOUNT", "ORDER_ITEMS_QUANTITY",
		"CUSTOMER_METADATA",
	},
	onSegment: {"CUSTOMER_METADATA"},
	onTier:    {"CUSTOMER_METADATA"},
	onCustom:  {"CUSTOM_EVENT_METADATA", "CUSTOMER_METADATA"},
}

// check finds what is wrong; path is where it stands, and on what the rule answers.
func (e Earning) check(path string, on Trigger) *fault.Error {
	if _, known := bases[e.CalculationType]; !known && e.CalculationType != "" {
		return fault.Property(path+".calculation_type", "Property .%s.calculation_type should be one of %v here", path, fits[on])
	}
	switch e.Type {
	case "FIXED":
		if e.Points == nil || *e.Points < 1 || *e.Points > MaxPoints {
			return fault.Property(path+".points", "Property .%s.points should be from 1 to %d", path, int64(MaxPoints))
		}
		return nil
	case "PROPORTIONAL":
	default:
		return fault.Property(path+".type", "Property .%s.type should be FIXED or PROPORTIONAL", path)
	}
	if !slices.Contains(fits[on], e.CalculationType) {
		return fault.Property(path+".calculation_type", "Property .%s.calculation_type should be one of %v here", path, fits[on])
	}
	from := bases[e.CalculationType]
	at := path + "." + from.path
	r := from.ratio(e)
	if r == nil {
		return fault.Property(at, "Property .%s is required: the points for every so much", at)
	}
	return r.check(at, e.CalculationType)
}

func (r Ratio) check(at, calculation string) *fault.Error {
	switch {
	case r.Every < 1 || r.Every > MaxPoints:
		return fault.Property(at+".every", "Property .%s.every should be from 1 to %d", at, int64(MaxPoints))
	case r.Points < 1 || r.Points > MaxPoints:
		return fault.Property(at+".points", "Property .%s.points should be from 1 to %d", at, int64(MaxPoints))
	}
	switch calculation {
	case "ORDER_METADATA", "CUSTOMER_METADATA", "CUSTOM_EVENT_METADATA":
		if r.Property == "" || len(r.Property) > 400 {
			return fault.Property(at+".property", "Property .%s.property should name a number in the metadata", at)
		}
	case "ORDER_ITEMS_AMOUNT", "ORDER_ITEMS_SUBTOTAL_AMOUNT", "ORDER_ITEMS_QUANTITY":
		return r.checkItems(at)
	}
	return nil
}

// maxItems is how many products one rule can name.
const maxItems = 100

func (r Ratio) checkItems(at string) *fault.Error {
	items := r.items()
	if len(items) == 0 || len(items) > maxItems {
		return fault.Property(at+".applicable_to", "Property .%s.applicable_to should name 1 to %d products or SKUs", at, maxItems)
	}
	for _, item := range items {
		switch {
		case item.Object == "products_collection":
			return fault.Missing("products_collection", item.ID)
		case item.Object != "product" && item.Object != "sku":
			return fault.Property(at+".object", "Property .%s.object should be product or sku", at)
		case item.ID == "" || len(item.ID) > 400:
			return fault.Property(at+".id", "Property .%s.id should be the id of a product or SKU", at)
		}
	}
	return nil
}

// items are those that count.
func (r Ratio) items() []Item {
	if r.Object == "" && r.ID == "" || slices.Contains(r.ApplicableTo, Item{r.Object, r.ID}) {
		return r.ApplicableTo
	}
	return append([]Item{{r.Object, r.ID}}, r.ApplicableTo...)
}

// filled names the first item twice, as answers of the public API do.
func (r *Ratio) filled() {
	if r != nil && r.Object == "" && len(r.ApplicableTo) > 0 {
		r.Object, r.ID = r.ApplicableTo[0].Object, r.ApplicableTo[0].ID
	}
}

// sum adds something up over the order's items that count.
func (r Ratio) sum(f Facts, of func(order.Item) int64) (sum int64) {
	for _, item := range f.Order.Items {
		if slices.ContainsFunc(r.items(), func(one Item) bool { return one.is(item) }) {
			sum += of(item)
		}
	}
	return sum
}

func (i Item) is(item order.Item) bool {
	if i.Object == "sku" {
		return item.SKUID == i.ID || item.SKU != nil && item.SKU.ID == i.ID
	}
	return item.ProductID == i.ID || item.Product != nil && item.Product.ID == i.ID
}

// Facts is what happened, as far as points go by it.
type Facts struct {
	Order    *order.Order
	Event    json.RawMessage // the metadata of a custom event
	Customer json.RawMessage // the metadata of the customer
}

// Give is how many points a rule gives for what happened: never less than none, and at most MaxPoints.
func (e Earning) Give(f Facts) int64 {
	if e.Type == "FIXED" {
		if e.Points == nil {
			return 0
		}
		return int64(*e.Points)
	}
	from, ok := bases[e.CalculationType]
	if !ok {
		return 0
	}
	r := from.ratio(e)
	if r == nil || r.Every < 1 || f.Order == nil && slices.Contains(fits[onOrder][:6], e.CalculationType) {
		return 0
	}
	times := from.count(*r, f) / int64(r.Every)
	switch {
	case times <= 0 || r.Points <= 0:
		return 0
	case times > MaxPoints/int64(r.Points):
		return MaxPoints
	}
	return times * int64(r.Points)
}

// number reads a number of metadata, in which it may stand as a text; what is none is 0. A fraction is left out.
func number(metadata json.RawMessage, property string) int64 {
	var all map[string]json.RawMessage
	if json.Unmarshal(metadata, &all) != nil {
		return 0
	}
	text := string(all[property])
	if unquoted := ""; json.Unmarshal(all[property], &unquoted) == nil {
		text = unquoted
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return int64(max(-MaxPoints, min(MaxPoints, math.Trunc(n))))
}

// Mapped is how many points the rule gives a member of the tier; no tier changes nothing.
func (r Rule) Mapped(t *Tier, points int64) (int64, error) {
	if t == nil {
		return points, nil
	}
	n, err := mapped(t.EarningRules, r.PublicID(), points)
	if err != nil {
		return 0, fmt.Errorf("tier %s: %w", t.ID, err)
	}
	return n, nil
}
