package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"herald/db"
)

// told lists what was told of the type, oldest first: {subject, waiting, data}.
func (d door) told(t testing.TB, kind string) []object {
	t.Helper()
	found, err := d.pool.Query(context.Background(), `SELECT jsonb_build_object('subject', subject_id, 'waiting', waiting, 'data', data,
		'customer', 'cust_' || replace(customer_id::text, '-', '')) FROM occurrences WHERE project_id = $1 AND type = $2 ORDER BY id`, d.project, kind)
	require.NoError(t, err)
	all, err := pgx.CollectRows(found, pgx.RowTo[object])
	require.NoError(t, err)
	return all
}

func TestWhoJoinedAlreadyGetsNothingAndWhatFailsIsToldOf(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"vouchers_count": 2}))
	d.work(t)
	d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "source_id": "p-1", "customer": "bob"})
	d.call(t, 200, "POST", "/v1/publications?join_once=true", object{"campaign": "Spring", "customer": "bob"})
	d.call(t, 400, "POST", "/v1/publications", object{"campaign": "Spring", "source_id": "p-1", "customer": "eve"})
	require.Len(t, d.told(t, "customer.publication.succeeded"), 1)
	require.Empty(t, d.told(t, "customer.publication.failed"))

	d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "customer": "ann"})
	d.call(t, 400, "POST", "/v1/publications", object{"campaign": "Spring", "customer": "eve"})
	require.Len(t, d.told(t, "customer.publication.succeeded"), 2)
	failed := d.told(t, "customer.publication.failed")
	require.Len(t, failed, 1)
	require.Equal(t, false, failed[0]["waiting"])
	require.Equal(t, "no_voucher_suitable_for_publication", failed[0]["data"].(object)["publication"].(object)["failure_code"])
}

func TestAGiftCardsCreditsAreItsHolders(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for _, code := range []string{"A", "B"} {
		d.call(t, 200, "POST", "/v1/vouchers/"+code, object{"type": "GIFT_VOUCHER", "gift": object{"amount": 10000, "balance": 4000}})
		d.call(t, 200, "POST", "/v1/publications", object{"voucher": code, "customer": "ann"})
	}
	d.call(t, 400, "POST", "/v1/publications", object{"voucher": "B", "customer": "ann"})
	toGo := func() any {
		shown := d.call(t, 200, "GET", "/v1/customers/ann", nil)
		return shown["summary"].(object)["redemptions"].(object)["gift"].(object)["amount_to_go"]
	}
	require.EqualValues(t, 8000, toGo())

	d.call(t, 204, "DELETE", "/v1/vouchers/A", nil)
	require.EqualValues(t, 4000, toGo())
	told := d.told(t, "customer.voucher.deleted")
	require.Len(t, told, 1)
	require.Equal(t, "A", told[0]["data"].(object)["voucher"].(object)["code"])
}

