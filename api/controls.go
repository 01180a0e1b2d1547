package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"herald/activities"
	"herald/db"
	"herald/internal/campaign"
	"herald/internal/channel/email"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/message"
	"herald/internal/segment"
	"herald/workflows"
)

// check returns every fault that keeps a spec from being sent, or from going live, each with its property.
func (h distributions) check(ctx context.Context, project db.Key, spec distribution.Spec) error {
	if spec.Trigger.Automatic() {
		faults := append(spec.CheckLive(time.Now()), unreadable(spec)...)
		known, err := h.store.Livability(ctx, project.ProjectID, spec)
		if err != nil {
			return err
		}
		return append(faults, unlivable(spec, known)...).Err()
	}
	faults := append(spec.CheckSend(), unreadable(spec)...)
	if spec.Audience == nil {
		return faults.Err()
	}
	known, err := h.store.Sendability(ctx, project.ProjectID, spec)
	if err != nil {
		return err
	}
	return append(faults, unsendable(spec, known)...).Err()
}

// unreadable lists what is wrong with what the channels say.
func unreadable(spec distribution.Spec) (faults fault.List) {
	for i, c := range spec.Channels {
		if c.Template == nil || c.Subject == "" {
			continue // the spec has said so
		}
		if _, err := email.ForChannel(c); err != nil {
			faults = append(faults, under(fmt.Sprintf("channels[%d]", i), err)...)
		}
	}
	return faults
}

// unlivable lists what the names of an automatic distribution do not stand for.
func unlivable(spec distribution.Spec, known db.Livability) (faults fault.List) {
	t, action := spec.Trigger, spec.Action
	fit, _ := distribution.FitOf(t.Type)
	gone := func(property, kind, name string, missing bool) {
		if name != "" && missing {
			faults.Add(fault.Property(property, "no %s has the id %q", kind, name))
		}
	}
	gone("trigger.segment_id", "segment", t.SegmentID, !known.SegmentFound)
	if known.SegmentType == string(segment.Static) {
		faults.Add(fault.Property("trigger.segment_id", "nobody enters or leaves a static segment by what they do; use one with a filter"))
	}
	gone("trigger.campaign_id", "campaign", t.CampaignID, known.SubjectKind == "")
	if known.SubjectKind != "" {
		faults.Add(fit.CheckCampaign(campaign.Kind(known.SubjectKind)))
	}
	gone("trigger.tier_id", "loyalty tier of the campaign", t.TierID, !known.TierFound)
	gone("trigger.validation_rule_id", "validation rule", t.ValidationRuleID, !known.RuleFound)
	if known.Rule != nil {
		faults.Add(fit.CheckRule(*known.Rule, known.Gone))
	}
	gone("action.campaign_id", "campaign", action.CampaignID, known.CampaignKind == "")
	if campaign.Kind(known.CampaignKind) == campaign.Promotion {
		faults.Add(fault.Property("action.campaign_id", "a promotion has no codes; use notify_promotion"))
	}
	if known.CampaignKind != "" && !known.CampaignActive {
		faults.Add(fault.Property("action.campaign_id", "the campaign is disabled; enable it first"))
	}
	gone("action.promotion_tier_id", "promotion tier", action.PromotionTierID, !known.PromotionTierFound)
	if len(known.ConsentsMissing) > 0 {
		faults.Add(fault.Property("consents", "%d of them do not exist in this project", len(known.ConsentsMissing)))
	}
	return faults
}

func unsendable(spec distribution.Spec, known db.Sendability) (faults fault.List) {
	if !known.CustomerFound {
		faults.Add(fault.Property("audience.customer_id", "no customer has the id %q", spec.Audience.CustomerID))
	}
	switch {
	case !known.SegmentFound:
		faults.Add(fault.Property("audience.segment_id", "no segment has the id %q", spec.Audience.SegmentID))
	case !known.SegmentPeopled:
		faults.Add(fault.Property("audience.segment_id", "the segment has no members; nobody would get a message"))
	}
	switch {
	case !known.CampaignFound:
		faults.Add(fault.Property("action.campaign_id", "no campaign has the id %q", spec.Action.CampaignID))
	case !known.CampaignActive:
		faults.Add(fault.Property("action.campaign_id", "the campaign is disabled; enable it first"))
	}
	if len(known.ConsentsMissing) > 0 {
		faults.Add(fault.Property("consents", "%d of them do not exist in this project", len(known.ConsentsMissing)))
	}
	return faults
}

// under gives a fault and those behind it their place in the whole.
func under(path string, err error) fault.List {
	var f *fault.Error
	if !errors.As(err, &f) {
		return fault.List{fault.Property(path, "%s", err)}
	}
	var faults fault.List
	for _, one := range append([]*fault.Error{f}, f.Faults...) {
		moved := *one
		moved.Faults = nil
		moved.Property = strings.TrimSuffix(path+"."+moved.Property, ".")
		faults.Add(&moved)
	}
	return faults
}

