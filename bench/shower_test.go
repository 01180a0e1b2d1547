package bench

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/activities"
	"herald/db"
	herald "herald/internal/id"
	"herald/internal/pgtest"
)

// What took place is held against what was asked for: each way to break a promise is found, and has its own name.
func TestTheCountOfEventsFindsEveryBrokenPromise(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	project, err := db.Projects{Pool: pool}.Create(ctx, "bench")
	require.NoError(t, err)
	st := &stage{pool: pool, audience: audience{project: project}}
	s := &shower{storm: &storm{stage: st}}
	for _, to := range []kind{pageViewed, orderPaid} {
		var u uuid.UUID
		require.NoError(t, pool.QueryRow(ctx, `INSERT INTO distributions (project_id, name, spec) VALUES ($1, 'x', '{}') RETURNING id`, project).Scan(&u))
		s.live = append(s.live, answering{
			standing{ID: herald.Distribution.Format(u)},
			activities.VersionRef{Ref: activities.Ref{ProjectID: project, DistributionID: u}}, to,
		})
	}
	var customer uuid.UUID
	require.NoError(t, pool.QueryRow(ctx, `INSERT INTO customers (project_id) VALUES ($1) RETURNING id`, project).Scan(&customer))
	happens := func(one answering, n int) (id int64) {
		of := "event"
		if one.to == orderPaid {
			of = "order"
		}
		require.NoError(t, pool.QueryRow(ctx, `INSERT INTO occurrences (project_id, customer_id, type, name, data, source, group_id, waiting)
			VALUES ($1, $2, $3, nullif($4, ''), jsonb_build_object($5::text, jsonb_build_object('metadata', jsonb_build_object('n', $6::int))), '{}', 'x', false) RETURNING id`,
			project, customer, one.to.occurrence(), one.to, of, n).Scan(&id))
		return id
	}
	seq := 0
	says := func(one answering, occurrence int64, voucher *uuid.UUID) {
		seq++
		_, err := pool.Exec(ctx, `INSERT INTO messages (distribution_id, seq, project_id, customer_id, occurrence, channel, version, voucher_id, vars)
			VALUES ($1, $2, $3, $4, $5, 0, 1, $6, '{}')`, one.ref.DistributionID, seq, project, customer, occurrence, voucher)
		require.NoError(t, err)
	}
	publishes := func(one answering, voucher uuid.UUID) {
		_, err := pool.Exec(ctx, `INSERT INTO publications (project_id, customer_id, voucher_ids, distribution_id, channel)
			VALUES ($1, $2, ARRAY[$3::uuid], $4, 'x')`, project, customer, voucher, one.ref.DistributionID)
		require.NoError(t, err)
	}
	events, orders := s.live[0], s.live[1]

	answered := func(n int, to kind, answers ...string) {
		s.posts = append(s.posts, &post{n: n, kind: to, times: 1, answers: answers})
	}
	answered(1, pageViewed, "yes") // all is well
	first := happens(events, 1)
	answered(2, pageViewed, "yes") // lost
	answered(3, pageViewed, "yes") // twice
	again := happens(events, 3)
	says(events, again, nil)
	says(events, first, nil) // out of order
	says(events, happens(events, 3), nil)
	answered(4, pageViewed, "yes", "also yes") // answered in two ways
	says(events, happens(events, 4), nil)
	answered(5, pageViewed) // given up, took place
	says(events, happens(events, 5), nil)
	answered(6, pageViewed)               // given up, did not
	says(events, happens(events, 7), nil) // asked for by nobody
	says(events, 1_000_000, nil)          // a message about nothing
	code, other := uuid.New(), uuid.New()
	answered(8, orderPaid, "yes")
	says(orders, happens(orders, 8), &code)
	publishes(orders, code)
	answered(9, orderPaid, "yes") // the same code again
	says(orders, happens(orders, 9), &code)
	publishes(orders, other)

	e, err := s.account(ctx)
	require.NoError(t, err)
	require.Equal(t, EventCount{
		Requests: 8, Accepted: 6, Differ: 1, GivenUp: 2, CameOfThem: 1, LostEvents: 1, TwiceEvents: 1, Strange: 2, Codes: 1,
		CodesAmiss: 1, OutOfOrder: 1,
	}, *e)
	require.Equal(t, []sending{{events.ID, 6}, {orders.ID, 2}}, s.sent)
	broken := Count{Tallied: 1, Events: e}.verdict().Error()
	for _, words := range []string{
		"1 messages are sent by the tallies, and 0 by the sink", "1 accepted requests did not take place", "1 requests took place more than once",
		"1 requests with one key were answered in two ways", "2 occurrences or messages belong to no request", "1 messages, codes and publications",
		"1 messages stand before",
	} {
		require.Contains(t, broken, words)
	}
	require.NoError(t, (&EventCount{Requests: 2, Accepted: 1, GivenUp: 1, CameOfThem: 1}).verdict())
}
