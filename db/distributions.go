package db

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
)

// Distributions is the store of distributions, their versions and their log. Drafts are written by the API; once a
// distribution is confirmed, only the activities of its run write its status.
type Distributions struct{ Pool *pgxpool.Pool }

// Distribution is one row: the spec of its current version and where it stands.
type Distribution = rows.Distribution

// LogEntry is one line of a distribution's log: who did what, and when.
type LogEntry = rows.DistributionLog

// Uses names the rows that a spec points at, so that they can be found from their own side.
type Uses struct {
	Campaign, Segment *uuid.UUID  // whose codes it gives, whom it is for
	All               []uuid.UUID // everything it names
}

// UsesOf reads them from a spec.
func UsesOf(spec distribution.Spec) Uses {
	var uses Uses
	name := func(prefix id.Prefix, text string) *uuid.UUID {
		u, ok := prefix.Parse(text)
		if !ok {
			return nil
		}
		uses.All = append(uses.All, u)
		return &u
	}
	t := spec.Trigger
	uses.Campaign = name(id.Campaign, spec.Action.CampaignID)
	name(id.Promotion, spec.Action.PromotionTierID)
	name(id.Campaign, t.CampaignID)
	name(id.Tier, t.TierID)
	name(id.Rule, t.ValidationRuleID)
	uses.Segment = name(id.Segment, t.SegmentID)
	if spec.Audience != nil {
		uses.Segment = name(id.Segment, spec.Audience.SegmentID)
		name(id.Customer, spec.Audience.CustomerID)
	}
	for _, consent := range spec.Consents {
		name(id.Consent, consent)
	}
	return uses
}

// unused is nil where no distribution under way uses a thing, and otherwise a conflict that names the distribution.
func unused(ctx context.Context, on rows.DBTX, project, thing uuid.UUID, what string) error {
	user, err := q.DistributionUsing(ctx, on, rows.DistributionUsingParams{ProjectID: project, Thing: thing})
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	one := id.Distribution.Format(user.ID)
	return &fault.Error{
		Code: fault.Conflict, ResourceType: "distribution", ResourceID: one,
		Details: fmt.Sprintf("The distribution %s (%s) uses this %s; stop it first", user.Name, one, what),
	}
}

// listening is what a spec listens to; nothing where it is manual.
func listening(spec distribution.Spec, p *rows.DistributionAdoptVersionParams) {
	t := spec.Trigger
	if !t.Automatic() {
		return
	}
	p.ListensTo = optional(string(t.Type))
	p.RuleID = parsed(id.Rule, t.ValidationRuleID)
	p.Channels = int16(len(spec.Channels))
	p.EventName = optional(t.Event)
	p.TierID = parsed(id.Tier, t.TierID)
	if p.SubjectID = parsed(id.Campaign, t.CampaignID); t.SegmentID != "" {
		p.SubjectID = parsed(id.Segment, t.SegmentID)
	}
	p.ListensFrom, p.ListensUntil = spec.StartDate, spec.ExpirationDate
}

// Create writes a draft.
func (s Distributions) Create(ctx context.Context, project uuid.UUID, spec distribution.Spec, actor string) (Distribution, error) {
	var made Distribution
	uses := UsesOf(spec)
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		made, err = q.DistributionCreate(ctx, tx, rows.DistributionCreateParams{
			ID: id.New(), ProjectID: project, Name: spec.Name, Spec: spec, CampaignID: uses.Campaign, SegmentID: uses.Segment,
			Uses: nonNil(uses.All),
		})
		if err != nil {
			return err
		}
		return appendLog(ctx, tx, made.ID, actor, "created", nil)
	})
	return made, err
}

// Get reads one.
func (s Distributions) Get(ctx context.Context, project, distribution uuid.UUID) (Distribution, error) {
	found, err := q.DistributionGet(ctx, s.Pool, rows.DistributionGetParams{ProjectID: project, ID: distribution})
	if missing(err) {
		return Distribution{}, notFound(distribution)
	}
	return found, err
}

