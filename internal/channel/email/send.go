package email

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"herald/internal/channel"
	"herald/internal/fault"
)

// Batch is what one Send sends.
type Batch struct {
	// Jobs is best buffered: a connection looks whether a next job is at hand before it ends the one it has.
	Jobs <-chan Job
	// Urgent goes before what is not, for connections and for the limiter's turns.
	Urgent bool
}

func (b Batch) class() class {
	if b.Urgent {
		return urgent
	}
	return bulk
}

// Send hands jobs to the pool's connections until their channel is closed and every outcome is durable. It ends early when ctx ends (jobs
// not begun are left, those whose final dot has left are finished; the error is ctx's), when a Before fails, or when the sender
// or the provider is at fault: then with a *fault.Error of code ProviderFault that carries the provider's own words and
// RetryAfter. A job whose Done was not called when Send returns was certainly not taken by the server.
func (p *Pool) Send(ctx context.Context, batch Batch) error {
	if f := p.health.refuse(); f != nil {
		return f
	}
	s := &sending{pool: p, jobs: batch.Jobs, class: batch.class()}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	s.grow()
	s.workers.Wait()
	return context.Cause(s.ctx)
}

// sending is one Send under way.
type sending struct {
	pool    *Pool
	jobs    <-chan Job
	class   class
	ctx     context.Context
	cancel  context.CancelCauseFunc
	workers sync.WaitGroup
	mu      sync.Mutex
	started int
}

// grow starts one more worker, up to the number of connections. Each worker starts the next when it gets its first job, so
// that a Send of three messages does not open forty connections.
func (s *sending) grow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started == s.pool.settings.Connections {
		return
	}
	s.started++
	w := &worker{sending: s}
	s.workers.Go(w.run)
}

// worker sends one message after the other.
type worker struct {
	*sending
	current, next *message
	held          *message // taken, but its turn has to wait
	early         *Job     // taken, but the limiter has no turn for it yet
	spare         *message
	grown         bool
	since         int32             // the server's faults in a row when this worker last had reason to trust it
	pending       []<-chan struct{} // outcomes that are not known to be durable
}

// message is a job that has been rendered.
type message struct {
	job   Job
	data  []byte
	tries int // connections lost under it
}

// conclusion is why a worker leaves a connection.
type conclusion uint8

const (
	idle   conclusion = iota // nothing more at hand
	spent                    // the connection has carried its number of messages
	lost                     // the connection is gone; what was not ended may be sent again
	broken                   // gone, and the server is to blame
	over                     // the Send has ended; the connection is in the middle of something
)

func (w *worker) run() {
	defer w.settle()
	for {
		if w.current == nil {
			if w.current = w.take(); w.current == nil {
				return
			}
		}
		if !w.grown {
			w.grown = true
			w.grow()
		}
		c, since, err := w.pool.acquire(w.ctx, w.class)
		w.since = since
		if err != nil {
			if w.ctx.Err() != nil {
				return
			}
			if f := (*fault.Error)(nil); errors.As(err, &f) || errors.Is(err, errClosed) {
				w.cancel(err)
				return
			}
			continue // it was counted, and the next try waits
		}
		if !w.leave(c, w.converse(c)) {
			return
		}
	}
}

// leave parts from a connection, and reports whether there is to be another.
func (w *worker) leave(c *conn, end conclusion) bool {
	if w.next != nil {
		w.held, w.next = w.next, nil
	}
	switch end {
	case idle:
		w.settle()
		w.pool.release(c)
		return true
	case spent:
		c.quit()
	default:
		c.close()
	}
	w.pool.free(c.lease)
	return end != over
}

// settle waits until every outcome is durable.
func (w *worker) settle() {
	for _, durable := range w.pending {
		<-durable
	}
	w.pending = w.pending[:0]
}

// fault tells the pool's health of a fault; where that is one too many, the Send ends with it.
func (w *worker) fault(details string, hopeless bool) {
	if f := w.pool.fault(details, hopeless, w.since); f != nil {
		w.cancel(f)
	}
}

// done records an outcome.
func (w *worker) done(m *message, o channel.Outcome) {
	if durable := m.job.Done(o); durable != nil {
		w.pending = append(w.pending, durable)
	}
	m.job = Job{}
	w.spare = m
}

