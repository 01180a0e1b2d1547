package activities

import (
	"context"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"herald/db"
	"herald/internal/fault"
)

// Customers does what async actions on customers order.
type Customers struct {
	Store   db.Customers
	Actions db.AsyncActions
}

// CustomersOrder names an async action on customers.
type CustomersOrder struct{ ProjectID, ActionID uuid.UUID }

// CustomersSaved is what became of an order.
type CustomersSaved struct{ Done, Failed int64 }

// SaveOrderedCustomers imports or updates what the action orders. A repeated call goes on where the one before stopped.
func (a *Customers) SaveOrderedCustomers(ctx context.Context, in CustomersOrder) (CustomersSaved, error) {
	state, err := a.Store.Work(ctx, in.ProjectID, in.ActionID, func(s db.ImportState) {
		activity.RecordHeartbeat(ctx, CustomersSaved{s.Done, s.Failed})
	})
	saved := CustomersSaved{state.Done, state.Failed}
	if fault.Is(err, fault.NotFound) && activity.GetInfo(ctx).Attempt >= patience {
		return saved, nil // the request that ordered this was never completed
	}
	if fault.Is(err, fault.NotFound) {
		return saved, db.ErrNoOrder
	}
	return saved, outcome(err)
}

// CustomersFailure is an order that cannot be carried out, and why.
type CustomersFailure struct {
	CustomersOrder
	Reason string
}

// FailCustomersAction ends an action whose file cannot be read.
func (a *Customers) FailCustomersAction(ctx context.Context, in CustomersFailure) error {
	return outcome(a.Actions.Fail(ctx, in.ProjectID, in.ActionID, in.Reason))
}
