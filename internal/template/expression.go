package template

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/osteele/liquid/expressions"
)

// expression is one Liquid expression: what the library makes of it, and what we read off its text.
type expression struct {
	source  string
	parsed  expressions.Expression // nil where the bare form serves
	bare    []string               // the path, where the expression is a variable with nothing but simple filters
	simple  []simpleFilter         // those filters
	last    string                 // the name of the last filter, which may be done already by where the value stands
	filters int
	spot    spot
}

// usage is what the text of an expression says about itself.
type usage struct {
	paths   [][]string // each variable with its properties; "*" where the property is computed
	filters []string
	ranges  bool
	last    int // where the last filter's bar stands
}

// scan reads the words of an expression. It knows just enough of the grammar to tell variables, filters and literals apart;
// whether the expression is right is the library's to say.
func scan(source string) usage {
	var u usage
	s := scanner{source: source}
	s.expression(&u, 0)
	return u
}

type scanner struct {
	source string
	at     int
}

func (s *scanner) expression(u *usage, until byte) {
	afterBar := false
	for s.at < len(s.source) {
		c := s.source[s.at]
		switch {
		case until != 0 && c == until:
			s.at++
			return
		case c == '"' || c == '\'':
			s.quoted()
		case c == '|':
			u.last = s.at
			afterBar = true
			s.at++
			continue
		case c == '.' && strings.HasPrefix(s.source[s.at:], ".."):
			u.ranges = true
			s.at += 2
		case c >= '0' && c <= '9':
			s.number()
		case startsWord(c):
			s.word(u, afterBar)
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			s.at++
			continue
		default:
			s.at++
		}
		afterBar = false
	}
}

func (s *scanner) quoted() (literal string) {
	quote := s.source[s.at]
	start := s.at + 1
	for s.at++; s.at < len(s.source); s.at++ {
		switch c := s.source[s.at]; {
		case c == '\\' && quote == '"':
			s.at++
		case c == quote:
			s.at++
			return s.source[start : s.at-1]
		}
	}
	s.at = len(s.source)
	return s.source[min(start, len(s.source)):]
}

func (s *scanner) number() {
	for s.at < len(s.source) {
		c := s.source[s.at]
		if c == '.' && strings.HasPrefix(s.source[s.at:], "..") || c != '.' && (c < '0' || c > '9') {
			return
		}
		s.at++
	}
}

func (s *scanner) name() string {
	start := s.at
	for s.at < len(s.source) && continuesWord(s.source[s.at]) {
		s.at++
	}
	if s.at < len(s.source) && s.source[s.at] == '?' {
		s.at++
	}
	return s.source[start:s.at]
}

func (s *scanner) word(u *usage, afterBar bool) {
	name := s.name()
	keyword := s.at < len(s.source) && s.source[s.at] == ':'
	if keyword {
		s.at++
	}
	switch {
	case afterBar:
		u.filters = append(u.filters, name)
		return
	case keyword, reserved[name]:
		return
	}
	path := []string{name}
	for s.at < len(s.source) {
		rest := s.source[s.at:]
		switch {
		case len(rest) > 1 && rest[0] == '.' && startsWord(rest[1]):
			s.at++
			path = append(path, s.name())
		case rest[0] == '[':
			s.at++
			path = append(path, s.index(u))
		default:
			u.paths = append(u.paths, path)
			return
		}
	}
	u.paths = append(u.paths, path)
}

// index reads what stands in brackets: a literal name is as good as a property, anything else is "*".
func (s *scanner) index(u *usage) string {
	inner := s.at
	if inner < len(s.source) && (s.source[inner] == '"' || s.source[inner] == '\'') {
		literal := s.quoted()
		if s.at < len(s.source) && s.source[s.at] == ']' {
			s.at++
			return literal
		}
		s.at = inner
	}
	s.expression(u, ']')
	return "*"
}

var reserved = map[string]bool{"true": true, "false": true, "nil": true, "and": true, "or": true, "contains": true, "in": true}

func startsWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func continuesWord(c byte) bool { return startsWord(c) || c == '-' || c >= '0' && c <= '9' }

// compile readies an expression. Bare variables and simple filters never reach the library, which takes some forty times as
// long for them.
func compile(source string) (*expression, error) {
	u := scan(source)
	e := &expression{source: source, filters: len(u.filters)}
	if len(u.filters) > 0 {
		e.last = u.filters[len(u.filters)-1]
	}
	var err error
	if e.parsed, err = understand(source); err != nil {
		return nil, err
	}
	e.bare, e.simple = bareForm(source)
	return e, nil
}

// understand is the library's parser, which panics at some numbers.
func understand(source string) (_ expressions.Expression, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return expressions.Parse(source)
}

// without gives the expression with its last filter taken off.
func (e *expression) without() (*expression, error) {
	return compile(strings.TrimSpace(e.source[:scan(e.source).last]))
}

// bareForm takes "a.b.c | upcase | default: 'x'" apart; nil where the expression is anything more.
func bareForm(source string) (path []string, filters []simpleFilter) {
	parts := strings.Split(source, "|") // a bar inside a literal breaks the form, and the library takes over
	path = strings.Split(strings.TrimSpace(parts[0]), ".")
	for _, name := range path {
		if name == "" || !startsWord(name[0]) || reserved[name] || strings.IndexFunc(name, func(r rune) bool { return r < 128 && !continuesWord(byte(r)) }) >= 0 {
			return nil, nil
		}
	}
	for _, part := range parts[1:] {
		name, argument, has := strings.Cut(part, ":")
		name, argument = strings.TrimSpace(name), strings.TrimSpace(argument)
		if has {
			if len(argument) < 2 || argument[0] != argument[len(argument)-1] || argument[0] != '"' && argument[0] != '\'' ||
				strings.ContainsAny(argument[1:len(argument)-1], "\\\"'") {
				return nil, nil
			}
			argument = argument[1 : len(argument)-1]
		}
		apply, ok := simpleFilters[name]
		if !ok || has != (name == "default") {
			return nil, nil
		}
		filters = append(filters, simpleFilter{apply, argument})
	}
	return path, filters
}

// value evaluates the expression.
func (e *expression) value(r *Run) (any, error) {
	if e.bare != nil {
		v := r.find(e.bare)
		if len(e.simple) == 0 {
			return v, nil
		}
		if s, ok := asText(v); ok {
			for _, f := range e.simple {
				s = f.apply(s, f.argument)
			}
			return s, nil
		}
	}
	if err := r.spend(1 + 4*e.filters); err != nil {
		return nil, err
	}
	v, err := e.parsed.Evaluate(r.engine())
	if err != nil {
		return nil, e.spot.fault("%s.", explain(err))
	}
	return v, nil
}

// explain gives an error of the library our words. Its own may quote the value, which is a customer's and nobody's to read.
func explain(err error) string {
	var filter expressions.FilterError
	if !errors.As(err, &filter) {
		return "a filter or operator cannot take the kind of value that it is given"
	}
	for _, known := range [...]error{errTooLong, errTooMany, errWideDate} {
		if errors.Is(filter.Err, known) {
			return filter.FilterName + ": " + known.Error()
		}
	}
	return "the filter " + filter.FilterName + " cannot take the value that it is given"
}

// asText is a value that the simple filters can take: a text, or nothing.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	}
	return "", false
}
