package activities

import (
	"context"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"herald/db"
)

// Exports writes files.
type Exports struct{ Store db.Exports }

// ExportRef names an export.
type ExportRef struct{ ProjectID, ExportID uuid.UUID }

// WriteExport writes the file and returns how many rows it has.
func (a *Exports) WriteExport(ctx context.Context, in ExportRef) (int64, error) {
	defer beat(ctx)()
	return onceOrdered(ctx, func() (int64, error) {
		return a.Store.Write(ctx, in.ProjectID, in.ExportID, func(rows int64) { activity.RecordHeartbeat(ctx, rows) })
	})
}

// ExportFailure is an export that cannot be written, and why.
type ExportFailure struct {
	ExportRef
	Reason string
}

// FailExport ends an export that cannot be written.
func (a *Exports) FailExport(ctx context.Context, in ExportFailure) error {
	return outcome(a.Store.Fail(ctx, in.ProjectID, in.ExportID, in.Reason))
}
