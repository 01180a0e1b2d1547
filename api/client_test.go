package api_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/db"
	"herald/internal/pgtest"
)

const shop = "https://shop.example"

// page is the door as a web page of the shop sees it: its requests carry a client key and the page's origin.
type page struct {
	door
	appID, token, origin string
}

func (d door) page(t testing.TB) page {
	t.Helper()
	appID, token, err := db.Projects{Pool: d.pool}.CreateClientKey(t.Context(), d.project, "shop", []string{shop})
	require.NoError(t, err)
	return page{d, appID, token, shop}
}

func (p page) headers() []string {
	return []string{"X-App-Id", "", "X-App-Token", "", "X-Client-Application-Id", p.appID, "X-Client-Token", p.token, "Origin", p.origin}
}

func (p page) call(t testing.TB, status int, method, path string, body any) object {
	t.Helper()
	return p.door.call(t, status, method, "/client/v1"+path, body, p.headers()...)
}

func TestAClientKeyOpensTheClientsDoorOnly(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	p := d.page(t)
	p.call(t, 200, "GET", "/consents", nil)
	p.call(t, 404, "GET", "/orders", nil)
	stolen := d
	stolen.appID, stolen.token = p.appID, p.token
	require.Equal(t, "forbidden", stolen.call(t, 403, "GET", "/v1/customers", nil)["key"])
	require.Equal(t, "forbidden", stolen.call(t, 403, "POST", "/v1/events", object{"event": "e", "customer": "ada"})["key"])

	server := p
	server.appID, server.token = d.appID, d.token
	require.Equal(t, "unauthorized", server.call(t, 401, "GET", "/consents", nil)["key"], "a server's key has no business in a page")
	guess := p
	guess.token = "guess"
	guess.call(t, 401, "GET", "/consents", nil)
	require.NoError(t, db.Projects{Pool: d.pool}.RevokeKey(t.Context(), p.appID))
	require.Eventually(t, func() bool { return d.request(t, "GET", "/client/v1/consents", nil, p.headers()...).Code == 401 }, 7*time.Second, 100*time.Millisecond)
}

func TestOnlyItsOriginsMayUseAClientKey(t *testing.T) {
	t.Parallel()
	p := openDoor(t).page(t)
	w := p.request(t, "GET", "/client/v1/consents", nil, p.headers()...)
	require.Equal(t, 200, w.Code)
	require.Equal(t, shop, w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, w.Header().Values("Vary"), "Origin")
	bad := p.request(t, "GET", "/client/v1/vouchers", nil, p.headers()...)
	require.Equal(t, 400, bad.Code)
	require.Equal(t, shop, bad.Header().Get("Access-Control-Allow-Origin"), "the page may read why it was refused")
	for _, elsewhere := range []string{"https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null", ""} {
		p.origin = elsewhere
		w := p.request(t, "GET", "/client/v1/consents", nil, p.headers()...)
		require.Equal(t, 403, w.Code, elsewhere)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	}
}

func TestBrowsersMayAskFirst(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil)
		r.Header.Set("Origin", shop)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "x-client-token")
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w
	}
	w := ask("/client/v1/events")
	require.Equal(t, 204, w.Code)
	require.Equal(t, shop, w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, w.Header().Get("Access-Control-Allow-Methods"), "POST")
	for _, name := range []string{"Content-Type", "X-Client-Application-Id", "X-Client-Token", "X-Voucherify-Channel"} {
		require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), name)
	}
	refused := ask("/v1/events")
	require.GreaterOrEqual(t, refused.Code, 400)
	require.Empty(t, refused.Header().Get("Access-Control-Allow-Origin"))
}

