package db

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"herald/internal/fault"
)

// Filter narrows a list by the public API's filters[field][conditions][$operator]; all conditions must hold, or any.
type Filter struct {
	Any        bool
	Conditions []Condition
}

// Condition is one operator on one field.
type Condition struct {
	Field    string
	Operator string
	Values   []string
}

// filterColumn is where a field of a filter stands and what it holds: text, number, time or truth. Under a field's name, a space and
// an operator stands a condition of its own: of an operator without a value ("active $expired"), or one that finds by an index what
// has one of the values ("voucher_code $is"), where the expression would be asked of every row; the list's project is $1.
type filterColumn struct{ expression, kind string }

// where gathers the conditions of a list whose shape depends on what is asked for.
type where struct {
	statement statement // only its arguments
	clauses   []string
}

// add keeps a condition; each ? stands for the next argument.
func (w *where) add(clause string, args ...any) {
	w.clauses = append(w.clauses, w.bind(clause, args...))
}

// bind puts arguments into a piece of SQL.
func (w *where) bind(piece string, args ...any) string {
	for _, arg := range args {
		piece = strings.Replace(piece, "?", w.statement.arg(arg), 1)
	}
	return piece
}

func (w *where) String() string { return strings.Join(w.clauses, " AND ") }

// between keeps rows that the expression puts after and before the given instants.
func (w *where) between(expression string, after, before *time.Time) {
	if after != nil {
		w.add(expression+" > ?", *after)
	}
	if before != nil {
		w.add(expression+" < ?", *before)
	}
}

// filter compiles f; columns are the fields the list knows, and metadata is the column that metadata.* reads.
func (w *where) filter(f Filter, columns map[string]filterColumn, metadata string) error {
	var pieces []string
	for _, c := range f.Conditions {
		piece, err := w.piece(c, columns, metadata)
		if err != nil {
			return err
		}
		pieces = append(pieces, piece)
	}
	if len(pieces) == 0 {
		return nil
	}
	junction := " AND "
	if f.Any {
		junction = " OR "
	}
	w.clauses = append(w.clauses, "("+strings.Join(pieces, junction)+")")
	return nil
}

// piece compiles one condition.
func (w *where) piece(c Condition, columns map[string]filterColumn, metadata string) (string, error) {
	if own, is := columns[c.Field+" "+c.Operator]; is {
		if own.kind == "" {
			return own.expression, nil
		}
		return w.values(c, own, "%s")
	}
	at, ok := columns[c.Field]
	if key, is := strings.CutPrefix(c.Field, "metadata."); is && key != "" && metadata != "" {
		at, ok = filterColumn{w.bind("("+metadata+"->>?)", key), "text"}, true
	}
	if !ok {
		return "", badFilter(c, "it is not a field that this list filters by")
	}
	return w.condition(c, at)
}

// comparisons are the operators that compare with one value.
var comparisons = map[string]string{
	"$more_than": ">", "$less_than": "<", "$more_than_equal": ">=", "$less_than_equal": "<=", "$after": ">", "$before": "<",
}

// patterns are the operators that look into a text.
var patterns = map[string]string{
	"$contains": "%%%s%%", "$not_contain": "%%%s%%", "$starts_with": "%s%%", "$ends_with": "%%%s",
}

func (w *where) condition(c Condition, at filterColumn) (string, error) {
	switch c.Operator {
	case "$has_value":
		return at.expression + " IS NOT NULL", nil
	case "$is_unknown":
		return at.expression + " IS NULL", nil
	}
	if len(c.Values) == 0 {
		return "", badFilter(c, "it has no value")
	}
	switch c.Operator {
	case "$is", "$in":
		return w.values(c, at, "(%s = ANY(?))")
	case "$is_not", "$not_in":
		return w.values(c, at, "(%[1]s IS NULL OR %[1]s <> ALL(?))")
	}
	if sign, ok := comparisons[c.Operator]; ok {
		value, err := typed(c, at.kind, c.Values[0])
		if err != nil {
			return "", err
		}
		return w.bind(fmt.Sprintf("(%s %s ?)", at.expression, sign), value), nil
	}
	if shape, ok := patterns[c.Operator]; ok {
		not := ""
		if c.Operator == "$not_contain" {
			not = "NOT "
		}
		escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(c.Values[0])
		return w.bind(fmt.Sprintf("(%scoalesce(%s::text ILIKE ?, false))", not, at.expression), fmt.Sprintf(shape, escaped)), nil
	}
	return "", badFilter(c, "the operator is not known here")
}

// values compiles a condition on a set of values.
func (w *where) values(c Condition, at filterColumn, shape string) (string, error) {
	list := make([]any, len(c.Values))
	for i, text := range c.Values {
		value, err := typed(c, at.kind, text)
		if err != nil {
			return "", err
		}
		list[i] = value
	}
	return w.bind(fmt.Sprintf(shape, at.expression), array(at.kind, list)), nil
}

// array is the list with the type that the driver can send.
func array(kind string, list []any) any {
	switch kind {
	case "number":
		return sliceOf[float64](list)
	case "time":
		return sliceOf[time.Time](list)
	case "truth":
		return sliceOf[bool](list)
	}
	return sliceOf[string](list)
}

func sliceOf[T any](list []any) []T {
	out := make([]T, len(list))
	for i, value := range list {
		out[i] = value.(T)
	}
	return out
}

// typed reads one value of a condition as what its column holds.
func typed(c Condition, kind, text string) (any, error) {
	switch kind {
	case "number":
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n, nil
		}
		return nil, badFilter(c, "%q is not a number", text)
	case "time":
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				return at, nil
			}
		}
		return nil, badFilter(c, "%q is not a date and time as in 2022-08-30T06:32:07.380Z", text)
	case "truth":
		if yes, err := strconv.ParseBool(strings.ToLower(text)); err == nil {
			return yes, nil
		}
		return nil, badFilter(c, "%q is neither true nor false", text)
	}
	return text, nil
}

func badFilter(c Condition, format string, args ...any) error {
	f := fault.New(fault.InvalidQuery, "Filter on %q with %s: "+format, append([]any{c.Field, c.Operator}, args...)...)
	f.Property = "filters[" + c.Field + "]"
	return f
}
