package db

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// looked bounds how many things of each kind a qualification looks at: the first in the order that is asked for.
const looked = 200

// Choosing says which of the things that could be redeemed are wanted.
type Choosing struct {
	AudienceOnly bool // only what rules say of the customer counts
	Campaigns    bool
	Tiers        bool
	Stacks       bool
	Vouchers     bool // those of no campaign that nobody holds
	Wallet       bool // those that the customer holds
	Discounting  bool // only what takes something off the order
	Covering     bool // only what is limited to products, of which the order has some
	Filter       Filter
	// Order is created_at, updated_at or (of vouchers) code, with "-" from the last; best or least, by what they take off the order;
	// or nothing, which is the newest first, of all kinds.
	Order string
	After *time.Time
	Limit int
}

// Qualified is what a customer could redeem.
type Qualified struct {
	Verdicts []redemption.Verdict
	More     bool // there are further ones
	Customer *customer.Customer
	Tracking *string
	Order    *order.Order
}

// qualificationFields are the fields that the filters of qualifications know, of each kind of candidate.
var qualificationFields = map[kind]map[string]filterColumn{
	ofTiers: {
		"campaign_id": {"'camp_' || replace(t.campaign_id::text, '-', '')", "text"}, "category_id": {"NULL::text", "text"},
		"resource_id": {"'promo_' || replace(t.id::text, '-', '')", "text"}, "resource_type": {"'promotion_tier'::text", "text"},
		"voucher_type": {"NULL::text", "text"}, "code": {"NULL::text", "text"}, "campaign_type": {"'PROMOTION'::text", "text"},
	},
	ofStacks: {
		"campaign_id": {"'camp_' || replace(t.campaign_id::text, '-', '')", "text"}, "category_id": {"NULL::text", "text"},
		"resource_id": {"'stack_' || replace(t.id::text, '-', '')", "text"}, "resource_type": {"'promotion_stack'::text", "text"},
		"voucher_type": {"NULL::text", "text"}, "code": {"NULL::text", "text"}, "campaign_type": {"'PROMOTION'::text", "text"},
	},
	ofCampaigns: {
		"campaign_id": {"'camp_' || replace(t.id::text, '-', '')", "text"}, "category_id": {"NULL::text", "text"},
		"resource_id": {"'camp_' || replace(t.id::text, '-', '')", "text"}, "resource_type": {"'campaign'::text", "text"},
		"voucher_type": {"(t.voucher->>'type')", "text"}, "code": {"NULL::text", "text"}, "campaign_type": {"t.campaign_type", "text"},
	},
	ofVouchers: {
		"campaign_id": {"'camp_' || replace(t.campaign_id::text, '-', '')", "text"}, "category_id": {"NULL::text", "text"},
		"resource_id": {"'v_' || replace(t.id::text, '-', '')", "text"}, "resource_type": {"'voucher'::text", "text"},
		"voucher_type": {"t.type", "text"}, "code": {"t.code", "text"},
		"campaign_type": {"(SELECT c.campaign_type FROM campaigns c WHERE c.id = t.campaign_id)", "text"},
	},
}

// kind is a kind of candidate.
type kind int

const (
	ofTiers kind = iota
	ofStacks
	ofCampaigns
	ofVouchers
)

// ValidateTiers says which promotion tiers the request could redeem, each by itself, in the order of their hierarchy.
func (s Redemptions) ValidateTiers(ctx context.Context, project uuid.UUID, ask Asking, choose Choosing) (Validated, error) {
	choose.Tiers, choose.Limit = true, looked
	made, err := s.Qualify(ctx, project, ask, choose)
	slices.SortStableFunc(made.Verdicts, func(a, b redemption.Verdict) int { return cmp.Compare(a.Tier.Hierarchy, b.Tier.Hierarchy) })
	return Validated{Verdicts: made.Verdicts, Customer: made.Customer, Tracking: made.Tracking}, err
}

// candidate is one thing that a qualification looks at: one redeemable, or the tiers of a stack.
type candidate struct {
	stack *promotion.Stack
	parts []*wanted
}

