package email

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"herald/internal/template"
)

// A header line should not be longer than this (RFC 5322); an encoded word never is (RFC 2047).
const maxHeaderLine, maxEncodedWord = 78, 75

func newField(name, value string) (field, error) {
	t, err := template.Compile(value, template.Header)
	if err != nil {
		return field{name: name}, err
	}
	f := field{name: name, template: t}
	if t.Static() {
		s, _ := t.Render(nil, nil)
		f.encoded = appendField(nil, name, string(s))
	}
	return f, nil
}

func (f *field) append(dst []byte, vars map[string]any) ([]byte, error) {
	if f.encoded != nil {
		return append(dst, f.encoded...), nil
	}
	run := f.template.Begin(vars)
	defer run.End()
	value, err := run.All()
	if err != nil {
		return dst, err
	}
	return appendField(dst, f.name, string(value)), nil
}

// ours are the fields that the letter itself writes, or that would change how it is read.
var ours = map[string]bool{
	"date": true, "from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "bcc": true, "message-id": true,
	"subject": true, "mime-version": true, "content-type": true, "content-transfer-encoding": true, "return-path": true, "received": true,
}

func allowedHeader(name string) error {
	if name == "" || len(name) > 60 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return fmt.Errorf("%q cannot be the name of a header field", name)
	}
	if ours[strings.ToLower(name)] {
		return fmt.Errorf("%s is written by the letter itself", name)
	}
	return nil
}

// appendField writes a whole unstructured field, folded.
func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ':', ' ')
	value = strings.TrimSpace(value)
	if needsEncoding(value) {
		dst, _ = appendEncodedWords(dst, len(name)+2, value)
	} else {
		dst = appendFolded(dst, len(name)+2, value)
	}
	return append(dst, "\r\n"...)
}

// needsEncoding reports whether a text can not stand in a header as it is and come out the same: it has more than ASCII, a
// run of spaces, a word that no folding can shorten, or looks like an encoded word.
func needsEncoding(s string) bool {
	word := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if word == 0 {
				return true
			}
			word = 0
		case c < ' ' || c >= 0x7f:
			return true
		case c == '=' && i+1 < len(s) && s[i+1] == '?':
			return true
		default:
			if word++; word > 60 {
				return true
			}
		}
	}
	return false
}

func appendFolded(dst []byte, column int, s string) []byte {
	for s != "" {
		end := strings.IndexByte(s[1:], ' ') + 1
		if end == 0 {
			end = len(s)
		}
		if column+end > maxHeaderLine && s[0] == ' ' {
			dst = append(dst, "\r\n"...)
			column = 0
		}
		dst = append(dst, s[:end]...)
		column += end
		s = s[end:]
	}
	return dst
}

const wordOpen, wordClose = "=?utf-8?q?", "?="

// appendEncodedWords writes RFC 2047 encoded words (Q), broken between characters, and says in which column they end.
func appendEncodedWords(dst []byte, column int, s string) ([]byte, int) {
	opened := false
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		width := 0
		for i := range size {
			if inEncodedWord(s[i]) || s[i] == ' ' {
				width++
			} else {
				width += 3
			}
		}
		if opened && column+width+len(wordClose) > maxEncodedWord {
			dst = append(dst, wordClose+"\r\n "...)
			column, opened = 1, false
		}
		if !opened {
			if column+len(wordOpen)+width+len(wordClose) > maxEncodedWord && column > 1 {
				dst = append(dst, "\r\n "...)
				column = 1
			}
			dst = append(dst, wordOpen...)
			column += len(wordOpen)
			opened = true
		}
		for i := range size {
			switch c := s[i]; {
			case c == ' ':
				dst = append(dst, '_')
			case inEncodedWord(c):
				dst = append(dst, c)
			default:
				dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		column += width
		s = s[size:]
	}
	if opened {
		dst = append(dst, wordClose...)
		column += len(wordClose)
	}
	return dst, column
}

// inEncodedWord lists what may stand in an encoded word of a name (RFC 2047, 5.3), the strictest of its places.
func inEncodedWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!*+-/", c) >= 0
}

// appendMailboxField writes "Name: display name <address>".
func appendMailboxField(dst []byte, field, name, address string) []byte {
	dst = append(append(dst, field...), ':', ' ')
	column := len(field) + 2
	name = strings.TrimSpace(template.OneLine(strings.ToValidUTF8(name, "\uFFFD")))
	if name == "" {
		if column+len(address) > maxHeaderLine {
			dst = append(dst, "\r\n "...)
		}
		return append(append(dst, address...), "\r\n"...)
	}
	dst, column = appendPhrase(dst, column, name)
	if column+len(address)+3 > maxHeaderLine {
		dst = append(dst, "\r\n"...)
	}
	dst = append(append(dst, " <"...), address...)
	return append(dst, ">\r\n"...)
}

// appendPhrase writes a display name: as it is, in quotes, or in encoded words.
func appendPhrase(dst []byte, column int, name string) ([]byte, int) {
	atoms := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 0x7f || len(name) > 50 {
			return appendEncodedWords(dst, column, name)
		}
		atoms = atoms && (isAtom(c) || c == ' ' && name[i-1] != ' ')
	}
	switch {
	case strings.Contains(name, "=?"):
		return appendEncodedWords(dst, column, name)
	case atoms:
		return append(dst, name...), column + len(name)
	}
	start := len(dst)
	dst = append(dst, '"')
	for i := 0; i < len(name); i++ {
		if name[i] == '"' || name[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, name[i])
	}
	dst = append(dst, '"')
	return dst, column + len(dst) - start
}

func appendMessageID(dst []byte, id string) []byte {
	dst = append(dst, "Message-ID: <"...)
	for i := 0; i < len(id); i++ {
		if c := id[i]; c > ' ' && c < 0x7f && c != '<' && c != '>' {
			dst = append(dst, c)
		}
	}
	return append(dst, ">\r\n"...)
}
