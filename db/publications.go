package db

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/publication"
	"herald/internal/voucher"
)

// Publications is the store of publications.
type Publications struct{ Pool *pgxpool.Pool }

// spare is how many codes more than needed a campaign that makes its own gets when they run out, so that the next
// publications find some.
const spare = 100

// attempts bounds how often a publication asks for more codes; each time, others may take what was made.
const attempts = 10

// Publish gives a customer codes, all that were asked for or none, in one transaction, and returns them. The same source_id
// gives the same publication again. What cannot be given is recorded as a failed publication.
func (s Publications) Publish(ctx context.Context, project uuid.UUID, r publication.Request) (publication.Published, error) {
	r = r.WithDefaults()
	if err := r.Check(); err != nil {
		return publication.Published{}, err
	}
	if r.SourceID != nil {
		if known, err := s.bySource(ctx, project, r); known != nil || err != nil {
			return or(known, publication.Published{}), err
		}
	}
	var made publication.Published
	var err error
	switch {
	case r.Voucher != nil:
		made, err = s.take(ctx, project, r)
	default:
		made, err = s.pick(ctx, project, r)
	}
	if violates(err, "publications_source_id_key") { // another request with it was faster
		known, err := s.bySource(ctx, project, r)
		return or(known, publication.Published{}), err
	}
	if err != nil {
		return publication.Published{}, errors.Join(err, s.recordFailure(ctx, project, r, err))
	}
	return made, nil
}

// bySource finds the publication that the request's source_id stands for; nil where there is none yet.
func (s Publications) bySource(ctx context.Context, project uuid.UUID, r publication.Request) (*publication.Published, error) {
	row, err := q.PublicationGetBySource(ctx, s.Pool, rows.PublicationGetBySourceParams{ProjectID: project, SourceID: r.SourceID})
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !r.Repeats(publication.Publication(row)) {
		return nil, &fault.Error{
			Code: fault.DuplicateSourceID, Property: "source_id",
			Details: "Publication with source_id: '" + *r.SourceID + "' already exists, for another customer, campaign or voucher",
		}
	}
	known, err := s.withVouchers(ctx, publication.Publication(row))
	return &known, err
}

func (s Publications) withVouchers(ctx context.Context, p publication.Publication) (publication.Published, error) {
	found, err := q.PublicationVouchers(ctx, s.Pool, rows.PublicationVouchersParams{ProjectID: p.ProjectID, Ids: p.VoucherIds})
	return publication.Published{Publication: p, Vouchers: each(found, toVoucher)}, err
}

func toVoucher(row rows.Voucher) voucher.Voucher { return voucher.Voucher(row) }

// pick gives the next codes of a campaign.
func (s Publications) pick(ctx context.Context, project uuid.UUID, r publication.Request) (publication.Published, error) {
	campaigns := Campaigns(s)
	c, err := campaigns.Get(ctx, project, *r.Campaign)
	if err != nil {
		return publication.Published{}, err
	}
	if !c.Active {
		return publication.Published{}, fault.New(fault.NoVoucher, "Campaign %s is disabled; enable it first", c.Name)
	}
	if c.Expired(time.Now()) {
		return publication.Published{}, fault.New(fault.NoVoucher, "Campaign %s has expired; move its expiration_date first", c.Name)
	}
	for range attempts {
		made, enough, err := s.pickOnce(ctx, c, r)
		if enough || err != nil {
			return made, err
		}
		if c.Type != campaign.AutoUpdate {
			return publication.Published{}, fault.New(fault.NoVoucher,
				"Campaign %s has fewer than %d codes left to publish; add codes to it, or let it make its own (AUTO_UPDATE)", c.Name, r.Count)
		}
		if _, err := campaigns.TopUp(ctx, project, c.ID, r.Count+spare); err != nil {
			return publication.Published{}, err
		}
	}
	return publication.Published{}, fault.New(fault.NoVoucher, "Codes of campaign %s are taken as fast as they are made; try again", c.Name)
}

// pickOnce picks from the codes there are; enough is false where they are too few.
func (s Publications) pickOnce(ctx context.Context, c campaign.Campaign, r publication.Request) (made publication.Published, enough bool, err error) {
	p := s.prepare(c.ProjectID, r)
	again := r.JoinOnce != nil && *r.JoinOnce
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if again || c.JoinOnce {
			known, err := joined(ctx, tx, c.ProjectID, r.Customer, c.ID)
			switch {
			case err != nil:
				return err
			case known != nil && !again:
				return fault.New(fault.CannotBePublished, "Voucher cannot be published. Customer already joined program.")
			case known != nil:
				made.Publication, enough = *known, true
				return nil
			}
		}
		found, err := q.PublicationPick(ctx, tx, rows.PublicationPickParams{
			CampaignID: c.ID, Count: int32(r.Count), PublicationID: p.ID, ProjectID: p.ProjectID, CustomerID: p.CustomerID,
			SourceID: p.SourceID, Channel: p.Channel, TrackingID: p.TrackingID, Metadata: p.Metadata,
		})
		enough = err == nil && len(found) == r.Count
		made = publication.Published{Publication: p, Vouchers: each(found, toVoucher)}
		return err
	})
	if err != nil || !enough {
		return publication.Published{}, false, err
	}
	if made.Vouchers == nil {
		made, err = s.withVouchers(ctx, made.Publication)
		return made, true, err
	}
	return s.complete(made), true, nil
}

