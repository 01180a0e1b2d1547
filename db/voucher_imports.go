package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/voucher"
)

// importPage is how many vouchers one transaction of an import writes.
const importPage = 5_000

// importOrder is what an import works on, beside the vouchers themselves. Next and what is counted are written in the
// transaction that writes the vouchers, so an import that was killed goes on where it was.
type importOrder struct {
	CampaignID *uuid.UUID           `json:"campaign_id"`
	Next       int                  `json:"next"`
	Result     voucher.ImportResult `json:"result"`
}

// OrderImport begins the import of vouchers that were checked, into a campaign where one is given; refused are the rows that
// cannot be imported.
func (s Vouchers) OrderImport(ctx context.Context, project uuid.UUID, campaignID *uuid.UUID, actionType, requestID string,
	list []voucher.Import, refused voucher.ImportResult, start Start,
) (uuid.UUID, error) {
	content, err := json.Marshal(list)
	if err != nil {
		return uuid.UUID{}, err
	}
	var action uuid.UUID
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		order := importOrder{CampaignID: campaignID, Result: refused}
		if action, err = enqueue(ctx, tx, project, actionType, requestID, order, content); err != nil {
			return err
		}
		return start(ctx, action)
	})
	return action, err
}

// Imported is how far an import is.
type Imported struct {
	DoneCount, FailedCount int64
	Done                   bool
}

// ImportSome writes the next page of an import, and ends the action after the last.
func (s Vouchers) ImportSome(ctx context.Context, project, action uuid.UUID) (Imported, error) {
	var order importOrder
	last := false
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.ImportOrderLock(ctx, tx, rows.ImportOrderLockParams{ProjectID: project, ID: action})
		if missing(err) {
			return ErrNoOrder
		}
		if err != nil {
			return err
		}
		var all []voucher.Import
		if err := json.Unmarshal(row.Params, &order); err != nil {
			return fmt.Errorf("params of %s: %w", action, err)
		}
		if err := json.Unmarshal(row.Content, &all); err != nil {
			return fmt.Errorf("content of %s: %w", action, err)
		}
		page := all[order.Next:min(order.Next+importPage, len(all))]
		if err := s.importPage(ctx, tx, project, &order, page); err != nil {
			return err
		}
		order.Next += len(page)
		last = order.Next == len(all)
		return s.rememberImport(ctx, tx, project, action, order, len(all))
	})
	done := Imported{order.Result.DoneCount, order.Result.FailedCount, last}
	if err != nil || !last {
		return done, err
	}
	return done, AsyncActions(s).Succeed(ctx, project, action, order.Result.Ended())
}

func (s Vouchers) importPage(ctx context.Context, tx pgx.Tx, project uuid.UUID, order *importOrder, page []voucher.Import) error {
	fresh, err := importVouchers(ctx, tx, project, order.CampaignID, page)
	if err != nil {
		return err
	}
	for _, item := range page {
		if fresh[item.Code] {
			order.Result.DoneCount++
			delete(fresh, item.Code) // the same code again, further down, is a duplicate
			continue
		}
		order.Result.Refuse(item.Row, item.Code, "A voucher with this code exists in the project")
	}
	return nil
}

func (s Vouchers) rememberImport(ctx context.Context, tx pgx.Tx, project, action uuid.UUID, order importOrder, all int) error {
	raw, err := json.Marshal(order)
	if err != nil {
		return err
	}
	if err := q.CodeOrderRemember(ctx, tx, rows.CodeOrderRememberParams{ActionID: action, Params: raw}); err != nil {
		return err
	}
	_, err = q.AsyncActionProgress(ctx, tx, rows.AsyncActionProgressParams{
		ProjectID: project, ID: action, Progress: int32(100 * order.Next / max(all, 1)),
	})
	return err
}

// importNow writes one page of vouchers at once and says which codes were new.
func (s Vouchers) importNow(ctx context.Context, to campaign.Campaign, page []voucher.Import) (map[string]bool, error) {
	var fresh map[string]bool
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		fresh, err = importVouchers(ctx, tx, to.ProjectID, &to.ID, page)
		return err
	})
	return fresh, err
}

// Taken finds which of the codes exist in the project.
func (s Vouchers) Taken(ctx context.Context, project uuid.UUID, codes []string) ([]string, error) {
	return q.VoucherTaken(ctx, s.Pool, rows.VoucherTakenParams{ProjectID: project, Codes: codes})
}

// importVouchers writes vouchers that callers brought the codes of; which were new is the result.
func importVouchers(ctx context.Context, tx pgx.Tx, project uuid.UUID, campaignID *uuid.UUID, list []voucher.Import) (map[string]bool, error) {
	if len(list) == 0 {
		return nil, nil
	}
	p := rows.VoucherImportParams{ProjectID: project, CampaignID: campaignID}
	for _, v := range list {
		validity, err := rawValidity(v.Validity)
		if err != nil {
			return nil, err
		}
		p.Ids = append(p.Ids, id.New())
		p.Codes = append(p.Codes, v.Code)
		p.Types = append(p.Types, string(v.Type))
		p.Vals = append(p.Vals, string(v.Value))
		p.RedemptionQuantities = append(p.RedemptionQuantities, or(v.RedemptionQuantity, 0))
		p.RedeemedQuantities = append(p.RedeemedQuantities, v.RedeemedQuantity)
		p.Actives = append(p.Actives, v.Active)
		p.StartDates = append(p.StartDates, or(v.StartDate, noTime))
		p.ExpirationDates = append(p.ExpirationDates, or(v.ExpirationDate, noTime))
		p.Validities = append(p.Validities, string(validity))
		p.AdditionalInfos = append(p.AdditionalInfos, or(v.AdditionalInfo, ""))
		p.Categories = append(p.Categories, or(v.Category, ""))
		p.Metadatas = append(p.Metadatas, string(v.Metadata))
	}
	made, err := q.VoucherImport(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	fresh := make(map[string]bool, len(made))
	for _, text := range made {
		fresh[text] = true
	}
	if campaignID == nil {
		return fresh, nil
	}
	n, err := q.CampaignCount(ctx, tx, rows.CampaignCountParams{ProjectID: project, ID: *campaignID, Change: int64(len(made))})
	if err == nil && n == 0 { // deleted meanwhile, or another project's
		return nil, fault.Missing("campaign", id.Campaign.Format(*campaignID))
	}
	return fresh, err
}
