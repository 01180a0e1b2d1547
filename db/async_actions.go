package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/async"
	"herald/internal/fault"
	"herald/internal/id"
)

// AsyncActions is the store of work that goes on after its request was answered.
type AsyncActions struct{ Pool *pgxpool.Pool }

// Enqueue writes an action with what it will work on: params as JSON, and the bytes of an uploaded file where there is one.
// It starts the workflow that does it within the transaction, so that no action is left without one; the workflow may look
// for the action a little before it is there.
func (s AsyncActions) Enqueue(
	ctx context.Context, project uuid.UUID, actionType, requestID string, params any, content []byte,
	start func(ctx context.Context, project, action uuid.UUID) error,
) (uuid.UUID, error) {
	var action uuid.UUID
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		if action, err = enqueue(ctx, tx, project, actionType, requestID, params, content); err != nil {
			return err
		}
		return start(ctx, project, action)
	})
	return action, err
}

// enqueue is Enqueue within a transaction that writes more.
func enqueue(
	ctx context.Context, tx pgx.Tx, project uuid.UUID, actionType, requestID string, params any, content []byte,
) (uuid.UUID, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return uuid.UUID{}, err
	}
	action, err := q.AsyncActionCreate(ctx, tx, rows.AsyncActionCreateParams{
		ProjectID: project, Type: actionType, RequestID: &requestID,
	})
	if err != nil {
		return uuid.UUID{}, err
	}
	return action.ID, q.AsyncActionInputCreate(ctx, tx, rows.AsyncActionInputCreateParams{
		ActionID: action.ID, Params: raw, Content: content,
	})
}

// Get finds an action.
func (s AsyncActions) Get(ctx context.Context, project, action uuid.UUID) (async.Action, error) {
	row, err := q.AsyncActionGet(ctx, s.Pool, rows.AsyncActionGetParams{ProjectID: project, ID: action})
	if missing(err) {
		return async.Action{}, fault.Missing("async_action", id.AsyncAction.Format(action))
	}
	return async.Action(row), err
}

// List is the actions made before that instant, newest first, at most count.
func (s AsyncActions) List(ctx context.Context, project uuid.UUID, before time.Time, count int) ([]async.Action, error) {
	found, err := q.AsyncActionList(ctx, s.Pool, rows.AsyncActionListParams{ProjectID: project, Before: before, Count: int32(count)})
	actions := make([]async.Action, len(found))
	for i, row := range found {
		actions[i] = async.Action(row)
	}
	return actions, err
}

// Input reads what the action works on: params into the value that the pointer leads to, and the file's bytes.
func (s AsyncActions) Input(ctx context.Context, project, action uuid.UUID, params any) (content []byte, err error) {
	row, err := q.AsyncActionInput(ctx, s.Pool, rows.AsyncActionInputParams{ProjectID: project, ID: action})
	if missing(err) {
		return nil, fault.Missing("async_action", id.AsyncAction.Format(action))
	}
	if err != nil {
		return nil, err
	}
	return row.Content, json.Unmarshal(row.Params, params)
}

// Progress records how far the action is, in per cent. An action that has ended stays as it is.
func (s AsyncActions) Progress(ctx context.Context, project, action uuid.UUID, percent int) error {
	return keepProgress(ctx, s.Pool, project, action, int64(percent), 100)
}

// keepProgress records that so many of all are done. Where nobody knows how many there are (all is 0), that says nothing; and
// what has not ended is never quite there.
func keepProgress(ctx context.Context, db rows.DBTX, project, action uuid.UUID, done, all int64) error {
	_, err := q.AsyncActionProgress(ctx, db, rows.AsyncActionProgressParams{
		ProjectID: project, ID: action, Progress: int32(min(100*min(done, all)/max(all, 1), 99)),
	})
	return err
}

// Succeed ends the action with its result and drops its input; a repeated call changes nothing.
func (s AsyncActions) Succeed(ctx context.Context, project, action uuid.UUID, result any) error {
	return s.end(ctx, project, action, async.Done, async.Success, result)
}

// Fail ends the action as a whole with a message for people; what was done before stays done.
func (s AsyncActions) Fail(ctx context.Context, project, action uuid.UUID, message string) error {
	return s.end(ctx, project, action, async.Failed, async.Failed, map[string]string{"message": message})
}

func (s AsyncActions) end(ctx context.Context, project, action uuid.UUID, status, operation string, result any) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := q.AsyncActionFinish(ctx, tx, rows.AsyncActionFinishParams{
			ProjectID: project, ID: action, Status: status, OperationStatus: operation, Result: raw,
		})
		if err != nil {
			return err
		}
		return q.AsyncActionInputDelete(ctx, tx, action)
	})
}
