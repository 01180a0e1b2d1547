package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/id"
)

// ruleLimits are the validation rules that limit earning rules, by those; as the public API names them.
func ruleLimits(ctx context.Context, from rows.DBTX, project uuid.UUID, of []uuid.UUID) (map[uuid.UUID]*string, error) {
	found, err := q.EarningLimits(ctx, from, rows.EarningLimitsParams{ProjectID: project, Ids: of})
	limits := make(map[uuid.UUID]*string, len(found))
	for _, row := range found {
		limits[row.RelatedObjectID] = id.Rule.FormatPtr(&row.RuleID)
	}
	return limits, err
}
