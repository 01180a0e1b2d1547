// Package campaign says what a campaign may be: a name, a pattern that its vouchers are made by, and whether codes run out
// (STATIC) or are made when they are asked for (AUTO_UPDATE).
package campaign

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/loyalty"
	"herald/internal/voucher"
)

// Kind is what a campaign is about (the public API's campaign_type).
type Kind string

// The kinds.
const (
	DiscountCoupons Kind = "DISCOUNT_COUPONS"
	GiftVouchers    Kind = "GIFT_VOUCHERS"
	Promotion       Kind = "PROMOTION"
	ReferralProgram Kind = "REFERRAL_PROGRAM"
	LoyaltyProgram  Kind = "LOYALTY_PROGRAM"
)

// Type says where a campaign's codes come from.
type Type string

// The types.
const (
	AutoUpdate Type = "AUTO_UPDATE" // makes codes when they are asked for
	Static     Type = "STATIC"      // has the codes that were put into it, and runs out
	Standalone Type = "STANDALONE"  // one code for everyone
)

// Status says how far the making of codes is.
type Status string

// The statuses.
const (
	InProgress Status = "IN_PROGRESS"
	Done       Status = "DONE"
	Failed     Status = "FAILED"
)

// MaxCodes is how many codes one request can ask for.
const MaxCodes = 10_000_000

// autoUpdateCodes is how many codes the pattern of a campaign that makes its own must have room for.
const autoUpdateCodes = 1000

// Campaign is a set of vouchers of one pattern.
type Campaign struct {
	ID                       uuid.UUID
	ProjectID                uuid.UUID
	Name                     string
	Description              *string
	CampaignType             Kind
	Type                     Type
	Voucher                  Pattern
	AutoJoin                 bool
	JoinOnce                 bool
	UseVoucherMetadataSchema bool
	Active                   bool
	StartDate                *time.Time
	ExpirationDate           *time.Time
	Validity                 *voucher.Validity
	Category                 *string
	Metadata                 json.RawMessage
	VouchersCount            int64
	CreationStatus           Status
	VouchersGenerationStatus Status
	CreatedAt                time.Time
	UpdatedAt                *time.Time
	LoyaltyTiersExpiration   *loyalty.Expiration // nil: tiers follow the balance at once
	ReferralProgram          *Referral
}

// Expired reports whether the campaign's time is over.
func (c Campaign) Expired(now time.Time) bool {
	return c.ExpirationDate != nil && !c.ExpirationDate.After(now)
}

// Pattern is what a campaign's vouchers are made by.
type Pattern struct {
	Type           voucher.Type      `json:"type"`
	Discount       *voucher.Discount `json:"discount,omitempty"`
	Gift           *voucher.Gift     `json:"gift,omitempty"`
	LoyaltyCard    *voucher.Card     `json:"loyalty_card,omitempty"`
	Redemption     Redemption        `json:"redemption"`
	CodeConfig     code.Config       `json:"code_config"`
	IsReferralCode bool              `json:"is_referral_code"`
}

// Redemption is how often a voucher can be used; nil is without limit.
type Redemption struct {
	Quantity *int64 `json:"quantity"`
}

// Benefit is what a voucher of the pattern is worth.
func (p Pattern) Benefit() voucher.Benefit {
	return voucher.Benefit{Type: p.Type, Discount: p.Discount, Gift: p.Gift, LoyaltyCard: p.LoyaltyCard}
}

