package api

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// nested reads what a body would say from the parameters with those names, for calls that can only GET, as in
// customer[source_id]=ann&item[0][quantity]=2. It is as strict as a body, and ends the reading of the query. Values are texts;
// where the body has a number, it is read from the text.
func nested[T any](q *query, names ...string) (into T, err error) {
	whole := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		path := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
		if !slices.Contains(names, path[0]) {
			continue
		}
		if len(path) > maxDepth {
			q.complain(name, "Query parameter %s nests deeper than %d levels", name, maxDepth)
		} else if !nest(whole, path, q.text(name)) {
			q.complain(name, "Query parameter %s contradicts another", name)
		}
	}
	q.known = append(q.known, names...)
	if err := q.err(); err != nil {
		return into, err
	}
	raw, err := json.Marshal(enlist(whole))
	if err != nil {
		return into, err
	}
	return into, decode(raw, &into, json.StringifyNumbers(true))
}

// nest puts a value into nested objects; false where something else stands in its way.
func nest(into map[string]any, path []string, value any) bool {
	for _, name := range path[:len(path)-1] {
		if into[name] == nil {
			into[name] = map[string]any{}
		}
		inner, ok := into[name].(map[string]any)
		if !ok {
			return false
		}
		into = inner
	}
	last := path[len(path)-1]
	if into[last] != nil {
		return false
	}
	into[last] = value
	return true
}

// enlist makes lists of the objects whose keys count from 0.
func enlist(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	list := make([]any, len(object))
	for name, inner := range object {
		object[name] = enlist(inner)
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(list) && name == strconv.Itoa(i) {
			list[i] = object[name]
		}
	}
	if len(list) == 0 || slices.Contains(list, nil) {
		return object
	}
	return list
}
