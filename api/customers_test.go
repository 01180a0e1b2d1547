package api_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/id"
)

func TestACustomerAsThePublicAPIShowsIt(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	made := d.call(t, 200, "POST", "/v1/customers", object{
		"source_id": "ada", "name": "Ada\r\nBcc: x@y.z", "email": "ada@example.com", "phone": "+44 1", "birthdate": "1990-12-31",
		"description": "first", "address": object{"city": "London", "country": "UK"}, "metadata": object{"lang": "en", "test": true},
	})
	require.Regexp(t, "^cust_[0-9a-f]{32}$", made["id"])
	require.Equal(t, "Ada\r\nBcc: x@y.z", made["name"], "a name is data, whatever it holds")
	require.Equal(t, object{"city": "London", "country": "UK"}, made["address"])
	require.Equal(t, "1990-12-31", made["birthdate"])
	require.Equal(t, "customer", made["object"])
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, made["created_at"])
	require.NotContains(t, made, "updated_at")
	require.Equal(t, object{"points": 0.0, "referred_customers": 0.0, "campaigns": object{}}, made["loyalty"])
	require.Equal(t, object{"total": 0.0, "campaigns": []any{}}, made["referrals"])
	require.Contains(t, made["summary"], "redemptions")
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/customers/ada", nil))
	require.Equal(t, made, d.call(t, 200, "GET", "/v1/customers/"+made["id"].(string), nil))

	// Official sample code sends the whole object back.
	made["name"] = "Ada"
	changed := d.call(t, 200, "PUT", "/v1/customers/ada", made)
	require.Equal(t, "Ada", changed["name"])
	require.Contains(t, changed, "updated_at")
	changed = d.call(t, 200, "POST", "/v1/customers", object{"id": made["id"], "email": nil})
	require.NotContains(t, changed, "email")
	require.Equal(t, "duplicate_found", func() any {
		d.call(t, 200, "POST", "/v1/customers", object{"source_id": "bob"})
		anonymous := d.call(t, 200, "POST", "/v1/customers", object{"name": "?"})
		return d.call(t, 409, "POST", "/v1/customers", object{"id": anonymous["id"], "source_id": "bob"})["key"]
	}())
	refused := d.call(t, 400, "POST", "/v1/customers", object{"id": made["id"], "source_id": "other"})
	require.Equal(t, "source_id", refused["property"])

	require.Equal(t, http.StatusNoContent, d.request(t, "DELETE", "/v1/customers/ada", nil).Code)
	missing := d.call(t, 404, "GET", "/v1/customers/ada", nil)
	require.Equal(t, "Cannot find customer with id ada", missing["details"])
	require.Equal(t, "ada", missing["resource_id"])
	require.Equal(t, "customer", missing["resource_type"])
	d.call(t, 404, "DELETE", "/v1/customers/ada", nil)
	d.call(t, 404, "PUT", "/v1/customers/ada", object{"name": "X"})
}

func TestListingCustomers(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for i := range 12 {
		d.call(t, 200, "POST", "/v1/customers", object{"source_id": fmt.Sprintf("c%02d", i), "email": fmt.Sprintf("c%d@x.y", i)})
	}
	list := d.call(t, 200, "GET", "/v1/customers", nil)
	require.Equal(t, "list", list["object"])
	require.Equal(t, "customers", list["data_ref"])
	require.Len(t, list["customers"], 10)
	require.EqualValues(t, 12, list["total"])
	require.Equal(t, true, list["has_more"])
	require.Equal(t, "c11", list["customers"].([]any)[0].(object)["source_id"])
	list = d.call(t, 200, "GET", "/v1/customers?page=2&order=source_id", nil)
	require.Equal(t, "c10", list["customers"].([]any)[0].(object)["source_id"])
	require.Equal(t, false, list["has_more"])
	list = d.call(t, 200, "GET", "/v1/customers?email=C3%40x.y&created_at%5Bafter%5D=2020-01-01", nil)
	require.EqualValues(t, 1, list["total"])

	// What the SDK's scroll does: on from the smallest instant it has seen, compared as texts.
	seen, after, more := map[string]bool{}, "2200-01-01T00:00:00Z", true
	for more {
		list = d.call(t, 200, "GET", "/v1/customers?limit=5&starting_after="+url.QueryEscape(after), nil)
		for _, one := range list["customers"].([]any) {
			require.False(t, seen[one.(object)["source_id"].(string)])
			seen[one.(object)["source_id"].(string)] = true
			after = min(after, one.(object)["created_at"].(string))
		}
		more = list["has_more"].(bool)
	}
	require.Len(t, seen, 12)
}

