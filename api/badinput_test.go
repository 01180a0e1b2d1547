package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryRuleOfEveryBodyHolds sends each route a body that is good, but for one rule of its schema, for each of the rules:
// every one is refused in the documented form, and nothing in the database has changed.
func TestEveryRuleOfEveryBodyHolds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("some thousand requests")
	}
	w := buildWorld(t)
	for operation, body := range operations(t, "POST", "PUT") {
		if body.RequestBody == nil || body.RequestBody.Value.Content.Get("application/json") == nil {
			continue
		}
		t.Run(strings.ReplaceAll(operation, "/", " "), func(t *testing.T) {
			good, known := w.bodies[operation]
			require.True(t, known, "the world has no good body for %s", operation)
			method, path := w.fill(t, operation)
			schema := body.RequestBody.Value.Content.Get("application/json").Schema.Value
			good = asJSON(good)
			require.NoError(t, schema.VisitJSON(good), "the good body does not fit its own schema")
			before := w.fingerprint(t)
			for _, one := range append(breaks(schema, good), hostile(good)...) {
				answer := w.request(t, method, path, one.body)
				assert.True(t, answer.Code >= 400 && answer.Code < 500, "%s: %v: %d %s", one.why, one.body, answer.Code, answer.Body)
			}
			require.Equal(t, before, w.fingerprint(t), "a refused call changed something")
			if slices.Contains(needsWorker, operation) {
				return
			}
			answer := w.request(t, method, path, good)
			require.True(t, answer.Code < 300 || refusedNow[operation] == answer.Code, "the good body is refused: %d %s", answer.Code, answer.Body)
		})
	}
}

// hostile are bodies that no schema speaks of.
func hostile(good any) []broken {
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	made := []broken{
		{"nested too deeply", deep}, {"cut off", `{"name": "`}, {"two values", "{} {}"}, {"a number that is none", `{"x": 1e999999}`},
		{"not UTF-8", "{\"\xff\": 1}"},
	}
	if whole, ok := good.(map[string]any); ok {
		made = append(made, broken{"a property that there is not", replaced(whole, []any{"no_such_property"}, "x")})
	}
	return made
}

// TestEveryRuleOfEveryQueryHolds breaks each rule of each query parameter.
func TestEveryRuleOfEveryQueryHolds(t *testing.T) {
	t.Parallel()
	w := buildWorld(t)
	for operation, described := range operations(t, "GET") {
		if len(described.Parameters) == 0 {
			continue
		}
		_, path := w.fill(t, operation)
		require.Equal(t, 400, w.request(t, "GET", path+"?no_such_parameter=1", nil).Code, operation)
		for _, parameter := range described.Parameters {
			p := parameter.Value
			if p.In != "query" || p.Style == "deepObject" {
				continue
			}
			for _, value := range wrongQueries(p.Schema.Value) {
				query := path + "?" + p.Name + "=" + value
				answer := w.request(t, "GET", query, nil)
				assert.Contains(t, []int{400, 404}, answer.Code, "%s: %s", query, answer.Body)
			}
		}
	}
}

func wrongQueries(s *openapi3.Schema) (wrong []string) {
	if s.Type.Includes("integer") {
		wrong = append(wrong, "ten", "1.5", "99999999999999999999")
		if s.Min != nil {
			wrong = append(wrong, fmt.Sprint(int64(*s.Min)-1))
		}
		if s.Max != nil {
			wrong = append(wrong, fmt.Sprint(int64(*s.Max)+1))
		}
	}
	if len(s.Enum) > 0 || s.Type.Includes("boolean") {
		wrong = append(wrong, "no-such-word")
	}
	if s.Format == "date-time" || strings.Contains(s.Description, "ISO 8601") {
		wrong = append(wrong, "soon")
	}
	return wrong
}

// TestUnknownIDsAreNotFound asks every route for a thing that there is not.
func TestUnknownIDsAreNotFound(t *testing.T) {
	t.Parallel()
	w := buildWorld(t)
	for operation := range operations(t, "GET", "PUT", "POST", "DELETE") {
		method, path := w.fill(t, operation)
		if !strings.Contains(operation, "{") || slices.Contains(servesUnknown, operation) {
			continue
		}
		at := strings.LastIndex(path, w.lastID)
		unknown := path[:at] + unknownLike(w.lastID) + path[at+len(w.lastID):]
		answer := w.request(t, method, unknown, w.bodies[operation])
		assert.Equal(t, http.StatusNotFound, answer.Code, "%s %s: %s", method, unknown, answer.Body)
	}
}

// unknownLike is an id of the same form that nobody has.
func unknownLike(known string) string {
	if prefix, _, ok := strings.Cut(known, "_"); ok {
		return prefix + "_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	}
	return "NO-SUCH-" + known
}
