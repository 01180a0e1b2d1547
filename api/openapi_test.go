package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"herald/api"
)

// document is the API's own description.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	w := httptest.NewRecorder()
	api.New(api.Options{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// described finds the operation of a request in the description.
var described = sync.OnceValues(func() (routers.Router, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

// asDescribed holds an answer against the description.
func asDescribed(t testing.TB, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(r.URL.Path, "/v1/") && !strings.HasPrefix(r.URL.Path, "/client/v1/") || r.Method == http.MethodOptions {
		return
	}
	router, err := described()
	require.NoError(t, err)
	r = r.Clone(t.Context())
	r.URL.Path, r.URL.RawPath = r.URL.EscapedPath(), "" // %2F stays within its segment
	route, params, err := router.FindRoute(r)
	if err != nil { // an odd path, or one that there is not: nothing is promised but an error
		require.GreaterOrEqual(t, w.Code, 400, "%s %s is not described: %v", r.Method, r.URL, err)
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code, Header: w.Header(), Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), input.SetBodyBytes(w.Body.Bytes())), "%s %s answers %d %s", r.Method, r.URL, w.Code, w.Body)
}

var parameter = regexp.MustCompile(`:(\w+)`)

func TestEveryRouteIsDescribedAndNothingElse(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal(d.request(t, "GET", "/openapi.json", nil).Body.Bytes(), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	var said, served []string
	for path, methods := range doc.Paths {
		for method := range methods {
			if method != "parameters" {
				said = append(said, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, route := range d.handler.(interface{ Routes() []*echo.Route }).Routes() {
		if strings.HasPrefix(route.Path, "/v1/") || strings.HasPrefix(route.Path, "/client/v1/") || strings.HasPrefix(route.Path, "/api/v1/") {
			served = append(served, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
		}
	}
	require.ElementsMatch(t, served, said)
}
