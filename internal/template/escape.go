package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// where is the place in the markup at which a value stands.
type where struct {
	part     urlPart
	markup   markup
	cssValue bool
}

type urlPart uint8

const (
	noURL    urlPart = iota
	urlStart         // the value begins the URL, and so chooses its scheme
	urlPath          // before ? and #: the value may hold / and more of the kind
	urlQuery         // after ? or #: everything is percent-encoded
)

type markup uint8

const (
	inText     markup = iota // between tags, or in a quoted attribute
	inUnquoted               // in an attribute without quotes
	inComment                // shown to nobody
)

// schemes are those that a link may have which a customer's data chooses.
var schemes = map[string]bool{"http": true, "https": true, "mailto": true, "tel": true, "sms": true}

// escape appends s as its place asks.
func (w where) escape(dst []byte, s string) []byte {
	if w.markup == inComment {
		return dst
	}
	if w.cssValue {
		s = cssValue(s)
	}
	switch w.part {
	case urlStart:
		if !safeURL(s) {
			s = "#"
		}
		s = encodeURL(s, false)
	case urlPath:
		s = encodeURL(s, false)
	case urlQuery:
		s = encodeURL(s, true)
	}
	if w.markup == inUnquoted {
		return escapeUnquoted(dst, s)
	}
	return escapeHTML(dst, s)
}

func escapeHTML(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		var entity string
		switch s[i] {
		case '&':
			entity = "&amp;"
		case '<':
			entity = "&lt;"
		case '>':
			entity = "&gt;"
		case '"':
			entity = "&#34;"
		case '\'':
			entity = "&#39;"
		default:
			continue
		}
		dst = append(append(dst, s[start:i]...), entity...)
		start = i + 1
	}
	return append(dst, s[start:]...)
}

func escapeUnquoted(dst []byte, s string) []byte {
	if s == "" {
		return dst
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '=', '`':
			dst = append(dst, "&#"...)
			if c >= 10 {
				dst = append(dst, '0'+c/10)
			}
			dst = append(dst, '0'+c%10, ';')
		default:
			dst = escapeHTML(dst, s[i:i+1])
		}
	}
	return dst
}

// safeURL reports whether s may begin a link: a known scheme, or no scheme at all.
func safeURL(s string) bool {
	s = strings.TrimSpace(s)
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return true
	}
	return schemes[strings.ToLower(scheme)]
}

const hexDigits = "0123456789ABCDEF"

// encodeURL percent-encodes; a component loses all its meaning as URL syntax, otherwise only what cannot stand in a URL is
// encoded and what is encoded already stays.
func encodeURL(s string, component bool) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = standsInURL(s, i, component)
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if standsInURL(s, i, component) {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[s[i]>>4])
		b.WriteByte(hexDigits[s[i]&15])
	}
	return b.String()
}

func standsInURL(s string, i int, component bool) bool {
	switch c := s[i]; {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		return true
	case component:
		return false
	case c == '%':
		return i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
	default:
		return strings.IndexByte("!#$&*+,/:;=?@[]", c) >= 0
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// cssValue lets through what a colour, a size or a name is made of, and nothing that could be more.
func cssValue(s string) string {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" #.,%_-+", r) {
			return ""
		}
	}
	return s
}

// clean makes a value fit to stand in a mail or page at all: line breaks are \n, there are no control characters beside tab
// and line break, and everything is UTF-8.
func clean(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' || c == 0x7f || c >= utf8.RuneSelf {
			return cleanSlow(s, i)
		}
	}
	return s
}

func cleanSlow(s string, at int) string {
	dirty := func(r rune, size int) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError && size == 1
	}
	i := at
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if dirty(r, size) {
			break
		}
		i += size
	}
	if i == len(s) {
		return s
	}
	b := make([]byte, i, len(s))
	copy(b, s)
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r':
			b = append(b, '\n')
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
		case r == utf8.RuneError && size == 1:
			b = append(b, "\uFFFD"...)
		case !dirty(r, size):
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return string(b)
}

// OneLine turns every run of control characters and line breaks into one space.
func OneLine(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	gap := false
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			gap = true
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	if gap {
		b.WriteByte(' ')
	}
	return b.String()
}
