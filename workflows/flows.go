package workflows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
)

// answerWithin is how long a caller waits for a worker to take an order up.
const answerWithin = 10 * time.Second

// endsWithin is how long a run may take to end once it has written that it has.
const endsWithin = 3 * time.Second

// Flows is how the other rooms start and steer workflows; it alone knows their ids.
type Flows struct {
	Client client.Client
}

// distributionID is the one place that knows how a distribution's workflow is called.
func distributionID(project, one uuid.UUID) string {
	return "distribution/" + id.Project.Format(project) + "/" + id.Distribution.Format(one)
}

// Confirmed is a distribution as it was confirmed.
type Confirmed struct {
	activities.VersionRef
	Spec  distribution.Spec
	Actor string
	Delay time.Duration
	Retry message.Status // to send an ended distribution's failed or unknown messages again
	Again bool           // it has ended before: that run may still be on its way out of the engine
}

// Send starts the run of a manual distribution and returns once it has written where it stands; a conflict where it runs
// already.
func (f Flows) Send(ctx context.Context, c Confirmed) (Answer, error) {
	return f.start(ctx, c, ManualDistribution, ManualState{
		Flight: Flight{VersionRef: c.VersionRef, Actor: c.Actor}, Countdown: Countdown{Delay: c.Delay, Retry: c.Retry},
	})
}

// GoLive starts the run of an automatic distribution, as Send does.
func (f Flows) GoLive(ctx context.Context, c Confirmed) (Answer, error) {
	return f.start(ctx, c, AutomaticDistribution, AutomaticState{Flight: Flight{VersionRef: c.VersionRef, Actor: c.Actor}})
}

func (f Flows) start(ctx context.Context, c Confirmed, run, state any) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	options := runOptions(c.Ref)
	if c.Spec.Trigger.Automatic() {
		options.Priority = first
	}
	options.WorkflowIDConflictPolicy = enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.StaticSummary = clip(c.Spec.Name, 150) + " · " + c.Spec.Trigger.Describe()
	options.StaticDetails = details(c)
	options.TypedSearchAttributes = temporal.NewSearchAttributes(
		projectAttribute.ValueSet(id.Project.Format(c.ProjectID)),
		distributionAttribute.ValueSet(id.Distribution.Format(c.DistributionID)),
		triggerAttribute.ValueSet(string(c.Spec.Trigger.Type)),
		campaignAttribute.ValueSet(campaignOf(c.Spec)),
		statusAttribute.ValueSet(string(distribution.Scheduled)),
	)
	handle, err := f.startOnce(ctx, options, run, state)
	for began := time.Now(); c.Again && errors.As(err, new(*serviceerror.WorkflowExecutionAlreadyStarted)) && time.Since(began) < endsWithin; { //nolint:forbidigo // this runs in the client
		select {
		case <-ctx.Done():
		case <-time.After(endsWithin / 100): //nolint:forbidigo // this runs in the client
			handle, err = f.startOnce(ctx, options, run, state)
		}
	}
	if err != nil {
		return Answer{}, refused(err)
	}
	var answer Answer
	return answer, refused(handle.Get(ctx, &answer))
}

// startOnce starts a run and waits for its first step.
func (f Flows) startOnce(ctx context.Context, options client.StartWorkflowOptions, run, state any) (client.WorkflowUpdateHandle, error) {
	return f.Client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: f.Client.NewWithStartWorkflowOperation(options, run, state),
		UpdateOptions:          client.UpdateWorkflowOptions{UpdateName: confirmed, WaitForStage: client.WorkflowUpdateStageCompleted},
	})
}

// first is the priority of runs whose messages somebody waits for: where tasks have piled up (workers were away, or a thousand
// imports were asked for at once), theirs are handed out before the others'. What a run schedules, and the run that it continues
// as, has the same.
var first = temporal.Priority{PriorityKey: 1}

// details say of a run what it does, by ids: the name stands in its summary.
func details(c Confirmed) string {
	rows := [][2]string{
		{"distribution", id.Distribution.Format(c.DistributionID)}, {"project", id.Project.Format(c.ProjectID)},
		{"trigger", c.Spec.Trigger.Describe()}, {"action", string(c.Spec.Action.Type)}, {"campaign", campaignOf(c.Spec)},
		{"segment", c.Spec.Trigger.SegmentID}, {"rule", c.Spec.Trigger.ValidationRuleID},
	}
	text := "| |" + gap + "|\n|---|---|\n"
	for _, row := range rows {
		if row[1] != "" {
			text += "| " + row[0] + gap + " | " + strings.ReplaceAll(row[1], "|", `\|`) + " |\n"
		}
	}
	return text
}

