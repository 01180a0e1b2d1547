package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/async"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// bulkOrder is how far an update of many vouchers is; it is written in the transaction that changes the vouchers.
type bulkOrder struct {
	Next   int              `json:"next"` // items that are done
	Result async.BulkResult `json:"result"`
}

// OrderBulk begins an update of many vouchers, of what was checked and is now content.
func (s Vouchers) OrderBulk(ctx context.Context, project uuid.UUID, actionType, requestID string, content []byte, start Start) (uuid.UUID, error) {
	order := bulkOrder{Result: async.BulkResult{Reports: []string{}, Errors: []string{}}}
	return AsyncActions(s).Enqueue(ctx, project, actionType, requestID, order, content,
		func(ctx context.Context, _, action uuid.UUID) error { return start(ctx, action) })
}

// MergeAll carries an update of many vouchers out, a page at a time, and ends the action. beat is called after each page. Doing it
// again goes on where it was.
func (s Vouchers) MergeAll(ctx context.Context, project, action uuid.UUID, beat func(Imported)) (Imported, error) {
	var order bulkOrder
	content, err := AsyncActions(s).Input(ctx, project, action, &order)
	if fault.Is(err, fault.NotFound) {
		return Imported{}, ErrNoOrder
	}
	if err != nil {
		return Imported{}, err
	}
	ordered, err := AsyncActions(s).Get(ctx, project, action)
	if err != nil {
		return Imported{}, err
	}
	items, err := voucher.BulkItems(ordered.Type, content)
	if err != nil {
		return Imported{}, fmt.Errorf("content of %s: %w", action, err)
	}
	for order.Next < len(items) {
		err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
			params, err := q.CodeOrderLock(ctx, tx, rows.CodeOrderLockParams{ProjectID: project, ID: action})
			if missing(err) {
				return ErrNoOrder
			}
			if err != nil {
				return err
			}
			at := bulkOrder{}
			if err := json.Unmarshal(params, &at); err != nil {
				return fmt.Errorf("params of %s: %w", action, err)
			}
			if at.Next < len(items) {
				err = at.merge(ctx, tx, project, action, items)
			}
			order = at
			return err
		})
		if err != nil {
			return order.imported(), err
		}
		beat(order.imported())
	}
	return order.imported(), AsyncActions(s).Succeed(ctx, project, action, order.Result)
}

func (o bulkOrder) imported() Imported { return Imported{o.Result.DoneCount, o.Result.FailedCount} }

// merge updates the vouchers of the next page, and writes down how far that is.
func (o *bulkOrder) merge(ctx context.Context, tx pgx.Tx, project, action uuid.UUID, items []voucher.BulkItem) error {
	page := items[o.Next:min(o.Next+importPage, len(items))]
	o.Next += len(page)
	p := rows.VoucherMergeMetadataParams{ProjectID: project, Largest: voucher.MaxMetadata}
	for _, item := range voucher.Merge(page) {
		p.Codes = append(p.Codes, item.Code)
		p.Patches = append(p.Patches, string(item.Metadata.Raw()))
	}
	changed, err := q.VoucherMergeMetadata(ctx, tx, p)
	if err != nil {
		return err
	}
	done := make(map[string]bool, len(changed))
	for _, code := range changed {
		done[code] = true
	}
	for _, item := range page {
		switch {
		case done[item.Code]:
			o.Result.DoneCount++
			continue
		case len(o.Result.Errors) < async.FailedListed:
			o.Result.Errors = append(o.Result.Errors, "Voucher "+item.Code+" does not exist, or its metadata would become too large")
		}
		o.Result.FailedCount++
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := q.CodeOrderRemember(ctx, tx, rows.CodeOrderRememberParams{ActionID: action, Params: raw}); err != nil {
		return err
	}
	_, err = q.AsyncActionProgress(ctx, tx, rows.AsyncActionProgressParams{ProjectID: project, ID: action, Progress: int32(100 * o.Next / len(items))})
	return err
}
