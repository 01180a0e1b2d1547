package workflows

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/id"
)

var exports *activities.Exports

// WriteExport writes one exported file.
func WriteExport(ctx workflow.Context, in activities.ExportRef) error {
	rows, err := call(heavy(ctx, "write the file"), exports.WriteExport, in)
	switch {
	case neverOrdered(err): // deleted, or its request was not completed
		return nil
	case temporal.IsCanceledError(err):
		return err
	case err != nil:
		return do(ledger(ctx, "end the export as failed"), exports.FailExport, activities.ExportFailure{ExportRef: in, Reason: messageOf(err)})
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**done** · %d rows", rows))
	return nil
}

// WriteExport starts the writing of an export.
func (f Flows) WriteExport(ctx context.Context, project, export uuid.UUID) error {
	_, err := f.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    "export/" + id.Project.Format(project) + "/" + id.Export.Format(export),
		TaskQueue:             Queue,
		StaticSummary:         "export " + id.Export.Format(export),
		TypedSearchAttributes: temporal.NewSearchAttributes(projectAttribute.ValueSet(id.Project.Format(project))),
	}, WriteExport, activities.ExportRef{ProjectID: project, ExportID: export})
	return err
}
