package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/rule"
)

// BrokenRules loads the rules of objects and says which of them are broken.
func BrokenRules(ctx context.Context, on rows.DBTX, project uuid.UUID, objects []uuid.UUID, f rule.Facts) (map[uuid.UUID]rule.Violation, error) {
	book, err := rulesOf(ctx, on, project, objects)
	if err != nil {
		return nil, err
	}
	return book.broken(ctx, on, f)
}
