package api

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"herald/db"
)

// filters reads the advanced filters of lists, filters[field][conditions][$operator] with one value or an index for each, and
// filters[junction].
func (q *query) filters() db.Filter {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		if strings.HasPrefix(name, "filters[") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var f db.Filter
	for _, name := range names {
		value := q.text(name)
		parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(name, "filters["), "]"), "][")
		switch {
		case len(parts) == 1 && parts[0] == "junction":
			switch strings.ToLower(value) {
			case "or":
				f.Any = true
			case "and":
			default:
				q.complain(name, "Query parameter %s should be AND or OR", name)
			}
		case (len(parts) == 3 || len(parts) == 4) && parts[1] == "conditions":
			last := len(f.Conditions) - 1
			if last < 0 || f.Conditions[last].Field != parts[0] || f.Conditions[last].Operator != parts[2] {
				f.Conditions = append(f.Conditions, db.Condition{Field: parts[0], Operator: parts[2]})
				last++
			}
			f.Conditions[last].Values = append(f.Conditions[last].Values, value)
		default:
			q.complain(name, "Query parameter %s should read as in filters[code][conditions][$is]=X", name)
		}
	}
	return f
}

// maybe is a property that tells not given, null and given apart.
type maybe[T any] struct {
	given bool
	value *T
}

// UnmarshalJSONFrom reads a T or null.
func (m *maybe[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	m.given = true
	return json.UnmarshalDecode(dec, &m.value)
}

// empties reports whether null was given.
func (m maybe[T]) empties() bool { return m.given && m.value == nil }
