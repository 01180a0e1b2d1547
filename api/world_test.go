package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// world is a project in which there is one of everything, with a good body for each route that takes one.
type world struct {
	door
	ids     map[string]string // by the path before the id: "customers", or "loyalties/tiers" where one word is not enough
	bodies  map[string]any    // by method and path, as the description writes them
	secrets []string          // texts that only this project may read
	lastID  string            // the last that fill put into a path
}

// fill writes an operation's path with the ids of the world.
func (w *world) fill(t testing.TB, operation string) (method, path string) {
	t.Helper()
	method, template, _ := strings.Cut(operation, " ")
	var before, filled []string
	for _, part := range strings.Split(template, "/") {
		if !strings.HasPrefix(part, "{") {
			before, filled = append(before, part), append(filled, part)
			continue
		}
		known, ok := w.ids[operation]
		ok = ok && !strings.Contains(template[strings.Index(template, part)+1:], "{") // it is the last one's
		for from := 0; from < len(before) && !ok; from++ {                            // the longest path that is known
			known, ok = w.ids[strings.Join(before[from:], "/")]
		}
		require.True(t, ok, "the world has no id for %s in %s", part, operation)
		w.lastID = known
		filled = append(filled, known)
	}
	return method, strings.Join(filled, "/")
}

// fingerprint is one text for all rows of the project in all tables; rows that hang on others, and name no project, count
// whosever they are.
func (w *world) fingerprint(t testing.TB) string {
	t.Helper()
	found, err := w.pool.Query(t.Context(), `SELECT t.table_name,
		EXISTS (SELECT FROM information_schema.columns c WHERE c.table_name = t.table_name AND c.column_name = 'project_id')
		FROM information_schema.tables t WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE'
		AND t.table_name NOT IN ('api_keys', 'projects') ORDER BY 1`)
	require.NoError(t, err)
	tables := map[string]bool{}
	var table string
	var tenants bool
	_, err = pgx.ForEachRow(found, []any{&table, &tenants}, func() error {
		tables[table] = tenants
		return nil
	})
	require.NoError(t, err)
	var marks []string
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		query, args := `SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM `+table+` t`, []any{}
		if tables[table] {
			query, args = query+" WHERE t.project_id = $1", []any{w.project}
		}
		var mark *string
		require.NoError(t, w.pool.QueryRow(t.Context(), query, args...).Scan(&mark))
		if mark != nil {
			marks = append(marks, table+" "+*mark)
		}
	}
	return strings.Join(marks, "\n")
}

// operations are those of the description with one of the methods, in order.
func operations(t testing.TB, methods ...string) func(yield func(string, *openapi3.Operation) bool) {
	t.Helper()
	doc, err := document()
	require.NoError(t, err)
	all := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if slices.Contains(methods, method) && strings.HasPrefix(path, "/v1/") {
				all[method+" "+path] = operation
			}
		}
	}
	return func(yield func(string, *openapi3.Operation) bool) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !yield(name, all[name]) {
				return
			}
		}
	}
}

// make makes something and returns its id.
func (w *world) make(t testing.TB, path string, body any) string {
	t.Helper()
	made := w.call(t, 200, "POST", path, body)
	one, _ := made["id"].(string)
	require.NotEmpty(t, one, "%s: %v", path, made)
	return one
}

// Routes that make what they name, or answer for what they do not know.
var (
	servesUnknown = []string{
		"POST /v1/vouchers/{code}", "POST /v1/campaigns/{campaign}/vouchers/{code}", "GET /v1/customers/{id}/segments",
		"GET /v1/validation-rules/{rule}/assignments", "POST /v1/vouchers/{code}/validate",
	}
	// refusedNow are the routes whose good body comes at a bad time, with the answer.
	refusedNow = map[string]int{"POST /v1/distributions/{id}/retry": 409}
	// needsWorker are the routes that answer only once a worker has done something.
	needsWorker  = []string{"POST /v1/distributions/{id}/test"}
	opensUnknown = map[string]bool{
		"POST /v1/vouchers/{code}": true, "GET /v1/customers/{id}/segments": true, "GET /v1/validation-rules/{rule}/assignments": true,
		"POST /v1/vouchers/{code}/validate": true,
	}
)