// UpdateDraft replaces a draft's spec; a conflict where it is a draft no longer.
func (s Distributions) UpdateDraft(ctx context.Context, project, one uuid.UUID, spec distribution.Spec, actor string) (Distribution, error) {
	var updated Distribution
	uses := UsesOf(spec)
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		updated, err = q.DistributionUpdateDraft(ctx, tx, rows.DistributionUpdateDraftParams{
			ProjectID: project, ID: one, Name: spec.Name, Spec: spec, CampaignID: uses.Campaign, SegmentID: uses.Segment,
			Uses: nonNil(uses.All),
		})
		if missing(err) {
			return fault.New(fault.Conflict, "the distribution is no draft any more; read it again")
		}
		if err != nil {
			return err
		}
		return appendLog(ctx, tx, one, actor, "edited", nil)
	})
	return updated, err
}

// Delete removes a distribution, its messages and its log, where it stands in one of the statuses.
func (s Distributions) Delete(ctx context.Context, project, one uuid.UUID) (bool, error) {
	var statuses []string
	for _, status := range distribution.Delete.Statuses() {
		statuses = append(statuses, string(status))
	}
	n, err := q.DistributionDelete(ctx, s.Pool, rows.DistributionDeleteParams{ProjectID: project, ID: one, Statuses: statuses})
	return n > 0, err
}

// DistributionFilter narrows a list; a nil field does not.
type DistributionFilter = rows.DistributionListParams

// List is one page, newest first.
func (s Distributions) List(ctx context.Context, filter DistributionFilter) ([]Distribution, error) {
	return q.DistributionList(ctx, s.Pool, filter)
}

// Confirm writes down what a draft says at the moment it is sent.
func (s Distributions) Confirm(ctx context.Context, one uuid.UUID, version int, spec distribution.Spec, actor string) error {
	return q.DistributionVersionConfirm(ctx, s.Pool, rows.DistributionVersionConfirmParams{
		DistributionID: one, Version: int32(version), Spec: spec, CreatedBy: actor,
	})
}

// Propose writes a further version down; it counts once the run adopts it.
func (s Distributions) Propose(ctx context.Context, one uuid.UUID, spec distribution.Spec, actor string) (version int, err error) {
	n, err := q.DistributionVersionNext(ctx, s.Pool, rows.DistributionVersionNextParams{
		DistributionID: one, Spec: spec, CreatedBy: actor,
	})
	return int(n), err
}

// Withdraw forgets a version that the run refused.
func (s Distributions) Withdraw(ctx context.Context, one uuid.UUID, version int) error {
	return q.DistributionVersionDelete(ctx, s.Pool, rows.DistributionVersionDeleteParams{DistributionID: one, Version: int32(version)})
}

// Version reads what a version says.
func (s Distributions) Version(ctx context.Context, one uuid.UUID, version int) (distribution.Spec, error) {
	row, err := s.version(ctx, one, version)
	return row.Spec, err
}

func (s Distributions) version(ctx context.Context, one uuid.UUID, version int) (rows.DistributionVersion, error) {
	row, err := q.DistributionVersionGet(ctx, s.Pool, rows.DistributionVersionGetParams{DistributionID: one, Version: int32(version)})
	if missing(err) {
		return row, fault.Missing("distribution_version", id.Distribution.Format(one))
	}
	return row, err
}

// Edition reads what a version says, with what its messages call by name: as it was called when the version was first made ready.
func (s Distributions) Edition(ctx context.Context, project, one uuid.UUID, version int) (distribution.Spec, message.Names, error) {
	row, err := s.version(ctx, one, version)
	if err != nil || row.Names != nil {
		return row.Spec, or(row.Names, message.Names{}), err
	}
	names, err := s.Names(ctx, project, row.Spec)
	if err != nil {
		return row.Spec, names, err
	}
	kept, err := q.DistributionVersionName(ctx, s.Pool, rows.DistributionVersionNameParams{
		DistributionID: one, Version: int32(version), Names: &names,
	})
	return row.Spec, or(kept, names), err
}

