//go:build record

package workflows

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/enginetest"
	"herald/internal/message"
)

// What is recorded here is what real runs look like to the engine: `make record` writes the histories that TestReplay replays.
// Record on the released commit, replay on the branch; never delete a history while such a run may be open.

func TestMain(m *testing.M) { enginetest.Main(m) }

// recording is one distribution carried from its confirmation to its end by a real engine, with the ledger's fake behind it.
type recording struct {
	name  string
	delay time.Duration
	setup func(l *live)
	drive func(l *live) // while it runs
	steps int           // in a run; 0: as many as it takes
	goes  bool          // live: it is an automatic one
	log   []string
	tally message.Tally
}

// live is a distribution under way.
type live struct {
	*testing.T
	ledger *ledgerFake
	flows  Flows
	ref    activities.VersionRef
}

func recordings() []recording {
	sent := message.Tally{Sent: 1500}
	return []recording{
		{
			name: "sent", delay: time.Second, tally: sent,
			setup: func(l *live) { l.ledger.segments[1], l.ledger.synced[segmentOf(1)] = segmentOf(1), true },
			log:   []string{logSyncing, logCountdown, logSending, logSent},
		},
		{
			name: "stopped_in_the_countdown", delay: time.Minute,
			drive: func(l *live) { l.control(distribution.Stop, 0) },
			log:   []string{logConfirmed, logStopped},
		},
		{
			name: "edited_twice", delay: 3 * time.Second, tally: sent,
			drive: func(l *live) { l.control(distribution.Edit, 2); l.control(distribution.Edit, 3) },
			log:   []string{logConfirmed, "ops edited: scheduled", "ops edited: scheduled", logSending, logSent},
		},
		{
			name: "paused_and_resumed", delay: time.Second, tally: sent,
			setup: func(l *live) {
				l.ledger.halfway = func(n int, b *batch) { once(n, func() { go l.control(distribution.Pause, 0); b.stall() }) }
			},
			drive: func(l *live) {
				l.logs(logPaused)
				require.Eventually(l, func() bool { return l.ledger.idle() }, 10*time.Second, 10*time.Millisecond)
				l.control(distribution.Resume, 0)
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "resumed_before_the_batches_had_ended", delay: time.Second, tally: sent,
			setup: func(l *live) {
				l.ledger.halfway = func(n int, b *batch) {
					once(n, func() {
						go l.control(distribution.Pause, 0)
						b.stall()
						l.control(distribution.Resume, 0) // the batch ends only after the run goes on
					})
				}
			},
			log: []string{logConfirmed, logSending, logPaused, logResumed, logSent},
		},
		{
			name: "stopped_in_full_flight", delay: time.Second, tally: message.Tally{Sent: 499, Stopped: 1001},
			setup: func(l *live) {
				l.ledger.pageSize = 1000
				l.ledger.hooks["EnrolPage"] = func(n int) {
					if n == 2 { // the second page is enrolled and never sent
						require.Eventually(l, func() bool { return l.ledger.count().Sent == 499 }, 10*time.Second, time.Millisecond)
						l.control(distribution.Stop, 0)
					}
				}
				l.ledger.halfway = func(n int, b *batch) { b.stall() }
			},
			log: []string{logConfirmed, logSending, logStopped},
		},
		{
			name: "deferred_then_recovered", delay: time.Second, tally: message.Tally{Sent: 1500, Recovered: 2},
			setup: func(l *live) {
				l.ledger.deferrals = map[int64]int{7: 1, 1200: 2}
				l.ledger.wait = 2 * time.Second
			},
			log: []string{logConfirmed, logSending, logSent},
		},
		{
			name: "out_of_codes", delay: time.Second, tally: message.Tally{Sent: 1500, Recovered: 0},
			setup: func(l *live) { l.ledger.publishes, l.ledger.codes = true, 1200 },
			drive: func(l *live) {
				l.logs(logOutOfCodes)
				l.ledger.addCodes(300)
				require.NoError(l, l.flows.CodesAdded(l.Context(), l.ref.ProjectID, l.ref.DistributionID))
			},
			log: []string{logConfirmed, logSending, logOutOfCodes, logCodesAdded, logSent},
		},
		{
			name: "failed_messages_sent_again", tally: message.Tally{Sent: 1500, Recovered: 1},
			setup: func(l *live) {
				l.ledger.messages = slices.Repeat([]messageFake{{status: message.Sent, version: 1, attempts: 1}}, 1500)
				l.ledger.messages[6] = messageFake{status: message.Failed, attempts: 1}
			},
			log: []string{"app retry_started: sending", logSent},
		},
		{
			name: "continued_as_new", delay: time.Second, tally: sent, steps: 3,
			setup: func(l *live) { l.ledger.segments[1], l.ledger.synced[segmentOf(1)] = segmentOf(1), true },
			log:   []string{logSyncing, logCountdown, logSending, logSent},
		},
	}
}

// TestRecord runs one after the other, because all use the same task queues.
func TestRecord(t *testing.T) {
	engine := enginetest.Client(t)
	require.NoError(t, EnsureSearchAttributes(t.Context(), engine, "default"))
	for _, r := range append(recordings(), liveRecordings()...) {
		t.Run(r.name, func(t *testing.T) { r.record(t, engine) })
	}
}

func (r recording) record(t *testing.T, engine client.Client) {
	l := &live{T: t, ledger: newLedgerFake(1500), flows: Flows{Client: engine}}
	l.ledger.strict = true
	l.ref = activities.VersionRef{Ref: activities.Ref{ProjectID: project, DistributionID: uuid.New()}, Version: 1}
	if r.setup != nil {
		r.setup(l)
	}
	work(t, engine, l.ledger)
	r.start(l)
	if r.drive != nil {
		r.drive(l)
	}
	var tally message.Tally
	run := engine.GetWorkflow(t.Context(), distributionID(l.ref.ProjectID, l.ref.DistributionID), "")
	require.NoError(t, run.Get(t.Context(), &tally))

	require.Empty(t, l.ledger.broken)
	require.Equal(t, r.log, l.ledger.log)
	require.Equal(t, r.tally, tally)
	histories := chain(t, engine, distributionID(l.ref.ProjectID, l.ref.DistributionID))
	require.Equal(t, r.steps != 0, len(histories) > 1, "whether it continued as new")
	for i, history := range histories {
		name := "manual_" + r.name
		if r.goes {
			name = "automatic_" + r.name
		}
		if r.steps != 0 {
			name = fmt.Sprintf("%s_%02d", name, i+1)
		}
		write(t, filepath.Join("testdata", "histories", name+".json"), history)
	}
}

// start confirms the distribution as the API does.
func (r recording) start(l *live) {
	if r.goes {
		r.goLive(l)
		return
	}
	c := Confirmed{
		VersionRef: l.ref, Actor: "app", Delay: r.delay,
		Spec: distribution.Spec{Name: "Spring sale", Trigger: distribution.Trigger{Type: distribution.Manual}},
	}
	if r.delay == 0 {
		c.Retry = message.Failed
	}
	if r.steps == 0 {
		require.Eventually(l, func() bool { // the engine takes a moment to know new search attributes
			_, err := l.flows.Send(l.Context(), c)
			return err == nil
		}, 30*time.Second, 100*time.Millisecond)
		return
	}
	_, err := l.flows.Client.ExecuteWorkflow(l.Context(), client.StartWorkflowOptions{
		ID: distributionID(l.ref.ProjectID, l.ref.DistributionID), TaskQueue: Queue, StaticSummary: c.Spec.Name,
	}, ManualDistribution, ManualState{
		Flight: Flight{VersionRef: l.ref, Actor: "app", StepsPerRun: r.steps}, Countdown: Countdown{Delay: r.delay},
	})
	require.NoError(l, err)
}

// work starts workers with the real workflows and the fake activities until the test ends.
func work(t *testing.T, engine client.Client, ledger *ledgerFake) {
	options := worker.Options{
		DisableRegistrationAliasing: true, MaxHeartbeatThrottleInterval: 100 * time.Millisecond, Identity: "herald",
	}
	plan := worker.New(engine, Queue, options)
	Register(plan)
	options.DisableWorkflowWorker = true
	send, answer := worker.New(engine, SendQueue, options), worker.New(engine, TriggeredQueue, options)
	for _, w := range []worker.Worker{plan, send, answer} {
		w.RegisterActivity(ledger)
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
}

func (l *live) control(control distribution.Control, version int) {
	if control == distribution.Resume {
		l.ledger.resumes()
	}
	_, err := l.flows.Control(l.Context(), l.ref.ProjectID, l.ref.DistributionID, control, Order{Actor: "ops", Version: version})
	require.NoError(l, err)
}

// logs waits until the distribution's log has the line.
func (l *live) logs(line string) {
	require.Eventually(l, func() bool {
		l.ledger.mu.Lock()
		defer l.ledger.mu.Unlock()
		return slices.Contains(l.ledger.log, line)
	}, 30*time.Second, 10*time.Millisecond)
}

// chain reads the histories of a workflow's runs, the first run first.
func chain(t *testing.T, engine client.Client, id string) (histories []*historypb.History) {
	described, err := engine.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	for run := described.WorkflowExecutionInfo.FirstRunId; run != ""; {
		history := &historypb.History{}
		iter := engine.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		run = ""
		for iter.HasNext() {
			event, err := iter.Next()
			require.NoError(t, err)
			history.Events = append(history.Events, event)
			run = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
		histories = append(histories, history)
	}
	return histories
}

// machine is what a history says of the machine that it was recorded on.
var machine = regexp.MustCompile(`("identity": *)"[^"]*"|("name": *)"[^"]*:[0-9a-f-]{36}"`)

func write(t *testing.T, path string, history *historypb.History) {
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(history)
	require.NoError(t, err)
	text = machine.ReplaceAll(text, []byte(`$1$2"herald"`))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o600))
	slog.New(slog.NewTextHandler(os.Stderr, nil)).InfoContext(context.Background(), "recorded", "history", path, "events", len(history.Events))
}