func TestConsents(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ada := d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada"})
	news := d.call(t, 200, "POST", "/v1/consents", object{"name": "News", "category": "marketing"})
	require.Equal(t, "duplicate_found", d.call(t, 409, "POST", "/v1/consents", object{"name": "News"})["key"])
	list := d.call(t, 200, "GET", "/v1/consents", nil)["consents"].(object)
	require.Equal(t, []any{news}, list["data"])

	path := "/v1/customers/ada/consents"
	id := news["id"].(string)
	given := func() (given bool) {
		err := d.pool.QueryRow(t.Context(), "SELECT given FROM customer_consents").Scan(&given)
		require.NoError(t, err)
		return given
	}
	require.Equal(t, 204, d.request(t, "PUT", path, object{id: true}).Code)
	require.True(t, given())
	require.Equal(t, 204, d.request(t, "PUT", path, object{"unsubscribed": true}).Code)
	require.False(t, given())
	require.Contains(t, d.call(t, 200, "GET", "/v1/customers/"+ada["id"].(string), nil), "unsubscribed_at")
	require.Equal(t, 204, d.request(t, "PUT", path, object{id: true}).Code)
	require.NotContains(t, d.call(t, 200, "GET", "/v1/customers/ada", nil), "unsubscribed_at", "who agrees again is written to again")

	require.Equal(t, "The payload cannot be empty", d.call(t, 400, "PUT", path, object{})["details"])
	d.call(t, 400, "PUT", path, object{id: "yes"})
	d.call(t, 400, "PUT", path, object{"marketing": true})
	d.call(t, 404, "PUT", path, object{"cnst_0192f0c1b8d77d4fa1c3e5f708192a3b": true})
	d.call(t, 404, "PUT", "/v1/customers/nobody/consents", object{id: true})
	other := d.elsewhere(t)
	other.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada"})
	other.call(t, 404, "PUT", path, object{id: true})
}

func TestAnotherProjectsKeySeesNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ada := d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada"})
	segment := d.call(t, 200, "POST", "/v1/segments", object{"name": "s", "type": "static", "customers": []string{"ada"}})
	action := d.uploadCustomers(t, 202, "Name\nX\n")["async_action_id"].(string)
	other := d.elsewhere(t)
	for _, path := range []string{"/v1/customers/ada", "/v1/customers/" + ada["id"].(string), "/v1/segments/" + segment["id"].(string)} {
		other.call(t, 404, "GET", path, nil)
		other.call(t, 404, "DELETE", path, nil)
	}
	other.call(t, 404, "PUT", "/v1/customers/ada", object{"name": "X"})
	other.call(t, 404, "POST", "/v1/customers", object{"id": ada["id"], "name": "X"})
	other.call(t, 404, "GET", "/v1/async-actions/"+action, nil)
	other.call(t, 404, "GET", "/v1/customers?segment_id="+segment["id"].(string), nil)
	other.call(t, 400, "POST", "/v1/segments", object{"name": "s", "type": "static", "customers": []any{ada["id"]}})
	for path, key := range map[string]string{"/v1/customers": "customers", "/v1/segments": "data", "/v1/async-actions": "async_actions"} {
		require.Empty(t, other.call(t, 200, "GET", path, nil)[key])
	}
	require.Empty(t, other.call(t, 200, "GET", "/v1/customers/ada/segments", nil)["data"])
}

