package bench

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	enums "go.temporal.io/api/enums/v1"
)

// reading is what all parts show at one instant.
type reading struct {
	arrived Arrived
	cpu     map[string]time.Duration // by process; all of PostgreSQL's in one
}

func (st *stage) take(ctx context.Context) (reading, error) {
	r := reading{cpu: map[string]time.Duration{}}
	for _, p := range st.parts() {
		used, err := cpu(p.pid())
		if err != nil {
			return r, err
		}
		r.cpu[p.Name()] = used
	}
	var err error
	r.arrived, err = arrived(ctx, st.stats)
	return r, err
}

// until is the rate of n messages that left between two readings, from start to the last one at the sink.
func (r reading) until(after reading, start time.Time, n int) Rate {
	took := after.arrived.Last.Sub(start).Seconds()
	rate := Rate{
		Seconds: took, PerSecond: float64(n) / took, CPU: map[string]float64{},
		MailBytes: float64(after.arrived.Bytes-r.arrived.Bytes) / float64(n),
	}
	for name, used := range after.cpu {
		rate.CPU[name] = perMessage(used-r.cpu[name], n)
	}
	return rate
}

// complete is an error where the sink did not get n messages, each once.
func (r reading) complete(after reading, n int) error {
	came, distinct := after.arrived.Messages-r.arrived.Messages, after.arrived.Distinct-r.arrived.Distinct
	if came != int64(n) || distinct != int64(n) {
		return fmt.Errorf("%d messages should have arrived once: %d are missing, %d came again", n, int64(n)-distinct, came-distinct)
	}
	return nil
}

// historyEvents counts the events of a run and of all that it continued as new from.
func (st *stage) historyEvents(ctx context.Context, workflowID string) (events int64, runs int, err error) {
	run := ""
	for {
		described, err := st.runs.DescribeWorkflowExecution(ctx, workflowID, run)
		if err != nil {
			return 0, 0, err
		}
		info := described.GetWorkflowExecutionInfo()
		events += info.GetHistoryLength()
		runs++
		first, err := st.runs.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: client.DefaultNamespace, Execution: info.GetExecution(), MaximumPageSize: 1,
			HistoryEventFilterType: enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
		})
		if err != nil {
			return 0, 0, err
		}
		run = first.GetHistory().GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		if run == "" {
			return events, runs, nil
		}
	}
}

// Statement is one that PostgreSQL has run often or for long.
type Statement struct {
	SQL          string
	Calls        int64
	Milliseconds float64
}

// statements counts what PostgreSQL has run in this database since the last forget, and shows what took longest.
func (st *stage) statements(ctx context.Context) (calls int64, longest []Statement, err error) {
	const ours = `dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'`
	if err := st.pool.QueryRow(ctx, "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements WHERE "+ours).Scan(&calls); err != nil {
		return 0, nil, err
	}
	rows, err := st.pool.Query(ctx, "SELECT left(query, 200), calls, total_exec_time FROM pg_stat_statements WHERE "+ours+
		" ORDER BY total_exec_time DESC LIMIT 12")
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s Statement
		if err := rows.Scan(&s.SQL, &s.Calls, &s.Milliseconds); err != nil {
			return 0, nil, err
		}
		longest = append(longest, s)
	}
	return calls, longest, rows.Err()
}

func (st *stage) forgetStatements(ctx context.Context) error {
	_, err := st.pool.Exec(ctx, "SELECT pg_stat_statements_reset()")
	return err
}