// send confirms a draft: from now on its run has the word.
func (h distributions) send(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	if err := found.Spec.Takes(distribution.Send, distribution.Status(found.Status)); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := h.check(ctx, caller(c), found.Spec); err != nil {
		return err
	}
	if err := h.store.Confirm(ctx, found.ID, int(found.Version), found.Spec, caller(c).AppID); err != nil {
		return err
	}
	_, err = h.flows.Send(ctx, workflows.Confirmed{
		VersionRef: version(found, int(found.Version)), Spec: found.Spec, Actor: caller(c).AppID, Delay: h.delay,
	})
	return h.accepted(c, found, err)
}

// live confirms an automatic distribution: from now on its run answers what customers do.
func (h distributions) live(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	if err := found.Spec.Takes(distribution.GoLive, distribution.Status(found.Status)); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := h.check(ctx, caller(c), found.Spec); err != nil {
		return err
	}
	if err := h.store.Confirm(ctx, found.ID, int(found.Version), found.Spec, caller(c).AppID); err != nil {
		return err
	}
	_, err = h.flows.GoLive(ctx, workflows.Confirmed{
		VersionRef: version(found, int(found.Version)), Spec: found.Spec, Actor: caller(c).AppID,
		Again: found.Status != string(distribution.Draft),
	})
	return h.accepted(c, found, err)
}

// accepted answers 202 with where the distribution stands now.
func (h distributions) accepted(c echo.Context, d db.Distribution, err error) error {
	if err != nil {
		return err
	}
	now, err := h.store.Get(c.Request().Context(), d.ProjectID, d.ID)
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusAccepted, now)
}

func version(d db.Distribution, n int) activities.VersionRef {
	return activities.VersionRef{Ref: activities.Ref{ProjectID: d.ProjectID, DistributionID: d.ID}, Version: n}
}

func (h distributions) control(control distribution.Control) echo.HandlerFunc {
	return func(c echo.Context) error {
		found, err := h.find(c)
		if err != nil {
			return err
		}
		if err := found.Spec.Takes(control, distribution.Status(found.Status)); err != nil {
			return err
		}
		_, err = h.flows.Control(c.Request().Context(), found.ProjectID, found.ID, control, workflows.Order{Actor: caller(c).AppID})
		return h.accepted(c, found, err)
	}
}

// edit replaces a draft, or gives a distribution that counts down another version to send. ?countdown=restart lets the
// countdown begin again; without it, it goes on.
func (h distributions) edit(c echo.Context) error {
	q := readQuery(c)
	restart := q.choice("countdown", "keep", "restart") == "restart"
	if err := q.err(); err != nil {
		return err
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	if err := found.Spec.Takes(distribution.Edit, distribution.Status(found.Status)); err != nil {
		return err
	}
	spec, err := h.read(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if found.Status != string(distribution.Draft) {
		if err := spec.CheckEdit(&found.Spec).Err(); err != nil {
			return err
		}
	}
	made, err := h.makeSegment(c, &spec)
	if err != nil {
		return err
	}
	if found.Status == string(distribution.Draft) {
		updated, err := h.store.UpdateDraft(ctx, found.ProjectID, found.ID, spec, caller(c).AppID)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, h.show(updated))
	}
	if err := h.check(ctx, caller(c), spec); err != nil {
		if made != nil {
			err = errors.Join(err, h.segments.Delete(ctx, found.ProjectID, *made))
		}
		return err
	}
	n, err := h.store.Propose(ctx, found.ID, spec, caller(c).AppID)
	if err != nil {
		return err
	}
	_, err = h.flows.Control(ctx, found.ProjectID, found.ID, distribution.Edit,
		workflows.Order{Actor: caller(c).AppID, Version: n, Restart: restart})
	if fault.Is(err, fault.Conflict) {
		return errors.Join(err, h.store.Withdraw(ctx, found.ID, n))
	}
	return h.accepted(c, found, err)
}

// retryRequest says which messages to send again.
type retryRequest struct {
	Status message.Status `json:"status"`
}

// retry sends failed or unknown messages again, and nobody else's: a live distribution does it beside what triggers, one that has
// ended in a run of its own.
func (h distributions) retry(c echo.Context) error {
	request, err := bind[retryRequest](c)
	if err != nil {
		return err
	}
	if request.Status != message.Failed && request.Status != message.Unknown {
		return fault.Property("status", "should be %q or %q", message.Failed, message.Unknown)
	}
	found, err := h.find(c)
	if err != nil {
		return err
	}
	if err := found.Spec.Takes(distribution.Retry, distribution.Status(found.Status)); err != nil {
		return err
	}
	tally, err := h.messages.Tally(c.Request().Context(), found.ID)
	if err != nil {
		return err
	}
	if request.Status == message.Failed && tally.Failed == 0 || request.Status == message.Unknown && tally.Unknown == 0 {
		return fault.New(fault.Conflict, "no message of this distribution is %s", request.Status)
	}
	if found.Status == string(distribution.Live) {
		_, err = h.flows.Control(c.Request().Context(), found.ProjectID, found.ID, distribution.Retry,
			workflows.Order{Actor: caller(c).AppID, Retry: request.Status})
		return h.accepted(c, found, err)
	}
	_, err = h.flows.Send(c.Request().Context(), workflows.Confirmed{
		VersionRef: version(found, int(found.Version)), Spec: found.Spec, Actor: caller(c).AppID, Retry: request.Status,
		Again: true,
	})
	return h.accepted(c, found, err)
}
