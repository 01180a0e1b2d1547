package segment

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// operand is a value that a field is compared with.
type operand struct {
	text     string
	number   string // decimal; set where it was a number
	at       time.Time
	dateOnly bool
}

// operator is one row of the table of operators.
type operator struct {
	fits  Kind   // the kinds of fields it can be used on
	wants string // the operand, in words
	many  bool   // takes several operands, of which one is enough
	read  func(json.RawMessage) (operand, bool)
	not   bool // is the opposite of what plain says
	moves bool // speaks of today
	plain func([]operand, clock) Predicate
}

// operators lists what each operator means, once for each kind of field where that differs.
var operators = map[string][]operator{
	"$is":          {isText, isNumber, isMoment},
	"$in":          {isText, isNumber, isMoment},
	"$is_not":      {opposite(isText), opposite(isNumber), opposite(isMoment)},
	"$not_in":      {opposite(isText), opposite(isNumber), opposite(isMoment)},
	"$contains":    {texts(Contains)},
	"$not_contain": {opposite(texts(Contains))},
	"$starts_with": {texts(StartsWith)},
	"$ends_with":   {texts(EndsWith)},
	"$has_value":   {known, counted},
	"$is_unknown":  {opposite(known), opposite(counted)},

	"$more_than":       {number(Above), days(agoBefore, false)},
	"$less_than":       {number(Below), days(agoAfter, false)},
	"$more_than_equal": {number(AtLeast)},
	"$less_than_equal": {number(AtMost)},
	"$count":           {length(Equals)},
	"$count_more":      {length(Above)},
	"$count_less":      {length(Below)},

	"$after":  {moment("after")},
	"$before": {moment("before")},

	"$more_than_ago":        {days(agoBefore, false)},
	"$less_than_ago":        {days(agoAfter, false)},
	"$more_than_future":     {days(futureAfter, false)},
	"$less_than_future":     {days(futureBefore, false)},
	"$is_days_ago":          {days(dayAgo, true)},
	"$is_days_in_future":    {days(dayAhead, true)},
	"$more_than_ago_md":     {anniversary(days(agoBefore, true))},
	"$less_than_ago_md":     {anniversary(days(agoAfter, true))},
	"$more_than_future_md":  {anniversary(days(futureAfter, true))},
	"$less_than_future_md":  {anniversary(days(futureBefore, true))},
	"$is_days_ago_md":       {anniversary(days(dayAgo, true))},
	"$is_days_in_future_md": {anniversary(days(dayAhead, true))},
	"$is_years_ago":         {upTo(200, days(yearsAgo, false))},

	"$is_day_of_month": {part(AsDayOfMonth, 1, 31)},
	"$is_day":          {part(AsWeekday, 0, 6)},
	"$is_month":        {part(AsMonth, 1, 12)},
	"$is_year":         {part(AsYear, 1, 9999)},

	"$this_year": {calendar(years(0), false)},
	"$last_year": {calendar(years(-1), false)},
	"$next_year": {calendar(years(1), false)},
}

func init() {
	for name, w := range map[string]window{
		"$today": dayWindow(0), "$tomorrow": dayWindow(1), "$yesterday": dayWindow(-1),
		"$this_week": weeks(0), "$last_week": weeks(-1), "$next_week": weeks(1),
		"$this_month": months(0), "$last_month": months(-1), "$next_month": months(1),
	} {
		operators[name] = []operator{calendar(w, true)}
		operators[name+"_md"] = []operator{anniversary(calendar(w, true))}
	}
}

func findOperator(name string, kind Kind) (operator, bool) {
	for _, op := range operators[name] {
		if op.fits&kind != 0 {
			return op, true
		}
	}
	return operator{}, false
}

