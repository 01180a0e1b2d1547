package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/segment"
)

// A segment is kept in step in three ways: a first sync holds all customers against it, page by page; every change of customers
// holds those against all segments that look at what changed, in the transaction of the change (segment_judge.go); and where
// its filter speaks of today, all customers are held against it again by the clock. They meet without missing anybody, and
// nobody is told of twice:
//
//   - While a segment's first sync is under way, it alone writes members. Pages are as plain as SQL can be and lock no customer;
//     whoever changes or deletes customers meanwhile notes them (segment_rechecks), and the sync looks at those again before
//     it ends.
//   - Before its first page, a sync waits for all changes that began before the segment was there to be seen, and so could
//     not note anybody; at its end it keeps changes waiting until it has looked at the last ones noted.
//   - Afterwards, whoever writes a member holds the customer locked, and has looked at them after they had the lock.

// SyncCursor is how far a sync has come: the last customer it has held against the segment, in the order of their making.
type SyncCursor struct {
	At time.Time
	ID uuid.UUID
}

// SyncedPage is what one page of a sync did.
type SyncedPage struct {
	Cursor   SyncCursor
	Seen     int64 // customers held against the segment; of the last page about, or 0 where that is not known
	Come     int64
	Gone     int64
	Finished bool
}

// pageSize is how many customers one page of a sync takes: some seconds. Pages lock no customer, so nobody waits for one, and
// the larger they are, the less they cost.
const pageSize = 1_000_000

// SyncPage holds the customers after the cursor against the segment, a page of them, and is safe to repeat.
func (s Segments) SyncPage(ctx context.Context, project, one uuid.UUID, after SyncCursor) (SyncedPage, error) {
	if after == (SyncCursor{}) {
		// Also the transaction that makes the segment is such a change: it starts the sync before it ends.
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
	this, err := judgedOf(rows.SegmentDynamicRow{
		ID: one, Name: row.Name, Type: row.Type, Filter: row.Filter, InitialSyncStatus: row.InitialSyncStatus, Draft: row.Draft, Moves: row.Moves,
	})
	if err != nil {
		return SyncedPage{}, err
	}
	if this.synced {
		return s.stray(ctx, project, []judged{this}, after)
	}
	return s.fill(ctx, project, this, after)
}

// fill puts those of a page who fit into a segment that is being synced for the first time.
func (s Segments) fill(ctx context.Context, project uuid.UUID, one judged, after SyncCursor) (SyncedPage, error) {
	page, err := s.pageEnd(ctx, project, after)
	if err != nil {
		return page, err
	}
	r := reading{all: true}
	fits := r.where(one.filter, time.Now())
	text := "INSERT INTO segment_members (segment_id, customer_id) SELECT " + r.arg(one.id) + "::uuid, c.id FROM " + r.from("customers") +
		" WHERE " + r.within(project, after, page) + " AND " + fits
	insert := func(text string) error {
		return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
			_, err := q.SegmentKeep(ctx, tx, rows.SegmentKeepParams{ProjectID: project, ID: one.id})
			if missing(err) { // deleted, or another has walked to the end
				page = SyncedPage{Finished: true}
				return nil
			}
			if err != nil {
				return err
			}
			if err := q.SegmentPlanEach(ctx, tx); err != nil {
				return err
			}
			done, err := tx.Exec(ctx, text, r.args...)
			page.Come = done.RowsAffected()
			return err
		})
	}
	if err = insert(text); violates(err, "segment_members_pkey") {
		err = insert(text + " ON CONFLICT DO NOTHING") // a page that is repeated; to look for conflicts costs a third
	}
	return page, err
}

// within is the customers of a page.
func (r *reading) within(project uuid.UUID, after SyncCursor, page SyncedPage) string {
	text := "c.project_id = " + r.arg(project) + " AND (c.created_at, c.id) > (" + r.arg(after.At) + ", " + r.arg(after.ID) + ")"
	if page.Finished {
		return text
	}
	return text + " AND (c.created_at, c.id) <= (" + r.arg(page.Cursor.At) + ", " + r.arg(page.Cursor.ID) + ")"
}

// DriftPage is SyncPage for all of a project's segments whose filters speak of today and that have synced.
func (s Segments) DriftPage(ctx context.Context, project uuid.UUID, after SyncCursor) (SyncedPage, error) {
	found, err := q.SegmentDynamic(ctx, s.Pool, project)
	if err != nil {
		return SyncedPage{}, err
	}
	var moving []judged
	for _, row := range found {
		if row.Moves && row.InitialSyncStatus == segment.Done {
			one, err := judgedOf(row)
			if err != nil {
				return SyncedPage{}, err
			}
			moving = append(moving, one)
		}
	}
	if len(moving) == 0 {
		return SyncedPage{Finished: true}, nil
	}
	return s.stray(ctx, project, moving, after)
}

// NextMoving is the project after that one which has such segments.
func (s Segments) NextMoving(ctx context.Context, after uuid.UUID) (project uuid.UUID, found bool, err error) {
	project, err = q.SegmentNextMoving(ctx, s.Pool, after)
	if missing(err) {
		return project, false, nil
	}
	return project, err == nil, err
}

