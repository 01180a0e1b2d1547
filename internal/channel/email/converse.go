package email

import (
	"context"
	"time"

	"herald/internal/channel"
	"herald/internal/fault"
)

// largeBody is how much of a message is worth a write of its own while the outcome before it becomes durable. A smaller one
// travels with its final dot and the next envelope in one write: on the wire that is as soon, and it costs half the work.
const largeBody = 64 << 10

const maxTries = 3 // connections that may be lost under one message before it is postponed

// converse sends messages over a connection, the first of them w.current, until it has to leave it.
//
// For each message: read the answers to its envelope; take and render the next one; wait until the outcome before it is
// durable; then, in one write, its body, the final dot and the next one's envelope; then read the reply.
func (w *worker) converse(c *conn) conclusion {
	c.ending.Store(false)
	interrupted := make(chan struct{})
	release := context.AfterFunc(w.ctx, func() { defer close(interrupted); c.interrupt() })
	defer func() {
		if !release() {
			<-interrupted // or it could hit whoever uses the connection next
		}
	}()
	fresh := true // w.current's envelope is yet to be sent
	for {
		if w.current == nil {
			if c.spent(w.pool.settings.MaxMessages) {
				return spent
			}
			if w.pool.turnOver(c) {
				return idle
			}
			if w.current = w.tryTake(); w.current == nil {
				return idle
			}
			fresh = true
		}
		if o, cannot := c.cannot(w.current.job); cannot {
			w.done(w.current, o)
			w.current = nil
			continue
		}
		_ = c.client.UpdateDeadline(c.timeout)
		var commands []byte
		if fresh {
			commands = c.envelope(c.commands[:0], w.current.job.From, w.current.job.To)
			c.commands = commands
			if c.pipelining {
				if _, err := c.write(commands); err != nil {
					return w.dropped(c, atMail, err)
				}
			}
			fresh = false
		}
		a := c.negotiate(commands)
		if a.judgement != accepted || a.err != nil {
			if end, leaves := w.declined(c, a); leaves {
				return end
			}
			continue
		}
		if end, leaves := w.deliver(c); leaves {
			return end
		}
	}
}

// declined deals with an envelope that was not accepted.
func (w *worker) declined(c *conn, a answer) (conclusion, bool) {
	switch {
	case w.ctx.Err() != nil && a.err != nil:
		return over, true
	case a.judgement == refused || a.judgement == postponed:
		w.answered(c, w.current, outcome(a.at, a.judgement, a.reply))
		w.current = nil
		return lost, a.err != nil
	case a.reply.code == 0:
		return w.dropped(c, a.at, a.err), true
	case a.reply.code == 421 && a.at == atMail && (c.proven || c.reused):
		return lost, true // it had gone to sleep, or takes no more messages on one connection
	}
	said := w.pool.server + " said to " + a.at.String() + ": " + a.reply.String()
	if a.at == atMail && a.judgement == senderFault && !signIn[a.reply.code] {
		// This sender's fault alone: others who share the server may go on.
		f := fault.New(fault.ProviderFault, "%s. Nothing can be sent from %s until that is put right.", said, w.current.job.From)
		f.RetryAfter = senderWait
		w.cancel(f)
		return broken, true
	}
	w.fault(said, a.judgement == senderFault)
	return broken, true
}

// senderWait is when a sender that the server refuses may try again.
const senderWait = time.Minute

// dropped deals with a connection lost before the final dot: the message was not sent.
func (w *worker) dropped(c *conn, at stage, err error) conclusion {
	if w.ctx.Err() != nil {
		return over
	}
	if !isTimeout(err) && (c.proven || c.reused) {
		return lost // connections end; the next one tells whether the server still stands
	}
	if w.current.tries++; w.current.tries >= maxTries {
		w.done(w.current, channel.Outcome{Verdict: channel.Deferred, Reason: lossReason(err), Reply: w.pool.describe("went away at "+at.String(), err)})
		w.current = nil
	}
	w.fault(w.pool.describe("went away at "+at.String(), err), false)
	return broken
}

