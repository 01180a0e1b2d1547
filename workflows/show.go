package workflows

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
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

// show writes the run's current details: what it does, how many messages are where, and what else there is to know of it.
func (d *flight) show(ctx workflow.Context) {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s\n\n", d.status(), d.of.doing())
	if t := d.Tally; t.Total() > 0 {
		figures := append(d.of.figures(),
			figure{"enrolled", max(d.Last, t.Total()), true}, figure{"sent", t.Sent, true}, figure{"pending", t.Pending, true},
			figure{"deferred", t.Deferred, true}, figure{"failed", t.Failed, true}, figure{"skipped", t.Skipped, false},
			figure{"recovered", t.Recovered, false}, figure{"unknown", t.Unknown, false}, figure{"stopped", t.Stopped, false})
		b.WriteString(table(figures))
	}
	b.WriteString("\n" + strings.Join(d.of.facts(workflow.Now(ctx)), " · ") + "\n")
	workflow.SetCurrentDetails(ctx, b.String())
}

// figure is a column of the table of counts.
type figure struct {
	name   string
	n      int64
	always bool // it is shown where it is zero, too
}

// gap keeps the cells apart: the UI sets them side by side, and Markdown trims plain spaces.
const gap = "\u2003"

func table(figures []figure) string {
	head, rule, row := "|", "|", "|"
	for _, f := range figures {
		if f.always || f.n > 0 {
			head, rule, row = head+" "+f.name+gap+" |", rule+"---|", row+" "+strconv.FormatInt(f.n, 10)+gap+" |"
		}
	}
	return head + "\n" + rule + "\n" + row + "\n"
}

func (d *manual) figures() []figure { return nil }

func (d *manual) facts(now time.Time) (lines []string) {
	if elapsed := now.Sub(d.Started).Seconds(); d.Phase == distribution.Sending && elapsed >= 1 && d.Round == 0 && d.Tally.Sent > 0 {
		lines = append(lines, fmt.Sprintf("%.0f messages/s since the first", float64(d.Tally.Sent)/elapsed))
	}
	return append(lines, fmt.Sprintf("version %d, round %d", d.Version, d.Round))
}

func (d *automatic) figures() []figure { return []figure{{"occurrences", d.Triggered, true}} }

func (d *automatic) facts(now time.Time) (lines []string) {
	if rate := d.pace.at(now, d.Tally.Sent); rate != "" {
		lines = append(lines, rate)
	}
	if !d.NextDue.IsZero() {
		lines = append(lines, "next messages due "+d.NextDue.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if !d.Until.IsZero() {
		lines = append(lines, "ends "+d.Until.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	return append(lines, fmt.Sprintf("version %d", d.Version))
}

// pace is how fast messages leave, in stretches: of a run that lives for years, one rate says nothing.
type pace struct {
	since time.Time // when the present stretch began
	from  int64     // how many had left then
	said  string    // of the stretch before
}

// stretch is how long messages are counted, at least.
const stretch = 10 * time.Second

func (p *pace) at(now time.Time, sent int64) string {
	elapsed := now.Sub(p.since)
	if p.since.IsZero() || elapsed >= stretch {
		if !p.since.IsZero() && sent > p.from {
			p.said = fmt.Sprintf("%.1f messages/s from %s to %s", float64(sent-p.from)/elapsed.Seconds(),
				p.since.UTC().Format("15:04:05"), now.UTC().Format("15:04:05 UTC"))
		}
		p.since, p.from = now, sent
	}
	return p.said
}

// numbered is which messages a batch has: "12001–13000".
func numbered(batch activities.Range) string {
	if batch.From == batch.To {
		return strconv.FormatInt(batch.From, 10)
	}
	return fmt.Sprintf("%d–%d", batch.From, batch.To)
}

// counted is a number of things: "1 trigger", "2 triggers".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
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
