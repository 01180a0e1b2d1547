package distribution

import (
	"time"
	_ "time/tzdata" // customers live everywhere, and a container may know no zones

	"herald/internal/message"
)

// Zone is a customer's time zone by its IANA name, as their metadata's timezone says it; UTC where it says none, or one that
// there is not.
func Zone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil || zone == time.Local { // "Local" is where we run, and says nothing of the customer
		return time.UTC
	}
	return zone
}

// Day is the customer's day that holds an instant, from its start to the start of the next.
func Day(at time.Time, zone *time.Location) (from, to time.Time) {
	y, m, d := at.In(zone).Date()
	return clock(y, m, d, 0, 0, zone), clock(y, m, d+1, 0, 0, zone)
}

// clock is when a zone's clocks come to show a time of a day: the first of two instants where they are set back, and where they
// are set forward past it the instant at which that happens. Midnight, too, is skipped in some zones.
func clock(y int, m time.Month, d, hour, minute int, zone *time.Location) time.Time {
	wanted := time.Date(y, m, d, hour, minute, 0, 0, time.UTC)
	at := time.Date(y, m, d, hour, minute, 0, 0, zone)
	start, end := at.ZoneBounds()
	_, offset := at.Zone()
	switch shown := at.Add(time.Duration(offset) * time.Second); {
	case shown.Before(wanted): // at lies on either side of the gap
		return end
	case shown.After(wanted):
		return start
	}
	_, before := start.Add(-time.Second).Zone()
	if earlier := at.Add(time.Duration(offset-before) * time.Second); before > offset && earlier.Before(start) {
		return earlier // shown twice, and at is the second time
	}
	return at
}

// Due says when the message of an occurrence may leave, with the reason why it waits; "" where it may at once.
func (s *Spec) Due(occurred, now time.Time, zone *time.Location) (reason string, due time.Time) {
	wait, _ := s.Trigger.Wait() // checked when it was written
	due = occurred.Add(wait)
	if due.After(now) {
		reason = message.ReasonDelayed
	} else {
		due = now
	}
	if end, quiet := s.Quiet(due, zone); quiet {
		return message.ReasonQuiet, end
	}
	if reason == "" {
		return "", time.Time{}
	}
	return reason, due
}

// Quiet says until when the customer's quiet hours last that hold at an instant; false where none do.
func (s *Spec) Quiet(at time.Time, zone *time.Location) (until time.Time, quiet bool) {
	if s.QuietHours == nil {
		return time.Time{}, false
	}
	return s.QuietHours.end(at.In(zone))
}

func (q *QuietHours) end(at time.Time) (time.Time, bool) {
	shown := at.Format("15:04")
	spansMidnight := q.From > q.To
	if !spansMidnight && (shown < q.From || shown >= q.To) || spansMidnight && shown < q.From && shown >= q.To {
		return time.Time{}, false
	}
	to, err := time.Parse("15:04", q.To)
	if err != nil { // checked when it was written
		return time.Time{}, false
	}
	y, m, d := at.Date()
	if spansMidnight && shown >= q.From {
		d++
	}
	end := clock(y, m, d, to.Hour(), to.Minute(), at.Location())
	if !end.After(at) { // the clocks were set back meanwhile, and show that time once more
		_, before := end.Zone()
		_, now := at.Zone()
		end = end.Add(time.Duration(before-now) * time.Second)
	}
	return end, true
}
