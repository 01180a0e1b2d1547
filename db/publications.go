package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
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

// errFewCodes means that a campaign has fewer codes left than asked for.
var errFewCodes = errors.New("too few codes are left")

// Publish gives a customer codes, all that were asked for or none, and tells of it. The same source_id gives the same
// publication again and tells nothing. What cannot be given is kept as a failed publication.
func (s Publications) Publish(ctx context.Context, project uuid.UUID, who Saving, r publication.Request) (publication.Published, error) {
	r = r.WithDefaults()
	if err := r.Check(); err != nil {
		return publication.Published{}, err
	}
	if r.Campaign != nil && r.Campaign.ProjectID != project {
		return publication.Published{}, fault.Missing("campaign", id.Campaign.Format(r.Campaign.ID))
	}
	for left := attempts; ; left-- {
		makesMore := r.Campaign != nil && r.Campaign.Type == campaign.AutoUpdate && left > 0
		var made publication.Published
		var refusal *fault.Error
		err := inChange(ctx, s.Pool, project, func(c *change) (err error) {
			made, refusal, err = c.publish(ctx, who, r, makesMore)
			return err
		})
		switch {
		case errors.Is(err, errFewCodes):
			if _, err := (Campaigns(s)).TopUp(ctx, project, r.Campaign.ID, r.Count+spare); err != nil {
				return publication.Published{}, err
			}
		case violates(err, "publications_source_id_key"): // another customer's request with it was faster
			return publication.Published{}, usedSource(*r.SourceID)
		case err != nil:
			return publication.Published{}, err
		case refusal != nil:
			return publication.Published{}, refusal
		default:
			return made, nil
		}
	}
}

// publish gives codes within the change. A refusal is written down as a failed publication and returned beside the error;
// one that more codes would cure is errFewCodes where the campaign makes more.
func (c *change) publish(ctx context.Context, who Saving, r publication.Request, makesMore bool) (made publication.Published, refusal *fault.Error, err error) {
	to, err := c.customer(ctx, who)
	if err != nil {
		return made, nil, fault.Inside("customer", err)
	}
	recipient := publication.Recipient{ID: to.ID, Name: to.Name, Email: to.Email, SourceID: to.SourceID, Metadata: to.Metadata}
	known, err := c.published(ctx, to.ID, r)
	if err == nil && known != nil {
		found, err := q.PublicationVouchers(ctx, c.tx, rows.PublicationVouchersParams{ProjectID: c.project, Ids: known.VoucherIds})
		return publication.Published{Publication: *known, To: recipient, Vouchers: each(found, toVoucher)}, nil, err
	}
	p := publication.Publication{
		ID: id.New(), ProjectID: c.project, CustomerID: to.ID, SourceID: r.SourceID, Channel: r.Channel, TrackingID: to.SourceID,
		Metadata: r.Metadata, Result: publication.Success,
	}
	if r.Campaign != nil {
		p.CampaignID = &r.Campaign.ID
	}
	var given []voucher.Voucher
	if err == nil {
		given, err = c.give(ctx, p, r)
	}
	if errors.Is(err, errFewCodes) && !makesMore {
		err = fault.New(fault.NoVoucher, "Campaign %s has fewer than %d codes left to publish; add codes to it, or let it make its own (AUTO_UPDATE)",
			r.Campaign.Name, r.Count)
	}
	if errors.As(err, &refusal) && slices.Contains(recorded, refusal.Code) {
		return made, refusal, c.notPublished(ctx, p, r.Campaign, refusal)
	}
	if err != nil {
		return made, nil, err
	}
	for _, v := range given {
		p.VoucherIds = append(p.VoucherIds, v.ID)
		p.CreatedAt = or(v.UpdatedAt, v.CreatedAt) // written in the same transaction, so it is the same now()
	}
	return publication.Published{Publication: p, To: recipient, Vouchers: given}, nil, c.given(ctx, p, r.Campaign, given)
}

