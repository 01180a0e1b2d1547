package email

import (
	"bufio"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/channel"
)

// fake is an SMTP server that a test scripts: answer is asked what to say to each command ("CONNECT" and "." included). Empty is
// the usual answer, drop closes the connection, hang says nothing until the test ends.
type fake struct {
	extensions []string
	answer     func(d *dialogue, command string) string

	listener net.Listener
	mu       sync.Mutex
	taken    []string // recipients of the messages answered with 250, in order
	bodies   []string
	commands []string
	opened   int
	end      chan struct{}
	running  sync.WaitGroup
}

const drop, hang = "DROP", "HANG"

// dialogue is one connection of a fake.
type dialogue struct {
	server  *fake
	number  int // of the connection, from 1
	message int // of the transaction on this connection, from 1
	conn    net.Conn
	r       *bufio.Reader
	to      string
	refused bool // the recipient was
}

var pipelined = []string{"PIPELINING", "ENHANCEDSTATUSCODES"}

func (f *fake) start(t *testing.T) Settings {
	t.Helper()
	var err error
	f.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.end = make(chan struct{})
	f.running.Go(func() {
		for {
			conn, err := f.listener.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.opened++
			d := &dialogue{server: f, number: f.opened, conn: conn, r: bufio.NewReader(conn)}
			f.mu.Unlock()
			f.running.Go(d.run)
		}
	})
	t.Cleanup(f.stop)
	addr := f.listener.Addr().(*net.TCPAddr)
	return Settings{Host: "127.0.0.1", Port: addr.Port, Security: Clear, Connections: 1, Timeout: 5 * time.Second}
}

func (f *fake) stop() {
	_ = f.listener.Close()
	close(f.end)
	f.running.Wait()
}

func (f *fake) received() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.taken...)
}

func (f *fake) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.commands...)
}

func (d *dialogue) run() {
	defer d.conn.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-d.server.end:
			_ = d.conn.Close()
		case <-stop:
		}
	}()
	if !d.reply("CONNECT", "220 fake") {
		return
	}
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		d.server.mu.Lock()
		d.server.commands = append(d.server.commands, line)
		d.server.mu.Unlock()
		if !d.obey(line) || line == "QUIT" {
			return
		}
	}
}

func (d *dialogue) obey(line string) bool {
	usual := "250 2.0.0 ok"
	switch {
	case strings.HasPrefix(line, "EHLO"):
		lines := append([]string{"fake"}, d.server.extensions...)
		usual = ""
		for i, l := range lines {
			mark := "-"
			if i == len(lines)-1 {
				mark = " "
			}
			usual += "250" + mark + l + "\r\n"
		}
		usual = strings.TrimSuffix(usual, "\r\n")
	case strings.HasPrefix(line, "MAIL"):
		d.message++
	case strings.HasPrefix(line, "RCPT"):
		d.to = line[strings.IndexByte(line, '<')+1 : strings.LastIndexByte(line, '>')]
	case line == "DATA":
		if usual = "354 go on"; d.refused {
			usual = "503 5.5.1 no valid recipients"
		}
	case line == "QUIT":
		usual = "221 bye"
	}
	say := d.server.answer(d, line)
	if say == "" {
		say = usual
	}
	if strings.HasPrefix(line, "RCPT") {
		d.refused = !strings.HasPrefix(say, "2")
	}
	if !d.say(say) {
		return false
	}
	if line == "DATA" && strings.HasPrefix(say, "354") {
		return d.data()
	}
	return true
}

func (d *dialogue) data() bool {
	var body strings.Builder
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		body.WriteString(strings.TrimPrefix(line, "."))
	}
	say := d.server.answer(d, ".")
	if say == "" {
		say = "250 2.0.0 taken"
	}
	if strings.HasPrefix(say, "250") && !d.refused {
		d.server.mu.Lock()
		d.server.taken = append(d.server.taken, d.to)
		d.server.bodies = append(d.server.bodies, body.String())
		d.server.mu.Unlock()
	}
	return d.say(say)
}

func (d *dialogue) reply(command, usual string) bool {
	say := d.server.answer(d, command)
	if say == "" {
		say = usual
	}
	return d.say(say)
}

func (d *dialogue) say(s string) bool {
	switch s {
	case drop:
		return false
	case hang:
		<-d.server.end
		return false
	}
	_, err := d.conn.Write([]byte(s + "\r\n"))
	return err == nil
}

// ledger collects outcomes by recipient. Each is durable at once, unless hold is set.
type ledger struct {
	mu       sync.Mutex
	outcomes map[string]channel.Outcome
	times    map[string]int
}

func (l *ledger) done(to string) func(channel.Outcome) <-chan struct{} {
	return func(o channel.Outcome) <-chan struct{} {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.outcomes == nil {
			l.outcomes, l.times = map[string]channel.Outcome{}, map[string]int{}
		}
		l.outcomes[to] = o
		l.times[to]++
		return closed
	}
}

func (l *ledger) of(to string) channel.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.outcomes[to]
}

func (l *ledger) count(v channel.Verdict) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.outcomes {
		if o.Verdict == v {
			n++
		}
	}
	return n
}

func hello(to string) func([]byte) ([]byte, error) {
	return func(dst []byte) ([]byte, error) {
		return append(dst, "Message-ID: <"+to+">\r\nSubject: x\r\n\r\nHello\r\n.dot\r\n"...), nil
	}
}

func (l *ledger) job(to string) Job {
	return Job{From: "shop@example.com", To: to, Append: hello(to), Done: l.done(to)}
}

// queue is a batch of jobs, one for each recipient.
func (l *ledger) queue(recipients ...string) Batch {
	jobs := make(chan Job, len(recipients))
	for _, to := range recipients {
		jobs <- l.job(to)
	}
	close(jobs)
	return Batch{Jobs: jobs}
}

func newPool(t *testing.T, s Settings) *Pool {
	t.Helper()
	p := NewPool(s, quiet)
	t.Cleanup(p.Close)
	return p
}

// within ends a test that waits for what never comes.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
