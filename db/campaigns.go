package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/promotion"
	"herald/internal/rule"
)

// Campaigns is the store of campaigns.
type Campaigns struct{ Pool *pgxpool.Pool }

// Start starts the work on an async action. It is called before the transaction that writes the action ends, so that no
// action can be left behind that nobody works on: when Start fails nothing was written, and a worker that looks too early
// finds no action and looks again.
type Start func(ctx context.Context, action uuid.UUID) error

// Create makes a campaign of a draft that was checked, and, where the draft asks for codes, starts making them.
func (s Campaigns) Create(ctx context.Context, project uuid.UUID, d campaign.Draft, requestID string,
	start func(ctx context.Context, campaign, action uuid.UUID) error,
) (campaign.Campaign, error) {
	status := campaign.Done
	if d.VouchersCount > 0 {
		status = campaign.InProgress
	}
	var made campaign.Campaign
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		if made, err = createCampaign(ctx, tx, project, d, status); err != nil || d.VouchersCount == 0 {
			return err
		}
		_, err = orderCodes(ctx, tx, made, d.VouchersCount, campaign.Overrides{}, requestID,
			func(ctx context.Context, action uuid.UUID) error { return start(ctx, made.ID, action) })
		return err
	})
	return made, err
}

// CreatePromotion makes a promotion of a draft, with its tiers; all were checked.
func (s Campaigns) CreatePromotion(ctx context.Context, project uuid.UUID, d campaign.Draft, tiers []promotion.Draft) (campaign.Campaign, error) {
	var made campaign.Campaign
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		if made, err = createCampaign(ctx, tx, project, d, campaign.Done); err != nil {
			return err
		}
		_, err = createTiers(ctx, tx, made, tiers)
		return err
	})
	return made, err
}

// createCampaign writes a campaign and the rules that limit it.
func createCampaign(ctx context.Context, tx pgx.Tx, project uuid.UUID, d campaign.Draft, status campaign.Status) (campaign.Campaign, error) {
	limits, err := rule.ParseIDs(d.ValidationRules)
	if err != nil {
		return campaign.Campaign{}, err
	}
	pattern := campaign.Pattern{}
	if d.Voucher != nil {
		pattern = *d.Voucher
	}
	row, err := q.CampaignCreate(ctx, tx, rows.CampaignCreateParams{
		ID: id.New(), ProjectID: project, Name: d.Name, Description: d.Description, CampaignType: d.CampaignType, Type: d.Type,
		Voucher: pattern, AutoJoin: d.AutoJoin, JoinOnce: d.JoinOnce, UseVoucherMetadataSchema: d.UseVoucherMetadataSchema,
		Active: *d.Active, StartDate: d.StartDate, ExpirationDate: d.ExpirationDate, Validity: d.OrNil(), Category: d.Category,
		Metadata: d.Metadata.Raw(), CreationStatus: status, VouchersGenerationStatus: status, ReferralProgram: d.ReferralProgram,
		LoyaltyTiersExpiration: d.LoyaltyTiersExpiration,
	})
	if violates(err, "campaigns_name_key") {
		return campaign.Campaign{}, &fault.Error{
			Code: fault.Duplicate, Details: "Duplicated campaign exists with name " + d.Name, ResourceType: "campaign", ResourceID: d.Name,
		}
	}
	if err != nil {
		return campaign.Campaign{}, err
	}
	return campaign.Campaign(row), assignRules(ctx, tx, project, rule.Campaign, row.ID, limits)
}

// Get finds a campaign by its id.
func (s Campaigns) Get(ctx context.Context, project, campaignID uuid.UUID) (campaign.Campaign, error) {
	row, err := q.CampaignGet(ctx, s.Pool, rows.CampaignGetParams{ProjectID: project, ID: campaignID})
	if missing(err) {
		return campaign.Campaign{}, fault.Missing("campaign", id.Campaign.Format(campaignID))
	}
	return campaign.Campaign(row), err
}

// Find finds a campaign by what callers name it: its id or its name.
func (s Campaigns) Find(ctx context.Context, project uuid.UUID, nameOrID string) (campaign.Campaign, error) {
	if known, ok := id.Campaign.Parse(nameOrID); ok {
		found, err := s.Get(ctx, project, known)
		if !fault.Is(err, fault.NotFound) {
			return found, err
		}
	}
	row, err := q.CampaignGetByName(ctx, s.Pool, rows.CampaignGetByNameParams{ProjectID: project, Name: nameOrID})
	if missing(err) {
		return campaign.Campaign{}, fault.Missing("campaign", nameOrID)
	}
	return campaign.Campaign(row), err
}

