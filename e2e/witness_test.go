package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"
)

// witness stands between an app and Herald, and holds every answer against the public OpenAPI documents; what they do not have
// (consents, validations, the client-side door), and errors that they do not describe, against Herald's own description.
type witness struct {
	*testing.T
	proxy  *httputil.ReverseProxy
	public routers.Router
	own    routers.Router
	names  map[*openapi3.Schema]string // where a schema of the public documents stands

	mutex sync.Mutex
	held  map[string]bool // the operations of the public documents whose answers were held against them
	told  map[string]bool
}

func newWitness(t *testing.T, herald string) *witness {
	t.Helper()
	to, err := url.Parse(herald)
	require.NoError(t, err)
	public, own := publicAPI(t), describedBy(t, herald)
	w := &witness{T: t, names: map[*openapi3.Schema]string{}, held: map[string]bool{}, told: map[string]bool{}}
	for ref, at := range places(public) {
		if ref.Ref == "" {
			w.names[ref.Value] = at
		}
	}
	w.public, err = legacy.NewRouter(public)
	require.NoError(t, err)
	w.own, err = legacy.NewRouter(own)
	require.NoError(t, err)
	w.proxy = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: w.watch,
	}
	return w
}

// describedBy is what Herald says of its API.
func describedBy(t *testing.T, herald string) *openapi3.T {
	t.Helper()
	answer, err := http.Get(herald + "/openapi.json")
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	doc.Servers = nil
	require.NoError(t, doc.Validate(t.Context()))
	return doc
}

// ServeHTTP lets a call through.
func (w *witness) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	w.proxy.ServeHTTP(answer, r)
}

// watch reads an answer on its way to the app.
func (w *witness) watch(answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.hold(answer, body)
	return nil
}

// hold holds an answer against the documents.
func (w *witness) hold(answer *http.Response, body []byte) {
	r := answer.Request.Clone(w.Context())
	r.URL.Path, r.URL.RawPath = r.URL.EscapedPath(), "" // %2F stays within its segment
	failed := answer.StatusCode >= http.StatusBadRequest
	route, params, err := w.public.FindRoute(r)
	public := err == nil && (!failed || route.Operation.Responses.Status(answer.StatusCode) != nil)
	if !public {
		if route, params, err = w.own.FindRoute(r); err != nil {
			if answer.StatusCode != http.StatusNotFound {
				w.complain(r.Method + " " + r.URL.Path + " is described nowhere")
			}
			return
		}
	}
	operation := r.Method + " " + route.Path
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 answer.StatusCode, Header: answer.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	for _, fault := range w.faults(openapi3filter.ValidateResponse(w.Context(), input.SetBodyBytes(body))) {
		w.complain(operation + " " + answer.Status + ": " + fault)
	}
	if public && !failed {
		w.held[operation] = true
		for _, place := range w.unknown(route.Operation.Responses.Status(answer.StatusCode).Value, body) {
			w.complain(operation + " " + answer.Status + ": the public documents know no " + place)
		}
	}
}

// faults are what is wrong with an answer, each with its place in the answer and that of the schema.
func (w *witness) faults(err error) (all []string) {
	var response *openapi3filter.ResponseError
	var schema *openapi3.SchemaError
	var several openapi3.MultiError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &response) && response.Err != nil:
		return w.faults(response.Err)
	case errors.As(err, &schema):
		within := w.faults(schema.Origin)
		at := "/" + strings.Join(schema.JSONPointer(), "/") + " (" + w.names[schema.Schema] + "): " + schema.Reason
		return []string{strings.Join(append([]string{at}, within...), " ← ")}
	case errors.As(err, &several):
		for _, one := range several {
			all = append(all, w.faults(one)...)
		}
		return all
	}
	return []string{err.Error()}
}

// unknown are the places of an answer that the documents do not know.
func (w *witness) unknown(described *openapi3.Response, body []byte) []string {
	content := described.Content.Get("application/json")
	if len(body) == 0 || content == nil {
		return nil
	}
	var value any
	require.NoError(w, json.Unmarshal(body, &value))
	return unknown(value, nil, content.Schema)
}

// complain fails the test, once for each complaint.
func (w *witness) complain(fault string) {
	if !w.told[fault] {
		w.told[fault] = true
		w.Error(fault)
	}
}

// heldAllBut expects answers of every operation of the public documents, but for those.
func (w *witness) heldAllBut(others []string) {
	w.Helper()
	var missing []string
	for path, item := range publicAPI(w.T).Paths.Map() {
		for method := range item.Operations() {
			if operation := method + " " + path; !w.held[operation] {
				missing = append(missing, operation)
			}
		}
	}
	slices.Sort(missing)
	require.Equal(w, others, missing)
}
