// Package catcher is the mail server of `herald dev`: it takes every mail, delivers none, keeps each as a file and shows them
// on a page.
//
// The law of this package: a mail that was acknowledged is on disk, whatever is killed next, and memory does not grow with
// the number of mails. The .eml files are the truth; the index beside them only makes listing fast and is mended from them.
// What a mail says never runs: its HTML is shown in a sandbox without scripts.
package catcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxMessage is what one mail may weigh, in bytes.
const maxMessage = 50 << 20

// Catcher takes mails and keeps them.
type Catcher struct {
	store *store
	smtp  *smtp.Server
}

// Open opens the folder of mails, made when missing.
func Open(dir string, log *slog.Logger) (*Catcher, error) {
	s, err := openStore(dir)
	if err != nil {
		return nil, fmt.Errorf("open the mail catcher's folder: %w", err)
	}
	c := &Catcher{store: s}
	c.smtp = smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{store: s, hello: conn.Hostname()}, nil
	}))
	c.smtp.Domain = "catcher.herald.localhost"
	c.smtp.MaxMessageBytes = maxMessage
	c.smtp.MaxRecipients = 1000
	c.smtp.AllowInsecureAuth = true
	c.smtp.EnableSMTPUTF8 = true
	c.smtp.ReadTimeout, c.smtp.WriteTimeout = 5*time.Minute, time.Minute
	c.smtp.ErrorLog = quiet{log}
	return c, nil
}

// Serve takes mails on l until Close.
func (c *Catcher) Serve(l net.Listener) error { return c.smtp.Serve(l) }

// Count is how many mails are kept.
func (c *Catcher) Count() int { return c.store.count() }

// Close ends Serve, lets mails under way arrive until ctx ends, and closes the folder.
func (c *Catcher) Close(ctx context.Context) error {
	err := c.smtp.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = c.smtp.Close() // idle connections of a pool stay open until someone hangs up
	}
	if errors.Is(err, smtp.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, c.store.close())
}

// session is one connection's mail under way.
type session struct {
	store *store
	hello string
	from  string
	to    []string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth takes any name and password: the catcher stands in for servers that want one.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(string, string, string) error { return nil }), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data keeps the mail; its envelope goes before it in the headers that a mailbox has for that.
func (s *session) Data(r io.Reader) error {
	var head strings.Builder
	fmt.Fprintf(&head, "Return-Path: <%s>\r\n", s.from)
	for _, to := range s.to {
		fmt.Fprintf(&head, "Delivered-To: %s\r\n", to)
	}
	if err := s.store.add(io.MultiReader(strings.NewReader(head.String()), r)); err != nil {
		var refused *smtp.SMTPError
		if errors.As(err, &refused) { // too large, say
			return refused
		}
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "cannot keep the mail: " + err.Error()}
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// quiet sends the library's lines about clients that hang up to the debug level.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, v ...any) {
	q.log.Debug("mail catcher", "says", fmt.Sprintf(format, v...))
}

func (q quiet) Println(v ...any) { q.log.Debug("mail catcher", "says", fmt.Sprint(v...)) }
