package api_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/id"
)

// stands is where in the database any of the texts stands: every table, every column, files and kept answers too.
func (d door) stands(t testing.TB, texts ...string) (where []string) {
	t.Helper()
	tables, err := d.pool.Query(t.Context(), "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'")
	require.NoError(t, err)
	defer tables.Close()
	var names []string
	for tables.Next() {
		var name string
		require.NoError(t, tables.Scan(&name))
		names = append(names, name)
	}
	for _, name := range names {
		for _, text := range texts {
			var row string
			err := d.pool.QueryRow(t.Context(), fmt.Sprintf(
				"SELECT coalesce((SELECT to_jsonb(r)::text FROM %s r WHERE position($1 IN to_jsonb(r)::text) > 0 OR position($2 IN to_jsonb(r)::text) > 0 LIMIT 1), '')",
				name), text, hex.EncodeToString([]byte(text))).Scan(&row)
			require.NoError(t, err)
			if row != "" {
				where = append(where, name+" holds "+text+" in "+row)
			}
		}
	}
	return where
}

func TestPermanentDeletionLeavesNothingOfThePerson(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	texts := []string{"quux-source", "Zelda Quux", "zelda@quux.example", "+48 555 0199", "Quuxville", "quux-secret"}
	zelda := object{
		"source_id": "quux-source", "name": "Zelda Quux", "email": "zelda@quux.example", "phone": "+48 555 0199",
		"address": object{"city": "Quuxville"}, "metadata": object{"note": "quux-secret"},
	}
	news := d.call(t, 200, "POST", "/v1/consents", object{"name": "News"})["id"].(string)
	made := d.call(t, 200, "POST", "/v1/customers", zelda, "Idempotency-Key", "made")
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "bob"}, "Idempotency-Key", "bob")
	require.Equal(t, 204, d.request(t, "PUT", "/v1/customers/quux-source/consents", object{news: true}).Code)
	d.call(t, 200, "POST", "/v1/segments", object{"name": "few", "type": "static", "customers": []any{"quux-source"}})
	d.call(t, 200, "POST", "/v1/orders", object{
		"source_id": "order-1", "status": "PAID", "customer": zelda, "metadata": object{"gift_note": "for Zelda Quux"},
		"items": []object{{"quantity": 2, "price": 500, "product": object{"name": "Mug", "metadata": object{"engraving": "Zelda Quux"}}}},
	})
	d.call(t, 200, "POST", "/v1/orders", object{
		"source_id": "order-2", "status": "PAID", "amount": 700, "customer": "bob", "referrer": object{"source_id": "quux-source"},
	})
	// What led to her is gone or different by now, and what others were told stays.
	d.call(t, 200, "POST", "/v1/orders", object{"source_id": "order-4", "amount": 100, "customer": "bob", "referrer": zelda})
	d.call(t, 200, "PUT", "/v1/orders/order-4", object{"referrer": object{"source_id": "cyd"}})
	d.call(t, 200, "POST", "/v1/vouchers/GONE", object{"type": "GIFT_VOUCHER", "gift": object{"amount": 500}})
	d.call(t, 200, "POST", "/v1/publications", object{"voucher": "GONE", "customer": "quux-source"})
	d.call(t, 200, "POST", "/v1/vouchers/GONE/redemption", object{"customer": "bob", "order": object{"amount": 100}})
	require.Equal(t, 204, d.request(t, "DELETE", "/v1/vouchers/GONE?force=true", nil).Code)
	d.call(t, 200, "POST", "/v1/campaigns", percent("gifts", object{"vouchers_count": 1}))
	d.work(t)
	d.call(t, 200, "POST", "/v1/publications", object{"campaign": "gifts", "customer": "quux-source", "metadata": object{"to": "Zelda Quux"}})

	d.call(t, 200, "POST", "/v1/events", object{"event": "wrote", "customer": zelda, "metadata": object{"letter": "Zelda Quux"}})
	for _, code := range []string{"MUG", "OFF"} {
		d.call(t, 200, "POST", "/v1/vouchers/"+code, object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "AMOUNT", "amount_off": 100}})
	}
	d.call(t, 200, "POST", "/v1/vouchers/OFF/disable", nil)
	redeem := object{
		"customer": zelda, "order": object{"amount": 1000, "metadata": object{"to": "Zelda Quux"}}, "metadata": object{"till": "Zelda Quux"},
		"tracking_id": "quux-source",
	}
	redeemed := d.call(t, 200, "POST", "/v1/vouchers/MUG/redemption", redeem)
	d.call(t, 400, "POST", "/v1/vouchers/OFF/redemption", redeem)
	d.referralCode(t, "Friends", "FRIEND", "quux-source")
	d.call(t, 200, "POST", "/v1/vouchers/FRIEND/redemption", object{"customer": "bob"})
	d.call(t, 200, "POST", "/v1/events", object{"event": "signed_up", "customer": "bob", "referral": object{"code": "FRIEND", "referrer_id": made["id"]}})
	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Points", "campaign_type": "LOYALTY_PROGRAM", "type": "AUTO_UPDATE", "vouchers_count": 1,
		"voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 5}},
	})
	d.work(t)
	card := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Points", "customer": "quux-source"})["voucher"].(object)["code"].(string)
	d.call(t, 200, "POST", "/v1/loyalties/members/"+card+"/balance", object{"points": 10, "reason": "Sorry, Zelda Quux", "source_id": "tx-1"})
	bobs := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Points", "customer": "bob"})["voucher"].(object)["code"].(string)
	for from, to := range map[string]string{card: bobs, bobs: card} {
		d.call(t, 200, "POST", "/v1/loyalties/Points/members/"+to+"/transfers", []object{{"code": from, "points": 1, "reason": "Of Zelda Quux"}})
	}
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/customers/quux-source", nil)["loyalty"].(object)["referred_customers"])

	// Work that waits: the customer must not come back with it.
	pending := []object{
		d.uploadCustomers(t, 202, "Source_id,Name\nann,Ann\nquux-source,Zelda Quux\n,No address\n"),
		d.call(t, 202, "POST", "/v1/customers/bulk/async", []object{{"source_id": "bob", "name": "Bob"}, zelda}),
		d.call(t, 202, "POST", "/v1/customers/metadata/async", object{"source_ids": []string{"quux-source", "bob"}, "metadata": object{"a": 1}}),
	}
	d.call(t, 200, "POST", "/v1/orders/import", []object{{"source_id": "order-3", "amount": 100, "customer": zelda, "metadata": object{"to": "Zelda Quux"}}})
	d.carryOut(t, d.uploadCustomers(t, 202, "Source_id,Email\nquux-source,no address of Zelda Quux\n"))

	left, ok := id.Distribution.Parse(d.drafted(t, nil)) // by a process that died while it sent a test mail
	require.True(t, ok)
	_, err := d.pool.Exec(t.Context(), `INSERT INTO test_messages (project_id, distribution_id, channel, recipient, vars, created_at)
		VALUES ($1, $2, 0, 'zelda@quux.example', '{"customer": {"name": "Zelda Quux"}}', now() - interval '3 minutes')`, d.project, left)
	require.NoError(t, err)

	files := map[string]object{}
	for name, ask := range map[string]object{
		"all":   {"exported_object": "customer", "parameters": object{"fields": []string{"name"}}},
		"her":   {"exported_object": "order", "parameters": object{"filters": object{"customer_id": object{"conditions": object{"$is": []any{made["id"]}}}}}},
		"codes": {"exported_object": "voucher", "parameters": object{"fields": []string{"code"}}},
	} {
		files[name] = d.call(t, 200, "POST", "/v1/exports", ask)
		d.write(t, files[name])
	}
	answer := d.call(t, 200, "POST", "/v1/customers/quux-source/permanent-deletion", object{})
	require.Equal(t, made["id"], answer["related_object_id"])
	require.Equal(t, "pernament_deletion", answer["object"])
	require.Equal(t, object{
		"events": 1.0, "customer_events": 11.0, "daily_events": 0.0, "segments": 1.0, "orders": 2.0, "order_events": 4.0, "customer": 1.0,
	}, answer["data_json"])
	one, ok := id.Customer.Parse(made["id"].(string))
	require.True(t, ok)
	require.Empty(t, d.stands(t, append(texts, made["id"].(string), one.String())...))
	d.call(t, 404, "POST", "/v1/customers/quux-source/permanent-deletion", nil)

	d.call(t, 404, "GET", "/v1/exports/"+files["all"]["id"].(string), nil)
	d.call(t, 404, "GET", "/v1/exports/"+files["her"]["id"].(string), nil)
	require.Contains(t, d.download(t, files["codes"]), "MUG")

	// What accounting needs is there, and unlinked.
	order := d.call(t, 200, "GET", "/v1/orders/order-1", nil)
	require.EqualValues(t, 1000, order["amount"])
	require.Equal(t, "Mug", order["items"].([]any)[0].(object)["product"].(object)["name"])
	require.Nil(t, order["customer_id"])
	require.EqualValues(t, 700, d.call(t, 200, "GET", "/v1/orders/order-2", nil)["amount"])
	moved := d.call(t, 200, "GET", "/v1/vouchers/"+card+"/transactions", nil)["data"].([]any)
	require.NotEmpty(t, moved)
	kept := d.call(t, 200, "GET", "/v1/redemptions/"+redeemed["id"].(string), nil)
	require.Equal(t, "SUCCESS", kept["result"])
	require.Nil(t, kept["customer_id"])
	require.Contains(t, d.call(t, 409, "POST", "/v1/customers", zelda, "Idempotency-Key", "made")["details"], "deleted")
	require.Equal(t, "bob", d.call(t, 200, "POST", "/v1/customers", object{"source_id": "bob"}, "Idempotency-Key", "bob")["source_id"])

	failed := d.carryOut(t, pending[0])["result"].(object)
	require.Equal(t, []any{2.0, 1.0}, []any{failed["done_count"], failed["failed_count"]})
	d.carryOut(t, pending[1])
	d.carryOut(t, pending[2])
	d.call(t, 200, "GET", "/v1/customers/ann", nil)
	require.Equal(t, "Bob", d.call(t, 200, "GET", "/v1/customers/bob", nil)["name"])
	require.Equal(t, object{"a": 1.0}, d.call(t, 200, "GET", "/v1/customers/bob", nil)["metadata"])
	d.call(t, 404, "GET", "/v1/customers/quux-source", nil)
}