// Names looks up what the templates of a spec may call by name.
func (s Distributions) Names(ctx context.Context, project uuid.UUID, spec distribution.Spec) (message.Names, error) {
	row, err := q.DistributionNames(ctx, s.Pool, rows.DistributionNamesParams{
		ProjectID: project, CampaignID: parsed(id.Campaign, cmp.Or(spec.Action.CampaignID, spec.Trigger.CampaignID)),
		PromotionTierID: parsed(id.Promotion, spec.Action.PromotionTierID), SegmentID: parsed(id.Segment, spec.Trigger.SegmentID),
	})
	return message.Names{
		Distribution: spec.Name, Campaign: row.Campaign, Project: row.Project, Segment: row.Segment, Promotion: row.Promotion,
		PromotionBanner: row.Banner,
	}, err
}

// Adopt makes a version the current one, with what it uses, and confirms the segment that was made inside it.
func (s Distributions) Adopt(ctx context.Context, project, one uuid.UUID, version int, spec distribution.Spec) error {
	uses := UsesOf(spec)
	params := rows.DistributionAdoptVersionParams{
		ProjectID: project, ID: one, Version: int32(version), CampaignID: uses.Campaign, SegmentID: uses.Segment, Uses: nonNil(uses.All),
	}
	listening(spec, &params)
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := q.DistributionAdoptVersion(ctx, tx, params)
		if missing(err) {
			return notFound(one)
		}
		if err != nil || uses.Segment == nil {
			return err
		}
		if spec.Trigger.Automatic() {
			return q.SegmentBeginToTell(ctx, tx, rows.SegmentBeginToTellParams{ProjectID: project, ID: *uses.Segment})
		}
		return q.SegmentConfirm(ctx, tx, rows.SegmentConfirmParams{ProjectID: project, ID: *uses.Segment})
	})
}

// Standing is a change of status with its line in the log.
type Standing struct {
	Status  distribution.Status
	Reason  string
	SendAt  *time.Time
	Actor   string
	Event   string
	Details map[string]any
}

// Record writes where a distribution stands, and the log's line, in one transaction.
func (s Distributions) Record(ctx context.Context, project, one uuid.UUID, to Standing) error {
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		n, err := q.DistributionSetStatus(ctx, tx, rows.DistributionSetStatusParams{
			ProjectID: project, ID: one, Status: string(to.Status), Reason: optional(to.Reason), SendAt: to.SendAt,
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound(one)
		}
		return appendLog(ctx, tx, one, to.Actor, to.Event, to.Details)
	})
}

// RecordTrouble shows why a distribution that is sending does not get on; "" when it does again. The log hears of changes.
func (s Distributions) RecordTrouble(ctx context.Context, one uuid.UUID, reason string) error {
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		n, err := q.DistributionSetTrouble(ctx, tx, rows.DistributionSetTroubleParams{ID: one, Reason: optional(reason)})
		if err != nil || n == 0 {
			return err
		}
		if reason == "" {
			return appendLog(ctx, tx, one, "herald", "provider_recovered", nil)
		}
		return appendLog(ctx, tx, one, "herald", "provider_unavailable", map[string]any{"reason": reason})
	})
}

// LogFilter narrows a log; a nil field does not.
type LogFilter = rows.DistributionLogListParams

// Log is one page of a log, newest first.
func (s Distributions) Log(ctx context.Context, filter LogFilter) ([]LogEntry, error) {
	return q.DistributionLogList(ctx, s.Pool, filter)
}

func appendLog(ctx context.Context, tx pgx.Tx, one uuid.UUID, actor, event string, details map[string]any) error {
	if details == nil {
		details = map[string]any{}
	}
	text, err := json.Marshal(details)
	if err != nil {
		return err
	}
	return q.DistributionLogAppend(ctx, tx, rows.DistributionLogAppendParams{
		DistributionID: one, Actor: actor, Event: event, Details: text,
	})
}

func notFound(one uuid.UUID) error {
	return fault.Missing("distribution", id.Distribution.Format(one))
}

// optional is nil for "": the ledger keeps no empty texts.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
