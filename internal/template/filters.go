package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/filters"
	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"
)

// simpleFilter is a filter from text to text that needs no engine.
type simpleFilter struct {
	apply    func(s, argument string) string
	argument string
}

// simpleFilters do exactly what the library's filters of the same names do to a text; a test compares them.
var simpleFilters = map[string]func(s, argument string) string{
	"default": func(s, argument string) string {
		if s == "" {
			return argument
		}
		return s
	},
	"upcase":   func(s, _ string) string { return strings.ToUpper(s) },
	"downcase": func(s, _ string) string { return strings.ToLower(s) },
	"strip":    func(s, _ string) string { return strings.TrimSpace(s) },
	"capitalize": func(s, _ string) string {
		s = strings.ToLower(s)
		_, n := utf8.DecodeRuneInString(s)
		return strings.ToUpper(s[:n]) + s[n:]
	},
}

// dictionary keeps the names beside the library's configuration, which tells nobody what it holds.
type dictionary struct {
	config *expressions.Config
	names  map[string]bool
}

func (d dictionary) AddFilter(name string, fn any) {
	d.config.AddFilter(name, fn)
	d.names[name] = true
}

var filterConfig, filterNames, filterList = func() (expressions.Config, map[string]bool, []string) {
	config := expressions.NewConfig()
	d := dictionary{&config, map[string]bool{}}
	filters.AddStandardFilters(d)
	bound(d)
	delete(d.names, "type") // tells Go's types, which are nobody's business
	var list []string
	for name := range d.names {
		list = append(list, name)
	}
	sort.Strings(list)
	return config, d.names, list
}()

// bound replaces the filters whose result can be far larger than what goes in.
func bound(d dictionary) {
	d.AddFilter("append", func(s, suffix string) (string, error) {
		return bounded(len(s)+len(suffix), func() string { return s + suffix })
	})
	d.AddFilter("prepend", func(s, prefix string) (string, error) {
		return bounded(len(s)+len(prefix), func() string { return prefix + s })
	})
	d.AddFilter("replace", func(s, old, with string) (string, error) {
		return bounded(len(s)+strings.Count(s, old)*len(with), func() string { return strings.ReplaceAll(s, old, with) })
	})
	d.AddFilter("join", func(list []any, separator func(string) string) (string, error) {
		between := separator(" ")
		var b strings.Builder
		for _, v := range list {
			if v == nil {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(between)
			}
			fmt.Fprint(&b, v)
			if b.Len() > maxValue {
				return "", errTooLong
			}
		}
		return b.String(), nil
	})
	marshal := func(v any) (string, error) {
		b, err := json.Marshal(v)
		if err != nil {
			return "", fmt.Errorf("the value has no JSON form")
		}
		return bounded(len(b), func() string { return string(b) })
	}
	d.AddFilter("json", marshal)
	d.AddFilter("inspect", marshal)
	d.AddFilter("date", func(v any, format func(string) string) (any, error) {
		layout := format("%a, %b %d, %y")
		if wideField.MatchString(layout) || len(layout) > 200 {
			return nil, errWideDate
		}
		at, err := values.Convert(v, timeType)
		if v == nil || v == "" || err != nil {
			return v, nil //nolint:nilerr // what is no date stays as it is
		}
		return tuesday.Strftime(layout, at.(time.Time))
	})
	d.AddFilter("concat", func(a, b []any) ([]any, error) {
		if len(a)+len(b) > maxList {
			return nil, errTooMany
		}
		return append(append(make([]any, 0, len(a)+len(b)), a...), b...), nil
	})
	d.AddFilter("split", func(s, separator string) ([]string, error) {
		if separator == " " {
			s, separator = strings.Join(strings.Fields(s), " "), " "
		}
		if strings.Count(s, separator) > maxList {
			return nil, errTooMany
		}
		parts := strings.Split(s, separator)
		for len(parts) > 0 && parts[len(parts)-1] == "" {
			parts = parts[:len(parts)-1]
		}
		return parts, nil
	})
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	wideField = regexp.MustCompile(`%[-_^#0]*\d{3}`)
)

var (
	errWideDate = errors.New("the date's format is too long")
	errTooLong  = fmt.Errorf("the text would be longer than %d bytes", maxValue)
	errTooMany  = fmt.Errorf("the list would have more than %d elements", maxList)
)

func bounded(size int, build func() string) (string, error) {
	if size > maxValue {
		return "", errTooLong
	}
	return build(), nil
}
