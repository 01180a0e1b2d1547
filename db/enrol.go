package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/campaign"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/voucher"
)

// Audience is whom a distribution is for: one customer, or the members of a segment.
type Audience struct{ Customer, Segment *uuid.UUID }

// Enrolment is one page of an audience and what its messages need.
type Enrolment struct {
	Project, Distribution uuid.UUID
	Version               int
	Audience              Audience
	After                 uuid.UUID // the last customer of the page before; zero at the start
	PageSize              int       // people, at most
	Consents              []uuid.UUID
	Campaign              *campaign.Campaign // whose codes are published, one to each recipient
	Channels              int
	Depth                 int      // how many messages stand behind these, one causing the next
	Paths                 []string // the variables that the templates use
	PublicationChannel    string   // as publications show it
}

// Enrolled is how far the audience is enrolled now.
type Enrolled struct {
	After   uuid.UUID // the last customer of this page
	LastSeq int64     // the highest number of a message so far
	Done    bool
}

// Enrol writes the messages of one page of the audience and gives out their codes, in one transaction. Doing a page again
// changes nothing and returns the same.
func (s Messages) Enrol(ctx context.Context, e Enrolment) (Enrolled, error) {
	var done Enrolled
	err := inChange(ctx, s.Pool, e.Project, func(c *change) error {
		at, err := q.EnrolmentLock(ctx, c.tx, rows.EnrolmentLockParams{ProjectID: e.Project, ID: e.Distribution})
		if missing(err) {
			return notFound(e.Distribution)
		}
		if err != nil {
			return err
		}
		if at.EnrolledAfter != e.After || at.EnrolledAll { // this page was done before, by an attempt that could not tell
			done = Enrolled{After: at.EnrolledAfter, Done: at.EnrolledAll}
			done.LastSeq, err = q.MessageLastSeq(ctx, c.tx, e.Distribution)
			return err
		}
		done, err = c.enrolPage(ctx, e)
		return err
	})
	return done, err
}

// firstPage is how many people are enrolled first: each page is as large as all before it, up to Enrolment.PageSize, so that
// the first messages leave soon and whoever sends never waits for the next.
const firstPage = 1000

func (c *change) enrolPage(ctx context.Context, e Enrolment) (done Enrolled, err error) {
	before, err := q.MessageLastSeq(ctx, c.tx, e.Distribution)
	if err != nil {
		return done, err
	}
	e.PageSize = min(e.PageSize, max(firstPage, int(before)))
	people, err := audiencePage(ctx, c.tx, e)
	if err != nil {
		return done, err
	}
	if err := c.enrol(ctx, e, recipients{customers: people}); err != nil {
		return done, err
	}
	done = Enrolled{After: e.After, Done: len(people) < e.PageSize}
	if len(people) > 0 {
		done.After = people[len(people)-1]
	}
	if done.LastSeq, err = q.MessageLastSeq(ctx, c.tx, e.Distribution); err != nil {
		return done, err
	}
	if err := recount(ctx, c.tx, e.Distribution, before+1, done.LastSeq); err != nil {
		return done, err
	}
	return done, q.EnrolmentAdvance(ctx, c.tx, rows.EnrolmentAdvanceParams{
		ID: e.Distribution, EnrolledAfter: done.After, EnrolledAll: done.Done,
	})
}

// AudiencePage is whom Enrol would enrol next.
func (s Messages) AudiencePage(ctx context.Context, e Enrolment) ([]uuid.UUID, error) {
	return audiencePage(ctx, s.Pool, e)
}

func audiencePage(ctx context.Context, on rows.DBTX, e Enrolment) ([]uuid.UUID, error) {
	if e.Audience.Segment == nil {
		if e.After != (uuid.UUID{}) {
			return nil, nil
		}
		return []uuid.UUID{*e.Audience.Customer}, nil
	}
	return q.AudiencePage(ctx, on, rows.AudiencePageParams{
		SegmentID: *e.Audience.Segment, CustomerID: e.After, Limit: int32(e.PageSize),
	})
}

// recipients are who is enrolled, and where occurrences trigger what each of those brings. The lists are of one length, or empty.
type recipients struct {
	customers   []uuid.UUID
	occurrences []int64
	datas       []string // objects, for the templates
	obstacles   []string // why a message is skipped; "" where nothing is in its way
	waits       []string // why it waits, and until when
	dues        []time.Time
}

// fewPeople is how many are enrolled by a plan that is kept.
const fewPeople = 1000

