package db_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/message"
)

// triggering is occurrences on their way to messages of a distribution.
func (w wire) triggering(one uuid.UUID, occurrences ...int64) db.Triggering {
	return db.Triggering{
		Enrolment:   db.Enrolment{Project: w.project, Distribution: one, Version: 1, Channels: 1},
		Occurrences: occurrences, Now: time.Now(),
		Pick: func(json.RawMessage) (string, error) { return "{}", nil },
	}
}

func (w wire) enrolTriggered(t testing.TB, one db.Triggering) db.Triggers {
	t.Helper()
	done, err := w.messages.EnrolTriggered(context.Background(), one)
	require.NoError(t, err)
	return done
}

// mailed is a customer with an address, in a time zone.
func (w wire) mailed(t testing.TB, zone string) (made uuid.UUID) {
	t.Helper()
	made = w.customer(t)
	_, err := w.pool.Exec(context.Background(), `UPDATE customers SET email = id || '@shop.example', metadata = jsonb_build_object('timezone', $2::text)
		WHERE id = $1`, made, zone)
	require.NoError(t, err)
	return made
}

// reasons is how a distribution's messages stand, by their number.
func (w wire) reasons(t testing.TB, one uuid.UUID) (reasons []string) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(context.Background(), `SELECT coalesce(array_agg(coalesce(reason, '') ORDER BY seq), '{}') FROM messages
		WHERE distribution_id = $1`, one).Scan(&reasons))
	return reasons
}

func TestOccurrencesAreEnrolledOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	happened := w.see(t, "/", w.mailed(t, "UTC"), w.mailed(t, "UTC"), w.mailed(t, "UTC"))
	doubled := w.triggering(one, happened[0], happened[1], happened[0])
	require.Equal(t, db.Triggers{FirstSeq: 1, LastSeq: 2}, w.enrolTriggered(t, doubled))
	require.Equal(t, db.Triggers{FirstSeq: 1, LastSeq: 2}, w.enrolTriggered(t, doubled), "and says again which they are")
	require.Equal(t, db.Triggers{FirstSeq: 2, LastSeq: 3}, w.enrolTriggered(t, w.triggering(one, happened[1], happened[2])))
	w.one = one
	require.Equal(t, message.Tally{Pending: 3}, w.tally(t))

	// Several at once, as where an attempt only seems dead.
	more := w.see(t, "/", w.mailed(t, "UTC"), w.mailed(t, "UTC"))
	var attempts errgroup.Group
	for range 4 {
		attempts.Go(func() error {
			done, err := w.messages.EnrolTriggered(context.Background(), w.triggering(one, more...))
			if err == nil && (done.FirstSeq != 4 || done.LastSeq != 5) {
				t.Error(done)
			}
			return err
		})
	}
	require.NoError(t, attempts.Wait())
	require.Equal(t, message.Tally{Pending: 5}, w.tally(t))
}

// What the relay has skipped since is no part of what a run has to look at.
func TestEnrollingSaysWhereItsMessagesBegin(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	_, shoes := w.rule(t, onPage("/shoes"))
	one := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: shoes}, nil)
	a := w.mailed(t, "UTC")
	w.see(t, "/socks", a, a, a)
	happened := w.see(t, "/shoes", a)
	w.pass(t, w.tell)
	require.Equal(t, db.Triggers{FirstSeq: 4, LastSeq: 4}, w.enrolTriggered(t, w.triggering(one, happened...)))
	w.see(t, "/socks", a)
	w.pass(t, w.tell)
	require.Equal(t, db.Triggers{FirstSeq: 4, LastSeq: 5}, w.enrolTriggered(t, w.triggering(one, happened...)))
}

func TestWhyATriggeredMessageDoesNotLeaveAtOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	tokyo := w.mailed(t, "Asia/Tokyo")
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC) // 21:00 in Tokyo
	for name, of := range map[string]struct {
		change func(*db.Triggering)
		reason string
		due    time.Time
	}{
		"at once": {func(*db.Triggering) {}, "", time.Time{}},
		"paused":  {func(t *db.Triggering) { t.Paused = true }, message.ReasonPaused, time.Time{}},
		"delayed": {func(t *db.Triggering) { t.Spec.Trigger.Delay = "PT2H" }, message.ReasonDelayed, noon.Add(2 * time.Hour)},
		"quiet": {func(t *db.Triggering) { t.Spec.QuietHours = &distribution.QuietHours{From: "20:00", To: "08:00"} }, message.ReasonQuiet,
			noon.Add(11 * time.Hour)},
		"delayed into quiet hours": {func(t *db.Triggering) {
			t.Spec.Trigger.Delay, t.Spec.QuietHours = "PT2H", &distribution.QuietHours{From: "22:30", To: "23:30"}
		}, message.ReasonQuiet, noon.Add(2*time.Hour + 30*time.Minute)},
	} {
		one := w.live(t, distribution.Trigger{Type: seen}, nil)
		happened := w.see(t, "/", tokyo)
		_, err := w.pool.Exec(t.Context(), "UPDATE occurrences SET created_at = $2 WHERE id = $1", happened[0], noon)
		require.NoError(t, err)
		triggering := w.triggering(one, happened...)
		triggering.Now = noon
		of.change(&triggering)
		for range 2 { // also to a run whose worker died at the commit: else nobody would send what waits
			require.Equal(t, !of.due.IsZero(), w.enrolTriggered(t, triggering).Deferred, name)
		}
		m, err := w.messages.Get(t.Context(), w.project, one, 1)
		require.NoError(t, err)
		require.Equal(t, of.reason, m.Reason, name)
		if of.due.IsZero() {
			require.Nil(t, m.DueAt, name)
		} else {
			require.WithinDuration(t, of.due, *m.DueAt, time.Second, name)
		}
	}
}

