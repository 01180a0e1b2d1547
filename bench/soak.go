package bench

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/workflows"
)

// Soak is what a live distribution came to that has answered a great many occurrences.
type Soak struct {
	At                 time.Time
	CPUs               int
	Occurrences, Mails int
	Seconds            float64
	Runs               int        // each continued as new by the next
	LongestHistory     int64      // events
	Replayed           int        // events of the run that was replayed: the last that has ended, or the only one
	Memory             [3]float64 // of the worker, in MB: when a twentieth was answered, half of it, all
}

const (
	soakPeople = 100_000
	// soakAhead is how many occurrences wait at most, and soakPage how many are written at once.
	soakAhead, soakPage = 20_000, 5000
)

// soak puts occurrences behind one live distribution as fast as they are answered. They are written into the ledger as changes
// write them, without the API, whose cost is measured elsewhere.
func (l *triggersLoad) soak(ctx context.Context, room Room) error {
	if _, err := l.st.pool.Exec(ctx, `INSERT INTO customers (project_id, source_id, name, email)
		SELECT $1, 'c-' || n, 'Customer ' || n, 'c' || n || '@shop.example' FROM generate_series(0, $2::int - 1) n`, l.st.project, soakPeople); err != nil {
		return err
	}
	one, err := l.live(ctx, "page_viewed")
	if err != nil {
		return err
	}
	if _, err := l.st.pool.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	began := time.Now()
	s := Soak{At: began.UTC(), CPUs: runtime.NumCPU(), Occurrences: l.Total}
	for written, looked := 0, 0; s.Mails < l.Total; {
		if written < l.Total && written-s.Mails < soakAhead {
			page := min(soakPage, l.Total-written)
			if err := l.occur(ctx, written, page); err != nil {
				return err
			}
			written += page
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if err := l.st.pool.QueryRow(ctx, "SELECT coalesce(sum(sent), 0) FROM message_tallies").Scan(&s.Mails); err != nil {
			return err
		}
		for ; looked < len(s.Memory) && s.Mails >= []int{l.Total / 20, l.Total / 2, l.Total}[looked]; looked++ {
			held, err := memory(l.st.workers[0].pid())
			if err != nil {
				return err
			}
			s.Memory[looked] = float64(held.Now) / 1e6
			_, _ = fmt.Fprintf(room.Out, "%d mails after %s; the worker holds %.0f MB\n", s.Mails, time.Since(began).Round(time.Second), s.Memory[looked])
		}
	}
	s.Seconds = time.Since(began).Seconds()
	if err := l.histories(ctx, one, &s); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(room.Out, "%d occurrences in %.0f s (%.0f/s), %d runs, the longest history %d events; the last replays (%d events)\n",
		s.Occurrences, s.Seconds, float64(s.Occurrences)/s.Seconds, s.Runs, s.LongestHistory, s.Replayed)
	return writeJSON(l.JSON, s)
}

// occur writes a page of occurrences, each of the next customer.
func (l *triggersLoad) occur(ctx context.Context, from, page int) error {
	_, err := l.st.pool.Exec(ctx, `WITH people AS (
			SELECT c.id, n FROM generate_series($2::int, $2::int + $3::int - 1) n
			JOIN customers c ON c.project_id = $1 AND c.source_id = 'c-' || (n % $4::int)
		), told AS (SELECT pg_notify('occurrences', ''))
		INSERT INTO occurrences (project_id, customer_id, type, name, data, source, group_id, waiting)
		SELECT $1, people.id, $5, 'page_viewed', jsonb_build_object('event', jsonb_build_object('metadata', jsonb_build_object('page', '/shoes/' || people.n % 1000))),
			'{"channel": "API"}', 'soak', true
		FROM people, told ORDER BY people.n`, l.st.project, from, page, soakPeople, string(occurrence.CustomEvent))
	return err
}

// histories looks at every run of the distribution, and replays the last that has ended, or else the only one.
func (l *triggersLoad) histories(ctx context.Context, one string, s *Soak) error {
	workflowID := "distribution/" + id.Project.Format(l.st.project) + "/" + one
	runs, err := l.ended(ctx, workflowID)
	if err != nil {
		return err
	}
	current, err := l.history(ctx, one)
	if err != nil {
		return err
	}
	s.Runs, s.LongestHistory = len(runs)+1, current
	for _, run := range runs {
		s.LongestHistory = max(s.LongestHistory, run.events)
	}
	last := "" // the current one
	if len(runs) > 0 {
		last = runs[0].id
	}
	history, err := l.download(ctx, workflowID, last)
	if err != nil {
		return err
	}
	s.Replayed = len(history.Events)
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	if err != nil {
		return err
	}
	workflows.Register(replayer)
	return replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: workflowID, RunID: last}})
}

func (l *triggersLoad) download(ctx context.Context, workflowID, run string) (*historypb.History, error) {
	var history historypb.History
	for events := l.st.runs.GetWorkflowHistory(ctx, workflowID, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
	}
	return &history, nil
}

// endedRun is a run that was continued as new.
type endedRun struct {
	id     string
	events int64
}

// ended lists the runs that were continued as new, the last one first, as far as the engine lists them yet.
func (l *triggersLoad) ended(ctx context.Context, workflowID string) (runs []endedRun, err error) {
	var page []byte
	for {
		listed, err := l.st.runs.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId = '%s' AND ExecutionStatus = 'ContinuedAsNew'", workflowID), NextPageToken: page,
		})
		if err != nil {
			return nil, err
		}
		for _, one := range listed.Executions {
			runs = append(runs, endedRun{one.Execution.RunId, one.HistoryLength})
		}
		if page = listed.NextPageToken; len(page) == 0 {
			return runs, nil
		}
	}
}
