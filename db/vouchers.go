package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/rule"
	"herald/internal/segment"
	"herald/internal/voucher"
)

// Vouchers is the store of vouchers.
type Vouchers struct{ Pool *pgxpool.Pool }

// Create writes one voucher, counted in its campaign where it has one, and limited by the rules.
func (s Vouchers) Create(ctx context.Context, v voucher.Voucher, limits ...uuid.UUID) (voucher.Voucher, error) {
	var made voucher.Voucher
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.VoucherCreate(ctx, tx, rows.VoucherCreateParams{
			ID: id.New(), ProjectID: v.ProjectID, CampaignID: v.CampaignID, Code: v.Code, Type: v.Type, Value: v.Value,
			RedemptionQuantity: v.RedemptionQuantity, RedeemedQuantity: v.RedeemedQuantity, Active: v.Active, StartDate: v.StartDate,
			ExpirationDate: v.ExpirationDate, Validity: v.Validity, AdditionalInfo: v.AdditionalInfo, Category: v.Category,
			Metadata: v.Metadata, IsReferralCode: v.IsReferralCode,
		})
		if violates(err, "vouchers_code_key") {
			return &fault.Error{
				Code: fault.Duplicate, Details: "Duplicated voucher exists with id " + v.Code, ResourceType: "voucher", ResourceID: v.Code,
			}
		}
		if err != nil {
			return err
		}
		made = voucher.Voucher(row)
		if err := assignRules(ctx, tx, v.ProjectID, rule.Voucher, made.ID, limits); err != nil || v.CampaignID == nil {
			return err
		}
		return count(ctx, tx, rows.CampaignCountParams{ProjectID: v.ProjectID, ID: *v.CampaignID, Change: 1})
	})
	return made, err
}

// CreateDrawn is Create with a code drawn where v has none.
func (s Vouchers) CreateDrawn(ctx context.Context, v voucher.Voucher, codes code.Config, limits ...uuid.UUID) (voucher.Voucher, error) {
	if v.Code != "" {
		return s.Create(ctx, v, limits...)
	}
	generator := code.NewGenerator(codes)
	for range 9 { // a thousand codes are free for each that is taken, so the first one nearly always is
		v.Code = generator.Next()
		if made, err := s.Create(ctx, v, limits...); !fault.Is(err, fault.Duplicate) {
			return made, err
		}
	}
	return voucher.Voucher{}, fault.Property("code_config.pattern", "Nearly all codes of this pattern are taken; use more random characters")
}

// Get finds a voucher by its id.
func (s Vouchers) Get(ctx context.Context, project, one uuid.UUID) (voucher.Voucher, error) {
	row, err := q.VoucherGet(ctx, s.Pool, rows.VoucherGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return voucher.Voucher{}, fault.Missing("voucher", id.Voucher.Format(one))
	}
	return voucher.Voucher(row), err
}

// Find finds a voucher by what callers name it: its code or its id.
func (s Vouchers) Find(ctx context.Context, project uuid.UUID, codeOrID string) (voucher.Voucher, error) {
	row, err := q.VoucherGetByCode(ctx, s.Pool, rows.VoucherGetByCodeParams{ProjectID: project, Code: codeOrID})
	if known, ok := id.Voucher.Parse(codeOrID); ok && missing(err) {
		row, err = q.VoucherGet(ctx, s.Pool, rows.VoucherGetParams{ProjectID: project, ID: known})
	}
	if missing(err) {
		return voucher.Voucher{}, fault.Missing("voucher", codeOrID)
	}
	return voucher.Voucher(row), err
}

// Update changes a voucher under a lock: change gets it as it is and says what is to be.
func (s Vouchers) Update(ctx context.Context, project uuid.UUID, codeOrID string, change func(*voucher.Voucher) error) (voucher.Voucher, error) {
	found, err := s.Find(ctx, project, codeOrID)
	if err != nil {
		return voucher.Voucher{}, err
	}
	var changed voucher.Voucher
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.VoucherLock(ctx, tx, rows.VoucherLockParams{ProjectID: project, ID: found.ID})
		if missing(err) {
			return fault.Missing("voucher", codeOrID)
		}
		if err != nil {
			return err
		}
		v := voucher.Voucher(row)
		if err := change(&v); err != nil {
			return err
		}
		row, err = q.VoucherUpdate(ctx, tx, rows.VoucherUpdateParams{
			ProjectID: project, ID: v.ID, Value: v.Value, Active: v.Active, StartDate: v.StartDate, ExpirationDate: v.ExpirationDate,
			Validity: v.Validity, AdditionalInfo: v.AdditionalInfo, Category: v.Category, Metadata: v.Metadata,
			RedemptionQuantity: v.RedemptionQuantity,
		})
		changed = voucher.Voucher(row)
		return err
	})
	return changed, err
}