// campaignOf is the campaign whose codes a distribution gives, or which it answers.
func campaignOf(spec distribution.Spec) string {
	return cmp.Or(spec.Action.CampaignID, spec.Trigger.CampaignID)
}

// runOptions are those of every run of a distribution.
func runOptions(ref activities.Ref) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: distributionID(ref.ProjectID, ref.DistributionID), TaskQueue: Queue,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticDetails:         fmt.Sprintf("Sends distribution %s.", id.Distribution.Format(ref.DistributionID)),
	}
}

// Tell tells a live distribution of occurrences. Where its run was ended in the engine, it comes back.
func (f Flows) Tell(ctx context.Context, ref activities.VersionRef, occurrences []int64) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	options := runOptions(ref.Ref)
	options.Priority = first
	options.StaticSummary = "distribution " + id.Distribution.Format(ref.DistributionID)
	options.TypedSearchAttributes = temporal.NewSearchAttributes(
		projectAttribute.ValueSet(id.Project.Format(ref.ProjectID)),
		distributionAttribute.ValueSet(id.Distribution.Format(ref.DistributionID)),
		statusAttribute.ValueSet(string(distribution.Live)),
	)
	_, err := f.Client.SignalWithStartWorkflow(ctx, options.ID, triggers.name, Triggered{Occurrences: occurrences}, options,
		AutomaticDistribution, AutomaticState{Flight: Flight{VersionRef: ref, Actor: relay}})
	return err
}

// Away reports whether an error may be the whole engine's, which does not answer or wants to be left alone, rather than that of the
// one run that was called: a run that takes no more signals is refused as invalid, one that is overwhelmed as busy.
func Away(err error) bool {
	var exhausted *serviceerror.ResourceExhausted
	var invalid *serviceerror.InvalidArgument
	var failed *serviceerror.FailedPrecondition
	var gone *serviceerror.NotFound
	var lost *serviceerror.DataLoss
	switch {
	case errors.As(err, &exhausted):
		return exhausted.Cause != enums.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW
	case errors.As(err, &invalid), errors.As(err, &failed), errors.As(err, &gone), errors.As(err, &lost):
		return false
	}
	return true
}

// Control gives a running distribution an order; a conflict with the reason where the run refuses it or has ended.
func (f Flows) Control(ctx context.Context, project, one uuid.UUID, control distribution.Control, order Order) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	handle, err := f.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: distributionID(project, one), UpdateName: string(control), Args: []any{order},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return Answer{}, refused(err)
	}
	var answer Answer
	return answer, refused(handle.Get(ctx, &answer))
}

// CodesAdded tells a distribution that its campaign has new codes; one that has ended needs to know nothing.
func (f Flows) CodesAdded(ctx context.Context, project, one uuid.UUID) error {
	err := CodesAdded.send(ctx, f.Client, distributionID(project, one))
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

// refused turns the engine's ways of saying no into conflicts; other errors stay what they are.
func refused(err error) error {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	var unavailable *serviceerror.Unavailable
	var gone *serviceerror.NotFound
	var application *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unavailable):
		return fault.New(fault.Unavailable, "the engine cannot be reached; nothing was changed, try again")
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "no worker has answered within %s; the order is kept and carried out once one runs", answerWithin)
	case errors.As(err, &started):
		return fault.New(fault.Conflict, "the distribution is already under way")
	case errors.As(err, &gone):
		return fault.New(fault.Conflict, "the distribution's run has ended; read the distribution again")
	case errors.As(err, &application):
		return fault.New(fault.Code(application.Type()), "%s", application.Message())
	}
	return err
}

// clip keeps a text within the engine's bound for summaries (400 bytes), at whole characters.
func clip(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}

// RunURL is where the engine's UI shows a distribution's run.
func RunURL(ui, namespace string, project, one uuid.UUID) string {
	return strings.TrimSuffix(ui, "/") + "/namespaces/" + url.PathEscape(cmp.Or(namespace, client.DefaultNamespace)) +
		"/workflows/" + url.PathEscape(distributionID(project, one))
}
