package template

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/osteele/liquid/expressions"

	"herald/internal/fault"
)

// Run is one render under way: the variables, the names that the template sets for itself, and the work done so far. It
// serves one goroutine.
type Run struct {
	template *Template
	vars     map[string]any // as given, or own once the template has set a name
	own      map[string]any // kept between runs
	context  expressions.Context
	bound    bool // context and own hold this run's variables
	steps    int
	output   int
	started  time.Time
	scratch  []byte // a value on its way to being escaped
	hole     []byte // what Hole gives out
}

var runs = sync.Pool{New: func() any {
	r := &Run{own: map[string]any{}}
	r.context = expressions.NewContext(r.own, filterConfig)
	return r
}}

// Begin starts a render; End must be called after it.
func (t *Template) Begin(vars map[string]any) *Run {
	r := runs.Get().(*Run)
	r.template, r.vars = t, vars
	if t.stateful {
		r.engine()
	}
	return r
}

// End gives the run back.
func (r *Run) End() {
	if r.bound {
		clear(r.own)
	}
	if cap(r.scratch)+cap(r.hole) > maxValue {
		r.scratch, r.hole = nil, nil
	}
	*r = Run{own: r.own, context: r.context, scratch: r.scratch[:0], hole: r.hole[:0]}
	runs.Put(r)
}

// Hole renders piece i. What it returns is good until the next call.
func (r *Run) Hole(i int) ([]byte, error) {
	var err error
	r.hole, err = r.Append(r.hole[:0], i)
	return r.hole, err
}

// All renders the whole template. What it returns is good until the run's end.
func (r *Run) All() (_ []byte, err error) {
	r.hole = r.hole[:0]
	for i := range r.template.nodes {
		if r.hole, err = r.Append(r.hole, i); err != nil {
			return nil, err
		}
	}
	return r.hole, nil
}

// engine is the library's view of the variables.
func (r *Run) engine() expressions.Context {
	if !r.bound {
		for name, v := range r.vars {
			r.own[name] = v
		}
		r.vars, r.bound = r.own, true
	}
	return r.context
}

// set gives one of the template's own names a value, within the limits.
func (r *Run) set(name string, value any) error {
	switch v := value.(type) {
	case string:
		if len(v) > maxValue {
			return errTooLong
		}
	case nil, bool, int, int64, float64, time.Time:
	default:
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice && rv.Len() > maxList {
			return errTooMany
		}
	}
	r.engine()
	r.own[name] = value
	return nil
}

// find reads a variable by its path; nil where there is none.
func (r *Run) find(path []string) any {
	v := r.vars[path[0]]
	for _, name := range path[1:] {
		switch m := v.(type) {
		case map[string]any:
			v = m[name]
			if v == nil && name == "size" {
				if _, has := m[name]; !has {
					v = len(m)
				}
			}
		case map[string]string:
			s, ok := m[name]
			if !ok {
				return nil
			}
			v = s
		default:
			return property(v, name)
		}
	}
	return v
}

// property is what Liquid gives every text and list.
func property(v any, name string) any {
	if s, ok := v.(string); ok {
		if name == "size" {
			return len(s)
		}
		return nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		return nil
	}
	switch {
	case name == "size":
		return rv.Len()
	case name == "first" && rv.Len() > 0:
		return rv.Index(0).Interface()
	case name == "last" && rv.Len() > 0:
		return rv.Index(rv.Len() - 1).Interface()
	}
	return nil
}

// maxTime bounds a render that has already done a suspicious amount of work. Steps bound it in the same way on every
// machine; the clock is the net below, and no ordinary template ever looks at it.
const (
	maxTime    = time.Second
	suspicious = 2_000
)

// spend counts work.
func (r *Run) spend(steps int) error {
	before := r.steps
	r.steps += steps
	if r.steps < suspicious {
		return nil
	}
	switch {
	case before < suspicious:
		r.started = time.Now()
	case r.steps > maxSteps:
		return fault.New(fault.InvalidPayload, "The template does too much: more than %d steps in one message. Loops inside loops are the usual reason.", maxSteps)
	case time.Since(r.started) > maxTime:
		return fault.New(fault.InvalidPayload, "The template takes longer than %s for one message.", maxTime)
	}
	return nil
}

var errBreak, errContinue = errors.New("break"), errors.New("continue")

var jumps = map[string]error{"break": errBreak, "continue": errContinue}

// appendValue writes a value as text, before any escaping.
func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return dst
	case string:
		return append(dst, v...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case time.Time:
		return v.AppendFormat(dst, "2006-01-02 15:04:05 -0700")
	case []byte:
		return append(dst, v...)
	case fmt.Stringer:
		return append(dst, v.String()...)
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range rv.Len() {
			dst = appendValue(dst, rv.Index(i).Interface())
		}
		return dst
	case reflect.Pointer:
		if rv.IsNil() {
			return dst
		}
		return appendValue(dst, rv.Elem().Interface())
	case reflect.Map:
		return dst // an object has parts, and no text of its own
	}
	return fmt.Append(dst, v)
}
