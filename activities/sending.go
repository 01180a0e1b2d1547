package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"herald/db"
	"herald/internal/channel"
	"herald/internal/channel/email"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/metrics"
)

// Sending sends messages: it reads a range of them, hands them to the channel and writes down what became of each. The range
// is claimed for as long, and a message's outcome is durable before its connection ends the next one, so whatever is killed,
// at most one message per connection is in doubt.
type Sending struct {
	Messages      db.Messages
	Claims        *db.Claims
	Recorder      *Recorder
	Distributions db.Distributions
	Letters       *Letters
	Mail          *email.Pool
	// RetryAfter is how long a deferred message waits, by the number of attempts it had; after the last it has failed.
	RetryAfter []time.Duration
	// Domain stands behind the @ of Message-IDs; where it is empty, the sender's own does.
	Domain string
	// Metrics count attempts.
	Metrics *metrics.Metrics
}

// Range is messages by their numbers, within one thousand.
type Range struct{ From, To int64 }

// SendInput says what to send.
type SendInput struct {
	VersionRef
	Range
}

// Sent is what a batch came to.
type Sent struct {
	Interrupted bool          // it was asked to end before its last message
	Tally       message.Tally // of the whole distribution
}

// SendBatch sends what is to be sent in a range. Asked to end (a pause), it finishes the messages that are on a connection,
// leaves the rest and says so.
func (a *Sending) SendBatch(ctx context.Context, in SendInput) (Sent, error) {
	ending := context.WithoutCancel(ctx) // what has happened is written down, whoever asks us to end
	stopBeating := beat(ctx)
	defer stopBeating()
	ctx, cancel := untilWorkerStops(ctx)
	defer cancel()

	claim, err := a.Claims.Claim(ctx, in.DistributionID, in.From, in.To)
	if err != nil {
		return a.interruptedOr(ctx, ending, in, err)
	}
	sendErr := a.sendClaimed(ctx, claim, in)
	// Which thousand has how many where is told even when the provider failed us in its middle.
	if err := errors.Join(claim.Recount(ending), claim.Release()); err != nil {
		return Sent{}, outcome(err)
	}
	return a.interruptedOr(ctx, ending, in, sendErr)
}

// interruptedOr ends a batch: well, as asked, or with the provider's fault, which the distribution then shows.
func (a *Sending) interruptedOr(ctx, ending context.Context, in SendInput, err error) (Sent, error) {
	if ctx.Err() == nil && err != nil {
		if trouble := a.Distributions.RecordTrouble(ending, in.DistributionID, reasonOf(err)); trouble != nil {
			return Sent{}, outcome(errors.Join(err, trouble))
		}
		return Sent{}, outcome(err)
	}
	if errors.Is(context.Cause(ctx), errWorkerStops) {
		return Sent{}, errWorkerStops
	}
	tally, tallyErr := a.Messages.Tally(ending, in.DistributionID)
	return Sent{Interrupted: ctx.Err() != nil, Tally: tally}, outcome(tallyErr)
}

// reasonOf is what a distribution shows of a provider's fault; an infrastructure's own faults are the engine's to show.
func reasonOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.ProviderFault {
		return f.Details
	}
	return ""
}

func (a *Sending) sendClaimed(ctx context.Context, claim *db.Claim, in SendInput) error {
	rows, err := claim.ToSend(ctx)
	if err != nil || len(rows) == 0 {
		return err
	}
	editions, err := a.editions(ctx, in, rows)
	if err != nil {
		return err
	}
	if rows, err = a.awake(ctx, claim, rows, editions); err != nil || len(rows) == 0 {
		return err
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	outcomes := a.Recorder.open(claim, giveUp)
	defer outcomes.close()

	jobs := make(chan email.Job, len(rows))
	batch := email.Batch{Jobs: jobs}
	for _, row := range rows {
		jobs <- a.job(row, editions[row.Version], in, outcomes)
		// Somebody waits for the answer to what they did. (Whom a live distribution found there already does not.)
		batch.Urgent = batch.Urgent || row.Occurrence != 0
	}
	close(jobs)
	if err := a.Mail.Send(ctx, batch); err != nil && ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); errors.Is(cause, errClaimLost) {
		return cause
	}
	return a.Distributions.RecordTrouble(context.WithoutCancel(ctx), in.DistributionID, "")
}

// editions makes ready what the rows say: each is of the version that was current when it was enrolled, but a manual
// distribution sends all of its messages as its current version says.
func (a *Sending) editions(ctx context.Context, in SendInput, rows []db.ToSend) (map[int32]edition, error) {
	current, err := a.Letters.edition(ctx, in.VersionRef)
	if err != nil {
		return nil, err
	}
	editions := map[int32]edition{int32(in.Version): current}
	for _, row := range rows {
		if _, ok := editions[row.Version]; ok {
			continue
		}
		if !current.spec.Trigger.Automatic() {
			editions[row.Version] = current
			continue
		}
		ref := in.VersionRef
		ref.Version = int(row.Version)
		if editions[row.Version], err = a.Letters.edition(ctx, ref); err != nil {
			return nil, err
		}
	}
	return editions, nil
}

