package e2e_test

import (
	"fmt"
	"net/http"
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
	h.shows(distribution, "| 80\u2003 | 50\u2003 | 0\u2003 | 30\u2003 |") // enrolled, sent, pending, deferred

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

// TestTheEnginesUITellsWhatALiveDistributionDoes does so of one that answers what customers do.
func TestTheEnginesUITellsWhatALiveDistributionDoes(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.work("live.example")
	spec := answer(object{"type": "customer.custom_event", "event": "signed_up", "delay": "PT1H"}, object{"type": "message"}, "Welcome")
	one := h.live(spec)
	h.shows(one, "**live**: answers what customers do\n\n\nversion 1\n")
	h.call("POST", "/events", object{
		"event": "signed_up", "customer": object{"source_id": "ada", "name": "Secret Ada", "email": "ada@private.example"},
	}, http.StatusOK)
	h.call("POST", "/events", object{"event": "signed_up", "customer": object{"source_id": "nobody"}}, http.StatusOK) // is made, and has no address
	h.shows(one, "| occurrences\u2003 | enrolled\u2003 | sent\u2003 | pending\u2003 | deferred\u2003 | failed\u2003 | skipped\u2003 |\n"+
		"|---|---|---|---|---|---|---|\n| 2\u2003 | 2\u2003 | 0\u2003 | 0\u2003 | 1\u2003 | 0\u2003 | 1\u2003 |\n\nnext messages due ")
	skipped := h.call("GET", "/distributions/"+one+"/messages?status=skipped", nil, http.StatusOK)["data"].([]any)
	require.Equal(t, "no_address", skipped[0].(object)["reason"])
	described, err := h.engine.DescribeWorkflow(t.Context(), h.run(one), "")
	require.NoError(t, err)
	details, err := described.GetStaticDetails()
	require.NoError(t, err)
	require.Contains(t, details, `| trigger`+"\u2003"+` | customer.custom_event "signed_up" |`)
	h.control(one, "stop")
	h.becomes(one, "stopped")
	require.Equal(t, 1, int(h.tally(h.get(one)).Stopped))
}

func (h *house) run(distribution string) string {
	return "distribution/" + id.Project.Format(h.project) + "/" + distribution
}

// shows waits until the run's current details hold a text.
func (h *house) shows(distribution, text string) {
	h.Helper()
	var details string
	defer func() {
		if h.Failed() {
			h.Logf("the details are %q", details)
		}
	}()
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
