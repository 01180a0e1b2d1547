package activities

import (
	"context"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"herald/db"
)

// Orders does what async actions on orders ask for.
type Orders struct {
	Store   *db.Orders
	Actions db.AsyncActions
}

// OrdersRef names an async action on orders.
type OrdersRef struct{ ProjectID, ActionID uuid.UUID }

// OrdersImported is what became of an import.
type OrdersImported struct{ Done, Failed int64 }

// ImportOrders writes the orders that an action brought. A repeated call goes on where the one before stopped.
func (a *Orders) ImportOrders(ctx context.Context, in OrdersRef) (OrdersImported, error) {
	state, err := onceOrdered(ctx, func() (db.ImportState, error) {
		return a.Store.Import(ctx, in.ProjectID, in.ActionID, func(s db.ImportState) {
			activity.RecordHeartbeat(ctx, OrdersImported{s.Done, s.Failed})
		})
	})
	return OrdersImported{state.Done, state.Failed}, err
}

// OrdersFailure is an action that cannot be carried out, and why.
type OrdersFailure struct {
	OrdersRef
	Reason string
}

// FailOrdersAction ends an action that cannot be carried out.
func (a *Orders) FailOrdersAction(ctx context.Context, in OrdersFailure) error {
	return outcome(a.Actions.Fail(ctx, in.ProjectID, in.ActionID, in.Reason))
}
