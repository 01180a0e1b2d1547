package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"herald/internal/fault"
	"herald/internal/order"
)

const (
	maxTargets  = 200
	maxLimit    = 1_000_000_000_000 // minor units, or units
	maxTargetID = 255               // bytes
	maxFormula  = 2000              // bytes
	maxUnits    = 1000              // of a line, as the public API documents it
)

// Applicability says which lines of an order a discount covers.
type Applicability struct {
	Excluded    []Target `json:"excluded"`
	Included    []Target `json:"included"`
	IncludedAll bool     `json:"included_all"`
}

// Target is a product, SKU or collection that a discount covers or leaves out, and how far. Amounts are in minor units.
type Target struct {
	Object                  string          `json:"object,omitempty"` // product, sku or products_collection
	ID                      *string         `json:"id,omitempty"`
	SourceID                *string         `json:"source_id,omitempty"`
	ProductID               *string         `json:"product_id,omitempty"`
	ProductSourceID         *string         `json:"product_source_id,omitempty"`
	Type                    *string         `json:"type,omitempty"`
	Strict                  *bool           `json:"strict,omitempty"`
	Price                   *float64        `json:"price,omitempty"`
	PriceFormula            json.RawMessage `json:"price_formula,omitempty"`
	Effect                  string          `json:"effect,omitempty"`
	QuantityLimit           *int64          `json:"quantity_limit,omitempty"`
	AggregatedQuantityLimit *int64          `json:"aggregated_quantity_limit,omitempty"`
	AmountLimit             *int64          `json:"amount_limit,omitempty"`
	AggregatedAmountLimit   *int64          `json:"aggregated_amount_limit,omitempty"`
	OrderItemIndices        []int           `json:"order_item_indices,omitempty"` // which lines those are; only shown
	OrderItemUnits          []Units         `json:"order_item_units,omitempty"`   // which units of them; only shown
	Repeat                  *int64          `json:"repeat,omitempty"`             // every n-th unit
	SkipInitially           *int64          `json:"skip_initially,omitempty"`
	Target                  string          `json:"target,omitempty"` // ITEM or UNIT
}

// Units are those of one line that a discount covers.
type Units struct {
	Index              int   `json:"index"`
	Units              []int `json:"units,omitempty"` // counted from 1
	UnitsLimitExceeded bool  `json:"units_limit_exceeded,omitempty"`
}

// The effects of a target.
const (
	ToEvery           = "APPLY_TO_EVERY"
	ToCheapest        = "APPLY_TO_CHEAPEST"
	FromCheapest      = "APPLY_FROM_CHEAPEST"
	ToMostExpensive   = "APPLY_TO_MOST_EXPENSIVE"
	FromMostExpensive = "APPLY_FROM_MOST_EXPENSIVE"
)

var (
	targetObjects = []string{"product", "sku", "products_collection"}
	targetEffects = []string{ToEvery, ToCheapest, FromCheapest, ToMostExpensive, FromMostExpensive}
)

// Unlimited reports whether a discount covers the whole order.
func (a Applicability) Unlimited() bool {
	return len(a.Excluded) == 0 && (len(a.Included) == 0 || a.IncludedAll)
}

// Covers reports whether a discount covers the line: it is included, or nothing is named as included, and it is not excluded.
func (a Applicability) Covers(item order.Item) bool {
	names := func(t Target) bool { return t.Names(item) }
	return (a.IncludedAll || len(a.Included) == 0 || slices.ContainsFunc(a.Included, names)) && !slices.ContainsFunc(a.Excluded, names)
}

// Names reports whether the line is of the product or SKU, by our id or the caller's. There is no catalogue, so nothing is
// known to be in a collection.
func (t Target) Names(item order.Item) bool {
	var ids []string
	if t.Object != "sku" {
		ids = append(ids, item.ProductID)
		if item.Product != nil {
			ids = append(ids, item.Product.ID, item.Product.SourceID)
		}
	}
	if t.Object != "product" {
		ids = append(ids, item.SKUID)
		if item.SKU != nil {
			ids = append(ids, item.SKU.ID, item.SKU.SourceID)
		}
	}
	if t.Object == "" || (item.RelatedObject == "sku") == (t.Object == "sku") {
		ids = append(ids, item.SourceID)
	}
	if t.Object == "products_collection" {
		return false
	}
	return slices.ContainsFunc(ids, func(id string) bool {
		return id != "" && (t.ID != nil && *t.ID == id || t.SourceID != nil && *t.SourceID == id)
	})
}

