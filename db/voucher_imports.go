package db

import (
	"bytes"
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
	Count      int                  `json:"count"`
	Next       int                  `json:"next"` // rows that are written
	Result     voucher.ImportResult `json:"result"`
}

// OrderImport begins the import of vouchers that were checked, into a campaign where one is given; refused are the rows that
// cannot be imported.
func (s Vouchers) OrderImport(ctx context.Context, project uuid.UUID, campaignID *uuid.UUID, actionType, requestID string,
	list []voucher.Row, refused voucher.ImportResult, start Start,
) (uuid.UUID, error) {
	content, err := json.Marshal(list)
	if err != nil {
		return uuid.UUID{}, err
	}
	var action uuid.UUID
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		order := importOrder{CampaignID: campaignID, Count: len(list), Result: refused}
		if action, err = enqueue(ctx, tx, project, actionType, requestID, order, content); err != nil {
			return err
		}
		return start(ctx, action)
	})
	return action, err
}

// Imported is how far an import is.
type Imported struct{ DoneCount, FailedCount int64 }

// ImportAll writes the vouchers that an action brought, a page at a time, and ends the action. beat is called after each
// page. Doing it again goes on where it was.
func (s Vouchers) ImportAll(ctx context.Context, project, action uuid.UUID, beat func(Imported)) (Imported, error) {
	var order importOrder
	content, err := AsyncActions(s).Input(ctx, project, action, &order)
	if fault.Is(err, fault.NotFound) {
		return Imported{}, ErrNoOrder
	}
	if err != nil {
		return Imported{}, err
	}
	build := voucher.Draft.Standalone
	if order.CampaignID != nil {
		to, err := Campaigns(s).Get(ctx, project, *order.CampaignID)
		if err != nil {
			return Imported{}, err
		}
		build = to.Import
	}
	next := 0
	for reader := newRowReader(content); ; beat(order.imported()) {
		page, err := reader.page()
		if err != nil {
			return order.imported(), fmt.Errorf("content of %s: %w", action, err)
		}
		if len(page) == 0 {
			return order.imported(), AsyncActions(s).Succeed(ctx, project, action, order.Result.Ended())
		}
		if next += len(page); next <= order.Next {
			continue // written before we were interrupted
		}
		err = inTx(ctx, s.Pool, func(tx pgx.Tx) error { return importRows(ctx, tx, project, action, &order, page, build) })
		if err != nil {
			return order.imported(), err
		}
	}
}

func (o importOrder) imported() Imported { return Imported{o.Result.DoneCount, o.Result.FailedCount} }

// rowReader reads the list that an import works on, a page at a time, so that it never lies in memory twice.
type rowReader struct {
	decoder *json.Decoder
	begun   bool
}

func newRowReader(content []byte) *rowReader {
	return &rowReader{decoder: json.NewDecoder(bytes.NewReader(content))}
}

// page is the next rows, none at the end.
func (r *rowReader) page() ([]voucher.Row, error) {
	if !r.begun {
		if _, err := r.decoder.Token(); err != nil { // the list's bracket
			return nil, err
		}
		r.begun = true
	}
	var page []voucher.Row
	for len(page) < importPage && r.decoder.More() {
		var row voucher.Row
		if err := r.decoder.Decode(&row); err != nil {
			return nil, err
		}
		page = append(page, row)
	}
	return page, nil
}

// imported is one row with the voucher that it makes.
type imported struct {
	row int64
	voucher.Voucher
}

// importRows writes one page and where the import is then.
func importRows(ctx context.Context, tx pgx.Tx, project, action uuid.UUID, order *importOrder, page []voucher.Row,
	build func(voucher.Draft) (voucher.Voucher, error),
) error {
	params, err := q.CodeOrderLock(ctx, tx, rows.CodeOrderLockParams{ProjectID: project, ID: action})
	if missing(err) {
		return ErrNoOrder
	}
	if err != nil {
		return err
	}
	at := importOrder{}
	if err := json.Unmarshal(params, &at); err != nil {
		return fmt.Errorf("params of %s: %w", action, err)
	}
	if at.Next > order.Next { // somebody else, thought dead, wrote this page
		*order = at
		return nil
	}
	var list []imported
	for _, row := range page {
		v, err := build(row.Draft)
		if err != nil { // the campaign changed since the row was checked
			at.Result.Refuse(row.Row, row.Code, voucher.Reason(err))
			continue
		}
		list = append(list, imported{row.Row, v})
	}
	fresh, err := importVouchers(ctx, tx, project, at.CampaignID, list)
	if err != nil {
		return err
	}
	for _, one := range list {
		if fresh[one.Code] {
			at.Result.DoneCount++
			delete(fresh, one.Code) // the same code again, further down, is a duplicate
			continue
		}
		at.Result.Refuse(one.row, one.Code, "A voucher with this code exists in the project")
	}
	at.Next += len(page)
	*order = at
	return rememberImport(ctx, tx, project, action, at)
}

func rememberImport(ctx context.Context, tx pgx.Tx, project, action uuid.UUID, order importOrder) error {
	raw, err := json.Marshal(order)
	if err != nil {
		return err
	}
	if err := q.CodeOrderRemember(ctx, tx, rows.CodeOrderRememberParams{ActionID: action, Params: raw}); err != nil {
		return err
	}
	return keepProgress(ctx, tx, project, action, int64(order.Next), int64(order.Count))
}

// importNow writes one page of vouchers at once and says which codes were new.
func (s Vouchers) importNow(ctx context.Context, to campaign.Campaign, page []imported) (map[string]bool, error) {
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
func importVouchers(ctx context.Context, tx pgx.Tx, project uuid.UUID, campaignID *uuid.UUID, list []imported) (map[string]bool, error) {
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
