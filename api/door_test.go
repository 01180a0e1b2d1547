package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"herald/api"
	"herald/db"
	"herald/internal/enginetest"
	"herald/internal/pgtest"
	"herald/workflows"
)

// door is the API on a database of its own, and a key of one project.
type door struct {
	handler http.Handler
	pool    *pgxpool.Pool
	project uuid.UUID
	appID   string
	token   string
}

// searchAttributes is done once for the engine of this binary.
var searchAttributes sync.Once

// object is a JSON object as a caller reads it.
type object = map[string]any

func openDoor(t testing.TB) door {
	t.Helper()
	return doorOn(t, pgtest.New(t), api.Options{})
}

func doorOn(t testing.TB, pool *pgxpool.Pool, o api.Options) door {
	t.Helper()
	o.Pool, o.Engine = pool, enginetest.Client(t)
	searchAttributes.Do(func() { require.NoError(t, workflows.EnsureSearchAttributes(t.Context(), o.Engine, "default")) })
	o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	o.Ready = func(context.Context) error { return nil }
	return door{handler: api.New(o), pool: pool}.as(t, db.Admin)
}

// as is the same door with a key of that role, in a project of its own the first time.
func (d door) as(t testing.TB, role db.Role) door {
	t.Helper()
	projects := db.Projects{Pool: d.pool}
	var err error
	if d.project == uuid.Nil {
		d.project, err = projects.Create(t.Context(), "project "+uuid.NewString())
		require.NoError(t, err)
	}
	d.appID, d.token, err = projects.CreateKey(t.Context(), d.project, role, "test")
	require.NoError(t, err)
	return d
}

// elsewhere is the same door with the key of another project.
func (d door) elsewhere(t testing.TB) door {
	d.project = uuid.Nil
	return d.as(t, db.Admin)
}

// request sends a body (nil, a string of JSON, or what marshals to JSON) and returns the answer.
func (d door) request(t testing.TB, method, path string, body any, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return d.requestWithin(t.Context(), t, method, path, body, headers...)
}

// requestWithin is request by a caller who hangs up when ctx ends.
func (d door) requestWithin(ctx context.Context, t testing.TB, method, path string, body any, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	case io.Reader:
		content = b
	default:
		raw, err := json.Marshal(b)
		require.NoError(t, err)
		content = bytes.NewReader(raw)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, content)
	r.Header.Set("X-App-Id", d.appID)
	r.Header.Set("X-App-Token", d.token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	asDescribed(t, r, w)
	return w
}

// call is request with the expected status and the answer's object.
func (d door) call(t testing.TB, status int, method, path string, body any, headers ...string) object {
	t.Helper()
	w := d.request(t, method, path, body, headers...)
	require.Equal(t, status, w.Code, "%s %s: %s", method, path, w.Body)
	if w.Body.Len() == 0 {
		return nil
	}
	var answer object
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
	if status >= 400 && status != http.StatusRequestEntityTooLarge {
		require.EqualValues(t, status, answer["code"])
		require.NotEmpty(t, answer["key"])
		require.NotEmpty(t, answer["message"])
		require.Regexp(t, "^v-[0-9a-f]{16}$", answer["request_id"])
	}
	return answer
}

func TestKeysOpenTheDoor(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	wrong := d
	wrong.token = "guess"
	none := door{handler: d.handler}
	require.Equal(t, "unauthorized", wrong.call(t, 401, "GET", "/v1/customers", nil)["key"])
	require.Equal(t, "unauthorized", none.call(t, 401, "GET", "/v1/customers", nil)["key"])
	require.Equal(t, "unauthorized", none.call(t, 401, "GET", "/v1/nothing", nil)["key"])
	d.call(t, 200, "GET", "/v1/customers", nil)
	require.Equal(t, "not_found", d.call(t, 404, "GET", "/v1/nothing", nil)["key"])
	require.Equal(t, "method_not_allowed", d.call(t, 405, "PUT", "/v1/customers", "{}")["key"])
}