func TestEachAddressHasARateOfItsOwn(t *testing.T) {
	t.Parallel()
	_, proxies, err := net.ParseCIDR("192.0.2.0/24") // where httptest's requests come from
	require.NoError(t, err)
	d := doorOn(t, pgtest.New(t), api.Options{ClientRate: 3, Proxies: []*net.IPNet{proxies}})
	p := d.page(t)
	from := func(address string) int {
		return d.request(t, "GET", "/client/v1/consents", nil, append(p.headers(), "X-Forwarded-For", address)...).Code
	}
	spent := func(address string) bool { // a new minute of the clock may begin in between
		return from(address) == 429
	}
	require.Eventually(t, func() bool { return spent("203.0.113.7") }, 5*time.Second, time.Millisecond)
	require.Equal(t, 200, from("203.0.113.8"))
	require.Eventually(t, func() bool { return spent("203.0.113.9, 198.51.100.1, 192.0.2.9") }, 5*time.Second, time.Millisecond)
	require.Equal(t, 200, from("203.0.113.9"), "what a caller says of itself is not believed beyond the first stranger")
	require.Eventually(t, func() bool { return spent("2001:db8::1") }, 5*time.Second, time.Millisecond)
	require.Equal(t, 429, from("2001:db8::2"), "one subscriber has a whole network")
	require.Equal(t, 200, from("2001:db8:0:1::2"))

	direct := doorOn(t, d.pool, api.Options{ClientRate: 3})
	p.door = direct
	require.Eventually(t, func() bool {
		return direct.request(t, "GET", "/client/v1/consents", nil, append(p.headers(), "X-Forwarded-For", time.Now().String())...).Code == 429
	}, 5*time.Second, time.Millisecond, "without a proxy the header is a caller's own word")
}

