// Package sink is an SMTP server that takes every message and keeps nothing but who got which: the far end of the load and
// fault harnesses. Its law: it costs as little as a server can, so that what is measured is the sender; and it never answers
// 250 before the message is recorded, so that what it recorded is what the sender may count on.
package sink

import (
	"bytes"
	"errors"
	"hash/fnv"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how the sink behaves.
type Options struct {
	// Pipelining is offered. Where it is not, a command that comes before the last one was answered is a Violation.
	Pipelining bool
	// Delay is how long each message's final reply takes.
	Delay time.Duration
	// Busy, Closing and Unknown are shares between 0 and 1. Busy of all recipients are answered 451 and Closing of all
	// senders 421 with the connection's end, by count, so that a later try succeeds; Unknown are answered 550, by a hash of
	// the address, so that the same address is always unknown.
	Busy, Closing, Unknown float64
	// Record is called for each message before it is answered, with its Message-ID (without <>) and its recipient. The
	// slices are only good during the call, which may come from many goroutines at once. Nil: messages are only counted.
	Record func(messageID, recipient []byte)
}

// Stats count what happened so far.
type Stats struct {
	Messages    int64 // accepted
	Bytes       int64 // of those messages
	Busy        int64 // answered 451
	Closing     int64 // answered 421
	Unknown     int64 // answered 550
	Connections int64 // opened in all
	Open        int64 // now
	MostOpen    int64 // at once
	Violations  int64 // commands that came too early
	First, Last time.Time
}

// Sink is a running server.
type Sink struct {
	options  Options
	listener net.Listener

	messages, size, busy, closing, unknown     atomic.Int64
	connections, open, most, violations        atomic.Int64
	first, last                                atomic.Int64
	recipients, senders                        atomic.Int64
	busyEvery, closingEvery, unknownOutOf10000 int64

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	done   sync.WaitGroup
}

// Listen starts a sink; address is as in net.Listen ("127.0.0.1:0").
func Listen(address string, o Options) (*Sink, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Sink{options: o, listener: listener, conns: map[net.Conn]struct{}{}}
	s.busyEvery, s.closingEvery = every(o.Busy), every(o.Closing)
	s.unknownOutOf10000 = int64(o.Unknown * 10000)
	s.done.Go(s.accept)
	return s, nil
}

func every(share float64) int64 {
	if share <= 0 {
		return 0
	}
	return max(1, int64(1/share+0.5))
}

// Addr is where the sink listens.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Close ends the sink and all its connections.
func (s *Sink) Close() {
	s.mu.Lock()
	s.closed = true
	_ = s.listener.Close()
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Stats reads the counters.
func (s *Sink) Stats() Stats {
	st := Stats{
		Messages: s.messages.Load(), Bytes: s.size.Load(), Busy: s.busy.Load(), Closing: s.closing.Load(), Unknown: s.unknown.Load(),
		Connections: s.connections.Load(), Open: s.open.Load(), MostOpen: s.most.Load(), Violations: s.violations.Load(),
	}
	if first := s.first.Load(); first != 0 {
		st.First, st.Last = time.Unix(0, first), time.Unix(0, s.last.Load())
	}
	return st
}

func (s *Sink) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = c.Close()
			return
		}
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.connections.Add(1)
		open := s.open.Add(1)
		for most := s.most.Load(); open > most && !s.most.CompareAndSwap(most, open); most = s.most.Load() {
		}
		s.done.Go(func() {
			session := &session{sink: s, conn: c, in: make([]byte, 0, 16<<10)}
			session.serve()
			session.leave()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			_ = c.Close()
		})
	}
}

// session is one connection.
type session struct {
	sink      *Sink
	conn      net.Conn
	in        []byte // read and not yet dealt with
	out       []byte // answers not yet written
	inData    bool
	headSeen  bool
	size      int
	recipient []byte
	messageID []byte
	left      bool
}

// leave takes the session off the open ones: before goodbye is said, so that whoever hears it may open another.
func (c *session) leave() {
	if !c.left {
		c.left = true
		c.sink.open.Add(-1)
	}
}

const longest = 64 << 10 // of one line, and of what is looked through for the Message-ID

var endOfData = []byte("\r\n.\r\n")

func (c *session) serve() {
	c.say("220 sink\r\n")
	for c.flush() == nil && c.fill() == nil {
		for {
			more, end := c.step()
			if end {
				_ = c.flush()
				return
			}
			if !more {
				break
			}
		}
	}
}

func (c *session) say(s string) { c.out = append(c.out, s...) }

func (c *session) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

