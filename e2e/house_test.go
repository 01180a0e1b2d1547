// Package e2e_test tells whole stories: a real database, a real engine, the API's handler, workers and a mail server, all in
// this process. Its law: nobody's name, address or code is ever in the engine's history, whatever the story.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"

	"herald/api"
	"herald/db"
	"herald/internal/enginetest"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/pgtest"
	"herald/internal/smtptest"
	"herald/worker"
	"herald/workflows"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		return // every story starts PostgreSQL and the engine
	}
	code, err := pgtest.Run(func() int {
		code, err := enginetest.Run(m.Run)
		if err != nil {
			fmt.Fprintln(os.Stderr, "enginetest:", err)
			return 1
		}
		return code
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = 1
	}
	os.Exit(code)
}

// house is Herald for one story. Stories share the engine's task queues, so they are told one after the other.
type house struct {
	*testing.T
	url        string // of the database
	pool       *pgxpool.Pool
	engine     client.Client
	mail       *smtptest.Server
	door       *httptest.Server
	project    uuid.UUID
	app, token string
	began      time.Time
	secrets    []string // that no history may hold, beside names, addresses and codes
}

// newHouse opens the house; delay is the countdown. It has no worker yet.
func newHouse(t *testing.T, delay time.Duration) *house {
	t.Helper()
	h := &house{T: t, url: pgtest.URL(t), engine: enginetest.Client(t), mail: smtptest.Start(t, nil), began: time.Now()}
	h.pool = h.connect()
	projects := db.Projects{Pool: h.pool}
	var err error
	h.project, err = projects.Create(t.Context(), "shop")
	require.NoError(t, err)
	h.app, h.token, err = projects.CreateKey(t.Context(), h.project, db.Admin, "test")
	require.NoError(t, err)
	h.knowAttributes()
	h.door = httptest.NewServer(api.New(api.Options{
		Pool: h.pool, Engine: h.engine, From: "Shop <news@shop.example>", Log: slog.New(slog.DiscardHandler), Delay: delay, Rate: 1_000_000,
	}))
	t.Cleanup(h.door.Close)
	t.Cleanup(h.historiesTellNothingPersonal)
	return h
}

// connections is how many each part of a house has to the database.
const connections = 20

func (h *house) connect() *pgxpool.Pool {
	pool, err := pgxpool.New(context.Background(), fmt.Sprintf("%s&pool_max_conns=%d", h.url, connections))
	require.NoError(h, err)
	h.Cleanup(pool.Close)
	return pool
}

// knowAttributes returns once the engine takes runs with Herald's search attributes.
func (h *house) knowAttributes() {
	require.NoError(h, workflows.EnsureSearchAttributes(h.Context(), h.engine, client.DefaultNamespace))
	require.Eventually(h, func() bool {
		_, err := h.engine.CountWorkflow(h.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: "HeraldStatus = 'sending'"})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
}

// work starts a worker of its own connections, and returns what stops it. The domain marks the mails that it sends.
func (h *house) work(domain string) (stop func()) { return h.workAt(domain, 0) }

// workAt is work with a cap of so many mails per second.
func (h *house) workAt(domain string, rate float64) (stop func()) {
	w, err := worker.New(worker.Options{
		Pool: h.connect(), Engine: h.engine, Log: slog.New(slog.DiscardHandler), SMTP: h.mail.URL + "?tls=none", Connections: 5,
		Rate: rate, RetryAfter: []time.Duration{time.Second, time.Second, time.Second}, Domain: domain,
	})
	require.NoError(h, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(h, <-ended)
		}
	}
	h.Cleanup(stop)
	return stop
}

// object is a body of the API.
type object = map[string]any

// call makes a request and expects a status.
func (h *house) call(method, path string, body any, want int, headers ...string) (answer object) {
	h.Helper()
	h.ask(method, path, body, want, &answer, headers...)
	return answer
}

// ask makes a request, and reads the answer into what it should be.
func (h *house) ask(method, path string, body any, want int, answer any, headers ...string) {
	h.Helper()
	text, err := json.Marshal(body)
	require.NoError(h, err)
	h.request(method, path, "application/json", bytes.NewReader(text), want, answer, headers...)
}