// uploadCustomers sends a CSV file to be imported.
func (d door) uploadCustomers(t testing.TB, status int, content string, headers ...string) object {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="customers.csv"`}, "Content-Type": {"text/csv"},
	})
	require.NoError(t, err)
	_, err = part.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return d.call(t, status, "POST", "/v1/customers/importCSV", &body, append(headers, "Content-Type", form.FormDataContentType())...)
}

// carryOut does what an async action orders, as the worker would, and returns the action after it.
func (d door) carryOut(t testing.TB, answer object) object {
	t.Helper()
	name := answer["async_action_id"].(string)
	before := d.call(t, 200, "GET", "/v1/async-actions/"+name, nil)
	require.Equal(t, "ENQUEUED", before["status"])
	require.Nil(t, before["result"])
	action, ok := id.AsyncAction.Parse(name)
	require.True(t, ok)
	_, err := db.Customers{Pool: d.pool}.Work(t.Context(), d.project, action, func(db.ImportState) {})
	require.NoError(t, err)
	after := d.call(t, 200, "GET", "/v1/async-actions/"+name, nil)
	require.Equal(t, "DONE", after["status"])
	require.Equal(t, "SUCCESS", after["operation_status"])
	require.EqualValues(t, 100, after["progress"])
	return after
}

func TestImportingAFile(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	answer := d.uploadCustomers(t, 202, "Source_id,Name,Email\nada,Ada,ada@example.com\nbob,Bob,nobody\n", "Idempotency-Key", "file")
	require.Equal(t, answer, d.uploadCustomers(t, 202, "Source_id,Name,Email\nada,Ada,ada@example.com\nbob,Bob,nobody\n", "Idempotency-Key", "file"),
		"the same file with another boundary is the same request")
	action := d.carryOut(t, answer)
	require.Equal(t, "CUSTOMERS.IMPORT_CSV", action["type"])
	require.Equal(t, object{
		"message": "1 customer(s) imported successfully, 1 failed.", "done_count": 1.0, "failed_count": 1.0,
		"failed": []any{object{"source_id": "bob", "row": 2.0, "reason": "email should be an email address: missing '@' or angle-addr"}},
	}, action["result"])
	d.call(t, 200, "GET", "/v1/customers/ada", nil)
	d.call(t, 404, "GET", "/v1/customers/bob", nil)
	require.Len(t, d.call(t, 200, "GET", "/v1/async-actions", nil)["async_actions"], 1)
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for content, details := range map[string]string{
		"":                                "The file is empty",
		"PK\x03\x04...":                   "The file is a workbook",
		"N\x00a\x00m\x00e\x00\n\x00":      "The file looks like UTF-16 without a byte order mark",
		"Na\xefme\n":                      "The first line is not UTF-8 text",
		"Name,Email,NAME\n":               `The file has two columns named "NAME"`,
		"Name\rAda\r":                     "The file's lines end in a lone carriage return",
		"\"Name\nAda\n":                   "a quote in it is out of place",
		strings.Repeat("x", 2<<20) + "\n": "The first line is longer than",
		",,\n":                            "The first line names no column",
	} {
		require.Contains(t, d.uploadCustomers(t, 400, content)["details"], details)
	}
	d.uploadCustomers(t, 413, "Name\n"+strings.Repeat("x", 10<<20))
	d.call(t, 400, "POST", "/v1/customers/importCSV", "Name\n", "Content-Type", "text/csv")
}

func TestChangingCustomersInBulk(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada", "name": "Ada"})
	d.carryOut(t, d.call(t, 202, "POST", "/v1/customers/bulk/async", []object{
		{"source_id": "ada", "email": "ada@example.com", "created_at": "2020", "object": "customer"}, {"source_id": "bob", "name": "Bob"},
	}))
	action := d.carryOut(t, d.call(t, 202, "POST", "/v1/customers/metadata/async", object{"source_ids": []string{"ada", "cyd"}, "metadata": object{"a": 1}}))
	require.Equal(t, object{"done_count": 2.0, "failed_count": 0.0, "reports": []any{}, "errors": []any{}}, action["result"])
	ada := d.call(t, 200, "GET", "/v1/customers/ada", nil)
	require.Equal(t, []any{"Ada", "ada@example.com", object{"a": 1.0}}, []any{ada["name"], ada["email"], ada["metadata"]})
	require.Equal(t, "Bob", d.call(t, 200, "GET", "/v1/customers/bob", nil)["name"])
	require.Equal(t, object{"a": 1.0}, d.call(t, 200, "GET", "/v1/customers/cyd", nil)["metadata"])
	require.Equal(t, []string{"customer.created"}, types(d.call(t, 200, "GET", "/v1/customers/ada/activity", nil)), "the call told of her, the updates do not")
	require.Empty(t, types(d.call(t, 200, "GET", "/v1/customers/bob/activity", nil)))
	d.carryOut(t, d.uploadCustomers(t, 202, "Source_id,Name\nada,Countess\ndot,Dot\n"))
	require.Len(t, types(d.call(t, 200, "GET", "/v1/customers/ada/activity", nil)), 1)
	require.Empty(t, types(d.call(t, 200, "GET", "/v1/customers/dot/activity", nil)))

	refused := d.call(t, 400, "POST", "/v1/customers/bulk/async", []object{{"source_id": "ada"}, {"name": "no source"}, {"source_id": "x", "email": "x"}})
	require.Equal(t, "[1].source_id", refused["property"])
	require.Len(t, refused["errors"], 2)
	d.call(t, 400, "POST", "/v1/customers/bulk/async", "[]")
	d.call(t, 400, "POST", "/v1/customers/bulk/async", "{}")
	d.call(t, 400, "POST", "/v1/customers/metadata/async", object{"source_ids": []string{}, "metadata": object{}})
	d.call(t, 400, "POST", "/v1/customers/metadata/async", object{"source_ids": []string{"ada"}})
}
