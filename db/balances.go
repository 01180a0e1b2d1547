package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// Balances is the store of what is on gift vouchers and loyalty cards. How it moves stands in card_moves.go.
type Balances struct{ Pool *pgxpool.Pool }

// Adjust changes what is on a card by an adjustment that was checked, and returns the balance after it. Points go on no card
// that nobody holds.
func (s Balances) Adjust(ctx context.Context, card voucher.Voucher, a balance.Adjustment) (balance.Shown, error) {
	if err := held(card); err != nil {
		return balance.Shown{}, err
	}
	var shown balance.Shown
	err := inChange(ctx, s.Pool, card.ProjectID, func(c *change) error {
		made, err := c.moveBalances(ctx, []balance.Movement{a.Movement(card, c.source.Channel)})
		if err == nil {
			shown = made[0].shown
		}
		return err
	})
	return shown, err
}

// held refuses a loyalty card that nobody holds.
func held(card voucher.Voucher) error {
	if card.Type == voucher.LoyaltyCard && card.HolderID == nil {
		return &fault.Error{
			Code: fault.NotPublished, ResourceType: "voucher", ResourceID: card.Code,
			Details: "Loyalty card '" + card.Code + "' must first be published to a customer",
		}
	}
	return nil
}

// Transfer brings points from other cards to a loyalty card, all of the transfers or none, and returns it. They expire as
// the receiving programme says.
func (s Balances) Transfer(ctx context.Context, to voucher.Voucher, transfers []balance.Transfer) (voucher.Voucher, error) {
	if err := held(to); err != nil {
		return to, err
	}
	codes := each(transfers, func(t balance.Transfer) string { return t.Code })
	found, err := q.VoucherGetByCodes(ctx, s.Pool, rows.VoucherGetByCodesParams{ProjectID: to.ProjectID, Codes: codes})
	if err != nil {
		return to, err
	}
	from := make(map[string]voucher.Voucher, len(found))
	for _, row := range found {
		from[row.Code] = voucher.Voucher(row)
	}
	for i, t := range transfers {
		card, ok := from[t.Code]
		if !ok || card.Type != voucher.LoyaltyCard {
			return to, fault.Missing("voucher", t.Code)
		}
		if card.ID == to.ID {
			return to, fault.Property(fmt.Sprintf("[%d].code", i), "Points cannot be transferred from a card to itself")
		}
		if err := held(card); err != nil {
			return to, err
		}
	}
	err = inChange(ctx, s.Pool, to.ProjectID, func(c *change) error {
		movements := make([]balance.Movement, 0, 2*len(transfers))
		for _, t := range transfers {
			out, in := t.Movements(from[t.Code].ID, to.ID, c.source.Channel)
			movements = append(movements, out, in)
		}
		made, err := c.moveBalances(ctx, movements)
		if err == nil {
			to = made[len(made)-1].voucher
		}
		return err
	})
	return to, err
}

// TransactionList says which transactions are listed, and in which order: id, or -id from the last. Either a page is shown, or
// what follows a transaction.
type TransactionList struct {
	Voucher     *uuid.UUID
	Campaign    *uuid.UUID
	Filter      Filter
	Order       string
	After       *uuid.UUID
	Limit, Page int
}

// transactionColumns are the fields that filters of transactions know.
var transactionColumns = map[string]filterColumn{
	"id": {"'vtx_' || replace(t.id::text, '-', '')", "text"}, "voucher_id": {"'v_' || replace(t.voucher_id::text, '-', '')", "text"},
	"campaign_id": {"'camp_' || replace(t.campaign_id::text, '-', '')", "text"}, "created_at": {"t.created_at", "time"},
	"type": {"t.type", "text"}, "source_id": {"t.source_id", "text"}, "reason": {"t.reason", "text"}, "source": {"t.source", "text"},
	"related_transaction_id": {"'vtx_' || replace(t.related_transaction::text, '-', '')", "text"},
}

// Transactions lists transactions, and says whether there are more behind them.
func (s Balances) Transactions(ctx context.Context, project uuid.UUID, l TransactionList) (found []balance.Transaction, more bool, err error) {
	var w where
	w.add("t.project_id = ?", project)
	if l.Voucher != nil {
		w.add("t.voucher_id = ?", *l.Voucher)
	}
	if l.Campaign != nil {
		w.add("t.campaign_id = ?", *l.Campaign)
	}
	if err := w.filter(l.Filter, transactionColumns, ""); err != nil {
		return nil, false, err
	}
	order, sign := "t.id", ">"
	if l.Order == "-id" {
		order, sign = "t.id DESC", "<"
	}
	if l.After != nil {
		w.add("t.id "+sign+" ?", *l.After)
	}
	text := w.bind("SELECT t.* FROM voucher_transactions t WHERE "+w.String()+" ORDER BY "+order+" LIMIT ? OFFSET ?", l.Limit+1, (l.Page-1)*l.Limit)
	result, err := s.Pool.Query(ctx, text, w.statement.args...)
	if err != nil {
		return nil, false, err
	}
	found, err = pgx.CollectRows(result, pgx.RowToStructByPos[balance.Transaction])
	more = len(found) > l.Limit
	return found[:min(len(found), l.Limit)], more, err
}

// Buckets lists the points of a card by the days on which they expire, those first that expire first, and says how many
// buckets there are. What has expired is not in them, nor what is due to.
func (s Balances) Buckets(ctx context.Context, card voucher.Voucher, limit, page int) ([]balance.Bucket, int64, error) {
	today := balance.Day(balance.Today(time.Now()))
	total, err := q.BucketCount(ctx, s.Pool, rows.BucketCountParams{ProjectID: card.ProjectID, VoucherID: card.ID, Today: today})
	if err != nil {
		return nil, 0, err
	}
	found, err := q.BucketList(ctx, s.Pool, rows.BucketListParams{
		ProjectID: card.ProjectID, VoucherID: card.ID, Today: today, Count: int32(limit), Skip: int32((page - 1) * limit),
	})
	return each(found, func(row rows.PointsBucket) balance.Bucket { return balance.Bucket(row) }), total, err
}
