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
	N          int             `short:"n" default:"20000" help:"Customers of each distribution; distributions follow one another until all kills are done."`
	Kills      int             `default:"100" help:"Kills (SIGKILL) in all."`
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
	_, _ = fmt.Fprintf(room.Out, "Below %s: distributions of %d with %d kills among them, seed %d.\n", st.dir, f.N, f.Kills, f.Seed)
	if err := st.gather(ctx, f.N); err != nil {
		return err
	}
	s := &storm{stage: st, Faults: f, chance: rand.New(rand.NewPCG(f.Seed, 0)), killed: map[string]int{}, fell: map[string]int{}} //nolint:gosec // a seed that can be given again
	began := time.Now()
	for len(s.sent) == 0 || s.kills < f.Kills {
		if err := s.mail(ctx); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	count, err := st.count(ctx, s.sent, f.N)
	if err != nil {
		return err
	}
	count.Settings, count.Kills, count.Fell, count.Bound, count.Seconds = f, s.killed, s.fell, s.bound, time.Since(began).Seconds()
	return errors.Join(count.print(room.Out), writeJSON(f.JSON, count), count.verdict())
}

// storm is a run of Faults under way.
type storm struct {
	*stage
	Faults
	chance *rand.Rand
	kills  int
	killed map[string]int // by part
	fell   map[string]int // what ended by itself and was started again, as a supervisor would
	bound  int            // messages that were in flight at the kills, at most
	sent   []string       // distributions
}

// mail sends one distribution through the storm.
func (s *storm) mail(ctx context.Context) error {
	one, err := s.mailing(ctx, fmt.Sprintf("storm %d", len(s.sent)+1), s.Size, "", repeatOf(s.Never))
	if err != nil {
		return err
	}
	s.sent = append(s.sent, one.ID)
	ended := make(chan error, 1)
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { ended <- s.confirmAndWatch(watching, one.ID) }()
	for {
		select {
		case err := <-ended:
			return errors.Join(err, s.revive(ctx))
		case <-time.After(s.between(0, 1500*time.Millisecond)):
		}
		if err := s.revive(ctx); err != nil {
			return err
		}
		if s.kills < s.Kills {
			if err := s.strike(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *storm) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.chance.Int64N(int64(most-least)))
}

// strike kills a part, sometimes two at once, and starts what it killed again after a while.
func (s *storm) strike(ctx context.Context) error {
	victims := 1
	if s.chance.IntN(5) == 0 {
		victims = 2
	}
	parts := s.parts()
	s.chance.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	for _, p := range parts[:min(victims, s.Kills-s.kills)] {
		s.bound += s.inFlight(ctx, p)
		p.kill()
		s.kills++
		s.killed[p.Name()]++
	}
	if s.kills%10 == 0 {
		_, _ = fmt.Fprintf(s.room.Out, "%d kills in %d distributions\n", s.kills, len(s.sent))
	}
	if err := pause(ctx, s.between(0, time.Second)); err != nil {
		return err
	}
	return s.restart(ctx)
}

// inFlight is how many messages a kill of this part can put in doubt: one on each connection that it has a hand in.
func (s *storm) inFlight(ctx context.Context, p part) int {
	most := s.Connections * s.Workers
	switch p.Name() {
	case s.api.Name():
		return 0
	case s.database.Name(), s.engine.Name(), s.sink.Name():
	default:
		most = s.Connections // a worker's own
	}
	if now, err := arrived(ctx, s.stats); err == nil {
		most = min(most, int(now.Open))
	}
	return most
}

// revive starts what has ended by itself.
func (s *storm) revive(ctx context.Context) error {
	for _, p := range s.parts() {
		if p.ended() {
			s.fell[p.Name()]++
		}
	}
	return s.restart(ctx)
}

// restart starts what is down, servers first: Herald's processes do not start without them. One that does not come up is tried
// again, as long as there is time.
func (s *storm) restart(ctx context.Context) error {
	parts := append([]part{s.database, s.engine, s.sink}, s.parts()...)
	for _, p := range parts {
		for try := 1; p.ended(); try++ {
			err := p.start(ctx)
			switch {
			case err == nil:
			case ctx.Err() != nil || try == 5:
				return fmt.Errorf("start %s again: %w", p.Name(), err)
			default:
				s.fell[p.Name()]++
			}
		}
	}
	return nil
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
