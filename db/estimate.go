package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/order"
	"herald/internal/redemption"
)

// Estimate is how many points the programme would give the customer if the order came to be paid now. It asks what earning asks,
// and writes nothing: no customer, no order.
func (s EarningRules) Estimate(ctx context.Context, of campaign.Campaign, p Placing) (points int64, err error) {
	if !of.Active {
		return 0, fault.New(fault.CampaignNotActive, "Loyalty campaign '%s' is not active", id.Campaign.Format(of.ID))
	}
	err = inPipeline(ctx, s.Pool, func(tx *pipeline) error {
		ask := Asking{Request: redemption.Request{Order: &p.Draft}, Customer: p.Customer}
		a := &assessment{from: tx, project: of.ProjectID, ask: ask}
		if err := a.suppose(ctx); err != nil {
			return err
		}
		c := &change{tx: tx, project: of.ProjectID} // it never settles, so nothing comes of it
		awards, err := c.wouldEarn(ctx, of, *a.customer, *a.order)
		for _, one := range awards {
			points += one.points
		}
		return err
	})
	return points, err
}

// wouldEarn are the points that the programme would give for an order that is paid.
func (c *change) wouldEarn(ctx context.Context, of campaign.Campaign, by customer.Customer, paid order.Order) ([]award, error) {
	paid.Status = order.Paid
	fresh := []occurrence.Occurrence{{
		Type: occurrence.OrderPaid, Customer: by.ID, Data: map[string]any{"order": order.Show(paid)},
	}}
	campaigns := []uuid.UUID{of.ID}
	members, err := c.members(ctx, campaigns, fresh)
	if err != nil {
		return nil, err
	}
	if len(members[by.ID]) == 0 {
		if err := c.mayJoin(ctx, of, by.ID); err != nil {
			return nil, err
		}
		members[by.ID] = []member{{programme: of.ID}}
	}
	for i := range members[by.ID] {
		members[by.ID][i].customer = by // as the call says they are
	}
	offers, err := c.openOffers(ctx, eventsOf(fresh)) // those of other programmes find no member here
	if err != nil {
		return nil, err
	}
	programmes, err := c.programmes(ctx, campaigns)
	if err != nil {
		return nil, err
	}
	awards, err := awardsFor(offers, members, programmes, fresh)
	if err != nil {
		return nil, err
	}
	return c.allowed(ctx, awards)
}

// mayJoin says why a customer without a card that takes points cannot become a member by what they earn.
func (c *change) mayJoin(ctx context.Context, of campaign.Campaign, one uuid.UUID) error {
	code, err := q.EarningCard(ctx, c.tx, rows.EarningCardParams{ProjectID: c.project, CampaignID: of.ID, CustomerID: one})
	switch {
	case err == nil:
		return fault.New(fault.CardNotActive, "Customer's loyalty card '%s' is not active", code)
	case !missing(err):
		return err
	case !of.AutoJoin:
		return fault.New(fault.NoAutoJoin, "Loyalty campaign '%s' does not allow auto-join for non-members", id.Campaign.Format(of.ID))
	}
	return nil
}
