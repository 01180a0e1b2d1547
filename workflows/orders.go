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

var orders *activities.Orders

// ordersBrought carries the id of an async action that brings orders.
const ordersBrought = "orders-brought"

// OrdersState is all that a run of ImportOrders knows.
type OrdersState struct {
	ProjectID uuid.UUID
	Imports   []uuid.UUID // async actions, the first of them under way
}

// ImportOrders imports a project's orders, one import after the other, as the public API has it. Each arrives by signal.
func ImportOrders(ctx workflow.Context, state OrdersState) error {
	channel := workflow.GetSignalChannel(ctx, ordersBrought)
	for {
		for {
			var action uuid.UUID
			if !channel.ReceiveAsync(&action) {
				break
			}
			state.Imports = append(state.Imports, action)
		}
		if len(state.Imports) == 0 {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, ImportOrders, state)
		}
		if err := state.importFirst(ctx); err != nil {
			return err
		}
		state.Imports = state.Imports[1:]
	}
}

func (s OrdersState) importFirst(ctx workflow.Context) error {
	ref := activities.OrdersRef{ProjectID: s.ProjectID, ActionID: s.Imports[0]}
	imported, err := call(heavy(ctx, "import orders"), orders.ImportOrders, ref)
	switch {
	case neverOrdered(err):
		return nil
	case temporal.IsCanceledError(err):
		return err
	case err != nil:
		return do(ledger(ctx, "end the action as failed"), orders.FailOrdersAction, activities.OrdersFailure{OrdersRef: ref, Reason: messageOf(err)})
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Imported **%d** orders of %s; %d were refused.\n\n%d more imports wait.",
		imported.Done, id.AsyncAction.Format(ref.ActionID), imported.Failed, len(s.Imports)-1))
	return nil
}

// ImportOrders hands an import to the project's run, and starts that where there is none.
func (f Flows) ImportOrders(ctx context.Context, project, action uuid.UUID) error {
	_, err := f.Client.SignalWithStartWorkflow(ctx, "orders/"+id.Project.Format(project), ordersBrought, action, client.StartWorkflowOptions{
		TaskQueue: Queue, StaticSummary: "import orders",
		TypedSearchAttributes: temporal.NewSearchAttributes(projectAttribute.ValueSet(id.Project.Format(project))),
	}, ImportOrders, OrdersState{ProjectID: project})
	return refused(err)
}