// published finds the publication that stands for the request already: the one of its source_id, or, where a customer joins
// a campaign once, what they have of it. nil means that there is none.
func (c *change) published(ctx context.Context, customer uuid.UUID, r publication.Request) (*publication.Publication, error) {
	if r.SourceID != nil {
		row, err := q.PublicationGetBySource(ctx, c.tx, rows.PublicationGetBySourceParams{ProjectID: c.project, SourceID: r.SourceID})
		switch known := publication.Publication(row); {
		case missing(err):
		case err != nil:
			return nil, err
		case !r.Repeats(known, customer):
			return nil, usedSource(*r.SourceID)
		default:
			return &known, nil
		}
	}
	if r.Campaign == nil || !r.Campaign.JoinOnce && !or(r.JoinOnce, false) {
		return nil, nil
	}
	row, err := q.PublicationFirstOf(ctx, c.tx, rows.PublicationFirstOfParams{ProjectID: c.project, CustomerID: customer, CampaignID: &r.Campaign.ID})
	switch known := publication.Publication(row); {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case r.Again(known):
		return &known, nil
	case r.Campaign.JoinOnce:
		return nil, fault.New(fault.CannotBePublished, "Voucher cannot be published. Customer already joined program.")
	}
	return nil, nil
}

func usedSource(source string) *fault.Error {
	return &fault.Error{
		Code: fault.DuplicateSourceID, Property: "source_id",
		Details: "Publication with source_id: '" + source + "' already exists, for another customer, campaign or voucher",
	}
}

// give writes the publication of one certain voucher, or of the next ones of a campaign.
func (c *change) give(ctx context.Context, p publication.Publication, r publication.Request) ([]voucher.Voucher, error) {
	switch from := r.Campaign; {
	case from != nil && !from.Active:
		return nil, fault.New(fault.NoVoucher, "Campaign %s is disabled; enable it first", from.Name)
	case from != nil && from.Expired(time.Now()):
		return nil, fault.New(fault.NoVoucher, "Campaign %s has expired; move its expiration_date first", from.Name)
	case r.Voucher != nil:
		return c.take(ctx, p, *r.Voucher)
	}
	found, err := q.PublicationPick(ctx, c.tx, rows.PublicationPickParams{
		CampaignID: r.Campaign.ID, Count: int32(r.Count), PublicationID: p.ID, ProjectID: p.ProjectID, CustomerID: p.CustomerID,
		SourceID: p.SourceID, Channel: p.Channel, TrackingID: p.TrackingID, Metadata: p.Metadata,
	})
	if err == nil && len(found) < r.Count {
		err = errFewCodes
	}
	return each(found, toVoucher), err
}

func toVoucher(row rows.Voucher) voucher.Voucher { return voucher.Voucher(row) }

// take gives one certain voucher.
func (c *change) take(ctx context.Context, p publication.Publication, one uuid.UUID) ([]voucher.Voucher, error) {
	row, err := q.PublicationTake(ctx, c.tx, rows.PublicationTakeParams{
		ProjectID: p.ProjectID, VoucherID: one, PublicationID: p.ID, CustomerID: p.CustomerID, SourceID: p.SourceID,
		Channel: p.Channel, TrackingID: p.TrackingID, Metadata: p.Metadata,
	})
	if !missing(err) {
		return []voucher.Voucher{voucher.Voucher(row)}, err
	}
	name := id.Voucher.Format(one)
	found, err := q.VoucherGet(ctx, c.tx, rows.VoucherGetParams{ProjectID: p.ProjectID, ID: one})
	switch {
	case missing(err):
		return nil, fault.Missing("voucher", name)
	case err != nil:
		return nil, err
	case found.PublicationID != nil:
		return nil, &fault.Error{
			Code: fault.AlreadyPublished, Details: "Voucher '" + name + "' has already been published", ResourceType: "voucher", ResourceID: name,
		}
	case !found.Active:
		return nil, fault.New(fault.NoVoucher, "Voucher '%s' is disabled; enable it first", name)
	}
	return nil, fault.New(fault.NoVoucher, "Voucher '%s' has expired; move its expiration_date first", name)
}

