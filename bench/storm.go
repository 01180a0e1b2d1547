package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// storm is a run of Faults under way.
type storm struct {
	*stage
	Faults
	chance *rand.Rand
	kills  int
	away   bool           // the engine has been away for long
	killed map[string]int // by part
	fell   map[string]int // what ended by itself and was started again, as a supervisor would
	bound  int            // messages that were in flight at the kills, at most
	calm   chan struct{}  // closed when the kills are done
	sent   []sending
}

// newStorm is a storm over a stage.
func newStorm(st *stage, f Faults) *storm {
	s := &storm{
		stage: st, Faults: f, chance: rand.New(rand.NewPCG(f.Seed, 0)), //nolint:gosec // a seed that can be given again
		killed: map[string]int{}, fell: map[string]int{}, calm: make(chan struct{}),
	}
	if f.Kills == 0 {
		close(s.calm)
	}
	return s
}

// rage kills parts at random, as many as there are to be, and starts again what has ended, until ended says that it is over.
func (s *storm) rage(ctx context.Context, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return errors.Join(err, s.revive(ctx))
		case <-time.After(s.between(0, 1500*time.Millisecond)):
		}
		if err := s.revive(ctx); err != nil {
			return err
		}
		switch {
		case s.kills == s.Kills:
		case s.EngineAway > 0 && !s.away && s.kills >= s.Kills/2:
			if err := s.leaveEngine(ctx); err != nil {
				return err
			}
		default:
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
		s.down(ctx, p)
	}
	if err := pause(ctx, s.between(0, time.Second)); err != nil {
		return err
	}
	return s.restart(ctx)
}

// down kills a part, and counts it.
func (s *storm) down(ctx context.Context, p part) {
	s.bound += s.inFlight(ctx, p)
	p.kill()
	s.kills++
	s.killed[p.Name()]++
	if s.kills%10 == 0 {
		_, _ = fmt.Fprintf(s.room.Out, "%d of %d kills\n", s.kills, s.Kills)
	}
	if s.kills == s.Kills {
		close(s.calm)
	}
}

// leaveEngine kills the engine and leaves it away for long, while everything else goes on.
func (s *storm) leaveEngine(ctx context.Context) error {
	s.away = true
	s.down(ctx, s.engine)
	if err := pause(ctx, s.EngineAway); err != nil {
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

// restart starts what is down. What does not come up is tried again, as long as there is time; so is what has ended meanwhile.
func (s *storm) restart(ctx context.Context) error {
	for try := 1; ; try++ {
		p, err := s.startEnded(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || try == 5:
			return fmt.Errorf("start %s again: %w", p.Name(), err)
		}
		s.fell[p.Name()]++
	}
}

// startEnded starts what is down, servers first: Herald's processes do not start without them. It returns what did not come up.
func (s *storm) startEnded(ctx context.Context) (part, error) {
	for _, p := range append([]part{s.database, s.engine, s.sink}, s.parts()...) {
		if p.ended() {
			if err := p.start(ctx); err != nil {
				return p, err
			}
		}
	}
	return nil, nil
}
