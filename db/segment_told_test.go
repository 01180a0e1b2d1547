package db_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/segment"
)

// told are the occurrences of a segment, in their order: "entered ada".
func (p people) told(t testing.TB, of segment.Segment) []string {
	t.Helper()
	var told []string
	require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT coalesce(array_agg(split_part(o.type, '.', 3) || ' ' || c.source_id ORDER BY o.id), '{}')
		FROM occurrences o JOIN customers c ON c.id = o.customer_id WHERE o.subject_id = $1 AND o.waiting`, of.ID).Scan(&told))
	return told
}

func TestEnteringAndLeavingIsTold(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.save(t, "ada", `{"metadata":{"level":"gold"}}`)
	filter := `{"metadata.level":{"conditions":{"$is":"gold"}}}`
	active := p.segment(t, filter)
	passive, err := p.segments.Create(t.Context(), p.project, segment.Definition{Name: "p", Type: segment.Passive, Filter: json.RawMessage(filter)}, false, noSync)
	require.NoError(t, err)
	draft, err := p.segments.Create(t.Context(), p.project, segment.Definition{Name: "d", Type: segment.AutoUpdate, Filter: json.RawMessage(filter)}, true, noSync)
	require.NoError(t, err)
	p.save(t, "bob", `{"metadata":{"level":"gold"}}`) // while it syncs
	for _, one := range []segment.Segment{active, passive, draft} {
		p.sync(t, one.ID)
	}
	require.Equal(t, []string{"ada", "bob"}, p.members(t, active.ID))
	require.Empty(t, p.told(t, active), "a first sync tells of nobody")

	p.save(t, "cyd", `{"metadata":{"level":"gold"}}`)
	p.save(t, "cyd", `{"name":"Cyd"}`)
	p.save(t, "ada", `{"metadata":{"level":"silver"}}`)
	require.Equal(t, []string{"entered cyd", "left ada"}, p.told(t, active))
	require.Empty(t, p.told(t, passive))
	require.Empty(t, p.told(t, draft))
	require.Equal(t, []string{"bob", "cyd"}, p.members(t, passive.ID))
	var data string
	require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT data FROM occurrences WHERE type = 'customer.segment.left'").Scan(&data))
	require.JSONEq(t, `{"segment":{"id":"seg_`+hex(active.ID)+`","name":"s","object":"segment"}}`, data)

	// Nothing is told of what was there before somebody looked: a sync of a segment that is in step.
	p.sync(t, active.ID)
	require.Len(t, p.told(t, active), 2)
}

// However changes, the clock and further syncs fall together, the occurrences of a customer and a segment take turns, and the
// last one says where the customer is.
func TestEachChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	const n, rounds = 12, 40
	for i := range n {
		p.save(t, fmt.Sprint("c", i), `{"metadata":{"level":"silver"}}`)
	}
	gold := p.segment(t, `{"metadata.level":{"conditions":{"$is":"gold"}}}`)
	fresh := p.segment(t, `{"created_at":{"conditions":{"$less_than_ago":5}},"metadata.level":{"conditions":{"$is":"gold"}}}`)
	p.sync(t, gold.ID)
	p.sync(t, fresh.ID)

	var together errgroup.Group
	for range 4 {
		together.Go(func() error {
			for range rounds {
				source, level := fmt.Sprint("c", rand.IntN(n)), []string{"gold", "silver"}[rand.IntN(2)]
				saving := db.Saving{SourceID: &source, Values: customer.Values{Metadata: json.RawMessage(`{"level":"` + level + `"}`)}}
				if _, err := p.saves.Save(t.Context(), p.project, saving); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, page := range []func() error{
		func() error {
			_, err := p.segments.DriftPage(t.Context(), p.project, db.SyncCursor{})
			return err
		},
		func() error {
			_, err := p.segments.SyncPage(t.Context(), p.project, gold.ID, db.SyncCursor{})
			return err
		},
	} {
		together.Go(func() error {
			for range rounds / 2 {
				// Time passes for some, and is turned back for others, behind everybody's back.
				if _, err := p.pool.Exec(t.Context(), `UPDATE customers SET created_at = now() - (CASE WHEN random() < 0.5 THEN 1 ELSE 9 END) * interval '1 day'
					WHERE source_id = $1`, fmt.Sprint("c", rand.IntN(n))); err != nil {
					return err
				}
				if err := page(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, together.Wait())
	_, err := p.segments.DriftPage(t.Context(), p.project, db.SyncCursor{})
	require.NoError(t, err)

	for _, one := range []segment.Segment{gold, fresh} {
		var told, twice, wrong int
		require.NoError(t, p.pool.QueryRow(t.Context(), `WITH told AS (
				SELECT o.customer_id, o.id, o.type, lag(o.type, 1, 'customer.segment.left') OVER w AS before,
					row_number() OVER (PARTITION BY o.customer_id ORDER BY o.id DESC) AS back
				FROM occurrences o WHERE o.subject_id = $1 WINDOW w AS (PARTITION BY o.customer_id ORDER BY o.id)
			)
			SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM told WHERE type = before), (
				SELECT count(*) FROM customers c LEFT JOIN told ON told.customer_id = c.id AND told.back = 1
					LEFT JOIN segment_members m ON m.customer_id = c.id AND m.segment_id = $1
				WHERE (m.customer_id IS NOT NULL) <> coalesce(told.type = 'customer.segment.entered', false))`, one.ID).Scan(&told, &twice, &wrong))
		require.Greater(t, told, n)
		require.Zero(t, twice, "of %d", told)
		require.Zero(t, wrong, "of %d", told)
	}
	var wrong int
	require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(*) FROM customers c LEFT JOIN segment_members m ON m.customer_id = c.id AND m.segment_id = $1
		WHERE (c.metadata->>'level' = 'gold') <> (m.customer_id IS NOT NULL)`, gold.ID).Scan(&wrong))
	require.Zero(t, wrong)
}
