package api_test

import (
	"bytes"
	"image/png"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/internal/pgtest"
)

func coupon() object {
	return object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "AMOUNT", "amount_off": 2000}}
}

func TestVoucherLife(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/vouchers/10%25%20OFF%2F1", object{
		"type": "GIFT_VOUCHER", "gift": object{"amount": 10000, "effect": "APPLY_TO_ORDER"}, "start_date": "2022-01-01T00:00:00Z",
		"active": true, "additional_info": "note", "metadata": object{"locale": "de"}, "category": "New", "redemption": object{"quantity": 2},
	})
	require.Equal(t, "10% OFF/1", made["code"])
	for key, want := range map[string]any{
		"campaign": nil, "campaign_id": nil, "category": "New", "category_id": nil, "categories": []any{}, "type": "GIFT_VOUCHER",
		"discount": nil, "gift": object{"amount": 10000.0, "balance": 10000.0, "effect": "APPLY_TO_ORDER"}, "loyalty_card": nil,
		"start_date": "2022-01-01T00:00:00.000Z", "expiration_date": nil, "validity_timeframe": nil, "validity_day_of_week": nil,
		"active": true, "additional_info": "note", "metadata": object{"locale": "de"}, "is_referral_code": false, "updated_at": nil,
		"object":     "voucher",
		"redemption": object{"quantity": 2.0, "redeemed_quantity": 0.0, "redeemed_amount": 0.0, "object": "list", "url": "/v1/vouchers/10%25%20OFF%2F1/redemptions?page=1&limit=10"},
		"publish":    object{"object": "list", "count": 0.0, "url": "/v1/vouchers/10%25%20OFF%2F1/publications?page=1&limit=10"},
	} {
		require.Equal(t, want, made[key], key)
	}
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/vouchers/"+made["id"].(string), nil))
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/vouchers/"+url.PathEscape("10% OFF/1"), nil))

	drawn := d.call(t, 200, "POST", "/v1/vouchers/", coupon()) // what official clients send without a code
	require.Regexp(t, "^[0-9a-zA-Z]{8}$", drawn["code"])
	path := "/v1/vouchers/" + drawn["code"].(string)
	patterned := coupon()
	patterned["code_config"] = object{"pattern": "GIFT-CARD-##########", "prefix": "New-", "postfix": "0"}
	require.Regexp(t, "^New-GIFT-CARD-[0-9a-zA-Z]{10}0$", d.call(t, 200, "POST", "/v1/vouchers", patterned)["code"])

	drawn["metadata"] = object{"season": "Winter"}
	changed := d.call(t, 200, "PUT", path, drawn)
	require.Equal(t, object{"season": "Winter"}, changed["metadata"])
	require.Equal(t, drawn["discount"], changed["discount"])
	require.EqualValues(t, 2500, d.call(t, 200, "PUT", path, object{"discount": object{"type": "AMOUNT", "amount_off": 2500}})["discount"].(object)["amount_off"])
	require.Equal(t, false, d.call(t, 200, "POST", path+"/disable", object{})["active"])
	require.Equal(t, true, d.call(t, 200, "POST", path+"/enable", object{})["active"])
	d.call(t, 204, "DELETE", path+"?force=true", nil)
	missing := d.call(t, 404, "GET", path, nil)
	require.Equal(t, "voucher", missing["resource_type"])
	d.call(t, 404, "DELETE", path, nil)
	d.call(t, 404, "POST", path+"/enable", nil)
}

