package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
)

// happened is what customers of the project did, by their source ids: each type with its data, in order.
func (d door) happened(t testing.TB, source string) (types []string, datas []object) {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), `SELECT o.type, o.data FROM occurrences o JOIN customers c ON c.id = o.customer_id
		WHERE c.project_id = $1 AND c.source_id = $2 ORDER BY o.id`, d.project, source)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var kind string
		var data object
		require.NoError(t, rows.Scan(&kind, &data))
		types, datas = append(types, kind), append(datas, data)
	}
	require.NoError(t, rows.Err())
	return types, datas
}

// ordersTold is what orders were told as, of one customer.
func (d door) ordersTold(t testing.TB, source string) []string {
	t.Helper()
	types, _ := d.happened(t, source)
	return slices.DeleteFunc(types, func(kind string) bool { return !strings.HasPrefix(kind, "customer.order.") })
}

func (d door) ordersOf(t testing.TB, source string) object {
	t.Helper()
	return d.call(t, 200, "GET", "/v1/customers/"+source, nil)["summary"].(object)["orders"].(object)
}

// plain is the answer without what differs from call to call.
func plain(answer object, without ...string) object {
	for _, name := range without {
		delete(answer, name)
	}
	return answer
}

func TestAnOrderIsShownAsDocumented(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/orders", `{
		"source_id": "new", "status": "FULFILLED", "metadata": {"location_id": ["L1", "L2"]},
		"customer": {"source_id": "bob", "name": "Bob Smith", "birthdate": "2022-01-02", "address": {"city": "New York"}},
		"referrer": {"source_id": "jane", "name": "Jane Smith", "birthday": "2022-03-03"},
		"items": [
			{"source_id": "prod_1", "related_object": "product", "quantity": "2", "product": {"name": "Apple iPhone 12", "price": 60000, "override": true}},
			{"source_id": "ComicBook_1", "related_object": "sku", "quantity": 1, "product": {"name": "Comic Books1", "price": 2100},
				"sku": {"sku": "Comics1", "price": 1700, "metadata": {"color": ["golden"]}, "override": true}}
		]}`)
	bob, jane := d.call(t, 200, "GET", "/v1/customers/bob", nil)["id"], d.call(t, 200, "GET", "/v1/customers/jane", nil)["id"]
	want := object{
		"source_id": "new", "updated_at": nil, "status": "FULFILLED", "amount": 121700.0, "total_amount": 121700.0,
		"items": []any{
			object{
				"object": "order_item", "source_id": "prod_1", "related_object": "product", "quantity": 2.0, "amount": 120000.0, "price": 60000.0,
				"subtotal_amount": 120000.0, "product": object{"name": "Apple iPhone 12", "price": 60000.0},
			},
			object{
				"object": "order_item", "source_id": "ComicBook_1", "related_object": "sku", "quantity": 1.0, "amount": 1700.0, "price": 1700.0,
				"subtotal_amount": 1700.0, "product": object{"name": "Comic Books1", "price": 2100.0},
				"sku": object{"sku": "Comics1", "price": 1700.0, "metadata": object{"color": []any{"golden"}}},
			},
		},
		"metadata": object{"location_id": []any{"L1", "L2"}}, "customer": object{"id": bob, "object": "customer"}, "customer_id": bob,
		"referrer": object{"id": jane, "object": "customer"}, "referrer_id": jane, "object": "order",
	}
	shown := d.call(t, 200, "GET", "/v1/orders/new", nil)
	require.Equal(t, made, shown)
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/orders/"+made["id"].(string), nil))
	types, datas := d.happened(t, "bob")
	require.Equal(t, []string{"customer.created", "customer.order.created", "customer.order.fulfilled"}, types)
	require.Equal(t, object{"order": made, "redemption": nil, "referrer": object{
		"id": jane, "name": "Jane Smith", "source_id": "jane", "metadata": object{}, "object": "customer",
	}}, datas[1])
	require.Equal(t, want, plain(shown, "id", "created_at"))
}

// Each trigger of orders is told once for each real change, and never for a repeated or refused call.
func TestOrdersAreToldOncePerChange(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	body := object{"source_id": "o-1", "customer": object{"source_id": "ada"}, "items": []object{{"price": 500, "quantity": 2}}}
	var told []string
	expect := func(types ...string) {
		t.Helper()
		for _, kind := range types {
			told = append(told, "customer.order."+kind)
		}
		require.Equal(t, told, d.ordersTold(t, "ada"))
	}
	made := d.call(t, 200, "POST", "/v1/orders", body)
	expect("created")
	require.Equal(t, made, d.call(t, 200, "POST", "/v1/orders", body), "the same again is the same order, untouched")
	expect()
	d.call(t, 200, "PUT", "/v1/orders/o-1", made)
	expect()
	d.call(t, 200, "PUT", "/v1/orders/o-1", object{"metadata": object{"a": 1}})
	expect("updated")
	d.call(t, 200, "PUT", "/v1/orders/"+made["id"].(string), object{"status": "PAID"})
	expect("paid")
	d.call(t, 200, "POST", "/v1/orders", object{"id": made["id"], "status": "PAID"})
	expect()
	d.call(t, 200, "PUT", "/v1/orders/o-1", object{"status": "FULFILLED"})
	expect("fulfilled")
	d.call(t, 200, "PUT", "/v1/orders/o-1", object{"status": "CANCELED"}, "Idempotency-Key", "k")
	d.call(t, 200, "PUT", "/v1/orders/o-1", object{"status": "CANCELED"}, "Idempotency-Key", "k")
	expect("canceled")
	for status, bad := range map[int]object{
		400: {"source_id": "o-1", "status": "SENT"},
		404: {"id": "ord_0192f0c1b8d77d4fa1c3e5f708192a3b", "status": "PAID"},
	} {
		d.call(t, status, "POST", "/v1/orders", bad)
	}
	d.call(t, 404, "PUT", "/v1/orders/o-2", object{"status": "PAID", "customer": "ada"})
	d.call(t, 404, "GET", "/v1/orders/o-2", nil)
	d.call(t, 400, "PUT", "/v1/orders/o-1", object{"source_id": "other"})
	expect()
	d.call(t, 200, "POST", "/v1/orders", object{"status": "PAID", "amount": 700, "customer": "ada"})
	expect("created", "paid")
	d.call(t, 200, "POST", "/v1/orders", object{"source_id": "nobody's", "status": "PAID", "amount": 700})
	expect()
	d.call(t, 200, "PUT", "/v1/orders/nobody's", object{"customer": "ada"})
	expect("updated")
}

func TestOrdersCountInTheCustomersFigures(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	expect := func(source string, count, amount, last int) {
		t.Helper()
		is := d.ordersOf(t, source)
		require.EqualValues(t, count, is["total_count"])
		require.EqualValues(t, amount, is["total_amount"])
		require.EqualValues(t, last, is["last_order_amount"])
		require.Equal(t, count > 0, is["last_order_date"] != nil)
	}
	d.call(t, 200, "POST", "/v1/orders", object{"source_id": "a", "amount": 100, "customer": "ada"})
	expect("ada", 0, 0, 0)
	d.call(t, 200, "PUT", "/v1/orders/a", object{"status": "PAID"})
	expect("ada", 1, 100, 100)
	d.call(t, 200, "POST", "/v1/orders", object{"source_id": "b", "amount": 50, "discount_amount": 20, "status": "PAID", "customer": "ada"})
	expect("ada", 2, 130, 30)
	d.call(t, 200, "PUT", "/v1/orders/a", object{"amount": 200})
	expect("ada", 2, 230, 30)
	d.call(t, 200, "PUT", "/v1/orders/b", object{"status": "FULFILLED"})
	expect("ada", 2, 230, 30)
	d.call(t, 200, "PUT", "/v1/orders/b", object{"status": "CANCELED"})
	expect("ada", 1, 200, 200)
	d.call(t, 200, "PUT", "/v1/orders/a", object{"customer": "grace"})
	expect("ada", 0, 0, 0)
	expect("grace", 1, 200, 200)
	d.call(t, 200, "POST", "/v1/orders", object{"amount": 5, "status": "PAID", "customer": "grace", "created_at": "2020-01-01T00:00:00Z"})
	expect("grace", 2, 205, 200)
}

func TestParallelUpsertsOfOneSourceIDMakeOneOrder(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	var calls errgroup.Group
	for i := range 60 {
		body := object{"source_id": "o-1", "customer": "ada", "amount": 100, "status": "PAID"}
		if i%3 == 0 {
			body["customer"] = object{"source_id": "ada", "name": "Ada"}
		}
		calls.Go(func() error {
			if w := d.request(t, "POST", "/v1/orders", body); w.Code != 200 {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		})
	}
	require.NoError(t, calls.Wait())
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/orders", nil)["total"])
	require.EqualValues(t, 1, d.ordersOf(t, "ada")["total_count"])
	require.Equal(t, []string{"customer.order.created", "customer.order.paid"}, d.ordersTold(t, "ada"))
}

// Requests that come at the same time share transactions; each is told of in its own name, and fails for its own reason.
func TestOrdersAtTheSameTimeDoNotMeddle(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	other := d.as(t, db.Ingest)
	var calls errgroup.Group
	for i := range 120 {
		from, status := d, 200
		body := object{"source_id": fmt.Sprint("o-", i), "customer": fmt.Sprint("c-", i%30), "amount": 1, "status": "PAID"}
		if i%2 == 1 {
			from = other
		}
		if i%10 == 0 {
			body, status = object{"id": "ord_0192f0c1b8d77d4fa1c3e5f708192a3b", "customer": fmt.Sprint("c-", i%30)}, 404
		}
		calls.Go(func() error {
			if w := from.request(t, "POST", "/v1/orders", body); w.Code != status {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		})
	}
	require.NoError(t, calls.Wait())
	require.EqualValues(t, 108, d.call(t, 200, "GET", "/v1/orders", nil)["total"])
	var mine, theirs, groups int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE source->'api_key'->>'app_id' = $1),
		count(*) FILTER (WHERE source->'api_key'->>'app_id' = $2), count(DISTINCT group_id)
		FROM occurrences WHERE type = 'customer.order.paid'`, d.appID, other.appID).Scan(&mine, &theirs, &groups))
	require.Equal(t, []int{48, 60, 108}, []int{mine, theirs, groups})
	for i := range 30 {
		if i%10 != 0 {
			require.EqualValues(t, 4, d.ordersOf(t, fmt.Sprint("c-", i))["total_count"], "c-%d", i)
		}
	}
	d.call(t, 404, "GET", "/v1/customers/c-0", nil)
}

