package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"

	"herald/internal/id"
)

// TestTheEnginesUITellsWhatARunDoes reads what the engine's UI shows of a run: what it does, how far it is and why it waits.
func TestTheEnginesUITellsWhatARunDoes(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	segment, campaign := h.people(80), h.campaign(50)
	distribution := h.send(sale(segment, campaign, "Hello"))
	h.becomes(distribution, "scheduled")
	h.shows(distribution, "**scheduled**: counts down; sends ")
	h.control(distribution, "pause")
	h.shows(distribution, "**paused**: paused by request; its countdown ends ")
	h.control(distribution, "send-now")
	h.becomes(distribution, "paused")
	h.shows(distribution, "**paused**: the campaign is out of codes; add codes, and it goes on by itself")
	h.shows(distribution, "| 80 | 50 | 0 | 30 |")

	described, err := h.engine.DescribeWorkflow(t.Context(), h.run(distribution), "")
	require.NoError(t, err)
	for name, want := range map[string]string{
		"HeraldProject": id.Project.Format(h.project), "HeraldDistribution": distribution, "HeraldStatus": "paused",
		"HeraldTrigger": "manual", "HeraldCampaign": campaign,
	} {
		require.Contains(t, fmt.Sprint(described.TypedSearchAttributes.GetUntypedValues()), want, name)
	}
	summary, err := described.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "Spring sale · manual", summary)
	h.control(distribution, "stop")
	h.becomes(distribution, "stopped")
	require.Subset(t, h.summaries(distribution), []string{
		"adopt version", "wait until the segment has synced", "record scheduled", "enrol from message 1", "send email 1–80",
		"look for what is left", "record paused", "stop the rest", "record stopped",
	})
}

func (h *house) run(distribution string) string {
	return "distribution/" + id.Project.Format(h.project) + "/" + distribution
}

// shows waits until the run's current details hold a text.
func (h *house) shows(distribution, text string) {
	h.Helper()
	var details string
	require.Eventually(h, func() bool {
		value, err := h.engine.QueryWorkflow(h.Context(), h.run(distribution), "", "__temporal_workflow_metadata")
		require.NoError(h, err)
		var metadata sdkpb.WorkflowMetadata
		require.NoError(h, value.Get(&metadata))
		details = metadata.CurrentDetails
		return strings.Contains(details, text)
	}, 10*time.Second, 50*time.Millisecond, "the details lack %q", text)
}

// summaries are what the activities and timers of a run are called in the UI.
func (h *house) summaries(distribution string) (list []string) {
	iter := h.engine.GetWorkflowHistory(h.Context(), h.run(distribution), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		event, err := iter.Next()
		require.NoError(h, err)
		if payload := event.GetUserMetadata().GetSummary(); payload != nil {
			list = append(list, read(h, payload))
		}
	}
	return list
}

func read(h *house, payload *commonpb.Payload) (text string) {
	require.NoError(h, converter.GetDefaultDataConverter().FromPayload(payload, &text))
	return text
}
