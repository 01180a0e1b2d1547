package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/id"
)

// write writes the file of an export, as a worker would.
func (d door) write(t testing.TB, made object) {
	t.Helper()
	one, ok := id.Export.Parse(made["id"].(string))
	require.True(t, ok)
	_, err := db.Exports{Pool: d.pool}.Write(t.Context(), d.project, one, func(int64) {})
	require.NoError(t, err)
}

// download reads an export's file by its address alone.
func (d door) download(t testing.TB, made object) string {
	t.Helper()
	shown := d.call(t, 200, "GET", "/v1/exports/"+made["id"].(string), nil)
	require.Equal(t, "DONE", shown["status"])
	at, err := url.Parse(shown["result"].(object)["url"].(string))
	require.NoError(t, err)
	answer := door{handler: d.handler}.request(t, "GET", at.Path, nil)
	require.Equal(t, 200, answer.Code)
	require.Equal(t, "text/csv; charset=utf-8", answer.Header().Get("Content-Type"))
	require.Contains(t, answer.Header().Get("Content-Disposition"), "attachment")
	return answer.Body.String()
}

func TestExports(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for _, source := range []string{"ann", "bob", "eve"} {
		d.call(t, 200, "POST", "/v1/customers", object{"source_id": source, "name": "=" + source})
	}
	parameters := object{
		"fields": []string{"source_id", "name"}, "order": "-source_id",
		"filters": object{"junction": "and", "source_id": object{"conditions": object{"$in": []string{"ann", "bob"}}}},
	}
	made := d.call(t, 200, "POST", "/v1/exports", object{"exported_object": "customer", "parameters": parameters})
	require.Equal(t, "SCHEDULED", made["status"])
	require.Nil(t, made["result"])
	require.Equal(t, "-source_id", made["parameters"].(object)["order"])
	require.Equal(t, []any{"ann", "bob"}, made["parameters"].(object)["filters"].(object)["source_id"].(object)["conditions"].(object)["$in"])
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/exports/"+made["id"].(string), nil))
	d.write(t, made)
	require.Equal(t, "source_id,name\nbob,'=bob\nann,'=ann\n", d.download(t, made))

	second := d.call(t, 200, "POST", "/v1/exports", object{"exported_object": "publication"})
	listed := d.call(t, 200, "GET", "/v1/exports?limit=1", nil)
	require.EqualValues(t, 2, listed["total"])
	require.Equal(t, second["id"], listed["exports"].([]any)[0].(object)["id"])
	require.Equal(t, "DONE", d.call(t, 200, "GET", "/v1/exports?order=status", nil)["exports"].([]any)[0].(object)["status"])

	d.elsewhere(t).call(t, 404, "GET", "/v1/exports/"+made["id"].(string), nil)
	d.elsewhere(t).call(t, 404, "DELETE", "/v1/exports/"+made["id"].(string), nil)
	at := d.call(t, 200, "GET", "/v1/exports/"+made["id"].(string), nil)["result"].(object)["url"].(string)
	d.call(t, 204, "DELETE", "/v1/exports/"+made["id"].(string), nil)
	d.call(t, 404, "GET", "/v1/exports/"+made["id"].(string), nil)
	d.call(t, 404, "GET", at[strings.Index(at, "/api/"):], nil)
	d.call(t, 404, "GET", "/api/v1/exports/guess", nil)
}

func TestExportsOfOneThing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for _, name := range []string{"Club", "Guild"} {
		d.call(t, 200, "POST", "/v1/loyalties", object{"name": name, "voucher": object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 0}}})
		d.call(t, 200, "POST", "/v1/campaigns/"+name+"/vouchers/"+name+"-1", nil)
		d.call(t, 200, "POST", "/v1/publications", object{"voucher": name + "-1", "customer": "ann"})
		d.call(t, 200, "POST", "/v1/loyalties/members/"+name+"-1/balance", object{"points": 7, "reason": "@hello"})
	}
	card := d.call(t, 200, "GET", "/v1/vouchers/Club-1", nil)
	fields := object{"parameters": object{"fields": []string{"voucher_id", "campaign_id", "type", "amount", "reason"}}}
	want := "voucher_id,campaign_id,type,amount,reason\n" + card["id"].(string) + "," + card["campaign_id"].(string) + ",POINTS_ADDITION,7,'@hello\n"
	for _, path := range []string{
		"/v1/vouchers/Club-1/transactions/export", "/v1/campaigns/Club/transactions/export", "/v1/loyalties/Club/transactions/export",
		"/v1/loyalties/members/Club-1/transactions/export", "/v1/loyalties/Club/members/Club-1/transactions/export",
	} {
		made := d.call(t, 200, "POST", path, fields)
		require.Equal(t, "voucher_transactions", made["exported_object"])
		d.write(t, made)
		require.Equal(t, want, d.download(t, made), path)
		d.call(t, 200, "POST", path, nil)
		d.elsewhere(t).call(t, 404, "POST", path, nil)
		require.Equal(t, "parameters.filters", d.call(t, 400, "POST", path, object{"parameters": object{"filters": object{"junction": "or"}}})["property"])
	}
	d.call(t, 404, "POST", "/v1/loyalties/Guild/members/Club-1/transactions/export", nil)
	expiring := d.call(t, 200, "POST", "/v1/loyalties/Club/points-expiration/export", nil)
	require.Equal(t, "points_expiration", expiring["exported_object"])
	d.write(t, expiring)
	require.Len(t, strings.Split(strings.TrimSpace(d.download(t, expiring)), "\n"), 2)

	d.call(t, 200, "POST", "/v1/orders", object{"source_id": "o-1", "amount": 100, "customer": "ann"})
	orders := d.call(t, 200, "POST", "/v1/orders/export", object{"parameters": object{"fields": []string{"source_id", "amount"}, "order": "-updated_at"}})
	d.write(t, orders)
	require.Equal(t, "source_id,amount\no-1,100\n", d.download(t, orders))
}

func TestExportsAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for property, body := range map[string]object{
		"exported_object":               {"exported_object": "secret"},
		"parameters.fields":             {"exported_object": "voucher", "parameters": object{"fields": []string{"colour"}}},
		"parameters.order":              {"exported_object": "voucher", "parameters": object{"order": "colour"}},
		"parameters.filters.colour":     {"exported_object": "voucher", "parameters": object{"filters": object{"colour": object{"conditions": object{"$is": "red"}}}}},
		"parameters.filters.code":       {"exported_object": "voucher", "parameters": object{"filters": object{"code": object{"conditions": object{"$nearly": "X"}}}}},
		"parameters.filters.created_at": {"exported_object": "voucher", "parameters": object{"filters": object{"created_at": object{"conditions": object{"$after": "soon"}}}}},
		"parameters.filters.junction":   {"exported_object": "voucher", "parameters": object{"filters": object{"junction": "nor"}}},
		"parameters.colour":             {"exported_object": "voucher", "parameters": object{"colour": 1}},
		"colour":                        {"exported_object": "voucher", "colour": 1},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/exports", body)["property"], property)
	}
	d.call(t, 404, "GET", "/v1/exports/exp_1", nil)
	d.as(t, db.Viewer).call(t, 403, "POST", "/v1/exports", object{"exported_object": "voucher"})
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/exports", nil)["total"])
}