// joined waits until no one else is publishing the campaign to the customer, and finds what the customer has of it.
func joined(ctx context.Context, tx pgx.Tx, project, customer, campaignID uuid.UUID) (*publication.Publication, error) {
	if err := q.PublicationJoinLock(ctx, tx, rows.PublicationJoinLockParams{CustomerID: customer, CampaignID: campaignID}); err != nil {
		return nil, err
	}
	row, err := q.PublicationFirstOf(ctx, tx, rows.PublicationFirstOfParams{ProjectID: project, CustomerID: customer, CampaignID: &campaignID})
	if missing(err) {
		return nil, nil
	}
	known := publication.Publication(row)
	return &known, err
}

// take gives one certain voucher.
func (s Publications) take(ctx context.Context, project uuid.UUID, r publication.Request) (publication.Published, error) {
	p := s.prepare(project, r)
	row, err := q.PublicationTake(ctx, s.Pool, rows.PublicationTakeParams{
		ProjectID: project, VoucherID: *r.Voucher, PublicationID: p.ID, CustomerID: p.CustomerID, SourceID: p.SourceID,
		Channel: p.Channel, TrackingID: p.TrackingID, Metadata: p.Metadata,
	})
	if err == nil {
		p.CampaignID = row.CampaignID
		return s.complete(publication.Published{Publication: p, Vouchers: []voucher.Voucher{voucher.Voucher(row)}}), nil
	}
	if !missing(err) {
		return publication.Published{}, err
	}
	name := id.Voucher.Format(*r.Voucher)
	found, err := q.VoucherGet(ctx, s.Pool, rows.VoucherGetParams{ProjectID: project, ID: *r.Voucher})
	switch {
	case missing(err):
		return publication.Published{}, fault.Missing("voucher", name)
	case err != nil:
		return publication.Published{}, err
	case found.PublicationID != nil:
		return publication.Published{}, &fault.Error{
			Code: fault.AlreadyPublished, Details: "Voucher '" + name + "' has already been published", ResourceType: "voucher", ResourceID: name,
		}
	}
	return publication.Published{}, fault.New(fault.NoVoucher, "Voucher '%s' is disabled; enable it first", name)
}

// prepare is the publication before it is written.
func (s Publications) prepare(project uuid.UUID, r publication.Request) publication.Publication {
	return publication.Publication{
		ID: id.New(), ProjectID: project, CustomerID: r.Customer, CampaignID: r.Campaign, SourceID: r.SourceID, Channel: r.Channel,
		TrackingID: r.TrackingID, Metadata: r.Metadata, Result: publication.Success,
	}
}

// complete fills in what the database decided: which vouchers, and when.
func (s Publications) complete(p publication.Published) publication.Published {
	p.VoucherIds = make([]uuid.UUID, len(p.Vouchers))
	for i, v := range p.Vouchers {
		p.VoucherIds[i] = v.ID
	}
	if last := p.Vouchers[0].UpdatedAt; last != nil {
		p.CreatedAt = *last // written in the same transaction, so it is the same now()
	}
	return p
}

// recorded are the faults that a project's list of publications shows as failed ones.
var recorded = []fault.Code{fault.NoVoucher, fault.AlreadyPublished, fault.CannotBePublished}

// recordFailure keeps that a publication failed, and why. It takes no source_id, so the caller can try again with it.
func (s Publications) recordFailure(ctx context.Context, project uuid.UUID, r publication.Request, failure error) error {
	for _, code := range recorded {
		if !fault.Is(failure, code) {
			continue
		}
		text, message := string(code), failure.Error()
		var f *fault.Error
		if errors.As(failure, &f) {
			message = f.Details
		}
		_, err := q.PublicationFail(ctx, s.Pool, rows.PublicationFailParams{
			ProjectID: project, CustomerID: r.Customer, CampaignID: r.Campaign, Channel: r.Channel, TrackingID: r.TrackingID,
			Metadata: r.Metadata, FailureCode: &text, FailureMessage: &message,
		})
		return err
	}
	return nil
}