// A worker that has read its input before a customer was taken out of it must not write what it read.
func TestAnImportUnderWayDoesNotBringAForgottenCustomerBack(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "zelda"})
	answer := d.call(t, 202, "POST", "/v1/customers/bulk/async", bulkOf("ann", 500, "zelda"))
	action, ok := id.AsyncAction.Parse(answer["async_action_id"].(string))
	require.True(t, ok)
	work := func(progress func(db.ImportState)) error {
		_, err := db.Customers{Pool: d.pool}.Work(t.Context(), d.project, action, progress)
		return err
	}
	err := work(func(s db.ImportState) {
		if s.Rows == 500 {
			d.call(t, 200, "POST", "/v1/customers/zelda/permanent-deletion", nil)
		}
	})
	require.ErrorContains(t, err, "begin again")
	require.NoError(t, work(func(db.ImportState) {}))
	d.call(t, 404, "GET", "/v1/customers/zelda", nil)
	require.EqualValues(t, 500, d.call(t, 200, "GET", "/v1/customers", nil)["total"])
}

// bulkOf is count new customers, and one more.
func bulkOf(prefix string, count int, last string) []object {
	items := make([]object, count, count+1)
	for i := range items {
		items[i] = object{"source_id": fmt.Sprint(prefix, i)}
	}
	return append(items, object{"source_id": last})
}

func TestWhoMayForgetCustomers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada"})
	path := "/v1/customers/ada/permanent-deletion"
	for _, role := range []db.Role{db.Ops, db.Ingest, db.Viewer} {
		d.as(t, role).call(t, 403, "POST", path, nil)
	}
	d.elsewhere(t).call(t, 404, "POST", path, nil)
	d.call(t, 400, "POST", path, object{"really": true})
	d.call(t, 400, "POST", path, "[]")
	d.call(t, 404, "POST", "/v1/customers/"+id.Customer.Format(uuid.New())+"/permanent-deletion", nil)
	d.call(t, 404, "POST", "/v1/customers/"+strings.Repeat("x", 500)+"/permanent-deletion", nil)
	d.call(t, 200, "GET", "/v1/customers/ada", nil)
	d.call(t, 200, "POST", path, nil)
	d.call(t, 404, "GET", "/v1/customers/ada", nil)
}
