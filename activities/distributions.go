package activities

import (
	"context"
	"time"

	"github.com/google/uuid"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/message"
)

// Distributions records where a distribution stands.
type Distributions struct {
	Store    db.Distributions
	Messages db.Messages
}

// Ref names a distribution.
type Ref struct{ ProjectID, DistributionID uuid.UUID }

// VersionRef names what one version of a distribution says.
type VersionRef struct {
	Ref
	Version int
}

// Plan is what a run has to know of a version to make its plan.
type Plan struct {
	SegmentID *uuid.UUID // to wait for, unless the audience is one customer

	// The rest is of automatic distributions.

	Status          distribution.Status `json:",omitzero"` // where it stands now
	Reason          string              `json:",omitzero"`
	Last            int64               `json:",omitzero"` // the highest number of a message so far
	Until           time.Time           `json:",omitzero"` // its expiration date
	IncludeExisting bool                `json:",omitzero"` // who is in its segment already is enrolled, too
}

// AdoptVersion makes a version the current one.
func (a *Distributions) AdoptVersion(ctx context.Context, in VersionRef) (Plan, error) {
	spec, err := a.Store.Version(ctx, in.DistributionID, in.Version)
	if err != nil {
		return Plan{}, outcome(err)
	}
	if err := a.Store.Adopt(ctx, in.ProjectID, in.DistributionID, in.Version, spec); err != nil {
		return Plan{}, outcome(err)
	}
	if !spec.Trigger.Automatic() {
		return Plan{SegmentID: db.UsesOf(spec).Segment}, nil
	}
	now, err := a.Store.Get(ctx, in.ProjectID, in.DistributionID)
	if err != nil {
		return Plan{}, outcome(err)
	}
	plan := Plan{Status: distribution.Status(now.Status), IncludeExisting: spec.Trigger.IncludeExisting}
	if now.Reason != nil {
		plan.Reason = *now.Reason
	}
	if spec.ExpirationDate != nil {
		plan.Until = *spec.ExpirationDate
	}
	plan.Last, err = a.Messages.Last(ctx, in.DistributionID)
	return plan, outcome(err)
}

// Standing is where a distribution stands from now on, and the line that its log gets.
type Standing struct {
	Ref
	Status distribution.Status
	Reason string
	SendAt *time.Time
	Actor  string // who did it: an API key's app id, or "herald"
	Event  string
	Tally  *message.Tally // what the log says beside the event
}

// RecordStatus writes it down.
func (a *Distributions) RecordStatus(ctx context.Context, in Standing) error {
	details := map[string]any{}
	if in.Reason != "" {
		details["reason"] = in.Reason
	}
	if in.SendAt != nil {
		details["send_at"] = in.SendAt.UTC()
	}
	if in.Tally != nil {
		details["messages"] = in.Tally
	}
	return outcome(a.Store.Record(ctx, in.ProjectID, in.DistributionID, db.Standing{
		Status: in.Status, Reason: in.Reason, SendAt: in.SendAt, Actor: in.Actor, Event: in.Event, Details: details,
	}))
}
