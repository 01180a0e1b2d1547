package template

import (
	"reflect"
	"strings"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/values"
)

// node is one part of a template.
type node interface {
	render(r *Run, dst []byte) ([]byte, error)
}

// text is what stands in the template as it is.
type text string

func (n text) render(_ *Run, dst []byte) ([]byte, error) { return append(dst, n...), nil }

// output is a variable or expression whose value is shown, escaped for its place.
type output struct {
	expression *expression
	spot       spot
	kind       Kind
	where      where
	after      func(dst []byte) []byte // makes markup of what was escaped: newline_to_br
	lines      int                     // line breaks inside its own source
}

func (n *output) render(r *Run, dst []byte) ([]byte, error) {
	v, err := n.expression.value(r)
	if err != nil {
		return dst, err
	}
	if s, ok := v.(string); ok {
		return n.show(dst, s), nil
	}
	start := len(r.scratch)
	r.scratch = appendValue(r.scratch, v)
	dst = n.show(dst, string(r.scratch[start:]))
	r.scratch = r.scratch[:start]
	return dst, nil
}

// show escapes a value for its place.
func (n *output) show(dst []byte, s string) []byte {
	s = clean(s)
	switch n.kind {
	case Header:
		return append(dst, OneLine(s)...)
	case Text:
		return append(dst, s...)
	}
	start := len(dst)
	dst = n.where.escape(dst, s)
	if n.after != nil {
		dst = append(dst[:start], n.after(dst[start:])...)
	}
	return dst
}

func renderAll(r *Run, dst []byte, nodes []node) ([]byte, error) {
	var err error
	for _, n := range nodes {
		if dst, err = n.render(r, dst); err != nil {
			return dst, err
		}
		if len(dst) > 2*MaxOutput {
			return dst, r.produced(len(dst))
		}
	}
	return dst, r.spend(len(nodes))
}

// conditional is if and unless.
type conditional struct{ branches []branch }

type branch struct {
	test   *expression // nil for else
	negate bool
	body   []node
}

func (n *conditional) render(r *Run, dst []byte) ([]byte, error) {
	for _, b := range n.branches {
		holds := true
		if b.test != nil {
			v, err := b.test.value(r)
			if err != nil {
				return dst, err
			}
			holds = (v != nil && v != false) != b.negate
		}
		if holds {
			return renderAll(r, dst, b.body)
		}
	}
	return dst, nil
}

// choice is case.
type choice struct {
	subject *expression
	options []option
}

type option struct {
	values []expressions.Expression // none for else
	body   []node
}

func (n *choice) render(r *Run, dst []byte) ([]byte, error) {
	subject, err := n.subject.value(r)
	if err != nil {
		return dst, err
	}
	for _, o := range n.options {
		if o.values == nil {
			return renderAll(r, dst, o.body)
		}
		for _, e := range o.values {
			v, err := e.Evaluate(r.engine())
			if err != nil {
				return dst, err
			}
			if values.Equal(subject, v) {
				return renderAll(r, dst, o.body)
			}
		}
	}
	return dst, nil
}

// loop is for.
type loop struct {
	expressions.Loop
	body, empty []node
}

func (n *loop) render(r *Run, dst []byte) ([]byte, error) {
	list, length, err := n.items(r)
	if err != nil {
		return dst, err
	}
	if length == 0 {
		return renderAll(r, dst, n.empty)
	}
	r.engine()
	outer, outerItem := r.own["forloop"], r.own[n.Variable]
	defer func() { r.own["forloop"], r.own[n.Variable] = outer, outerItem }()
	state := map[string]any{"length": length, ".cycles": map[string]int{}}
	r.own["forloop"] = state
	for i := range length {
		r.own[n.Variable] = list(i)
		state["first"], state["last"] = i == 0, i == length-1
		state["index"], state["index0"] = i+1, i
		state["rindex"], state["rindex0"] = length-i, length-i-1
		if err := r.spend(1); err != nil {
			return dst, err
		}
		dst, err = renderAll(r, dst, n.body)
		switch err {
		case nil, errContinue:
		case errBreak:
			return dst, nil
		default:
			return dst, err
		}
	}
	return dst, nil
}

// items is what the loop walks over, after offset, limit and reversed. An object is walked as pairs, in the order of its keys.
func (n *loop) items(r *Run) (func(int) any, int, error) {
	v, err := n.Expr.Evaluate(r.engine())
	if err != nil {
		return nil, 0, err
	}
	var at func(int) any
	length := 0
	switch v := v.(type) {
	case nil:
		return nil, 0, nil
	case values.Range:
		at, length = v.Index, v.Len()
	case map[string]any:
		keys := sortedKeys(v)
		at, length = func(i int) any { return []any{keys[i], v[keys[i]]} }, len(keys)
	default:
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Slice && rv.Kind() != reflect.Array {
			return nil, 0, nil
		}
		at, length = func(i int) any { return rv.Index(i).Interface() }, rv.Len()
	}
	offset, err := n.number(r, n.Offset, 0)
	if err != nil {
		return nil, 0, err
	}
	limit, err := n.number(r, n.Limit, length)
	if err != nil {
		return nil, 0, err
	}
	offset = max(0, min(offset, length))
	length = max(0, min(limit, length-offset))
	first := at
	at = func(i int) any { return first(i + offset) }
	if n.Reversed {
		forward := at
		count := length
		at = func(i int) any { return forward(count - 1 - i) }
	}
	return at, length, nil
}

func (n *loop) number(r *Run, e expressions.Expression, otherwise int) (int, error) {
	if e == nil {
		return otherwise, nil
	}
	v, err := e.Evaluate(r.engine())
	if err != nil {
		return 0, err
	}
	switch v := v.(type) {
	case int:
		return v, nil
	case int64:
		return int(v), nil
	case float64:
		return int(v), nil
	}
	return otherwise, nil
}

// jump is break and continue.
type jump struct{ err error }

func (n jump) render(_ *Run, dst []byte) ([]byte, error) { return dst, n.err }

// capture keeps what its body says under a name.
type capture struct {
	name string
	body []node
}

func (n *capture) render(r *Run, dst []byte) ([]byte, error) {
	start := len(dst)
	out, err := renderAll(r, dst, n.body)
	if err != nil {
		return dst, err
	}
	if len(out)-start > maxValue {
		return dst, errTooLong
	}
	return out[:start], r.set(n.name, string(out[start:]))
}

// assign keeps a value under a name.
type assign struct {
	name  string
	value *expression
}

func (n *assign) render(r *Run, dst []byte) ([]byte, error) {
	v, err := n.value.value(r)
	if err != nil {
		return dst, err
	}
	return dst, r.set(n.name, v)
}

// cycle shows its values in turn, one for each round of the loop around it.
type cycle struct {
	expressions.Cycle
	out output
}

func (n *cycle) render(r *Run, dst []byte) ([]byte, error) {
	state, _ := r.find([]string{"forloop"}).(map[string]any)
	counts, _ := state[".cycles"].(map[string]int)
	if counts == nil {
		return dst, n.out.spot.fault("cycle must stand inside a for.")
	}
	group := n.Group
	if group == "" {
		group = strings.Join(n.Values, "\x00")
	}
	i := counts[group]
	counts[group]++
	return n.out.show(dst, n.Values[i%len(n.Values)]), nil
}