// Delete deletes a voucher for good. Whoever holds it is told, and what was left on it no longer counts for them.
func (s Vouchers) Delete(ctx context.Context, project uuid.UUID, codeOrID string) error {
	found, err := s.Find(ctx, project, codeOrID)
	if err != nil {
		return err
	}
	return inChange(ctx, s.Pool, project, func(c *change) error {
		gone, err := c.holdVoucher(ctx, found.ID)
		if err != nil {
			return err
		}
		if _, err := q.VoucherDelete(ctx, c.tx, rows.VoucherDeleteParams{ProjectID: project, ID: gone.ID}); err != nil {
			return err
		}
		if gone.HolderID != nil {
			if err := c.counts(gone, -1); err != nil {
				return err
			}
			c.happened(occurrence.Occurrence{
				Type: occurrence.VoucherDeleted, Customer: *gone.HolderID, Subject: gone.CampaignID,
				Data: map[string]any{"voucher": voucher.ShowSimple(gone, nil)},
			})
		}
		if gone.CampaignID == nil {
			return nil
		}
		return count(ctx, c.tx, rows.CampaignCountParams{ProjectID: project, ID: *gone.CampaignID, Change: -1})
	})
}

// holdVoucher holds a voucher and, before it, the customer who holds it, in the order in which every change locks them.
func (c *change) holdVoucher(ctx context.Context, one uuid.UUID) (voucher.Voucher, error) {
	found, err := q.VoucherGet(ctx, c.tx, rows.VoucherGetParams{ProjectID: c.project, ID: one})
	if err == nil && found.HolderID != nil {
		_, err = c.lock(ctx, *found.HolderID)
	}
	if err == nil {
		holder := found.HolderID
		found, err = q.VoucherLock(ctx, c.tx, rows.VoucherLockParams{ProjectID: c.project, ID: one})
		if err == nil && or(found.HolderID, uuid.UUID{}) != or(holder, uuid.UUID{}) {
			err = errAgain // it was given away meanwhile
		}
	}
	if missing(err) {
		return voucher.Voucher{}, fault.Missing("voucher", id.Voucher.Format(one))
	}
	return voucher.Voucher(found), err
}

// counts counts what is left on a card for its holder, with sign 1, or no longer, with sign -1.
func (c *change) counts(v voucher.Voucher, sign int64) error {
	if v.HolderID == nil || v.Type == voucher.DiscountVoucher {
		return nil
	}
	benefit, err := voucher.BenefitOf(v.Type, v.Value)
	if err != nil {
		return err
	}
	if v.Type == voucher.GiftVoucher {
		c.figures(*v.HolderID).GiftToGo += sign * or(benefit.Gift.Balance, 0)
		c.touch(*v.HolderID, segment.Redemptions)
		return nil
	}
	c.figures(*v.HolderID).PointsToGo += sign * or(benefit.LoyaltyCard.Balance, 0)
	c.touch(*v.HolderID, segment.Loyalty)
	return nil
}

// VoucherList says which vouchers are listed, and in which order: created_at, updated_at or code, with "-" from the last.
type VoucherList struct {
	Campaign                    *uuid.UUID
	Customer                    *uuid.UUID
	Held                        bool // only those that customers hold
	Category, Code              string
	IDs                         []uuid.UUID
	CreatedAfter, CreatedBefore *time.Time
	UpdatedAfter, UpdatedBefore *time.Time
	Filter                      Filter
	Order                       string
	Limit, Page                 int
}

