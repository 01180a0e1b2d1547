package db

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/holder"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/voucher"
)

// Holders is the store of who has a part in which code: who holds it, and whom a referral code was brought to.
type Holders struct{ Pool *pgxpool.Pool }

// HolderQuery says which holders a list shows, and how: those of one code, or the codes of one customer.
type HolderQuery struct {
	Voucher, Customer *uuid.UUID
	Filter            Filter
	After             *uuid.UUID // the holder that the page before ended with
	Order             string     // id or created_at; with "-" before it, descending
	Limit             int
}

// holderColumns are the fields that lists of holders filter by, as callers see them.
var holderColumns = map[string]filterColumn{
	"id":                {"'rh_' || replace(h.id::text, '-', '')", "text"},
	"redeemable_id":     {"'v_' || replace(h.voucher_id::text, '-', '')", "text"},
	"redeemable_object": {"'voucher'", "text"},
	"customer_id":       {"'cust_' || replace(h.customer_id::text, '-', '')", "text"},
	"holder_role":       {"h.role", "text"},
	"campaign_id":       {"'camp_' || replace(h.campaign_id::text, '-', '')", "text"},
	"campaign_type":     {"g.campaign_type", "text"},
	"voucher_type":      {"v.type", "text"},
	"created_at":        {"h.created_at", "time"},
}

const holderTables = " FROM holders h JOIN vouchers v ON v.id = h.voucher_id LEFT JOIN campaigns g ON g.id = h.campaign_id WHERE "

// HolderPage is one page of a list.
type HolderPage struct {
	Holders []holder.Holder
	Total   int64 // of the whole list, wherever the page starts
	More    bool
}

// List is a page of the project's holders.
func (s Holders) List(ctx context.Context, project uuid.UUID, want HolderQuery) (HolderPage, error) {
	var w where
	w.add("h.project_id = ?", project)
	if want.Voucher != nil {
		w.add("h.voucher_id = ?", *want.Voucher)
	}
	if want.Customer != nil {
		w.add("h.customer_id = ?", *want.Customer)
	}
	if err := w.filter(want.Filter, holderColumns, ""); err != nil {
		return HolderPage{}, err
	}
	var page HolderPage
	if err := s.Pool.QueryRow(ctx, "SELECT count(*)"+holderTables+w.String(), w.statement.args...).Scan(&page.Total); err != nil {
		return HolderPage{}, err
	}
	column, descending := strings.CutPrefix(want.Order, "-")
	sign, direction := ">", ""
	if descending {
		sign, direction = "<", " DESC"
	}
	if want.After != nil {
		w.add("(h."+column+", h.id) "+sign+" (SELECT k."+column+", k.id FROM holders k WHERE k.id = ? AND k.project_id = ?)", *want.After, project)
	}
	text := "SELECT h.id, h.voucher_id, h.customer_id, h.role, h.campaign_id, g.campaign_type, v.type, h.metadata, h.created_at" +
		holderTables + w.String() + " ORDER BY h." + column + direction + ", h.id" + direction
	found, err := s.Pool.Query(ctx, text+w.bind(" LIMIT ?", want.Limit+1), w.statement.args...)
	if err != nil {
		return HolderPage{}, err
	}
	page.Holders, err = pgx.CollectRows(found, pgx.RowToStructByPos[holder.Holder])
	page.More = len(page.Holders) > want.Limit
	page.Holders = page.Holders[:min(want.Limit, len(page.Holders))]
	return page, err
}

// Redeemables adds to holders their codes and the campaigns of those.
func (s Holders) Redeemables(ctx context.Context, project uuid.UUID, holders []holder.Holder) ([]holder.Redeemable, error) {
	vouchers, campaigns := []uuid.UUID{}, []uuid.UUID{}
	for _, h := range holders {
		vouchers = append(vouchers, h.VoucherID)
		if h.CampaignID != nil {
			campaigns = append(campaigns, *h.CampaignID)
		}
	}
	codes, err := q.PublicationVouchers(ctx, s.Pool, rows.PublicationVouchersParams{ProjectID: project, Ids: vouchers})
	if err != nil {
		return nil, err
	}
	of, err := q.CampaignGetAll(ctx, s.Pool, rows.CampaignGetAllParams{ProjectID: project, Ids: campaigns})
	if err != nil {
		return nil, err
	}
	byID, campaignByID := map[uuid.UUID]voucher.Voucher{}, map[uuid.UUID]*campaign.Campaign{}
	for _, row := range codes {
		byID[row.ID] = voucher.Voucher(row)
	}
	for _, row := range of {
		one := campaign.Campaign(row)
		campaignByID[row.ID] = &one
	}
	var all []holder.Redeemable
	for _, h := range holders {
		code, ok := byID[h.VoucherID]
		if !ok {
			continue // deleted since the list was read
		}
		all = append(all, holder.Redeemable{Holder: h, Voucher: code, Of: campaignByID[or(h.CampaignID, uuid.Nil)]})
	}
	return all, nil
}

// Code finds a referral code by its code or id; where a campaign is given, in that one.
func (s Holders) Code(ctx context.Context, project uuid.UUID, campaign *uuid.UUID, key string) (voucher.Voucher, error) {
	found, err := Vouchers(s).Find(ctx, project, key)
	if err == nil && (!found.IsReferralCode || campaign != nil && or(found.CampaignID, uuid.Nil) != *campaign) {
		err = fault.Missing("voucher", key)
	}
	return found, err
}