func TestVouchersAreRefused(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/vouchers/TAKEN", coupon())
	duplicate := d.call(t, 409, "POST", "/v1/vouchers/TAKEN", coupon())
	require.Equal(t, "Duplicated voucher exists with id TAKEN", duplicate["details"])
	require.Equal(t, "TAKEN", duplicate["resource_id"])
	for property, change := range map[string]object{
		"type":                {"type": nil},
		"discount":            {"discount": nil},
		"discount.type":       {"discount": object{}},
		"code":                {"code": " A"},
		"code_config.pattern": {"code_config": object{"pattern": "A-#"}},
		"expiration_date":     {"start_date": "2022-01-02T00:00:00Z", "expiration_date": "2022-01-01T00:00:00Z"},
		"redemption.quantity": {"redemption": object{"quantity": 0}},
		"colour":              {"colour": "red"},
	} {
		body := coupon()
		for key, value := range change {
			body[key] = value
		}
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/vouchers", body)["property"], "%v", change)
	}
	for property, change := range map[string]object{
		"type": {"type": "GIFT_VOUCHER"}, "gift": {"gift": object{"amount": 1}}, "discount.type": {"discount": object{"type": "PERCENT", "percent_off": 1}},
	} {
		require.Equal(t, property, d.call(t, 400, "PUT", "/v1/vouchers/TAKEN", change)["property"])
	}
	d.call(t, 400, "POST", "/v1/vouchers/"+strings.Repeat("x", 129), coupon())
	d.call(t, 400, "POST", "/v1/vouchers/a%0Ab", coupon())
}

func TestVouchersAreAddedToACampaign(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring sale", nil))
	path := "/v1/campaigns/Spring%20sale"
	one := d.call(t, 200, "POST", path+"/vouchers", object{"category": "x", "redemption": object{"quantity": 5}})
	require.Equal(t, "Spring sale", one["campaign"])
	require.Equal(t, "x", one["category"])
	require.EqualValues(t, 5, one["redemption"].(object)["quantity"])
	require.Equal(t, "MINE", d.call(t, 200, "POST", path+"/vouchers/MINE", object{})["code"])
	require.Equal(t, "OURS", d.call(t, 200, "POST", path+"/vouchers", object{"code": "OURS"})["code"])
	d.call(t, 409, "POST", path+"/vouchers/MINE", object{})
	d.call(t, 202, "POST", path+"/vouchers?vouchers_count=7", object{"code_config": object{"prefix": "A-"}, "metadata": object{"batch": 2}})
	require.Equal(t, "IN_PROGRESS", d.call(t, 200, "GET", path, nil)["vouchers_generation_status"])
	d.work(t)
	require.EqualValues(t, 10, d.call(t, 200, "GET", path, nil)["vouchers_count"])
	made := d.call(t, 200, "GET", "/v1/vouchers?filters[code][conditions][$starts_with]=A-&limit=100", nil)
	require.EqualValues(t, 7, made["total"])
	require.Equal(t, object{"batch": 2.0}, made["vouchers"].([]any)[0].(object)["metadata"])

	require.Equal(t, "code_config.pattern", d.call(t, 400, "POST", path+"/vouchers?vouchers_count=100", object{"code_config": object{"pattern": "#"}})["property"])
	require.Equal(t, "code", d.call(t, 400, "POST", path+"/vouchers?vouchers_count=2", object{"code": "X"})["property"])
	require.Equal(t, "invalid_query_params", d.call(t, 400, "POST", path+"/vouchers?vouchers_count=0", object{})["key"])
}

func TestListsOfCodesAreImported(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	d.call(t, 202, "POST", "/v1/campaigns/Spring/import", []object{
		{"code": "CODE7", "category": "First", "redemption": object{"quantity": 1}, "metadata": object{"season": "Fall"}, "additional_info": "secret", "active": true},
		{"code": "CODE8", "active": false},
	})
	d.work(t)
	first := d.call(t, 200, "GET", "/v1/vouchers/CODE7", nil)
	require.Equal(t, object{"type": "PERCENT", "percent_off": 10.0}, first["discount"])
	require.Equal(t, object{"season": "Fall"}, first["metadata"])
	require.Equal(t, "Spring", first["campaign"])
	require.Equal(t, false, d.call(t, 200, "GET", "/v1/vouchers/CODE8", nil)["active"])

	for key, list := range map[string][]object{
		"duplicate_key":   {{"code": "NEW"}, {"code": "CODE7"}},
		"invalid_voucher": {{"code": "NEW"}, {"category": "x"}},
		"invalid_payload": {{"code": "NEW", "redemption": object{"quantity": "many"}}},
	} {
		require.Equal(t, key, d.call(t, 400, "POST", "/v1/campaigns/Spring/import", list)["key"])
	}
	require.Equal(t, "duplicate_key", d.call(t, 400, "POST", "/v1/campaigns/Spring/import", []object{{"code": "A"}, {"code": "A"}})["key"])
	require.Equal(t, "[1].gift", d.call(t, 400, "POST", "/v1/campaigns/Spring/import", []object{{"code": "A"}, {"code": "B", "gift": object{"amount": 1}}})["property"])
	d.call(t, 400, "POST", "/v1/campaigns/Spring/import", []object{})
	d.call(t, 404, "GET", "/v1/vouchers/NEW", nil)

	body := coupon()
	body["code"] = "ALONE"
	d.call(t, 202, "POST", "/v1/vouchers/import", []object{body})
	d.work(t)
	require.Nil(t, d.call(t, 200, "GET", "/v1/vouchers/ALONE", nil)["campaign"])
}

