package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
)

// pipeline is a transaction that spares round trips: its beginning, its commit, every statement whose answer nobody needs and
// every question whose answer is not needed yet go to the server with the next statement whose answer somebody waits for. Where
// one of those fails, that statement does.
type pipeline struct {
	pgx.Tx // once it has begun
	conn   *pgx.Conn
	queued *pgx.Batch                     // what is to go with the next statement
	take   []func(pgx.BatchResults) error // takes the answer of each that is queued
}

// rollbackTime bounds a rollback, which happens also where the caller's time is over.
const rollbackTime = 5 * time.Second

// inPipeline is inTx with a pipeline.
func inPipeline(ctx context.Context, pool *pgxpool.Pool, do func(*pipeline) error) (err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes a connection that is still in a transaction
	p := &pipeline{conn: conn.Conn(), queued: &pgx.Batch{}, take: []func(pgx.BatchResults) error{taken}}
	p.queued.BeginTx(pgx.TxOptions{})
	committed := false
	defer func() {
		if !committed && p.conn.PgConn().TxStatus() != 'I' {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
			defer cancel()
			_, _ = p.conn.Exec(ctx, "rollback") // the connection is closed where this fails
		}
	}()
	if err := do(p); err != nil {
		return err
	}
	if err := p.Commit(ctx); err != nil {
		return err
	}
	committed = true
	return nil
}

// taken takes an answer that nobody needs.
func taken(results pgx.BatchResults) error {
	_, err := results.Exec()
	return err
}

// later runs statements whose answers nobody needs: they go with the next one.
func (p *pipeline) later() rows.DBTX { return waiting{p} }

// waiting is a pipeline seen by who does not wait.
type waiting struct{ *pipeline }

// Exec keeps the statement for later; it cannot say how many rows it touches.
func (w waiting) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	w.queued.Queue(sql, args...)
	w.take = append(w.take, taken)
	return pgconn.CommandTag{}, nil
}

// ahead asks a question whose answer is not needed yet: it goes with the next statement, or with flush. ask asks it of the
// database that it is given, and is called twice: to hear the question, and to take the answer.
func (p *pipeline) ahead(ask func(rows.DBTX) error) error {
	var heard question // it asks for rows; nothing else is heard
	if err := ask(&heard); !errors.Is(err, errHeard) {
		return err
	}
	p.queued.Queue(heard.sql, heard.args...)
	p.take = append(p.take, func(results pgx.BatchResults) error { return ask(answering{results: results}) })
	return nil
}

// errHeard ends the first call of who asks ahead.
var errHeard = errors.New("the question was heard")

// question is a database that hears one question and answers nothing.
type question struct {
	rows.DBTX
	sql  string
	args []any
}

// Query hears the question.
func (h *question) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	h.sql, h.args = sql, args
	return nil, errHeard
}

// answering is a database that has the answer to one question.
type answering struct {
	rows.DBTX
	results pgx.BatchResults
}

// Query is the answer.
func (a answering) Query(context.Context, string, ...any) (pgx.Rows, error) { return a.results.Query() }

// send sends what is queued, takes the answers, and leaves that of the last statement, where there is one more, to the caller.
func (p *pipeline) send(ctx context.Context) (pgx.BatchResults, error) {
	take := p.take
	results := p.conn.SendBatch(ctx, p.queued)
	p.queued, p.take = &pgx.Batch{}, nil
	if p.Tx == nil {
		p.Tx = results.Tx()
	}
	for _, take := range take {
		if err := take(results); err != nil {
			_ = results.Close() // says the same
			return nil, err
		}
	}
	return results, nil
}

// plansFor is how long a connection keeps the plans of statements that were made while a table may have been small: they may read
// all of a distribution, or of a table, once it is not.
const plansFor = time.Second

// replan has plans that the connection has kept for so long made anew.
func (p *pipeline) replan() {
	kept := p.conn.PgConn().CustomData()
	if since, ok := kept["planned"].(time.Time); ok && time.Since(since) < plansFor {
		return
	}
	kept["planned"] = time.Now()
	p.queued.Queue("DISCARD PLANS")
	p.take = append(p.take, taken)
}

// flush sends what is queued.
func (p *pipeline) flush(ctx context.Context) error {
	if p.queued.Len() == 0 {
		return nil
	}
	results, err := p.send(ctx)
	if err != nil {
		return err
	}
	return results.Close()
}

// Exec runs a statement.
func (p *pipeline) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if p.queued.Len() == 0 {
		return p.Tx.Exec(ctx, sql, args...)
	}
	p.queued.Queue(sql, args...)
	results, err := p.send(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if ended := results.Close(); err == nil {
		err = ended
	}
	return tag, err
}

// Query runs a statement that returns rows.
func (p *pipeline) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if p.queued.Len() == 0 {
		return p.Tx.Query(ctx, sql, args...)
	}
	p.queued.Queue(sql, args...)
	results, err := p.send(ctx)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		_ = results.Close() // says the same
		return nil, err
	}
	return &pipelineRows{found, results}, nil
}

// QueryRow runs a statement that returns one row.
func (p *pipeline) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if p.queued.Len() == 0 {
		return p.Tx.QueryRow(ctx, sql, args...)
	}
	found, err := p.Query(ctx, sql, args...)
	return pipelineRow{found, err}
}

// Begin makes a savepoint.
func (p *pipeline) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.Tx.Begin(ctx)
}

// CopyFrom copies rows into a table.
func (p *pipeline) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, from pgx.CopyFromSource) (int64, error) {
	if err := p.flush(ctx); err != nil {
		return 0, err
	}
	return p.Tx.CopyFrom(ctx, table, columns, from)
}

// SendBatch runs several statements.
func (p *pipeline) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := p.flush(ctx); err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	return p.Tx.SendBatch(ctx, b)
}

// Commit ends the transaction with what is queued.
func (p *pipeline) Commit(ctx context.Context) error {
	if p.Tx == nil && p.queued.Len() == 1 { // nothing but the beginning
		return nil
	}
	tag, err := p.Exec(ctx, "commit")
	if err == nil && tag.String() != "COMMIT" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// pipelineRows are rows at the end of a batch, which ends with them.
type pipelineRows struct {
	pgx.Rows
	results pgx.BatchResults
}

// Close ends the reading.
func (r *pipelineRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // an error is the rows' own, and told by Err
}

// pipelineRow is the first of some rows.
type pipelineRow struct {
	found pgx.Rows
	err   error
}

// Scan reads it; pgx.ErrNoRows where there is none.
func (r pipelineRow) Scan(to ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.found.Close()
	if !r.found.Next() {
		if err := r.found.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.found.Scan(to...); err != nil {
		return err
	}
	r.found.Close()
	return r.found.Err()
}
