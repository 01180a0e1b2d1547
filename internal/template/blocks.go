package template

import (
	"slices"
	"strings"

	"github.com/osteele/liquid/expressions"
)

// body reads a block's part and makes sure that it is followed by one of the tags that may follow it.
func (r *reader) body(open tag, ends ...string) ([]node, tag, error) {
	nodes, end, err := r.block(ends)
	if err != nil {
		return nil, end, err
	}
	if end.Name == "" {
		return nil, end, open.spot.fault("{%% %s %%} is never closed by {%% %s %%}.", open.Name, ends[len(ends)-1])
	}
	if !slices.Contains(ends, end.Name) {
		return nil, end, end.spot.fault("{%% %s %%} cannot stand here: {%% %s %%} of line %d is still open.", end.Name, open.Name, open.spot.line)
	}
	return nodes, end, nil
}

func (r *reader) conditional(t tag) (node, error) {
	n := &conditional{}
	end := "end" + t.Name
	at := t
	for {
		b := branch{negate: t.Name == "unless" && at.Name == "unless"}
		if at.Name != "else" {
			e, err := r.expression(at, at.Args)
			if err != nil {
				return nil, err
			}
			b.test = e
		}
		ends := []string{"elsif", "else", end}
		if at.Name == "else" {
			ends = []string{end}
		}
		nodes, next, err := r.body(t, ends...)
		if err != nil {
			return nil, err
		}
		b.body = merge(nodes)
		n.branches = append(n.branches, b)
		if next.Name == end {
			return n, nil
		}
		at = next
	}
}

func (r *reader) choice(t tag) (node, error) {
	subject, err := r.expression(t, t.Args)
	if err != nil {
		return nil, err
	}
	n := &choice{subject: subject}
	_, at, err := r.body(t, "when", "else", "endcase")
	if err != nil {
		return nil, err
	}
	for at.Name != "endcase" {
		var b option
		if at.Name == "when" {
			if err := r.note(at, at.Args, false); err != nil {
				return nil, err
			}
			statement, err := expressions.ParseStatement(expressions.WhenStatementSelector, at.Args)
			if err != nil {
				return nil, at.spot.fault("%s cannot be understood.", at.Source)
			}
			b.values = statement.Exprs
		}
		ends := []string{"when", "else", "endcase"}
		if at.Name == "else" {
			ends = []string{"endcase"}
		}
		nodes, next, err := r.body(t, ends...)
		if err != nil {
			return nil, err
		}
		b.body = merge(nodes)
		n.options = append(n.options, b)
		at = next
	}
	return n, nil
}

func (r *reader) loop(t tag) (node, error) {
	if err := r.note(t, loopSource(t.Args), true); err != nil {
		return nil, err
	}
	statement, err := expressions.ParseStatement(expressions.LoopStatementSelector, t.Args)
	if err != nil || statement.Loop.Variable == "" {
		return nil, t.spot.fault("%s cannot be understood; write {%% for item in list %%}.", t.Source)
	}
	n := &loop{Loop: statement.Loop}
	if err := r.own(t, n.Variable); err != nil {
		return nil, err
	}
	r.loops++
	body, end, err := r.body(t, "else", "endfor")
	r.loops--
	if err != nil {
		return nil, err
	}
	n.body = merge(body)
	if end.Name == "else" {
		empty, _, err := r.body(t, "endfor")
		if err != nil {
			return nil, err
		}
		n.empty = merge(empty)
	}
	return n, nil
}

// loopSource drops "item in" and the word reversed, which are no variables.
func loopSource(args string) string {
	if _, rest, ok := strings.Cut(args, " in "); ok {
		args = rest
	}
	words := strings.Fields(args)
	kept := words[:0]
	for _, w := range words {
		if w != "reversed" {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

// own declares a name of the template's own.
func (r *reader) own(t tag, name string) error {
	if knownParents[name] {
		return t.spot.fault("%s is given; choose another name for your own.", name)
	}
	r.locals[name] = true
	return nil
}

func (r *reader) capture(t tag) (node, error) {
	if t.Args == "" || !startsWord(t.Args[0]) || strings.ContainsAny(t.Args, " \t.") {
		return nil, t.spot.fault("capture needs one name: {%% capture name %%}.")
	}
	if err := r.own(t, t.Args); err != nil {
		return nil, err
	}
	kind := r.kind
	r.kind = Text // a captured text is escaped where it is used
	body, _, err := r.body(t, "endcapture")
	r.kind = kind
	return &capture{name: t.Args, body: merge(body)}, err
}

func (r *reader) assign(t tag) (node, error) {
	name, value, ok := strings.Cut(t.Args, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" || !startsWord(name[0]) || strings.ContainsAny(name, " \t.[") {
		return nil, t.spot.fault("%s cannot be understood; write {%% assign name = value %%}.", t.Source)
	}
	e, err := r.expression(t, strings.TrimSpace(value))
	if err != nil {
		return nil, err
	}
	return &assign{name: name, value: e}, r.own(t, name)
}

func (r *reader) cycle(t tag) (node, error) {
	statement, err := expressions.ParseStatement(expressions.CycleStatementSelector, t.Args)
	if err != nil || len(statement.Cycle.Values) == 0 {
		return nil, t.spot.fault("%s cannot be understood; write {%% cycle 'odd', 'even' %%}.", t.Source)
	}
	return &cycle{Cycle: statement.Cycle, out: output{spot: t.spot, kind: r.kind, lines: strings.Count(t.Source, "\n")}}, nil
}