func TestAPageDoesWhatAServerDoes(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	p := d.page(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "name": "Ada", "email": "ada@example.com", "metadata": object{"secret": 1}})

	said := p.call(t, 200, "POST", "/customers", object{"source_id": "ada", "phone": "+44 1", "metadata": object{"lang": "en"}})
	require.Equal(t, "+44 1", said["phone"])
	require.Equal(t, object{"lang": "en"}, said["metadata"])
	require.NotContains(t, said, "email", "a page hears of a customer what it said itself")
	require.Equal(t, "+44 1", d.call(t, 200, "GET", "/v1/customers/ada", nil)["phone"])

	require.Equal(t, object{"object": "event", "type": "seen"}, p.call(t, 200, "POST", "/events", object{"event": "seen", "customer": object{"source_id": "ada"}}))
	var channel, app string
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT source->>'channel', source->'api_key'->>'app_id' FROM occurrences
		WHERE type = 'customer.custom_event'`).Scan(&channel, &app))
	require.Equal(t, []string{"CLIENT_API", p.appID}, []string{channel, app})

	d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Spring", "type": "AUTO_UPDATE",
		"voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 100}},
	})
	given := p.call(t, 200, "POST", "/publish?campaign=Spring", object{"customer": object{"source_id": "ada"}, "channel": "Voucherify.js"})
	require.Equal(t, object{"id": said["id"], "source_id": "ada", "metadata": object{}, "object": "customer"}, given["customer"])
	code := given["voucher"].(object)["code"]
	seen := p.call(t, 200, "GET", "/vouchers?customer=ada", nil)["vouchers"].([]any)
	require.Len(t, seen, 1)
	require.Equal(t, code, seen[0].(object)["code"])
	require.Equal(t, "customer", p.call(t, 400, "GET", "/vouchers", nil)["property"])

	redeemed := p.call(t, 200, "POST", "/redeem?code="+code.(string), object{
		"customer": object{"source_id": "ada"}, "order": object{"amount": 500}, "gift": object{"credits": 40},
	})
	require.Equal(t, object{"id": said["id"], "source_id": "ada", "metadata": object{}, "object": "customer"}, redeemed["customer"])
	require.NotContains(t, fmt.Sprint(redeemed), "ada@example.com", "nor does its order or voucher show who it is")
	stacked := p.call(t, 200, "POST", "/redemptions", object{
		"customer": object{"source_id": "ada"}, "order": object{"amount": 500}, "redeemables": []object{{"object": "voucher", "id": code}},
	})
	require.Len(t, stacked["redemptions"], 1)
	require.NotContains(t, fmt.Sprint(stacked), "ada@example.com")
	require.Equal(t, "code", p.call(t, 400, "POST", "/redeem", object{"customer": object{}})["property"])
	p.call(t, 404, "POST", "/redeem?code=NONE", object{"customer": object{}})

	news := d.call(t, 200, "POST", "/v1/consents", object{"name": "news"})["id"].(string)
	p.call(t, 204, "PUT", "/customers/ada/consents", object{news: true})
	list := p.call(t, 200, "GET", "/consents", nil)["consents"].(object)
	require.EqualValues(t, 1, list["total"])
	for path, body := range map[string]string{"/events": `{"event": 5}`, "/customers": `{"colour": "red"}`, "/publish?colour=red": `{}`} {
		p.call(t, 400, "POST", path, body)
	}
	require.True(t, strings.HasPrefix(said["id"].(string), "cust_"))
}

func TestAPageTriesBeforeItRedeems(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	p := d.page(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "email": "ada@example.com"})
	ten := object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}}
	d.call(t, 200, "POST", "/v1/vouchers/LOOSE", ten)
	d.call(t, 200, "POST", "/v1/vouchers/HELD", ten)
	d.call(t, 200, "POST", "/v1/publications", object{"voucher": "HELD", "customer": "ada"})
	sale := d.call(t, 200, "POST", "/v1/campaigns", object{"name": "Sale", "campaign_type": "PROMOTION"})["id"].(string)
	tier := d.call(t, 200, "POST", "/v1/promotions/"+sale+"/tiers", object{"name": "One off", "action": object{"discount": object{"type": "AMOUNT", "amount_off": 100}}})
	rule := d.call(t, 200, "POST", "/v1/validation-rules", object{"name": "gifts", "rules": object{
		"1": object{"name": "order.metadata", "property": "gift", "conditions": object{"$is": []string{"yes"}}},
		"2": object{"name": "order.items.count", "conditions": object{"$is": []int{3}}}, "logic": "1 and 2",
	}})["id"].(string)
	d.call(t, 200, "POST", "/v1/validation-rules/"+rule+"/assignments", object{"voucher": "HELD"})

	cart := "&customer[source_id]=ada&item[0][product_id]=kite&item[0][quantity]=2&item[0][price]=500&item[1][product_id]=tail&item[1][quantity]=1&item[1][price]=1000"
	tried := p.call(t, 200, "GET", "/validate?code=HELD&order[metadata][gift]=yes&metadata[device]=phone&session_type=LOCK&session_key=cart&session_ttl=1.5&session_ttl_unit=HOURS"+cart, nil)
	require.Equal(t, true, tried["valid"], tried)
	require.EqualValues(t, 1800, tried["order"].(object)["total_amount"])
	require.Equal(t, object{"type": "LOCK", "key": "cart", "ttl": 1.5, "ttl_unit": "HOURS"}, tried["session"])
	require.Equal(t, false, p.call(t, 200, "GET", "/validate?code=HELD&order[metadata][gift]=no"+cart, nil)["valid"])
	require.EqualValues(t, 900, p.call(t, 200, "GET", "/validate?code=LOOSE&amount=1000", nil)["order"].(object)["total_amount"])
	promised := p.call(t, 200, "GET", "/promotions/validation?amount=1000", nil)["promotions"].([]any)
	require.Equal(t, tier["id"], promised[0].(object)["id"])
	stacked := p.call(t, 200, "POST", "/validations", object{
		"redeemables": []object{{"object": "voucher", "id": "LOOSE"}, {"object": "promotion_tier", "id": tier["id"]}}, "order": object{"amount": 1000},
	})
	require.EqualValues(t, 800, stacked["order"].(object)["total_amount"])

	asked := object{"customer": object{"source_id": "ada"}, "order": object{"amount": 1000}}
	require.Contains(t, fmt.Sprint(d.call(t, 200, "POST", "/v1/qualifications", asked)), "LOOSE")
	seen := fmt.Sprint(p.call(t, 200, "POST", "/qualifications", asked))
	require.NotContains(t, seen, "LOOSE", "a page does not read codes that nobody holds")
	require.Contains(t, seen, tier["id"])
	require.NotContains(t, fmt.Sprint(tried, stacked, seen), "ada@example.com")

	deep := "metadata" + strings.Repeat("[a]", 100)
	for query, property := range map[string]string{
		"amount=1000": "code", "code=LOOSE&amount=ten": "amount", "code=LOOSE&colour=red": "colour", "code=LOOSE&item[0][quantity]=x": "item[0].quantity",
		"code=LOOSE&item[0][colour]=red": "item[0].colour", "code=LOOSE&item[1][quantity]=1": "item", "code=LOOSE&item=1": "item",
		"code=LOOSE&order=1&order[metadata][a]=1": "order[metadata][a]", "code=LOOSE&session_type=HOLD": "session.type",
		"code=LOOSE&" + deep + "=1": deep,
	} {
		require.Equal(t, property, fmt.Sprint(p.call(t, 400, "GET", "/validate?"+query, nil)["property"]), query)
	}
}