func operatorNames(kind Kind) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(operators)) {
		if _, ok := findOperator(name, kind); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// isText is tried first, so what may be a text or a number, as metadata, is read as what the operands are.
var isText = operator{
	fits: Text, wants: "a text, a number or a boolean", many: true, read: readScalar,
	plain: func(given []operand, _ clock) Predicate {
		p := Predicate{Ask: Equals}
		for _, o := range given {
			if o.number == "" {
				p.Texts = append(p.Texts, o.text)
			}
		}
		if len(p.Texts) > 0 { // numbers among texts compare as the texts that they are
			p.Texts = allTexts(given)
			return p
		}
		p.View = AsNumber
		p.Numbers = allNumbers(given)
		return p
	},
}

var isNumber = operator{
	fits: Number, wants: "a number", many: true, read: readNumber,
	plain: func(given []operand, _ clock) Predicate {
		return Predicate{View: AsNumber, Ask: Equals, Numbers: allNumbers(given)}
	},
}

var isMoment = operator{
	fits: Moment | Birthday, wants: "a date, or a date and time in ISO 8601", read: readMoment,
	plain: func(given []operand, _ clock) Predicate {
		to := given[0].at.Add(time.Millisecond)
		if given[0].dateOnly {
			to = given[0].at.AddDate(0, 0, 1)
		}
		return Predicate{View: AsInstant, Ask: Within, From: &given[0].at, To: &to}
	},
}

var known = operator{
	fits: Text | Moment | Birthday | List, wants: "true", read: readTrue,
	plain: func([]operand, clock) Predicate { return Predicate{Ask: Known} },
}

// counted is known for a count or a sum: there is something to count.
var counted = operator{
	fits: Number, wants: "true", read: readTrue,
	plain: func([]operand, clock) Predicate { return Predicate{View: AsNumber, Ask: Known} },
}

func texts(ask Comparison) operator {
	return operator{
		fits: Text, wants: "a text", many: true, read: readScalar,
		plain: func(given []operand, _ clock) Predicate { return Predicate{Ask: ask, Texts: allTexts(given)} },
	}
}

func number(ask Comparison) operator {
	return operator{
		fits: Number, wants: "a number", read: readNumber,
		plain: func(given []operand, _ clock) Predicate {
			return Predicate{View: AsNumber, Ask: ask, Numbers: allNumbers(given)}
		},
	}
}

func length(ask Comparison) operator {
	return operator{
		fits: List, wants: "a whole number", read: readWhole(0, 1_000_000),
		plain: func(given []operand, _ clock) Predicate {
			return Predicate{View: AsLength, Ask: ask, Numbers: allNumbers(given)}
		},
	}
}

func moment(side string) operator {
	return operator{
		fits: Moment | Birthday, wants: "a date, or a date and time in ISO 8601", read: readMoment,
		plain: func(given []operand, _ clock) Predicate {
			p := Predicate{View: AsInstant, Ask: Within}
			if side == "before" {
				p.To = &given[0].at
				return p
			}
			after := given[0].at.Add(time.Microsecond) // the ledger's own resolution: what follows the instant
			p.From = &after
			return p
		},
	}
}

func part(view View, least, most int) operator {
	return operator{
		fits: Moment | Birthday, many: true, read: readWhole(least, most),
		wants: fmt.Sprintf("a whole number from %d to %d", least, most),
		plain: func(given []operand, _ clock) Predicate {
			return Predicate{View: view, Ask: Equals, Numbers: allNumbers(given)}
		},
	}
}

// days takes a number of days (or years) and asks whether the value lies in that window. Where it is about one day, a
// birthday's anniversary is what counts.
func days(w window, yearly bool) operator {
	return operator{
		fits: Moment | Birthday, wants: "a whole number", read: readWhole(0, 36_500), moves: true,
		plain: func(given []operand, c clock) Predicate {
			n, err := strconv.Atoi(given[0].number)
			if err != nil {
				panic(err) // readWhole let it through
			}
			return c.within(w, n, yearly)
		},
	}
}

// upTo is op with a smaller number at most.
func upTo(most int, op operator) operator {
	op.read = readWhole(0, most)
	op.wants = fmt.Sprintf("a whole number from 0 to %d", most)
	return op
}

func calendar(w window, yearly bool) operator {
	return operator{
		fits: Moment | Birthday, wants: "true", read: readTrue, moves: true,
		plain: func(_ []operand, c clock) Predicate { return c.within(w, 0, yearly) },
	}
}

// anniversary is op on the day and month alone.
func anniversary(op operator) operator {
	inner := op.plain
	op.plain = func(given []operand, c clock) Predicate {
		c.anniversary = true
		return inner(given, c)
	}
	return op
}

func opposite(op operator) operator {
	op.not = true
	return op
}

func allTexts(given []operand) []string {
	all := make([]string, len(given))
	for i, o := range given {
		all[i] = o.text
	}
	return all
}

func allNumbers(given []operand) []string {
	all := make([]string, len(given))
	for i, o := range given {
		all[i] = o.number
	}
	return all
}
