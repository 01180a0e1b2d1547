package db

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"herald/internal/async"
	"herald/internal/customer"
)

// bulkChunk is how many customers of a bulk update are saved in one transaction.
const bulkChunk = 500

// Work does what an async action on customers orders: a CSV import or an update in bulk. It goes on where an interrupted call
// stopped, tells progress after each stretch, and ends the action with its result.
func (s Customers) Work(ctx context.Context, project, action uuid.UUID, progress func(ImportState)) (ImportState, error) {
	actions := AsyncActions(s)
	var state ImportState
	content, err := actions.Input(ctx, project, action, &state)
	if err != nil {
		return ImportState{}, err
	}
	ordered, err := actions.Get(ctx, project, action)
	if err != nil {
		return ImportState{}, err
	}
	if ordered.Type != async.CustomersImportCSV {
		return s.workBulk(ctx, ordered, content, state, progress)
	}
	total := max(bytes.Count(content, []byte{'\n'}), 1)
	state, err = s.ImportCSV(ctx, CustomerImport{Project: project, Action: &action, Progress: func(state ImportState) {
		progress(state)
		// How far an action is, is shown and decides nothing: what fails here is written after the next chunk.
		_ = actions.Progress(ctx, project, action, int(state.Rows)*100/total)
	}}, bytes.NewReader(content))
	if err != nil {
		return state, err
	}
	failed := state.Listed
	if failed == nil {
		failed = []async.CSVFailed{}
	}
	return state, actions.Succeed(ctx, project, action, async.CSVResult{
		Message: fmt.Sprintf("%d customer(s) imported successfully, %d failed.", state.Done, state.Failed),
		Failed:  failed, DoneCount: state.Done, FailedCount: state.Failed,
	})
}

func (s Customers) workBulk(
	ctx context.Context, action async.Action, content []byte, state ImportState, progress func(ImportState),
) (ImportState, error) {
	items, err := customer.BulkItems(action.Type, content)
	if err != nil {
		return state, fmt.Errorf("the order that was kept: %w", err)
	}
	for int(state.Rows) < len(items) {
		next := items[state.Rows:min(int(state.Rows)+bulkChunk, len(items))]
		state.Rows += int64(len(next))
		state.Done = state.Rows
		if err := s.saveBulk(ctx, action, next, state); err != nil {
			return state, err
		}
		progress(state)
	}
	return state, AsyncActions(s).Succeed(ctx, action.ProjectID, action.ID, async.BulkResult{
		DoneCount: state.Done, Reports: []string{}, Errors: []string{},
	})
}

// saveBulk saves some customers, all of them or none, with how far that brings the action.
func (s Customers) saveBulk(ctx context.Context, action async.Action, items []customer.BulkItem, state ImportState) error {
	return inChange(ctx, s.Pool, action.ProjectID, func(c *change) error {
		var all []Saving
		for _, item := range items {
			if item.SourceID == "" { // taken out since it was ordered: the customer was forgotten
				continue
			}
			values, err := item.Change.Check()
			if err != nil {
				return err
			}
			all = append(all, Saving{SourceID: &item.SourceID, Values: values})
		}
		if _, err := c.meetQuietly(ctx, all); err != nil {
			return err
		}
		return keepState(ctx, c.tx, action.ID, state)
	})
}
