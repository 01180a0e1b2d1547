package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/event"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/referral"
	"herald/internal/segment"
	"herald/internal/voucher"
)

// Events is the store of custom events: they are counted for their customers, and kept as occurrences.
type Events struct {
	Pool    *pgxpool.Pool
	tracked group[Tracking, event.Event]
}

// NewEvents is the store on that pool. Events that come at the same time share transactions.
func NewEvents(pool *pgxpool.Pool) *Events {
	s := &Events{Pool: pool}
	s.tracked.run, s.tracked.about = s.track, Tracking.about
	return s
}

// Tracking is an event as a caller tells of it.
type Tracking struct {
	event.Draft
	Customer Saving
}

// about names the customer, and what the event names, which belongs to other customers.
func (t Tracking) about() []string {
	names := []string{"customer " + t.Customer.key()}
	if t.Referral != nil {
		names = append(names, "referral")
	}
	return names
}

// Track records an event that Check found nothing wrong with. A customer of a new source id is made.
func (s *Events) Track(ctx context.Context, project uuid.UUID, t Tracking) (event.Event, error) {
	return s.tracked.do(ctx, project, t)
}

func (s *Events) track(ctx context.Context, project uuid.UUID, asks []asked[Tracking]) (events []event.Event, err error) {
	err = inChangeThatGives(ctx, s.Pool, project, func(c *change) error {
		cards, err := c.cardsOf(ctx, asks)
		if err != nil {
			return err
		}
		if events, err = c.prepareEvents(ctx, asks, cards); err != nil {
			return err
		}
		p := rows.EventCountParams{}
		for _, e := range events {
			p.CustomerIds, p.Names = append(p.CustomerIds, e.Customer.ID), append(p.Names, e.Name)
			c.touch(e.Customer.ID, segment.Events)
		}
		if err := q.EventCount(ctx, c.tx.later(), p); err != nil {
			return err
		}
		for _, e := range events {
			if err := c.tellEvent(ctx, e, cards); err != nil {
				return err
			}
		}
		return carryOutFor(c, asks, events)
	})
	return events, err
}

// prepareEvents meets the customers, and holds the events against the cards that they name.
func (c *change) prepareEvents(ctx context.Context, asks []asked[Tracking], cards namedCards) ([]event.Event, error) {
	met, err := c.meet(ctx, each(asks, func(a asked[Tracking]) Saving { return a.ask.Customer }))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	events := make([]event.Event, len(asks))
	c.sources = make(map[uuid.UUID]occurrence.Source, len(asks))
	for i, a := range asks {
		if _, taken := c.sources[met[i].ID]; taken {
			return nil, errApart
		}
		c.sources[met[i].ID] = a.source
		e := event.Event{ID: id.New(), Name: a.ask.Name, Customer: met[i], Metadata: a.ask.Metadata.Raw(), CreatedAt: now}
		if e.Loyalty, err = cards.named(a.ask.loyaltyCode()); err != nil {
			return nil, fault.Inside("loyalty.code", err)
		}
		if e.Loyalty != nil && e.Loyalty.Type != voucher.LoyaltyCard {
			return nil, fault.Property("loyalty.code", "Voucher %s is no loyalty card", e.Loyalty.Code)
		}
		if e.Referral, err = cards.named(a.ask.referralCode()); err != nil {
			return nil, fault.Inside("referral.code", err)
		}
		if err := c.checkReferral(ctx, a.ask, e); err != nil {
			return nil, err
		}
		events[i] = e
	}
	return events, nil
}

func (t Tracking) loyaltyCode() string {
	if t.Loyalty == nil {
		return ""
	}
	return t.Loyalty.Code
}

func (t Tracking) referralCode() string {
	if t.Referral == nil {
		return ""
	}
	return t.Referral.Code
}

// checkReferral holds what an event says of a referral against the code.
func (c *change) checkReferral(ctx context.Context, t Tracking, e event.Event) error {
	switch {
	case e.Referral == nil:
		return nil
	case !e.Referral.IsReferralCode:
		return fault.Property("referral.code", "Voucher %s is no referral code", e.Referral.Code)
	case t.Referral.ReferrerID == nil || e.Referral.HolderID == nil:
		return nil
	}
	if id.Customer.Format(*e.Referral.HolderID) == *t.Referral.ReferrerID {
		return nil
	}
	holder, err := q.CustomerGet(ctx, c.tx, rows.CustomerGetParams{ProjectID: c.project, ID: *e.Referral.HolderID})
	if err == nil && or(holder.SourceID, "") != *t.Referral.ReferrerID {
		return fault.Property("referral.referrer_id", "The referral code %s is not that customer's", e.Referral.Code)
	}
	return err
}

// namedCards are vouchers by their codes, and their campaigns by id.
type namedCards struct {
	vouchers  map[string]*voucher.Voucher
	campaigns map[uuid.UUID]campaign.Campaign
}

func (n namedCards) named(code string) (*voucher.Voucher, error) {
	if code == "" {
		return nil, nil
	}
	if card, ok := n.vouchers[code]; ok {
		return card, nil
	}
	return nil, fault.Missing("voucher", code)
}

// show is a card and its campaign, as the data of a custom event shows them.
func (n namedCards) show(card voucher.Voucher) map[string]any {
	if card.CampaignID == nil {
		return map[string]any{"voucher": voucher.ShowSimple(card, nil), "campaign": nil}
	}
	of := n.campaigns[*card.CampaignID]
	return map[string]any{"voucher": voucher.ShowSimple(card, &of.Name), "campaign": campaign.ShowSimple(of)}
}

// cardsOf finds the vouchers that events name.
func (c *change) cardsOf(ctx context.Context, asks []asked[Tracking]) (namedCards, error) {
	n := namedCards{map[string]*voucher.Voucher{}, map[uuid.UUID]campaign.Campaign{}}
	var codes []string
	for _, a := range asks {
		for _, code := range []string{a.ask.loyaltyCode(), a.ask.referralCode()} {
			if code != "" {
				codes = append(codes, code)
			}
		}
	}
	if len(codes) == 0 {
		return n, nil
	}
	found, err := q.EventVouchers(ctx, c.tx, rows.EventVouchersParams{ProjectID: c.project, Codes: codes})
	if err != nil {
		return n, err
	}
	of := []uuid.UUID{}
	for _, row := range found {
		card := toVoucher(row)
		n.vouchers[card.Code] = &card
		if card.CampaignID != nil {
			of = append(of, *card.CampaignID)
		}
	}
	campaigns, err := q.EventCampaigns(ctx, c.tx, rows.EventCampaignsParams{ProjectID: c.project, Ids: of})
	for _, row := range campaigns {
		n.campaigns[row.ID] = campaign.Campaign(row)
	}
	return n, err
}

// tellEvent says that the event happened, and refers the customer where it names a referral code.
func (c *change) tellEvent(ctx context.Context, e event.Event, cards namedCards) error {
	shown := event.Show(e)
	data := map[string]any{"event": shown, "event_schema": nil, "referral": nil, "loyalty": nil}
	if e.Loyalty != nil {
		data["loyalty"] = cards.show(*e.Loyalty)
	}
	if e.Referral != nil {
		data["referral"] = cards.show(*e.Referral)
	}
	c.happened(occurrence.Occurrence{Type: occurrence.CustomEvent, Customer: e.Customer.ID, Name: e.Name, Data: data})
	if e.Referral == nil {
		return nil
	}
	_, err := c.refer(ctx, *e.Referral, e.Customer.ID, referral.Cause{Type: referral.Event, ID: e.ID, Name: e.Name, Shown: shown})
	return err
}
