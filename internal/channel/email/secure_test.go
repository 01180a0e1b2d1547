package email

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"herald/internal/channel"
	"herald/internal/fault"
)

// backend is a real SMTP server's end: it keeps what it was sent and who signed in.
type backend struct {
	mechanisms []string
	mu         sync.Mutex
	signedIn   []string
	received   []string
}

type session struct{ *backend }

func (b *backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{b}, nil }
func (s *session) AuthMechanisms() []string                    { return s.mechanisms }
func (s *session) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *session) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (s *session) Reset()                                      {}
func (s *session) Logout() error                               { return nil }

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, string(b))
	return err
}

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.signedIn = append(s.signedIn, mechanism)
		if user != "herald" || password != secret {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "bad credentials"}
		}
		return nil
	}
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// loginServer is AUTH LOGIN, which go-sasl no longer serves.
type loginServer struct {
	check func(user, password string) error
	user  *string
	asked bool
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.user, string(response))
}

const secret = "s3cret-p%ss"

// certificate makes one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// real starts a go-smtp server; configure sees it before it listens.
func real(t *testing.T, b *backend, implicit bool, configure func(*smtp.Server)) Settings {
	t.Helper()
	cert, roots := certificate(t)
	server := smtp.NewServer(b)
	server.Domain = "sink"
	server.AllowInsecureAuth = true
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	if configure != nil {
		configure(server)
	}
	var listener net.Listener
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	if implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return Settings{Host: "127.0.0.1", Port: port, Security: StartTLS, ImplicitTLS: implicit, Connections: 2, Roots: roots, User: "herald", Password: secret}
}

func TestSecureAndAuthenticated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		mechanisms []string
		implicit   bool
		security   Security
		noTLS      bool
	}{
		"STARTTLS, PLAIN":              {[]string{"PLAIN"}, false, StartTLS, false},
		"STARTTLS required, LOGIN":     {[]string{"LOGIN"}, false, Required, false},
		"implicit TLS, PLAIN":          {[]string{"PLAIN", "LOGIN"}, true, Required, false},
		"in clear because told, PLAIN": {[]string{"PLAIN"}, false, Clear, true},
		"in clear because told, LOGIN": {[]string{"LOGIN"}, false, Clear, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &backend{mechanisms: row.mechanisms}
			s := real(t, b, row.implicit, func(server *smtp.Server) {
				if row.noTLS {
					server.TLSConfig = nil
				}
			})
			s.Security = row.security
			p := newPool(t, s)
			var l ledger
			require.NoError(t, p.Send(within(t), l.queue(recipients(20)...)))
			require.Equal(t, 20, l.count(channel.Sent))
			require.Len(t, b.received, 20)
			require.NotEmpty(t, b.signedIn)
			require.Contains(t, b.received[0], "\r\n.dot\r\n")
		})
	}
}

func TestWrongPasswordStopsAtOnceAndIsNeverTold(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	b := &backend{mechanisms: []string{"PLAIN"}}
	s := real(t, b, false, nil)
	s.Password = "wrong-hunter2"
	p := NewPool(s, slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer p.Close()
	var l ledger
	err := p.Send(within(t), l.queue("a@example.com"))
	require.True(t, fault.Is(err, fault.ProviderFault))
	require.ErrorContains(t, err, "535")
	require.Len(t, b.signedIn, 1, "a wrong password is not tried again")
	require.Empty(t, l.outcomes)
	require.NotContains(t, err.Error()+logged.String(), "hunter2")
	require.ErrorContains(t, p.Check(context.Background()), "535")
}

func TestPasswordIsNotGivenAwayInClear(t *testing.T) {
	t.Parallel()
	f := &fake{extensions: []string{"AUTH PLAIN LOGIN"}, answer: func(*dialogue, string) string { return "" }}
	s := f.start(t)
	s.Security, s.User, s.Password = Required, "herald", secret
	var l ledger
	require.ErrorContains(t, newPool(t, s).Send(within(t), l.queue("a@example.com")), "STARTTLS")
	for _, said := range f.said() {
		require.NotContains(t, said, "AUTH")
	}
}

func TestCertificateIsChecked(t *testing.T) {
	t.Parallel()
	s := real(t, &backend{mechanisms: []string{"PLAIN"}}, false, nil)
	s.Roots = x509.NewCertPool()
	var l ledger
	require.ErrorContains(t, newPool(t, s).Send(within(t), l.queue("a@example.com")), "certificate")
	require.Empty(t, l.outcomes)
}

func TestServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	p := newPool(t, Settings{Host: "127.0.0.1", Port: port, Connections: 3, Timeout: time.Second})
	var l ledger
	err = p.Send(within(t), l.queue(recipients(10)...))
	require.True(t, fault.Is(err, fault.ProviderFault))
	require.ErrorContains(t, err, "connection refused")
	require.Empty(t, l.outcomes)
}