func (h *house) request(method, path, contentType string, body io.Reader, want int, answer any, headers ...string) {
	h.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, h.door.URL+"/v1"+path, body)
	require.NoError(h, err)
	req.Header.Set("X-App-Id", h.app)
	req.Header.Set("X-App-Token", h.token)
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h, err)
	defer func() { require.NoError(h, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(h, err)
	require.Equal(h, want, resp.StatusCode, "%s %s: %s", method, path, text)
	if len(text) > 0 {
		require.NoError(h, json.Unmarshal(text, answer), "%s", text)
	}
}

// people puts customers into a segment, each with a name and an address of their own, and returns the segment's id.
func (h *house) people(n int) string {
	var segment uuid.UUID
	require.NoError(h, h.pool.QueryRow(h.Context(), `WITH s AS (
			INSERT INTO segments (project_id, name, type, initial_sync_status) VALUES ($1, 'everyone', 'static', 'DONE') RETURNING id
		), people AS (
			INSERT INTO customers (project_id, source_id, name, email)
			SELECT $1, 'source-' || n, 'Wilhelmina Q' || n, 'wilhelmina.q' || n || '@private.example' FROM generate_series(1, $2::int) n RETURNING id
		), members AS (INSERT INTO segment_members (segment_id, customer_id) SELECT s.id, people.id FROM s, people)
		SELECT id FROM s`, h.project, n).Scan(&segment))
	return id.Segment.Format(segment)
}

// campaign makes a campaign with so many codes and waits for them.
func (h *house) campaign(codes int) string {
	made := h.call("POST", "/campaigns", object{
		"name": "Spring codes", "campaign_type": "DISCOUNT_COUPONS", "type": "STATIC", "vouchers_count": codes,
		"voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "code_config": object{"pattern": "HUSH-########"}},
	}, http.StatusOK)
	campaign := made["id"].(string)
	require.Eventually(h, func() bool {
		return h.call("GET", "/campaigns/"+campaign, nil, http.StatusOK)["vouchers_generation_status"] == "DONE"
	}, 30*time.Second, 50*time.Millisecond)
	return campaign
}

// sale is what a distribution says: a mail to a segment, with a code where there is a campaign.
func sale(segment, campaign, subject string) object {
	action := object{"type": "message"}
	if campaign != "" {
		action = object{"type": "publish_code", "campaign_id": campaign}
	}
	return object{
		"name": "Spring sale", "trigger": object{"type": "manual"}, "audience": object{"segment_id": segment}, "action": action,
		"channels": []object{{"type": "email", "subject": subject, "template": object{"text": "Dear {{ customer.name }}, your code: {{ voucher.code }}."}}},
	}
}

// send makes a distribution and sends it.
func (h *house) send(spec object) (distribution string) {
	h.Helper()
	distribution = h.call("POST", "/distributions", spec, http.StatusOK)["id"].(string)
	h.control(distribution, "send")
	return distribution
}

func (h *house) control(distribution, control string) object {
	h.Helper()
	return h.call("POST", "/distributions/"+distribution+"/"+control, nil, http.StatusAccepted)
}

func (h *house) get(distribution string) object {
	return h.call("GET", "/distributions/"+distribution, nil, http.StatusOK)
}

// becomes waits until a distribution stands there.
func (h *house) becomes(distribution, status string) object {
	h.Helper()
	var now object
	require.Eventually(h, func() bool {
		now = h.get(distribution)
		return now["status"] == status
	}, time.Minute, 50*time.Millisecond, "not %s: %v", status, now)
	return now
}

// tally reads the counts that a distribution shows.
func (h *house) tally(shown object) (t message.Tally) {
	text, err := json.Marshal(shown["messages"])
	require.NoError(h, err)
	require.NoError(h, json.Unmarshal(text, &t))
	return t
}

// everyoneOnce sees that each of n people got one mail.
func (h *house) everyoneOnce(n int) {
	h.Helper()
	got := h.mail.ByRecipient()
	require.Len(h, got, n)
	for to, mails := range got {
		require.Equal(h, 1, mails, to)
	}
}

// events are the log's, the oldest first.
func (h *house) events(distribution string) (events []string) {
	entries := h.call("GET", "/distributions/"+distribution+"/log?limit=100", nil, http.StatusOK)["data"].([]any)
	for _, e := range entries {
		events = append([]string{e.(object)["event"].(string)}, events...)
	}
	return events
}

// arrived waits until so many mails were taken.
func (h *house) arrived(n int) {
	h.Helper()
	require.Eventually(h, func() bool { return h.mail.Count() >= n }, time.Minute, time.Millisecond)
}

// mostEvents bounds a run's history in these stories: batches, not messages, make it grow.
const mostEvents = 1000

// historiesTellNothingPersonal reads the history of every run of this story, and looks for every name, address and code.
func (h *house) historiesTellNothingPersonal() {
	var secrets []string
	require.NoError(h, h.pool.QueryRow(context.Background(), `SELECT array_agg(secret) FROM (
		SELECT name AS secret FROM customers UNION SELECT email FROM customers UNION SELECT code FROM vouchers) s WHERE secret <> ''`).Scan(&secrets))
	secrets = append(secrets, h.secrets...)
	ctx, runs := context.Background(), 0
	var next []byte
	for {
		page, err := h.engine.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("StartTime >= '%s'", h.began.UTC().Format(time.RFC3339Nano)), NextPageToken: next,
		})
		require.NoError(h, err)
		for _, run := range page.Executions {
			runs++
			require.Less(h, run.HistoryLength, int64(mostEvents), run.Execution.WorkflowId)
			iter := h.engine.GetWorkflowHistory(ctx, run.Execution.WorkflowId, run.Execution.RunId, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for iter.HasNext() {
				event, err := iter.Next()
				require.NoError(h, err)
				raw, err := proto.Marshal(event)
				require.NoError(h, err)
				for _, secret := range secrets {
					require.False(h, bytes.Contains(raw, []byte(secret)), "%s of %s holds %q", event.EventType, run.Execution.WorkflowId, secret)
				}
			}
		}
		if next = page.NextPageToken; len(next) == 0 {
			break
		}
	}
	require.Positive(h, runs)
}
