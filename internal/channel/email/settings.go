package email

import (
	"context"
	"crypto/x509"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"herald/internal/fault"
)

// Security says how a connection that begins in clear is secured.
type Security string

// The words of tls= in a server's URL.
const (
	StartTLS Security = "starttls" // encrypted where the server offers it
	Required Security = "required" // encrypted, or nothing is sent
	Clear    Security = "none"     // never encrypted, not even for the password
)

// Limiter holds sending back. Who is urgent goes before those who are not.
type Limiter interface {
	// Wait returns when one more message may go out.
	Wait(ctx context.Context, urgent bool) error
	// Try reports whether one may go out at once, for who has something to give up before it waits.
	Try(urgent bool) bool
}

// Settings say how to reach one SMTP server.
type Settings struct {
	Host        string
	Port        int
	User        string // none: no authentication
	Password    string
	ImplicitTLS bool          // smtps: encrypted from the first byte
	Security    Security      // where TLS is not implicit
	Connections int           // at most this many at once
	MaxMessages int           // a connection is renewed after so many; 0: never
	Timeout     time.Duration // for connecting and for each reply; the final one may take four times as long
	Hello       string        // what to call oneself; empty: the host's name
	Roots       *x509.CertPool
	Limiter     Limiter // nil: no limit
}

// The limits and defaults of the URL's settings.
const (
	defaultConnections, maxConnections = 10, 500
	defaultTimeout                     = 30 * time.Second
)

// ParseURL reads smtp://user:password@host:port?tls=starttls|required|none&connections=10&max_messages=1000&timeout=30s&helo=name,
// or smtps://… for TLS from the first byte. Without tls=, TLS is required where there is a password and the server is not on
// this machine, and used where offered otherwise. No error tells the password.
func ParseURL(raw string) (Settings, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Settings{}, settingFault("it is not a URL; the form is smtp://user:password@host:port, with special characters of the password as %%XX")
	}
	s := Settings{Host: u.Hostname(), Security: StartTLS, Connections: defaultConnections, Timeout: defaultTimeout}
	port := "587"
	switch u.Scheme {
	case "smtp":
	case "smtps":
		s.ImplicitTLS, port = true, "465"
	default:
		return Settings{}, settingFault("it must begin with smtp:// or smtps://")
	}
	if s.Host == "" {
		return Settings{}, settingFault("the host is missing")
	}
	if strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return Settings{}, settingFault("nothing may follow the port but settings after a ?")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
		return Settings{}, settingFault("the port must be a number from 1 to 65535")
	}
	if u.User != nil {
		s.User = u.User.Username()
		s.Password, _ = u.User.Password()
	}
	if s.Password != "" && !loopback(s.Host) {
		s.Security = Required
	}
	return s, s.options(u.Query())
}

func (s *Settings) options(query url.Values) error {
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "tls":
			s.Security = Security(value)
			if s.Security != StartTLS && s.Security != Required && s.Security != Clear {
				return settingFault("tls must be starttls, required or none, not %q", value)
			}
			if s.ImplicitTLS && s.Security == Clear {
				return settingFault("smtps:// is always encrypted; use smtp:// with tls=none")
			}
		case "connections":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxConnections {
				return settingFault("connections must be a number from 1 to %d, not %q", maxConnections, value)
			}
			s.Connections = n
		case "max_messages":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return settingFault("max_messages must be a number, 0 for no limit, not %q", value)
			}
			s.MaxMessages = n
		case "timeout":
			d, err := time.ParseDuration(value)
			if err != nil || d <= 0 {
				return settingFault("timeout must be a duration such as 30s, not %q", value)
			}
			s.Timeout = d
		case "helo":
			if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
				return settingFault("helo must be a host name")
			}
			s.Hello = value
		default:
			return settingFault("there is no setting %q; known are tls, connections, max_messages, timeout, helo", name)
		}
	}
	return nil
}

func settingFault(format string, args ...any) error {
	return fault.Property("smtp", "The SMTP server's URL cannot be used: "+format+".", args...)
}

// Server is host and port, for people.
func (s Settings) Server() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