// Draft is a campaign as a caller asks for it.
type Draft struct {
	Name                     string           `json:"name"`
	Description              *string          `json:"description"`
	CampaignType             Kind             `json:"campaign_type"`
	Type                     Type             `json:"type"`
	JoinOnce                 bool             `json:"join_once"`
	AutoJoin                 bool             `json:"auto_join"`
	UseVoucherMetadataSchema bool             `json:"use_voucher_metadata_schema"`
	Active                   *bool            `json:"active"`
	VouchersCount            int64            `json:"vouchers_count"` // codes to make at once
	StartDate                *time.Time       `json:"start_date"`
	ExpirationDate           *time.Time       `json:"expiration_date"`
	Category                 *string          `json:"category"`
	Metadata                 voucher.Metadata `json:"metadata"`
	Voucher                  *Pattern         `json:"voucher"`

	ReferralProgram        *Referral           `json:"referral_program"`
	LoyaltyTiersExpiration *loyalty.Expiration `json:"loyalty_tiers_expiration"`
	ValidationRules        []string            `json:"validation_rules"` // ids of rules that limit it
	voucher.Validity
}

// WithDefaults fills in what was left out. A campaign that does not say where its codes come from makes them when asked.
func (d Draft) WithDefaults() Draft {
	if d.CampaignType == "" {
		d.CampaignType = kindOf(d.Voucher)
	}
	if d.Type == "" {
		d.Type = AutoUpdate
		if d.CampaignType == Promotion {
			d.Type = Static
		}
	}
	d.JoinOnce = joinsOnce(d.CampaignType, d.Type, d.JoinOnce)
	if d.Active == nil {
		yes := true
		d.Active = &yes
	}
	if d.Voucher != nil {
		p := *d.Voucher
		if p.Type == "" {
			p.Type = kinds[d.CampaignType]
		}
		p.CodeConfig = p.CodeConfig.WithDefaults()
		p.IsReferralCode = d.CampaignType == ReferralProgram
		d.Voucher = &p
	}
	return d
}

// Check finds everything that is wrong with a draft whose defaults are filled in.
func (d Draft) Check() error {
	var faults fault.List
	if strings.TrimSpace(d.Name) == "" {
		faults.Add(fault.Property("name", "Property .name is required"))
	}
	faults.Add(voucher.CheckLength("name", &d.Name, 500))
	faults.Add(voucher.CheckLength("description", d.Description, 10_000))
	faults.Add(voucher.CheckLength("category", d.Category, 500))
	if len(d.ValidationRules) > 100 {
		faults.Add(fault.Property("validation_rules", "A campaign can have at most 100 validation rules"))
	}
	switch d.Type {
	case AutoUpdate, Static, Standalone:
	default:
		faults.Add(fault.Property("type", "Property .type should be AUTO_UPDATE, STATIC or STANDALONE, not %q", d.Type))
	}
	faults.Add(voucher.CheckDates("", d.StartDate, d.ExpirationDate))
	faults.Add(d.Validity.Check(""))
	faults.Add(d.Metadata.Check("metadata"))
	if d.VouchersCount < 0 || d.VouchersCount > MaxCodes {
		faults.Add(fault.Property("vouchers_count", "Property .vouchers_count should be from 0 to %d", MaxCodes))
	}
	d.checkKind(&faults)
	return faults.Err()
}

// Overrides is what one request says of the vouchers it adds, in place of what the campaign says.
type Overrides struct {
	CodeConfig     *code.Config     `json:"code_config,omitempty"`
	Category       *string          `json:"category,omitempty"`
	Metadata       voucher.Metadata `json:"metadata,omitempty"`
	Redemption     *Redemption      `json:"redemption,omitempty"`
	AdditionalInfo *string          `json:"additional_info,omitempty"`
	StartDate      *time.Time       `json:"start_date,omitempty"`
	ExpirationDate *time.Time       `json:"expiration_date,omitempty"`
	Active         *bool            `json:"active,omitempty"`
}

// Codes is how the codes that o asks for look.
func (c Campaign) Codes(o Overrides) code.Config {
	if o.CodeConfig != nil {
		return o.CodeConfig.WithDefaults()
	}
	return c.Voucher.CodeConfig
}