func TestRolesDecideWhatAKeyMayDo(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	ada := object{"source_id": "ada"}
	d.as(t, db.Ingest).call(t, 200, "POST", "/v1/customers", ada)
	d.as(t, db.Viewer).call(t, 200, "GET", "/v1/customers/ada", nil)
	require.Equal(t, "forbidden", d.as(t, db.Ingest).call(t, 403, "GET", "/v1/customers/ada", nil)["key"])
	require.Equal(t, "forbidden", d.as(t, db.Viewer).call(t, 403, "POST", "/v1/customers", ada)["key"])
	require.Equal(t, "forbidden", d.as(t, db.Ops).call(t, 403, "DELETE", "/v1/customers/ada", nil)["key"])
	require.Equal(t, "forbidden", d.as(t, db.Ingest).call(t, 403, "POST", "/v1/segments", object{"name": "x"})["key"])
}

func TestARevokedKeyIsRefusedWithinSeconds(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.call(t, 200, "GET", "/v1/customers", nil)
	require.NoError(t, db.Projects{Pool: d.pool}.RevokeKey(t.Context(), d.appID))
	require.Eventually(t, func() bool { return d.request(t, "GET", "/v1/customers", nil).Code == 401 }, 7*time.Second, 100*time.Millisecond)
}

func TestBadBodiesAreAnsweredWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	deep := `{"metadata":{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`
	for name, c := range map[string]struct{ body, details, property string }{
		"malformed":           {`{"name": "Ada",`, "Malformed JSON: it ends too early, at line 1, column 16", ""},
		"malformed on a line": {"{\n  \"name\": oops\n}", "Malformed JSON at line 2, column 11", ""},
		"not an object":       {`[]`, "The body should be an object", ""},
		"trailing":            {`{} {}`, "Malformed JSON at line 1, column 4", ""},
		"unknown":             {`{"nmae": "Ada"}`, "Property .nmae is not allowed", "nmae"},
		"unknown inside":      {`{"address": {"town": "X"}}`, "Property .address.town is not allowed", "address.town"},
		"wrong type":          {`{"name": 7}`, "Property .name should be a string", "name"},
		"wrong type inside":   {`{"address": {"city": []}}`, "Property .address.city should be a string", "address.city"},
		"twice":               {`{"name": "a", "name": "b"}`, "Property .name is given twice", "name"},
		"NUL":                 {`{"name": "a\u0000b"}`, "A text holds a NUL character", ""},
		"bad UTF-8":           {"{\"name\": \"\xff\"}", "Malformed JSON", ""},
		"lone surrogate":      {`{"name": "\ud800"}`, "Malformed JSON", ""},
		"deep":                {deep, "The body nests deeper than 64 levels", ""},
		"huge number":         {`{"metadata": {"n": 1e999999}}`, "A number at line 1, column 20 is out of range", ""},
		"email":               {`{"email": "nobody"}`, "Property .email should be an email address", "email"},
		"email with name":     {`{"email": "Ada <ada@example.com>"}`, "Property .email should be an email address", "email"},
		"email header":        {`{"email": "a@b.c\r\nBcc: x@y.z"}`, "Property .email should be an email address", "email"},
		"birthdate":           {`{"birthdate": "1990-02-30"}`, "Property .birthdate should be a date as in 1990-12-31", "birthdate"},
		"future birthdate":    {`{"birthdate": "2990-01-01"}`, "Property .birthdate should lie between", "birthdate"},
		"long name":           {`{"name": "` + strings.Repeat("é", 256) + `"}`, "Property .name is longer than 255 characters", "name"},
		"empty source":        {`{"source_id": " "}`, "Property .source_id should not be empty", "source_id"},
		"metadata type":       {`{"metadata": "x"}`, "Property .metadata should be an object", "metadata"},
		"metadata key":        {`{"metadata": {"": 1}}`, "A key of .metadata should have 1 to 100 characters", "metadata"},
		"large metadata":      {`{"metadata": {"a": "` + strings.Repeat("x", 40_000) + `"}}`, "Property .metadata is larger than", "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := d.call(t, 400, "POST", "/v1/customers", c.body)
			require.Equal(t, "invalid_payload", answer["key"])
			require.Contains(t, answer["details"], c.details)
			if c.property != "" {
				require.Equal(t, c.property, answer["property"])
			}
		})
	}
	d.call(t, 404, "POST", "/v1/customers", object{"id": "cust_0192f0c1b8d77d4fa1c3e5f708192a3b"})
	require.EqualValues(t, 0, d.call(t, 200, "GET", "/v1/customers", nil)["total"], "nothing is half-written")
}

func TestSeveralFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	answer := d.call(t, 400, "POST", "/v1/customers", object{"email": "nobody", "birthdate": "yesterday", "source_id": ""})
	require.Len(t, answer["errors"], 3)
}

func TestBodiesOverTheLimitAndOfOtherTypes(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	large := `{"name": "` + strings.Repeat("x", 10<<20) + `"}`
	documented := object{
		"statusCode": 413.0, "error": "Request Entity Too Large",
		"message": "Payload content length greater than maximum allowed: 10485760",
	}
	require.Equal(t, documented, d.call(t, 413, "POST", "/v1/customers", large))
	// Without a content length it is only found out while reading.
	require.Equal(t, documented, d.call(t, 413, "POST", "/v1/customers", io.MultiReader(strings.NewReader(large))))
	answer := d.call(t, 415, "POST", "/v1/customers", "name=Ada", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, "unsupported_media_type", answer["key"])
}

func TestBadQueriesAreAnsweredWithWhatIsAllowed(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for query, details := range map[string]string{
		"limit=0":                "Query parameter limit should be a whole number from 1 to 100",
		"limit=101":              "Query parameter limit should be a whole number from 1 to 100",
		"limit=ten":              "Query parameter limit should be a whole number from 1 to 100",
		"page=100":               "Query parameter page should be a whole number from 1 to 99",
		"order=name":             "Query parameter order should be one of: -created_at, created_at",
		"created_at[after]=soon": "Query parameter created_at[after] should be a date and time",
		"emial=x":                "Query parameter emial is not known here; there are: city",
		"limit=1&limit=2":        "Query parameter limit is given 2 times",
		"name=%00":               "Query parameter name is not valid UTF-8 text",
		"name=%ff":               "Query parameter name is not valid UTF-8 text",
		"name=%zz":               "The query string cannot be read",
		"starting_after=2200-01-01T00:00:00Z&order=source_id": "Query parameter starting_after goes with the order",
	} {
		answer := d.call(t, 400, "GET", "/v1/customers?"+query, nil)
		require.Equal(t, "invalid_query_params", answer["key"], query)
		require.Contains(t, answer["details"], details, query)
	}
}

func TestEverySpellingOfAPathReachesItsRoute(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	for source, path := range map[string]string{
		"a b/@x":    "/v1/customers/a%20b%2F%40x",
		"100%":      "/v1/customers/100%25",
		"50%2F":     "/v1/customers/50%252F",
		"ünï":       "/v1/customers/%C3%BCn%C3%AF",
		"plus+sign": "/v1/customers/plus+sign",
	} {
		d.call(t, 200, "POST", "//v1/customers/", object{"source_id": source})
		require.Equal(t, source, d.call(t, 200, "GET", path, nil)["source_id"])
		require.Equal(t, source, d.call(t, 200, "GET", "/"+path+"/", nil)["source_id"])
	}
	d.call(t, 404, "GET", "/v1/customers/a%00b", nil)
	d.call(t, 404, "GET", "/v1/customers/%ff", nil)
}

