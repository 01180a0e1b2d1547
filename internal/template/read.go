package template

import (
	"slices"
	"sort"
	"strings"

	"github.com/osteele/liquid/parser"

	"herald/internal/fault"
)

// reader turns the scanner's tokens into nodes and notes every fault of a variable on its way.
type reader struct {
	source string
	kind   Kind
	tokens []parser.Token
	at     int // the next token
	offset int // where it stands in the source
	depth  int
	loops  int             // loops open
	trim   bool            // the next text loses its leading space
	locals map[string]bool // names that the template sets itself
	used   map[string]bool // known variables that it reads
	reads  []read
}

// read is one use of a variable, judged when all of the template's own names are known.
type read struct {
	path []string
	spot spot
}

// tag is a token with its place.
type tag struct {
	parser.Token
	spot spot
}

func (r *reader) read() ([]node, error) {
	r.locals = map[string]bool{}
	nodes, end, err := r.block(nil)
	if err != nil {
		return nil, err
	}
	if end.Name != "" {
		return nil, end.spot.fault("{%% %s %%} closes nothing that is open.", end.Name)
	}
	return nodes, r.judge()
}

// judge checks every variable against the table of the known ones.
func (r *reader) judge() error {
	var faults fault.List
	for _, use := range r.reads {
		if r.locals[use.path[0]] || use.path[0] == "forloop" {
			continue
		}
		known, hint := lookup(use.path)
		if known == "" {
			faults.Add(use.spot.fault("unknown variable %s; %s", strings.Join(use.path, "."), hint))
			continue
		}
		r.used[known] = true
	}
	return faults.Err()
}

// next gives the next token; a trim mark is applied to the text beside it and never shows.
func (r *reader) next() (tag, bool) {
	for r.at < len(r.tokens) {
		token := r.tokens[r.at]
		r.at++
		t := tag{Token: token, spot: spot{}}
		switch token.Type {
		case parser.TrimLeftTokenType:
			continue // applied by the text before it
		case parser.TrimRightTokenType:
			r.trim = true
			continue
		case parser.TextTokenType:
			start := r.offset
			r.offset += len(token.Source)
			if i := openDelimiter(token.Source); i >= 0 {
				t.spot = position(r.source, start+i)
				return t, true
			}
			if r.trim {
				t.Source = strings.TrimLeft(t.Source, " \t\r\n")
			}
			if r.at < len(r.tokens) && r.tokens[r.at].Type == parser.TrimLeftTokenType {
				t.Source = strings.TrimRight(t.Source, " \t\r\n")
			}
		default:
			t.spot = position(r.source, r.offset)
			r.offset += len(token.Source)
			t.Args = strings.TrimSpace(t.Args)
		}
		r.trim = false
		return t, true
	}
	return tag{}, false
}

func openDelimiter(s string) int {
	i, j := strings.Index(s, "{{"), strings.Index(s, "{%")
	if i < 0 || j >= 0 && j < i {
		return j
	}
	return i
}

// block reads until a tag that ends or continues the block; that tag is given back. At the end of the template it has no name.
func (r *reader) block(ends []string) ([]node, tag, error) {
	var nodes []node
	for {
		t, ok := r.next()
		if !ok {
			return nodes, tag{}, nil
		}
		if len(t.Args) > maxTag {
			return nil, t, t.spot.fault("a tag of more than %d bytes.", maxTag)
		}
		switch t.Type {
		case parser.TextTokenType:
			if t.spot.line > 0 {
				return nil, t, t.spot.fault("this opens a variable or tag that is not closed on its line.")
			}
			if t.Source != "" {
				nodes = append(nodes, text(t.Source))
			}
		case parser.ObjTokenType:
			n, err := r.output(t)
			if err != nil {
				return nil, t, err
			}
			nodes = append(nodes, n)
		default:
			if slices.Contains(ends, t.Name) || strings.HasPrefix(t.Name, "end") || t.Name == "else" || t.Name == "elsif" || t.Name == "when" {
				return nodes, t, nil
			}
			n, err := r.tag(t)
			if err != nil {
				return nil, t, err
			}
			if n != nil {
				nodes = append(nodes, n)
			}
		}
	}
}

