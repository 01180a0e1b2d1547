package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"herald/internal/distribution"
)

// Faults kills everything at random while messages go out, and then counts at the far end.
type Faults struct {
	Setup
	N          int             `short:"n" default:"20000" help:"Customers; manual distributions are sent to all of them, one after the other, until all kills are done."`
	Kills      int             `default:"100" help:"Kills (SIGKILL) in all."`
	Events     int             `default:"0" help:"Events and orders a second that come in, answered by automatic distributions; 0 sends manual distributions instead."`
	EngineAway time.Duration   `default:"0s" help:"For how long the engine is left away, once, after half of the kills."`
	Hasten     bool            `help:"Do not wait out the two minutes after which a key can be used again whose process died."`
	Workers    int             `default:"2" help:"Worker processes."`
	SinkDelay  time.Duration   `default:"20ms" help:"How long the SMTP server takes to answer each message, so that there is time to kill."`
	Busy       float64         `default:"0" help:"Share of recipients that are answered 451 (try later), from 0 to 1."`
	Never      bool            `help:"Send with \"repeat\": \"never\"."`
	RetryAfter []time.Duration `default:"1s,1s,2s,2s,5s,5s,5s,5s,5s,5s,5s,5s" help:"When deferred messages are tried again."`
	Seed       uint64          `help:"Seed of what is killed when; 0 draws one."`
	Within     time.Duration   `default:"40m" help:"The run fails when it takes longer."`
}

// Run does it, and fails where a message was lost, or repeated more often than was in flight.
func (f Faults) Run(ctx context.Context, room Room) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.Within, fmt.Errorf("the run did not end within %s", f.Within))
	defer cancel()
	if f.Seed == 0 {
		f.Seed = rand.Uint64() //nolint:gosec // as below
	}
	st, err := raise(ctx, room, staging{
		Setup: f.Setup, workers: f.Workers, sinkDelay: f.SinkDelay, retryAfter: f.RetryAfter, busy: f.Busy, record: true,
	})
	defer func() {
		if err != nil {
			st.keepLogs()
		}
		err = errors.Join(err, st.close())
	}()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("distributions of %d", f.N)
	if f.Events > 0 {
		what = fmt.Sprintf("%d events a second of %d customers", f.Events, f.N)
	}
	_, _ = fmt.Fprintf(room.Out, "Below %s: %s with %d kills among them, seed %d.\n", st.dir, what, f.Kills, f.Seed)
	if err := st.gather(ctx, f.N); err != nil {
		return err
	}
	s := newStorm(st, f)
	began := time.Now()
	count, err := s.through(ctx)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	count.Settings, count.Kills, count.Fell, count.Bound, count.Seconds = f, s.killed, s.fell, s.bound, time.Since(began).Seconds()
	return errors.Join(count.print(room.Out), writeJSON(f.JSON, count), count.verdict())
}

// through sends through the storm, and counts.
func (s *storm) through(ctx context.Context) (c Count, err error) {
	var events *EventCount
	if s.Events > 0 {
		events, err = s.answer(ctx)
	} else {
		for err == nil && (len(s.sent) == 0 || s.kills < s.Kills) {
			err = s.mail(ctx)
		}
	}
	if err != nil {
		return c, err
	}
	if c, err = s.count(ctx, s.sent); err != nil {
		return c, err
	}
	c.Events = events
	for _, one := range s.sent {
		now, err := s.door.get(ctx, one.distribution)
		if err != nil {
			return c, err
		}
		c.Tallied += int(now.Messages.Sent)
	}
	return c, nil
}

// mail sends one distribution through the storm.
func (s *storm) mail(ctx context.Context) error {
	one, err := s.mailing(ctx, fmt.Sprintf("storm %d", len(s.sent)+1), s.Size, "", repeatOf(s.Never))
	if err != nil {
		return err
	}
	s.sent = append(s.sent, sending{one.ID, s.N})
	ended := make(chan error, 1)
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ended <- s.confirmAndWatch(watching, one.ID) }()
	return s.rage(ctx, ended)
}

// confirmAndWatch confirms a distribution, however often the API is killed under it, and returns when it was sent.
func (s *storm) confirmAndWatch(ctx context.Context, id string) error {
	last, since := int64(-1), time.Now()
	for {
		now, err := s.door.get(ctx, id)
		switch {
		case err != nil: // killed; it comes back
		case now.Status == distribution.Sent:
			return nil
		case now.Status == distribution.Failed || now.Status == distribution.Stopped:
			return fmt.Errorf("distribution %s is %s: %s", id, now.Status, now.Reason)
		case now.Status == distribution.Draft:
			_, err = s.door.order(ctx, id, "send")
			s.room.Log.Debug("confirm", "distribution", id, "error", err)
		}
		if here, err := arrived(ctx, s.stats); err == nil && here.Messages != last {
			last, since = here.Messages, time.Now()
		}
		if quiet := 5 * time.Minute; time.Since(since) > quiet {
			return fmt.Errorf("distribution %s: nothing has arrived for %s, and it is %s: %s (%+v)", id, quiet, now.Status, now.Reason, now.Messages)
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return err
		}
	}
}
