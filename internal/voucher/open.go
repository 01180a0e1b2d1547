package voucher

import (
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Open reports whether a voucher, campaign or promotion tier that started then (nil: it always had) and was published then
// (nil: it was not) can be used at that instant. Days and hours are those of UTC.
func (v *Validity) Open(start, published *time.Time, at time.Time) bool {
	if v == nil {
		return true
	}
	at = at.UTC()
	if len(v.DayOfWeek) > 0 && !slices.Contains(v.DayOfWeek, int(at.Weekday())) {
		return false
	}
	if v.Timeframe != nil && start != nil && !v.Timeframe.Open(start.UTC(), at) {
		return false
	}
	if after := v.ActivityDurationAfterPublishing; after != nil && published != nil {
		if span, ok := parsePeriod(*after); ok && !at.Before(span.after(published.UTC(), 1)) {
			return false
		}
	}
	return v.Hours == nil || len(v.Hours.Daily) == 0 || slices.ContainsFunc(v.Hours.Daily, func(d Daily) bool { return d.Open(at) })
}

// Open reports whether one of the windows that open at start and after each interval from then on is open.
func (t Timeframe) Open(start, at time.Time) bool {
	if at.Before(start) {
		return false
	}
	while, ok := parsePeriod(t.Duration)
	if !ok {
		return true
	}
	every, ok := parsePeriod(t.Interval)
	if !ok {
		return at.Before(while.after(start, 1))
	}
	return at.Before(while.after(every.last(start, at), 1))
}

// Open reports whether the span of hours holds; one that ends before it starts runs into the next day.
func (d Daily) Open(at time.Time) bool {
	from, hasFrom := minutes(d.StartTime)
	to, hasTo := minutes(d.ExpirationTime)
	if !hasFrom {
		from = 0
	}
	if !hasTo {
		to = 24 * 60
	}
	on := func(day time.Weekday) bool { return len(d.DaysOfWeek) == 0 || slices.Contains(d.DaysOfWeek, int(day)) }
	now, today, yesterday := at.Hour()*60+at.Minute(), at.Weekday(), (at.Weekday()+6)%7
	if from < to {
		return on(today) && now >= from && now < to
	}
	return on(today) && now >= from || on(yesterday) && now < to
}

// minutes reads a time of the day, "13:30", as minutes since midnight.
func minutes(text string) (int, bool) {
	at, err := time.Parse("15:04", text)
	return at.Hour()*60 + at.Minute(), err == nil
}

// period is an ISO 8601 duration: a calendar's months and days, and a clock's seconds.
type period struct{ months, days, seconds int }

const daySeconds = 24 * 60 * 60

var periodText = regexp.MustCompile(`^P(?:(\d{1,5})W|(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?)$`)

// parsePeriod reads a duration that is longer than nothing, and shorter than a history of mankind.
func parsePeriod(text string) (p period, ok bool) {
	found := periodText.FindStringSubmatch(text)
	if found == nil {
		return p, false
	}
	var n [8]int
	for i, digits := range found[1:] {
		n[i+1], _ = strconv.Atoi(digits) // an absent part is 0
	}
	p = period{months: 12*n[2] + n[3], days: 7*n[1] + n[4], seconds: n[5]*3600 + n[6]*60 + n[7]}
	return p, p != period{}
}

// after is the instant n periods after start. Whole days of seconds go through the calendar, because a time.Duration ends
// after 292 years.
func (p period) after(start time.Time, n int) time.Time {
	seconds := n * p.seconds
	return start.AddDate(0, n*p.months, n*p.days+seconds/daySeconds).Add(time.Duration(seconds%daySeconds) * time.Second)
}

// last is the last of start and the instants that lie whole periods after it which is not after at. Months differ in length,
// so it is guessed by their average over a year and then found, in a few steps however far at lies.
func (p period) last(start, at time.Time) time.Time {
	average := float64(p.after(start, 12).Unix()-start.Unix()) / 12
	n := max(0, int(float64(at.Unix()-start.Unix())/average))
	for !p.after(start, n+1).After(at) {
		n++
	}
	for n > 0 && p.after(start, n).After(at) {
		n--
	}
	return p.after(start, n)
}
