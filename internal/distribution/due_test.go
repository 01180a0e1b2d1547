package distribution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/message"
)

// instant reads a local time with its offset.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -07:00", text)
	require.NoError(t, err)
	return at
}

func TestZone(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Europe/Warsaw", Zone("Europe/Warsaw").String())
	for _, name := range []string{"", "Nowhere/Atlantis", "Local", "../etc/passwd"} {
		require.Equal(t, time.UTC, Zone(name), name)
	}
}

// The customer's day, also where its midnight does not exist, comes twice, or the whole day is skipped.
func TestDay(t *testing.T) {
	t.Parallel()
	for _, of := range []struct{ zone, at, from, to string }{
		{"UTC", "2026-03-01 14:00 +00:00", "2026-03-01 00:00 +00:00", "2026-03-02 00:00 +00:00"},
		{"Asia/Tokyo", "2026-03-01 15:00 +00:00", "2026-03-02 00:00 +09:00", "2026-03-03 00:00 +09:00"},
		{"Europe/Warsaw", "2026-03-29 12:00 +02:00", "2026-03-29 00:00 +01:00", "2026-03-30 00:00 +02:00"},
		{"America/New_York", "2026-11-01 12:00 -05:00", "2026-11-01 00:00 -04:00", "2026-11-02 00:00 -05:00"},
		{"America/Sao_Paulo", "2018-11-04 12:00 -02:00", "2018-11-04 01:00 -02:00", "2018-11-05 00:00 -02:00"},
		{"America/Sao_Paulo", "2018-11-03 23:30 -03:00", "2018-11-03 00:00 -03:00", "2018-11-04 01:00 -02:00"},
		{"America/Sao_Paulo", "2018-02-17 23:30 -03:00", "2018-02-17 00:00 -02:00", "2018-02-18 00:00 -03:00"},
		{"Asia/Beirut", "2026-03-29 12:00 +03:00", "2026-03-29 01:00 +03:00", "2026-03-30 00:00 +03:00"},
		{"America/Havana", "2026-11-01 00:30 -05:00", "2026-11-01 00:00 -04:00", "2026-11-02 00:00 -05:00"},
		{"Pacific/Apia", "2011-12-29 12:00 -10:00", "2011-12-29 00:00 -10:00", "2011-12-31 00:00 +14:00"},
	} {
		from, to := Day(instant(t, of.at), Zone(of.zone))
		require.True(t, from.Equal(instant(t, of.from)), "%s %s begins %s", of.zone, of.at, from)
		require.True(t, to.Equal(instant(t, of.to)), "%s %s ends %s", of.zone, of.at, to)
	}
}

func TestQuietHours(t *testing.T) {
	t.Parallel()
	for _, of := range []struct{ zone, from, to, at, until string }{
		{"UTC", "22:00", "08:00", "2026-07-01 21:59 +00:00", ""},
		{"UTC", "22:00", "08:00", "2026-07-01 22:00 +00:00", "2026-07-02 08:00 +00:00"},
		{"UTC", "22:00", "08:00", "2026-07-02 07:59 +00:00", "2026-07-02 08:00 +00:00"},
		{"UTC", "22:00", "08:00", "2026-07-02 08:00 +00:00", ""},
		{"UTC", "22:00", "00:00", "2026-07-31 23:00 +00:00", "2026-08-01 00:00 +00:00"},
		{"UTC", "12:00", "14:00", "2026-07-02 13:00 +00:00", "2026-07-02 14:00 +00:00"},
		{"UTC", "12:00", "14:00", "2026-07-02 11:59 +00:00", ""},
		{"Asia/Tokyo", "22:00", "08:00", "2026-07-01 14:00 +00:00", "2026-07-02 08:00 +09:00"},
		// The night of the change is an hour shorter, or longer.
		{"Europe/Warsaw", "22:00", "08:00", "2026-03-28 23:00 +01:00", "2026-03-29 08:00 +02:00"},
		{"Europe/Warsaw", "22:00", "08:00", "2026-10-24 23:00 +02:00", "2026-10-25 08:00 +01:00"},
		{"America/New_York", "22:00", "08:00", "2026-03-07 23:00 -05:00", "2026-03-08 08:00 -04:00"},
		// They end at a time that does not exist: as the clocks go past it.
		{"Europe/Warsaw", "22:00", "02:30", "2026-03-29 01:30 +01:00", "2026-03-29 03:00 +02:00"},
		{"America/Sao_Paulo", "22:00", "00:30", "2018-11-03 23:30 -03:00", "2018-11-04 01:00 -02:00"},
		{"Asia/Beirut", "22:00", "00:00", "2026-03-28 23:00 +02:00", "2026-03-29 01:00 +03:00"},
		// They begin at one: from the first time after it.
		{"Europe/Warsaw", "02:30", "08:00", "2026-03-29 03:00 +02:00", "2026-03-29 08:00 +02:00"},
		// They end at a time that comes twice: at the first, and for who comes in the repeated hour at the second.
		{"Europe/Warsaw", "22:00", "02:30", "2026-10-25 01:30 +02:00", "2026-10-25 02:30 +02:00"},
		{"Europe/Warsaw", "22:00", "02:30", "2026-10-25 02:15 +01:00", "2026-10-25 02:30 +01:00"},
		{"America/New_York", "22:00", "01:30", "2026-11-01 01:10 -05:00", "2026-11-01 01:30 -05:00"},
	} {
		spec := Spec{QuietHours: &QuietHours{From: of.from, To: of.to}}
		until, quiet := spec.Quiet(instant(t, of.at), Zone(of.zone))
		require.Equal(t, of.until != "", quiet, "%+v", of)
		if quiet {
			require.True(t, until.Equal(instant(t, of.until)), "%+v: until %s", of, until)
		}
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	occurred := instant(t, "2026-07-01 20:30 +00:00")
	at := func(text string) time.Time { return instant(t, "2026-07-0"+text+" +00:00") }
	for _, of := range []struct {
		delay, now, reason, due string
		quiet                   *QuietHours
	}{
		{delay: "", now: "1 20:31"},
		{delay: "PT2H", now: "1 20:31", reason: message.ReasonDelayed, due: "1 22:30"},
		{delay: "PT2H", now: "1 22:30"},
		{delay: "PT2H", now: "1 20:31", quiet: &QuietHours{"22:00", "08:00"}, reason: message.ReasonQuiet, due: "2 08:00"},
		{delay: "PT2H", now: "2 06:00", quiet: &QuietHours{"22:00", "08:00"}, reason: message.ReasonQuiet, due: "2 08:00"},
		{delay: "PT12H", now: "1 23:00", quiet: &QuietHours{"22:00", "08:00"}, reason: message.ReasonDelayed, due: "2 08:30"},
		{delay: "", now: "1 21:00", quiet: &QuietHours{"22:00", "08:00"}},
	} {
		spec := Spec{Trigger: Trigger{Type: "customer.order.paid", Delay: of.delay}, QuietHours: of.quiet}
		reason, due := spec.Due(occurred, at(of.now), time.UTC)
		require.Equal(t, of.reason, reason, "%+v", of)
		if of.due == "" {
			require.Zero(t, due, "%+v", of)
		} else {
			require.True(t, due.Equal(at(of.due)), "%+v: %s", of, due)
		}
	}
}
