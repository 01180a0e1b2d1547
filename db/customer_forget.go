package db

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/async"
	"herald/internal/customer"
	"herald/internal/id"
)

// Forgotten is what the permanent deletion of a customer deleted.
type Forgotten struct {
	ID, Customer                        uuid.UUID
	At                                  time.Time
	Events, CustomerEvents, OrderEvents int64 // custom events, all others but those of orders, those of orders
	Segments, Orders                    int64
}

// Forget deletes the customer that key names with everything personal that the project holds of them, wherever it stands. What
// accounting needs of their orders, redemptions and cards stays, and leads to nobody.
func (s Customers) Forget(ctx context.Context, project uuid.UUID, key string) (Forgotten, error) {
	found, err := s.Get(ctx, project, key)
	if err != nil {
		return Forgotten{}, err
	}
	done := Forgotten{ID: id.New(), Customer: found.ID}
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		one, err := c.hold(ctx, Saving{ID: &found.ID})
		if err != nil {
			return err
		}
		n, err := q.ForgetCount(ctx, c.tx, one.ID)
		if err != nil {
			return err
		}
		done.At, done.Events, done.OrderEvents, done.Segments = time.Now(), n.Events, n.OrderEvents, n.Segments
		done.CustomerEvents = n.AllEvents - n.Events - n.OrderEvents
		if done.Orders, err = c.forgetDoings(ctx, one.ID); err != nil {
			return err
		}
		if err := c.forgetTraces(ctx, one); err != nil {
			return err
		}
		_, err = q.CustomerDelete(ctx, c.tx, rows.CustomerDeleteParams{ProjectID: project, ID: one.ID})
		return err
	})
	return done, err
}

// forgetDoings unlinks what the customer did, and strips it of what they or others said with it. What is told of them alone goes
// with their row.
func (c *change) forgetDoings(ctx context.Context, one uuid.UUID) (orders int64, err error) {
	if orders, err = q.ForgetOrders(ctx, c.tx, rows.ForgetOrdersParams{ProjectID: c.project, CustomerID: &one}); err != nil {
		return 0, err
	}
	return orders, errors.Join(
		q.ForgetInOccurrences(ctx, c.tx, rows.ForgetInOccurrencesParams{ProjectID: c.project, ID: id.Customer.Format(one)}),
		q.ForgetReferrer(ctx, c.tx, rows.ForgetReferrerParams{ProjectID: c.project, ReferrerID: &one}),
		q.ForgetRedemptions(ctx, c.tx, rows.ForgetRedemptionsParams{ProjectID: c.project, CustomerID: &one}),
		q.ForgetTransactions(ctx, c.tx, rows.ForgetTransactionsParams{
			ProjectID: c.project, CustomerID: one, ID: id.Customer.Format(one),
		}),
	)
}

// forgetTraces removes the customer from where no key leads to them: answers kept for repeated requests, what async actions
// have to do and could not do, exported files.
func (c *change) forgetTraces(ctx context.Context, one customer.Customer) error {
	traces, source := customer.TracesOf(one), or(one.SourceID, "")
	if err := q.ForgetAnswers(ctx, c.tx, rows.ForgetAnswersParams{
		ProjectID: c.project, Status: forgottenAnswer, Traces: traces.InAnswers(),
	}); err != nil {
		return err
	}
	if err := q.ForgetTests(ctx, c.tx, c.project); err != nil {
		return err
	}
	if source != "" {
		if err := q.ForgetFailures(ctx, c.tx, rows.ForgetFailuresParams{
			ProjectID: c.project, Type: async.CustomersImportCSV, SourceID: source,
		}); err != nil {
			return err
		}
	}
	inputs, err := q.ForgetInputs(ctx, c.tx, rows.ForgetInputsParams{ProjectID: c.project, Types: []string{
		async.CustomersImportCSV, async.CustomersBulkUpdate, async.CustomersMetadataUpdate, async.OrdersImport,
	}})
	if err != nil {
		return err
	}
	for _, in := range inputs {
		kept, stood, err := traces.Forget(in.Type, in.Content)
		if err != nil {
			return err
		}
		if !stood {
			continue
		}
		if err := q.ForgetInput(ctx, c.tx, rows.ForgetInputParams{
			ProjectID: c.project, ActionID: in.ActionID, Content: kept, SourceID: source,
		}); err != nil {
			return err
		}
	}
	return c.forgetExports(ctx, traces)
}

// forgetExports deletes exports whose file the customer stands in, or whose parameters name them.
func (c *change) forgetExports(ctx context.Context, traces customer.Traces) error {
	if err := q.ForgetExportsBegun(ctx, c.tx, c.project); err != nil {
		return err
	}
	exports, err := q.ForgetExports(ctx, c.tx, c.project)
	if err != nil {
		return err
	}
	for _, one := range exports {
		stands := traces.Stand(one.Parameters)
		if !stands {
			packed, err := q.ForgetExportRead(ctx, c.tx, rows.ForgetExportReadParams{ProjectID: c.project, ID: one.ID})
			if err != nil && !missing(err) {
				return err
			}
			if stands, err = standIn(traces, packed); err != nil {
				return err
			}
		}
		if !stands {
			continue
		}
		if _, err := q.ExportDelete(ctx, c.tx, rows.ExportDeleteParams{ProjectID: c.project, ID: one.ID}); err != nil {
			return err
		}
	}
	return nil
}

// standIn reports whether the customer stands in a file that is packed; an export that has none yet has none.
func standIn(traces customer.Traces, packed []byte) (bool, error) {
	if len(packed) == 0 {
		return false, nil
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return false, err
	}
	file, err := io.ReadAll(unpacked)
	return traces.Stand(file), err
}