// Qualify says what the request could redeem, each by itself. It writes nothing.
func (s Redemptions) Qualify(ctx context.Context, project uuid.UUID, ask Asking, choose Choosing) (Qualified, error) {
	a := &assessment{
		from: s.Pool, project: project, now: time.Now().UTC().Truncate(time.Microsecond), source: occurrence.SourceOf(ctx), ask: ask,
		supposing: true, audienceOnly: choose.AudienceOnly,
	}
	if err := a.suppose(ctx); err != nil {
		return Qualified{}, err
	}
	candidates, err := a.gather(ctx, s.Pool, choose)
	if err != nil {
		return Qualified{}, err
	}
	for _, c := range candidates {
		a.all = append(a.all, c.parts...)
	}
	if err := a.findCampaigns(ctx); err != nil {
		return Qualified{}, err
	}
	if err := a.load(ctx); err != nil {
		return Qualified{}, err
	}
	found := Qualified{Customer: a.customer, Tracking: ask.TrackingID, Order: a.order}
	if found.Tracking == nil && a.customer != nil && a.customer.ID != uuid.Nil {
		found.Tracking = a.tracking()
	}
	for _, c := range candidates {
		if v := a.judgeCandidate(c); v.Refused == nil && a.wants(v, choose) {
			found.Verdicts = append(found.Verdicts, v)
		}
	}
	choose.sort(found.Verdicts)
	if choose.Limit > 0 && len(found.Verdicts) > choose.Limit {
		found.Verdicts, found.More = found.Verdicts[:choose.Limit], true
	}
	return found, nil
}

// judgeCandidate judges one candidate by itself.
func (a *assessment) judgeCandidate(c candidate) redemption.Verdict {
	if a.order != nil {
		a.start, a.basket = redemption.BasketOf(*a.order), redemption.BasketOf(*a.order)
	}
	for _, w := range c.parts {
		if w.refused == nil {
			w.refused = a.judgeOne(w)
		}
		if w.refused != nil {
			return w.verdict(a)
		}
	}
	v := c.parts[len(c.parts)-1].verdict(a)
	if c.stack != nil {
		v.Tier, v.Stacked = nil, c.stack
		if a.order != nil {
			totals := a.whole()
			v.Order = redemption.Calculated(a.basket.Onto(*a.order), totals)
		}
	}
	return v
}

// wants reports whether what could be redeemed is wanted.
func (a *assessment) wants(v redemption.Verdict, choose Choosing) bool {
	if choose.Discounting && (v.Order == nil || v.Order.TotalAppliedDiscount == 0) {
		return false
	}
	return !choose.Covering || a.order != nil && len(v.Covered.Included) > 0 && slices.ContainsFunc(a.order.Items, v.Covered.Covers)
}

// sort brings what was found into the order that is asked for; by default it stands in it.
func (choose Choosing) sort(all []redemption.Verdict) {
	off := func(v redemption.Verdict) int64 {
		if v.Order == nil {
			return 0
		}
		return v.Order.TotalAppliedDiscount
	}
	switch choose.Order {
	case "best":
		slices.SortStableFunc(all, func(a, b redemption.Verdict) int { return cmp.Compare(off(b), off(a)) })
	case "least":
		slices.SortStableFunc(all, func(a, b redemption.Verdict) int { return cmp.Compare(off(a), off(b)) })
	case "":
		slices.SortStableFunc(all, func(a, b redemption.Verdict) int { return b.CreatedAt().Compare(a.CreatedAt()) })
	}
}