func TestRatesAreLimitedPerKeyAndSaidInHeaders(t *testing.T) {
	t.Parallel()
	d := doorOn(t, pgtest.New(t), api.Options{Rate: 3})
	other := d.elsewhere(t)
	var last *httptest.ResponseRecorder
	require.Eventually(t, func() bool { // a new minute of the clock may begin in between
		last = d.request(t, "GET", "/v1/customers", nil)
		require.Equal(t, "3", last.Header().Get("X-Rate-Limit-Limit"))
		require.Equal(t, "api_calls", last.Header().Get("X-Rate-Limit-Type"))
		return last.Code == 429
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, "0", last.Header().Get("X-Rate-Limit-Remaining"))
	require.Regexp(t, `^[1-9]\d?$`, last.Header().Get("Retry-After"))
	require.Contains(t, last.Body.String(), `"key":"too_many_requests"`)
	require.Equal(t, 200, other.request(t, "GET", "/v1/customers", nil).Code)
}

func TestTheSameRequestTwiceIsServedOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	key := []string{"Idempotency-Key", "k-1"}
	first := d.request(t, "POST", "/v1/customers", object{"name": "Ada"}, key...)
	require.Equal(t, 200, first.Code)
	second := d.request(t, "POST", "/v1/customers", object{"name": "Ada"}, key...)
	require.Equal(t, 200, second.Code)
	require.Equal(t, first.Body.String(), second.Body.String())
	require.Equal(t, "true", second.Header().Get("Idempotent-Replayed"))
	require.EqualValues(t, 1, d.call(t, 200, "GET", "/v1/customers", nil)["total"])

	answer := d.call(t, 409, "POST", "/v1/customers", object{"name": "Grace"}, key...)
	require.Contains(t, answer["details"], "was used for another request")
	refused := d.call(t, 400, "POST", "/v1/customers", object{"email": "x"}, "Idempotency-Key", "k-2")
	require.Equal(t, refused, d.call(t, 400, "POST", "/v1/customers", object{"email": "x"}, "Idempotency-Key", "k-2"))
	d.elsewhere(t).call(t, 200, "POST", "/v1/customers", object{"name": "Grace"}, key...)
	d.call(t, 400, "POST", "/v1/customers", object{"name": "Ada"}, "Idempotency-Key", strings.Repeat("k", 300))
}

func TestARequestThatStillRunsIsNotServedTwice(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	hold, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = hold.Rollback(context.Background()) }()
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": "ada"})
	_, err = hold.Exec(t.Context(), "SELECT FROM customers WHERE source_id = 'ada' FOR UPDATE")
	require.NoError(t, err)

	change := object{"source_id": "ada", "name": "Ada"}
	done := make(chan int)
	go func() { done <- d.request(t, "POST", "/v1/customers", change, "Idempotency-Key", "k").Code }()
	require.Eventually(t, func() bool {
		var running bool
		require.NoError(t, d.pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM idempotency_keys WHERE status IS NULL)").Scan(&running))
		return running
	}, 5*time.Second, 5*time.Millisecond)
	answer := d.call(t, 409, "POST", "/v1/customers", change, "Idempotency-Key", "k")
	require.Contains(t, answer["details"], "still being served")
	require.NoError(t, hold.Rollback(t.Context()))
	require.Equal(t, 200, <-done)
	d.call(t, 200, "POST", "/v1/customers", change, "Idempotency-Key", "k")
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	server := httptest.NewServer(d.handler)
	defer server.Close()
	for path, want := range map[string]int{"/v1/customers": 200, "/v1/customers/nobody": 404, "/readyz": 200, "/v1/customers/bulk/async": 405} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, nil)
		require.NoError(t, err)
		request.Header.Set("X-App-Id", d.appID)
		request.Header.Set("X-App-Token", d.token)
		answer, err := server.Client().Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, errors.Join(err, answer.Body.Close()))
		require.Equal(t, want, answer.StatusCode, path)
		require.Empty(t, body)
		require.Positive(t, answer.ContentLength, path)
	}
}

func TestWhoSendsTooMuchIsHeardOut(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	server := httptest.NewServer(d.handler)
	defer server.Close()
	large := strings.Repeat("x", 15<<20)
	for framing, body := range map[string]string{
		"Content-Length: " + strconv.Itoa(len(large)): large,
		"Transfer-Encoding: chunked":                  fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(large), large),
	} {
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		_, err = fmt.Fprintf(connection, "POST /v1/customers HTTP/1.1\r\nHost: x\r\nX-App-Id: %s\r\nX-App-Token: %s\r\n"+
			"Content-Type: application/json\r\n%s\r\n\r\n%s", d.appID, d.token, framing, body)
		require.NoError(t, err, "a client that writes all before it reads: %s", framing)
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		require.NoError(t, err)
		require.Equal(t, 413, answer.StatusCode)
		require.NoError(t, errors.Join(answer.Body.Close(), connection.Close()))
	}
}
