package segment

import "time"

// View says how a predicate reads its field.
type View int

// The views. Where a field's value does not read that way (a text that is no number), it counts as unknown.
const (
	AsText       View = iota // letters compare without case
	AsNumber                 // a number, or a text that is one
	AsInstant                // an instant, or a text that is one; a date is its first instant in UTC
	AsMonthDay               // "01-31"
	AsDayOfMonth             // 1 to 31
	AsWeekday                // 0, Sunday, to 6
	AsMonth                  // 1 to 12
	AsYear                   //
	AsLength                 // how many items an array has
)

// Comparison is what a predicate asks.
type Comparison int

// The comparisons.
const (
	Known      Comparison = iota // there is a value; of a number, one that is not 0
	Equals                       // it is one of the operands
	Contains                     // it contains one of the texts
	StartsWith                   // it starts with one of the texts
	EndsWith                     // it ends with one of the texts
	Within                       // From <= value < To, either of which may be missing
	Above                        // value > Numbers[0]
	AtLeast                      // value >= Numbers[0]
	Below                        // value < Numbers[0]
	AtMost                       // value <= Numbers[0]
)

// Predicate is one plain comparison: what is left of an operator when the clock has been read. It holds no longer than that
// reading where its operator speaks of today.
type Predicate struct {
	View     View
	Ask      Comparison
	Not      bool // holds wherever the comparison does not, an unknown value included
	Texts    []string
	Numbers  []string // decimal
	From, To *time.Time
}