// as is the target with what it is, where a condition of that name gave no more than an id.
func (t Target) as(name string) Target {
	if t.Object == "" {
		t.Object = "product"
		if strings.HasPrefix(name, "sku.") {
			t.Object = "sku"
		}
	}
	return t
}

// Check finds what is wrong.
func (a Applicability) Check(path string) *fault.Error {
	for _, side := range []struct {
		name    string
		targets []Target
	}{{"excluded", a.Excluded}, {"included", a.Included}} {
		at := path + "." + side.name
		if len(side.targets) > maxTargets {
			return fault.Property(at, "Property .%s has %d entries; at most %d are allowed", at, len(side.targets), maxTargets)
		}
		for i, t := range side.targets {
			if bad := t.check(fmt.Sprintf("%s[%d]", at, i), true); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// check finds what is wrong with a target; where it limits a discount it must say what it is.
func (t Target) check(path string, whole bool) *fault.Error {
	at := func(name string) string { return path + "." + name }
	if !slices.Contains(targetObjects, t.Object) && (whole || t.Object != "") {
		return fault.Property(at("object"), "Property .%s should be one of: %v", at("object"), targetObjects)
	}
	if t.ID == nil && t.SourceID == nil {
		return fault.Property(at("id"), "Property .%s is required", at("id"))
	}
	for name, id := range map[string]*string{
		"id": t.ID, "source_id": t.SourceID, "product_id": t.ProductID, "product_source_id": t.ProductSourceID, "type": t.Type,
	} {
		if id != nil && (*id == "" || len(*id) > maxTargetID) {
			return fault.Property(at(name), "Property .%s should have 1 to %d bytes", at(name), maxTargetID)
		}
	}
	if t.Effect != "" && !slices.Contains(targetEffects, t.Effect) {
		return fault.Property(at("effect"), "Property .%s should be one of: %v", at("effect"), targetEffects)
	}
	if t.Target != "" && t.Target != "ITEM" && t.Target != "UNIT" {
		return fault.Property(at("target"), "Property .%s should be ITEM or UNIT", at("target"))
	}
	if t.Price != nil && (*t.Price < 0 || *t.Price > maxLimit) {
		return fault.Property(at("price"), "Property .%s should be from 0 to %d", at("price"), int64(maxLimit))
	}
	for _, limit := range []struct {
		name  string
		value *int64
		least int64
	}{
		{"quantity_limit", t.QuantityLimit, 0}, {"aggregated_quantity_limit", t.AggregatedQuantityLimit, 0}, {"amount_limit", t.AmountLimit, 0},
		{"aggregated_amount_limit", t.AggregatedAmountLimit, 0}, {"repeat", t.Repeat, 1}, {"skip_initially", t.SkipInitially, 0},
	} {
		if limit.value != nil && (*limit.value < limit.least || *limit.value > maxLimit) {
			return fault.Property(at(limit.name), "Property .%s should be from %d to %d", at(limit.name), limit.least, int64(maxLimit))
		}
	}
	if bad := t.checkShown(path); bad != nil {
		return bad
	}
	if f := string(t.PriceFormula); f != "" && f != "null" && (!strings.ContainsAny(f[:1], "\"-0123456789") || len(f) > maxFormula) {
		return fault.Property(at("price_formula"), "Property .%s should be a formula of at most %d bytes", at("price_formula"), maxFormula)
	}
	return nil
}

// checkShown finds what is wrong with what only answers say, and callers may send back.
func (t Target) checkShown(path string) *fault.Error {
	bad := len(t.OrderItemIndices) > order.MaxItems || slices.ContainsFunc(t.OrderItemIndices, negative)
	for _, u := range t.OrderItemUnits {
		bad = bad || u.Index < 0 || len(u.Units) > maxUnits || slices.ContainsFunc(u.Units, negative)
	}
	if bad || len(t.OrderItemUnits) > order.MaxItems {
		return fault.Property(path+".order_item_indices", "Property .%s.order_item_indices and its units should be places of lines, from 0", path)
	}
	return nil
}

func negative(n int) bool { return n < 0 }

// decodeTarget reads a target strictly.
func decodeTarget(raw json.RawMessage, t *Target) error {
	return jsonv2.Unmarshal(raw, t, jsonv2.RejectUnknownMembers(true))
}
