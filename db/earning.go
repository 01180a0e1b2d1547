package db

import (
	"context"

	"herald/internal/occurrence"
)

// earn gives members the points that the earning rules of their programmes promise for what just happened.
func (c *change) earn(ctx context.Context, fresh []occurrence.Occurrence) error {
	return nil
}
