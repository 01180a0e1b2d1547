package email

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	mail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// conn is one open connection. It serves one goroutine; only interrupt may come from another.
type conn struct {
	client     *smtp.Client
	r          *bufio.Reader
	w          *bufio.Writer
	timeout    time.Duration
	pipelining bool
	utf8       bool
	lease      lease
	begun      int  // messages whose envelope was sent
	proven     bool // a message has been answered since it was opened or taken from the idle ones
	reused     bool // it was idle before
	resetDue   bool // a transaction was left open
	resetSent  bool // RSET leads the commands on their way
	idleSince  time.Time
	commands   []byte      // a buffer for an envelope that travels alone
	ending     atomic.Bool // the final dot may have left: only the reply can tell now
}

// dial opens, secures and authenticates a connection; that is go-mail's part.
func dial(ctx context.Context, s Settings) (*conn, error) {
	var raw net.Conn
	outer, given := ctx, func() bool { return true }
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.Roots}
	connect := func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		dialer := net.Dialer{Timeout: s.Timeout}
		if s.ImplicitTLS {
			raw, err = (&tls.Dialer{NetDialer: &dialer, Config: config}).DialContext(ctx, network, address)
		} else {
			raw, err = dialer.DialContext(ctx, network, address)
		}
		if err == nil { // go-mail asks ctx no more once the line stands
			given = context.AfterFunc(outer, func() { _ = raw.Close() })
		}
		return raw, err
	}
	options := []mail.Option{
		mail.WithPort(s.Port), mail.WithTimeout(s.Timeout), mail.WithTLSConfig(config), mail.WithDialContextFunc(connect),
	}
	if s.ImplicitTLS {
		options = append(options, mail.WithSSL())
	}
	if s.Hello != "" {
		options = append(options, mail.WithHELO(s.Hello))
	}
	options = append(options, mail.WithTLSPolicy(map[Security]mail.TLSPolicy{
		StartTLS: mail.TLSOpportunistic, Required: mail.TLSMandatory, Clear: mail.NoTLS,
	}[s.Security]))
	if s.User != "" {
		options = append(options, mail.WithUsername(s.User), mail.WithPassword(s.Password), authentication(s))
	}
	dialer, err := mail.NewClient(s.Host, options...)
	if err != nil {
		return nil, err
	}
	client, err := dialer.DialToSMTPClientWithContext(ctx)
	if !given() && err == nil {
		err = ctx.Err() // and the connection is closed already
	}
	if err != nil {
		if raw != nil {
			_ = raw.Close() // go-mail leaves a half-opened connection open
		}
		return nil, err
	}
	c := &conn{client: client, r: client.Text.R, w: client.Text.W, timeout: s.Timeout}
	c.pipelining, _ = client.Extension("PIPELINING")
	c.utf8, _ = client.Extension("SMTPUTF8")
	return c, nil
}

// authentication prefers what does not show the password. In clear it is only given away where the settings say so.
func authentication(s Settings) mail.Option {
	plain, login := mail.SMTPAuthPlain, mail.SMTPAuthLogin
	if s.Security == Clear && !s.ImplicitTLS {
		plain, login = mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc
	}
	return mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, plain, login, mail.SMTPAuthCramMD5)
}

// envelope appends the commands that open a transaction.
func (c *conn) envelope(dst []byte, from, to string) []byte {
	c.begun++
	if c.resetDue {
		dst = append(dst, "RSET\r\n"...)
		c.resetDue, c.resetSent = false, true
	}
	dst = append(append(dst, "MAIL FROM:<"...), from...)
	dst = append(dst, '>')
	if needsUTF8(from) || needsUTF8(to) {
		dst = append(dst, " SMTPUTF8"...)
	}
	dst = append(append(dst, "\r\nRCPT TO:<"...), to...)
	return append(dst, ">\r\nDATA\r\n"...)
}

// write sends bytes as one, where it can in one system call.
func (c *conn) write(b []byte) (sent int, err error) {
	if sent, err = c.w.Write(b); err != nil {
		return sent, err
	}
	return sent, c.w.Flush()
}

// answer is what became of a message's envelope.
type answer struct {
	judgement judgement
	at        stage
	reply     reply
	err       error // the connection is of no more use
}

// negotiate opens the transaction. With pipelining the commands are on their way already; otherwise it speaks them one by one.
func (c *conn) negotiate(commands []byte) answer {
	if !c.pipelining {
		return c.stepwise(commands)
	}
	if c.resetSent {
		c.resetSent = false
		if r, err := readReply(c.r, false); err != nil || r.code == 421 {
			return answer{judgement: providerFault, at: atMail, reply: r, err: orGone(err)}
		}
	}
	var replies [3]reply
	for at := range replies {
		r, err := readReply(c.r, false)
		if err != nil || r.code == 421 {
			return answer{judgement: providerFault, at: stage(at), reply: r, err: orGone(err)}
		}
		replies[at] = r
	}
	for at, r := range replies {
		if j := judge(stage(at), r); j != accepted {
			a := answer{judgement: j, at: stage(at), reply: r}
			a.err = c.unwind(stage(at), replies[atData])
			return a
		}
	}
	return answer{}
}

// unwind brings the server back to where a new transaction can begin, after part of a pipelined envelope was refused.
func (c *conn) unwind(at stage, data reply) error {
	c.resetDue = true
	switch {
	case data.code != 354:
		return nil
	case at == atMail:
		return errGarbled // it wants a message from nobody: no dot can be sent in safety
	}
	// DATA was accepted although nobody is to receive it: RFC 2920, 3.1 asks for a lone dot.
	if _, err := c.write([]byte(".\r\n")); err != nil {
		return err
	}
	_, err := readReply(c.r, false)
	return err
}

func (c *conn) stepwise(commands []byte) answer {
	at := atMail
	for len(commands) > 0 {
		line, rest, _ := bytes.Cut(commands, []byte("\r\n"))
		commands = rest
		if _, err := c.write(append(line[:len(line):len(line)], "\r\n"...)); err != nil {
			return answer{judgement: providerFault, at: at, err: err}
		}
		r, err := readReply(c.r, false)
		if err != nil || r.code == 421 {
			return answer{judgement: providerFault, at: at, reply: r, err: orGone(err)}
		}
		if c.resetSent {
			c.resetSent = false
			continue
		}
		if j := judge(at, r); j != accepted {
			c.resetDue = true
			return answer{judgement: j, at: at, reply: r}
		}
		at++
	}
	return answer{}
}

// errGone is a server that said it is closing the connection.
var errGone = errors.New("the server closed the connection")

func orGone(err error) error {
	if err == nil {
		return errGone
	}
	return err
}

// interrupt ends a wait for an answer that no longer matters: nothing was promised yet on this connection.
func (c *conn) interrupt() {
	if !c.ending.Load() {
		_ = c.client.UpdateDeadline(-time.Second)
	}
}

// quit says goodbye and closes.
func (c *conn) quit() {
	_ = c.client.UpdateDeadline(min(c.timeout, 2*time.Second))
	if _, err := c.write([]byte("QUIT\r\n")); err == nil {
		_, _ = readReply(c.r, false)
	}
	_ = c.client.Close()
}

func (c *conn) close() { _ = c.client.Close() }
