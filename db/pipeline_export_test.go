package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
)

// Pipeline, InPipeline, Later, Ahead and Flush let tests look at a pipeline alone.
type Pipeline = pipeline

// InPipeline is inPipeline.
var InPipeline = inPipeline

// Later is pipeline.later.
func Later(p *pipeline) rows.DBTX { return p.later() }

// Flush is pipeline.flush.
func Flush(ctx context.Context, p *pipeline) error { return p.flush(ctx) }

// Ahead is pipeline.ahead for a question whose answer is numbers.
func Ahead(ctx context.Context, p *pipeline, sql string, into *[]int) error {
	return p.ahead(func(db rows.DBTX) error {
		found, err := db.Query(ctx, sql)
		if err != nil {
			return err
		}
		*into, err = pgx.CollectRows(found, pgx.RowTo[int])
		return err
	})
}
