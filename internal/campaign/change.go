package campaign

import (
	"encoding/json"
	"reflect"
	"time"

	"herald/internal/fault"
	"herald/internal/loyalty"
	"herald/internal/voucher"
)

// Change is what a caller says about a campaign that exists; nil is left as it is.
type Change struct {
	Description                     *string
	Type                            *Type
	JoinOnce, AutoJoin              *bool
	StartDate, ExpirationDate       *time.Time
	ClearStart, ClearEnd            bool
	Timeframe                       *voucher.Timeframe
	DayOfWeek                       []int
	Hours                           *voucher.Hours
	ActivityDurationAfterPublishing *string
	Category                        *string
	Metadata                        voucher.Metadata // merged; null removes a key
	UnsetMetadata                   []string
	Discount                        *voucher.Discount
	Gift                            *voucher.Gift
	LoyaltyCard                     *voucher.Card
	ReferralProgram                 *Referral
	LoyaltyTiersExpiration          *loyalty.Expiration
}

// Apply changes c and reports whether the vouchers that nobody has yet must follow.
func (h Change) Apply(c *Campaign) (vouchers bool, err error) {
	before := *c
	var faults fault.List
	h.applyType(c, &faults)
	faults.Add(voucher.CheckLength("description", h.Description, 10_000))
	faults.Add(voucher.CheckLength("category", h.Category, 500))
	set(&c.Description, h.Description)
	set(&c.Category, h.Category)
	if h.AutoJoin != nil {
		c.AutoJoin = *h.AutoJoin
	}
	c.StartDate = choose(c.StartDate, h.StartDate, h.ClearStart)
	c.ExpirationDate = choose(c.ExpirationDate, h.ExpirationDate, h.ClearEnd)
	faults.Add(voucher.CheckDates("", c.StartDate, c.ExpirationDate))
	c.Validity = h.validity(c.Validity)
	if c.Validity != nil {
		faults.Add(c.Validity.Check(""))
	}
	h.applyBenefit(c, &faults)
	if c.Metadata, err = h.Metadata.Merged(c.Metadata, h.UnsetMetadata); err != nil {
		return false, err
	}
	follow := !reflect.DeepEqual(before.Validity, c.Validity) || !same(before.StartDate, c.StartDate) ||
		!same(before.ExpirationDate, c.ExpirationDate) || !equalJSON(before.Voucher, c.Voucher)
	return follow, faults.Err()
}

// applyType changes where the codes come from and how often a customer can join, as far as the kind of campaign lets it.
func (h Change) applyType(c *Campaign, faults *fault.List) {
	if h.Type != nil && *h.Type != c.Type {
		switch {
		case c.Type == Standalone || *h.Type == Standalone:
			faults.Add(fault.Property("type", "It is not possible to make a campaign STANDALONE, or to make a STANDALONE one another"))
		case *h.Type != AutoUpdate && *h.Type != Static:
			faults.Add(fault.Property("type", "Property .type should be AUTO_UPDATE or STATIC, not %q", *h.Type))
		}
		c.Type = *h.Type
	}
	if h.JoinOnce != nil {
		c.JoinOnce = joinsOnce(c.CampaignType, c.Type, *h.JoinOnce)
	}
	if h.ReferralProgram != nil {
		if c.CampaignType != ReferralProgram {
			faults.Add(fault.Property("referral_program", "A %s campaign has no referral_program", c.CampaignType))
		}
		faults.Add(h.ReferralProgram.Check("referral_program"))
		c.ReferralProgram = h.ReferralProgram
	}
	if h.LoyaltyTiersExpiration != nil {
		if c.CampaignType != LoyaltyProgram {
			faults.Add(fault.Property("loyalty_tiers_expiration", "A %s campaign has no loyalty tiers", c.CampaignType))
		}
		faults.Add(h.LoyaltyTiersExpiration.Check("loyalty_tiers_expiration"))
		c.LoyaltyTiersExpiration = h.LoyaltyTiersExpiration
	}
}

// applyBenefit changes what the vouchers are worth; what kind of thing they are worth stays.
func (h Change) applyBenefit(c *Campaign, faults *fault.List) {
	if h.Discount != nil {
		switch {
		case c.Voucher.Discount == nil:
			faults.Add(fault.Property("discount", "A %s campaign has no discount", c.CampaignType))
		case c.Voucher.Discount.Type != h.Discount.Type:
			faults.Add(fault.Property("discount.type", "It is not possible to change the discount's type; it is %s", c.Voucher.Discount.Type))
		default:
			faults.Add(h.Discount.Check("discount"))
			c.Voucher.Discount = h.Discount
		}
	}
	if h.Gift != nil {
		if c.Voucher.Gift == nil {
			faults.Add(fault.Property("gift", "A %s campaign has no gift", c.CampaignType))
			return
		}
		faults.Add(h.Gift.Check("gift"))
		c.Voucher.Gift = h.Gift
	}
	if h.LoyaltyCard != nil {
		if c.Voucher.LoyaltyCard == nil {
			faults.Add(fault.Property("loyalty_card", "A %s campaign has no loyalty_card", c.CampaignType))
			return
		}
		faults.Add(h.LoyaltyCard.Check("loyalty_card"))
		c.Voucher.LoyaltyCard = h.LoyaltyCard
	}
}

func (h Change) validity(kept *voucher.Validity) *voucher.Validity {
	var v voucher.Validity
	if kept != nil {
		v = *kept
	}
	set(&v.Timeframe, h.Timeframe)
	set(&v.Hours, h.Hours)
	set(&v.ActivityDurationAfterPublishing, h.ActivityDurationAfterPublishing)
	if h.DayOfWeek != nil {
		v.DayOfWeek = h.DayOfWeek
	}
	return v.OrNil()
}

func set[T any](to **T, value *T) {
	if value != nil {
		*to = value
	}
}

func choose(kept, given *time.Time, empty bool) *time.Time {
	if empty {
		return nil
	}
	if given != nil {
		return given
	}
	return kept
}

func same(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

func equalJSON(a, b any) bool {
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && string(left) == string(right)
}
