package db

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/segment"
)

// judged is a segment with a filter, as customers are held against it.
type judged struct {
	id     uuid.UUID
	name   string
	filter segment.Filter
	synced bool // every customer was held against it since it was made
	moves  bool
	tells  bool // who enters and leaves is an occurrence
}

func judgedOf(row rows.SegmentDynamicRow) (judged, error) {
	filter, err := segment.Parse(row.Filter)
	if err != nil {
		return judged{}, fmt.Errorf("segment %s: stored filter: %w", row.ID, err)
	}
	synced := row.InitialSyncStatus == segment.Done
	return judged{
		id: row.ID, name: row.Name, filter: filter, synced: synced, moves: row.Moves,
		tells: synced && !row.Draft && row.Type == string(segment.AutoUpdate),
	}, nil
}

// followed are a project's segments, as one version of them is, and the statements that judge customers by them.
type followed struct {
	version  int64
	segments []judged

	mu         sync.Mutex
	minute     time.Time
	judgements map[segment.Facets]judgement
}

// judgement is a statement that holds customers against segments. Its text depends on the filters alone, so that a
// connection prepares it once; what the filters compare with are arguments.
type judgement struct {
	text    string               // empty where there is no segment
	args    []any                // after the project and the customers
	tells   map[uuid.UUID]string // the segments that tell, by name
	pending []uuid.UUID          // segments that are being synced: their sync looks at the customers again
}

// remembered holds what was last read of each project's segments. It is cleared when it gets large, and read again.
var remembered = struct {
	sync.Mutex
	of map[uuid.UUID]*followed
}{of: map[uuid.UUID]*followed{}}

const maxRemembered = 1000 // projects

// follow reads the project's segments that follow a filter, where they are not known; they stay as they are until the change
// ends.
func (c *change) follow(ctx context.Context) error {
	if c.segments != nil {
		return nil
	}
	version, err := q.SegmentHold(ctx, c.tx, c.project)
	if err != nil {
		return err
	}
	remembered.Lock()
	c.segments = remembered.of[c.project]
	remembered.Unlock()
	if c.segments != nil && c.segments.version == version {
		return nil
	}
	found, err := q.SegmentDynamic(ctx, c.tx, c.project)
	if err != nil {
		return err
	}
	all := &followed{version: version}
	for _, row := range found {
		one, err := judgedOf(row)
		if err != nil {
			return err
		}
		all.segments = append(all.segments, one)
	}
	c.segments = all
	remembered.Lock()
	defer remembered.Unlock()
	if len(remembered.of) >= maxRemembered {
		clear(remembered.of)
	}
	remembered.of[c.project] = all
	return nil
}

// judgement is the statement for what touches those facets. Filters that speak of today are read as of the whole minute, so
// that it is made once a minute and not for every change.
func (all *followed) judgement(facets segment.Facets, now time.Time) judgement {
	minute := now.UTC().Truncate(time.Minute)
	all.mu.Lock()
	defer all.mu.Unlock()
	if !all.minute.Equal(minute) {
		all.minute, all.judgements = minute, map[segment.Facets]judgement{}
	}
	j, ok := all.judgements[facets]
	if !ok {
		var touched []judged
		var pending []uuid.UUID
		for _, one := range all.segments {
			switch {
			case one.filter.Facets()&facets == 0:
			case one.synced:
				touched = append(touched, one)
			default:
				pending = append(pending, one.id)
			}
		}
		j = judgementOf(touched, minute)
		j.pending = pending
		all.judgements[facets] = j
	}
	return j
}

// judgementOf holds customers against the segments in one statement, which writes only what differs: most changes put nobody
// in or out. Members are looked up one by one (the limit keeps the planner from reading them all) and go by where they stand in
// the table: the customer is locked, so nobody else moves them.
func judgementOf(segments []judged, now time.Time) judgement {
	j := judgement{tells: map[uuid.UUID]string{}}
	if len(segments) == 0 {
		return j
	}
	var r reading
	project, customers := r.arg(nil), r.arg(nil)
	ids, tests := make([]uuid.UUID, len(segments)), make([]string, len(segments))
	for i, one := range segments {
		ids[i], tests[i] = one.id, r.fits(one.filter, now)
		if one.tells {
			j.tells[one.id] = one.name
		}
	}
	j.text = `WITH judged AS MATERIALIZED (
		SELECT c.id, ARRAY[` + strings.Join(tests, ", ") + `] AS fits,
			ARRAY(SELECT m.segment_id FROM segment_members m WHERE m.customer_id = c.id) AS was
		FROM ` + r.from("customers") + ` WHERE c.project_id = ` + project + ` AND c.id = ANY (` + customers + `)
	), moved AS MATERIALIZED (
		SELECT j.id AS customer_id, s.segment_id, s.fits
		FROM judged j CROSS JOIN LATERAL unnest(` + r.arg(ids) + `::uuid[], j.fits) s (segment_id, fits)
		WHERE s.fits <> (s.segment_id = ANY (j.was))
	), gone AS (
		DELETE FROM segment_members WHERE ctid = ANY (ARRAY(
			SELECT m.ctid FROM moved v CROSS JOIN LATERAL (
				SELECT m.ctid FROM segment_members m WHERE m.segment_id = v.segment_id AND m.customer_id = v.customer_id LIMIT 1
			) m WHERE NOT v.fits))
	), come AS (
		INSERT INTO segment_members (segment_id, customer_id) SELECT segment_id, customer_id FROM moved WHERE fits
	) SELECT customer_id, segment_id, fits FROM moved`
	j.args = r.args[2:]
	return j
}

// turnover is how many memberships began and ended.
type turnover struct{ come, gone int64 }

// few is how many customers are judged by a plan that was made before. For more of them, making one costs nothing beside it,
// and the plan knows how large the tables are by now.
const few = 100

// judgeBy holds customers, which the change holds locked, against the segments of the judgement, and tells who entered and who
// left those that tell.
func (c *change) judgeBy(ctx context.Context, by judgement, customers []uuid.UUID) (turnover, error) {
	var m turnover
	if len(by.pending) > 0 {
		if err := q.SegmentRecheck(ctx, c.tx, rows.SegmentRecheckParams{Segments: by.pending, Customers: customers}); err != nil {
			return m, err
		}
	}
	if by.text == "" {
		return m, nil
	}
	if len(customers) > few {
		if err := q.SegmentPlanEach(ctx, c.tx); err != nil {
			return m, err
		}
	}
	result, err := c.tx.Query(ctx, by.text, append([]any{c.project, customers}, by.args...)...)
	if err != nil {
		return m, err
	}
	var one, in uuid.UUID
	var entered bool
	_, err = pgx.ForEachRow(result, []any{&one, &in, &entered}, func() error {
		if entered {
			m.come++
		} else {
			m.gone++
		}
		if name, ok := by.tells[in]; ok {
			c.happened(segment.Moved(one, in, name, entered))
		}
		return nil
	})
	return m, err
}
