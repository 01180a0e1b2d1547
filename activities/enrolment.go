package activities

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/publication"
)

// Enrolment turns an audience into messages, and gives out codes.
type Enrolment struct {
	Distributions db.Distributions
	Messages      db.Messages
	Campaigns     db.Campaigns
	Letters       *Letters
	PageSize      int // people enrolled in one transaction
}

// EnrolInput is where in the audience to go on.
type EnrolInput struct {
	VersionRef
	After uuid.UUID // the last customer of the page before; zero at the start
}

// EnrolPage writes the messages of the next page of the audience.
func (a *Enrolment) EnrolPage(ctx context.Context, in EnrolInput) (db.Enrolled, error) {
	defer beat(ctx)()
	enrolment, err := a.enrolment(ctx, in)
	if err != nil {
		return db.Enrolled{}, outcome(err)
	}
	if enrolment.Campaign != nil {
		people, err := a.Messages.AudiencePage(ctx, enrolment)
		if err != nil {
			return db.Enrolled{}, outcome(err)
		}
		if _, err := a.Campaigns.TopUp(ctx, in.ProjectID, enrolment.Campaign.ID, len(people)); err != nil {
			return db.Enrolled{}, outcome(err)
		}
	}
	enrolled, err := a.Messages.Enrol(ctx, enrolment)
	return enrolled, outcome(err)
}

func (a *Enrolment) enrolment(ctx context.Context, in EnrolInput) (db.Enrolment, error) {
	edition, err := a.Letters.edition(ctx, in.VersionRef)
	if err != nil {
		return db.Enrolment{}, err
	}
	return a.prepare(ctx, in, edition)
}

// prepare is an enrolment by what a version says.
func (a *Enrolment) prepare(ctx context.Context, in EnrolInput, of edition) (db.Enrolment, error) {
	spec := of.spec
	e := db.Enrolment{
		Project: in.ProjectID, Distribution: in.DistributionID, Version: in.Version, After: in.After, PageSize: a.PageSize,
		Channels: len(spec.Channels), Paths: of.paths(), PublicationChannel: publicationChannel(spec),
	}
	for _, consent := range spec.Consents {
		u, _ := id.Consent.Parse(consent)
		e.Consents = append(e.Consents, u)
	}
	if spec.Audience != nil {
		if u, ok := id.Customer.Parse(spec.Audience.CustomerID); ok {
			e.Audience.Customer = &u
		}
	}
	uses := db.UsesOf(spec)
	e.Audience.Segment = uses.Segment // of an automatic one: who was in it before it went live
	if spec.Action.Type == distribution.PublishCode {
		from, err := a.Campaigns.Get(ctx, in.ProjectID, *uses.Campaign)
		if err != nil {
			return db.Enrolment{}, err
		}
		e.Campaign = &from
	}
	return e, nil
}

// Published says how far the codes went.
type Published struct{ Given, Waiting int64 }

// PublishWaiting gives codes to those who wait for one, for as many as there are.
func (a *Enrolment) PublishWaiting(ctx context.Context, in Ref) (Published, error) {
	defer beat(ctx)()
	current, err := a.Distributions.Get(ctx, in.ProjectID, in.DistributionID)
	if err != nil {
		return Published{}, outcome(err)
	}
	if current.CampaignID == nil {
		return Published{}, outcome(fault.New(fault.Conflict, "the distribution publishes no codes"))
	}
	from, err := a.Campaigns.Get(ctx, in.ProjectID, *current.CampaignID)
	if err != nil {
		return Published{}, outcome(err)
	}
	all, err := a.publish(ctx, db.Enrolment{
		Project: in.ProjectID, Distribution: in.DistributionID, Campaign: &from, PageSize: a.PageSize,
		PublicationChannel: publicationChannel(current.Spec),
	})
	if err != nil {
		return all, outcome(err)
	}
	return all, outcome(a.Messages.Recount(ctx, in.DistributionID))
}

// publicationChannel is what publications of a distribution show.
func publicationChannel(spec distribution.Spec) string {
	if spec.Trigger.Automatic() {
		return publication.Automatic
	}
	return publication.Manual
}

func (a *Enrolment) publish(ctx context.Context, e db.Enrolment) (all Published, err error) {
	for {
		waiting, _, _, err := a.Messages.Waiting(ctx, e.Distribution)
		if err != nil {
			return all, err
		}
		if _, err := a.Campaigns.TopUp(ctx, e.Project, e.Campaign.ID, min(int(waiting), a.PageSize)); err != nil {
			return all, err
		}
		given, waiting, err := a.Messages.PublishWaiting(ctx, e)
		if err != nil {
			return all, err
		}
		all.Given += given
		all.Waiting = waiting - given
		if given < waiting || waiting == 0 {
			return all, nil
		}
	}
}

// variablePaths are the parts of a customer that messages keep: what templates use, by its first two or three names.
func variablePaths(variables []string) []string {
	var paths []string
	for _, v := range variables {
		parts := strings.SplitN(v, ".", 3)
		if parts[0] != "customer" || len(parts) < 2 {
			continue
		}
		if path := parts[0] + "." + parts[1]; !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}
