package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/promotion"
	"herald/internal/redemption"
	"herald/internal/rule"
	"herald/internal/voucher"
)

// Asking is a request to redeem something, or to know whether it could be.
type Asking struct {
	redemption.Request
	Customer *Saving // nil: nobody, or whom the order or the loyalty card names
	Referrer *Saving // who brought the customer to the order; nil: nobody, or who it was
}

// wanted is one thing that a request names, as it was found, and what came of it.
type wanted struct {
	asked    redemption.Redeemable
	voucher  *voucher.Voucher
	pattern  bool // the voucher is one that the campaign would make
	tier     *promotion.Tier
	stack    *uuid.UUID
	campaign *campaign.Campaign
	holder   *customer.Customer
	held     rows.SessionsHeldRow // by the sessions of others
	reward   *offered

	refused *fault.Error
	amount  *int64       // credits or points that it takes
	order   *order.Order // with it and what was applied before
	effects redemption.Effects
}

// assessment holds what a request names against everything that may refuse it. It reads and decides, and writes nothing.
type assessment struct {
	from      rows.DBTX
	project   uuid.UUID
	now       time.Time
	source    occurrence.Source
	redeeming bool // what it decides is written by the same transaction
	// audienceOnly says that of rules only what they say of the customer counts.
	audienceOnly bool
	supposing    bool // it asks what could be, of things of which the request says nothing
	ask          Asking
	customer     *customer.Customer
	order        *order.Order // as the request says it is; nil: none
	all          []*wanted

	start, basket redemption.Basket
	book          rulebook
	facts         rule.Facts
	counts        map[uuid.UUID]rule.Counts
}

// find finds what the request names, in its order; stacks are taken apart. What is not there is refused, not a fault.
func (a *assessment) find(ctx context.Context) error {
	var vouchers rows.RedeemableVouchersParams
	var tiers, stacks []uuid.UUID
	for _, one := range a.ask.Redeemables {
		switch one.Kind() {
		case redemption.PromotionTier:
			tiers = appendParsed(tiers, id.Promotion, one.ID)
		case redemption.Stack:
			stacks = appendParsed(stacks, id.Stack, one.ID)
		default:
			vouchers.Codes = append(vouchers.Codes, one.ID)
			vouchers.Ids = appendParsed(vouchers.Ids, id.Voucher, one.ID)
		}
	}
	found, err := a.findVouchers(ctx, vouchers)
	if err != nil {
		return err
	}
	sequences, err := a.findStacks(ctx, stacks)
	if err != nil {
		return err
	}
	for _, s := range sequences {
		tiers = append(tiers, s.TierIds...)
	}
	known, err := a.findTiers(ctx, tiers)
	if err != nil {
		return err
	}
	for _, one := range a.ask.Redeemables {
		a.all = append(a.all, expand(one, found, known, sequences)...)
	}
	if len(a.all) > redemption.MaxRedeemables {
		return fault.Property("redeemables", "With the tiers of stacks there are %d redeemables; at most %d are allowed", len(a.all), redemption.MaxRedeemables)
	}
	return a.findCampaigns(ctx)
}

func appendParsed(list []uuid.UUID, prefix id.Prefix, text string) []uuid.UUID {
	if one, ok := prefix.Parse(text); ok {
		return append(list, one)
	}
	return list
}

// expand is what one redeemable stands for: itself, or the tiers of a stack.
func expand(one redemption.Redeemable, vouchers map[string]voucher.Voucher, tiers map[string]promotion.Tier,
	stacks map[string]promotion.Stack,
) []*wanted {
	w := &wanted{asked: one}
	switch one.Kind() {
	case redemption.PromotionTier:
		if t, ok := tiers[one.ID]; ok {
			w.tier = &t
		} else {
			w.refused = fault.Missing(tierType, one.ID)
		}
	case redemption.Stack:
		s, ok := stacks[one.ID]
		if !ok {
			w.refused = fault.Missing("promotion_stack", one.ID)
			return []*wanted{w}
		}
		return each(s.TierIds, func(tier uuid.UUID) *wanted {
			name := id.Promotion.Format(tier)
			part := expand(redemption.Redeemable{Object: redemption.PromotionTier, ID: name}, vouchers, tiers, stacks)[0]
			part.stack = &s.ID
			return part
		})
	default:
		if v, ok := vouchers[one.ID]; ok {
			w.voucher = &v
		} else {
			w.refused = fault.Missing("voucher", one.ID)
		}
	}
	return []*wanted{w}
}

// findVouchers are the vouchers, by what the request calls them.
func (a *assessment) findVouchers(ctx context.Context, p rows.RedeemableVouchersParams) (map[string]voucher.Voucher, error) {
	known := map[string]voucher.Voucher{}
	if len(p.Codes) == 0 {
		return known, nil
	}
	p.ProjectID, p.Ids = a.project, nonNil(p.Ids)
	found, err := q.RedeemableVouchers(ctx, a.from, p)
	for _, row := range found {
		known[id.Voucher.Format(row.ID)] = voucher.Voucher(row)
	}
	for _, row := range found { // a code that looks like an id names the voucher that has it
		known[row.Code] = voucher.Voucher(row)
	}
	return known, err
}

func (a *assessment) findStacks(ctx context.Context, ids []uuid.UUID) (map[string]promotion.Stack, error) {
	known := map[string]promotion.Stack{}
	if len(ids) == 0 {
		return known, nil
	}
	found, err := q.RedeemableStacks(ctx, a.from, rows.RedeemableStacksParams{ProjectID: a.project, Ids: ids})
	for _, row := range found {
		known[id.Stack.Format(row.ID)] = promotion.Stack(row)
	}
	return known, err
}

