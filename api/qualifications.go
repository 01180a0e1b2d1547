package api

import (
	stdjson "encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

const mostQualified = 50

// qualifications serves what a customer could redeem.
type qualifications struct {
	store db.Redemptions
	shown shownVouchers
}

func (h qualifications) routes(r routes) {
	r.post("/campaigns/qualification", acts, h.campaigns)
	r.post("/vouchers/qualification", acts, h.vouchers)
	r.post("/qualifications", acts, h.all(true))
}

// qualifiedList is the list of what qualifies.
type qualifiedList[T any] struct {
	Object     string    `json:"object"`
	DataRef    string    `json:"data_ref"`
	Data       []T       `json:"data"`
	Total      int       `json:"total"`
	ID         string    `json:"id"`
	CreatedAt  timestamp `json:"created_at"`
	TrackingID *string   `json:"tracking_id,omitempty"`
}

func qualifiedAs[T any](found db.Qualified, shown []T) qualifiedList[T] {
	return qualifiedList[T]{
		Object: "list", DataRef: "data", Data: shown, Total: len(shown), ID: id.Qualified.Format(id.New()),
		CreatedAt: timestamp(time.Now()), TrackingID: found.Tracking,
	}
}

// qualifying reads what both older endpoints take.
func qualifying(c echo.Context, orders ...string) (db.Asking, db.Choosing, error) {
	q := readQuery(c)
	choose := db.Choosing{Order: q.choice("order", orders...), Limit: q.number("limit", mostQualified, 10)}
	audience := q.truth("audienceRulesOnly")
	choose.AudienceOnly = audience != nil && *audience
	if err := q.err(); err != nil {
		return db.Asking{}, choose, err
	}
	body, err := bind[struct {
		askBody
		Reward *redemption.Payout `json:"reward"`
	}](c)
	if err != nil {
		return db.Asking{}, choose, err
	}
	ask, err := body.supposing()
	return ask, choose, err
}

func (h qualifications) campaigns(c echo.Context) error {
	ask, choose, err := qualifying(c, "-created_at", "created_at", "updated_at", "-updated_at")
	if err != nil {
		return err
	}
	choose.Campaigns = true
	found, err := h.store.Qualify(c.Request().Context(), caller(c).ProjectID, ask, choose)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, qualifiedAs(found, each(found.Verdicts, func(v redemption.Verdict) qualifiedCampaign {
		return qualifiedCampaign{campaign.Show(*v.Campaign), redemption.ShowTargets(v.Covered.Included), redemption.ShowTargets(v.Covered.Excluded)}
	})))
}

type qualifiedCampaign struct {
	campaign.Shown
	Applicable   redemption.Targets `json:"applicable_to"`
	Inapplicable redemption.Targets `json:"inapplicable_to"`
}

type qualifiedVoucher struct {
	voucher.Shown
	Applicable   redemption.Targets `json:"applicable_to"`
	Inapplicable redemption.Targets `json:"inapplicable_to"`
}

func (h qualifications) vouchers(c echo.Context) error {
	ask, choose, err := qualifying(c, "-created_at", "created_at", "updated_at", "-updated_at", "code", "-code")
	if err != nil {
		return err
	}
	choose.Vouchers, choose.Wallet = true, true
	found, err := h.store.Qualify(c.Request().Context(), caller(c).ProjectID, ask, choose)
	if err != nil {
		return err
	}
	shown, err := h.shown.all(c, each(found.Verdicts, func(v redemption.Verdict) voucher.Voucher { return *v.Voucher }))
	if err != nil {
		return err
	}
	qualified := make([]qualifiedVoucher, len(shown))
	for i, v := range found.Verdicts {
		qualified[i] = qualifiedVoucher{shown[i], redemption.ShowTargets(v.Covered.Included), redemption.ShowTargets(v.Covered.Excluded)}
	}
	return c.JSON(http.StatusOK, qualifiedAs(found, qualified))
}

// qualifyingBody is a request to know all that a customer could redeem.
type qualifyingBody struct {
	Customer   *customerChoice    `json:"customer"`
	Order      *orderBody         `json:"order"`
	Metadata   voucher.Metadata   `json:"metadata"`
	TrackingID *string            `json:"tracking_id"`
	Mode       string             `json:"mode"`
	Scenario   string             `json:"scenario"`
	Options    *qualifyingOptions `json:"options"`
}

