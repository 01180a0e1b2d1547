package worker_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"herald/activities"
	"herald/db"
	"herald/internal/channel/email/sink"
	"herald/internal/distribution"
	"herald/internal/enginetest"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/worker"
	"herald/workflows"
)

// line is the way to the engine, which refuses signals as a test wants it.
type line struct {
	mu     sync.Mutex
	refuse func(workflowID string) error // nil: none
	tries  map[string]int                // signals refused, by workflow id
}

func (l *line) intercept(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if signal, ok := req.(*workflowservice.SignalWithStartWorkflowExecutionRequest); ok {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.refuse != nil {
			if err := l.refuse(signal.WorkflowId); err != nil {
				l.tries[signal.WorkflowId]++
				return err
			}
		}
	}
	return invoke(ctx, method, req, reply, conn, options...)
}

func (l *line) set(refuse func(workflowID string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = refuse
}

// refused is how many signals to workflows whose ids end so were refused.
func (l *line) refused(suffix string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for workflowID, tries := range l.tries {
		if strings.HasSuffix(workflowID, suffix) {
			n += tries
		}
	}
	return n
}

// answering is a room in which a worker answers what customers do.
type answering struct {
	room
	line *line
	mail *sink.Sink
	page http.Handler // with the worker's metrics
}

func answer(t *testing.T) answering {
	t.Helper()
	a := answering{room: open(t), line: &line{tries: map[string]int{}}}
	var err error
	a.mail, err = sink.Listen("127.0.0.1:0", sink.Options{Pipelining: true})
	require.NoError(t, err)
	t.Cleanup(func() { a.mail.Close() })
	options := enginetest.Server(t).Options()
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(a.line.intercept))
	a.engine, err = client.DialContext(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(a.engine.Close)
	w, err := worker.New(worker.Options{
		Pool: a.pool, Engine: a.engine, SMTP: "smtp://" + a.mail.Addr(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	a.page = w.Metrics()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return a
}

// live sets a distribution live that answers every custom event.
func (a answering) live(t *testing.T) uuid.UUID {
	t.Helper()
	store := db.Distributions{Pool: a.pool}
	spec := distribution.Spec{
		Name: "Answer", Trigger: distribution.Trigger{Type: distribution.TriggerType(occurrence.CustomEvent)},
		Action: distribution.Action{Type: distribution.Message},
		Channels: []distribution.Channel{{
			Type: distribution.Email, Subject: "You looked", From: "news@shop.example", Template: &distribution.Template{Text: "Hello"},
		}},
	}
	made, err := store.Create(t.Context(), a.project, spec, "app")
	require.NoError(t, err)
	require.NoError(t, store.Confirm(t.Context(), made.ID, 1, spec, "app"))
	_, err = a.flows.GoLive(t.Context(), workflows.Confirmed{
		VersionRef: activities.VersionRef{Ref: activities.Ref{ProjectID: a.project, DistributionID: made.ID}, Version: 1}, Spec: spec, Actor: "app",
	})
	require.NoError(t, err)
	return made.ID
}

// causes has new customers cause an event each.
func (a answering) causes(t *testing.T, events int) {
	t.Helper()
	_, err := a.pool.Exec(t.Context(), `WITH c AS (
			INSERT INTO customers (project_id, source_id, email)
			SELECT $1, 'source-' || uuid7(), 'person' || n || '@shop.example' FROM generate_series(1, $2::int) n RETURNING id
		)
		INSERT INTO occurrences (project_id, customer_id, type, name, data, source, group_id, waiting)
		SELECT $1, id, $3, 'page_viewed', '{}', '{}', '', true FROM c`, a.project, events, string(occurrence.CustomEvent))
	require.NoError(t, err)
}

// answered waits until a distribution has answered everything that happened, each once and in its order.
func (a answering) answered(t *testing.T, one uuid.UUID, events int) {
	t.Helper()
	require.Eventually(t, func() bool {
		var sent int
		require.NoError(t, a.pool.QueryRow(t.Context(), "SELECT count(*) FROM messages WHERE distribution_id = $1 AND sent_at IS NOT NULL", one).Scan(&sent))
		return sent == events
	}, time.Minute, 20*time.Millisecond)
	var inOrder bool
	var messages int
	require.NoError(t, a.pool.QueryRow(t.Context(), `SELECT count(*), bool_and(seq = n) FROM (
		SELECT seq, row_number() OVER (ORDER BY occurrence) AS n FROM messages WHERE distribution_id = $1) m`, one).Scan(&messages, &inOrder))
	require.Equal(t, events, messages)
	require.True(t, inOrder, "enrolled in the order of what happened")
}

func (a answering) number(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, a.pool.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// metrics is the page of the worker's metrics.
func (a answering) metrics() string {
	page := httptest.NewRecorder()
	a.page.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return page.Body.String()
}

func TestOneRunThatTakesNoSignalsHoldsUpNoOther(t *testing.T) {
	a := answer(t)
	deaf, other := a.live(t), a.live(t)
	workflow := id.Distribution.Format(deaf)
	a.line.set(func(workflowID string) error {
		if strings.HasSuffix(workflowID, workflow) {
			return status.Error(codes.InvalidArgument, "exceeded workflow execution limit for signal events")
		}
		return nil
	})
	a.causes(t, 20)
	a.answered(t, other, 20)
	a.causes(t, 10)
	a.answered(t, other, 30)
	require.Eventually(t, func() bool { return a.line.refused(workflow) > 1 }, 20*time.Second, 20*time.Millisecond, "it is tried again")
	require.Equal(t, 30, a.number(t, "SELECT count(*) FROM relay_untold WHERE distribution_id = $1", deaf))
	shown, err := db.Distributions{Pool: a.pool}.Get(t.Context(), a.project, deaf)
	require.NoError(t, err)
	for _, line := range []string{
		"herald_relay_untold 30", "herald_relay_unheard_distributions 1", "herald_relay_waiting 0", "herald_relay_occurrences_total 30",
		"herald_relay_told_total 30", "herald_relay_kept_total 30", `herald_messages_total{channel="email",outcome="sent"} 30`,
	} {
		require.Contains(t, a.metrics(), "\n"+line+"\n")
	}
	require.Equal(t, "run_takes_no_signals: exceeded workflow execution limit for signal events", *shown.Reason)

	a.line.set(nil)
	a.answered(t, deaf, 30)
	a.answered(t, other, 30)
	require.Eventually(t, func() bool {
		shown, err := db.Distributions{Pool: a.pool}.Get(t.Context(), a.project, deaf)
		return err == nil && shown.Reason == nil
	}, 20*time.Second, 20*time.Millisecond)
}

func TestEverythingWaitsWhileTheEngineIsAway(t *testing.T) {
	a := answer(t)
	one, other := a.live(t), a.live(t)
	for name, away := range map[string]error{
		"refuses everybody": status.Error(codes.PermissionDenied, "the certificate has expired"),
		"is overloaded":     status.Error(codes.ResourceExhausted, "namespace rate limit exceeded"),
	} {
		before := a.number(t, "SELECT count(*) FROM occurrences")
		refused := a.line.refused("")
		a.line.set(func(string) error { return away })
		a.causes(t, 10)
		require.Eventually(t, func() bool { return a.line.refused("") > refused+6 }, time.Minute, 20*time.Millisecond, name)
		a.causes(t, 10)
		require.Equal(t, 20, a.number(t, "SELECT count(*) FROM occurrences WHERE waiting"), name)
		require.Zero(t, a.number(t, "SELECT count(*) FROM relay_untold"), name)
		require.Contains(t, a.metrics(), "\nherald_relay_waiting 20\n", name)
		a.line.set(nil)
		a.answered(t, one, before+20)
		a.answered(t, other, before+20)
	}
}
