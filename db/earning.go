package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/customer"
	"herald/internal/event"
	"herald/internal/id"
	"herald/internal/loyalty"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/rule"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// earn gives members the points that the earning rules of their programmes promise for what just happened, all at once. A
// project whose programmes have no rule for it pays one look at an index.
func (c *change) earn(ctx context.Context, fresh []occurrence.Occurrence) error {
	events := eventsOf(fresh)
	if len(events) == 0 {
		return nil
	}
	offers, err := c.openOffers(ctx, events)
	if err != nil || len(offers) == 0 {
		return err
	}
	campaigns := each(offers, func(r loyalty.Rule) uuid.UUID { return r.CampaignID })
	members, err := c.members(ctx, campaigns, fresh)
	if err != nil || len(members) == 0 {
		return err
	}
	programmes, err := c.programmes(ctx, campaigns)
	if err != nil {
		return err
	}
	awards, err := awardsFor(offers, members, programmes, fresh)
	if err == nil {
		awards, err = c.allowed(ctx, awards)
	}
	if err != nil || len(awards) == 0 {
		return err
	}
	return c.award(ctx, awards)
}

// eventsOf are the events that earning rules may answer.
func eventsOf(fresh []occurrence.Occurrence) (events []string) {
	for _, o := range fresh {
		if event := loyalty.EventOf(o); event != "" && !slices.Contains(events, event) {
			events = append(events, event)
		}
	}
	return events
}

// askedOffers is what was asked ahead: the rules that answer events.
type askedOffers struct {
	events []string
	rules  []rows.EarningOffersRow
}

// askOffers asks for the rules that answer what happened, together with the next statement, because what follows from it is
// drawn after the segments were asked.
func (c *change) askOffers(ctx context.Context, fresh []occurrence.Occurrence) error {
	c.offers = askedOffers{events: eventsOf(fresh)}
	if len(c.offers.events) == 0 {
		return nil
	}
	p := rows.EarningOffersParams{ProjectID: c.project, Events: c.offers.events}
	return c.tx.ahead(func(db rows.DBTX) (err error) {
		c.offers.rules, err = q.EarningOffers(ctx, db, p)
		return err
	})
}

// openOffers are the rules that answer events and give points now. Those of the segments that customers entered meanwhile are asked
// for now.
func (c *change) openOffers(ctx context.Context, events []string) ([]loyalty.Rule, error) {
	err := c.tx.flush(ctx)
	found := c.offers.rules
	events = slices.DeleteFunc(events, func(event string) bool { return slices.Contains(c.offers.events, event) })
	if err == nil && len(events) > 0 {
		var more []rows.EarningOffersRow
		more, err = q.EarningOffers(ctx, c.tx, rows.EarningOffersParams{ProjectID: c.project, Events: events})
		found = append(found, more...)
	}
	now := time.Now()
	var open []loyalty.Rule
	for _, row := range found {
		if rule := loyalty.Rule(row.EarningRule); rule.Open(row.ProgrammeStart, row.ProgrammeEnd, now) {
			open = append(open, rule)
		}
	}
	return open, err
}

// member is a member of a programme, with the card that takes the points.
type member struct {
	card      uuid.UUID
	code      string
	programme uuid.UUID
	tier      *uuid.UUID
	collected int64 // points ever put on the card
	customer  customer.Customer
}

// members finds the customers to whom something happened in programmes, by their ids.
func (c *change) members(ctx context.Context, campaigns []uuid.UUID, fresh []occurrence.Occurrence) (map[uuid.UUID][]member, error) {
	p := rows.EarningMembersParams{ProjectID: c.project, Campaigns: campaigns}
	for _, o := range fresh {
		p.Customers = append(p.Customers, o.Customer)
	}
	found, err := q.EarningMembers(ctx, c.tx, p)
	members := make(map[uuid.UUID][]member, len(found))
	for _, row := range found {
		one := member{row.VoucherID, row.Code, row.CampaignID, row.TierID, row.Collected, customer.Customer(row.Customer)}
		members[one.customer.ID] = append(members[one.customer.ID], one)
	}
	return members, err
}

