package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/segment"
)

// Segments is the store of segments and who is in them.
type Segments struct{ Pool *pgxpool.Pool }

// Create makes a segment from a checked definition. A static one is complete at once; one with a filter waits for its sync.
// A draft belongs to a distribution that is not confirmed yet, and stands in no list.
//
// The sync is started within the transaction, so that no segment is left without one; it waits for the transaction to end
// (SyncPage), and finds nothing to do where that failed.
func (s Segments) Create(
	ctx context.Context, project uuid.UUID, d segment.Definition, draft bool, sync func(context.Context, uuid.UUID, uuid.UUID) error,
) (made segment.Segment, err error) {
	members, err := s.members(ctx, project, d.Customers)
	if err != nil {
		return segment.Segment{}, err
	}
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := q.SegmentHold(ctx, tx, project); err != nil {
			return err
		}
		status := segment.Done
		if d.Type != segment.Static {
			status = segment.InProgress
			n, err := q.SegmentCountDynamic(ctx, tx, project)
			if err != nil {
				return err
			}
			if n >= segment.MaxDynamic {
				return fault.New(fault.InvalidPayload,
					"The project has %d passive and auto-update segments, which is the most it can have; delete one first", n)
			}
		}
		row, err := q.SegmentCreate(ctx, tx, rows.SegmentCreateParams{
			ID: id.New(), ProjectID: project, Name: d.Name, Type: string(d.Type), Filter: d.Filter,
			InitialSyncStatus: status, Draft: draft, Members: int64(len(members)),
		})
		if err != nil {
			return err
		}
		made = segment.Segment(row)
		if d.Type != segment.Static {
			return sync(ctx, project, row.ID)
		}
		if len(members) == 0 {
			return nil
		}
		return q.SegmentFill(ctx, tx, rows.SegmentFillParams{SegmentID: row.ID, Customers: members})
	})
	return made, err
}

// members finds whom the keys of a static segment name, each once.
func (s Segments) members(ctx context.Context, project uuid.UUID, keys []string) ([]uuid.UUID, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	found, err := Customers(s).Resolve(ctx, project, keys)
	if err != nil {
		return nil, err
	}
	var faults fault.List
	seen := make(map[uuid.UUID]bool, len(found))
	members := make([]uuid.UUID, 0, len(found))
	for i, one := range found {
		switch {
		case one == nil:
			faults.Add(fault.Property(segment.CustomerPath(i), "Property .%s: cannot find customer with id %s", segment.CustomerPath(i), keys[i]))
		case !seen[*one]:
			seen[*one] = true
			members = append(members, *one)
		}
	}
	return members, faults.Err()
}

// Get finds a segment.
func (s Segments) Get(ctx context.Context, project, one uuid.UUID) (segment.Segment, error) {
	row, err := q.SegmentGet(ctx, s.Pool, rows.SegmentGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return segment.Segment{}, fault.Missing("segment", id.Segment.Format(one))
	}
	return segment.Segment(row), err
}

// SegmentList says which segments a list shows. What is empty does not narrow it.
type SegmentList struct {
	IDs         []uuid.UUID
	Filter      Filter
	Order       string // created_at, or -created_at
	Limit, Page int
}

var segmentColumns = map[string]filterColumn{
	"id": {"('seg_' || replace(s.id::text, '-', ''))", "text"}, "name": {"s.name", "text"}, "type": {"s.type", "text"},
	"created_at": {"s.created_at", "time"},
}

// List is a page of the project's segments, and how many there are in all.
func (s Segments) List(ctx context.Context, project uuid.UUID, l SegmentList) ([]segment.Segment, int64, error) {
	var w where
	w.add("s.project_id = ?", project)
	w.add("NOT s.draft")
	if len(l.IDs) > 0 {
		w.add("s.id = ANY (?)", l.IDs)
	}
	if err := w.filter(l.Filter, segmentColumns, ""); err != nil {
		return nil, 0, err
	}
	order := map[string]string{"created_at": "s.created_at, s.id", "-created_at": "s.created_at DESC, s.id DESC"}[l.Order]
	found, total, err := listPage[rows.Segment](ctx, s.Pool, &w, "segments s", "s.*", order, l.Limit, l.Page)
	return segments(found), total, err
}