// answered records an outcome that the server itself gave.
func (w *worker) answered(c *conn, m *message, o channel.Outcome) {
	c.proven, w.since = true, 0
	w.done(m, o)
	recovered, stop := w.pool.health.answered(o, w.pool.server)
	if recovered {
		w.pool.wakeAll()
	}
	if stop != nil {
		w.cancel(stop)
	}
}

// take waits for the next job that can be rendered, and for its turn; nil when there is none or the Send has ended.
func (w *worker) take() *message {
	if m := w.held; m != nil {
		w.held = nil
		return m
	}
	for {
		if pace := w.pool.health.pace.Load(); pace > 0 {
			if sleep(w.ctx, time.Duration(pace)) != nil {
				return nil
			}
		}
		job, ok := w.await()
		if !ok {
			return nil
		}
		if limiter := w.pool.settings.Limiter; limiter != nil {
			if err := limiter.Wait(w.ctx, w.class == urgent); err != nil {
				w.cancel(err)
				return nil
			}
		}
		if m := w.ready(job); m != nil {
			return m
		}
	}
}

// await waits for the next job; false when there is none or the Send has ended.
func (w *worker) await() (job Job, ok bool) {
	if w.ctx.Err() != nil {
		return job, false
	}
	if w.early != nil {
		job, w.early = *w.early, nil
		return job, true
	}
	select {
	case job, ok = <-w.jobs:
		return job, ok
	case <-w.ctx.Done():
		return job, false
	}
}

// tryTake is take without waiting, for a worker that holds a connection: where the limiter would make it wait, others may have
// the connection meanwhile.
func (w *worker) tryTake() *message {
	if m := w.held; m != nil {
		w.held = nil
		return m
	}
	for w.ctx.Err() == nil && w.pool.health.pace.Load() == 0 {
		select {
		case job, ok := <-w.jobs:
			if !ok {
				return nil
			}
			if limiter := w.pool.settings.Limiter; limiter != nil && !limiter.Try(w.class == urgent) {
				w.early = &job
				return nil
			}
			if m := w.ready(job); m != nil {
				return m
			}
		default:
			return nil
		}
	}
	return nil
}

// ready renders the message; nil when it has failed.
func (w *worker) ready(job Job) *message {
	m := w.spare
	if w.spare = nil; m == nil {
		m = &message{}
	}
	m.job, m.tries = job, 0
	if err := m.render(); err != nil {
		w.done(m, unsendable(err))
		return nil
	}
	return m
}

func (m *message) render() error {
	to, err := Envelope(m.job.To)
	if err != nil {
		return &Unsendable{Reason: AddressInvalid, Details: err.Error()}
	}
	from, err := Envelope(m.job.From)
	if err != nil {
		return err
	}
	m.job.From, m.job.To = from, to
	data, err := m.job.Append(m.data[:0])
	if err != nil {
		return err
	}
	m.data = finish(data)
	return nil
}

// finish makes sure of the line break at the end and of the dots at the start of lines.
func finish(data []byte) []byte {
	if !bytes.HasSuffix(data, crlf) {
		data = append(data, "\r\n"...)
	}
	if !dotted(data) {
		return data
	}
	stuffed := make([]byte, 0, len(data)+len(data)/32)
	lineStart := true
	for _, c := range data {
		if lineStart && c == '.' {
			stuffed = append(stuffed, '.')
		}
		stuffed = append(stuffed, c)
		lineStart = c == '\n'
	}
	return stuffed
}

// dotted reports whether a line begins with a dot. A letter's never does.
func dotted(data []byte) bool {
	for len(data) > 0 {
		if data[0] == '.' {
			return true
		}
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		data = data[i+1:]
	}
	return false
}

// unsendable is the outcome of a message that could not be rendered.
func unsendable(err error) channel.Outcome {
	o := channel.Outcome{Verdict: channel.Failed, Reason: RenderFailed, Reply: shorten(printable(err.Error()))}
	var why *Unsendable
	var f *fault.Error
	switch {
	case errors.As(err, &why):
		o.Reason, o.Reply = why.Reason, shorten(printable(why.Details))
	case errors.As(err, &f):
		o.Reply = shorten(printable(f.Details))
	}
	return o
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