func TestPublications(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	campaign := d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"vouchers_count": 3}))
	d.work(t)
	made := d.call(t, 200, "POST", "/v1/publications", object{
		"campaign": "Spring", "source_id": "p-1", "channel": "myown", "metadata": object{"year": 2022},
		"customer": object{"source_id": "bob", "name": "Bob Jones", "email": "bob@example.com", "metadata": object{"lang": "en"}},
	})
	require.Regexp(t, "^pub_[0-9a-f]{32}$", made["id"])
	code := made["voucher"].(object)["code"].(string)
	holder := made["customer_id"]
	for key, want := range map[string]any{
		"object": "publication", "tracking_id": "bob", "metadata": object{"year": 2022.0}, "channel": "myown", "source_id": "p-1",
		"result": "SUCCESS", "vouchers_id": []any{made["voucher"].(object)["id"]},
		"customer": object{
			"id": holder, "name": "Bob Jones", "email": "bob@example.com", "source_id": "bob", "metadata": object{"lang": "en"}, "object": "customer",
		},
	} {
		require.Equal(t, want, made[key], key)
	}
	given := made["voucher"].(object)
	require.Equal(t, holder, given["holder_id"])
	require.EqualValues(t, 1, given["publish"].(object)["count"])
	require.Equal(t, "Spring", given["campaign"])

	// The same request again is the same publication, with or without what it says of the customer; another is refused.
	for _, customer := range []any{object{"source_id": "bob"}, object{"id": holder}, "bob", holder} {
		again := d.call(t, 200, "POST", "/v1/publications", object{"campaign": object{"name": "Spring"}, "source_id": "p-1", "customer": customer})
		require.Equal(t, made["id"], again["id"])
		require.Equal(t, code, again["voucher"].(object)["code"])
	}
	duplicate := d.call(t, 400, "POST", "/v1/publications", object{"campaign": "Spring", "source_id": "p-1", "customer": "eve"})
	require.Equal(t, "duplicate_source_id", duplicate["key"])

	// The second code, by the campaign's id; joining again by query and by body gives it again.
	second := d.call(t, 200, "POST", "/v1/publications", object{"campaign": object{"id": campaign["id"], "count": 1}, "customer": "ann"})
	require.Equal(t, "API", second["channel"])
	same := second["voucher"].(object)["code"]
	require.Equal(t, same, d.call(t, 200, "POST", "/v1/publications?join_once=true", object{"campaign": "Spring", "customer": "ann"})["voucher"].(object)["code"])
	require.Equal(t, same, d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "customer": "ann", "join_once": true})["voucher"].(object)["code"])

	// Out of codes, after the third.
	d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "customer": "ann"})
	out := d.call(t, 400, "POST", "/v1/publications", object{"campaign": "Spring", "customer": "ann"})
	require.Equal(t, "no_voucher_suitable_for_publication", out["key"])

	// One voucher by its code; a campaign named beside it counts for nothing.
	d.call(t, 200, "POST", "/v1/vouchers/SUMMER", coupon())
	one := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "voucher": "SUMMER", "customer": "ann"})
	require.Equal(t, "SUMMER", one["voucher"].(object)["code"])
	taken := d.call(t, 400, "POST", "/v1/publications", object{"voucher": "SUMMER", "customer": "bob"})
	require.Equal(t, "voucher_already_published", taken["key"])
	require.Contains(t, taken["details"], "has already been published")

	list := d.call(t, 200, "GET", "/v1/publications", nil)
	require.EqualValues(t, 6, list["total"])
	require.Equal(t, "FAILURE", list["publications"].([]any)[0].(object)["result"])
	last := list["publications"].([]any)[1].(object)
	require.Equal(t, object{
		"code": "SUMMER", "object": "voucher", "campaign": nil, "discount": object{"type": "AMOUNT", "amount_off": 2000.0}, "is_referral_code": false,
	}, last["voucher"])
	for query, n := range map[string]int{
		"source_id=p-1": 1, "campaign=Spring": 4, "customer=ann": 4, "customer=" + holder.(string): 2, "voucher=SUMMER": 1, "result=FAILURE": 2,
		"voucher_type=GIFT_VOUCHER": 0, "voucher_type=loyalty": 0, "filters[customer_id][conditions][$is][0]=" + holder.(string): 2, "order=voucher_code&limit=2&page=3": 2,
	} {
		require.Len(t, d.call(t, 200, "GET", "/v1/publications?"+query, nil)["publications"], n, query)
	}
	require.EqualValues(t, 1, d.call(t, 200, "GET", one["voucher"].(object)["publish"].(object)["url"].(string), nil)["total"])
	require.Equal(t, "page_over_limit", d.call(t, 400, "GET", "/v1/publications?page=1001", nil)["key"])
	require.Equal(t, holder, d.call(t, 200, "GET", "/v1/vouchers?customer=bob", nil)["vouchers"].([]any)[0].(object)["holder_id"])
}

func TestPublicationsOfSeveralCodes(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Growing", object{"type": "AUTO_UPDATE"}))
	made := d.call(t, 200, "POST", "/v1/publications", object{"campaign": object{"name": "Growing", "count": 3}, "customer": "ann"})
	require.Len(t, made["vouchers"], 3)
	require.Len(t, made["vouchers_id"], 3)
	require.NotContains(t, made, "voucher")
}

func TestPublicationsAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"type": "AUTO_UPDATE"}))
	ann := object{"source_id": "ann"}
	for name, c := range map[string]struct {
		status        int
		body          object
		key, property string
	}{
		"nothing to give":     {400, object{"customer": ann}, "missing_vouchers", ""},
		"nobody":              {400, object{"campaign": "Spring"}, "invalid_payload", "customer"},
		"a customer of no id": {400, object{"campaign": "Spring", "customer": object{"name": "Ann"}}, "invalid_payload", "customer"},
		"a wrong address":     {400, object{"campaign": "Spring", "customer": object{"source_id": "x", "email": "nobody"}}, "invalid_payload", "customer.email"},
		"unknown in customer": {400, object{"campaign": "Spring", "customer": object{"source_id": "x", "nmae": "x"}}, "invalid_payload", "customer.nmae"},
		"unknown id":          {404, object{"campaign": "Spring", "customer": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"}, "not_found", ""},
		"no such campaign":    {404, object{"campaign": "Autumn", "customer": ann}, "not_found", ""},
		"no such voucher":     {404, object{"voucher": "X", "customer": ann}, "not_found", ""},
		"51":                  {400, object{"campaign": object{"name": "Spring", "count": 51}, "customer": ann}, "too_many_vouchers_requested", "campaign.count"},
		"0":                   {400, object{"campaign": object{"name": "Spring", "count": 0}, "customer": ann}, "invalid_payload", "campaign.count"},
		"two of one source":   {400, object{"campaign": object{"name": "Spring", "count": 2}, "customer": ann, "source_id": "s"}, "too_many_vouchers_requested", "campaign.count"},
		"campaign is a list":  {400, object{"campaign": []int{1}, "customer": ann}, "invalid_payload", "campaign"},
		"unknown":             {400, object{"campaign": "Spring", "customer": ann, "colour": "red"}, "invalid_payload", "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := d.call(t, c.status, "POST", "/v1/publications", c.body)
			require.Equal(t, c.key, answer["key"], answer)
			if c.property != "" {
				require.Equal(t, c.property, answer["property"], answer)
			}
		})
	}
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/customers", nil)["total"], "nobody is written for a request that is refused")
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/vouchers", nil)["total"])
}

func TestPublicationsKeepWhatIsKnownOfACustomer(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"type": "AUTO_UPDATE"}))
	before := d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ann", "name": "Ann", "metadata": object{"a": 1}})
	d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "customer": object{"source_id": "ann"}})
	require.Equal(t, before, d.call(t, 200, "GET", "/v1/customers/ann", nil), "who is only named stays as they are")
	d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Spring", "customer": object{"source_id": "ann", "metadata": object{"b": 2}}})
	require.Equal(t, object{"a": 1.0, "b": 2.0}, d.call(t, 200, "GET", "/v1/customers/ann", nil)["metadata"])
}

func TestPublicationIsOneUnderAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"type": "AUTO_UPDATE"}))
	body, err := json.Marshal(object{"campaign": "Spring", "customer": "ann"})
	require.NoError(t, err)
	var codes []any
	for range 2 {
		codes = append(codes, d.call(t, 200, "POST", "/v1/publications", string(body), "Idempotency-Key", fmt.Sprint(t.Name()))["voucher"].(object)["code"])
	}
	require.Equal(t, codes[0], codes[1])
}

func TestPublicationsByQuery(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Black Friday", object{"type": "AUTO_UPDATE"}))
	path := "/v1/publications/create?campaign[name]=Black%20Friday&campaign[count]=1&customer[source_id]=ann&customer[name]=Ann&source_id=p-1" +
		"&metadata[lang]=en&customer[metadata][size]=L"
	made := d.call(t, 200, "GET", path, nil)
	require.Equal(t, "Black Friday", made["voucher"].(object)["campaign"])
	require.Equal(t, "p-1", made["source_id"])
	require.Equal(t, object{"lang": "en"}, made["metadata"])
	require.Equal(t, "Ann", made["customer"].(object)["name"])
	require.Equal(t, object{"size": "L"}, made["customer"].(object)["metadata"])
	require.Equal(t, made["id"], d.call(t, 200, "GET", path, nil)["id"], "the same source_id is the same publication")
	again := d.call(t, 200, "GET", "/v1/publications/create?campaign[name]=Black%20Friday&customer[source_id]=ann&join_once=true", nil)
	require.Equal(t, made["id"], again["id"])
	require.Len(t, d.told(t, "customer.publication.succeeded"), 1)
	for _, query := range []string{
		"customer[source_id]=ann", "campaign[name]=Black%20Friday", "campaign[name]=Black%20Friday&customer[source_id]=ann&campaign[count]=2",
		"campaign[name]=Black%20Friday&customer[nmae]=ann", "campaign=Black%20Friday&campaign[name]=x&customer[source_id]=ann",
		"campaign[name]=Black%20Friday&customer[source_id]=ann&colour=red", "campaign[name]=Black%20Friday&customer[source_id]=ann&campaign[count]=x",
	} {
		d.call(t, 400, "GET", "/v1/publications/create?"+query, nil)
	}
	d.as(t, db.Viewer).call(t, 403, "GET", path, nil)
}
