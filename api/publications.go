package api

import (
	"maps"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/publication"
	"herald/internal/voucher"
)

const lastPublicationsPage = 1000

// publications serves publications.
type publications struct {
	store     db.Publications
	campaigns db.Campaigns
	vouchers  db.Vouchers
	customers db.Customers
	shown     shownVouchers
}

func (h publications) routes(r routes) {
	r.post("/publications", acts, h.create)
	r.get("/publications/create", acts, h.createByQuery)
	r.get("/publications", reads, h.list)
	r.get("/vouchers/:code/publications", reads, h.list)
}

// publicationBody is a request for a publication. The campaign may be a name or {name, count}, the customer an id or an
// object; official clients send join_once here, the documents say it is a query parameter.
type publicationBody struct {
	Campaign campaignChoice   `json:"campaign"`
	Voucher  string           `json:"voucher"`
	Customer *customerChoice  `json:"customer"`
	SourceID *string          `json:"source_id"`
	JoinOnce *bool            `json:"join_once"`
	Channel  string           `json:"channel"`
	Metadata voucher.Metadata `json:"metadata"`
}

// campaignChoice names a campaign and how many of its codes are wanted.
type campaignChoice struct {
	name  string
	count *int
}

// UnmarshalJSONFrom reads "name or id", or {"name" or "id": …, "count": n}.
func (m *campaignChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if kind := dec.PeekKind(); kind == '"' || kind == 'n' {
		return json.UnmarshalDecode(dec, &m.name)
	}
	var named struct {
		Name  string `json:"name"`
		ID    string `json:"id"`
		Count *int   `json:"count"`
	}
	if err := json.UnmarshalDecode(dec, &named); err != nil {
		return err
	}
	m.name, m.count = named.ID, named.Count
	if named.Name != "" {
		m.name = named.Name
	}
	return nil
}

func (h publications) create(c echo.Context) error {
	q := readQuery(c)
	once := q.truth("join_once")
	if err := q.err(); err != nil {
		return err
	}
	body, err := bind[publicationBody](c)
	if err != nil {
		return err
	}
	if once != nil {
		body.JoinOnce = once
	}
	shown, err := h.publish(c, body)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown)
}

// publish gives what the body asks for.
func (h publications) publish(c echo.Context, body publicationBody) (publication.Shown, error) {
	r, who, err := h.request(c, body)
	if err != nil {
		return publication.Shown{}, err
	}
	made, err := h.store.Publish(c.Request().Context(), caller(c).ProjectID, who, r)
	if err != nil {
		return publication.Shown{}, err
	}
	var given *voucher.Shown
	if len(made.VoucherIds) == 1 && len(made.Vouchers) == 1 {
		var of *string
		if r.Campaign != nil {
			of = &r.Campaign.Name
		}
		shown, err := h.shown.one(c, made.Vouchers[0], of)
		if err != nil {
			return publication.Shown{}, err
		}
		given = &shown
	}
	return publication.Show(made, given), nil
}

// request finds what the body names. Everything that can be refused is, before an unknown customer is written.
func (h publications) request(c echo.Context, body publicationBody) (r publication.Request, who db.Saving, err error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	r = publication.Request{
		SourceID: body.SourceID, JoinOnce: body.JoinOnce, Channel: body.Channel, Metadata: body.Metadata.Raw(), Count: or(body.Campaign.count, 1),
	}
	if body.Campaign.count != nil && *body.Campaign.count < 1 {
		return r, who, fault.Property("campaign.count", "Property .campaign.count should be from 1 to %d", publication.MaxCount)
	}
	if bad := body.Metadata.Check("metadata"); bad != nil {
		return r, who, bad
	}
	if body.Customer == nil {
		return r, who, fault.Property("customer", "Payload should have required property 'customer'")
	}
	var from campaign.Campaign
	switch {
	case body.Voucher != "":
		found, err := h.vouchers.Find(ctx, project, body.Voucher)
		if err != nil {
			return r, who, err
		}
		r.Voucher = &found.ID
		if found.CampaignID != nil {
			from, err = h.campaigns.Get(ctx, project, *found.CampaignID)
			r.Campaign = &from
		}
		if err != nil {
			return r, who, err
		}
	case body.Campaign.name != "":
		if from, err = h.campaigns.Find(ctx, project, body.Campaign.name); err != nil {
			return r, who, err
		}
		r.Campaign = &from
	}
	if err := r.WithDefaults().Check(); err != nil {
		return r, who, err
	}
	who, err = body.Customer.saving("customer")
	return r, who, err
}

// voucherTypes are the types that a list can be of, and the short names that the official SDK and the documents have for them.
var voucherTypes = map[string]string{
	"DISCOUNT_VOUCHER": "DISCOUNT_VOUCHER", "GIFT_VOUCHER": "GIFT_VOUCHER", "LOYALTY_CARD": "LOYALTY_CARD",
	"DISCOUNT": "DISCOUNT_VOUCHER", "GIFT": "GIFT_VOUCHER", "discount": "DISCOUNT_VOUCHER", "loyalty": "LOYALTY_CARD",
}

func (h publications) list(c echo.Context) error {
	q := readQuery(c)
	want := db.PublicationList{
		SourceID: q.optional("source_id"), Result: q.choice("result", "", publication.Success, publication.Failure), Filter: q.filters(),
		VoucherType: voucherTypes[q.choice("voucher_type", append([]string{""}, slices.Sorted(maps.Keys(voucherTypes))...)...)],
		Order: q.choice("order", "-created_at", "created_at", "id", "-id", "voucher_code", "-voucher_code", "tracking_id",
			"-tracking_id", "customer_id", "-customer_id", "channel", "-channel"),
		Limit: q.limit(), Page: q.number("page", 1<<30, 1),
	}
	if referral := q.truth("is_referral_code"); referral != nil {
		want.ReferralCode = *referral
	}
	of, by, one := q.text("campaign"), q.text("customer"), q.text("voucher")
	if named := c.Param("code"); named != "" {
		one = named
	}
	if err := q.err(); err != nil {
		return err
	}
	if want.Page > lastPublicationsPage {
		return fault.New(fault.PageOverLimit, "Property .page cannot be higher than %d", lastPublicationsPage)
	}
	if err := h.narrow(c, &want, of, by, one); err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	shown, err := h.show(c, found)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("publications", shown, total))
}

// narrow finds the campaign, customer and voucher that a list is about.
func (h publications) narrow(c echo.Context, want *db.PublicationList, campaign, customer, code string) (err error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	if want.Campaign, err = campaignNamed(ctx, h.campaigns, project, campaign); err != nil {
		return err
	}
	if want.Customer, err = customerNamed(ctx, h.customers, project, customer); err != nil || code == "" {
		return err
	}
	found, err := h.vouchers.Find(ctx, project, code)
	want.Voucher = &found.ID
	return err
}

func (h publications) show(c echo.Context, found []publication.Published) ([]publication.Shown, error) {
	var vouchers []voucher.Voucher
	for _, p := range found {
		vouchers = append(vouchers, p.Vouchers...)
	}
	names, err := campaignNames(c.Request().Context(), h.campaigns, caller(c).ProjectID, vouchers)
	if err != nil {
		return nil, err
	}
	return each(found, func(p publication.Published) publication.Shown {
		var of *string
		if len(p.Vouchers) > 0 {
			of = nameOf(names, p.Vouchers[0].CampaignID)
		}
		return publication.ShowListed(p, of)
	}), nil
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
