package segment

import "time"

// clock is the instant at which operators that speak of today are read, in UTC.
type clock struct {
	now         time.Time
	anniversary bool // the day and month count, not the year
}

// window is a stretch of time around today; n is the operator's number. Either end may be open.
type window func(today time.Time, now time.Time, n int) (from, to *time.Time)

// within asks whether the value lies in the window. Where yearly, and the anniversary counts, it asks whether the value's day
// and month lie there; an open end is then that of the year.
func (c clock) within(w window, n int, yearly bool) Predicate {
	today := c.now.Truncate(24 * time.Hour)
	from, to := w(today, c.now, n)
	if !yearly || !c.anniversary {
		return Predicate{View: AsInstant, Ask: Within, From: from, To: to}
	}
	yearStart := time.Date(today.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	first, end := yearStart, yearStart.AddDate(1, 0, 0)
	if from != nil {
		first = from.Truncate(24 * time.Hour)
	}
	if to != nil {
		end = *to
	}
	return Predicate{View: AsMonthDay, Ask: Equals, Texts: monthDays(first, end)}
}

// monthDays lists the days in first <= day < end as "01-31", a year of them at most. In a year that has no 29 February,
// those born on one count with the 28th.
func monthDays(first, end time.Time) []string {
	days := []string{}
	for day := first; day.Before(end) && len(days) < 366; day = day.AddDate(0, 0, 1) {
		days = append(days, day.Format("01-02"))
		leapless := day.AddDate(0, 0, 1).Day() == 1
		if day.Month() == time.February && day.Day() == 28 && leapless {
			days = append(days, "02-29")
		}
	}
	return days
}

func span(from, to time.Time) (*time.Time, *time.Time) { return &from, &to }

func agoBefore(_, now time.Time, n int) (from, to *time.Time) {
	end := now.AddDate(0, 0, -n)
	return nil, &end
}

// agoAfter takes in all of today, because the ledger's clock may run a little before ours.
func agoAfter(today, now time.Time, n int) (from, to *time.Time) {
	return span(now.AddDate(0, 0, -n), today.AddDate(0, 0, 1))
}

func futureAfter(_, now time.Time, n int) (from, to *time.Time) {
	start := now.AddDate(0, 0, n)
	return &start, nil
}

func futureBefore(_, now time.Time, n int) (from, to *time.Time) {
	return span(now, now.AddDate(0, 0, n))
}

func dayAgo(today, _ time.Time, n int) (from, to *time.Time) {
	return span(today.AddDate(0, 0, -n), today.AddDate(0, 0, 1-n))
}

func dayAhead(today, _ time.Time, n int) (from, to *time.Time) {
	return span(today.AddDate(0, 0, n), today.AddDate(0, 0, n+1))
}

func yearsAgo(today, _ time.Time, n int) (from, to *time.Time) {
	day := today.AddDate(-n, 0, 0)
	return span(day, day.AddDate(0, 0, 1))
}

func dayWindow(shift int) window {
	return func(today, now time.Time, _ int) (from, to *time.Time) { return dayAhead(today, now, shift) }
}

// weeks start on Monday.
func weeks(shift int) window {
	return func(today, _ time.Time, _ int) (from, to *time.Time) {
		monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7+7*shift)
		return span(monday, monday.AddDate(0, 0, 7))
	}
}

func months(shift int) window {
	return func(today, _ time.Time, _ int) (from, to *time.Time) {
		first := time.Date(today.Year(), today.Month()+time.Month(shift), 1, 0, 0, 0, 0, time.UTC)
		return span(first, first.AddDate(0, 1, 0))
	}
}

func years(shift int) window {
	return func(today, _ time.Time, _ int) (from, to *time.Time) {
		first := time.Date(today.Year()+shift, 1, 1, 0, 0, 0, 0, time.UTC)
		return span(first, first.AddDate(1, 0, 0))
	}
}