// gather finds the candidates: what is active and in its dates, the first of each kind in the order that is asked for.
func (a *assessment) gather(ctx context.Context, pool *pgxpool.Pool, choose Choosing) (all []candidate, err error) {
	if choose.Tiers {
		found, err := choices[rows.PromotionTier](ctx, pool, a, choose, ofTiers)
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			t := promotion.Tier(row)
			named := redemption.Redeemable{Object: redemption.PromotionTier, ID: id.Promotion.Format(t.ID)}
			all = append(all, candidate{parts: []*wanted{{asked: named, tier: &t}}})
		}
	}
	if choose.Stacks {
		stacked, err := a.gatherStacks(ctx, pool, choose)
		if err != nil {
			return nil, err
		}
		all = append(all, stacked...)
	}
	if choose.Campaigns {
		found, err := choices[rows.Campaign](ctx, pool, a, choose, ofCampaigns)
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			c := campaign.Campaign(row)
			w := &wanted{asked: redemption.Redeemable{Object: redemption.OfCampaign, ID: id.Campaign.Format(c.ID)}, campaign: &c, pattern: true}
			if c.CampaignType != campaign.Promotion {
				v := c.NewVoucher(campaign.Overrides{})
				w.voucher = &v
			}
			all = append(all, candidate{parts: []*wanted{w}})
		}
	}
	if choose.Vouchers || choose.Wallet && a.customer != nil {
		found, err := choices[rows.Voucher](ctx, pool, a, choose, ofVouchers)
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			v := voucher.Voucher(row)
			all = append(all, candidate{parts: []*wanted{{asked: redemption.Redeemable{Object: redemption.Voucher, ID: v.Code}, voucher: &v}}})
		}
	}
	return all, nil
}

// gatherStacks finds stacks with their tiers.
func (a *assessment) gatherStacks(ctx context.Context, pool *pgxpool.Pool, choose Choosing) (all []candidate, err error) {
	found, err := choices[rows.PromotionStack](ctx, pool, a, choose, ofStacks)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, row := range found {
		ids = append(ids, row.TierIds...)
	}
	tiers, err := a.findTiers(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, row := range found {
		s := promotion.Stack(row)
		name := id.Stack.Format(s.ID)
		parts := expand(redemption.Redeemable{Object: redemption.Stack, ID: name}, nil, tiers, map[string]promotion.Stack{name: s})
		if len(parts) > 0 {
			all = append(all, candidate{&s, parts})
		}
	}
	return all, nil
}

// choices reads the first of a kind that can be candidates.
func choices[Row any](ctx context.Context, pool *pgxpool.Pool, a *assessment, choose Choosing, of kind) ([]Row, error) {
	var w where
	w.add("t.project_id = ?", a.project)
	table := map[kind]string{
		ofTiers: "promotion_tiers t", ofStacks: "promotion_stacks t", ofCampaigns: "campaigns t", ofVouchers: "vouchers t",
	}[of]
	if of != ofStacks {
		w.add("t.active AND (t.start_date IS NULL OR t.start_date <= ?) AND (t.expiration_date IS NULL OR t.expiration_date > ?)", a.now, a.now)
	}
	if of == ofVouchers {
		a.narrow(&w, choose)
	}
	if choose.After != nil {
		w.add("t.created_at < ?", *choose.After)
	}
	if err := w.filter(choose.Filter, qualificationFields[of], ""); err != nil {
		return nil, err
	}
	order, ok := qualificationOrders[choose.Order]
	if byCode := strings.HasSuffix(choose.Order, "code"); !ok || byCode && of != ofVouchers {
		order = qualificationOrders["-created_at"]
	}
	text := w.bind("SELECT t.* FROM "+table+" WHERE "+w.String()+" ORDER BY "+order+" LIMIT ?", looked)
	result, err := pool.Query(ctx, text, w.statement.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(result, pgx.RowToStructByPos[Row])
}

// qualificationOrders are the orders in which candidates are read.
var qualificationOrders = map[string]string{
	"created_at": "t.created_at, t.id", "-created_at": "t.created_at DESC, t.id DESC",
	"updated_at": "t.updated_at NULLS FIRST, t.id", "-updated_at": "t.updated_at DESC NULLS LAST, t.id DESC",
	"code": "t.code", "-code": "t.code DESC",
}

// narrow keeps vouchers that have a use left: those of no campaign that nobody holds, those that the customer holds, or both.
func (a *assessment) narrow(w *where, choose Choosing) {
	w.add("(t.redemption_quantity IS NULL OR t.redeemed_quantity < t.redemption_quantity)")
	var holder uuid.UUID
	if a.customer != nil {
		holder = a.customer.ID
	}
	switch {
	case choose.Vouchers && choose.Wallet:
		w.add("(t.campaign_id IS NULL AND t.holder_id IS NULL OR t.holder_id = ?)", holder)
	case choose.Wallet:
		w.add("t.holder_id = ?", holder)
	default:
		w.add("t.campaign_id IS NULL AND t.holder_id IS NULL")
	}
}
