package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"herald/internal/async"
	"herald/internal/fault"
	"herald/internal/order"
)

// orderChunk is how many orders of an import are written in one transaction.
const orderChunk = 200

// OrderImport begins an import of orders: history, of which nothing is told and for which nobody earns anything, while their
// customers go into the segments that they fit. What is wrong with an order by itself refuses the whole. start begins the
// work.
func (s *Orders) OrderImport(
	ctx context.Context, project uuid.UUID, all []Placing, requestID string, start func(ctx context.Context, project, action uuid.UUID) error,
) (uuid.UUID, error) {
	if len(all) == 0 {
		return uuid.UUID{}, fault.New(fault.InvalidPayload, "The payload cannot be empty")
	}
	if len(all) > order.MaxImport {
		return uuid.UUID{}, fault.New(fault.InvalidPayload, "At most %d orders can be imported at once; there are %d", order.MaxImport, len(all))
	}
	var faults fault.List
	for i, p := range all {
		_, err := p.New()
		faults.AddAll(fault.Inside(fmt.Sprintf("[%d]", i), err))
	}
	if err := faults.Err(); err != nil {
		return uuid.UUID{}, err
	}
	content, err := json.Marshal(all)
	if err != nil {
		return uuid.UUID{}, err
	}
	return AsyncActions{s.Pool}.Enqueue(ctx, project, async.OrdersImport, requestID, ImportState{}, content, start)
}

// Import writes the orders that an action brought. A repeated call goes on where the one before stopped. beat is called after
// each chunk. An action that is not there is ErrNoOrder.
func (s *Orders) Import(ctx context.Context, project, action uuid.UUID, beat func(ImportState)) (ImportState, error) {
	actions := AsyncActions{s.Pool}
	var state ImportState
	content, err := actions.Input(ctx, project, action, &state)
	if fault.Is(err, fault.NotFound) {
		return state, ErrNoOrder
	}
	if err != nil {
		return state, err
	}
	var all []Placing
	if err := json.Unmarshal(content, &all); err != nil {
		return state, fmt.Errorf("the order that was kept: %w", err)
	}
	for int(state.Rows) < len(all) {
		if state, err = s.importNext(ctx, project, action, all, state); err != nil {
			return state, err
		}
		beat(state)
	}
	failed := state.Listed
	if failed == nil {
		failed = []async.CSVFailed{}
	}
	return state, actions.Succeed(ctx, project, action, async.CSVResult{
		Message: fmt.Sprintf("%d order(s) imported successfully, %d failed.", state.Done, state.Failed),
		Failed:  failed, DoneCount: state.Done, FailedCount: state.Failed,
	})
}

// importNext imports the next chunk. Where an order of it cannot be written, it imports one after the other.
func (s *Orders) importNext(ctx context.Context, project, action uuid.UUID, all []Placing, state ImportState) (ImportState, error) {
	next := chunkOf(all[state.Rows:])
	done := state
	done.Rows += int64(len(next))
	done.Done += int64(len(next))
	err := s.importChunk(ctx, project, action, next, done)
	var refused *fault.Error
	if !errors.As(err, &refused) {
		return done, err
	}
	for _, one := range next {
		done = state
		done.Rows, done.Done = done.Rows+1, done.Done+1
		err := s.importChunk(ctx, project, action, []Placing{one}, done)
		if errors.As(err, &refused) {
			done = state
			done.Rows, done.Failed = done.Rows+1, done.Failed+1
			done.Listed = append(done.Listed[:len(done.Listed):len(done.Listed)],
				async.CSVFailed{Row: done.Rows, SourceID: or(one.SourceID, ""), Reason: refused.Error()})
			err = keepState(ctx, s.Pool, action, done)
		}
		if err != nil {
			return state, err
		}
		state = done
	}
	return state, nil
}

// chunkOf is the first orders of all, until one is named again.
func chunkOf(all []Placing) []Placing {
	named := map[string]bool{}
	for i, p := range all {
		for _, name := range p.order() {
			if named[name] {
				return all[:i]
			}
			named[name] = true
		}
		if i == orderChunk {
			return all[:i]
		}
	}
	return all
}

// importChunk writes orders with how far the import then is, all of it or nothing.
func (s *Orders) importChunk(ctx context.Context, project, action uuid.UUID, chunk []Placing, state ImportState) error {
	return inChange(ctx, s.Pool, project, func(c *change) error {
		asks := make([]asked[Placing], len(chunk))
		for i, p := range chunk {
			asks[i].ask = p
		}
		all, err := c.prepareOrders(ctx, asks, c.meetQuietly)
		if err != nil {
			return err
		}
		if _, _, err := c.keepOrders(ctx, all); err != nil {
			return err
		}
		return keepState(ctx, c.tx, action, state)
	})
}
