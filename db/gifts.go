package db

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/campaign"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/publication"
	"herald/internal/voucher"
)

// gift is what a customer is given of a campaign without having asked: a coupon, or credits or points.
type gift struct {
	balance *int64         // the credits or points; nil: a coupon
	channel string         // of the publication of a new code; "" is the usual one
	details map[string]any // of the transaction
}

// given is what a customer was given.
type given struct {
	voucher  *voucher.Voucher
	campaign *campaign.Campaign // of the voucher
	balance  map[string]any     // what was put on it
}

// noCodeYet means that a gift needs a code of a campaign that has none left, and makes more.
type noCodeYet struct{ campaign uuid.UUID }

func (noCodeYet) Error() string { return "a gift needs a code that has to be made first" }

// inChangeThatGives is inChange for changes that give gifts: where a campaign has to make the code first, it does, and the
// change is run again.
func inChangeThatGives(ctx context.Context, pool *pgxpool.Pool, project uuid.UUID, do func(*change) error) error {
	for left := attempts; ; left-- {
		err := inChange(ctx, pool, project, do)
		var none noCodeYet
		if !errors.As(err, &none) {
			return err
		}
		if left == 0 {
			return fault.New(fault.NoVoucher, "The codes that gifts need are given away faster than they are made; try again")
		}
		if _, err := (Campaigns{pool}).TopUp(ctx, project, none.campaign, 1+spare); err != nil {
			return err
		}
	}
}

// gift gives a customer a coupon of a campaign; credits or points go to the card of the campaign that they hold, or to a new one.
func (c *change) gift(ctx context.Context, to customer.Customer, of campaign.Campaign, what gift) (g given, err error) {
	g.campaign = &of
	if what.balance != nil {
		held, err := q.RewardCard(ctx, c.tx, rows.RewardCardParams{ProjectID: c.project, CampaignID: &of.ID, HolderID: &to.ID})
		if err != nil && !missing(err) {
			return g, err
		}
		if err == nil {
			card := voucher.Voucher(held)
			g.voucher = &card
		}
	}
	if g.voucher == nil {
		if g.voucher, err = c.giveCode(ctx, to, of, what.channel); err != nil {
			return g, err
		}
	}
	if what.balance == nil {
		return g, nil
	}
	return g, c.putOnCard(ctx, &g, what)
}

// giveCode publishes a code of a campaign to a customer.
func (c *change) giveCode(ctx context.Context, to customer.Customer, of campaign.Campaign, channel string) (*voucher.Voucher, error) {
	ask := publication.Request{Campaign: &of, Channel: channel}.WithDefaults()
	made, refused, err := c.publish(ctx, Saving{ID: &to.ID}, ask, of.Type == campaign.AutoUpdate)
	switch {
	case errors.Is(err, errFewCodes):
		return nil, noCodeYet{of.ID}
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused
	}
	return &made.Vouchers[0], nil
}

// putOnCard puts credits or points on the card that they are given on.
func (c *change) putOnCard(ctx context.Context, g *given, what gift) error {
	source, amount := "Automation", *what.balance
	after, err := c.moveBalance(ctx, balance.Movement{
		Voucher: g.voucher.ID, Amount: amount, Type: balance.ByHand(g.voucher.Type, amount), Source: &source, Details: what.details,
	})
	g.voucher = &after
	g.balance = map[string]any{"amount": amount}
	if after.Type == voucher.LoyaltyCard {
		g.balance = map[string]any{"points": amount}
	}
	return err
}