// Update changes a campaign under a lock: change gets it as it is, says what is to be, and reports whether the vouchers that
// nobody has yet must follow; then start begins that, with AdoptAll.
func (s Campaigns) Update(ctx context.Context, project, campaignID uuid.UUID, requestID string,
	change func(*campaign.Campaign) (vouchers bool, err error), start Start,
) (campaign.Campaign, error) {
	var changed campaign.Campaign
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.CampaignLock(ctx, tx, rows.CampaignLockParams{ProjectID: project, ID: campaignID})
		if missing(err) {
			return fault.Missing("campaign", id.Campaign.Format(campaignID))
		}
		if err != nil {
			return err
		}
		c := campaign.Campaign(row)
		follow, err := change(&c)
		if err != nil {
			return err
		}
		row, err = q.CampaignUpdate(ctx, tx, rows.CampaignUpdateParams{
			ProjectID: project, ID: campaignID, Description: c.Description, Type: c.Type, Voucher: c.Voucher, AutoJoin: c.AutoJoin,
			JoinOnce: c.JoinOnce, StartDate: c.StartDate, ExpirationDate: c.ExpirationDate, Validity: c.Validity,
			Category: c.Category, Metadata: c.Metadata, ReferralProgram: c.ReferralProgram, LoyaltyTiersExpiration: c.LoyaltyTiersExpiration,
		})
		changed = campaign.Campaign(row)
		if err != nil || !follow {
			return err
		}
		action, err := enqueue(ctx, tx, project, async.VouchersUpdate, requestID, codeOrder{CampaignID: campaignID}, nil)
		if err != nil {
			return err
		}
		return start(ctx, action)
	})
	return changed, err
}

// SetActive enables or disables a campaign.
func (s Campaigns) SetActive(ctx context.Context, project, campaignID uuid.UUID, active bool) error {
	n, err := q.CampaignSetActive(ctx, s.Pool, rows.CampaignSetActiveParams{ProjectID: project, ID: campaignID, Active: active})
	if err == nil && n == 0 {
		return fault.Missing("campaign", id.Campaign.Format(campaignID))
	}
	return err
}

// Waiting lists the distributions that paused because the campaign's codes ran out.
func (s Campaigns) Waiting(ctx context.Context, project, campaignID uuid.UUID) ([]uuid.UUID, error) {
	return q.CampaignWaiting(ctx, s.Pool, rows.CampaignWaitingParams{ProjectID: project, CampaignID: &campaignID})
}

// OrderDelete begins the deletion of a campaign with all its vouchers and publications. It is refused while a distribution
// under way uses it.
func (s Campaigns) OrderDelete(ctx context.Context, project, campaignID uuid.UUID, requestID string, start Start) (uuid.UUID, error) {
	var action uuid.UUID
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		row, err := q.CampaignLock(ctx, tx, rows.CampaignLockParams{ProjectID: project, ID: campaignID})
		if missing(err) {
			return fault.Missing("campaign", id.Campaign.Format(campaignID))
		}
		if err != nil {
			return err
		}
		if err := unused(ctx, tx, project, campaignID, "campaign "+row.Name); err != nil {
			return err
		}
		order := codeOrder{CampaignID: campaignID, Count: row.VouchersCount}
		if action, err = enqueue(ctx, tx, project, async.VouchersDelete, requestID, order, nil); err != nil {
			return err
		}
		return start(ctx, action)
	})
	return action, err
}

// bulkPage bounds one transaction that deletes or changes vouchers.
const bulkPage = 20_000

// DeleteAll deletes the vouchers of the campaign that an action names, a page at a time, and at last the campaign. beat is
// called after each page with how many are deleted. Doing it again goes on where it was.
func (s Campaigns) DeleteAll(ctx context.Context, project, action uuid.UUID, beat func(int64)) (int64, error) {
	for {
		var order codeOrder
		gone := false
		err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
			if order, err = lockOrder(ctx, tx, project, action); err != nil {
				return err
			}
			deleted, err := q.VoucherDeleteSome(ctx, tx, rows.VoucherDeleteSomeParams{
				ProjectID: project, CampaignID: &order.CampaignID, Limit: bulkPage,
			})
			if err != nil {
				return err
			}
			order.Made += deleted
			if gone = deleted < bulkPage; gone {
				_, err = q.CampaignDelete(ctx, tx, rows.CampaignDeleteParams{ProjectID: project, ID: order.CampaignID})
			} else {
				err = count(ctx, tx, rows.CampaignCountParams{ProjectID: project, ID: order.CampaignID, Change: -deleted})
			}
			if err != nil {
				return err
			}
			return rememberOrder(ctx, tx, project, action, order)
		})
		if err != nil {
			return order.Made, err
		}
		if gone {
			return order.Made, AsyncActions(s).Succeed(ctx, project, action, done("Deleted %d vouchers.", order.Made))
		}
		beat(order.Made)
	}
}

// AdoptAll brings what a changed campaign says of its vouchers to those that nobody has yet, a page at a time, and returns
// how many those are. beat is called after each page.
func (s Campaigns) AdoptAll(ctx context.Context, project, action uuid.UUID, beat func(int64)) (int64, error) {
	var order codeOrder
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		order, err = lockOrder(ctx, tx, project, action)
		return err
	})
	if err != nil {
		return 0, err
	}
	var after uuid.UUID
	var total int64
	for {
		c, err := s.Get(ctx, project, order.CampaignID)
		if err != nil {
			return total, err
		}
		validity, err := rawValidity(c.Validity)
		if err != nil {
			return total, err
		}
		page, err := q.VoucherAdopt(ctx, s.Pool, rows.VoucherAdoptParams{
			Value: c.Voucher.Benefit().Value(), StartDate: c.StartDate, ExpirationDate: c.ExpirationDate, Validity: validity,
			ProjectID: c.ProjectID, CampaignID: c.ID, After: after, PageSize: bulkPage,
		})
		if err != nil {
			return total, err
		}
		if page.Looked == 0 {
			return total, AsyncActions(s).Succeed(ctx, project, action, done("Updated %d vouchers.", total))
		}
		total += page.Changed
		after = page.Last
		beat(total)
	}
}