// stray finds the customers of a page who are out of step with segments that have synced, and judges those.
func (s Segments) stray(ctx context.Context, project uuid.UUID, segments []judged, after SyncCursor) (SyncedPage, error) {
	page, err := s.pageEnd(ctx, project, after)
	if err != nil {
		return page, err
	}
	now := time.Now().UTC().Truncate(time.Minute)
	strayed, err := s.strayed(ctx, project, segments, now, after, page)
	if err != nil {
		return page, err
	}
	for some := range slices.Chunk(strayed, strayedAtOnce) {
		if err := inChange(ctx, s.Pool, project, func(c *change) error {
			held, err := c.lock(ctx, some...)
			if err != nil {
				return err
			}
			if err := c.follow(ctx); err != nil {
				return err
			}
			left := slices.DeleteFunc(slices.Clone(c.segments.segments), func(one judged) bool { // those that are still there
				return !one.synced || !slices.ContainsFunc(segments, func(s judged) bool { return s.id == one.id })
			})
			m, err := c.judgeBy(ctx, judgementOf(left, now), held)
			page.Come, page.Gone = page.Come+m.come, page.Gone+m.gone
			return err
		}); err != nil {
			return page, err
		}
	}
	return page, nil
}

// strayedAtOnce is how many customers are held locked while they are judged.
const strayedAtOnce = 2000

// strayed are the customers of a page who are out of step with one of the segments.
func (s Segments) strayed(
	ctx context.Context, project uuid.UUID, segments []judged, now time.Time, after SyncCursor, page SyncedPage,
) (found []uuid.UUID, err error) {
	r := reading{all: true}
	tests := make([]string, len(segments))
	for i, one := range segments {
		tests[i] = fmt.Sprintf("%s <> (m%d.customer_id IS NOT NULL)", r.fits(one.filter, now), i)
		r.joins += fmt.Sprintf(" LEFT JOIN segment_members m%[1]d ON m%[1]d.segment_id = %[2]s AND m%[1]d.customer_id = c.id", i, r.arg(one.id))
	}
	text := "SELECT c.id FROM " + r.from("customers") + " WHERE " + r.within(project, after, page) + " AND (" + strings.Join(tests, " OR ") + ")"
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := q.SegmentPlanEach(ctx, tx); err != nil {
			return err
		}
		result, err := tx.Query(ctx, text, r.args...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(result, pgx.RowTo[uuid.UUID])
		return err
	})
	return found, err
}

// pageEnd finds where the page after the cursor ends; where fewer customers are left than a page, it takes them all. Where
// PostgreSQL believes that there are not many more in all, nobody counts them.
func (s Segments) pageEnd(ctx context.Context, project uuid.UUID, after SyncCursor) (SyncedPage, error) {
	if after == (SyncCursor{}) {
		about, err := q.CustomersAbout(ctx, s.Pool)
		if err != nil || about > 0 && about <= 2*pageSize {
			return SyncedPage{Seen: about, Finished: true}, err
		}
	}
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

// FinishSync looks again at who changed while the sync walked, marks the segment as synced and counts the members. It also says
// whether the filter speaks of today.
func (s Segments) FinishSync(ctx context.Context, project, one uuid.UUID) (members int64, moves bool, err error) {
	row, err := s.Get(ctx, project, one)
	if err != nil {
		return 0, false, err
	}
	if row.Type == string(segment.Static) {
		return row.Members, false, nil
	}
	filter, err := segment.Parse(row.Filter)
	if err != nil {
		return 0, false, err
	}
	this := judged{id: one, filter: filter}
	if err := q.SegmentWalked(ctx, s.Pool, rows.SegmentWalkedParams{ProjectID: project, ID: one}); err != nil {
		return 0, false, err
	}
	for left := recheckedAtOnce; left > fewToRecheck; {
		if err := inChange(ctx, s.Pool, project, func(c *change) (err error) {
			left, err = c.recheck(ctx, this, true)
			return err
		}); err != nil {
			return 0, false, err
		}
	}
	moves = filter.Moves()
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		if err := q.SegmentBarrier(ctx, c.tx, project); err != nil {
			return err
		}
		for left := 1; left > 0; {
			// Whoever holds a customer locked has ended, or waits for us and looks at them when we are done: nobody is to be
			// locked, and trying to would wait for who waits for us.
			if left, err = c.recheck(ctx, this, false); err != nil {
				return err
			}
		}
		return q.SegmentSynced(ctx, c.tx, rows.SegmentSyncedParams{ProjectID: project, ID: one, Moves: moves})
	})
	if err != nil {
		return 0, false, err
	}
	members, err = q.SegmentCountMembers(ctx, s.Pool, rows.SegmentCountMembersParams{ProjectID: project, ID: one})
	if missing(err) {
		return 0, false, fault.Missing("segment", id.Segment.Format(one))
	}
	return members, moves, errors.Join(err, q.SegmentMembersAnalyze(ctx, s.Pool))
}

const (
	recheckedAtOnce = 5000 // customers that are looked at again in one transaction
	fewToRecheck    = 500  // so few that changes may wait for them
)

// recheck looks again at some of the customers who were noted while the segment synced, and says at how many.
func (c *change) recheck(ctx context.Context, one judged, lock bool) (int, error) {
	noted, err := q.SegmentRechecks(ctx, c.tx, rows.SegmentRechecksParams{SegmentID: one.id, Count: recheckedAtOnce})
	if err != nil || len(noted) == 0 {
		return 0, err
	}
	if err := q.SegmentBury(ctx, c.tx, rows.SegmentBuryParams{SegmentID: one.id, Customers: noted}); err != nil {
		return 0, err
	}
	if lock {
		if _, err := c.lock(ctx, noted...); err != nil {
			return 0, err
		}
	}
	_, err = c.judgeBy(ctx, judgementOf([]judged{one}, time.Now()), noted)
	return len(noted), err
}