func lossReason(err error) string {
	if isTimeout(err) {
		return TimedOut
	}
	return ConnectionLost
}

// deliver ends the message whose envelope was accepted, and sends the next one's envelope along where there is one.
func (w *worker) deliver(c *conn) (conclusion, bool) {
	m := w.current
	if m.job.Before != nil {
		if err := m.job.Before(w.ctx); err != nil {
			w.cancel(err)
			return over, true
		}
	}
	w.prefetch(c)
	data := m.data
	early := len(data) > largeBody && !w.durable()
	if early {
		if _, err := c.write(data); err != nil {
			return w.dropped(c, atData, err), true
		}
		data = nil
	}
	if !w.awaitDurable() {
		return over, true
	}
	c.ending.Store(true)
	if w.ctx.Err() != nil {
		return over, true // interrupt may have come just before
	}
	body := len(data)
	data = append(data, ".\r\n"...)
	if w.next != nil {
		data = c.envelope(data, w.next.job.From, w.next.job.To)
	}
	_ = c.client.UpdateDeadline(4 * c.timeout)
	sent, err := c.write(data)
	if !early {
		m.data = data[:body] // it may have grown
	}
	if err != nil && sent < body {
		return w.dropped(c, atEnd, err), true // the dot never left
	}
	return w.concluded(c, m, err)
}

// concluded reads the reply to the final dot. Whatever goes wrong now, the message may be out.
func (w *worker) concluded(c *conn, m *message, err error) (conclusion, bool) {
	var r reply
	if err == nil {
		r, err = readReply(c.r, true)
	}
	c.ending.Store(false)
	w.current, w.next = w.next, nil
	if err != nil {
		w.done(m, channel.Outcome{Verdict: channel.Unknown, Reason: lossReason(err), Reply: w.pool.describe("went away before it answered", err)})
		if isTimeout(err) || !c.proven {
			w.fault(w.pool.describe("went away before it answered", err), false)
		}
		return lost, true
	}
	switch j := judge(atEnd, r); j {
	case accepted, refused, postponed:
		w.answered(c, m, outcome(atEnd, j, r))
		return lost, false
	default:
		// Refused, and not for the message's sake: it goes before the one that was to follow it, with its own next try.
		w.held, w.current = w.current, m
		w.fault(w.pool.server+" said to "+atEnd.String()+": "+r.String(), j == senderFault)
		return broken, true
	}
}

// prefetch takes the next message, so that its envelope can travel with the final dot of this one.
func (w *worker) prefetch(c *conn) {
	if !c.pipelining || w.pool.settings.Limiter != nil || c.spent(w.pool.settings.MaxMessages) || w.pool.turnOver(c) {
		return
	}
	w.next = w.tryTake()
	if w.next == nil {
		return
	}
	if o, cannot := c.cannot(w.next.job); cannot {
		w.done(w.next, o)
		w.next = nil
	}
}

// durable reports whether all outcomes so far are durable, without waiting.
func (w *worker) durable() bool {
	for len(w.pending) > 0 {
		select {
		case <-w.pending[0]:
			w.pending = append(w.pending[:0], w.pending[1:]...)
		default:
			return false
		}
	}
	return true
}

// awaitDurable waits until all outcomes so far are durable; false when the Send has ended.
func (w *worker) awaitDurable() bool {
	for _, durable := range w.pending {
		select {
		case <-durable:
		case <-w.ctx.Done():
			return false
		}
	}
	w.pending = w.pending[:0]
	return true
}

// cannot tells what this connection cannot carry.
func (c *conn) cannot(job Job) (channel.Outcome, bool) {
	if c.utf8 || !needsUTF8(job.To) && !needsUTF8(job.From) {
		return channel.Outcome{}, false
	}
	return channel.Outcome{
		Verdict: channel.Failed, Reason: UTF8Unsupported,
		Reply: "The address needs SMTPUTF8, which the server does not offer.",
	}, true
}

func (c *conn) spent(limit int) bool { return limit > 0 && c.begun >= limit }
