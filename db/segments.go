package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
)

// Segments is the store of segments and who is in them.
type Segments struct{ Pool *pgxpool.Pool }

// Synced reports whether every customer was held against a segment since it was made.
func (s Segments) Synced(ctx context.Context, project, segment uuid.UUID) (bool, error) {
	status, err := q.SegmentSyncStatus(ctx, s.Pool, rows.SegmentSyncStatusParams{ProjectID: project, ID: segment})
	if missing(err) {
		return false, fault.Missing("segment", id.Segment.Format(segment))
	}
	return status == "DONE", err
}