// FitFor is the segments with a filter that a customer would be in of whom only the source id is known.
func (s Segments) FitFor(ctx context.Context, project uuid.UUID, source string) ([]segment.Segment, error) {
	found, err := q.SegmentFollowed(ctx, s.Pool, project)
	if err != nil || len(found) == 0 {
		return []segment.Segment{}, err
	}
	all := segments(found)
	var r reading
	nobody := `(SELECT (jsonb_populate_record(NULL::customers, jsonb_build_object('source_id', ` + r.arg(source) + `::text, 'metadata', '{}'::jsonb))).*)`
	tests := make([]string, len(all))
	for i, one := range all {
		filter, err := segment.Parse(one.Filter)
		if err != nil {
			return nil, err
		}
		tests[i] = r.fits(filter, time.Now())
	}
	var fits []bool
	err = s.Pool.QueryRow(ctx, "SELECT ARRAY["+strings.Join(tests, ", ")+"] FROM "+r.from(nobody), r.args...).Scan(&fits)
	if err != nil {
		return nil, err
	}
	fit := []segment.Segment{}
	for i, one := range all {
		if fits[i] {
			fit = append(fit, one)
		}
	}
	return fit, nil
}

// OfCustomer is the segments that a customer is in.
func (s Segments) OfCustomer(ctx context.Context, project, customer uuid.UUID) ([]segment.Segment, error) {
	found, err := q.SegmentOfCustomer(ctx, s.Pool, rows.SegmentOfCustomerParams{ProjectID: project, CustomerID: customer})
	return segments(found), err
}

func segments(found []rows.Segment) []segment.Segment {
	all := make([]segment.Segment, len(found))
	for i, row := range found {
		all[i] = segment.Segment(row)
	}
	return all
}

// Delete removes a segment, unless something would not work without it: that is a fault.Conflict which names it.
func (s Segments) Delete(ctx context.Context, project, one uuid.UUID) error {
	shown := id.Segment.Format(one)
	if err := unused(ctx, s.Pool, project, one, "segment"); err != nil {
		return err
	}
	user, err := q.SegmentUsedBy(ctx, s.Pool, rows.SegmentUsedByParams{ProjectID: project, SegmentID: one, Shown: shown})
	switch {
	case err == nil:
		prefix := map[string]id.Prefix{"earning_rule": id.EarningRule, "validation_rule": id.Rule}[user.Type]
		return &fault.Error{
			Code: fault.Conflict, ResourceID: prefix.Format(user.ID), ResourceType: user.Type,
			Details: fmt.Sprintf("The %s %s is for this segment; stop, change or delete it first", strings.ReplaceAll(user.Type, "_", " "), user.Name),
		}
	case !missing(err):
		return err
	}
	return again(func() error {
		return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
			// The table's trigger waits for who judges by the segment, too; waiting before the row is locked keeps syncs from
			// waiting for us meanwhile.
			if err := q.SegmentBarrier(ctx, tx, project); err != nil {
				return err
			}
			n, err := q.SegmentDelete(ctx, tx, rows.SegmentDeleteParams{ProjectID: project, ID: one})
			if err == nil && n == 0 {
				return fault.Missing("segment", shown)
			}
			return err
		})
	})
}

// Synced reports whether every customer was held against a segment since it was made.
func (s Segments) Synced(ctx context.Context, project, segment uuid.UUID) (bool, error) {
	status, err := q.SegmentSyncStatus(ctx, s.Pool, rows.SegmentSyncStatusParams{ProjectID: project, ID: segment})
	if missing(err) {
		return false, fault.Missing("segment", id.Segment.Format(segment))
	}
	return status == "DONE", err
}