// awake leaves out those whose quiet hours it is: since they were enrolled, the distribution was paused, the provider away, or the
// campaign out of codes. They wait until those hours end.
func (a *Sending) awake(ctx context.Context, claim *db.Claim, rows []db.ToSend, editions map[int32]edition) ([]db.ToSend, error) {
	var asked []uuid.UUID
	for _, row := range rows {
		if editions[row.Version].spec.QuietHours != nil {
			asked = append(asked, row.CustomerID)
		}
	}
	if len(asked) == 0 {
		return rows, nil
	}
	zones, err := a.Messages.Zones(ctx, asked)
	if err != nil {
		return nil, err
	}
	var held []int64
	var dues []time.Time
	now := time.Now().Add(time.Second) // so much before it is due may a message be sent
	rows = slices.DeleteFunc(rows, func(row db.ToSend) bool {
		spec := editions[row.Version].spec
		until, quiet := spec.Quiet(now, distribution.Zone(zones[row.CustomerID]))
		if quiet {
			held, dues = append(held, row.Seq), append(dues, until)
		}
		return quiet
	})
	if len(held) == 0 {
		return rows, nil
	}
	return rows, claim.Hold(message.ReasonQuiet, held, dues)
}

// job is one row on its way out.
func (a *Sending) job(row db.ToSend, e edition, in SendInput, outcomes *record) email.Job {
	letter := e.letters[row.Channel]
	var to string // a customer may have been erased since
	if row.Recipient != nil {
		to = *row.Recipient
	}
	job := email.Job{
		From: letter.From(), To: to,
		Append: func(dst []byte) ([]byte, error) {
			vars, err := message.Variables(row.Vars, e.names)
			if err != nil {
				return dst, err
			}
			messageID := messageIDOf(id.FormatMessage(in.DistributionID, row.Seq), a.Domain, letter)
			return letter.Append(dst, email.Mailbox{Address: to}, messageID, time.Now(), vars)
		},
		Done: func(o channel.Outcome) <-chan struct{} {
			v := a.verdict(row, e, o)
			a.Metrics.Message(string(e.spec.Channels[row.Channel].Type), string(v.flag))
			return outcomes.done(row.Seq, v)
		},
	}
	if e.spec.Repeat == "never" {
		job.Before = func(ctx context.Context) error { return outcomes.begin(ctx, row.Seq) }
	}
	return job
}

// messageIDOf is a letter's Message-ID (RFC 5322, section 3.6.4): the same for every attempt at the same message.
func messageIDOf(unique, domain string, letter *email.Letter) string {
	if domain == "" {
		domain = letter.From()[strings.LastIndexByte(letter.From(), '@')+1:]
	}
	return unique + "@" + domain
}

// verdict is what the ledger keeps of an outcome: a message whose answer was lost is sent again, unless none may be repeated,
// and a message has failed once its last attempt was deferred.
func (a *Sending) verdict(row db.ToSend, e edition, o channel.Outcome) verdict {
	v := verdict{flag: message.Status(o.Verdict), reason: o.Reason, reply: o.Reply}
	if o.Verdict == channel.Unknown && e.spec.Repeat != "never" {
		v.flag, v.reason = message.Deferred, message.ReasonLostAnswer
	}
	if v.flag != message.Deferred {
		return v
	}
	attempt := int(row.Attempts)
	if attempt >= len(a.RetryAfter) {
		v.flag = message.Failed
		return v
	}
	v.due = nextDue(time.Now(), max(a.RetryAfter[attempt], o.RetryAfter))
	return v
}

// nextDue puts messages that were deferred at about the same time off to the same instant, so that few rounds serve all.
func nextDue(now time.Time, after time.Duration) time.Time {
	step := max(after/4, time.Second)
	return now.Add(after).Truncate(step).Add(step)
}

// beat tells the engine that the activity lives, several times within the engine's patience; the answer is also how the
// activity hears that it is to end, so it beats often.
func beat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(250 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// errWorkerStops ends a batch on a worker that goes down; the engine gives the batch to another.
var errWorkerStops = errors.New("this worker stops; the batch goes on at another")

// untilWorkerStops is ctx, ended as soon as the worker begins to stop rather than at the end of its patience.
func untilWorkerStops(ctx context.Context) (context.Context, context.CancelFunc) {
	stop := activity.GetWorkerStopChannel(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-stop:
			cancel(errWorkerStops)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