type qualifyingOptions struct {
	Limit         *int       `json:"limit"`
	StartingAfter *time.Time `json:"starting_after"`
	Filters       bodyFilter `json:"filters"`
	Expand        []string   `json:"expand"`
	SortingRule   string     `json:"sorting_rule"`
}

// bodyFilter is a filter in a body: {"junction": "AND", field: {"conditions": {"$operator": value or values}}}.
type bodyFilter struct{ db.Filter }

// JSONKind says what the JSON should be.
func (*bodyFilter) JSONKind() string { return "an object of fields with their conditions" }

// UnmarshalJSONFrom reads the filter.
func (f *bodyFilter) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var fields map[string]jsontext.Value
	if err := json.UnmarshalDecode(dec, &fields); err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		at := "options.filters." + field
		if field == "junction" {
			var junction string
			if err := json.Unmarshal(fields[field], &junction); err != nil || !slices.Contains([]string{"and", "or"}, strings.ToLower(junction)) {
				return fault.Property(at, "Property .%s should be AND or OR", at)
			}
			f.Any = strings.EqualFold(junction, "or")
			continue
		}
		var one struct {
			Conditions map[string]jsontext.Value `json:"conditions"`
		}
		if err := json.Unmarshal(fields[field], &one, json.RejectUnknownMembers(true)); err != nil {
			return fault.Property(at, "Property .%s should be an object with conditions", at)
		}
		for _, operator := range slices.Sorted(maps.Keys(one.Conditions)) {
			values, ok := textsOf(one.Conditions[operator])
			if !ok {
				return fault.Property(at, "Property .%s.conditions.%s should be a text, a number, true, false, or a list of those", at, operator)
			}
			f.Conditions = append(f.Conditions, db.Condition{Field: field, Operator: operator, Values: values})
		}
	}
	return nil
}

// textsOf reads one value or several as texts.
func textsOf(raw jsontext.Value) (values []string, ok bool) {
	if raw.Kind() != '[' {
		raw = jsontext.Value("[" + string(raw) + "]")
	}
	var list []jsontext.Value
	if json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	for _, one := range list {
		switch one.Kind() {
		case '"':
			var text string
			if json.Unmarshal(one, &text) != nil {
				return nil, false
			}
			values = append(values, text)
		case '0', 't', 'f':
			values = append(values, string(one))
		default:
			return nil, false
		}
	}
	return values, true
}

// scenarios are what each scenario looks at.
var scenarios = map[string]db.Choosing{
	"ALL":                           {Campaigns: true, Tiers: true, Vouchers: true, Wallet: true},
	"CUSTOMER_WALLET":               {Wallet: true},
	"AUDIENCE_ONLY":                 {Campaigns: true, Tiers: true, Vouchers: true, Wallet: true, AudienceOnly: true},
	"PRODUCTS":                      {Campaigns: true, Tiers: true, Vouchers: true, Covering: true},
	"PRODUCTS_DISCOUNT":             {Campaigns: true, Tiers: true, Vouchers: true, Covering: true, Discounting: true},
	"PRODUCTS_BY_CUSTOMER":          {Wallet: true, Tiers: true, Covering: true},
	"PRODUCTS_DISCOUNT_BY_CUSTOMER": {Wallet: true, Tiers: true, Covering: true, Discounting: true},
	"PROMOTION_STACKS":              {Stacks: true},
}

// sortings are the orders of what qualifies.
var sortings = map[string]string{"": "", "DEFAULT": "", "BEST_DEAL": "best", "LEAST_DEAL": "least"}

// choosing checks what the body says of what is wanted.
func (b qualifyingBody) choosing() (db.Choosing, error) {
	if b.Scenario == "" {
		b.Scenario = "ALL"
	}
	var faults fault.List
	choose, ok := scenarios[b.Scenario]
	if !ok {
		faults.Add(fault.Property("scenario", "Property .scenario should be one of: ALL, CUSTOMER_WALLET, AUDIENCE_ONLY, PRODUCTS, "+
			"PRODUCTS_DISCOUNT, PRODUCTS_BY_CUSTOMER, PRODUCTS_DISCOUNT_BY_CUSTOMER, PROMOTION_STACKS"))
	}
	if b.Mode != "" && b.Mode != "BASIC" && b.Mode != "ADVANCED" {
		faults.Add(fault.Property("mode", "Property .mode should be BASIC or ADVANCED"))
	}
	choose.Limit = 5
	o := b.Options
	if o == nil {
		return choose, faults.Err()
	}
	if o.Limit != nil {
		choose.Limit = *o.Limit
	}
	if choose.Limit < 1 || choose.Limit > mostQualified {
		faults.Add(fault.Property("options.limit", "Property .options.limit should be from 1 to %d", mostQualified))
	}
	if choose.Order, ok = sortings[o.SortingRule]; !ok {
		faults.Add(fault.Property("options.sorting_rule", "Property .options.sorting_rule should be BEST_DEAL, LEAST_DEAL or DEFAULT"))
	}
	faults.AddAll((&askOptions{o.Expand}).check())
	choose.After = o.StartingAfter
	choose.Filter = o.Filters.Filter
	return choose, faults.Err()
}

