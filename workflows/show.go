package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/internal/distribution"
)

// What one sees of a run in the engine's UI: search attributes to find it by, and current details that say what it does,
// how far it is and why it waits.
var (
	projectAttribute      = temporal.NewSearchAttributeKeyKeyword("HeraldProject")
	distributionAttribute = temporal.NewSearchAttributeKeyKeyword("HeraldDistribution")
	statusAttribute       = temporal.NewSearchAttributeKeyKeyword("HeraldStatus")
	triggerAttribute      = temporal.NewSearchAttributeKeyKeyword("HeraldTrigger")
	campaignAttribute     = temporal.NewSearchAttributeKeyKeyword("HeraldCampaign")
)

// EnsureSearchAttributes makes the engine know Herald's search attributes; a run that names an unknown one could not start.
// The engine takes a moment to know a new one, so it returns when the engine answers a query that names them all.
func EnsureSearchAttributes(ctx context.Context, engine client.Client, namespace string) error {
	var named []string
	for _, key := range []temporal.SearchAttributeKeyKeyword{
		projectAttribute, distributionAttribute, statusAttribute, triggerAttribute, campaignAttribute,
	} {
		_, err := engine.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace:        namespace,
			SearchAttributes: map[string]enums.IndexedValueType{key.GetName(): enums.INDEXED_VALUE_TYPE_KEYWORD},
		})
		var exists *serviceerror.AlreadyExists
		if err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("register the search attribute %s: %w", key.GetName(), err)
		}
		named = append(named, key.GetName()+" IS NOT NULL")
	}
	for {
		_, err := engine.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace, Query: strings.Join(named, " AND "),
		})
		var unknown *serviceerror.InvalidArgument
		if !errors.As(err, &unknown) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the search attributes: %w", err)
		case <-time.After(100 * time.Millisecond): //nolint:forbidigo // this runs in the client, not in a workflow
		}
	}
}

// show writes the run's current details.
func (d *flight) show(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s\n\n", d.status(), d.of.doing())
	if t := d.Tally; t.Total() > 0 {
		fmt.Fprintf(&b, "| enrolled | sent | pending | deferred | failed | skipped | recovered | unknown | stopped |\n"+
			"|---|---|---|---|---|---|---|---|---|\n| %d | %d | %d | %d | %d | %d | %d | %d | %d |\n",
			max(d.Last, t.Total()), t.Sent, t.Pending, t.Deferred, t.Failed, t.Skipped, t.Recovered, t.Unknown, t.Stopped)
		if elapsed := workflow.Now(ctx).Sub(d.Started).Seconds(); d.Phase == distribution.Sending && elapsed >= 1 && d.Round == 0 {
			fmt.Fprintf(&b, "\n%.0f messages/s since the first\n", float64(t.Sent)/elapsed)
		}
	}
	fmt.Fprintf(&b, "\nversion %d, round %d\n", d.Version, d.Round)
	workflow.SetCurrentDetails(ctx, b.String())
}

// doing says in words what the run does or waits for.
func (d *manual) doing() string {
	switch {
	case d.Paused && d.PauseReason == distribution.ReasonOutOfCodes:
		return "the campaign is out of codes; add codes, and it goes on by itself"
	case d.Paused && d.Phase == distribution.Scheduled:
		return "paused by request; its countdown ends " + d.SendAt.UTC().Format("15:04:05 UTC") + ", and it sends once resumed"
	case d.Paused:
		return "paused by request; resume it to go on"
	case d.Phase == distribution.Syncing:
		return "waits until the segment has synced; then the countdown begins"
	case d.Phase == distribution.Scheduled:
		return "counts down; sends " + d.SendAt.UTC().Format("2006-01-02 15:04:05 UTC")
	case d.Phase == distribution.Sending && !d.Enrolled:
		return "enrols its audience and sends"
	case d.Phase == distribution.Sending && d.Tally.Pending == 0 && d.Tally.Deferred > 0:
		return "waits for the next round of deferred messages"
	case d.Phase == distribution.Sending:
		return "sends"
	}
	return "has ended"
}