// upload sends a file as a form does.
func (d door) upload(t testing.TB, status int, path, content string) object {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "codes.csv")
	require.NoError(t, err)
	_, err = part.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return d.call(t, status, "POST", path, &body, "Content-Type", form.FormDataContentType())
}

func TestFilesOfCodesAreImported(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", nil))
	d.call(t, 200, "POST", "/v1/vouchers/TAKEN", coupon())
	action := d.upload(t, 200, "/v1/campaigns/Spring/importCSV", "\xef\xbb\xbfCode;Active;Category;Redeemed Quantity;season\r\n"+
		"A-1;true;First;2;\"Fall; late\"\r\n"+
		"A-2;perhaps;;;\r\n"+
		"A-3;;;;\r\n"+
		";true;;;\r\n"+
		"TAKEN;;;;\r\n"+
		"A-3;;;;\r\n"+
		"A-4;true\r\n")["async_action_id"].(string)
	d.work(t)
	ended := d.call(t, 200, "GET", "/v1/async-actions/"+action, nil)
	require.Equal(t, "CAMPAIGN.VOUCHERS_IMPORT_CSV", ended["type"])
	require.Equal(t, "DONE", ended["status"])
	result := ended["result"].(object)
	require.Equal(t, "2 voucher(s) imported successfully, 5 failed.", result["message"])
	reasons := map[float64]string{}
	for _, failed := range result["failed"].([]any) {
		reasons[failed.(object)["row"].(float64)] = failed.(object)["reason"].(string)
	}
	require.Equal(t, map[float64]string{
		2: `Active should be true or false, not "perhaps"`, 4: "A code cannot be empty", 5: "A voucher with this code exists in the project",
		6: "A voucher with this code exists in the project", 7: "The row has 2 fields; the header has 5",
	}, reasons)
	first := d.call(t, 200, "GET", "/v1/vouchers/A-1", nil)
	require.Equal(t, object{"season": "Fall; late"}, first["metadata"])
	require.Equal(t, "First", first["category"])
	require.EqualValues(t, 2, first["redemption"].(object)["redeemed_quantity"])

	d.upload(t, 202, "/v1/vouchers/importCSV", "Code,Voucher Type,Value,Discount Type,Expiration Date,Redemption Limit\n"+
		"S-1,DISCOUNT_VOUCHER,20,PERCENT,2030-01-01,3\nS-2,GIFT_VOUCHER,500,,,\nS-3,,,,,\n")
	d.work(t)
	require.Equal(t, object{"type": "PERCENT", "percent_off": 20.0}, d.call(t, 200, "GET", "/v1/vouchers/S-1", nil)["discount"])
	require.Equal(t, object{"amount": 500.0, "balance": 500.0}, d.call(t, 200, "GET", "/v1/vouchers/S-2", nil)["gift"])
	d.call(t, 404, "GET", "/v1/vouchers/S-3", nil)

	for content, says := range map[string]string{
		"": "empty", "Name\nx\n": "names no column Code", "Code,code\n": "twice", "PK\x03\x04": "workbook", "code\xff\n": "UTF-8",
	} {
		require.Contains(t, d.upload(t, 400, "/v1/campaigns/Spring/importCSV", content)["details"], says)
	}
	require.Contains(t, d.call(t, 400, "POST", "/v1/vouchers/importCSV", object{})["details"], "'file'")
	d.upload(t, 404, "/v1/campaigns/Nobody/importCSV", "Code\nX\n")
}

