package balance

import (
	"time"

	"herald/internal/fault"
	"herald/internal/voucher"
)

// How the day is found on which points expire.
const (
	ProgramRules = "PROGRAM_RULES" // as the loyalty programme says
	CustomDate   = "CUSTOM_DATE"   // on a day that the caller names
	NonExpiring  = "NON_EXPIRING"
)

// Expiration says when points that come expire. The zero value is as the loyalty programme says.
type Expiration struct {
	Type  string                    // one of the above; empty is ProgramRules
	Date  *time.Time                // the last day, of CustomDate
	Rules *voucher.PointsExpiration // in place of the programme's: an earning rule has its own
}

// Check finds what is wrong.
func (e Expiration) Check(now time.Time) *fault.Error {
	switch e.Type {
	case "", ProgramRules, NonExpiring:
		if e.Date != nil {
			return fault.Property("expiration_date", "Property .expiration_date goes with the expiration_type CUSTOM_DATE")
		}
	case CustomDate:
		if e.Date == nil {
			return fault.Property("expiration_date", "Property .expiration_date is required for the expiration_type CUSTOM_DATE")
		}
		if e.Date.Before(Today(now)) {
			return &fault.Error{Code: fault.InvalidExpiration, Property: "expiration_date", Details: "Expiration date cannot be set in the past"}
		}
	default:
		return fault.Property("expiration_type", "Property .expiration_type should be PROGRAM_RULES, CUSTOM_DATE or NON_EXPIRING, not %q", e.Type)
	}
	return nil
}

// Until is the last day of points that come now, in a programme with those rules; nil where they never expire.
func (e Expiration) Until(program *voucher.PointsExpiration, now time.Time) *time.Time {
	switch {
	case e.Type == NonExpiring:
		return nil
	case e.Type == CustomDate:
		day := Today(*e.Date)
		return &day
	case e.Rules != nil:
		program = e.Rules
	}
	if program == nil {
		return nil
	}
	day := lastDay(*program, now)
	return &day
}

// Today is the day of an instant, in UTC.
func Today(now time.Time) time.Time {
	year, month, day := now.UTC().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// roundings is how many months the span has, to whose end each rounding goes.
var roundings = map[string]int{voucher.EndOfMonth: 1, voucher.EndOfQuarter: 3, voucher.EndOfHalfYear: 6, voucher.EndOfYear: 12}

// lastDay is the last day of points that come now, by the rules of a programme. Rules that were checked hold what they need.
func lastDay(r voucher.PointsExpiration, now time.Time) time.Time {
	today := Today(now)
	if r.PeriodType == voucher.FixedDayOfYear {
		day := clamped(today.Year(), *r.FixedMonth, *r.FixedDay)
		if !day.After(today) {
			day = clamped(today.Year()+1, *r.FixedMonth, *r.FixedDay)
		}
		return day
	}
	day := clamped(today.Year(), int(today.Month())+*r.PeriodValue, today.Day())
	if r.RoundingType == voucher.ParticularMonth {
		year := day.Year()
		if int(day.Month()) > *r.RoundingValue {
			year++
		}
		return clamped(year, *r.RoundingValue, 31)
	}
	if span, ok := roundings[r.RoundingType]; ok {
		return clamped(day.Year(), (int(day.Month())+span-1)/span*span, 31)
	}
	return day
}

// clamped is the day of that month, or the month's last where it is shorter; months run on into the next years.
func clamped(year, month, day int) time.Time {
	first := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1)
}
