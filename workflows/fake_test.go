package workflows

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"herald/activities"
	"herald/db"
	"herald/internal/distribution"
	"herald/internal/message"
)

// ledgerFake stands for the ledger and the provider: its methods have the activities' names, its people are numbers. It notes
// in broken what must never happen: a message sent twice, something sent while the distribution is paused or after it ended.
type ledgerFake struct {
	mu          sync.Mutex
	now         func() time.Time
	pageSize    int
	people      int
	publishes   bool
	codes       int                    // left, where it publishes
	segments    map[int]uuid.UUID      // by version; a version without one is for one customer
	synced      map[uuid.UUID]bool     // which segments are
	deferrals   map[int64]int          // how often a message is put off before it is taken
	unknown     map[int64]bool         // recipients whom the provider does not know
	hooks       map[string]func(n int) // called with the number of the call, before an activity does anything
	halfway     func(n int, b *batch)  // called in the middle of each batch
	wait        time.Duration          // of a message put off once; twice that of one put off twice, and so on
	strict      bool                   // batches end before the rest is stopped; the SDK's test environment does not wait for those it cancels
	refuses     func(n int) error      // what a batch ends with before its first message
	calls       map[string]int         // of each activity
	running     map[string]func()      // interrupts a batch or a wait under way, by activity
	claims      map[int64]*sync.Mutex  // by thousand
	under       int                    // batches under way
	messages    []messageFake          // by seq - 1
	log         []string               // actor, event, status and reason of each line
	firstSent   time.Time              // the first message left
	pausedAt    time.Time              // zero while it is not
	pauseReason string
	resuming    int                   // orders to resume that are not written down
	inPause     int                   // batches that were under way or began in this pause
	stopped     bool                  // the rest was
	broken      faults                // what must never happen
	standings   []activities.Standing // as they were recorded
	adopted     int                   // the current version
	pages       []uuid.UUID           // the customers that pages end with; the first is none
	triggered   map[int64]bool        // the occurrences that were enrolled
	plan        activities.Plan       // of an automatic distribution
	waits       time.Duration         // of every message of an occurrence, before it may leave
	refused     int                   // messages that the relay skips before each enrolment of occurrences
	skips       bool                  // an automatic distribution that is paused skips what happens
}

// faults keeps the first few.
type faults []string

func (f *faults) add(one string) {
	if len(*f) < 5 {
		*f = append(*f, one)
	}
}

type messageFake struct {
	status   message.Status
	reason   string
	attempts int
	due      time.Time
	version  int // that was sent
	enrolled int // the version that was current when an occurrence made it
}

// batch is one call of SendBatch.
type batch struct {
	ctx context.Context
	f   *ledgerFake
}

// stall holds the batch until it is interrupted.
func (b *batch) stall() {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	patience := time.After(10 * time.Second)
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-ticker.C:
			activity.RecordHeartbeat(b.ctx)
		case <-patience:
			b.f.breaks("a batch was not interrupted within 10 s")
			return
		}
	}
}

func newLedgerFake(people int) *ledgerFake {
	return &ledgerFake{
		now: time.Now, wait: time.Minute, pageSize: 3000, people: people, segments: map[int]uuid.UUID{}, synced: map[uuid.UUID]bool{},
		deferrals: map[int64]int{}, unknown: map[int64]bool{}, hooks: map[string]func(int){}, calls: map[string]int{},
		running: map[string]func(){}, claims: map[int64]*sync.Mutex{}, pages: []uuid.UUID{{}}, triggered: map[int64]bool{},
	}
}

func (f *ledgerFake) breaks(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken.add(fmt.Sprintf(format, args...))
}

// called counts a call and lets the scenario do something first.
func (f *ledgerFake) called(name string) int {
	f.mu.Lock()
	f.calls[name]++
	n, hook := f.calls[name], f.hooks[name]
	f.mu.Unlock()
	if hook != nil {
		hook(n)
	}
	return n
}

// interruptible is ctx, ended by interrupt as well: the SDK's test environment forgets a cancelled activity instead of telling it.
func (f *ledgerFake) interruptible(ctx context.Context) (context.Context, func()) {
	key := activityKey(activity.GetInfo(ctx).WorkflowExecution.RunID, activity.GetInfo(ctx).ActivityID)
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	f.running[key] = cancel
	f.mu.Unlock()
	return ctx, func() {
		f.mu.Lock()
		delete(f.running, key)
		f.mu.Unlock()
		cancel()
	}
}

func activityKey(run, id string) string { return run + "/" + id }

func (f *ledgerFake) interrupt(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancel := f.running[key]; cancel != nil {
		cancel()
	}
}