// Caps count by the customer's own day, and only what goes out.
func TestCapsCountInTheCustomersDay(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	tokyo, utc := w.mailed(t, "Asia/Tokyo"), w.mailed(t, "UTC")
	capped := func(now time.Time, paused bool, occurrences ...int64) {
		_, err := w.pool.Exec(t.Context(), "UPDATE occurrences SET created_at = $2 WHERE id = ANY ($1)", occurrences, now)
		require.NoError(t, err)
		triggering := w.triggering(one, occurrences...)
		triggering.Spec.FrequencyCap, triggering.Now, triggering.Paused = &distribution.FrequencyCap{PerDay: 2}, now, paused
		w.enrolTriggered(t, triggering)
		_, err = w.pool.Exec(t.Context(), "UPDATE messages SET created_at = $2 WHERE distribution_id = $1 AND created_at > $2", one, now)
		require.NoError(t, err)
	}
	day := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC) // 23:00 in Tokyo
	capped(day, true, w.see(t, "/", tokyo, utc)...)     // which does not count
	capped(day, false, w.see(t, "/", tokyo, utc, tokyo, utc, tokyo, utc)...)
	capped(day.Add(2*time.Hour), false, w.see(t, "/", tokyo, utc)...) // the next day, in Tokyo
	require.Equal(t, []string{
		message.ReasonPaused, message.ReasonPaused, "", "", "", "", message.ReasonCapped, message.ReasonCapped, "", message.ReasonCapped,
	}, w.reasons(t, one))
}

// A message counts for the day on which it leaves: what waits until tomorrow takes nothing from today.
func TestCapsCountWhereMessagesLeave(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	customer := w.mailed(t, "UTC")
	tomorrow := time.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	evening := tomorrow.Add(-2 * time.Hour)
	enrol := func(now time.Time, occurrences ...int64) {
		_, err := w.pool.Exec(t.Context(), "UPDATE occurrences SET created_at = $2 WHERE id = ANY ($1)", occurrences, now)
		require.NoError(t, err)
		triggering := w.triggering(one, occurrences...)
		triggering.Spec.FrequencyCap, triggering.Now = &distribution.FrequencyCap{PerDay: 1}, now
		triggering.Spec.QuietHours = &distribution.QuietHours{From: "22:00", To: "08:00"}
		w.enrolTriggered(t, triggering)
		_, err = w.pool.Exec(t.Context(), "UPDATE messages SET created_at = $2 WHERE distribution_id = $1 AND created_at > $2", one, now)
		require.NoError(t, err)
	}
	enrol(evening.Add(-time.Hour), w.see(t, "/", customer)...)   // at once
	enrol(evening, w.see(t, "/", customer, customer)...)         // tomorrow at eight, and one too many
	enrol(tomorrow.Add(9*time.Hour), w.see(t, "/", customer)...) // tomorrow as well
	enrol(tomorrow.Add(33*time.Hour), w.see(t, "/", customer)...)
	require.Equal(t, []string{"", message.ReasonQuiet, message.ReasonCapped, message.ReasonCapped, ""}, w.reasons(t, one))
}

// Two distributions that race for the last message of a customer's day do not both get it.
func TestAProjectsCapHoldsForDistributionsThatRace(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	_, err := w.pool.Exec(t.Context(), "UPDATE projects SET messages_per_day = 3 WHERE id = $1", w.project)
	require.NoError(t, err)
	var all []uuid.UUID
	for range 4 {
		all = append(all, w.live(t, distribution.Trigger{Type: seen}, nil))
	}
	people := []uuid.UUID{w.mailed(t, "UTC"), w.mailed(t, "UTC")}
	var race errgroup.Group
	for _, one := range all {
		happened := append(w.see(t, "/", people...), w.see(t, "/", people[1], people[0])...)
		race.Go(func() error {
			_, err := w.messages.EnrolTriggered(context.Background(), w.triggering(one, happened...))
			return err
		})
	}
	require.NoError(t, race.Wait())
	for _, one := range people {
		require.EqualValues(t, 3, w.number(t, "SELECT count(*) FROM messages WHERE customer_id = $1 AND flag IS NULL", one))
		require.EqualValues(t, 5, w.number(t, "SELECT count(*) FROM messages WHERE customer_id = $1 AND reason = $2", one, message.ReasonCapped))
	}
}