// voucherColumns are the fields that filters of vouchers know.
var voucherColumns = map[string]filterColumn{
	"code": {"v.code", "text"}, "id": {"'v_' || replace(v.id::text, '-', '')", "text"}, "type": {"v.type", "text"},
	"voucher_type": {"v.type", "text"}, "category": {"v.category", "text"}, "categories": {"v.category", "text"},
	"campaign":     {"(SELECT c.name FROM campaigns c WHERE c.id = v.campaign_id)", "text"},
	"campaigns":    {"(SELECT c.name FROM campaigns c WHERE c.id = v.campaign_id)", "text"},
	"campaign $is": vouchersOfCampaigns, "campaign $in": vouchersOfCampaigns, "campaigns $is": vouchersOfCampaigns, "campaigns $in": vouchersOfCampaigns,
	"campaign_id": {"'camp_' || replace(v.campaign_id::text, '-', '')", "text"},
	"holder_id":   {"'cust_' || replace(v.holder_id::text, '-', '')", "text"},
	"active":      {"v.active", "truth"}, "is_referral_code": {"v.is_referral_code", "truth"},
	"created_at": {"v.created_at", "time"}, "updated_at": {"v.updated_at", "time"}, "start_date": {"v.start_date", "time"},
	"expiration_date": {"v.expiration_date", "time"}, "additional_info": {"v.additional_info", "text"},
	"redemption.quantity": {"v.redemption_quantity", "number"}, "redemption.redeemed_quantity": {"v.redeemed_quantity", "number"},
}

var vouchersOfCampaigns = filterColumn{
	"(v.campaign_id IN (SELECT c.id FROM campaigns c WHERE c.project_id = $1 AND c.name = ANY(?)))", "text",
}

// List lists vouchers, with how many there are in all.
func (s Vouchers) List(ctx context.Context, project uuid.UUID, l VoucherList) ([]voucher.Voucher, int64, error) {
	var w where
	w.add("v.project_id = ?", project)
	if l.Campaign != nil {
		w.add("v.campaign_id = ?", *l.Campaign)
	}
	if l.Customer != nil {
		w.add("v.holder_id = ?", *l.Customer)
	}
	if l.Held {
		w.add("v.holder_id IS NOT NULL")
	}
	if l.Category != "" {
		w.add("v.category = ?", l.Category)
	}
	if l.Code != "" {
		w.add("v.code = ?", l.Code)
	}
	if l.IDs != nil {
		w.add("v.id = ANY(?)", l.IDs)
	}
	w.between("v.created_at", l.CreatedAfter, l.CreatedBefore)
	w.between("v.updated_at", l.UpdatedAfter, l.UpdatedBefore)
	if err := w.filter(l.Filter, voucherColumns, "v.metadata"); err != nil {
		return nil, 0, err
	}
	order := map[string]string{
		"created_at": "v.created_at, v.id DESC", "-created_at": "v.created_at DESC, v.id", // as the indexes are
		"updated_at": "v.updated_at, v.id", "-updated_at": "v.updated_at DESC NULLS LAST, v.id DESC",
		"code": "v.code", "-code": "v.code DESC",
	}[l.Order]
	found, total, err := listPage[rows.Voucher](ctx, s.Pool, &w, "vouchers v", "v.*", order, l.Limit, l.Page)
	return each(found, func(row rows.Voucher) voucher.Voucher { return voucher.Voucher(row) }), total, err
}

// listPage reads one page of a list whose shape depends on what is asked for, and counts the whole. The outside pages by
// number, at most 100 pages of 100, so what a page skips is bounded.
func listPage[Row any](
	ctx context.Context, pool *pgxpool.Pool, w *where, table, columns, order string, limit, page int,
) ([]Row, int64, error) {
	var total int64
	if err := pool.QueryRow(ctx, "SELECT count(*) FROM "+table+" WHERE "+w.String(), w.statement.args...).Scan(&total); err != nil {
		return nil, 0, err
	}
	text := w.bind("SELECT "+columns+" FROM "+table+" WHERE "+w.String()+" ORDER BY "+order+" LIMIT ? OFFSET ?", limit, (page-1)*limit)
	result, err := pool.Query(ctx, text, w.statement.args...)
	if err != nil {
		return nil, 0, err
	}
	found, err := pgx.CollectRows(result, pgx.RowToStructByPos[Row])
	return found, total, err
}

func each[From, To any](list []From, convert func(From) To) []To {
	out := make([]To, len(list))
	for i, item := range list {
		out[i] = convert(item)
	}
	return out
}

// noTime stands for a missing instant where the database takes an array.
var noTime time.Time

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
