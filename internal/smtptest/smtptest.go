// Package smtptest gives tests a real mail server that does what the test says: it takes mails, refuses some, hangs or hangs
// up. Its law: what it has taken it remembers, and it answers 250 only after that.
package smtptest

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// Stage is when a server has its say about a mail.
type Stage string

// The stages, in their order.
const (
	Sender    Stage = "MAIL"
	Recipient Stage = "RCPT"
	End       Stage = "DATA" // the final dot
)

// Answer says what the server answers: "" takes, "451 4.7.1 words" is said as it is, Drop hangs up without a word. It may
// block. At the sender's stage nobody is known yet, and to is "".
type Answer func(stage Stage, to string) string

// Drop hangs up.
const Drop = "DROP"

// Mail is one that was taken; the body of one that has several parts is as it came.
type Mail struct {
	To, MessageID, Subject, Body string
}

// Server is a running mail server.
type Server struct {
	URL string // smtp://127.0.0.1:port

	mu     sync.Mutex
	answer Answer
	mails  []Mail
}

// Start serves until the test ends; nil takes everything.
func Start(t testing.TB, answer Answer) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &Server{URL: "smtp://" + l.Addr().String(), answer: answer}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c.Conn()}, nil
	}))
	server.Domain = "mail.example"
	server.ErrorLog = silent{}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
	})
	return s
}

// Answers changes what the server answers from now on.
func (s *Server) Answers(answer Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Mails is what was taken so far, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Count is how many mails were taken so far.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// ByRecipient counts the mails that each address got.
func (s *Server) ByRecipient() map[string]int {
	got := map[string]int{}
	for _, m := range s.Mails() {
		got[m.To]++
	}
	return got
}

func (s *Server) say(stage Stage, to string) string {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		return ""
	}
	return answer(stage, to)
}

func (s *Server) take(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
}

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	to     string
}

func (c *session) Mail(string, *smtp.MailOptions) error { return c.obey(Sender) }

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return c.obey(Recipient)
}

func (c *session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		text = quotedprintable.NewReader(text)
	}
	body, err := io.ReadAll(text)
	if err != nil {
		return err
	}
	if err := c.obey(End); err != nil {
		return err
	}
	c.server.take(Mail{
		To: c.to, MessageID: strings.Trim(m.Header.Get("Message-Id"), "<>"), Subject: m.Header.Get("Subject"), Body: string(body),
	})
	return nil
}

func (c *session) Reset() { c.to = "" }

func (c *session) Logout() error { return nil }

// obey does what the test says.
func (c *session) obey(stage Stage) error {
	said := c.server.say(stage, c.to)
	switch said {
	case "":
		return nil
	case Drop:
		return c.conn.Close()
	}
	refusal := &smtp.SMTPError{EnhancedCode: smtp.NoEnhancedCode}
	code, words, _ := strings.Cut(said, " ")
	if _, err := fmt.Sscan(code, &refusal.Code); err != nil {
		return err
	}
	refusal.Message = words
	return refusal
}

// silent says nothing about clients that hang up.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
