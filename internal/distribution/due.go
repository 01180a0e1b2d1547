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

// DayStart is when the customer's day began.
func DayStart(now time.Time, zone *time.Location) time.Time {
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
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
	if s.QuietHours != nil {
		if end, quiet := s.QuietHours.end(due.In(zone)); quiet {
			return message.ReasonQuiet, end
		}
	}
	if reason == "" {
		return "", time.Time{}
	}
	return reason, due
}

// end is when the quiet hours end that hold at an instant; false where none do.
func (q *QuietHours) end(at time.Time) (time.Time, bool) {
	clock := at.Format("15:04")
	spansMidnight := q.From > q.To
	if !spansMidnight && (clock < q.From || clock >= q.To) || spansMidnight && clock < q.From && clock >= q.To {
		return time.Time{}, false
	}
	to, err := time.Parse("15:04", q.To)
	if err != nil { // checked when it was written
		return time.Time{}, false
	}
	y, m, d := at.Date()
	if spansMidnight && clock >= q.From {
		d++
	}
	return time.Date(y, m, d, to.Hour(), to.Minute(), 0, 0, at.Location()), true
}
