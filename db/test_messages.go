package db

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/channel"
	"herald/internal/fault"
)

// TestMessages is the store of messages that people send to themselves. It stands between the API and the worker because a
// recipient's address must not pass through the engine.
type TestMessages struct{ Pool *pgxpool.Pool }

// TestMessage is one.
type TestMessage = rows.TestMessage

// Create keeps one until Delete.
func (s TestMessages) Create(ctx context.Context, project, distribution uuid.UUID, channelAt int, to string, vars json.RawMessage) (made uuid.UUID, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		made, err = q.TestMessageCreate(ctx, tx, rows.TestMessageCreateParams{
			ProjectID: project, DistributionID: distribution, Channel: int16(channelAt), Recipient: to, Vars: vars,
		})
		return err
	})
	return made, err
}

// Get reads one.
func (s TestMessages) Get(ctx context.Context, project, test uuid.UUID) (TestMessage, error) {
	found, err := q.TestMessageGet(ctx, s.Pool, rows.TestMessageGetParams{ProjectID: project, ID: test})
	if missing(err) {
		return TestMessage{}, fault.Missing("test_message", test.String())
	}
	return found, err
}

// Record keeps what became of it.
func (s TestMessages) Record(ctx context.Context, project, test uuid.UUID, o channel.Outcome) error {
	return q.TestMessageRecord(ctx, s.Pool, rows.TestMessageRecordParams{
		ProjectID: project, ID: test, Verdict: optional(string(o.Verdict)), Reason: optional(o.Reason), Reply: optional(o.Reply),
	})
}

// Delete forgets one.
func (s TestMessages) Delete(ctx context.Context, project, test uuid.UUID) error {
	return q.TestMessageDelete(ctx, s.Pool, rows.TestMessageDeleteParams{ProjectID: project, ID: test})
}
