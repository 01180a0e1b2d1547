package db

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/loyalty"
)

// Tiers is the store of the tiers of loyalty programmes.
type Tiers struct{ Pool *pgxpool.Pool }

// tiersPage is how many members one transaction looks at.
const tiersPage = 1000

// Create makes tiers of a programme, all or none. Members who have the points for them are in them at once; of a programme with
// many members the rest follows with RetierPage.
func (s Tiers) Create(ctx context.Context, project, programme uuid.UUID, drafts []loyalty.TierDraft) (made []loyalty.Tier, err error) {
	err = s.recheck(ctx, project, programme, func(c *change) (err error) {
		made, err = c.makeTiers(ctx, programme, drafts)
		return err
	})
	return made, err
}

// Recheck looks at the tiers of all members of a programme, at the first at once and at the rest with RetierPage.
func (s Tiers) Recheck(ctx context.Context, project, programme uuid.UUID) error {
	return s.recheck(ctx, project, programme, func(*change) error { return nil })
}

// recheck looks at the members of a programme after do, which finds the programme held.
func (s Tiers) recheck(ctx context.Context, project, programme uuid.UUID, do func(*change) error) error {
	return inChange(ctx, s.Pool, project, func(c *change) error {
		members, err := q.MembersOf(ctx, c.tx, rows.MembersOfParams{ProjectID: project, CampaignID: programme, Limit: tiersPage})
		if err != nil {
			return err
		}
		if _, err := c.lock(ctx, each(members, func(m rows.MembersOfRow) uuid.UUID { return m.CustomerID })...); err != nil {
			return err
		}
		if err := lockProgramme(ctx, c.tx, project, programme); err != nil {
			return err
		}
		if err := do(c); err != nil {
			return err
		}
		if len(members) == tiersPage {
			if err := q.MembersDue(ctx, c.tx, rows.MembersDueParams{ProjectID: project, CampaignID: programme}); err != nil {
				return err
			}
		}
		return c.stand(ctx, each(members, func(m rows.MembersOfRow) uuid.UUID { return m.VoucherID }), time.Now())
	})
}

// makeTiers writes tiers of a programme that the change holds.
func (c *change) makeTiers(ctx context.Context, programme uuid.UUID, drafts []loyalty.TierDraft) ([]loyalty.Tier, error) {
	there, err := q.TiersOf(ctx, c.tx, rows.TiersOfParams{ProjectID: c.project, Campaigns: []uuid.UUID{programme}})
	if err != nil {
		return nil, err
	}
	if bad := loyalty.CheckRanges(each(there, toTier), drafts); bad != nil {
		return nil, bad
	}
	batch := make([]rows.TierCreateParams, len(drafts))
	for i, d := range drafts {
		batch[i] = rows.TierCreateParams{
			ID: id.New(), ProjectID: c.project, CampaignID: programme, Name: d.Name, PointsFrom: d.Points.From, PointsTo: d.Points.To,
			EarningRules: d.EarningRules.Raw(), Rewards: d.Rewards.Raw(), Metadata: d.Metadata.Raw(),
		}
	}
	made := make([]loyalty.Tier, len(drafts))
	var failed error
	q.TierCreate(ctx, c.tx, batch).QueryRow(func(i int, row rows.LoyaltyTier, err error) {
		made[i] = loyalty.Tier(row)
		if failed == nil {
			failed = err
		}
	})
	return made, failed
}

func toTier(row rows.LoyaltyTier) loyalty.Tier { return loyalty.Tier(row) }

// Get finds a tier of a programme by its public id.
func (s Tiers) Get(ctx context.Context, project, programme uuid.UUID, key string) (loyalty.Tier, error) {
	one, ok := id.Tier.Parse(key)
	if !ok {
		return loyalty.Tier{}, fault.Missing("loyalty_tier", key)
	}
	row, err := q.TierGet(ctx, s.Pool, rows.TierGetParams{ProjectID: project, CampaignID: programme, ID: one})
	if missing(err) {
		return loyalty.Tier{}, fault.Missing("loyalty_tier", key)
	}
	return loyalty.Tier(row), err
}

// List lists the first tiers of a programme, and how many there are in all. Order is created_at or updated_at, with "-" from
// the last.
func (s Tiers) List(ctx context.Context, project, programme uuid.UUID, order string, limit int) ([]loyalty.Tier, int64, error) {
	var w where
	w.add("l.project_id = ?", project)
	w.add("l.campaign_id = ?", programme)
	found, total, err := listPage[rows.LoyaltyTier](ctx, s.Pool, &w, "loyalty_tiers l", "l.*", byInstant("l", order), limit, 1)
	return each(found, toTier), total, err
}

// OfCard is the tier that the holder of a card is in, with from when to when; nil where they are in none.
func (s Tiers) OfCard(ctx context.Context, project, card uuid.UUID) (*loyalty.ShownTier, error) {
	row, err := q.TierOfCard(ctx, s.Pool, rows.TierOfCardParams{ProjectID: project, VoucherID: card})
	if missing(err) {
		return nil, nil
	}
	m := row.LoyaltyMember
	shown := loyalty.ShowTierOf(loyalty.Tier(row.LoyaltyTier), m.CustomerID, loyalty.Standing{Since: m.TierSince, Expires: m.TierExpiresAt})
	return &shown, err
}

// RetierPage looks at the next members, of one project, whose tiers are due to end or to begin by now, and says how many there
// were; none is none of any project. Doing it again, or at the same time, tells nothing twice: members are locked, and then looked
// at as they are.
func (s Tiers) RetierPage(ctx context.Context, now time.Time) (members int64, err error) {
	project, err := q.TiersDue(ctx, s.Pool, now)
	if missing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	err = inChange(ctx, s.Pool, project, func(c *change) error {
		due, err := q.TiersDueMembers(ctx, c.tx, rows.TiersDueMembersParams{ProjectID: project, Now: now, PageSize: tiersPage})
		if err != nil || len(due) == 0 {
			return err
		}
		if _, err := c.lock(ctx, each(due, func(m rows.TiersDueMembersRow) uuid.UUID { return m.CustomerID })...); err != nil {
			return err
		}
		members = int64(len(due))
		return c.stand(ctx, each(due, func(m rows.TiersDueMembersRow) uuid.UUID { return m.VoucherID }), now)
	})
	return members, err
}
