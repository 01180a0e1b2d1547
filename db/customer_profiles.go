package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/referral"
)

// Profiles adds to customers of the project everything else that the public API shows of them, in their order.
func (s Customers) Profiles(ctx context.Context, project uuid.UUID, of []customer.Customer) ([]customer.Profile, error) {
	profiles := make([]customer.Profile, len(of))
	at := make(map[uuid.UUID]*customer.Profile, len(of))
	ids := make([]uuid.UUID, len(of))
	for i, c := range of {
		profiles[i] = customer.Profile{Customer: c, Campaigns: map[string]customer.InCampaign{}}
		at[c.ID], ids[i] = &profiles[i], c.ID
	}
	if len(of) == 0 {
		return profiles, nil
	}
	figures, err := q.FiguresOf(ctx, s.Pool, rows.FiguresOfParams{ProjectID: project, Customers: ids})
	if err != nil {
		return nil, err
	}
	for _, f := range figures {
		at[f.CustomerID].Figures = figuresOf(f)
	}
	programmes, err := q.ProgrammesOf(ctx, s.Pool, rows.ProgrammesOfParams{ProjectID: project, Customers: ids})
	if err != nil {
		return nil, err
	}
	for _, p := range programmes {
		in := customer.InCampaign{Points: p.Points, ReferredCustomers: p.Referred}
		if p.Tier != uuid.Nil {
			in.Tier = &p.Tier
		}
		at[p.CustomerID].Campaigns[p.Name] = in
	}
	referrals, err := q.ReferralsOf(ctx, s.Pool, rows.ReferralsOfParams{ProjectID: project, Customers: ids})
	if err != nil {
		return nil, err
	}
	for _, r := range referrals {
		at[r.RefereeID].Referrals = append(at[r.RefereeID].Referrals, referral.Referral(r))
	}
	return profiles, nil
}

func figuresOf(f rows.CustomerFigure) customer.Figures {
	return customer.Figures{
		OrdersAmount: f.OrdersAmount, OrdersCount: f.OrdersCount, LastOrderAt: f.LastOrderAt, LastOrderAmount: f.LastOrderAmount,
		RedemptionsSucceeded: f.RedemptionsSucceeded, RedemptionsFailed: f.RedemptionsFailed,
		RollbacksSucceeded: f.RollbacksSucceeded, RollbacksFailed: f.RollbacksFailed,
		GiftRedeemed: f.GiftRedeemed, GiftToGo: f.GiftToGo, PointsRedeemed: f.PointsRedeemed, PointsToGo: f.PointsToGo,
		Points: f.Points, ReferredCustomers: f.ReferredCustomers,
	}
}