// Recipients reads what publications show of customers, by their ids.
func (s Publications) Recipients(ctx context.Context, project uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]publication.Recipient, error) {
	found, err := q.PublicationRecipients(ctx, s.Pool, rows.PublicationRecipientsParams{ProjectID: project, Ids: ids})
	known := make(map[uuid.UUID]publication.Recipient, len(found))
	for _, row := range found {
		known[row.ID] = publication.Recipient(row)
	}
	return known, err
}

// PublicationList says which publications are listed, and in which order: id, created_at, voucher_code, tracking_id,
// customer_id or channel, with "-" from the last.
type PublicationList struct {
	Campaign, Customer  *uuid.UUID
	Voucher             *uuid.UUID
	SourceID            *string
	Result, VoucherType string
	ReferralCode        bool // only codes of referral campaigns
	Filter              Filter
	Order               string
	Limit, Page         int
}

// publicationColumns are the fields that filters of publications know. A publication is sorted and filtered by its first
// voucher; most have only that one.
var publicationColumns = map[string]filterColumn{
	"failure_code": {"p.failure_code", "text"}, "result": {"p.result", "text"}, "source_id": {"p.source_id", "text"},
	"customer_id":       {"'cust_' || replace(p.customer_id::text, '-', '')", "text"},
	"campaign_name":     {"(SELECT c.name FROM campaigns c WHERE c.id = p.campaign_id)", "text"},
	"voucher_type":      {"(SELECT v.type FROM vouchers v WHERE v.id = p.voucher_ids[1])", "text"},
	"is_referral_code":  {"(SELECT v.is_referral_code FROM vouchers v WHERE v.id = p.voucher_ids[1])", "truth"},
	"parent_object_id":  {"'camp_' || replace(p.campaign_id::text, '-', '')", "text"},
	"related_object_id": {"'v_' || replace(p.voucher_ids[1]::text, '-', '')", "text"},
	"channel":           {"p.channel", "text"}, "created_at": {"p.created_at", "time"}, "tracking_id": {"p.tracking_id", "text"},
}

// List lists publications with their vouchers, and how many there are in all.
func (s Publications) List(ctx context.Context, project uuid.UUID, l PublicationList) ([]publication.Published, int64, error) {
	var w where
	w.add("p.project_id = ?", project)
	if l.Campaign != nil {
		w.add("p.campaign_id = ?", *l.Campaign)
	}
	if l.Customer != nil {
		w.add("p.customer_id = ?", *l.Customer)
	}
	if l.Voucher != nil { // a voucher knows the one publication that gave it away
		w.add("p.id = (SELECT v.publication_id FROM vouchers v WHERE v.id = ?)", *l.Voucher)
	}
	if l.SourceID != nil {
		w.add("p.source_id = ?", *l.SourceID)
	}
	if l.Result != "" {
		w.add("p.result = ?", l.Result)
	}
	if l.VoucherType != "" {
		w.add(publicationColumns["voucher_type"].expression+" = ?", l.VoucherType)
	}
	if l.ReferralCode {
		w.add(publicationColumns["is_referral_code"].expression)
	}
	if err := w.filter(l.Filter, publicationColumns, "p.metadata"); err != nil {
		return nil, 0, err
	}
	found, total, err := listPage[rows.Publication](ctx, s.Pool, &w, "publications p", "p.*", publicationOrder(l.Order), l.Limit, l.Page)
	if err != nil || len(found) == 0 {
		return nil, total, err
	}
	var ids []uuid.UUID
	for _, p := range found {
		ids = append(ids, p.VoucherIds...)
	}
	given, err := q.PublicationVouchers(ctx, s.Pool, rows.PublicationVouchersParams{ProjectID: project, Ids: nonNil(ids)})
	if err != nil {
		return nil, 0, err
	}
	byID := make(map[uuid.UUID]voucher.Voucher, len(given))
	for _, v := range given {
		byID[v.ID] = voucher.Voucher(v)
	}
	return each(found, func(row rows.Publication) publication.Published {
		p := publication.Published{Publication: publication.Publication(row)}
		for _, known := range row.VoucherIds {
			if v, ok := byID[known]; ok {
				p.Vouchers = append(p.Vouchers, v)
			}
		}
		return p
	}), total, nil
}

func publicationOrder(order string) string {
	direction := ""
	if order[0] == '-' {
		direction, order = " DESC", order[1:]
	}
	by := map[string]string{
		"id": "p.id", "created_at": "p.created_at", "tracking_id": "p.tracking_id", "customer_id": "p.customer_id", "channel": "p.channel",
		"voucher_code": "(SELECT v.code FROM vouchers v WHERE v.id = p.voucher_ids[1])",
	}[order]
	return by + direction + ", p.id" + direction
}