func TestAVouchersImagesSayItsCode(t *testing.T) {
	t.Parallel()
	d := doorOn(t, pgtest.New(t), api.Options{PublicURL: "https://shop.example/"})
	made := d.call(t, 200, "POST", "/v1/vouchers/SUMMER-1", coupon())
	again := d.call(t, 200, "GET", "/v1/vouchers/SUMMER-1", nil)
	require.Equal(t, made["assets"], again["assets"], "addresses stay")
	stranger := door{handler: d.handler}
	for kind, reader := range map[string]gozxing.Reader{"qr": qrcode.NewQRCodeReader(), "barcode": oned.NewCode128Reader()} {
		shown := made["assets"].(object)[kind].(object)
		path, found := strings.CutPrefix(shown["url"].(string), "https://shop.example")
		require.True(t, found)
		require.Equal(t, "/api/v1/assets/"+kind+"/"+shown["id"].(string), path)
		answer := stranger.request(t, "GET", path+"?size=40", nil)
		require.Equal(t, 200, answer.Code)
		require.Equal(t, "image/png", answer.Header().Get("Content-Type"))
		require.Contains(t, answer.Header().Get("Cache-Control"), "immutable")
		picture, err := png.Decode(answer.Body)
		require.NoError(t, err)
		bits, err := gozxing.NewBinaryBitmapFromImage(picture)
		require.NoError(t, err)
		read, err := reader.Decode(bits, nil)
		require.NoError(t, err)
		require.Equal(t, "SUMMER-1", read.GetText())

		svg := stranger.request(t, "GET", path+"?format=svg", nil)
		require.Equal(t, "image/svg+xml", svg.Header().Get("Content-Type"))
		require.Contains(t, svg.Body.String(), "<svg ")
		for _, query := range []string{"size=0", "size=101", "size=x", "format=gif", "colour=red"} {
			stranger.call(t, 400, "GET", path+"?"+query, nil)
		}
		stranger.call(t, 404, "GET", "/api/v1/assets/"+kind+"/guess", nil)
		other := map[string]string{"qr": "barcode", "barcode": "qr"}[kind]
		stranger.call(t, 404, "GET", "/api/v1/assets/"+other+"/"+shown["id"].(string), nil)
	}
	published := d.call(t, 200, "POST", "/v1/publications", object{"voucher": "SUMMER-1", "customer": "ann"})
	require.Equal(t, made["assets"], published["voucher"].(object)["assets"])
	d.call(t, 204, "DELETE", "/v1/vouchers/SUMMER-1", nil)
	stranger.call(t, 404, "GET", "/api/v1/assets/qr/"+made["assets"].(object)["qr"].(object)["id"].(string), nil)
}

