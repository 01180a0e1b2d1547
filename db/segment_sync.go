package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// A segment is kept in step in two ways: a sync holds all customers against it, page by page, and every change of customers
// holds those against all segments, in the transaction of the change. They meet without missing anybody:
//
//   - A sync locks the rows it is about to take in or let go, so that it sees their newest version and a later change sees
//     what it did.
//   - Before its first page, a sync waits for all changes that began before the segment was there to be seen.

// judge holds customers that were just changed in tx against every segment of the project that looks at what changed, in one
// statement, and returns who entered and left the segments that tell.
func judge(
	ctx context.Context, tx pgx.Tx, project uuid.UUID, customers []uuid.UUID, facets segment.Facets, now time.Time,
) ([]occurrence.Occurrence, error) {
	if err := q.SegmentChangeLock(ctx, tx, project); err != nil {
		return nil, err
	}
	found, err := q.SegmentDynamic(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	s := &statement{}
	tells := map[uuid.UUID]string{} // the segments that tell, by name
	s.add("WITH judged AS MATERIALIZED (SELECT c.id, s.segment_id, s.fits FROM customers c CROSS JOIN LATERAL (VALUES ")
	some := false
	for _, row := range found {
		filter, err := segment.Parse(row.Filter)
		if err != nil {
			return nil, fmt.Errorf("segment %s: stored filter: %w", row.ID, err)
		}
		if filter.Facets()&facets == 0 {
			continue
		}
		if some {
			s.add(", ")
		}
		s.add("(%s::uuid, ", row.ID)
		fitting(s, filter, now)
		s.add(")")
		some = true
		if row.Type == string(segment.AutoUpdate) && row.InitialSyncStatus == segment.Done && !row.Draft {
			tells[row.ID] = row.Name
		}
	}
	if !some {
		return nil, nil
	}
	s.add(`) s (segment_id, fits) WHERE c.project_id = %s AND c.id = ANY (%s)), gone AS (
		DELETE FROM segment_members m USING judged j
		WHERE m.customer_id = ANY (%s) AND j.id = m.customer_id AND j.segment_id = m.segment_id AND NOT j.fits
		RETURNING m.customer_id, m.segment_id
	), come AS (
		INSERT INTO segment_members (segment_id, customer_id) SELECT j.segment_id, j.id FROM judged j WHERE j.fits
		ON CONFLICT DO NOTHING RETURNING customer_id, segment_id
	)
	SELECT customer_id, segment_id, true FROM come UNION ALL SELECT customer_id, segment_id, false FROM gone`, project, customers, customers)
	result, err := tx.Query(ctx, s.String(), s.args...)
	if err != nil {
		return nil, err
	}
	var moves []occurrence.Occurrence
	var one, in uuid.UUID
	var entered bool
	_, err = pgx.ForEachRow(result, []any{&one, &in, &entered}, func() error {
		if name, ok := tells[in]; ok {
			moves = append(moves, segment.Moved(one, in, name, entered))
		}
		return nil
	})
	return moves, err
}

// settle makes the segment's members follow the rows (id, fits) of judged. An array, and not a join, says who goes, so that
// they are looked up and not all members hashed.
func settle(s *statement, one uuid.UUID) {
	s.add(`, gone AS (
		DELETE FROM segment_members WHERE segment_id = %s AND customer_id = ANY (ARRAY(SELECT id FROM judged WHERE NOT fits)) RETURNING 1
	), come AS (
		INSERT INTO segment_members (segment_id, customer_id) SELECT %s, j.id FROM judged j WHERE j.fits
		ON CONFLICT DO NOTHING RETURNING 1
	)
	SELECT (SELECT count(*) FROM come), (SELECT count(*) FROM gone)`, one, one)
}

// SyncCursor is how far a sync has come: the last customer it has held against the segment, in the order of their making.
type SyncCursor struct {
	At time.Time
	ID uuid.UUID
}

// SyncedPage is what one page of a sync did.
type SyncedPage struct {
	Cursor   SyncCursor
	Seen     int64 // customers held against the segment; on the last page about
	Come     int64
	Gone     int64
	Finished bool
}

// pageSize is how many customers one page of a sync takes: some tens of milliseconds and a small transaction.
const pageSize = 10_000

// SyncPage holds the customers after the cursor against the segment, a page of them, and is safe to repeat.
func (s Segments) SyncPage(ctx context.Context, project, one uuid.UUID, after SyncCursor) (SyncedPage, error) {
	if after == (SyncCursor{}) {
		if err := s.awaitChanges(ctx, project); err != nil {
			return SyncedPage{}, err
		}
	}
	row, err := s.Get(ctx, project, one)
	if err != nil {
		return SyncedPage{}, err
	}
	if row.Type == string(segment.Static) {
		return SyncedPage{Finished: true}, nil
	}
	filter, err := segment.Parse(row.Filter)
	if err != nil {
		return SyncedPage{}, fmt.Errorf("segment %s: stored filter: %w", one, err)
	}
	page, err := s.pageEnd(ctx, project, after)
	if err != nil {
		return SyncedPage{}, err
	}
	now := time.Now()
	st := &statement{}
	st.add("WITH judged AS MATERIALIZED (SELECT c.id, ")
	fitting(st, filter, now)
	st.add(" AS fits FROM customers c WHERE c.project_id = %s AND (c.created_at, c.id) > (%s, %s)", project, after.At, after.ID)
	if !page.Finished {
		st.add(" AND (c.created_at, c.id) <= (%s, %s)", page.Cursor.At, page.Cursor.ID)
	}
	// The filter stands on the row itself: when the lock finds the row changed, it alone is read again. The scalar subquery is a
	// lookup for each customer; EXISTS would hash all members for every page.
	st.add(" AND ")
	fitting(st, filter, now)
	st.add(" <> ((SELECT true FROM segment_members m WHERE m.segment_id = %s AND m.customer_id = c.id) IS NOT NULL) FOR SHARE OF c)", one)
	settle(st, one)
	err = s.Pool.QueryRow(ctx, st.String(), st.args...).Scan(&page.Come, &page.Gone)
	if violates(err, "segment_members_segment_id_fkey") {
		return SyncedPage{}, fault.Missing("segment", one.String())
	}
	return page, err
}

// pageEnd finds where the page after the cursor ends; where fewer customers are left than a page, it takes them all.
func (s Segments) pageEnd(ctx context.Context, project uuid.UUID, after SyncCursor) (SyncedPage, error) {
	end, err := q.SegmentPageEnd(ctx, s.Pool, rows.SegmentPageEndParams{
		ProjectID: project, AfterAt: after.At, AfterID: after.ID, Skip: pageSize - 1,
	})
	if missing(err) {
		return SyncedPage{Finished: true}, nil
	}
	return SyncedPage{Cursor: SyncCursor{At: end.CreatedAt, ID: end.ID}, Seen: pageSize}, err
}

// awaitChanges returns when every change of customers that is under way has ended.
func (s Segments) awaitChanges(ctx context.Context, project uuid.UUID) error {
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error { return q.SegmentBarrier(ctx, tx, project) })
}

// FinishSync counts the members and marks the segment as synced. It also says whether the filter speaks of today.
func (s Segments) FinishSync(ctx context.Context, project, one uuid.UUID) (members int64, moves bool, err error) {
	row, err := q.SegmentSynced(ctx, s.Pool, rows.SegmentSyncedParams{ProjectID: project, ID: one})
	if missing(err) {
		return 0, false, fault.Missing("segment", one.String())
	}
	if err != nil || row.Filter == nil {
		return row.Members, false, err
	}
	filter, err := segment.Parse(row.Filter)
	return row.Members, filter.Moves(), err
}
