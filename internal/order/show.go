package order

import (
	"encoding/json"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
)

// Shown is an order as the public API shows it.
type Shown struct {
	ID                  string               `json:"id"`
	SourceID            *string              `json:"source_id"`
	CreatedAt           stamp.Stamp          `json:"created_at"`
	UpdatedAt           *stamp.Stamp         `json:"updated_at"`
	Status              Status               `json:"status"`
	Amount              int64                `json:"amount"`
	InitialAmount       *int64               `json:"initial_amount,omitempty"`
	DiscountAmount      *int64               `json:"discount_amount,omitempty"`
	ItemsDiscountAmount *int64               `json:"items_discount_amount,omitempty"`
	TotalDiscountAmount *int64               `json:"total_discount_amount,omitempty"`
	TotalAmount         int64                `json:"total_amount"`
	Items               []Item               `json:"items"`
	Metadata            json.RawMessage      `json:"metadata"`
	Customer            *Person              `json:"customer,omitempty"`
	Referrer            *Person              `json:"referrer,omitempty"`
	CustomerID          *string              `json:"customer_id"`
	ReferrerID          *string              `json:"referrer_id"`
	Object              string               `json:"object"`
	Redemptions         map[string]Redeeming `json:"redemptions,omitempty"` // by the redemption's id
}

// Person names the customer or the referrer of an order.
type Person struct {
	ID     string `json:"id"`
	Object string `json:"object"`
}

// Redeeming is what an order shows of a redemption that used it: of a voucher or a promotion tier, or of several things at
// once, which then stand in stacked.
type Redeeming struct {
	Date                  stamp.Stamp  `json:"date"`
	RollbackID            *string      `json:"rollback_id,omitempty"`
	RollbackDate          *stamp.Stamp `json:"rollback_date,omitempty"`
	RelatedObjectType     string       `json:"related_object_type"`
	RelatedObjectID       string       `json:"related_object_id"`
	RelatedObjectParentID *string      `json:"related_object_parent_id,omitempty"`
	Stacked               []string     `json:"stacked,omitempty"`
	RollbackStacked       []string     `json:"rollback_stacked,omitempty"`
}

// Show is the order as the public API shows it.
func Show(o Order) Shown {
	items := o.Items
	if items == nil {
		items = []Item{}
	}
	return Shown{
		ID: id.Order.Format(o.ID), SourceID: o.SourceID, CreatedAt: stamp.Stamp(o.CreatedAt), UpdatedAt: stamp.Ptr(o.UpdatedAt),
		Status: o.Status, Amount: o.Amount, InitialAmount: o.InitialAmount, DiscountAmount: o.DiscountAmount,
		ItemsDiscountAmount: o.ItemsDiscountAmount, TotalDiscountAmount: o.TotalDiscountAmount, TotalAmount: o.TotalAmount,
		Items: items, Metadata: o.Metadata, Customer: person(o.CustomerID), Referrer: person(o.ReferrerID),
		CustomerID: id.Customer.FormatPtr(o.CustomerID), ReferrerID: id.Customer.FormatPtr(o.ReferrerID), Object: "order",
	}
}

func person(one *uuid.UUID) *Person {
	if one == nil {
		return nil
	}
	return &Person{ID: id.Customer.Format(*one), Object: "customer"}
}

// Read is the order that Show wrote as JSON, as far as validation rules ask about one; nil where there is none.
func Read(raw json.RawMessage) (*Order, error) {
	var shown *struct {
		Status        Status          `json:"status"`
		Amount        int64           `json:"amount"`
		InitialAmount *int64          `json:"initial_amount"`
		TotalAmount   int64           `json:"total_amount"`
		Items         []Item          `json:"items"`
		Metadata      json.RawMessage `json:"metadata"`
	}
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &shown); err != nil || shown == nil {
		return nil, err
	}
	return &Order{
		Status: shown.Status, Amount: shown.Amount, InitialAmount: shown.InitialAmount, TotalAmount: shown.TotalAmount, Items: shown.Items,
		Metadata: shown.Metadata,
	}, nil
}
