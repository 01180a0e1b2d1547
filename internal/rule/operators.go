package rule

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// kind is what a name speaks of, and so which operators fit it.
type kind uint8

// The kinds.
const (
	numbers   kind = 1 << iota // an amount, a price, a count
	texts                      // a text of ours
	truths                     // true or false
	segments                   // the segments that a customer is in
	products                   // lines of an order, by what they sell
	metadatas                  // whatever somebody put into metadata
)

const anyKind = numbers | texts | truths | segments | products | metadatas

// The limits of conditions.
const (
	maxOperands = 200
	maxOperand  = 1000 // bytes of a text
)

// operand is what an operator compares with.
type operand struct {
	scalar
	line  Target // of products
	days  int
	frame func(time.Time) bool
}

// operator is one row of the table of operators. What it means stands in one of its functions: over a whole value, over each
// thing in it, or over its lines.
type operator struct {
	fits  kind
	wants string // the operand, in words
	many  bool   // takes several operands, of which one is enough
	read  func(json.RawMessage) (operand, bool)
	not   bool // the exact opposite of what holds says; so it holds for what is not known
	holds func(v value, given []operand, now time.Time) bool
}

var (
	isOne = operator{
		fits: anyKind &^ products, wants: "a text, a number or a boolean", read: readAny,
		holds: func(v value, given []operand, _ time.Time) bool {
			return v.any(func(s scalar) bool { return oneOf(s, given) })
		},
	}
	starts   = textOperator(strings.HasPrefix)
	ends     = textOperator(strings.HasSuffix)
	contains = textOperator(strings.Contains)
)

// operators are those that ask a value. What products are asked for stands in lines.go, under the names of isProducts.
var operators = map[string]operator{
	"$is":     isOne,
	"$is_not": opposite(isOne),
	"$in":     several(isOne),
	"$not_in": opposite(several(isOne)),
	// Every one of the things is among the operands; none of them is.
	"$not_differ": {
		fits: segments | metadatas, wants: isOne.wants, many: true, read: readAny,
		holds: func(v value, given []operand, _ time.Time) bool {
			return v.known && !v.any(func(s scalar) bool { return !oneOf(s, given) })
		},
	},
	"$not_intersect": opposite(several(operator{fits: segments | metadatas, wants: isOne.wants, read: readAny, holds: isOne.holds})),

	"$less_than":             comparing(func(order int) bool { return order < 0 }),
	"$less_than_or_equal":    comparing(func(order int) bool { return order <= 0 }),
	"$more_than":             comparing(func(order int) bool { return order > 0 }),
	"$more_than_or_equal":    comparing(func(order int) bool { return order >= 0 }),
	"$greater_than_or_equal": comparing(func(order int) bool { return order >= 0 }), // so the API's own examples write it

	"$starts_with": starts,
	"$ends_with":   ends,
	"$contains":    contains,

	"$count":      length(func(n, wanted float64) bool { return n == wanted }),
	"$count_more": length(func(n, wanted float64) bool { return n > wanted }),
	"$count_less": length(func(n, wanted float64) bool { return n < wanted }),

	"$after":  moment(func(order int) bool { return order > 0 }),
	"$before": moment(func(order int) bool { return order < 0 }),

	"$more_than_ago":     days(func(at, now time.Time, n int) bool { return at.Before(now.AddDate(0, 0, -n)) }),
	"$less_than_ago":     days(func(at, now time.Time, n int) bool { return !at.After(now) && at.After(now.AddDate(0, 0, -n)) }),
	"$is_days_ago":       days(func(at, now time.Time, n int) bool { return day(at).Equal(day(now).AddDate(0, 0, -n)) }),
	"$more_than_future":  days(func(at, now time.Time, n int) bool { return at.After(now.AddDate(0, 0, n)) }),
	"$less_than_future":  days(func(at, now time.Time, n int) bool { return !at.Before(now) && at.Before(now.AddDate(0, 0, n)) }),
	"$is_days_in_future": days(func(at, now time.Time, n int) bool { return day(at).Equal(day(now).AddDate(0, 0, n)) }),

	"$timeframe":             framed(`a text as in "2024-11-12T14:59:23.019Z;P1D;PT1H"`, parseTimeframe),
	"$timeframe_absolute":    framed(`a text as in "2024-11-14T16:02:00.000Z;2024-11-28T16:02:00.000Z"`, parseSpan),
	"$timeframe_daily_hours": framed(`a text as in "18:00;20:01;2,3"`, parseHours),
	"$dow":                   weekdays,
}

