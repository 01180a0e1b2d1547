package db

import "herald/db/internal/rows"

// Pipeline, InPipeline and Later let tests look at a pipeline alone.
type Pipeline = pipeline

// InPipeline is inPipeline.
var InPipeline = inPipeline

// Later is pipeline.later.
func Later(p *pipeline) rows.DBTX { return p.later() }
