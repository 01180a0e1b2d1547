package db_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/distribution"
)

// again makes it time to try again.
func (w wire) again(t testing.TB) {
	t.Helper()
	_, err := w.pool.Exec(context.Background(), "UPDATE relay_unheard SET again_at = now()")
	require.NoError(t, err)
}

// shows is the reason that a distribution shows, and its log without what led to here.
func (w wire) shows(t testing.TB, one uuid.UUID) (reason string, log []string) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(context.Background(), `SELECT coalesce(reason, ''), (SELECT coalesce(array_agg(event ORDER BY l.id), '{}')
		FROM distribution_log l WHERE l.distribution_id = d.id AND event IN ('not_told', 'told_again')) FROM distributions d WHERE id = $1`, one).Scan(&reason, &log))
	return reason, log
}

func TestARunThatTakesNoSignalsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one, other := w.live(t, distribution.Trigger{Type: seen}, nil), w.live(t, distribution.Trigger{Type: seen}, nil)
	a := w.customer(t)
	happened := w.see(t, "/", a, a, a)
	require.Equal(t, db.Relayed{Taken: 3, Told: 4, Kept: 2}, w.pass(t, w.deaf(1, one)))
	reason, log := w.shows(t, one)
	require.Equal(t, "run_takes_no_signals", reason)
	require.Equal(t, []string{"not_told"}, log)

	// What happens meanwhile waits behind it; nobody tries before it is time.
	happened = append(happened, w.see(t, "/", a)...)
	require.Equal(t, db.Relayed{Taken: 1, Told: 1, Kept: 1}, w.pass(t, w.tell))
	require.Equal(t, db.Relayed{}, w.pass(t, w.tell))
	require.Equal(t, happened, w.heard[other])
	require.Equal(t, happened[:1], w.heard[one])
	for tries := range 3 {
		w.again(t)
		require.Equal(t, db.Relayed{}, w.pass(t, w.deaf(0, one)))
		require.EqualValues(t, 1, w.number(t, "SELECT count(*) FROM relay_unheard WHERE again_at - now() BETWEEN $1 * interval '1 second' AND $2 * interval '1 second'",
			int(1)<<tries, int(2)<<tries), "it is left alone for longer each time")
	}
	happened = append(happened, w.see(t, "/", a)...)
	w.again(t)
	require.Equal(t, db.Relayed{Taken: 1, Told: 4, Kept: 1}, w.pass(t, w.tell))
	reason, _ = w.shows(t, one)
	require.Equal(t, "run_takes_no_signals", reason, "until all is told")
	require.Equal(t, db.Relayed{Told: 1}, w.pass(t, w.tell))
	require.Equal(t, happened, w.heard[one])
	require.Equal(t, happened, w.heard[other])
	reason, log = w.shows(t, one)
	require.Empty(t, reason)
	require.Equal(t, []string{"not_told", "told_again"}, log)
	require.Zero(t, w.number(t, "SELECT count(*) FROM relay_untold")+w.number(t, "SELECT count(*) FROM relay_unheard"))

	w.see(t, "/", a)
	require.Equal(t, db.Relayed{Taken: 1, Told: 2}, w.pass(t, w.tell))
}

// A retry of which the engine takes a part goes on with the rest, and one that has ended is told nothing more.
func TestWhatWasNotToldIsToldInPartsOrForgotten(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	a := w.customer(t)
	happened := w.see(t, "/", a, a, a)
	w.pass(t, w.deaf(0, one))
	w.again(t)
	require.Equal(t, db.Relayed{Told: 2}, w.pass(t, w.deaf(2, one)))
	require.Equal(t, happened[:2], w.heard[one])
	w.stands(t, one, distribution.Paused)
	w.again(t)
	require.Equal(t, db.Relayed{Told: 1}, w.pass(t, w.deaf(1, one)))
	require.Equal(t, happened, w.heard[one])
	w.see(t, "/", a)
	w.pass(t, w.tell)
	w.stands(t, one, distribution.Stopped)
	w.again(t)
	require.Equal(t, db.Relayed{}, w.pass(t, w.tell))
	require.Zero(t, w.number(t, "SELECT count(*) FROM relay_untold")+w.number(t, "SELECT count(*) FROM relay_unheard"))
	require.Equal(t, happened, w.heard[one])
}
