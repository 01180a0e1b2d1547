package email

import (
	"errors"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Unsendable says why one message cannot be sent at all, now or later.
type Unsendable struct {
	Reason  string // the machine's word, as in channel.Outcome
	Details string // for people
}

func (e *Unsendable) Error() string { return e.Reason + ": " + e.Details }

// Envelope is the address as SMTP wants it: the domain in ASCII (IDNA), the local part as it is. What it refuses has an
// error for people.
func Envelope(address string) (string, error) {
	if plainAddress(address) {
		return address, nil
	}
	return envelopeOf(address)
}

// plainAddress accepts what nearly all addresses are, letter by letter: local@domain, in ASCII, without quotes.
func plainAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return false
	}
	dot := true // a dot may not stand here
	for i := 0; i < at; i++ {
		c := s[i]
		if c == '.' && dot || c != '.' && !isAtom(c) {
			return false
		}
		dot = c == '.'
	}
	return !dot && plainDomain(s[at+1:])
}

func plainDomain(s string) bool {
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return false
			}
			label = 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-' && label > 0:
			if label++; label > 63 {
				return false
			}
		default:
			return false
		}
	}
	return label > 0 && s[len(s)-1] != '-'
}

// isAtom lists the characters of an RFC 5322 atom.
func isAtom(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func envelopeOf(address string) (string, error) {
	address = strings.TrimSpace(address)
	switch {
	case address == "":
		return "", errors.New("there is no address")
	case len(address) > 320:
		return "", errors.New("the address is too long")
	case !utf8.ValidString(address) || strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("the address contains control characters")
	case !strings.Contains(address, "@"):
		return "", errors.New("the address has no @")
	case strings.ContainsAny(address, "<>"):
		return "", errors.New("the address contains < or >; give the name apart")
	}
	parsed, err := mail.ParseAddress("<" + address + ">")
	if err != nil {
		return "", errors.New("the address is not of the form name@domain")
	}
	quoted := strings.TrimSuffix(strings.TrimPrefix((&mail.Address{Address: parsed.Address}).String(), "<"), ">")
	at := strings.LastIndexByte(quoted, '@')
	local, domain := quoted[:at], quoted[at+1:]
	if strings.HasPrefix(domain, "[") {
		return quoted, nil
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !plainDomain(ascii) {
		return "", errors.New("the domain after the @ is not valid")
	}
	if len(local) > 64 || len(local)+1+len(ascii) > 254 {
		return "", errors.New("the address is too long")
	}
	return local + "@" + ascii, nil
}

// needsUTF8 reports whether an address can only be sent where the server offers SMTPUTF8.
func needsUTF8(address string) bool {
	for i := 0; i < len(address); i++ {
		if address[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}
