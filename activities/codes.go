package activities

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"herald/db"
)

// Codes works on the vouchers of whole campaigns.
type Codes struct {
	Campaigns db.Campaigns
	Vouchers  db.Vouchers
	Actions   db.AsyncActions
	// Announce tells a distribution that its campaign has new codes.
	Announce func(ctx context.Context, project, distribution uuid.UUID) error
}

// CampaignRef names a campaign.
type CampaignRef struct{ ProjectID, CampaignID uuid.UUID }

// CodesRef names an async action on the vouchers of a campaign; the campaign's id is zero where they are of none.
type CodesRef struct {
	CampaignRef
	ActionID uuid.UUID
}

// codesPerStep is how many codes one activity makes; then the run shows how far it is.
const codesPerStep = 50_000

// patience is how many attempts an activity looks for an action that its request has not committed yet: about half a minute.
const patience = 8

// GenerateVoucherCodes makes up to codesPerStep of the codes that an action asks for, and says how far that is.
func (a *Codes) GenerateVoucherCodes(ctx context.Context, in CodesRef) (db.CodesMade, error) {
	var first int64 = -1
	for {
		made, err := onceOrdered(ctx, func() (db.CodesMade, error) { return a.Campaigns.MakeCodes(ctx, in.ProjectID, in.ActionID) })
		if err != nil {
			return made, err
		}
		if first < 0 {
			first = made.Made
		}
		if made.Done() || made.Made-first >= codesPerStep {
			return made, nil
		}
		activity.RecordHeartbeat(ctx, made)
	}
}

// NeverOrdered is the type of the error that ends work nobody ordered.
const NeverOrdered = "never_ordered"

// onceOrdered does work that a request ordered. The request starts the run and commits a moment later, so an order that is
// not there is looked for again: here for about a second, then by the engine, and at last given up.
func onceOrdered[T any](ctx context.Context, work func() (T, error)) (T, error) {
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		out, err := work()
		if !errors.Is(err, db.ErrNoOrder) {
			return out, outcome(err)
		}
		if wait > time.Second {
			if activity.GetInfo(ctx).Attempt >= patience {
				err = temporal.NewNonRetryableApplicationError("the request that ordered this was not completed", NeverOrdered, err)
			}
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// CodesEnd is how an order ended.
type CodesEnd struct {
	CodesRef
	Made    int64
	Failure string // why it failed; empty where it did not
}

// EndGeneration writes down that an order for codes is done, or failed.
func (a *Codes) EndGeneration(ctx context.Context, in CodesEnd) error {
	return outcome(a.Campaigns.EndCodes(ctx, in.ProjectID, in.CampaignID, in.ActionID, in.Made, in.Failure))
}

// AnnounceCodes tells the distributions that wait for codes of the campaign that there are some, and says how many it told.
func (a *Codes) AnnounceCodes(ctx context.Context, in CampaignRef) (int, error) {
	waiting, err := a.Campaigns.Waiting(ctx, in.ProjectID, in.CampaignID)
	if err != nil {
		return 0, outcome(err)
	}
	for _, distribution := range waiting {
		if err := a.Announce(ctx, in.ProjectID, distribution); err != nil {
			return 0, err
		}
	}
	return len(waiting), nil
}

// ImportVoucherCodes writes the vouchers that an action brought.
func (a *Codes) ImportVoucherCodes(ctx context.Context, in CodesRef) (db.Imported, error) {
	return onceOrdered(ctx, func() (db.Imported, error) {
		return a.Vouchers.ImportAll(ctx, in.ProjectID, in.ActionID, func(so db.Imported) { activity.RecordHeartbeat(ctx, so) })
	})
}

// FailVoucherAction ends an action on vouchers that cannot be done.
func (a *Codes) FailVoucherAction(ctx context.Context, in CodesEnd) error {
	return outcome(a.Actions.Fail(ctx, in.ProjectID, in.ActionID, in.Failure))
}

// DeleteCampaignVouchers deletes a campaign with its vouchers and returns how many those were.
func (a *Codes) DeleteCampaignVouchers(ctx context.Context, in CodesRef) (int64, error) {
	return onceOrdered(ctx, func() (int64, error) {
		return a.Campaigns.DeleteAll(ctx, in.ProjectID, in.ActionID, func(deleted int64) { activity.RecordHeartbeat(ctx, deleted) })
	})
}

// AdoptCampaignChange brings what a changed campaign says to its vouchers that nobody has yet, and returns how many those
// were.
func (a *Codes) AdoptCampaignChange(ctx context.Context, in CodesRef) (int64, error) {
	return onceOrdered(ctx, func() (int64, error) {
		return a.Campaigns.AdoptAll(ctx, in.ProjectID, in.ActionID, func(changed int64) { activity.RecordHeartbeat(ctx, changed) })
	})
}

// MergeVoucherMetadata carries an update of many vouchers out.
func (a *Codes) MergeVoucherMetadata(ctx context.Context, in CodesRef) (db.Imported, error) {
	return onceOrdered(ctx, func() (db.Imported, error) {
		return a.Vouchers.MergeAll(ctx, in.ProjectID, in.ActionID, func(so db.Imported) { activity.RecordHeartbeat(ctx, so) })
	})
}
