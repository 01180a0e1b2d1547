package workflows

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
	"herald/internal/id"
)

var people *activities.Customers

// SaveCustomers carries out one async action on customers: a CSV import, or an update in bulk.
func SaveCustomers(ctx workflow.Context, order activities.CustomersOrder) error {
	workflow.SetCurrentDetails(ctx, "**saving** · the activity's heartbeat says how many")
	saved, err := call(heavy(ctx, "save customers"), people.SaveOrderedCustomers, order)
	var refused *temporal.ApplicationError
	if errors.As(err, &refused) && refused.NonRetryable() {
		workflow.SetCurrentDetails(ctx, "**failed** · "+refused.Type())
		return do(ledger(ctx, "end the action as failed"), people.FailCustomersAction,
			activities.CustomersFailure{CustomersOrder: order, Reason: refused.Message()})
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**done** · %d saved · %d rows refused", saved.Done, saved.Failed))
	return err
}

// SaveCustomers starts what an async action on customers orders.
func (f Flows) SaveCustomers(ctx context.Context, project, action uuid.UUID) error {
	_, err := f.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    "customers/" + id.Project.Format(project) + "/" + id.AsyncAction.Format(action),
		TaskQueue:             Queue,
		StaticSummary:         "async action " + id.AsyncAction.Format(action),
		TypedSearchAttributes: temporal.NewSearchAttributes(projectAttribute.ValueSet(id.Project.Format(project))),
	}, SaveCustomers, activities.CustomersOrder{ProjectID: project, ActionID: action})
	return err
}
