package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"herald/internal/distribution"
)

// Bulk measures a manual distribution to everyone, from its confirmation (with no delay) to the last message at an SMTP
// server, with the floor before each round.
type Bulk struct {
	Setup
	N         int           `short:"n" default:"50000" help:"Customers."`
	Rounds    int           `default:"3" help:"Rounds, each with the floor before it; the medians are reported."`
	Workers   int           `default:"1" help:"Worker processes."`
	SinkDelay time.Duration `default:"0s" help:"How long the SMTP server takes to answer each message."`
	Codes     bool          `help:"Publish a code to each customer (publish_code) instead of a plain message."`
}

// Round is one distribution and the floor beside it.
type Round struct {
	Floor, Herald     Rate
	Ratio             float64           // Herald's rate by the floor's
	Memory            map[string]Memory // API and workers, bytes
	StatementsPerMail float64
	EventsPerMail     float64
	Runs              int     // runs of the workflow, one more than it continued as new
	SecondsToSent     float64 // until the API said so
	Longest           []Statement
}

// Report is all that a measurement found.
type Report struct {
	At       time.Time
	Settings Bulk
	CPUs     int
	Rounds   []Round
}

// Measure runs it. It ends by itself: a round that makes no progress for two minutes fails.
func (b Bulk) Measure(ctx context.Context, room Room) (err error) {
	st, err := raise(ctx, room, staging{Setup: b.Setup, workers: b.Workers, sinkDelay: b.SinkDelay})
	defer func() {
		if err != nil {
			st.keepLogs()
		}
		err = errors.Join(err, st.close())
	}()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(room.Out, "Below %s: PostgreSQL, engine, sink, API, %d worker(s) with %d connections each.\n", st.dir, b.Workers, b.Connections)
	if err := st.gather(ctx, b.N); err != nil {
		return err
	}
	report := Report{At: time.Now().UTC(), Settings: b, CPUs: runtime.NumCPU()}
	for i := range b.Rounds {
		round, err := st.round(ctx, b, i+1)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		report.Rounds = append(report.Rounds, round)
		_, _ = fmt.Fprintf(room.Out, "round %d: floor %.0f/s, Herald %.0f/s, %.2f of the floor\n",
			i+1, round.Floor.PerSecond, round.Herald.PerSecond, round.Ratio)
	}
	return errors.Join(report.print(room.Out), writeJSON(b.JSON, report))
}

func (st *stage) round(ctx context.Context, b Bulk, n int) (Round, error) {
	floor, err := st.floor(ctx, b)
	if err != nil {
		return Round{}, err
	}
	round, err := st.herald(ctx, b, n)
	round.Floor = floor
	round.Ratio = round.Herald.PerSecond / floor.PerSecond
	return round, err
}

func (st *stage) herald(ctx context.Context, b Bulk, n int) (Round, error) {
	var round Round
	campaign, err := "", error(nil)
	if b.Codes {
		if campaign, err = st.codes(ctx, fmt.Sprintf("round %d", n), b.N); err != nil {
			return round, err
		}
	}
	mailing, err := st.mailing(ctx, fmt.Sprintf("round %d", n), b.Size, campaign, "")
	if err != nil {
		return round, err
	}
	if err := st.forgetStatements(ctx); err != nil {
		return round, err
	}
	before, err := st.take(ctx)
	if err != nil {
		return round, err
	}
	start := time.Now()
	if _, err := st.door.order(ctx, mailing.ID, "send"); err != nil {
		return round, err
	}
	if err := st.awaitArrival(ctx, before.arrived.Messages+int64(b.N)); err != nil {
		return round, err
	}
	sent, err := st.awaitEnd(ctx, mailing.ID)
	if err != nil {
		return round, err
	}
	round.SecondsToSent = time.Since(start).Seconds()
	after, err := st.take(ctx)
	if err != nil {
		return round, err
	}
	round.Herald = before.until(after, start, b.N)
	if err := before.complete(after, b.N); err != nil {
		return round, err
	}
	return round, st.costs(ctx, &round, sent, b.N)
}

// costs adds what the messages cost beside time.
func (st *stage) costs(ctx context.Context, round *Round, sent standing, n int) error {
	calls, longest, err := st.statements(ctx)
	if err != nil {
		return err
	}
	round.StatementsPerMail, round.Longest = float64(calls)/float64(n), longest
	workflowID, err := sent.workflowID()
	if err != nil {
		return err
	}
	events, runs, err := st.historyEvents(ctx, workflowID)
	if err != nil {
		return err
	}
	round.EventsPerMail, round.Runs = float64(events)/float64(n), runs
	round.Memory = map[string]Memory{}
	for _, p := range append([]*process{st.api}, st.workers...) {
		if round.Memory[p.name], err = memory(p.pid()); err != nil {
			return err
		}
	}
	return nil
}

const (
	glance   = 100 * time.Millisecond // between looks at what has arrived; each costs the sink a little
	patience = 2 * time.Minute        // without any progress
)

// awaitArrival returns once the sink has taken so many messages in all.
func (st *stage) awaitArrival(ctx context.Context, messages int64) error {
	last, since := int64(-1), time.Now()
	for {
		now, err := arrived(ctx, st.stats)
		if err != nil {
			return err
		}
		if now.Messages >= messages {
			return nil
		}
		if now.Messages > last {
			last, since = now.Messages, time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("nothing has arrived for %s; %d of %d messages came", patience, now.Messages, messages)
		}
		if err := pause(ctx, glance); err != nil {
			return err
		}
	}
}

// awaitEnd returns once the API says that the distribution was sent.
func (st *stage) awaitEnd(ctx context.Context, id string) (standing, error) {
	for began := time.Now(); ; {
		now, err := st.door.get(ctx, id)
		switch {
		case err != nil:
			return now, err
		case now.Status == distribution.Sent:
			return now, nil
		case now.Status == distribution.Failed || now.Status == distribution.Stopped:
			return now, fmt.Errorf("the distribution is %s: %s", now.Status, now.Reason)
		case time.Since(began) > patience:
			return now, fmt.Errorf("the distribution is still %s (%s) %s after the last message", now.Status, now.Reason, patience)
		}
		if err := pause(ctx, glance); err != nil {
			return now, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