func (c *session) fill() error {
	if len(c.in) == cap(c.in) {
		if cap(c.in) >= longest {
			return errors.New("line too long")
		}
		c.in = append(make([]byte, 0, 2*cap(c.in)), c.in...)
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	return err
}

// step deals with one command or with message data; more is false when it needs to read on.
func (c *session) step() (more, end bool) {
	if c.inData {
		return c.data()
	}
	i := bytes.IndexByte(c.in, '\n')
	if i < 0 {
		return false, false
	}
	line := bytes.TrimRight(c.in[:i], "\r")
	end = c.command(line)
	c.in = c.in[:copy(c.in, c.in[i+1:])]
	if len(c.in) > 0 && !c.inData && !c.sink.options.Pipelining {
		c.sink.violations.Add(1)
	}
	return len(c.in) > 0, end
}

func (c *session) command(line []byte) (end bool) {
	s := c.sink
	verb := line
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		verb = line[:i]
	}
	for i, b := range verb { // it is our own buffer
		if b >= 'a' && b <= 'z' {
			verb[i] = b - 'a' + 'A'
		}
	}
	switch string(verb) {
	case "EHLO":
		c.say("250-sink\r\n")
		if s.options.Pipelining {
			c.say("250-PIPELINING\r\n")
		}
		c.say("250-SMTPUTF8\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
	case "HELO", "RSET", "NOOP":
		c.recipient = c.recipient[:0]
		c.say("250 2.0.0 ok\r\n")
	case "MAIL":
		c.recipient = c.recipient[:0]
		if n := s.senders.Add(1); s.closingEvery > 0 && n%s.closingEvery == 0 {
			s.closing.Add(1)
			c.leave()
			c.say("421 4.3.2 closing\r\n")
			return true
		}
		c.say("250 2.1.0 ok\r\n")
	case "RCPT":
		c.rcpt(line)
	case "DATA":
		if len(c.recipient) == 0 {
			c.say("503 5.5.1 no recipient\r\n")
			break
		}
		c.say("354 go on\r\n")
		c.inData, c.headSeen, c.size = true, false, 0
	case "QUIT":
		c.leave()
		c.say("221 2.0.0 bye\r\n")
		return true
	default:
		c.say("500 5.5.1 unknown command\r\n")
	}
	return false
}

func (c *session) rcpt(line []byte) {
	s := c.sink
	open, shut := bytes.IndexByte(line, '<'), bytes.LastIndexByte(line, '>')
	if open < 0 || shut < open {
		c.say("501 5.1.3 bad address\r\n")
		return
	}
	address := line[open+1 : shut]
	if s.unknownOutOf10000 > 0 && int64(hash(address)%10000) < s.unknownOutOf10000 {
		s.unknown.Add(1)
		c.say("550 5.1.1 no such user\r\n")
		return
	}
	if n := s.recipients.Add(1); s.busyEvery > 0 && n%s.busyEvery == 0 {
		s.busy.Add(1)
		c.say("451 4.3.0 busy, try again\r\n")
		return
	}
	c.recipient = append(c.recipient[:0], address...)
	c.say("250 2.1.5 ok\r\n")
}

func hash(b []byte) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(b)
	return h.Sum32()
}

// data looks for the end of the message and forgets what it has looked through.
func (c *session) data() (more, end bool) {
	i := bytes.Index(c.in, endOfData)
	if i < 0 {
		if len(c.in) >= longest/2 {
			c.head()
			c.size += len(c.in) - len(endOfData)
			c.in = c.in[:copy(c.in, c.in[len(c.in)-len(endOfData):])]
		}
		return false, false
	}
	c.head()
	c.size += i
	c.in = c.in[:copy(c.in, c.in[i+len(endOfData):])]
	c.inData = false
	if d := c.sink.options.Delay; d > 0 {
		if c.flush() != nil {
			return false, true
		}
		time.Sleep(d)
	}
	c.accept()
	return len(c.in) > 0, false
}

// head finds the Message-ID in the first part of the message.
func (c *session) head() {
	if c.headSeen {
		return
	}
	c.headSeen = true
	c.messageID = c.messageID[:0]
	head := c.in
	if i := bytes.Index(head, []byte("\r\n\r\n")); i >= 0 {
		head = head[:i+2]
	}
	for len(head) > 0 {
		line := head
		if i := bytes.IndexByte(head, '\n'); i >= 0 {
			line, head = head[:i], head[i+1:]
		} else {
			head = nil
		}
		const name = "message-id:"
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			c.messageID = append(c.messageID, bytes.Trim(line[len(name):], " \t\r<>")...)
			return
		}
	}
}

func (c *session) accept() {
	s := c.sink
	if s.options.Record != nil {
		s.options.Record(c.messageID, c.recipient)
	}
	now := time.Now().UnixNano()
	s.first.CompareAndSwap(0, now)
	s.last.Store(now)
	s.messages.Add(1)
	s.size.Add(int64(c.size))
	c.recipient = c.recipient[:0]
	c.say("250 2.0.0 taken\r\n")
}

// File records to a file, a line "messageID recipient" each, appended by one write that a kill of the process cannot lose.
func File(path string) (record func(messageID, recipient []byte), closeFile func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var line []byte
	return func(messageID, recipient []byte) {
		mu.Lock()
		defer mu.Unlock()
		line = append(append(append(append(line[:0], messageID...), ' '), recipient...), '\n')
		_, _ = f.Write(line)
	}, f.Close, nil
}