// award is points that a rule gives a member for what happened.
type award struct {
	rule   loyalty.Rule
	member member
	of     *programme
	what   occurrence.Occurrence
	facts  earningFacts
	points int64
	limit  *uuid.UUID // the validation rule that let it through
}

// earningFacts is what happened, as rules see it.
type earningFacts struct {
	loyalty.Facts
	card string // the code of the card that a custom event names
}

// factsOf reads what rules look at from an occurrence.
func factsOf(o occurrence.Occurrence) (f earningFacts) {
	if shown, ok := o.Data["order"].(order.Shown); ok {
		f.Order = &order.Order{
			Status: shown.Status, Amount: shown.Amount, InitialAmount: shown.InitialAmount, DiscountAmount: shown.DiscountAmount,
			ItemsDiscountAmount: shown.ItemsDiscountAmount, TotalDiscountAmount: shown.TotalDiscountAmount, TotalAmount: shown.TotalAmount,
			Items: shown.Items, Metadata: shown.Metadata,
		}
	}
	if shown, ok := o.Data["event"].(event.Shown); ok {
		f.Event = shown.Metadata
		if shown.Loyalty != nil {
			f.card = shown.Loyalty.Code
		}
	}
	return f
}

// awardsFor are the points that rules give for what happened, in its order. A member has them on one card of a programme: on the
// one that a custom event names, or on the first.
func awardsFor(offers []loyalty.Rule, members map[uuid.UUID][]member, programmes map[uuid.UUID]*programme, fresh []occurrence.Occurrence,
) (awards []award, err error) {
	collected := map[uuid.UUID]int64{}
	for _, o := range fresh {
		event := loyalty.EventOf(o)
		if event == "" || len(members[o.Customer]) == 0 {
			continue
		}
		facts := factsOf(o)
		for _, rule := range offers {
			if rule.Event != event || !rule.Answers(o) {
				continue
			}
			at := slices.IndexFunc(members[o.Customer], func(m member) bool {
				return m.programme == rule.CampaignID && (facts.card == "" || facts.card == m.code)
			})
			if at < 0 {
				continue
			}
			one := award{rule: rule, member: members[o.Customer][at], of: programmes[rule.CampaignID], what: o, facts: facts}
			one.facts.Customer = one.member.customer.Metadata
			if err := one.weigh(collected); err != nil {
				return nil, err
			}
			if one.points > 0 {
				awards = append(awards, one)
			}
		}
	}
	return awards, nil
}

// weigh says how many points the award is. What no longer fits on the card is not given; collected is what was put on cards.
func (a *award) weigh(collected map[uuid.UUID]int64) (err error) {
	a.points, err = a.rule.Mapped(a.of.tier(a.member.tier), a.rule.Loyalty.Give(a.facts.Facts))
	room := balance.MaxTotal - a.member.collected - collected[a.member.card]
	a.points = max(0, min(a.points, room, balance.Max))
	collected[a.member.card] += a.points
	return err
}

// allowed are the awards that the validation rules of their earning rules let through. Who is in the segments that rules ask
// for is read for all members at once; only a rule that counts redemptions is asked for each member.
func (c *change) allowed(ctx context.Context, awards []award) ([]award, error) {
	book, err := rulesOf(ctx, c.tx, c.project, each(awards, func(a award) uuid.UUID { return a.rule.ID }))
	if err != nil || len(book.rules) == 0 {
		return awards, err
	}
	var asked []uuid.UUID
	for _, rules := range book.rules {
		for _, r := range rules {
			asked = append(asked, r.Need().Segments...)
		}
	}
	in, err := c.memberships(ctx, asked, awards)
	if err != nil {
		return nil, err
	}
	kept := awards[:0]
	for _, a := range awards {
		f := rule.Facts{
			Now: time.Now(), Customer: &a.member.customer, Segments: in[a.member.customer.ID], Order: a.facts.Order, Event: a.facts.Event,
			Holder: &a.member.customer.ID, Points: &a.points,
		}
		broken, err := c.breaks(ctx, book, a.rule.ID, f)
		if err != nil {
			return nil, err
		}
		if rules := book.rules[a.rule.ID]; len(rules) > 0 {
			a.limit = &rules[0].ID
		}
		if !broken {
			kept = append(kept, a)
		}
	}
	return kept, nil
}

