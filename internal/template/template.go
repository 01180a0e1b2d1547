// Package template turns what a person wrote (Liquid) into what a customer reads. Its law: a template is judged once, when it
// is compiled, with the line and column of what is wrong; after that a render cannot run away, cannot panic, and cannot let a
// customer's data become markup, a script, a link of its own or a mail header.
//
// The scanner, the expressions and the filters are osteele/liquid's. The tags are our own, because the library has no limits
// and escapes every variable alike: here each variable is escaped for the place where it stands (see place.go), the work of a
// render is counted, and text that is the same for everyone is kept apart so that a channel can encode it once (Pieces).
package template

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/osteele/liquid/parser"

	"herald/internal/fault"
)

// Kind says what a template's output is, and so how its variables are escaped.
type Kind int

// The kinds of template.
const (
	// HTML is the body of a mail or page: variables are escaped for where they stand in the markup.
	HTML Kind = iota
	// Text is plain text: variables stand as they are, without control characters.
	Text
	// Header is one line (a subject, a name): no control character or line break can ever come out.
	Header
)

// The limits of one template. They are far beyond any real message and far below what hurts.
const (
	MaxSource = 256 << 10 // bytes of source
	MaxOutput = 1 << 20   // bytes one render may produce
	MaxDepth  = 20        // blocks inside blocks
	maxTag    = 4 << 10   // bytes of one tag or variable
	maxSteps  = 50_000    // loop rounds and parts one render may pass
	maxValue  = 64 << 10  // bytes of a text that a template builds for itself (assign, capture)
	maxList   = 2_000     // elements of a list that a template builds for itself
	maxChain  = 20        // filters in one expression
)

// Template is a compiled template. It is immutable and safe for concurrent use.
type Template struct {
	kind      Kind
	nodes     []node
	variables []string
	stateful  bool // it sets names of its own, so its parts must be rendered in order, each seeing those before
}

// Piece is one part of a template at its top level: text that is the same in every render, or a hole.
type Piece struct {
	// Text is what every render has here; empty for a hole.
	Text string
	// Hole says that this part is rendered for each message.
	Hole bool
}

// Compile reads a template. What is wrong is a *fault.Error whose details name the line and column and what to do; all faults
// of unknown variables are reported at once.
func Compile(source string, kind Kind) (t *Template, err error) {
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fault.New(fault.InvalidPayload, "The template cannot be read: %v.", r)
		}
	}()
	if len(source) > MaxSource {
		return nil, fault.New(fault.InvalidPayload, "The template is %d bytes long; at most %d are allowed.", len(source), MaxSource)
	}
	if i := invalidUTF8(source); i >= 0 {
		return nil, position(source, i).fault("The template is not valid UTF-8.")
	}
	if kind == Header {
		source = strings.TrimSpace(OneLine(source))
	}
	p := &reader{source: source, kind: kind, used: map[string]bool{}}
	p.tokens = append(p.tokens, parser.Scan(source, parser.SourceLoc{LineNo: 1}, nil)...)
	nodes, err := p.read()
	if err != nil {
		return nil, err
	}
	if kind == HTML {
		if err := place(source, nodes); err != nil {
			return nil, err
		}
	}
	t = &Template{kind: kind, nodes: merge(nodes), stateful: len(p.locals) > 0}
	for path := range p.used {
		t.variables = append(t.variables, path)
	}
	sort.Strings(t.variables)
	return t, nil
}

// Variables are the known paths that the template reads, sorted: "customer.name", "voucher.code".
func (t *Template) Variables() []string { return t.variables }

// Static reports whether every render gives the same text.
func (t *Template) Static() bool {
	for _, n := range t.nodes {
		if _, ok := n.(text); !ok {
			return false
		}
	}
	return true
}

// Pieces are the parts at the top level, in order. A Run renders the holes.
func (t *Template) Pieces() []Piece {
	pieces := make([]Piece, len(t.nodes))
	for i, n := range t.nodes {
		if s, ok := n.(text); ok {
			pieces[i].Text = string(s)
		} else {
			pieces[i].Hole = true
		}
	}
	return pieces
}

// Render appends the template's text for these variables to dst. A variable without a value renders as nothing. The
// variables are maps within maps: {"customer": {"name": "Ada", "metadata": {"shoe": 38}}, "voucher": {"code": "X"}}.
// On an error dst is returned as it came.
func (t *Template) Render(dst []byte, vars map[string]any) ([]byte, error) {
	run := t.Begin(vars)
	defer run.End()
	out := dst
	var err error
	for i := range t.nodes {
		if out, err = run.Append(out, i); err != nil {
			return dst, err
		}
	}
	return out, nil
}

// Append renders piece i and appends it to dst. Pieces of one run are rendered in order.
func (r *Run) Append(dst []byte, i int) (out []byte, err error) {
	n := r.template.nodes[i]
	if s, ok := n.(text); ok {
		return append(dst, s...), r.produced(len(s))
	}
	defer func() {
		if p := recover(); p != nil {
			// What the library panics with may quote a customer's data, so it is not repeated.
			out, err = dst, fault.New(fault.InvalidPayload, "The template cannot be rendered: a filter or tag fails on the value that it is given.")
		}
	}()
	out, err = n.render(r, dst)
	if err != nil {
		return dst, rendering(err)
	}
	return out, r.produced(len(out) - len(dst))
}

func (r *Run) produced(n int) error {
	if r.output += n; r.output > MaxOutput {
		return fault.New(fault.InvalidPayload, "The rendered template is longer than %d bytes.", MaxOutput)
	}
	return nil
}

// rendering gives a fault of the engine our shape.
func rendering(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	for _, known := range [...]error{errTooLong, errTooMany} {
		if errors.Is(err, known) {
			return fault.New(fault.InvalidPayload, "The template cannot be rendered: %s.", err)
		}
	}
	return fault.New(fault.InvalidPayload, "The template cannot be rendered: %s.", explain(err))
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// spot is a place in the source that a person can find: both count from 1, columns in characters.
type spot struct{ line, column int }

func position(source string, offset int) spot {
	before := source[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return spot{strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1}
}

func (s spot) fault(format string, args ...any) *fault.Error {
	return fault.New(fault.InvalidPayload, "Line %d, column %d: %s", s.line, s.column, fmt.Sprintf(format, args...))
}

// Fault is a template's error in the shape that callers can name a property in.
func Fault(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return fault.New(fault.InvalidPayload, "%s", err)
}