// qualified is what a qualification answers of one thing.
type qualified struct {
	ID           string                  `json:"id"`
	Object       redemption.Kind         `json:"object"`
	CreatedAt    timestamp               `json:"created_at"`
	Result       redemption.Benefit      `json:"result"`
	Order        *redemption.Calculation `json:"order,omitempty"`
	Applicable   redemption.Targets      `json:"applicable_to"`
	Inapplicable redemption.Targets      `json:"inapplicable_to"`
	Metadata     stdjson.RawMessage      `json:"metadata"`
	Categories   []string                `json:"categories"`
	Banner       *string                 `json:"banner,omitempty"`
	Name         *string                 `json:"name,omitempty"`
	CampaignName *string                 `json:"campaign_name,omitempty"`
	CampaignID   *string                 `json:"campaign_id,omitempty"`
}

func showQualified(v redemption.Verdict) qualified {
	shown := qualified{
		ID: v.Asked.ID, Object: v.Asked.Kind(), CreatedAt: timestamp(v.CreatedAt()), Result: v.Benefit(), Order: v.Order,
		Applicable: redemption.ShowTargets(v.Covered.Included), Inapplicable: redemption.ShowTargets(v.Covered.Excluded), Metadata: v.Metadata(),
		Categories: []string{}, CampaignName: v.CampaignName(),
	}
	if v.Campaign != nil {
		shown.CampaignID = id.Campaign.FormatPtr(&v.Campaign.ID)
	}
	switch {
	case v.Stacked != nil:
		shown.ID, shown.Object, shown.Name = id.Stack.Format(v.Stacked.ID), redemption.Stack, &v.Stacked.Name
	case v.Tier != nil:
		shown.Name, shown.Banner = &v.Tier.Name, v.Tier.Banner
	case v.Pattern:
		shown.Name = v.CampaignName()
	}
	return shown
}

// all answers what a customer could redeem; loose says whether that may be a code that nobody holds.
func (h qualifications) all(loose bool) echo.HandlerFunc {
	return func(c echo.Context) error { return h.qualify(c, loose) }
}

func (h qualifications) qualify(c echo.Context, loose bool) error {
	body, err := bind[qualifyingBody](c)
	if err != nil {
		return err
	}
	choose, err := body.choosing()
	if err != nil {
		return err
	}
	choose.Vouchers = choose.Vouchers && loose
	ask, err := askBody{Customer: body.Customer, Order: body.Order, Metadata: body.Metadata, TrackingID: body.TrackingID}.supposing()
	if err != nil {
		return err
	}
	found, err := h.store.Qualify(c.Request().Context(), caller(c).ProjectID, ask, choose)
	if err != nil {
		return err
	}
	shown := each(found.Verdicts, showQualified)
	redeemables := echo.Map{"object": "list", "data_ref": "data", "data": shown, "total": len(shown), "has_more": found.More}
	if found.More && choose.Order == "" { // what is sorted otherwise cannot be gone on with
		last := found.Verdicts[len(found.Verdicts)-1].CreatedAt().UTC()
		redeemables["more_starting_after"] = last.Format("2006-01-02T15:04:05.000000Z") // exactly: several can be made in a millisecond
	}
	answer := echo.Map{"redeemables": redeemables, "stacking_rules": redemption.Stacking}
	if found.Tracking != nil {
		answer["tracking_id"] = *found.Tracking
	}
	if found.Order != nil {
		b := redemption.BasketOf(*found.Order)
		answer["order"] = redemption.Calculated(*found.Order, b.Totals())
	}
	return c.JSON(http.StatusOK, answer)
}