// CheckHolds finds why a campaign of its kind cannot hold n vouchers more.
func (c Campaign) CheckHolds(n int64) *fault.Error {
	switch {
	case c.CampaignType == Promotion:
		return fault.New(fault.InvalidPayload, "Campaign %s is a promotion: it has tiers, no vouchers", c.Name)
	case c.Type == Standalone && c.VouchersCount+n > 1:
		return fault.New(fault.InvalidPayload, "Campaign %s is STANDALONE: it has one voucher", c.Name)
	}
	return nil
}

// CheckMore finds why n more codes cannot be made with o.
func (c Campaign) CheckMore(n int64, o Overrides) error {
	if bad := c.CheckHolds(n); bad != nil {
		return bad
	}
	if n < 1 || n > MaxCodes {
		return fault.Property("vouchers_count", "Between 1 and %d vouchers can be added at once", MaxCodes)
	}
	path := "voucher.code_config"
	if o.CodeConfig != nil {
		path = "code_config"
	}
	var faults fault.List
	if bad := c.Codes(o).Check(path); bad != nil {
		faults.Add(bad)
	} else {
		faults.Add(c.Codes(o).CheckRoom(path, c.VouchersCount+n))
	}
	faults.Add(o.Check())
	return faults.Err()
}

// Check finds what is wrong with the values that are to stand in place of the campaign's.
func (o Overrides) Check() *fault.Error {
	if o.Redemption != nil && o.Redemption.Quantity != nil && (*o.Redemption.Quantity < 1 || *o.Redemption.Quantity > voucher.MaxAmount) {
		return fault.Property("redemption.quantity", "Property .redemption.quantity should be at least 1, or null for no limit")
	}
	if bad := o.Metadata.Check("metadata"); bad != nil {
		return bad
	}
	if bad := voucher.CheckTexts(o.Category, o.AdditionalInfo); bad != nil {
		return bad
	}
	return voucher.CheckDates("", o.StartDate, o.ExpirationDate)
}

// NewVoucher is a voucher of the campaign that has no id and code yet.
func (c Campaign) NewVoucher(o Overrides) voucher.Voucher {
	v := voucher.Voucher{
		ProjectID: c.ProjectID, CampaignID: &c.ID, Type: c.Voucher.Type, Value: c.Voucher.Benefit().Value(),
		RedemptionQuantity: c.Voucher.Redemption.Quantity, Active: true, StartDate: c.StartDate,
		ExpirationDate: c.ExpirationDate, Validity: c.Validity, AdditionalInfo: o.AdditionalInfo, Category: c.Category,
		Metadata: o.Metadata.Raw(), IsReferralCode: c.Voucher.IsReferralCode,
	}
	if o.Category != nil {
		v.Category = o.Category
	}
	if o.Redemption != nil {
		v.RedemptionQuantity = o.Redemption.Quantity
	}
	if o.StartDate != nil {
		v.StartDate = o.StartDate
	}
	if o.ExpirationDate != nil {
		v.ExpirationDate = o.ExpirationDate
	}
	if o.Active != nil {
		v.Active = *o.Active
	}
	return v
}

// Import is the voucher of a draft whose code the caller brings; the campaign decides what the draft leaves open.
func (c Campaign) Import(d voucher.Draft) (voucher.Voucher, error) {
	own := d.Benefit
	own.Type = c.Voucher.Type
	var faults fault.List
	faults.Add(c.CheckHolds(1))
	switch {
	case d.Type != "" && d.Type != c.Voucher.Type:
		faults.Add(fault.Property("type", "Vouchers of this campaign are of type %s", c.Voucher.Type))
	case d.Discount != nil || d.Gift != nil || d.LoyaltyCard != nil:
		faults.Add(own.Check(""))
	}
	faults.Add(d.CheckRest())
	if err := faults.Err(); err != nil {
		return voucher.Voucher{}, err
	}
	v := d.Over(c.NewVoucher(Overrides{}))
	if d.Discount != nil || d.Gift != nil || d.LoyaltyCard != nil {
		v.Value = own.Value()
	}
	return v, nil
}
