package order

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"herald/internal/fault"
	"herald/internal/voucher"
)

// The limits of what an order can hold.
const (
	MaxItems    = 500
	MaxImport   = 2000              // orders in one import
	MaxAmount   = 1_000_000_000_000 // of a price, an item and an order, so that sums of orders cannot overflow
	maxQuantity = 1_000_000_000
	maxText     = 255 // characters of an id or a name
)

// Draft is an order as a caller sends one. What it does not say is left as it is.
type Draft struct {
	ID             *string          `json:"id"`
	SourceID       *string          `json:"source_id"`
	Status         *Status          `json:"status"`
	Amount         *int64           `json:"amount"`
	InitialAmount  *int64           `json:"initial_amount"`
	DiscountAmount *int64           `json:"discount_amount"`
	Items          []*ItemDraft     `json:"items"`
	Metadata       voucher.Metadata `json:"metadata"` // merged; null removes a key
	CreatedAt      *time.Time       `json:"created_at"`
}

// ItemDraft is an item as a caller sends one. What only we compute may be sent back and is skipped.
type ItemDraft struct {
	Object           *string          `json:"object"`
	ID               string           `json:"id"`
	SourceID         string           `json:"source_id"`
	RelatedObject    string           `json:"related_object"`
	ProductID        string           `json:"product_id"`
	SKUID            string           `json:"sku_id"`
	Quantity         *Quantity        `json:"quantity"`
	DiscountQuantity *Quantity        `json:"discount_quantity"`
	InitialQuantity  *Quantity        `json:"initial_quantity"`
	Price            *int64           `json:"price"`
	Amount           *int64           `json:"amount"`
	DiscountAmount   *int64           `json:"discount_amount"`
	InitialAmount    *int64           `json:"initial_amount"`
	Product          *ProductDraft    `json:"product"`
	SKU              *SKUDraft        `json:"sku"`
	Metadata         voucher.Metadata `json:"metadata"`

	SubtotalAmount          skipped `json:"subtotal_amount"`
	AppliedDiscountAmount   skipped `json:"applied_discount_amount"`
	AppliedDiscountQuantity skipped `json:"applied_discount_quantity"`
	AppliedQuantity         skipped `json:"applied_quantity"`
	AppliedQuantityAmount   skipped `json:"applied_quantity_amount"`
}

// ProductDraft is what a caller says of an item's product. Override asks for a catalogue to be kept, which there is not.
type ProductDraft struct {
	ID       string           `json:"id"`
	SourceID string           `json:"source_id"`
	Name     string           `json:"name"`
	Price    *int64           `json:"price"`
	Metadata voucher.Metadata `json:"metadata"`
	Override bool             `json:"override"`
}

// SKUDraft is what a caller says of an item's stock keeping unit.
type SKUDraft struct {
	ID       string           `json:"id"`
	SourceID string           `json:"source_id"`
	Name     string           `json:"sku"`
	Price    *int64           `json:"price"`
	Metadata voucher.Metadata `json:"metadata"`
	Override bool             `json:"override"`
}

// skipped is a property that only we write.
type skipped struct{}

// UnmarshalJSONFrom skips the value.
func (*skipped) UnmarshalJSONFrom(dec *jsontext.Decoder) error { return dec.SkipValue() }

// Quantity is a whole number, which official examples also write as a text: "1".
type Quantity int64

// JSONKind says what the JSON should be.
func (Quantity) JSONKind() string { return "an integer" }

// UnmarshalJSONFrom reads 1 or "1".
func (q *Quantity) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return json.UnmarshalDecode(dec, (*int64)(q))
	}
	var text string
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	*q = Quantity(n)
	return err
}

// New is the order of a draft; it has no id, project and customer yet. An order is CREATED unless the draft says otherwise.
func (d Draft) New() (Order, error) {
	return d.Over(Order{Status: Created, Metadata: []byte("{}"), Items: []Item{}})
}

