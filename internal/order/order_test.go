package order_test

import (
	"encoding/json"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/occurrence"
	"herald/internal/order"
)

func draft(t require.TestingT, text string) order.Draft {
	var d order.Draft
	require.NoError(t, jsonv2.Unmarshal([]byte(text), &d, jsonv2.RejectUnknownMembers(true)))
	return d
}

func made(t require.TestingT, text string) order.Order {
	o, err := draft(t, text).New()
	require.NoError(t, err)
	return o
}

// An order's sums follow from its items, whatever those are: nothing is lost between the amount, the discounts and what is left.
func TestSumsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var d order.Draft
		var sum, off int64
		for range rapid.IntRange(1, 20).Draw(t, "items") {
			price, quantity := rapid.Int64Range(0, 1e9).Draw(t, "price"), order.Quantity(rapid.Int64Range(1, 100).Draw(t, "quantity"))
			discount := rapid.Int64Range(0, 2e9).Draw(t, "discount")
			d.Items = append(d.Items, &order.ItemDraft{Price: &price, Quantity: &quantity, DiscountAmount: &discount})
			sum += price * int64(quantity)
			off += min(discount, price*int64(quantity))
		}
		whole := rapid.Int64Range(0, 1e12).Draw(t, "order's discount")
		d.DiscountAmount = &whole
		o, err := d.New()
		require.NoError(t, err)
		if sum > 0 {
			require.Equal(t, sum, o.Amount)
		}
		require.Equal(t, min(whole, o.Amount-off), value(o.DiscountAmount))
		require.Equal(t, off, value(o.ItemsDiscountAmount))
		require.Equal(t, value(o.DiscountAmount)+value(o.ItemsDiscountAmount), value(o.TotalDiscountAmount))
		require.Equal(t, o.Amount-value(o.TotalDiscountAmount), o.TotalAmount)
		require.GreaterOrEqual(t, o.TotalAmount, int64(0))
		for _, item := range o.Items {
			require.Equal(t, item.Amount-item.DiscountAmount, item.SubtotalAmount)
		}
	})
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// An order that is sent back as it was shown is the same order.
func TestAnOrderSentBackStaysTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := func(name string) *int64 {
			return rapid.Ptr(rapid.Int64Range(0, 1e9), true).Draw(t, name)
		}
		d := order.Draft{Amount: price("order's amount"), DiscountAmount: price("order's discount"), InitialAmount: price("initial")}
		for range rapid.IntRange(0, 5).Draw(t, "items") {
			quantity := order.Quantity(rapid.Int64Range(1, 7).Draw(t, "quantity"))
			d.Items = append(d.Items, &order.ItemDraft{
				SourceID: "x", Price: price("price"), Amount: price("amount"), DiscountAmount: price("discount"), Quantity: &quantity,
				Product: &order.ProductDraft{Name: "shoe", Price: price("product's price")},
			})
		}
		o, err := d.New()
		if err != nil {
			t.Skip("too large")
		}
		o.ID, o.CreatedAt = uuid.New(), time.Now()
		shown, err := json.Marshal(order.Show(o))
		require.NoError(t, err)
		var back order.Draft
		require.NoError(t, jsonv2.Unmarshal(shown, &back))
		again, err := back.Over(o)
		require.NoError(t, err)
		require.True(t, o.Same(again), "%s", shown)
	})
}

func TestAPriceMayStandInThreePlaces(t *testing.T) {
	t.Parallel()
	for items, amount := range map[string]int64{
		`[{"price": 300, "quantity": 2, "amount": 1}]`:                                600,
		`[{"quantity": "2", "product": {"price": 60000}}]`:                            120000,
		`[{"quantity": 1, "product": {"price": 2100}, "sku": {"price": 1700}}]`:       1700,
		`[{"amount": 900, "product": {"price": 1}}, {"amount": 2000, "quantity": 3}]`: 2900,
		`[{"product_id": "p"}]`: 7000,
		`[]`:                    7000,
		`[{"price": 0}, {"product_id": "p", "quantity": 3, "metadata": {"a": 1}, "related_object": "sku"}]`: 0,
	} {
		require.Equal(t, amount, made(t, `{"amount": 7000, "items": `+items+`}`).Amount, items)
	}
	item := made(t, `{"items": [{"amount": 1000, "quantity": 3}]}`).Items[0]
	require.Nil(t, item.Price, "no whole price makes that amount")
	require.EqualValues(t, 1000, item.Amount)
}

func TestChangesAreToldForWhatTheyAre(t *testing.T) {
	t.Parallel()
	const created, updated = occurrence.OrderCreated, occurrence.OrderUpdated
	base := made(t, `{"amount": 100, "metadata": {"a": {"x": 1, "y": 2}}, "items": [{"price": 5, "metadata": {"b": 1, "c": 2}}]}`)
	base.ID = uuid.New()
	require.Equal(t, []occurrence.Type{created}, order.Told(nil, base))
	for text, types := range map[string][]occurrence.Type{
		`{}`:                    nil,
		`{"status": "CREATED"}`: nil,
		`{"metadata": {"a": {"y": 2, "x": 1}}, "items": [{"metadata": {"c": 2, "b": 1}, "amount": 5}]}`: nil,
		`{"status": "PAID"}`:                         {occurrence.OrderPaid},
		`{"status": "CANCELED"}`:                     {occurrence.OrderCanceled},
		`{"status": "FULFILLED"}`:                    {occurrence.OrderFulfilled},
		`{"status": "PROCESSING"}`:                   {occurrence.OrderProcessing},
		`{"items": [{"price": 6}]}`:                  {updated},
		`{"metadata": {"a": null}}`:                  {updated},
		`{"source_id": "new"}`:                       {updated},
		`{"status": "PAID", "metadata": {"new": 1}}`: {updated, occurrence.OrderPaid},
	} {
		after, err := draft(t, text).Over(base)
		require.NoError(t, err)
		require.Equal(t, types, order.Told(&base, after), text)
	}
	paid := made(t, `{"status": "PAID"}`)
	require.Equal(t, []occurrence.Type{created, occurrence.OrderPaid}, order.Told(nil, paid))
	reopened := paid
	reopened.Status = order.Created
	require.Equal(t, []occurrence.Type{updated}, order.Told(&paid, reopened))
}

func TestOnlyOrdersThatArePaidCount(t *testing.T) {
	t.Parallel()
	one, at := uuid.New(), time.Now()
	o := made(t, `{"items": [{"price": 500, "discount_amount": 100}]}`)
	o.CustomerID, o.CreatedAt = &one, at
	for status, amount := range map[order.Status]int64{order.Created: 0, order.Paid: 400, order.Fulfilled: 400, order.Canceled: 0} {
		o.Status = status
		require.Equal(t, amount, o.Figures().OrdersAmount, status)
	}
	o.Status, o.CustomerID = order.Paid, nil
	require.Zero(t, o.Figures().OrdersCount)
}