// memberships says which of the segments the members of awards are in.
func (c *change) memberships(ctx context.Context, segments []uuid.UUID, awards []award) (map[uuid.UUID]map[uuid.UUID]bool, error) {
	in := map[uuid.UUID]map[uuid.UUID]bool{}
	if len(segments) == 0 {
		return in, nil
	}
	found, err := q.EarningSegments(ctx, c.tx, rows.EarningSegmentsParams{
		Segments: segments, Customers: each(awards, func(a award) uuid.UUID { return a.member.customer.ID }),
	})
	for _, row := range found {
		if in[row.CustomerID] == nil {
			in[row.CustomerID] = map[uuid.UUID]bool{}
		}
		in[row.CustomerID][row.SegmentID] = true
	}
	return in, err
}

// breaks reports whether one of the rules of an object does not hold.
func (c *change) breaks(ctx context.Context, book rulebook, object uuid.UUID, f rule.Facts) (bool, error) {
	for _, r := range book.rules[object] {
		if r.Need().Counts != 0 {
			own := rulebook{project: c.project, rules: map[uuid.UUID][]rule.Rule{object: book.rules[object]}}
			broken, err := own.broken(ctx, c.tx, f)
			return len(broken) > 0, err
		}
	}
	return slices.ContainsFunc(book.rules[object], func(r rule.Rule) bool { return r.Check(f) != nil }), nil
}

// award puts points on cards, and tells of it.
func (c *change) award(ctx context.Context, awards []award) error {
	awards, err := c.holdAwards(ctx, awards)
	if err != nil || len(awards) == 0 {
		return err
	}
	movements := make([]balance.Movement, len(awards))
	automation := "Automation"
	for i, a := range awards {
		movements[i] = balance.Movement{
			Voucher: a.member.card, Amount: a.points, Type: balance.PointsAccrual, Source: &automation,
			Expires: balance.Expiration{Rules: a.rule.ExpirationRules}, Details: a.details(),
		}
	}
	made, err := c.moveBalances(ctx, movements)
	if err != nil {
		return err
	}
	for i, a := range awards {
		account, err := balance.AccountOf(made[i].voucher)
		if err != nil {
			return err
		}
		data := map[string]any{
			"holder": customer.ShowSimple(a.member.customer), "voucher": voucher.ShowSimple(made[i].voucher, &a.of.campaign.Name),
			"campaign": a.of.shownCampaign(), "loyalty_tier": a.of.shown(a.member.tier),
			"earning_rule": loyalty.ShowRule(a.rule, id.Rule.FormatPtr(a.limit)),
			"balance":      account.Show(balance.PointsAccrual, a.points, a.member.card), "order": a.what.Data["order"],
			"event": c.shownEvent(a.what),
		}
		c.happened(occurrence.Occurrence{
			Type: occurrence.RewardedPoints, Customer: a.what.Customer, Subject: &a.of.campaign.ID, Tier: a.member.tier, Data: data,
		})
	}
	return nil
}

// details is what the card's transaction shows of the award.
func (a award) details() map[string]any {
	details := map[string]any{"earning_rule": map[string]any{"id": a.rule.PublicID(), "source": map[string]any{"banner": a.rule.Source.Banner}}}
	for _, name := range []string{"segment", "loyalty_tier"} {
		if about, ok := a.what.Data[name]; ok {
			details[name] = about
		}
	}
	if shown, ok := a.what.Data["order"].(order.Shown); ok {
		details["order"] = map[string]any{"id": shown.ID, "source_id": shown.SourceID}
	}
	if shown, ok := a.what.Data["event"].(event.Shown); ok {
		details["custom_event"] = map[string]any{"id": shown.ID, "type": shown.Type}
	}
	return details
}

// shownEvent is the occurrence that earned points, as the occurrence of the points shows it.
func (c *change) shownEvent(o occurrence.Occurrence) map[string]any {
	by, ok := c.sources[o.Customer]
	if !ok {
		by = c.source
	}
	return map[string]any{
		"type": o.Type, "category": "EFFECT", "entity_id": id.Customer.Format(o.Customer), "created_at": stamp.Stamp(time.Now()),
		"group_id": by.GroupID,
	}
}
