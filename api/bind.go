package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

const (
	maxBody  = 10 << 20 // bytes of a request's body, as the public API documents it
	maxDepth = 64       // levels of objects and arrays within each other

	maxNumber = 400 // characters of a number
)

// ignored is the type of a property that callers may send back to us and that only we write: official sample code sends
// whole objects back. Whatever stands there is skipped.
type ignored struct{}

// UnmarshalJSONFrom skips the value.
func (*ignored) UnmarshalJSONFrom(dec *jsontext.Decoder) error { return dec.SkipValue() }

// bind reads the request's body as JSON into a T, strictly: one value, no property that T does not have, no property
// twice, no wrong types. Its faults name the property. An absent body counts as {}.
func bind[T any](c echo.Context) (T, error) {
	into, _, err := bindRaw[T](c)
	return into, err
}

// bindRaw is bind for work that is done later: it also returns the body as it came.
func bindRaw[T any](c echo.Context) (into T, raw []byte, err error) {
	if err := wantJSON(c.Request()); err != nil {
		return into, nil, err
	}
	if raw, err = io.ReadAll(c.Request().Body); err != nil {
		return into, nil, readFault(err)
	}
	return into, raw, decode(raw, &into)
}

func decode(raw []byte, into any, how ...json.Options) error {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	if err := scan(raw); err != nil {
		return err
	}
	err := json.Unmarshal(raw, into, append(how, json.RejectUnknownMembers(true))...)
	if err == nil {
		return nil
	}
	var own *fault.Error
	if errors.As(err, &own) {
		return own
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return syntaxFault(raw, syntax)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return typeFault(semantic)
	}
	return fault.New(fault.InvalidPayload, "The body cannot be read: %v", err)
}

// wantJSON refuses bodies that say they are something else. Without a content type the body is taken for JSON.
func wantJSON(r *http.Request) error {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(given)
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) {
		return nil
	}
	return fault.New(fault.UnsupportedMedia, "Send the body as application/json, not as %q", given)
}

func readFault(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.TooLarge, "At most %d bytes", large.Limit)
	}
	return fault.New(fault.InvalidPayload, "The body ended early: %v", err)
}

// scan refuses, before anything is built from it, a body that is nested too deeply or that holds a NUL character, which the
// database cannot keep in a text.
func scan(raw []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case quoted && b == '\\':
			if bytes.HasPrefix(raw[i+1:], []byte("u0000")) {
				return fault.New(fault.InvalidPayload, "A text holds a NUL character (\\u0000) at %s; remove it", position(raw, i))
			}
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > maxDepth {
				return fault.New(fault.InvalidPayload, "The body nests deeper than %d levels at %s", maxDepth, position(raw, i))
			}
		case b == '}' || b == ']':
			depth--
		case b == '-' || b >= '0' && b <= '9':
			number := raw[i:min(i+maxNumber+1, len(raw))]
			if end := bytes.IndexFunc(number, notNumber); end > 0 {
				number = number[:end]
			}
			if outOfRange(string(number)) {
				return fault.New(fault.InvalidPayload, "A number at %s is out of range", position(raw, i))
			}
			i += len(number) - 1
		}
	}
	return nil
}

func notNumber(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) }

// outOfRange says whether the database could not keep the number: one that is very long, or has an exponent of more than
// three digits.
func outOfRange(number string) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	return len(number) > maxNumber || len(strings.TrimLeft(exponent, "+-0")) > 3
}

func syntaxFault(raw []byte, err *jsontext.SyntacticError) error {
	at := position(raw, int(err.ByteOffset))
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		path := propertyPath(string(err.JSONPointer))
		return fault.Property(path, "Property .%s is given twice at %s", path, at)
	case errors.Is(err.Err, io.ErrUnexpectedEOF), errors.Is(err.Err, io.EOF):
		return fault.New(fault.InvalidPayload, "Malformed JSON: it ends too early, at %s", at)
	}
	return fault.New(fault.InvalidPayload, "Malformed JSON at %s: %v", at, err.Err)
}

// position says where offset lies, as editors count.
func position(raw []byte, offset int) string {
	before := string(raw[:min(max(offset, 0), len(raw))])
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

func typeFault(err *json.SemanticError) error {
	path := propertyPath(string(err.JSONPointer))
	if errors.Is(err, json.ErrUnknownName) {
		return fault.Property(path, "Property .%s is not allowed", path)
	}
	if path == "" {
		return fault.New(fault.InvalidPayload, "The body should be %s", kindOf(err.GoType))
	}
	return fault.Property(path, "Property .%s should be %s", path, kindOf(err.GoType))
}

// propertyPath turns a JSON pointer into the form that the public API names properties in: /a/0/b is a[0].b.
func propertyPath(pointer string) string {
	var path strings.Builder
	for token := range jsontext.Pointer(pointer).Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(token)
	}
	return path.String()
}

// kinder is a type that says for itself what its JSON should be.
type kinder interface{ JSONKind() string }

func kindOf(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if k, ok := reflect.New(t).Interface().(kinder); ok {
		return k.JSONKind()
	}
	if t.PkgPath() == "time" && t.Name() == "Time" {
		return "a date and time as in 2022-08-30T06:32:07.380Z"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "of another type"
}