func TestAVoucherOfACampaignAndOfRules(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/campaigns", percent("Spring", object{"category": "New"}))
	made := d.call(t, 200, "POST", "/v1/vouchers/ONE", object{"campaign": "Spring", "metadata": object{"a": 1}})
	require.Equal(t, "Spring", made["campaign"])
	require.Equal(t, "New", made["category"])
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/campaigns/Spring", nil)["vouchers_count"])
	drawn := d.call(t, 200, "POST", "/v1/vouchers", object{"campaign_id": made["campaign_id"], "code_config": object{"pattern": "X-########"}})
	require.Regexp(t, "^X-.{8}$", drawn["code"])
	d.call(t, 404, "POST", "/v1/vouchers/TWO", object{"campaign": "Autumn"})
	require.Equal(t, "type", d.call(t, 400, "POST", "/v1/vouchers/TWO", object{"campaign": "Spring", "type": "GIFT_VOUCHER", "gift": object{"amount": 1}})["property"])

	rule := d.call(t, 200, "POST", "/v1/validation-rules", object{
		"name": "big", "rules": object{"1": object{"name": "order.amount", "conditions": object{"$more_than": []int{100}}, "rules": object{}}, "logic": "1"},
	})["id"]
	body := coupon()
	body["validation_rules"] = []any{rule}
	limited := d.call(t, 200, "POST", "/v1/vouchers/TWO", body)
	require.Equal(t, rule, limited["validation_rules_assignments"].(object)["data"].([]any)[0].(object)["rule_id"])
	require.Equal(t, limited, d.call(t, 200, "GET", "/v1/vouchers/TWO", nil))
	body["validation_rules"] = []any{"val_0192f0c1b8d77d4fa1c3e5f708192a3b"}
	d.call(t, 404, "POST", "/v1/vouchers/THREE", body)
	d.call(t, 404, "GET", "/v1/vouchers/THREE", nil)

	card := d.call(t, 200, "POST", "/v1/vouchers/CARD", object{"type": "LOYALTY_CARD", "loyalty_card": object{"points": 10}})
	require.Equal(t, object{"points": 10.0, "balance": 10.0}, card["loyalty_card"])
	require.EqualValues(t, 0, card["redemption"].(object)["redeemed_points"])
}

func TestMetadataOfManyVouchers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for _, code := range []string{"A", "B", "C"} {
		body := coupon()
		body["metadata"] = object{"kept": 1, "gone": 2}
		d.call(t, 200, "POST", "/v1/vouchers/"+code, body)
	}
	d.elsewhere(t).call(t, 200, "POST", "/v1/vouchers/A", coupon())
	result := func(path string, body any) object {
		action := d.call(t, 202, "POST", path, body)["async_action_id"].(string)
		d.work(t)
		ended := d.call(t, 200, "GET", "/v1/async-actions/"+action, nil)
		require.Equal(t, "DONE", ended["status"])
		return ended["result"].(object)
	}
	bulk := result("/v1/vouchers/bulk/async", []object{
		{"code": "A", "metadata": object{"gone": nil, "new": "x"}}, {"code": "A", "metadata": object{"more": true}},
		{"code": "B", "metadata": object{"new": "y"}}, {"code": "Z", "metadata": object{"new": "z"}},
		{"code": "C", "metadata": object{"large": strings.Repeat("x", 32_740)}},
	})
	require.EqualValues(t, 3, bulk["done_count"])
	require.EqualValues(t, 2, bulk["failed_count"])
	require.Contains(t, bulk["errors"].([]any)[0], "Z")
	require.Equal(t, object{"kept": 1.0, "new": "x", "more": true}, d.call(t, 200, "GET", "/v1/vouchers/A", nil)["metadata"])
	require.Equal(t, object{"kept": 1.0, "gone": 2.0, "new": "y"}, d.call(t, 200, "GET", "/v1/vouchers/B", nil)["metadata"])
	require.Equal(t, object{"kept": 1.0, "gone": 2.0}, d.call(t, 200, "GET", "/v1/vouchers/C", nil)["metadata"])

	all := result("/v1/vouchers/metadata/async", object{"codes": []string{"B", "C", "Z"}, "metadata": object{"gone": nil, "lang": "en"}})
	require.EqualValues(t, 2, all["done_count"])
	require.Equal(t, object{"kept": 1.0, "lang": "en"}, d.call(t, 200, "GET", "/v1/vouchers/C", nil)["metadata"])

	for property, body := range map[string]any{
		"[0].code": []object{{"metadata": object{}}}, "[0].metadata": []object{{"code": "A"}}, "[0].colour": []object{{"code": "A", "colour": 1}},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/vouchers/bulk/async", body)["property"])
	}
	for property, body := range map[string]any{
		"codes": object{"metadata": object{}}, "metadata": object{"codes": []string{"A"}}, "codes[0]": object{"codes": []string{""}, "metadata": object{}},
	} {
		require.Equal(t, property, d.call(t, 400, "POST", "/v1/vouchers/metadata/async", body)["property"])
	}
	d.call(t, 400, "POST", "/v1/vouchers/bulk/async", []object{})
}