func (a *assessment) findTiers(ctx context.Context, ids []uuid.UUID) (map[string]promotion.Tier, error) {
	known := map[string]promotion.Tier{}
	if len(ids) == 0 {
		return known, nil
	}
	found, err := q.RedeemableTiers(ctx, a.from, rows.RedeemableTiersParams{ProjectID: a.project, Ids: ids})
	for _, row := range found {
		known[id.Promotion.Format(row.ID)] = promotion.Tier(row)
	}
	return known, err
}

// findCampaigns adds their campaigns to what was found.
func (a *assessment) findCampaigns(ctx context.Context) error {
	var ids []uuid.UUID
	for _, w := range a.all {
		if of := w.of(); of != nil && !slices.Contains(ids, *of) {
			ids = append(ids, *of)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := q.CampaignGetAll(ctx, a.from, rows.CampaignGetAllParams{ProjectID: a.project, Ids: ids})
	for _, row := range found {
		c := campaign.Campaign(row)
		for _, w := range a.all {
			if of := w.of(); of != nil && *of == c.ID {
				w.campaign = &c
			}
		}
	}
	return err
}

// of is the campaign that it belongs to.
func (w *wanted) of() *uuid.UUID {
	switch {
	case w.voucher != nil:
		return w.voucher.CampaignID
	case w.tier != nil:
		return &w.tier.CampaignID
	case w.campaign != nil:
		return &w.campaign.ID
	}
	return nil
}

// holders are the customers who hold the vouchers; cards only those of gift and loyalty cards, whose figures a redemption moves.
func (a *assessment) holders(cards bool) (ids []uuid.UUID) {
	for _, w := range a.all {
		if w.voucher != nil && w.voucher.HolderID != nil && (!cards || w.voucher.Type != voucher.DiscountVoucher) {
			ids = append(ids, *w.voucher.HolderID)
		}
	}
	return ids
}

// vouchers are the ids of the vouchers.
func (a *assessment) vouchers() (ids []uuid.UUID) {
	for _, w := range a.all {
		if w.voucher != nil && !w.pattern {
			ids = append(ids, w.voucher.ID)
		}
	}
	return ids
}

// refresh puts vouchers that were locked in the place of those that were found; one that is gone is refused.
func (a *assessment) refresh(locked []rows.Voucher) {
	for _, w := range a.all {
		if w.voucher == nil {
			continue
		}
		at := slices.IndexFunc(locked, func(row rows.Voucher) bool { return row.ID == w.voucher.ID })
		if at < 0 {
			w.voucher, w.refused = nil, fault.Missing("voucher", w.asked.ID)
			continue
		}
		v := voucher.Voucher(locked[at])
		w.voucher = &v
	}
}

// load reads what the found things are judged by: who holds them, what sessions hold of them, which rewards were named, the rules
// that limit them and what those ask of the past.
func (a *assessment) load(ctx context.Context) error {
	known, err := people(ctx, a.from, a.project, a.holders(false))
	if err != nil {
		return err
	}
	for _, w := range a.all {
		if w.voucher == nil || w.voucher.HolderID == nil {
			continue
		}
		if c, ok := known[*w.voucher.HolderID]; ok {
			w.holder = &c
		}
	}
	if err := a.loadSessions(ctx); err != nil {
		return err
	}
	if err := a.loadRewards(ctx); err != nil {
		return err
	}
	return a.loadRules(ctx)
}

func (a *assessment) loadSessions(ctx context.Context) error {
	vouchers := a.vouchers()
	if len(vouchers) == 0 {
		return nil
	}
	var key string
	if a.ask.Session != nil {
		key = a.ask.Session.Key
	}
	found, err := q.SessionsHeld(ctx, a.from, rows.SessionsHeldParams{ProjectID: a.project, Vouchers: vouchers, Key: key})
	for _, row := range found {
		for _, w := range a.all {
			if w.voucher != nil && w.voucher.ID == row.VoucherID {
				w.held = row
			}
		}
	}
	return err
}

func (a *assessment) loadRules(ctx context.Context) (err error) {
	var objects []uuid.UUID
	for _, w := range a.all {
		objects = append(objects, w.objects()...)
	}
	if len(objects) == 0 {
		return nil
	}
	if a.book, err = rulesOf(ctx, a.from, a.project, objects); err != nil {
		return err
	}
	a.facts = rule.Facts{
		Now: a.now, Customer: a.customer, Order: a.order, Redemption: a.ask.Metadata, Redeeming: a.redeeming,
		AudienceOnly: a.audienceOnly,
	}
	if key := a.source.APIKey; key != nil {
		a.facts.APIKey, a.facts.KeyName = key.AppID, key.Name
	}
	a.counts, err = a.book.ready(ctx, a.from, &a.facts)
	return err
}

// objects are what rules can limit it by: itself, its campaign, and what its points are spent on.
func (w *wanted) objects() (ids []uuid.UUID) {
	switch {
	case w.voucher != nil && !w.pattern:
		ids = append(ids, w.voucher.ID)
	case w.tier != nil:
		ids = append(ids, w.tier.ID)
	}
	if of := w.of(); of != nil {
		ids = append(ids, *of)
	}
	if w.reward != nil {
		ids = append(ids, w.reward.Assignment.ID)
	}
	return ids
}
