package api_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/internal/id"
	"herald/internal/pgtest"
)

func TestARollbackUndoesEverythingOnce(t *testing.T) {
	t.Parallel()
	d := doorOn(t, pgtest.New(t), api.Options{Rate: 100_000})
	d.giftCard(t, "GIFT", 5000)
	d.call(t, 200, "POST", "/v1/publications", object{"voucher": "GIFT", "customer": "ada"})
	before := d.call(t, 200, "GET", "/v1/customers/ada", nil)["summary"]
	made := d.call(t, 200, "POST", "/v1/vouchers/GIFT/redemption", object{"customer": "ada", "order": object{"amount": 3000, "source_id": "o"}})
	require.Equal(t, []any{3000.0, object{"amount": 3000.0}}, []any{made["amount"], made["gift"]})
	require.Equal(t, "ada", made["voucher"].(object)["holder"].(object)["source_id"])
	require.Equal(t, object{"redeemed_amount": 3000.0, "amount_to_go": 2000.0}, d.redeemed(t, "ada")["gift"])

	path := "/v1/redemptions/" + made["id"].(string) + "/rollback"
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "bob"})
	require.Equal(t, "invalid_customer", d.call(t, 400, "POST", path, object{"customer": object{"source_id": "bob"}})["key"])
	d.call(t, 404, "POST", path, object{"customer": object{"source_id": "nobody"}})
	require.Equal(t, "invalid_order", d.call(t, 400, "POST", path, object{"order": object{"source_id": "other"}})["key"])
	d.call(t, 404, "POST", "/v1/redemptions/r_0192f0c1b8d77d4fa1c3e5f708192a3b/rollback", nil)
	d.elsewhere(t).call(t, 404, "POST", path, nil)

	var mu sync.Mutex
	codes := map[int]int{}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			w := d.request(t, "POST", path+"?reason=Sorry&tracking_id=x", object{"customer": object{"source_id": "ada"}})
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{200: 1, 400: 19}, codes)
	require.Equal(t, object{"amount": 5000.0, "balance": 5000.0}, d.call(t, 200, "GET", "/v1/vouchers/GIFT", nil)["gift"])
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/vouchers/GIFT", nil)["redemption"].(object)["redeemed_quantity"])
	after := d.call(t, 200, "GET", "/v1/customers/ada", nil)["summary"].(object)
	require.Equal(t, before.(object)["orders"].(object)["total_amount"], after["orders"].(object)["total_amount"])
	require.Equal(t, before.(object)["redemptions"].(object)["gift"], after["redemptions"].(object)["gift"])
	require.Equal(t, []any{1.0, 19.0}, []any{
		after["redemptions"].(object)["total_rollback_succeeded"], after["redemptions"].(object)["total_rollback_failed"],
	})
	told := d.told(t, "customer.redemption.rollback.succeeded")
	require.Len(t, told, 1)
	data := told[0]["data"].(object)
	require.Equal(t, made["id"], data["redemption"].(object)["id"])
	require.Equal(t, "ROLLED_BACK", data["redemption"].(object)["status"])
	require.Equal(t, []any{-3000.0, "Sorry", "x"}, []any{
		data["redemption_rollback"].(object)["amount"], data["redemption_rollback"].(object)["reason"], data["redemption_rollback"].(object)["tracking_id"],
	})
	require.Equal(t, "CANCELED", data["order"].(object)["status"])
	require.Len(t, d.told(t, "customer.order.canceled"), 1)
	kept := d.call(t, 200, "GET", "/v1/redemptions/"+made["id"].(string), nil)
	require.Equal(t, "ROLLED_BACK", kept["status"])
	require.Len(t, kept["related_redemptions"].(object)["rollbacks"], 1)
	failed := d.call(t, 200, "GET", "/v1/redemptions?result=FAILURE&limit=1", nil)["redemptions"].([]any)[0].(object)
	require.Equal(t, []any{"already_rolled_back", "redemption_rollback", made["id"]}, []any{failed["failure_code"], failed["object"], failed["redemption"]})
	require.Regexp(t, "^rrf_", failed["id"])

	// After three months a redemption stands.
	old := d.call(t, 200, "POST", "/v1/vouchers/GIFT/redemption", object{"customer": "ada", "order": object{"amount": 100}})["id"].(string)
	one, _ := id.Redemption.Parse(old)
	_, err := d.pool.Exec(t.Context(), "UPDATE redemptions SET created_at = now() - interval '3 months 1 day' WHERE id = $1", one)
	require.NoError(t, err)
	require.Equal(t, "rollback_period_exceeded", d.call(t, 400, "POST", "/v1/redemptions/"+old+"/rollback", nil)["key"])
}