// AddReferees brings a referral code to customers, all of them or none: each is made or updated as a call that names them says.
func (s Holders) AddReferees(
	ctx context.Context, project uuid.UUID, code voucher.Voucher, who []Saving, metadata json.RawMessage,
) (added []holder.Holder, err error) {
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		customers, err := c.meet(ctx, who)
		if err != nil {
			return err
		}
		card, of, err := c.referralCard(ctx, code.ID)
		if err != nil {
			return err
		}
		p := rows.RefereeAddParams{ProjectID: project, CampaignID: of.ID, VoucherID: card.ID, Metadata: metadata}
		seen := map[uuid.UUID]bool{*card.HolderID: true}
		for i, one := range customers {
			if one.ID == *card.HolderID {
				return &fault.Error{Code: fault.HolderDuplicate, ResourceType: "customer", ResourceID: who[i].key()}
			}
			if seen[one.ID] {
				return &fault.Error{
					Code: fault.Duplicate, ResourceType: "customer", ResourceID: who[i].key(), Details: "Duplicated customer exists with id " + who[i].key(),
				}
			}
			seen[one.ID] = true
			p.Ids, p.Customers = append(p.Ids, id.New()), append(p.Customers, one.ID)
		}
		made, err := q.RefereeAdd(ctx, c.tx, p)
		if err != nil {
			return err
		}
		if len(made) < len(customers) {
			return &fault.Error{Code: fault.HolderDuplicate}
		}
		added = nil
		for _, row := range made {
			added = append(added, c.tellHolder(occurrence.HolderAssigned, row, card, of))
		}
		return nil
	})
	return added, err
}

// referralCard locks a referral code that somebody holds.
func (c *change) referralCard(ctx context.Context, one uuid.UUID) (voucher.Voucher, campaign.Campaign, error) {
	row, err := q.VoucherLock(ctx, c.tx, rows.VoucherLockParams{ProjectID: c.project, ID: one})
	if missing(err) {
		return voucher.Voucher{}, campaign.Campaign{}, fault.Missing("voucher", id.Voucher.Format(one))
	}
	if err != nil {
		return voucher.Voucher{}, campaign.Campaign{}, err
	}
	card := voucher.Voucher(row)
	if card.HolderID == nil || card.CampaignID == nil {
		return card, campaign.Campaign{}, &fault.Error{
			Code: fault.NotPublished, Message: "Voucher is not published", ResourceType: "voucher", ResourceID: card.Code,
			Details: "Referral code must be first published to Referrer before assigning it to Referee",
		}
	}
	of, err := q.CampaignGet(ctx, c.tx, rows.CampaignGetParams{ProjectID: c.project, ID: *card.CampaignID})
	return card, campaign.Campaign(of), err
}

// tellHolder tells that a customer became a referee or is none any more.
func (c *change) tellHolder(kind occurrence.Type, r rows.Referee, card voucher.Voucher, of campaign.Campaign) holder.Holder {
	campaignType := string(of.CampaignType)
	one := holder.Holder{
		ID: r.ID, VoucherID: r.VoucherID, CustomerID: r.CustomerID, Role: holder.Referee, CampaignID: &of.ID, CampaignType: &campaignType,
		VoucherType: card.Type, Metadata: r.Metadata, CreatedAt: r.CreatedAt,
	}
	shown := holder.Show(one)
	shown.Metadata = nil // the data of events has it not
	c.happened(occurrence.Occurrence{Type: kind, Customer: r.CustomerID, Subject: &of.ID, Data: map[string]any{
		"holder": shown, "voucher": voucher.ShowSimple(card, &of.Name), "campaign": campaign.ShowSimple(of),
	}})
	return one
}

// RemoveReferee takes the code from a referee. Its referrer cannot be removed.
func (s Holders) RemoveReferee(ctx context.Context, project uuid.UUID, code voucher.Voucher, referee uuid.UUID) error {
	if referee == code.ID && code.HolderID != nil {
		return &fault.Error{Code: fault.Forbidden, Message: "Can not remove assignment", Details: "You can not remove Referrer assignment"}
	}
	gone := fault.Missing("redeemable_holder", id.Holder.Format(referee))
	known, err := q.RefereeGet(ctx, s.Pool, rows.RefereeGetParams{ProjectID: project, VoucherID: code.ID, ID: referee})
	if missing(err) {
		return gone
	}
	if err != nil {
		return err
	}
	return inChange(ctx, s.Pool, project, func(c *change) error {
		if _, err := c.lock(ctx, known.CustomerID); err != nil {
			return err
		}
		n, err := q.RefereeRemove(ctx, c.tx, rows.RefereeRemoveParams{ProjectID: project, ID: referee})
		if err == nil && n == 0 {
			return gone
		}
		if err != nil {
			return err
		}
		of, err := q.CampaignGet(ctx, c.tx, rows.CampaignGetParams{ProjectID: project, ID: known.CampaignID})
		if err == nil {
			c.tellHolder(occurrence.HolderRemoved, known, code, campaign.Campaign(of))
		}
		return err
	})
}