// operatorNames are the operators that fit a kind, for people.
func operatorNames(k kind) string {
	var names []string
	if k == products {
		names = slices.Sorted(maps.Keys(lineOperators))
		return strings.Join(names, ", ")
	}
	for _, name := range slices.Sorted(maps.Keys(operators)) {
		if operators[name].fits&k != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// any reports whether one of the things passes.
func (v value) any(passes func(scalar) bool) bool {
	return v.known && slices.ContainsFunc(v.each, passes)
}

func oneOf(s scalar, given []operand) bool {
	return slices.ContainsFunc(given, func(o operand) bool { return s.same(o.scalar) })
}

func opposite(op operator) operator {
	op.not = true
	return op
}

func several(op operator) operator {
	op.many = true
	return op
}

func comparing(passes func(order int) bool) operator {
	return operator{
		fits: numbers | metadatas, wants: "a number or a date", read: readOrdered,
		holds: func(v value, given []operand, _ time.Time) bool {
			return v.any(func(s scalar) bool {
				order, ok := s.compare(given[0].scalar)
				return ok && passes(order)
			})
		},
	}
}

func textOperator(passes func(text, part string) bool) operator {
	return operator{
		fits: texts | metadatas, wants: "a text", many: true, read: readText,
		holds: func(v value, given []operand, _ time.Time) bool {
			return v.any(func(s scalar) bool {
				return slices.ContainsFunc(given, func(o operand) bool { return passes(s.text, o.text) })
			})
		},
	}
}

func length(passes func(n, wanted float64) bool) operator {
	return operator{
		fits: metadatas, wants: "a number from 0", read: readCount,
		holds: func(v value, given []operand, _ time.Time) bool {
			return v.known && v.list && passes(float64(len(v.each)), *given[0].number)
		},
	}
}

func moment(passes func(order int) bool) operator {
	return operator{
		fits: metadatas, wants: "a date, or a date and time in ISO 8601", read: readMoment,
		holds: func(v value, given []operand, _ time.Time) bool {
			bound, _ := given[0].time()
			return v.any(func(s scalar) bool {
				at, ok := s.time()
				return ok && passes(at.Compare(bound))
			})
		},
	}
}

func days(passes func(at, now time.Time, n int) bool) operator {
	return operator{
		fits: metadatas, wants: "a whole number of days from 0 to 36500", read: readDays,
		holds: func(v value, given []operand, now time.Time) bool {
			return v.any(func(s scalar) bool {
				at, ok := s.time()
				return ok && passes(at, now.UTC(), given[0].days)
			})
		},
	}
}

// day is the start of an instant's day.
func day(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// framed takes windows of time as texts; one of them must be open at the value's instant.
func framed[T interface{ holds(time.Time) bool }](wants string, parse func(string) (T, bool)) operator {
	return operator{
		fits: metadatas, wants: wants, many: true,
		read: func(raw json.RawMessage) (operand, bool) {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				return operand{}, false
			}
			frame, ok := parse(text)
			return operand{frame: frame.holds}, ok
		},
		holds: inFrame,
	}
}

var weekdays = operator{
	fits: metadatas, wants: "a day of the week from 0 (Sunday) to 6 (Saturday)", many: true,
	read: func(raw json.RawMessage) (operand, bool) {
		var n int
		if json.Unmarshal(raw, &n) != nil || n < 0 || n > 6 {
			return operand{}, false
		}
		return operand{frame: func(at time.Time) bool { return int(at.UTC().Weekday()) == n }}, true
	},
	holds: inFrame,
}

func inFrame(v value, given []operand, _ time.Time) bool {
	return v.any(func(s scalar) bool {
		at, ok := s.time()
		return ok && slices.ContainsFunc(given, func(o operand) bool { return o.frame(at) })
	})
}

func readAny(raw json.RawMessage) (operand, bool) {
	s, ok := readScalar(raw)
	return operand{scalar: s}, ok && len(s.text) <= maxOperand
}

func readText(raw json.RawMessage) (operand, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil || len(text) > maxOperand {
		return operand{}, false
	}
	return operand{scalar: textScalar(text)}, true
}

// readOrdered reads what has a place in an order: a number, a text that is one, or a date.
func readOrdered(raw json.RawMessage) (operand, bool) {
	o, ok := readAny(raw)
	_, dated := o.time()
	return o, ok && (o.number != nil || dated)
}

func readMoment(raw json.RawMessage) (operand, bool) {
	o, ok := readText(raw)
	_, dated := o.time()
	return o, ok && dated
}

func readCount(raw json.RawMessage) (operand, bool) {
	var n float64
	if json.Unmarshal(raw, &n) != nil || n < 0 {
		return operand{}, false
	}
	return operand{scalar: scalar{number: &n}}, true
}

func readDays(raw json.RawMessage) (operand, bool) {
	var n int
	if json.Unmarshal(raw, &n) != nil || n < 0 || n > 36_500 {
		return operand{}, false
	}
	return operand{days: n}, true
}
