package activities_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"herald/activities"
	"herald/db"
	"herald/internal/channel/email"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/metrics"
	"herald/internal/pgtest"
	"herald/internal/smtptest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// post is a distribution whose messages are enrolled, a mail server, and the hands of one worker that send it.
type post struct {
	pool    *pgxpool.Pool
	server  *smtptest.Server
	ref     activities.VersionRef
	segment uuid.UUID
	sending *activities.Sending
	enrols  *activities.Enrolment
	rounds  *activities.Rounds
}

// retryAfter gives a deferred message two more attempts.
var retryAfter = []time.Duration{time.Minute, time.Hour}

// newPost enrols people; change says what is different about the usual mail.
func newPost(t *testing.T, people int, answer smtptest.Answer, change func(*distribution.Spec)) *post {
	t.Helper()
	p := &post{pool: pgtest.New(t), server: smtptest.Start(t, answer)}
	ctx := context.Background()
	project, err := db.Projects{Pool: p.pool}.Create(ctx, "shop")
	require.NoError(t, err)
	require.NoError(t, p.pool.QueryRow(ctx, `WITH s AS (
			INSERT INTO segments (project_id, name, type, initial_sync_status) VALUES ($1, 'everyone', 'static', 'DONE') RETURNING id
		), people AS (
			INSERT INTO customers (project_id, source_id, name, email, metadata)
			SELECT $1, 'source-' || n, 'Person ' || n, 'person' || n || '@shop.example', jsonb_build_object('size', n) FROM generate_series(1, $2::int) n
			RETURNING id
		), members AS (INSERT INTO segment_members (segment_id, customer_id) SELECT s.id, people.id FROM s, people)
		SELECT id FROM s`, project, people).Scan(&p.segment))
	spec := distribution.Spec{
		Name: "Spring sale", Trigger: distribution.Trigger{Type: distribution.Manual}, Action: distribution.Action{Type: distribution.Message},
		Audience: &distribution.Audience{SegmentID: id.Segment.Format(p.segment)},
		Channels: []distribution.Channel{{
			Type: distribution.Email, Subject: "Hello {{ customer.name }}", From: "Shop <news@shop.example>",
			Template: &distribution.Template{Text: "Dear {{ customer.name }}, your code is {{ voucher.code }}."},
		}},
	}
	if change != nil {
		change(&spec)
	}
	store := db.Distributions{Pool: p.pool}
	made, err := store.Create(ctx, project, spec, "app")
	require.NoError(t, err)
	require.NoError(t, store.Confirm(ctx, made.ID, 1, spec, "app"))
	require.NoError(t, store.Adopt(ctx, project, made.ID, 1, spec))
	require.NoError(t, store.Record(ctx, project, made.ID, db.Standing{Status: distribution.Sending, Actor: "herald", Event: "sending_started"}))
	p.ref = activities.VersionRef{Ref: activities.Ref{ProjectID: project, DistributionID: made.ID}, Version: 1}
	p.hire(t)
	p.enrol(t)
	return p
}

// hire gives the post the hands of a fresh worker.
func (p *post) hire(t *testing.T) {
	t.Helper()
	settings, err := email.ParseURL(p.server.URL + "?tls=none&timeout=5s&connections=4")
	require.NoError(t, err)
	mail := email.NewPool(settings, slog.New(slog.DiscardHandler))
	t.Cleanup(mail.Close)
	distributions, messages := db.Distributions{Pool: p.pool}, db.Messages{Pool: p.pool}
	letters := &activities.Letters{Distributions: distributions}
	claims := db.NewClaims(p.pool)
	p.sending = &activities.Sending{
		Messages: messages, Claims: claims, Recorder: activities.NewRecorder(claims, 10), Distributions: distributions, Letters: letters,
		Mail: mail, RetryAfter: retryAfter, Domain: "herald.example", Metrics: metrics.New().Works(),
	}
	p.enrols = &activities.Enrolment{
		Distributions: distributions, Messages: messages, Campaigns: db.Campaigns{Pool: p.pool}, Letters: letters, PageSize: 1000,
	}
	p.rounds = &activities.Rounds{Messages: messages}
}

func (p *post) enrol(t *testing.T) {
	t.Helper()
	for after := (uuid.UUID{}); ; {
		done, err := perform[db.Enrolled](t.Context(), p.enrols, p.enrols.EnrolPage, activities.EnrolInput{VersionRef: p.ref, After: after})
		require.NoError(t, err)
		if done.Done {
			return
		}
		after = done.After
	}
}

// send sends the first thousand.
func (p *post) send(ctx context.Context) (activities.Sent, error) {
	in := activities.SendInput{VersionRef: p.ref, Range: activities.Range{From: 1, To: 1000}}
	return perform[activities.Sent](ctx, p.sending, p.sending.SendBatch, in)
}

// perform runs one activity of hands in the SDK's environment; ctx ends as an activity's does.
func perform[Out any](ctx context.Context, hands, activity, in any) (out Out, err error) {
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(quiet{})
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(hands)
	value, err := env.ExecuteActivity(activity, in)
	if err != nil || value == nil || !value.HasValue() {
		return out, err
	}
	return out, value.Get(&out)
}

// failure is what the engine would keep of an activity's error.
func failure(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	return application
}

func (p *post) message(t *testing.T, seq int64) message.Message {
	t.Helper()
	m, err := p.sending.Messages.Get(context.Background(), p.ref.ProjectID, p.ref.DistributionID, seq)
	require.NoError(t, err)
	return m
}

// addressOf is the recipient of a message.
func (p *post) addressOf(t *testing.T, seq int64) string {
	t.Helper()
	return p.message(t, seq).Recipient
}

func (p *post) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := p.pool.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

// distribution reads where it stands.
func (p *post) distribution(t *testing.T) db.Distribution {
	t.Helper()
	found, err := db.Distributions{Pool: p.pool}.Get(context.Background(), p.ref.ProjectID, p.ref.DistributionID)
	require.NoError(t, err)
	return found
}

// events are the log's, the oldest first.
func (p *post) events(t *testing.T) (events []string) {
	t.Helper()
	require.NoError(t, p.pool.QueryRow(context.Background(), "SELECT array_agg(event ORDER BY id) FROM distribution_log WHERE distribution_id = $1",
		p.ref.DistributionID).Scan(&events))
	return events
}

// quiet keeps the environment's own log out of the tests' output.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