// done is the result of an action that counts.
func done(format string, n int64) map[string]any {
	return map[string]any{"message": fmt.Sprintf(format, n), "done_count": n}
}

// count adds to how many vouchers a campaign has. It comes last in a transaction, because everyone who adds to the campaign
// waits for its row until we commit. A campaign that is gone counts nothing.
func count(ctx context.Context, tx pgx.Tx, p rows.CampaignCountParams) error {
	_, err := q.CampaignCount(ctx, tx, p)
	return err
}

// CampaignList says which campaigns are listed, and in which order: created_at or updated_at, with "-" from the last.
type CampaignList struct {
	CampaignType   campaign.Kind
	CreationStatus string
	ReferralCode   *bool
	Filter         Filter
	Order          string
	Limit, Page    int
}

// campaignColumns are the fields that filters of campaigns know.
var campaignColumns = map[string]filterColumn{
	"campaigns": {"c.name", "text"}, "name": {"c.name", "text"}, "campaigns_id": {"'camp_' || replace(c.id::text, '-', '')", "text"},
	"campaign_status": {"c.creation_status", "text"}, "active": {"c.active", "truth"},
	"is_referral_code": {"(c.voucher->>'is_referral_code')::bool", "truth"}, "voucher_type": {"c.voucher->>'type'", "text"},
	"campaign_type": {"c.campaign_type", "text"}, "type": {"c.type", "text"}, "category": {"c.category", "text"}, "categories": {"c.category", "text"},
	"created_date": {"c.created_at", "time"}, "created_at": {"c.created_at", "time"}, "updated_at": {"c.updated_at", "time"},
	"start_date": {"c.start_date", "time"}, "expiration_date": {"c.expiration_date", "time"},
	"validity_timeframe": {"(c.validity->>'validity_timeframe')", "text"}, "category_ids": {"NULL::text", "text"}, // there are none
	"status $active": {"c.creation_status = 'DONE'", ""}, "status $failed": {"c.creation_status = 'FAILED'", ""},
	"status $in_progress": {"c.creation_status = 'IN_PROGRESS'", ""}, "status $expired": {"coalesce(c.expiration_date <= now(), false)", ""},
	"status $before_start": {"coalesce(c.start_date > now(), false)", ""}, "active $enabled": {"c.active", ""}, "active $disabled": {"NOT c.active", ""},
	"active $expired": {"coalesce(c.expiration_date <= now(), false)", ""},
	"active $active":  {"(c.active AND coalesce(c.start_date <= now(), true) AND coalesce(c.expiration_date > now(), true))", ""},
}

// List lists campaigns, with how many there are in all.
func (s Campaigns) List(ctx context.Context, project uuid.UUID, l CampaignList) ([]campaign.Campaign, int64, error) {
	var w where
	w.add("c.project_id = ?", project)
	if l.CampaignType != "" {
		w.add("c.campaign_type = ?", string(l.CampaignType))
	}
	if l.CreationStatus != "" {
		w.add("c.creation_status = ?", l.CreationStatus)
	}
	if l.ReferralCode != nil {
		w.add("(c.voucher->>'is_referral_code')::bool = ?", *l.ReferralCode)
	}
	for i, c := range l.Filter.Conditions {
		if c.Field == "type" && slices.Contains(c.Values, "BULK") { // whatever has many codes
			l.Filter.Conditions[i].Values = append(c.Values, string(campaign.AutoUpdate), string(campaign.Static))
		}
	}
	if err := w.filter(l.Filter, campaignColumns, "c.metadata"); err != nil {
		return nil, 0, err
	}
	order := map[string]string{
		"created_at": "c.created_at, c.id", "-created_at": "c.created_at DESC, c.id DESC",
		"updated_at": "c.updated_at, c.id", "-updated_at": "c.updated_at DESC NULLS LAST, c.id DESC",
	}[l.Order]
	found, total, err := listPage[rows.Campaign](ctx, s.Pool, &w, "campaigns c", "c.*", order, l.Limit, l.Page)
	return each(found, func(row rows.Campaign) campaign.Campaign { return campaign.Campaign(row) }), total, err
}

// Names finds the names of campaigns by their ids.
func (s Campaigns) Names(ctx context.Context, project uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	names := make(map[uuid.UUID]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	found, err := q.CampaignNames(ctx, s.Pool, rows.CampaignNamesParams{ProjectID: project, Ids: ids})
	for _, row := range found {
		names[row.ID] = row.Name
	}
	return names, err
}
