package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"herald/internal/distribution"
)

// Controls stops and pauses distributions at the worst moments and looks what still arrives.
type Controls struct {
	Setup
	N         int           `short:"n" default:"20000" help:"Customers."`
	Workers   int           `default:"2" help:"Worker processes."`
	SinkDelay time.Duration `default:"5ms" help:"How long the SMTP server takes to answer each message."`
	Never     bool          `help:"Send with \"repeat\": \"never\"."`
}

const (
	countdown = 2 * time.Second // in this harness
	holdsFor  = 2 * time.Second // how long after a pause the last message may arrive
)

// Figures are what came of the controls.
type Figures struct {
	AfterStopInCountdown  int64   // messages that arrived
	SecondsAfterPause     float64 // from the pause's answer to the last message
	AfterPause            int64   // messages that arrived in that time
	MissingAfterResume    int64
	RepeatedAfterResume   int64
	SecondsAfterStop      float64 // from the answer to a stop in full flight to the last message
	SentByLedgerAfterStop int64
	ArrivedAfterStop      int64
	AnsweredInFlight      int64   // events, while a distribution to everyone was in full flight
	AnswerP50, AnswerP99  float64 // milliseconds from such an event to its mail
}

// Run does it, and fails where a promise is broken.
func (c Controls) Run(ctx context.Context, room Room) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 15*time.Minute, errors.New("the run did not end within 15 minutes"))
	defer cancel()
	st, err := raise(ctx, room, staging{Setup: c.Setup, workers: c.Workers, sinkDelay: c.SinkDelay, delay: countdown})
	defer func() {
		if err != nil {
			st.keepLogs()
		}
		err = errors.Join(err, st.close())
	}()
	if err != nil {
		return err
	}
	if err := st.gather(ctx, c.N); err != nil {
		return err
	}
	var f Figures
	for _, scene := range []func(context.Context, Controls, *Figures) error{st.stopInCountdown, st.pauseInFlight, st.stopInFlight, st.overtake} {
		if err := scene(ctx, c, &f); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(room.Out, `
stop in the countdown: %d messages arrived
pause in full flight: %d messages after the answer, the last after %.2f s
resume: %d missing, %d repeated
stop in full flight: the last message %.2f s after the answer; %d sent by the ledger, %d arrived
a distribution in full flight: %d events answered meanwhile, p50 %.0f ms, p99 %.0f ms
`, f.AfterStopInCountdown, f.AfterPause, f.SecondsAfterPause, f.MissingAfterResume, f.RepeatedAfterResume,
		f.SecondsAfterStop, f.SentByLedgerAfterStop, f.ArrivedAfterStop, f.AnsweredInFlight, f.AnswerP50, f.AnswerP99)
	return errors.Join(writeJSON(c.JSON, f), f.verdict())
}

func (f Figures) verdict() error {
	var broken []error
	if f.AfterStopInCountdown > 0 {
		broken = append(broken, errors.New("messages left although the distribution was stopped in its countdown"))
	}
	if f.SecondsAfterPause > holdsFor.Seconds() || f.SecondsAfterStop > holdsFor.Seconds() {
		broken = append(broken, fmt.Errorf("messages left more than %s after a pause or a stop", holdsFor))
	}
	if f.MissingAfterResume+f.RepeatedAfterResume != 0 {
		broken = append(broken, errors.New("a pause and a resume lost or repeated messages"))
	}
	if f.SentByLedgerAfterStop != f.ArrivedAfterStop {
		broken = append(broken, errors.New("the ledger does not know what left before the stop"))
	}
	return errors.Join(broken...)
}

func (st *stage) stopInCountdown(ctx context.Context, c Controls, f *Figures) error {
	one, err := st.confirmed(ctx, c, "stopped in the countdown")
	if err != nil {
		return err
	}
	if _, err := st.door.order(ctx, one.ID, "stop"); err != nil {
		return err
	}
	if err := pause(ctx, 2*countdown); err != nil {
		return err
	}
	now, err := arrived(ctx, st.stats)
	f.AfterStopInCountdown = now.Messages
	return err
}

// confirmed is a distribution that counts down.
func (st *stage) confirmed(ctx context.Context, c Controls, name string) (standing, error) {
	one, err := st.mailing(ctx, name, c.Size, "", repeatOf(c.Never))
	if err != nil {
		return one, err
	}
	return st.door.order(ctx, one.ID, "send")
}

func (st *stage) pauseInFlight(ctx context.Context, c Controls, f *Figures) error {
	one, before, err := st.inFullFlight(ctx, c, "paused in full flight")
	if err != nil {
		return err
	}
	if _, err := st.door.order(ctx, one.ID, "pause"); err != nil {
		return err
	}
	f.AfterPause, f.SecondsAfterPause, err = st.tail(ctx)
	if err != nil {
		return err
	}
	if _, err := st.door.order(ctx, one.ID, "resume"); err != nil {
		return err
	}
	if _, err := st.awaitEnd(ctx, one.ID); err != nil {
		return err
	}
	after, err := arrived(ctx, st.stats)
	f.MissingAfterResume = int64(c.N) - (after.Distinct - before.Distinct)
	f.RepeatedAfterResume = (after.Messages - before.Messages) - (after.Distinct - before.Distinct)
	return err
}

func (st *stage) stopInFlight(ctx context.Context, c Controls, f *Figures) error {
	one, before, err := st.inFullFlight(ctx, c, "stopped in full flight")
	if err != nil {
		return err
	}
	if _, err := st.door.order(ctx, one.ID, "stop"); err != nil {
		return err
	}
	if _, f.SecondsAfterStop, err = st.tail(ctx); err != nil {
		return err
	}
	after, err := arrived(ctx, st.stats)
	if err != nil {
		return err
	}
	f.ArrivedAfterStop = after.Messages - before.Messages
	now, err := st.door.get(ctx, one.ID)
	if err != nil {
		return err
	}
	if now.Status != distribution.Stopped || now.Messages == nil {
		return fmt.Errorf("the distribution is %s %s after its stop", now.Status, quietFor)
	}
	f.SentByLedgerAfterStop = now.Messages.Sent
	return nil
}

// inFullFlight is a distribution of which a quarter has arrived, and what had arrived before it.
func (st *stage) inFullFlight(ctx context.Context, c Controls, name string) (one standing, before Arrived, err error) {
	if before, err = arrived(ctx, st.stats); err != nil {
		return one, before, err
	}
	if one, err = st.confirmed(ctx, c, name); err != nil {
		return one, before, err
	}
	return one, before, st.awaitArrival(ctx, before.Messages+int64(c.N/4))
}

// quietFor is how long nothing may arrive until the last message counts as the last.
const quietFor = 4 * time.Second

// tail is how many messages arrive from now on, and when the last of them does, in seconds.
func (st *stage) tail(ctx context.Context) (messages int64, seconds float64, err error) {
	answered := time.Now()
	first, err := arrived(ctx, st.stats)
	if err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, quietFor); err != nil {
		return 0, 0, err
	}
	last, err := arrived(ctx, st.stats)
	return last.Messages - first.Messages, max(0, last.Last.Sub(answered).Seconds()), err
}