// Over is an order with what the draft says of it, and its sums. A source id can be given to an order once. Its creation is
// written once: who sends an order back does not move it.
func (d Draft) Over(o Order) (Order, error) {
	faults := d.faults()
	if o.SourceID == nil {
		o.SourceID = d.SourceID
	} else if d.SourceID != nil && *d.SourceID != *o.SourceID {
		faults.Add(fault.Property("source_id", "Property .source_id cannot be changed; it is %q", *o.SourceID))
	}
	if d.Status != nil {
		o.Status = *d.Status
	}
	if o.CreatedAt.IsZero() && d.CreatedAt != nil {
		o.CreatedAt = *d.CreatedAt
	}
	if d.Amount != nil {
		o.Amount = *d.Amount
	}
	if d.InitialAmount != nil {
		o.InitialAmount = d.InitialAmount
	}
	if d.DiscountAmount != nil {
		o.DiscountAmount = d.DiscountAmount
	}
	if err := faults.Err(); err != nil {
		return Order{}, err
	}
	if d.Items != nil {
		o.Items = make([]Item, len(d.Items))
		for i, item := range d.Items {
			o.Items[i] = item.item()
		}
	}
	o.Total()
	if o.Amount > MaxAmount {
		return Order{}, fault.Property("items", "The items' amounts add up to more than %d", MaxAmount)
	}
	merged, err := d.Metadata.Merged(o.Metadata, nil)
	o.Metadata = merged
	return o, err
}

// item is the item with its amount: its price times its quantity, or what the caller says, or by the price of its SKU or product.
func (d ItemDraft) item() Item {
	item := Item{
		Object: "order_item", ID: d.ID, SourceID: d.SourceID, RelatedObject: d.RelatedObject, ProductID: d.ProductID, SKUID: d.SKUID,
		Quantity: 1, Price: d.price(),
	}
	if d.Quantity != nil {
		item.Quantity = int64(*d.Quantity)
	}
	if d.DiscountQuantity != nil {
		item.DiscountQuantity = int64(*d.DiscountQuantity)
	}
	if d.InitialQuantity != nil {
		item.InitialQuantity = int64(*d.InitialQuantity)
	}
	item.InitialAmount, item.DiscountAmount = value(d.InitialAmount), value(d.DiscountAmount)
	switch {
	case item.Price != nil:
		item.Amount = *item.Price * item.Quantity
	case value(d.Amount) > 0:
		item.Amount = *d.Amount
		if each := item.Amount / item.Quantity; each*item.Quantity == item.Amount {
			item.Price = &each
		}
	}
	if p := d.Product; p != nil {
		item.Product = &Product{ID: p.ID, SourceID: p.SourceID, Name: p.Name, Price: p.Price}
		if p.Metadata != nil {
			item.Product.Metadata = p.Metadata.Raw()
		}
	}
	if s := d.SKU; s != nil {
		item.SKU = &SKU{ID: s.ID, SourceID: s.SourceID, Name: s.Name, Price: s.Price}
		if s.Metadata != nil {
			item.SKU.Metadata = s.Metadata.Raw()
		}
	}
	if d.Metadata != nil {
		item.Metadata = d.Metadata.Raw()
	}
	return item
}

func (d ItemDraft) price() *int64 {
	switch {
	case d.Price != nil || d.Amount != nil:
		return d.Price
	case d.SKU != nil && d.SKU.Price != nil:
		return d.SKU.Price
	case d.Product != nil:
		return d.Product.Price
	}
	return nil
}

// Check finds everything that is wrong with the draft by itself; Over may find more.
func (d Draft) Check() error { return d.faults().Err() }

