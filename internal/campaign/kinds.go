package campaign

import (
	"slices"

	"herald/internal/fault"
	"herald/internal/voucher"
)

// kinds says which vouchers each kind of campaign has; a promotion has none.
var kinds = map[Kind]voucher.Type{
	DiscountCoupons: voucher.DiscountVoucher, GiftVouchers: voucher.GiftVoucher, LoyaltyProgram: voucher.LoyaltyCard,
	ReferralProgram: voucher.DiscountVoucher, Promotion: "",
}

// kindOf is the kind of campaign that is meant where only its vouchers are named.
func kindOf(p *Pattern) Kind {
	switch {
	case p != nil && p.Type == voucher.GiftVoucher:
		return GiftVouchers
	case p != nil && p.Type == voucher.LoyaltyCard:
		return LoyaltyProgram
	}
	return DiscountCoupons
}

// joinsOnce is whether a customer can join a campaign of that kind and type only once, which for some is not for the caller to
// say; asked is what the caller says.
func joinsOnce(k Kind, t Type, asked bool) bool {
	switch {
	case k == LoyaltyProgram:
		return true
	case t == Standalone || k == Promotion:
		return false
	}
	return asked
}

// checkKind finds what does not fit the kind of campaign.
func (d Draft) checkKind(faults *fault.List) {
	wanted, known := kinds[d.CampaignType]
	if !known {
		faults.Add(fault.Property("campaign_type", "Property .campaign_type should be one of %v, not %q",
			[]Kind{DiscountCoupons, GiftVouchers, Promotion, ReferralProgram, LoyaltyProgram}, d.CampaignType))
		return
	}
	if d.Type == Standalone && !slices.Contains([]Kind{DiscountCoupons, GiftVouchers}, d.CampaignType) {
		faults.Add(fault.Property("type", "Only campaigns of DISCOUNT_COUPONS and GIFT_VOUCHERS can be STANDALONE"))
	}
	if d.ReferralProgram != nil {
		if d.CampaignType != ReferralProgram {
			faults.Add(fault.Property("referral_program", "A %s campaign has no referral_program", d.CampaignType))
		}
		faults.Add(d.ReferralProgram.Check("referral_program"))
	}
	if d.LoyaltyTiersExpiration != nil {
		if d.CampaignType != LoyaltyProgram {
			faults.Add(fault.Property("loyalty_tiers_expiration", "A %s campaign has no loyalty tiers", d.CampaignType))
		}
		faults.Add(d.LoyaltyTiersExpiration.Check("loyalty_tiers_expiration"))
	}
	if d.CampaignType == Promotion {
		if d.Voucher != nil {
			faults.Add(fault.Property("voucher", "A PROMOTION has tiers, no vouchers"))
		}
		if d.VouchersCount > 0 {
			faults.Add(fault.Property("vouchers_count", "A PROMOTION has tiers, no vouchers"))
		}
		return
	}
	d.checkVoucher(wanted, faults)
}

func (d Draft) checkVoucher(wanted voucher.Type, faults *fault.List) {
	if d.Voucher == nil {
		faults.Add(fault.Property("voucher", "Property .voucher is required: what the campaign's vouchers are worth"))
		return
	}
	of := d.CampaignType == ReferralProgram && d.Voucher.Type == voucher.GiftVoucher
	if d.Voucher.Type != wanted && !of {
		faults.Add(fault.Property("voucher.type", "A %s campaign has vouchers of type %s", d.CampaignType, wanted))
		return
	}
	faults.Add(d.Voucher.Benefit().Check("voucher"))
	if q := d.Voucher.Redemption.Quantity; q != nil && (*q < 1 || *q > voucher.MaxAmount) {
		faults.Add(fault.Property("voucher.redemption.quantity", "Property .voucher.redemption.quantity should be at least 1, or null for no limit"))
	}
	if bad := d.Voucher.CodeConfig.Check("voucher.code_config"); bad != nil {
		faults.Add(bad)
		return
	}
	least := int64(1)
	switch {
	case d.Type == AutoUpdate:
		least = autoUpdateCodes
	case d.Type == Standalone && d.VouchersCount > 1:
		faults.Add(fault.Property("vouchers_count", "A STANDALONE campaign has one voucher"))
	}
	faults.Add(d.Voucher.CodeConfig.CheckRoom("voucher.code_config", max(d.VouchersCount, least)))
}