// keep counts what is on vouchers for those who hold them now.
func (c *change) keep(ctx context.Context, vouchers []voucher.Voucher) error {
	for _, v := range vouchers {
		if v.Type != voucher.GiftVoucher { // points count when their card joins
			continue
		}
		if err := c.counts(v, 1); err != nil {
			return err
		}
	}
	return c.joinAll(ctx, vouchers)
}

// given tells that a customer got vouchers.
func (c *change) given(ctx context.Context, p publication.Publication, from *campaign.Campaign, vouchers []voucher.Voucher) error {
	if err := c.keep(ctx, vouchers); err != nil {
		return err
	}
	o := occurrence.Occurrence{Type: occurrence.Published, Customer: p.CustomerID, Data: map[string]any{
		"campaign": nil, "publication": publication.ShowSimple(p), "voucher": voucher.ShowSimple(vouchers[0], nil),
	}}
	if from != nil {
		o.Subject = &from.ID
		o.Data["campaign"], o.Data["voucher"] = campaign.ShowSimple(*from), voucher.ShowSimple(vouchers[0], &from.Name)
	}
	c.happened(o)
	return nil
}

// recorded are the faults that a project's list of publications shows as failed ones.
var recorded = []fault.Code{fault.NoVoucher, fault.AlreadyPublished, fault.CannotBePublished}

// notPublished keeps that a publication failed, and why. It takes no source_id, so the caller can try again with it.
func (c *change) notPublished(ctx context.Context, p publication.Publication, from *campaign.Campaign, why *fault.Error) error {
	reason := string(why.Code)
	row, err := q.PublicationFail(ctx, c.tx, rows.PublicationFailParams{
		ProjectID: c.project, CustomerID: p.CustomerID, CampaignID: p.CampaignID, Channel: p.Channel, TrackingID: p.TrackingID,
		Metadata: p.Metadata, FailureCode: &reason, FailureMessage: &why.Details,
	})
	if err != nil {
		return err
	}
	data := map[string]any{"campaign": nil, "publication": publication.ShowSimple(publication.Publication(row))}
	if from != nil {
		data["campaign"] = campaign.ShowSimple(*from)
	}
	c.happened(occurrence.Occurrence{Type: occurrence.PublicationFailed, Customer: p.CustomerID, Subject: p.CampaignID, Data: data})
	return nil
}

// recipients reads what publications show of customers, by their ids.
func (s Publications) recipients(ctx context.Context, project uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]publication.Recipient, error) {
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
	"campaign_name $is": publicationsOfCampaigns, "campaign_name $in": publicationsOfCampaigns,
	"voucher_type":      {"(SELECT v.type FROM vouchers v WHERE v.id = p.voucher_ids[1])", "text"},
	"is_referral_code":  {"(SELECT v.is_referral_code FROM vouchers v WHERE v.id = p.voucher_ids[1])", "truth"},
	"parent_object_id":  {"'camp_' || replace(p.campaign_id::text, '-', '')", "text"},
	"related_object_id": {"'v_' || replace(p.voucher_ids[1]::text, '-', '')", "text"},
	"channel":           {"p.channel", "text"}, "created_at": {"p.created_at", "time"}, "tracking_id": {"p.tracking_id", "text"},
}

var publicationsOfCampaigns = filterColumn{
	"(p.campaign_id IN (SELECT c.id FROM campaigns c WHERE c.project_id = $1 AND c.name = ANY(?)))", "text",
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
	to, err := s.recipients(ctx, project, each(found, func(p rows.Publication) uuid.UUID { return p.CustomerID }))
	if err != nil {
		return nil, 0, err
	}
	return each(found, func(row rows.Publication) publication.Published {
		p := publication.Published{Publication: publication.Publication(row), To: to[row.CustomerID]}
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