func (d Draft) faults() (faults fault.List) {
	if d.SourceID != nil && (*d.SourceID == "" || utf8.RuneCountInString(*d.SourceID) > maxText) {
		faults.Add(fault.Property("source_id", "Property .source_id should have 1 to %d characters", maxText))
	}
	if d.Status != nil && told[*d.Status] == "" {
		faults.Add(fault.Property("status", "Property .status should be CREATED, PAID, CANCELED or FULFILLED, not %q", *d.Status))
	}
	if at := d.CreatedAt; at != nil && (at.Year() < 1970 || at.After(time.Now().Add(24*time.Hour))) {
		faults.Add(fault.Property("created_at", "Property .created_at should lie between the year 1970 and now"))
	}
	faults.Add(checkAmount("amount", d.Amount))
	faults.Add(checkAmount("initial_amount", d.InitialAmount))
	faults.Add(checkAmount("discount_amount", d.DiscountAmount))
	faults.Add(d.Metadata.Check("metadata"))
	if len(d.Items) > MaxItems {
		faults.Add(fault.Property("items", "Property .items has %d items; at most %d are allowed", len(d.Items), MaxItems))
		return faults
	}
	for i, item := range d.Items {
		if item == nil {
			faults.Add(fault.Property(fmt.Sprintf("items[%d]", i), "Property .items[%d] should be an object", i))
			continue
		}
		item.check(fmt.Sprintf("items[%d].", i), &faults)
	}
	return faults
}

func (d ItemDraft) check(at string, faults *fault.List) {
	if d.Object != nil && *d.Object != "order_item" {
		faults.Add(fault.Property(at+"object", "Property .%sobject should be order_item", at))
	}
	switch d.RelatedObject {
	case "", "product", "sku":
	default:
		faults.Add(fault.Property(at+"related_object", "Property .%srelated_object should be product or sku, not %q", at, d.RelatedObject))
	}
	texts := []struct{ name, text string }{
		{"id", d.ID}, {"source_id", d.SourceID}, {"product_id", d.ProductID}, {"sku_id", d.SKUID},
	}
	amounts := []struct {
		name   string
		amount *int64
	}{
		{"price", d.Price}, {"amount", d.Amount}, {"discount_amount", d.DiscountAmount}, {"initial_amount", d.InitialAmount},
	}
	faults.Add(d.Metadata.Check(at + "metadata"))
	if p := d.Product; p != nil {
		texts = append(texts, []struct{ name, text string }{{"product.id", p.ID}, {"product.source_id", p.SourceID}, {"product.name", p.Name}}...)
		faults.Add(checkAmount(at+"product.price", p.Price))
		faults.Add(p.Metadata.Check(at + "product.metadata"))
	}
	if s := d.SKU; s != nil {
		texts = append(texts, []struct{ name, text string }{{"sku.id", s.ID}, {"sku.source_id", s.SourceID}, {"sku.sku", s.Name}}...)
		faults.Add(checkAmount(at+"sku.price", s.Price))
		faults.Add(s.Metadata.Check(at + "sku.metadata"))
	}
	for _, t := range texts {
		if utf8.RuneCountInString(t.text) > maxText {
			faults.Add(fault.Property(at+t.name, "Property .%s is longer than %d characters", at+t.name, maxText))
		}
	}
	for _, a := range amounts {
		faults.Add(checkAmount(at+a.name, a.amount))
	}
	quantity := d.checkQuantities(at, faults)
	if price := d.price(); price != nil && *price > 0 && quantity > MaxAmount / *price {
		faults.Add(fault.Property(at+"quantity", "Price times quantity of .%s is more than %d", at[:len(at)-1], MaxAmount))
	}
}

// checkQuantities finds what is wrong with the quantities, and says how many there are of the item.
func (d ItemDraft) checkQuantities(at string, faults *fault.List) int64 {
	quantity := int64(1)
	for _, q := range []struct {
		name  string
		given *Quantity
		least Quantity
	}{{"quantity", d.Quantity, 1}, {"initial_quantity", d.InitialQuantity, 0}, {"discount_quantity", d.DiscountQuantity, 0}} {
		switch {
		case q.given == nil:
		case *q.given < q.least:
			faults.Add(fault.Property(at+q.name, "Property .%s cannot be lower than %d", at+q.name, q.least))
		case *q.given > maxQuantity:
			faults.Add(fault.Property(at+q.name, "Property .%s cannot be higher than %d", at+q.name, maxQuantity))
		case q.name == "quantity":
			quantity = int64(*q.given)
		}
	}
	return quantity
}

func checkAmount(path string, amount *int64) *fault.Error {
	if amount != nil && (*amount < 0 || *amount > MaxAmount) {
		return fault.Property(path, "Property .%s should be from 0 to %d, in minor units", path, MaxAmount)
	}
	return nil
}