func (c *change) enrol(ctx context.Context, e Enrolment, to recipients) error {
	if len(to.customers) == 0 {
		return nil
	}
	// A plan made for any number of people would be made for ten, and join ten thousand to ten thousand by loops. But planning
	// takes longer than writing down a few messages, and where no codes are given there is nothing to join them to.
	plan := "SET LOCAL plan_cache_mode = force_custom_plan"
	if len(to.customers) <= fewPeople && e.Campaign == nil {
		c.tx.replan()
		plan = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"
	}
	if _, err := c.tx.later().Exec(ctx, plan); err != nil {
		return err
	}
	p := rows.MessageEnrolParams{
		DistributionID: e.Distribution, ProjectID: e.Project, Version: int32(e.Version), CustomerIds: to.customers,
		Occurrences: nonNil(to.occurrences), Datas: nonNil(to.datas), Obstacles: nonNil(to.obstacles), Waits: nonNil(to.waits), Dues: nonNil(to.dues),
		PublicationChannel: e.PublicationChannel,
		Consents:           nonNil(e.Consents), ChannelCount: int32(e.Channels), Paths: nonNil(e.Paths), Campaign: json.RawMessage("null"),
		PublicationMetadata: publicationMetadata(e.Distribution), Source: told, GroupID: id.Distribution.Format(e.Distribution),
		Depth: int16(e.Depth) + 1,
	}
	if e.Campaign == nil {
		_, err := q.MessageEnrol(ctx, c.tx, p)
		return err
	}
	if _, err := c.lock(ctx, to.customers...); err != nil {
		return err
	}
	var err error
	if p.Campaign, err = json.Marshal(campaign.ShowSimple(*e.Campaign)); err != nil {
		return err
	}
	c.source = sourceOf(e.Distribution, e.Depth+1)
	p.CampaignID, p.CampaignName, p.JoinOnce, p.Listing = &e.Campaign.ID, e.Campaign.Name, e.Campaign.JoinOnce, holdsBalance(*e.Campaign)
	given, err := q.MessageEnrol(ctx, c.tx, p)
	if err != nil {
		return err
	}
	return c.givenMany(ctx, given)
}

// told is the source of what a distribution makes happen.
var told = json.RawMessage(`{"channel": "` + occurrence.ChannelInternal + `"}`)

// sourceOf says who made happen what follows from codes that a distribution gives: so many messages stand behind it.
func sourceOf(distribution uuid.UUID, depth int) occurrence.Source {
	return occurrence.Source{
		Channel: occurrence.ChannelInternal, GroupID: id.Distribution.Format(distribution), Distribution: &distribution, Depth: depth,
	}
}

// holdsBalance reports whether what is on the campaign's vouchers counts in the figures of those who get them.
func holdsBalance(c campaign.Campaign) bool { return c.Voucher.Type != voucher.DiscountVoucher }

// givenMany counts what is on vouchers that many customers were given at once; that they were is told already.
func (c *change) givenMany(ctx context.Context, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := q.PublicationVouchers(ctx, c.tx, rows.PublicationVouchersParams{ProjectID: c.project, Ids: ids})
	if err != nil {
		return err
	}
	return c.keep(ctx, each(found, toVoucher))
}

// PublishWaiting gives codes of the enrolment's campaign to a page of those who wait for one, and says how many got one of how
// many asked. Tallies are the caller's to recount, once all pages are done.
func (s Messages) PublishWaiting(ctx context.Context, e Enrolment) (given, waiting int64, err error) {
	from := *e.Campaign
	shown, err := json.Marshal(campaign.ShowSimple(from))
	if err != nil {
		return 0, 0, err
	}
	err = inChange(ctx, s.Pool, from.ProjectID, func(c *change) error {
		people, err := q.MessageWaitingPeople(ctx, c.tx, rows.MessageWaitingPeopleParams{DistributionID: e.Distribution, PageSize: int32(e.PageSize)})
		if err != nil {
			return err
		}
		if _, err := c.lock(ctx, people...); err != nil {
			return err
		}
		row, err := q.MessagePublishWaiting(ctx, c.tx, rows.MessagePublishWaitingParams{
			ProjectID: from.ProjectID, DistributionID: e.Distribution, CampaignID: &from.ID, CustomerIds: people, CampaignName: from.Name,
			PublicationChannel: e.PublicationChannel, Campaign: shown, PublicationMetadata: publicationMetadata(e.Distribution), Source: told,
			GroupID: id.Distribution.Format(e.Distribution), Listing: holdsBalance(from),
		})
		if err != nil {
			return err
		}
		given, waiting = row.Given, row.Waiting
		c.source = sourceOf(e.Distribution, int(row.Deepest))
		return c.givenMany(ctx, row.Vouchers)
	})
	return given, waiting, err
}

// publicationMetadata is what the public API shows on publications that a distribution made.
func publicationMetadata(distribution uuid.UUID) json.RawMessage {
	name := id.Distribution.Format(distribution)
	text, _ := json.Marshal(map[string]string{"source_type": "distribution", "source_id": name, "distribution_id": name})
	return text
}

// recount makes the tallies of every thousand that the numbers touch true again.
func recount(ctx context.Context, on rows.DBTX, distribution uuid.UUID, from, to int64) error {
	if to < from {
		return nil
	}
	return q.MessageTallyRecount(ctx, on, rows.MessageTallyRecountParams{
		DistributionID: distribution, FromThousand: thousand(from), ToThousand: thousand(to),
	})
}

// thousand is where a message's number belongs.
func thousand(seq int64) int64 { return (seq - 1) / 1000 }

// nonNil keeps an empty list from becoming NULL.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
