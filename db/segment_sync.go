package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/segment"
)

// A segment is kept in step in three ways: a sync holds all customers against it, page by page, when it is made; every change
// of customers holds those against all segments that look at what changed, in the transaction of the change
// (segment_judge.go); and where its filter speaks of today, all customers are held against it again by the clock. They meet
// without missing anybody, and nobody is told of twice:
//
//   - Whoever writes a member holds the customer locked, and has looked at them after they had the lock.
//   - Before its first page, a sync waits for all changes that began before the segment was there to be seen.

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
	page, err := s.page(ctx, project, after, func(s judged) bool { return s.id == one })
	if err != nil || page.Seen > 0 || !page.Finished {
		return page, err
	}
	_, err = s.Get(ctx, project, one)
	return page, err
}

// DriftPage is SyncPage for all of a project's segments whose filters speak of today.
func (s Segments) DriftPage(ctx context.Context, project uuid.UUID, after SyncCursor) (SyncedPage, error) {
	return s.page(ctx, project, after, func(s judged) bool { return s.moves && s.synced })
}

// NextMoving is the project after that one which has such segments.
func (s Segments) NextMoving(ctx context.Context, after uuid.UUID) (project uuid.UUID, found bool, err error) {
	project, err = q.SegmentNextMoving(ctx, s.Pool, after)
	if missing(err) {
		return project, false, nil
	}
	return project, err == nil, err
}

// page holds the customers after the cursor against the segments that are asked for. Those who are out of step are locked
// first and judged after: only then what others did to them meanwhile can be seen.
func (s Segments) page(ctx context.Context, project uuid.UUID, after SyncCursor, wanted func(judged) bool) (page SyncedPage, err error) {
	end, err := s.pageEnd(ctx, project, after)
	if err != nil {
		return page, err
	}
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		page = end
		all, err := c.segments(ctx)
		if err != nil {
			return err
		}
		some := slices.DeleteFunc(slices.Clone(all.segments), func(s judged) bool { return !wanted(s) })
		if len(some) == 0 {
			page = SyncedPage{Finished: true}
			return nil
		}
		now := time.Now().UTC().Truncate(time.Minute)
		strayed, err := c.strayed(ctx, some, now, after, page)
		if err != nil || len(strayed) == 0 {
			return err
		}
		m, err := c.judgeBy(ctx, judgementOf(some, now), strayed)
		page.Come, page.Gone = m.come, m.gone
		return err
	})
	return page, err
}

// strayed locks and returns the customers of a page who are out of step with one of the segments.
func (c *change) strayed(ctx context.Context, segments []judged, now time.Time, after SyncCursor, page SyncedPage) ([]uuid.UUID, error) {
	s := &statement{}
	var facets segment.Facets
	for _, one := range segments {
		facets |= one.filter.Facets()
	}
	s.add("SELECT c.id FROM "+subject(facets)+" WHERE c.project_id = %s AND (c.created_at, c.id) > (%s, %s)", c.project, after.At, after.ID)
	if !page.Finished {
		s.add(" AND (c.created_at, c.id) <= (%s, %s)", page.Cursor.At, page.Cursor.ID)
	}
	for i, one := range segments {
		if i == 0 {
			s.add(" AND (")
		} else {
			s.add(" OR ")
		}
		fitting(s, one.filter, now)
		// A scalar subquery is a lookup for each customer; EXISTS would hash all members for every page.
		s.add(" <> ((SELECT true FROM segment_members m WHERE m.segment_id = %s AND m.customer_id = c.id) IS NOT NULL)", one.id)
	}
	s.add(") ORDER BY c.id FOR NO KEY UPDATE OF c")
	found, err := c.tx.Query(ctx, s.String(), s.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowTo[uuid.UUID])
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
	row, err := s.Get(ctx, project, one)
	if err != nil {
		return 0, false, err
	}
	if row.Filter != nil {
		filter, err := segment.Parse(row.Filter)
		if err != nil {
			return 0, false, err
		}
		moves = filter.Moves()
	}
	members, err = q.SegmentSynced(ctx, s.Pool, rows.SegmentSyncedParams{ProjectID: project, ID: one, Moves: moves})
	if missing(err) {
		return 0, false, fault.Missing("segment", id.Segment.Format(one))
	}
	return members, moves, err
}
