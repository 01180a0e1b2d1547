package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

// query reads a request's query parameters and gathers what is wrong with them. Every reader names a parameter that the
// endpoint knows; err refuses the rest, so that a misspelt filter never widens a list in silence.
type query struct {
	values url.Values
	known  []string
	faults fault.List
}

func readQuery(c echo.Context) *query {
	q := &query{}
	values, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		q.complain("", "The query string cannot be read: %v", err)
	}
	q.values = values
	return q
}

func (q *query) complain(name, format string, args ...any) {
	f := fault.New(fault.InvalidQuery, format, args...)
	f.Property = name
	q.faults.Add(f)
}

// text is a parameter as it stands; empty where it is absent.
func (q *query) text(name string) string {
	q.known = append(q.known, name)
	given := q.values[name]
	if len(given) == 0 {
		return ""
	}
	if len(given) > 1 {
		q.complain(name, "Query parameter %s is given %d times", name, len(given))
	}
	if !utf8.ValidString(given[0]) || strings.ContainsRune(given[0], 0) {
		q.complain(name, "Query parameter %s is not valid UTF-8 text", name)
		return ""
	}
	return given[0]
}

// optional is text as a pointer, nil where the parameter is absent.
func (q *query) optional(name string) *string {
	text := q.text(name)
	if !q.values.Has(name) {
		return nil
	}
	return &text
}

// texts is a parameter that may repeat: ?ids=a&ids=b, ?ids[0]=a&ids[1]=b or ?ids=a,b.
func (q *query) texts(name string) []string {
	var all []string
	keys := make([]string, 0, len(q.values))
	for key := range q.values {
		if key == name || strings.HasPrefix(key, name+"[") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		q.known = append(q.known, key)
		for _, value := range q.values[key] {
			all = append(all, strings.Split(value, ",")...)
		}
	}
	return all
}

func (q *query) number(name string, most, otherwise int) int {
	text := q.text(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		q.complain(name, "Query parameter %s should be a whole number from 1 to %d", name, most)
		return otherwise
	}
	return n
}

// limit is how many items a list shows at once.
func (q *query) limit() int { return q.number("limit", 100, 10) }

// page counts from 1; most is the endpoint's last page.
func (q *query) page(most int) int { return q.number("page", most, 1) }

// truth is true or false; nil where the parameter is absent.
func (q *query) truth(name string) *bool {
	switch text := q.text(name); text {
	case "":
		return nil
	case "true", "false":
		yes := text == "true"
		return &yes
	default:
		q.complain(name, "Query parameter %s should be true or false", name)
		return nil
	}
}

// choice is one of the values an endpoint knows; the first is what an absent parameter means.
func (q *query) choice(name string, values ...string) string {
	text := q.text(name)
	if text == "" {
		return values[0]
	}
	if !slices.Contains(values, text) {
		known := slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
		q.complain(name, "Query parameter %s should be one of: %s", name, strings.Join(known, ", "))
		return values[0]
	}
	return text
}

// time is an instant in ISO 8601, or the start of a day; nil where the parameter is absent.
func (q *query) time(name string) *time.Time {
	text := q.text(name)
	if text == "" {
		return nil
	}
	at, err := parseTime(text)
	if err != nil {
		q.complain(name, "Query parameter %s should be a date and time as in 2022-08-30T06:32:07.380Z, or a date", name)
		return nil
	}
	return &at
}

// day is the start of a day (UTC), or of the one in which an instant lies; nil where the parameter is absent.
func (q *query) day(name string) *time.Time {
	at := q.time(name)
	if at != nil {
		*at = at.Truncate(24 * time.Hour)
	}
	return at
}

// between reads name[after] and name[before].
func (q *query) between(name string) (after, before *time.Time) {
	return q.time(name + "[after]"), q.time(name + "[before]")
}

// err is everything that was wrong, unknown parameters included; call it after the last reader.
func (q *query) err() error {
	var unknown []string
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	slices.Sort(q.known)
	for _, name := range unknown {
		if len(q.known) == 0 {
			q.complain(name, "Query parameter %s is not known here; this endpoint takes none", name)
			continue
		}
		q.complain(name, "Query parameter %s is not known here; there are: %s", name, strings.Join(q.known, ", "))
	}
	return q.faults.Err()
}

func parseTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err == nil {
		return at.UTC(), nil
	}
	return time.Parse(time.DateOnly, text)
}
