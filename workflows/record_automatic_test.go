//go:build record

package workflows

import (
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/message"
)

// liveRecordings are lives of automatic distributions.
func liveRecordings() []recording {
	return []recording{
		{
			name: "live", goes: true, tally: message.Tally{Sent: 3}, log: []string{logLive, logStopped},
			drive: func(l *live) { l.tell(1, 2); l.sends(2); l.tell(2, 3); l.sends(3); l.control(distribution.Stop, 0) },
		},
		{
			name: "paused_with_hold", goes: true, tally: message.Tally{Sent: 2}, log: []string{logLive, logPaused, logLiveAgain, logStopped},
			drive: func(l *live) {
				l.tell(1)
				l.sends(1)
				l.control(distribution.Pause, 0)
				l.tell(2)
				l.enrols(2)
				l.control(distribution.Resume, 0)
				l.sends(2)
				l.control(distribution.Stop, 0)
			},
		},
		{
			name: "edited_while_live", goes: true, tally: message.Tally{Sent: 2}, log: []string{logLive, "ops edited: live", logStopped},
			drive: func(l *live) {
				l.tell(1)
				l.sends(1)
				l.control(distribution.Edit, 2)
				l.tell(2)
				l.sends(2)
				l.control(distribution.Stop, 0)
			},
		},
		{
			name: "delayed_and_expired", goes: true, tally: message.Tally{Sent: 1, Stopped: 1}, log: []string{logLive, "herald expired: sent"},
			setup: func(l *live) {
				l.ledger.waits = 2 * time.Second
				l.ledger.plan.Until = time.Now().Add(5 * time.Second)
			},
			drive: func(l *live) { l.tell(1); l.sends(1); l.later(time.Minute); l.tell(2) },
		},
		{
			name: "continued_as_new", goes: true, steps: 3, tally: message.Tally{Sent: 3}, log: []string{logLive, logStopped},
			drive: func(l *live) {
				for n := range int64(3) {
					l.tell(n + 1)
					l.sends(n + 1)
				}
				l.control(distribution.Stop, 0)
			},
		},
	}
}

// goLive sets the distribution live as the API does.
func (r recording) goLive(l *live) {
	l.ledger.plan.Status = distribution.Draft
	if r.steps == 0 {
		require.Eventually(l, func() bool {
			_, err := l.flows.GoLive(l.Context(), Confirmed{
				VersionRef: l.ref, Actor: "app", Spec: distribution.Spec{Name: "Welcome", Trigger: distribution.Trigger{Type: "customer.custom_event"}},
			})
			return err == nil
		}, 30*time.Second, 100*time.Millisecond)
		return
	}
	_, err := l.flows.Client.ExecuteWorkflow(l.Context(), client.StartWorkflowOptions{
		ID: distributionID(l.ref.ProjectID, l.ref.DistributionID), TaskQueue: Queue, StaticSummary: "Welcome",
	}, AutomaticDistribution, AutomaticState{Flight: Flight{VersionRef: l.ref, Actor: "app", StepsPerRun: r.steps}})
	require.NoError(l, err)
	l.logs(logLive)
}

// tell tells the run of occurrences, as the relay does.
func (l *live) tell(occurrences ...int64) {
	require.NoError(l, l.flows.Tell(l.Context(), activities.VersionRef{Ref: l.ref.Ref, Version: 1}, occurrences))
}

// sends waits until so many messages were sent, and enrols until there are so many.
func (l *live) sends(n int64) {
	require.Eventually(l, func() bool { return l.ledger.count().Sent == n }, 30*time.Second, 10*time.Millisecond)
}

func (l *live) enrols(n int64) {
	require.Eventually(l, func() bool { return l.ledger.last() == n }, 30*time.Second, 10*time.Millisecond)
}

// later makes the messages of what happens from now on wait.
func (l *live) later(wait time.Duration) {
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	l.ledger.waits = wait
}