// expression compiles the words of a tag, and notes what they read.
func (r *reader) expression(t tag, source string) (*expression, error) {
	if err := r.note(t, source, false); err != nil {
		return nil, err
	}
	if strings.TrimSpace(source) == "" {
		return nil, t.spot.fault("a variable or value is missing here: %s", t.Source)
	}
	e, err := compile(source)
	if err != nil {
		return nil, t.spot.fault("%s cannot be understood.", t.Source)
	}
	e.spot = t.spot
	return e, nil
}

// note checks the filters and ranges of some source, and keeps the variables that it reads.
func (r *reader) note(t tag, source string, rangeAllowed bool) error {
	u := scan(source)
	for _, path := range u.paths {
		r.reads = append(r.reads, read{path, t.spot})
	}
	for _, name := range u.filters {
		if !filterNames[name] {
			hint := ""
			if near := nearestWord(name, filterList); near != "" {
				hint = "; did you mean " + near + "?"
			}
			return t.spot.fault("there is no filter %q%s", name, hint)
		}
	}
	if len(u.filters) > maxChain {
		return t.spot.fault("more than %d filters in one expression.", maxChain)
	}
	if u.ranges && (!rangeAllowed || len(u.filters) > 0) {
		return t.spot.fault("a range (1..10) may only stand in {%% for … %%}, without filters.")
	}
	return nil
}

// output reads {{ … }}.
func (r *reader) output(t tag) (node, error) {
	e, err := r.expression(t, t.Args)
	if err != nil {
		return nil, err
	}
	return &output{expression: e, spot: t.spot, kind: r.kind, lines: strings.Count(t.Source, "\n")}, nil
}

// tag reads {% … %} and, where it is a block, all that belongs to it.
func (r *reader) tag(t tag) (node, error) {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > MaxDepth {
		return nil, t.spot.fault("blocks are nested more than %d deep.", MaxDepth)
	}
	switch t.Name {
	case "if", "unless":
		return r.conditional(t)
	case "case":
		return r.choice(t)
	case "for":
		return r.loop(t)
	case "capture":
		return r.capture(t)
	case "assign":
		return r.assign(t)
	case "cycle":
		return r.cycle(t)
	case "break", "continue":
		if r.loops == 0 {
			return nil, t.spot.fault("{%% %s %%} must stand inside a {%% for %%}.", t.Name)
		}
		return jump{jumps[t.Name]}, nil
	case "comment":
		return nil, r.skip(t, "endcomment", nil)
	case "raw":
		var b strings.Builder
		err := r.skip(t, "endraw", &b)
		return text(b.String()), err
	}
	hint := ""
	if near := nearestWord(t.Name, tagNames); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return nil, t.spot.fault("there is no tag %q%s", t.Name, hint)
}

var tagNames = []string{"if", "unless", "case", "for", "capture", "assign", "cycle", "break", "continue", "comment", "raw"}

// skip passes over everything up to the end tag, and keeps it as it stands where it is wanted.
func (r *reader) skip(t tag, end string, keep *strings.Builder) error {
	r.trim = false
	for r.at < len(r.tokens) {
		token := r.tokens[r.at]
		r.at++
		r.offset += len(token.Source)
		if token.Type == parser.TagTokenType && token.Name == end {
			return nil
		}
		if keep != nil {
			keep.WriteString(token.Source)
		}
	}
	return t.spot.fault("{%% %s %%} is never closed by {%% %s %%}.", t.Name, end)
}

// merge joins texts that stand side by side.
func merge(nodes []node) []node {
	var out []node
	for _, n := range nodes {
		s, isText := n.(text)
		if len(out) > 0 && isText {
			if before, ok := out[len(out)-1].(text); ok {
				out[len(out)-1] = before + s
				continue
			}
		}
		out = append(out, n)
	}
	return out
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
