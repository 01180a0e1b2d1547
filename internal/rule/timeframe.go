package rule

import (
	"strconv"
	"strings"
	"time"

	"herald/internal/voucher"
)

// timeframe is a window that opens at start, again after every interval, and each time stays open for a while.
type timeframe struct {
	start time.Time
	voucher.Timeframe
}

// parseTimeframe reads "2024-11-12T14:59:23.019Z;P1D;PT1H".
func parseTimeframe(text string) (timeframe, bool) {
	parts := strings.Split(text, ";")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return timeframe{}, false
	}
	start, ok := textScalar(parts[0]).time()
	t := timeframe{start, voucher.Timeframe{Interval: parts[1], Duration: parts[2]}}
	return t, ok && voucher.Validity{Timeframe: &t.Timeframe}.Check("") == nil
}

func (t timeframe) holds(at time.Time) bool { return t.Open(t.start, at) }

// span is the time between two instants.
type span struct{ from, to time.Time }

// parseSpan reads "2024-11-14T16:02:00.000Z;2024-11-28T16:02:00.000Z".
func parseSpan(text string) (span, bool) {
	from, to, found := strings.Cut(text, ";")
	a, okFrom := textScalar(from).time()
	b, okTo := textScalar(to).time()
	return span{a, b}, found && okFrom && okTo && a.Before(b)
}

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// hours is a span of the day on some days of the week, in UTC.
type hours struct{ voucher.Daily }

// parseHours reads "18:00;20:01;2,3"; 0 is Sunday.
func parseHours(text string) (hours, bool) {
	parts := strings.Split(text, ";")
	if len(parts) != 3 {
		return hours{}, false
	}
	h := hours{voucher.Daily{StartTime: parts[0], ExpirationTime: parts[1]}}
	_, errFrom := time.Parse("15:04", parts[0])
	_, errTo := time.Parse("15:04", parts[1])
	for day := range strings.SplitSeq(parts[2], ",") {
		n, err := strconv.Atoi(strings.TrimSpace(day))
		if err != nil || n < 0 || n > 6 {
			return hours{}, false
		}
		h.DaysOfWeek = append(h.DaysOfWeek, n)
	}
	return h, errFrom == nil && errTo == nil && parts[0] != parts[1]
}

func (h hours) holds(at time.Time) bool { return h.Open(at.UTC()) }
