package rule

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// period is an ISO 8601 duration: a calendar's years, months and days, and a clock's seconds.
type period struct{ years, months, days, seconds int }

const daySeconds = 24 * 60 * 60

var periodText = regexp.MustCompile(`^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?$`)

// parsePeriod reads a duration that is longer than nothing.
func parsePeriod(text string) (period, bool) {
	found := periodText.FindStringSubmatch(strings.ToUpper(text))
	if found == nil {
		return period{}, false
	}
	n := make([]int, len(found))
	for i, digits := range found[1:] {
		n[i+1], _ = strconv.Atoi(digits) // an empty one is 0
	}
	p := period{
		years: n[1], months: n[2], days: 7*n[3] + n[4], seconds: n[5]*3600 + n[6]*60 + n[7],
	}
	return p, p != period{}
}

// after is the instant n periods after start. Whole days of seconds go through the calendar, because a time.Duration ends
// after 292 years.
func (p period) after(start time.Time, n int) time.Time {
	seconds := n * p.seconds
	return start.AddDate(n*p.years, n*p.months, n*p.days+seconds/daySeconds).Add(time.Duration(seconds%daySeconds) * time.Second)
}

// timeframe is a window that opens at start, again after every interval, and each time stays open for a while.
type timeframe struct {
	start           time.Time
	interval, while period
}

// parseTimeframe reads "2024-11-12T14:59:23.019Z;P1D;PT1H".
func parseTimeframe(text string) (timeframe, bool) {
	parts := strings.Split(text, ";")
	if len(parts) != 3 {
		return timeframe{}, false
	}
	var t timeframe
	var ok [3]bool
	t.start, _, ok[0] = textScalar(parts[0]).time()
	t.interval, ok[1] = parsePeriod(parts[1])
	t.while, ok[2] = parsePeriod(parts[2])
	return t, ok == [3]bool{true, true, true}
}

// holds reports whether the window is open at that instant.
func (t timeframe) holds(at time.Time) bool {
	if at.Before(t.start) {
		return false
	}
	// Months differ in length, so the last opening before the instant is guessed by the average, from below, and then found.
	average := float64(t.interval.after(t.start, 12).Unix()-t.start.Unix()) / 12
	n := max(0, int(float64(at.Unix()-t.start.Unix())/average)-1)
	for !t.interval.after(t.start, n+1).After(at) {
		n++
	}
	for n > 0 && t.interval.after(t.start, n).After(at) {
		n--
	}
	return at.Before(t.while.after(t.interval.after(t.start, n), 1))
}

// span is the time between two instants.
type span struct{ from, to time.Time }

// parseSpan reads "2024-11-14T16:02:00.000Z;2024-11-28T16:02:00.000Z".
func parseSpan(text string) (span, bool) {
	from, to, found := strings.Cut(text, ";")
	a, _, okFrom := textScalar(from).time()
	b, _, okTo := textScalar(to).time()
	return span{a, b}, found && okFrom && okTo && a.Before(b)
}

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// hours is a span of the day on some days of the week, in UTC. One that ends before it starts runs into the next day.
type hours struct {
	from, to int // minutes since midnight
	days     [7]bool
}

// parseHours reads "18:00;20:01;2,3"; 0 is Sunday.
func parseHours(text string) (hours, bool) {
	parts := strings.Split(text, ";")
	if len(parts) != 3 {
		return hours{}, false
	}
	var h hours
	from, errFrom := time.Parse("15:04", parts[0])
	to, errTo := time.Parse("15:04", parts[1])
	h.from, h.to = from.Hour()*60+from.Minute(), to.Hour()*60+to.Minute()
	for day := range strings.SplitSeq(parts[2], ",") {
		n, err := strconv.Atoi(strings.TrimSpace(day))
		if err != nil || n < 0 || n > 6 {
			return hours{}, false
		}
		h.days[n] = true
	}
	return h, errFrom == nil && errTo == nil && h.from != h.to
}

func (h hours) holds(at time.Time) bool {
	at = at.UTC()
	minute, today := at.Hour()*60+at.Minute(), int(at.Weekday())
	if h.from < h.to {
		return h.days[today] && minute >= h.from && minute < h.to
	}
	return h.days[today] && minute >= h.from || h.days[(today+6)%7] && minute < h.to
}
