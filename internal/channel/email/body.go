package email

import (
	"bytes"
	"strings"

	"herald/internal/template"
)

// body is one part of a letter: its headers and static text already in quoted-printable, with holes between.
type body struct {
	template *template.Template
	head     []byte // the part's own header fields, with the empty line
	parts    []part
}

// part is a piece of the template, encoded as if it began a line.
type part struct {
	hole    bool
	encoded []byte
	first   int  // length of its first line
	last    int  // length of its last line, without a line break after it
	broken  bool // it has line breaks, so first and last are different lines
}

const hexDigits = "0123456789ABCDEF"

func newBody(source string, kind template.Kind) (*body, error) {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	t, err := template.Compile(source, kind)
	if err != nil {
		return nil, err
	}
	mime := "text/plain"
	if kind == template.HTML {
		mime = "text/html"
	}
	b := &body{template: t, head: []byte("Content-Type: " + mime + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")}
	for _, piece := range t.Pieces() {
		p := part{hole: piece.Hole}
		if !p.hole {
			p.encoded, p.last = appendQuoted(nil, 0, piece.Text)
			p.first = bytes.Index(p.encoded, crlf)
			if p.broken = p.first >= 0; !p.broken {
				p.first = p.last
			} else if p.first > 0 && p.encoded[p.first-1] == '=' {
				p.first-- // a soft line break
			}
		}
		b.parts = append(b.parts, p)
	}
	return b, nil
}

var crlf = []byte("\r\n")

// append writes the part, headers first, without a line break at its end.
func (b *body) append(dst []byte, vars map[string]any) ([]byte, error) {
	dst = append(dst, b.head...)
	run := b.template.Begin(vars)
	defer run.End()
	column := 0
	for i := range b.parts {
		p := &b.parts[i]
		if p.hole {
			value, err := run.Hole(i)
			if err != nil {
				return dst, err
			}
			dst, column = appendQuoted(dst, column, value)
			continue
		}
		if column+p.first > maxQuoted {
			dst = append(dst, "=\r\n"...)
			column = 0
		}
		dst = append(dst, p.encoded...)
		if p.broken {
			column = 0
		}
		column += p.last
	}
	return dst, nil
}

// maxQuoted is how much of a line may be used before the = of a soft line break (RFC 2045: 76 with it).
const maxQuoted = 75

// literal marks what stands for itself in quoted-printable.
var literal = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = c != '='
	}
	t[' '], t['\t'] = true, true
	return t
}()

// appendQuoted writes s in quoted-printable, going on in the given column, and says in which column it ends. Line breaks (\n)
// become CRLF; a space or tab before one or at the end of s, and a dot at the start of a line, are encoded, so that no
// neighbour and no SMTP server can change them.
func appendQuoted[S string | []byte](dst []byte, column int, s S) ([]byte, int) {
	for i := 0; i < len(s); {
		run := i
		for run < len(s) && literal[s[run]] {
			run++
		}
		stop := run
		if run == len(s) || s[run] == '\n' {
			if stop > i && (s[stop-1] == ' ' || s[stop-1] == '\t') {
				stop--
			}
		}
		if i < stop {
			dst, column = appendLiteral(dst, column, s[i:stop])
			i = stop
			continue
		}
		c := s[i]
		i++
		if c == '\n' {
			dst = append(dst, "\r\n"...)
			column = 0
			continue
		}
		if column+3 > maxQuoted {
			dst = append(dst, "=\r\n"...)
			column = 0
		}
		dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		column += 3
	}
	return dst, column
}

// appendLiteral writes what stands for itself, broken into lines.
func appendLiteral[S string | []byte](dst []byte, column int, s S) ([]byte, int) {
	for len(s) > 0 {
		if column == maxQuoted {
			dst = append(dst, "=\r\n"...)
			column = 0
		}
		if column == 0 && s[0] == '.' {
			dst = append(dst, "=2E"...)
			column, s = 3, s[1:]
			continue
		}
		n := min(len(s), maxQuoted-column)
		dst = append(dst, s[:n]...)
		column += n
		s = s[n:]
	}
	return dst, column
}
