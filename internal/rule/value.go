package rule

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// value is what a fact says: nothing that is known, one thing, or a list of things.
type value struct {
	known bool
	list  bool
	each  []scalar
}

// scalar is a text, a number or a boolean, as operands and metadata hold them.
type scalar struct {
	text   string // lower case: texts compare without case
	number *float64
}

var unknown = value{}

func numberValue(n int64) value {
	f := float64(n)
	return value{known: true, each: []scalar{{text: strconv.FormatInt(n, 10), number: &f}}}
}

func textValue(text string) value {
	return value{known: true, each: []scalar{textScalar(text)}}
}

func textScalar(text string) scalar {
	s := scalar{text: strings.ToLower(text)}
	if n, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) {
		s.number = &n
	}
	return s
}

// truthValue is a boolean.
func truthValue(yes bool) value { return textValue(strconv.FormatBool(yes)) }

// metadata is the value of a key in an object of metadata. Null and what is not there are unknown, as is an object. Each object
// is taken apart once.
func (f *Facts) metadata(object json.RawMessage, key string) value {
	if len(object) == 0 {
		return unknown
	}
	all, read := f.parts[&object[0]]
	if !read {
		_ = json.Unmarshal(object, &all) // what is no object has no parts
		f.parts[&object[0]] = all
	}
	raw, ok := all[key]
	if !ok {
		return unknown
	}
	if one, ok := readScalar(raw); ok {
		return value{known: true, each: []scalar{one}}
	}
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) != nil || many == nil {
		return unknown
	}
	v := value{known: true, list: true}
	for _, raw := range many {
		if one, ok := readScalar(raw); ok {
			v.each = append(v.each, one)
		}
	}
	return v
}

// readScalar reads a text, number or boolean.
func readScalar(raw json.RawMessage) (scalar, bool) {
	var anything any
	if json.Unmarshal(raw, &anything) != nil {
		return scalar{}, false
	}
	switch v := anything.(type) {
	case string:
		return textScalar(v), true
	case float64:
		return scalar{text: strings.ToLower(strings.TrimSpace(string(raw))), number: &v}, true
	case bool:
		return textScalar(strconv.FormatBool(v)), true
	}
	return scalar{}, false
}

// same reports whether two scalars are equal: as numbers where both read so, and otherwise as texts.
func (s scalar) same(other scalar) bool {
	if s.number != nil && other.number != nil {
		return *s.number == *other.number
	}
	return s.text == other.text
}

// time reads the scalar as a date, or date and time, in ISO 8601; a date is its start in UTC.
func (s scalar) time() (time.Time, bool) {
	text := strings.ToUpper(s.text)
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.UTC(), true
	}
	at, err := time.Parse(time.DateOnly, text)
	return at, err == nil
}

// compare is -1, 0 or 1 as s lies before, at or after the other, as numbers or as dates; false where they are neither.
func (s scalar) compare(other scalar) (int, bool) {
	if s.number != nil && other.number != nil {
		switch {
		case *s.number < *other.number:
			return -1, true
		case *s.number > *other.number:
			return 1, true
		}
		return 0, true
	}
	a, okA := s.time()
	b, okB := other.time()
	return a.Compare(b), okA && okB
}
