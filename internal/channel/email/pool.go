package email

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"herald/internal/channel"
	"herald/internal/fault"
)

// Job is one message on its way out.
type Job struct {
	// From and To are the envelope's addresses. The pool checks them and puts them into the form that SMTP wants.
	From, To string
	// Append writes the message (RFC 5322, CRLF). An error fails this message alone. It may be called again when a
	// connection is lost before the message could be sent.
	Append func(dst []byte) ([]byte, error)
	// Before, where it is set, must return nil before the message may be ended: it returns once it is durable that this
	// message may be out. An error ends the whole Send with it, and the message is not sent.
	Before func(ctx context.Context) error
	// Done records the outcome; durable is closed once it is safe, and only then does the connection end its next message.
	// Where an outcome cannot be made safe, the caller ends Send's context first and closes durable then. A nil channel
	// counts as closed. Done is called on the connection's own goroutine and should not take long.
	Done func(channel.Outcome) (durable <-chan struct{})
}

// Pool holds the connections to one SMTP server. Any number of Sends share it.
type Pool struct {
	settings Settings
	server   string
	log      *slog.Logger
	health   health
	idleTime time.Duration
	turn     time.Duration

	mu      sync.Mutex
	closed  bool
	idle    []*conn
	leases  leases
	sweeper *time.Timer
}

// idleTime is how long a connection that nobody needs stays open.
const idleTime = 30 * time.Second

// NewPool makes a pool; the first message opens the first connection.
func NewPool(s Settings, log *slog.Logger) *Pool {
	s.Connections = max(s.Connections, 1)
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	if s.Security == "" {
		s.Security = StartTLS
	}
	p := &Pool{settings: s, server: s.Server(), log: log.With("smtp", s.Server()), idleTime: idleTime, turn: turnTime}
	p.health.now = time.Now
	return p
}

// Close ends the idle connections; those in use end as they come back.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	if p.sweeper != nil {
		p.sweeper.Stop()
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}

// Check opens a connection, or finds one open, so that wrong settings are known before a message needs them.
func (p *Pool) Check(ctx context.Context) error {
	c, _, err := p.acquire(ctx, urgent)
	if err != nil {
		if f := (*fault.Error)(nil); errors.As(err, &f) {
			return f
		}
		return fault.New(fault.ProviderFault, "%s", p.describe("cannot be used", err))
	}
	p.release(c)
	return nil
}

// acquire leases a connection: an idle one, or a new one while there are fewer than allowed. It tells how many faults in a row
// there had been when it began. An error that is a *fault.Error says that it is no use to try again now.
func (p *Pool) acquire(ctx context.Context, who class) (_ *conn, since int32, _ error) {
	if err := p.lease(ctx, who); err != nil {
		return nil, 0, err
	}
	p.mu.Lock()
	c := p.takeIdle()
	since = p.health.faults.Load()
	p.mu.Unlock()
	if c != nil {
		c.proven, c.reused, c.lease = false, true, lease{class: who, since: time.Now()}
		return c, since, nil
	}
	c, err := p.open(ctx)
	if err != nil {
		if ctx.Err() == nil { // counted before anybody else tries
			if f := p.fault(p.describe("cannot be used", err), hopeless(err), since); f != nil {
				err = f
			}
		}
		p.free(lease{class: who})
		return nil, since, err
	}
	c.lease = lease{class: who, since: time.Now()}
	return c, since, nil
}

var errClosed = errors.New("the pool is closed")

// refusal is why nobody gets a connection now, or nil; p.mu is held.
func (p *Pool) refusal() error {
	if p.closed {
		return errClosed
	}
	if f := p.health.refuse(); f != nil {
		return f
	}
	return nil
}

func (p *Pool) open(ctx context.Context) (*conn, error) {
	if wait := p.health.backoff(); wait > 0 {
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	c, err := dial(ctx, p.settings)
	if err == nil {
		p.log.Debug("connection opened", "pipelining", c.pipelining)
	}
	return c, err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeIdle gives the connection that was used last, if it is young enough.
func (p *Pool) takeIdle() *conn {
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c
}

// release keeps a connection for later.
func (p *Pool) release(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	p.leases.end(c.lease)
	if p.closed {
		go c.quit()
		return
	}
	c.idleSince = time.Now()
	p.idle = append(p.idle, c)
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(p.idleTime, p.sweep)
	} else if len(p.idle) == 1 {
		p.sweeper.Reset(p.idleTime)
	}
}

// sweep closes what has been idle for too long.
func (p *Pool) sweep() {
	p.mu.Lock()
	var old []*conn
	for len(p.idle) > 0 && time.Since(p.idle[0].idleSince) >= p.idleTime {
		old = append(old, p.idle[0])
		p.idle = p.idle[1:]
	}
	if len(p.idle) > 0 {
		p.sweeper.Reset(p.idleTime - time.Since(p.idle[0].idleSince))
	}
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
}

// fault counts a fault of the server; where that is one too many, it is the one to give up with.
func (p *Pool) fault(details string, hopeless bool, since int32) *fault.Error {
	f := p.health.failed(details, hopeless, since)
	if f == nil {
		p.log.Debug("fault of the server", "fault", details)
		return nil
	}
	p.log.Warn("sending stops", "fault", details, "retry_after", f.RetryAfter)
	return f
}

func (p *Pool) describe(what string, err error) string {
	words := err.Error()
	if said := (*textproto.Error)(nil); errors.As(err, &said) {
		words = strings.Replace(words, said.Error(), reply{said.Code, said.Msg}.String(), 1)
	}
	return fmt.Sprintf("%s %s: %s", p.server, what, shorten(printable(words)))
}

// hopeless reports whether connecting fails for a reason that waiting cannot cure: it was told so by the server.
func hopeless(err error) bool {
	var said *textproto.Error
	return errors.As(err, &said) && said.Code/100 == 5
}