func TestOrdersAreListedInOrder(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for i := range 5 {
		d.call(t, 200, "POST", "/v1/orders", object{"source_id": fmt.Sprint(i), "amount": i * 100, "metadata": object{"shop": fmt.Sprint(i % 2)}})
	}
	d.call(t, 200, "PUT", "/v1/orders/1", object{"status": "PAID"})
	sources := func(query string) (found []string) {
		for _, o := range d.call(t, 200, "GET", "/v1/orders?"+query, nil)["orders"].([]any) {
			found = append(found, o.(object)["source_id"].(string))
		}
		return found
	}
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, sources(""))
	require.Equal(t, []string{"4", "3"}, sources("order=-created_at&limit=2"))
	require.Equal(t, []string{"2", "3"}, sources("limit=2&page=2"))
	require.Equal(t, "1", sources("order=-updated_at")[0])
	require.Equal(t, []string{"1"}, sources("filters[status][conditions][$is]=PAID"))
	require.Equal(t, []string{"1", "3"}, sources("filters[metadata.shop][conditions][$is]=1"))
	require.Equal(t, []string{"3", "4"}, sources("filters[amount][conditions][$more_than]=200"))
	d.call(t, 400, "GET", "/v1/orders?filters[colour][conditions][$is]=red", nil)
	d.elsewhere(t).call(t, 404, "GET", "/v1/orders/1", nil)
}

func TestBadOrdersAreRefusedAndChangeNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for body, property := range map[string]string{
		`{"amount": -1}`:                                                "amount",
		`{"amount": 1.5}`:                                               "amount",
		`{"amount": 1000000000001}`:                                     "amount",
		`{"amount": 99999999999999999999}`:                              "amount",
		`{"items": [{"price": -1}]}`:                                    "items[0].price",
		`{"items": [{"quantity": 0}]}`:                                  "items[0].quantity",
		`{"items": [{"quantity": "one"}]}`:                              "items[0].quantity",
		`{"items": [{}, {"initial_quantity": -1}]}`:                     "items[1].initial_quantity",
		`{"items": [{"price": 1000000000, "quantity": 1000000000}]}`:    "items[0].quantity",
		`{"items": [{"price": 900000000000}, {"price": 900000000000}]}`: "items",
		`{"items": [null]}`:                                             "items[0]",
		`{"items": [{"related_object": "thing"}]}`:                      "items[0].related_object",
		`{"items": {"price": 1}}`:                                       "items",
		`{"items": [` + strings.Repeat(`{},`, 500) + `{}]}`:             "items",
		`{"status": "SENT"}`:                                            "status",
		`{"source_id": ""}`:                                             "source_id",
		`{"created_at": "yesterday"}`:                                   "created_at",
		`{"created_at": "2999-01-01T00:00:00Z"}`:                        "created_at",
		`{"total": 5}`:                                                  "total",
		`{"customer": {"name": "Ada"}}`:                                 "customer",
		`{"customer": {"source_id": "x", "email": "nobody"}}`:           "customer.email",
		`{"customer": 5}`:                                               "customer",
		`{"metadata": []}`:                                              "metadata",
	} {
		answer := d.call(t, 400, "POST", "/v1/orders", body)
		require.Equal(t, property, answer["property"], body)
	}
	d.call(t, 404, "POST", "/v1/orders", object{"customer": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"})
	d.call(t, 404, "POST", "/v1/orders", object{"referrer_id": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b", "customer": "x"})
	d.call(t, 400, "POST", "/v1/orders/import", "[]")
	d.call(t, 400, "POST", "/v1/orders/import", `[{"source_id": "a"}, {"amount": -1}]`)
	many, err := json.Marshal(make([]struct{}, 2001))
	require.NoError(t, err)
	d.call(t, 400, "POST", "/v1/orders/import", string(many))
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/orders", nil)["total"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/customers", nil)["total"])
}