func (f *ledgerFake) AdoptVersion(_ context.Context, in activities.VersionRef) (activities.Plan, error) {
	f.called("AdoptVersion")
	f.mu.Lock()
	defer f.mu.Unlock()
	if in.Version < 1 {
		return activities.Plan{}, temporal.NewNonRetryableApplicationError("Cannot find distribution_version", "not_found", nil)
	}
	f.adopted = in.Version
	if f.plan != (activities.Plan{}) {
		f.plan.Last = int64(len(f.messages))
		return f.plan, nil
	}
	if segment, ok := f.segments[in.Version]; ok {
		return activities.Plan{SegmentID: &segment}, nil
	}
	return activities.Plan{}, nil
}

func (f *ledgerFake) RecordStatus(_ context.Context, in activities.Standing) error {
	f.called("RecordStatus")
	f.mu.Lock()
	defer f.mu.Unlock()
	line := fmt.Sprintf("%s %s: %s", in.Actor, in.Event, in.Status)
	if in.Reason != "" {
		line += ", " + in.Reason
	}
	f.log, f.standings = append(f.log, line), append(f.standings, in)
	f.pausedAt, f.pauseReason = time.Time{}, in.Reason
	if in.Status == distribution.Paused {
		f.pausedAt, f.inPause = f.now(), f.under
	}
	if slices.Contains([]string{"resumed", "sent_now", "codes_added"}, in.Event) {
		f.resuming = max(0, f.resuming-1)
	}
	return nil
}

func (f *ledgerFake) AwaitSegment(ctx context.Context, in activities.AwaitSegmentInput) error {
	f.called("AwaitSegment")
	ctx, end := f.interruptible(ctx)
	defer end()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		f.mu.Lock()
		synced := f.synced[in.SegmentID]
		f.mu.Unlock()
		if synced {
			return nil
		}
		activity.RecordHeartbeat(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (f *ledgerFake) EnrolPage(_ context.Context, in activities.EnrolInput) (db.Enrolled, error) {
	f.called("EnrolPage")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		f.broken.add("enrolled after the stop")
	}
	begin := slices.Index(f.pages, in.After)
	if begin < 0 {
		f.broken.add(fmt.Sprintf("enrolled after %s, who ends no page", in.After))
	}
	begin *= f.pageSize
	end := min(begin+f.pageSize, f.people)
	if end > len(f.messages) { // a page that is done again changes nothing
		f.enrol(end - begin)
		f.pages = append(f.pages, customer(end))
	}
	return db.Enrolled{After: customer(end), LastSeq: int64(len(f.messages)), Done: end-begin < f.pageSize}, nil
}

func (f *ledgerFake) enrol(people int) {
	for range people {
		m := messageFake{status: message.Pending}
		if f.publishes && f.codes == 0 {
			m.status, m.reason = message.Deferred, message.ReasonOutOfCodes
		} else if f.publishes {
			f.codes--
		}
		f.messages = append(f.messages, m)
	}
}

// EnrolTriggered makes a message for each occurrence, once.
func (f *ledgerFake) EnrolTriggered(_ context.Context, in activities.TriggeredInput) (db.Triggers, error) {
	f.called("EnrolTriggered")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		f.broken.add("enrolled after the stop")
	}
	if len(in.Occurrences) == 0 {
		f.broken.add("enrolled nothing")
	}
	for range f.refused {
		f.messages = append(f.messages, messageFake{status: message.Skipped, reason: message.ReasonRule})
	}
	first := int64(len(f.messages)) + 1
	for _, one := range in.Occurrences {
		if f.triggered[one] {
			continue
		}
		f.triggered[one] = true
		f.enrol(1)
		m := &f.messages[len(f.messages)-1]
		m.enrolled = in.Version
		switch {
		case in.Paused && f.skips:
			m.status, m.reason = message.Skipped, message.ReasonPaused
		case f.waits > 0 && m.status == message.Pending:
			m.status, m.reason, m.due = message.Deferred, message.ReasonDelayed, f.now().Add(f.waits)
		}
	}
	return db.Triggers{FirstSeq: first, LastSeq: int64(len(f.messages)), Deferred: f.waits > 0 || f.publishes}, nil
}

// customer is the nth; the zeroth is none.
func customer(n int) uuid.UUID {
	if n == 0 {
		return uuid.UUID{}
	}
	return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n))
}

func (f *ledgerFake) PublishWaiting(context.Context, activities.Ref) (activities.Published, error) {
	f.called("PublishWaiting")
	f.mu.Lock()
	defer f.mu.Unlock()
	var p activities.Published
	for i := range f.messages {
		m := &f.messages[i]
		if m.status != message.Deferred || m.reason != message.ReasonOutOfCodes {
			continue
		}
		if f.codes == 0 {
			p.Waiting++
			continue
		}
		f.codes--
		p.Given++
		m.status, m.reason = message.Pending, ""
	}
	return p, nil
}
