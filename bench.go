package main

import (
	"context"

	"herald/bench"
)

// benchCommand is the proving ground.
type benchCommand struct {
	Bulk     bulkCommand     `cmd:"" help:"Measure a distribution to many customers, from its confirmation to the last mail at an SMTP server, beside the mail library alone."`
	Faults   faultsCommand   `cmd:"" help:"Kill everything at random while messages go out, and count what was lost or repeated."`
	Segments segmentsCommand `cmd:"" help:"Measure first syncs of segments beside the same predicate as one plain SQL statement, and how fast segments follow changes of customers."`
	Controls controlsCommand `cmd:"" help:"Stop and pause distributions at the worst moments, and look what still arrives."`
	Ingest   ingestCommand   `cmd:"" help:"Measure how fast custom events and orders are taken over HTTP, beside a handler that only inserts."`
	Triggers triggersCommand `cmd:"" help:"Measure how long it takes from an event to the mail that answers it, and how many events a second are kept up with."`
	Sink     sinkCommand     `cmd:"" help:"Run the SMTP server that takes every mail and forgets it."`
	Floor    floorCommand    `cmd:"" hidden:"" help:"Send mails by the mail library alone."`

	IngestFloor ingestFloorCommand `cmd:"" hidden:"" help:"Insert the body of each request, and nothing else."`
}

func (p *program) bench() bench.Room { return bench.Room{Log: p.log, Out: p.stdout} }

type bulkCommand struct{ bench.Bulk }

// Run measures.
func (c *bulkCommand) Run(ctx context.Context, p *program) error { return c.Measure(ctx, p.bench()) }

type faultsCommand struct{ bench.Faults }

// Run kills and counts.
func (c *faultsCommand) Run(ctx context.Context, p *program) error {
	return c.Faults.Run(ctx, p.bench())
}

type controlsCommand struct{ bench.Controls }

// Run stops, pauses and looks.
func (c *controlsCommand) Run(ctx context.Context, p *program) error {
	return c.Controls.Run(ctx, p.bench())
}

type segmentsCommand struct{ bench.Segments }

// Run measures.
func (c *segmentsCommand) Run(ctx context.Context, p *program) error {
	return c.Measure(ctx, p.bench())
}

type triggersCommand struct{ bench.Triggers }

// Run measures.
func (c *triggersCommand) Run(ctx context.Context, p *program) error {
	return c.Measure(ctx, p.bench())
}

type sinkCommand struct{ bench.Sink }

// Run takes mail until ctx is done.
func (c *sinkCommand) Run(ctx context.Context, p *program) error { return c.Serve(ctx, p.bench()) }

type floorCommand struct{ bench.Floor }

// Run sends.
func (c *floorCommand) Run(ctx context.Context, p *program) error { return c.Send(ctx, p.bench()) }

type ingestCommand struct{ bench.Ingest }

// Run measures.
func (c *ingestCommand) Run(ctx context.Context, p *program) error { return c.Measure(ctx, p.bench()) }

type ingestFloorCommand struct{ bench.IngestFloor }

// Run inserts until ctx is done.
func (c *ingestFloorCommand) Run(ctx context.Context, p *program) error {
	return c.Serve(ctx, p.bench())
}
