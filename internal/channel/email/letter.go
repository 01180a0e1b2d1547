// Package email turns a distribution's letter into mail, and mail into outcomes. Its law: whatever is the same for everyone is
// done once, when the letter is composed and when a connection opens; for each message there is only the filling of holes and
// one write. A connection never ends a message before the outcome of the one before it is durable, so that however Herald
// dies, at most one message per connection is in doubt.
//
// Letter is what is said, Pool is the way out. go-mail opens, secures and authenticates the connections; the transactions on
// them are our own, because they are pipelined (RFC 2920) and wait for the ledger.
package email

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"herald/internal/fault"
	"herald/internal/template"
)

// Mailbox is a name and an address. The name may be empty.
type Mailbox struct{ Name, Address string }

// Header is one more header field of a letter. The value is a Liquid template of one line.
type Header struct{ Name, Value string }

// Composition is what a person writes: the templates are Liquid.
type Composition struct {
	From    Mailbox
	ReplyTo Mailbox // none when the address is empty
	Subject string
	HTML    string // may be empty where there is a text
	Text    string // may be empty: a text is then made from the HTML
	Headers []Header
}

// Letter is a composition made ready: templates compiled, everything static already encoded. It is immutable and safe for
// concurrent use.
type Letter struct {
	from      string // the envelope's sender
	fixed     []byte // From, Reply-To
	subject   field
	headers   []field
	text      *body // nil where there is none
	html      *body // nil where there is none
	variables []string
}

// field is a header field whose value may have holes.
type field struct {
	name     string
	template *template.Template
	encoded  []byte // the whole field, where it has no holes
}

// Compose checks and readies a letter. Every fault names its property: "from.email", "subject", "html", "text", "headers[0].value".
func Compose(c Composition) (*Letter, error) {
	l := &Letter{}
	var faults fault.List
	from, err := Envelope(c.From.Address)
	if err != nil {
		faults.Add(fault.Property("from.email", "The sender's address cannot be used: %s.", err))
	}
	l.from = from
	l.fixed = appendMailboxField(nil, "From", c.From.Name, from)
	if c.ReplyTo.Address != "" {
		reply, err := Envelope(c.ReplyTo.Address)
		if err != nil {
			faults.Add(fault.Property("reply_to.email", "The address for replies cannot be used: %s.", err))
		}
		l.fixed = appendMailboxField(l.fixed, "Reply-To", c.ReplyTo.Name, reply)
	}
	if strings.TrimSpace(c.Subject) == "" {
		faults.Add(fault.Property("subject", "A mail needs a subject."))
	}
	l.subject, err = newField("Subject", c.Subject)
	faults.Add(inProperty("subject", err))
	for i, h := range c.Headers {
		f, err := newField(h.Name, h.Value)
		faults.Add(inProperty(fmt.Sprintf("headers[%d].value", i), err))
		if err := allowedHeader(h.Name); err != nil {
			faults.Add(fault.Property(fmt.Sprintf("headers[%d].name", i), "%s", err))
		}
		l.headers = append(l.headers, f)
	}
	l.compileBodies(c, &faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	l.variables = l.allVariables()
	return l, nil
}

func (l *Letter) compileBodies(c Composition, faults *fault.List) {
	if strings.TrimSpace(c.HTML) == "" && strings.TrimSpace(c.Text) == "" {
		faults.Add(fault.Property("html", "A mail needs an HTML or a text body."))
		return
	}
	var err error
	if strings.TrimSpace(c.HTML) != "" {
		l.html, err = newBody(c.HTML, template.HTML)
		faults.Add(inProperty("html", err))
	}
	switch {
	case strings.TrimSpace(c.Text) != "":
		l.text, err = newBody(c.Text, template.Text)
		faults.Add(inProperty("text", err))
	case err == nil:
		l.text = alternative(c.HTML)
	}
}

// inProperty says which property a template's fault belongs to.
func inProperty(path string, err error) *fault.Error {
	if err == nil {
		return nil
	}
	f := *template.Fault(err)
	f.Property = path
	for i, more := range f.Faults {
		other := *more
		other.Property = path
		f.Faults[i] = &other
	}
	return &f
}

func (l *Letter) allVariables() []string {
	all := l.subject.template.Variables()
	for _, f := range l.headers {
		all = append(slices.Clip(all), f.template.Variables()...)
	}
	for _, b := range []*body{l.text, l.html} {
		if b != nil {
			all = append(slices.Clip(all), b.template.Variables()...)
		}
	}
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

// Variables are the known paths that the letter reads, sorted.
func (l *Letter) Variables() []string { return l.variables }

// From is the envelope's sender.
func (l *Letter) From() string { return l.from }

const boundary = "=_herald_alternative" // "=_" cannot occur in quoted-printable, so no body can hold it

// Append writes the whole message (RFC 5322, CRLF, 7-bit, no line over 78 characters but an address or Message-ID that is
// longer itself) to dst. No line begins with a dot, so it needs no dot-stuffing. An error is a *Unsendable or a *fault.Error and
// fails this message alone; dst is then returned as it came.
func (l *Letter) Append(dst []byte, to Mailbox, messageID string, date time.Time, vars map[string]any) ([]byte, error) {
	address, err := Envelope(to.Address)
	if err != nil {
		return dst, &Unsendable{Reason: AddressInvalid, Details: err.Error()}
	}
	out := append(dst, "Date: "...)
	out = date.AppendFormat(out, "Mon, 02 Jan 2006 15:04:05 -0700")
	out = append(out, "\r\n"...)
	out = append(out, l.fixed...)
	out = appendMailboxField(out, "To", to.Name, address)
	out = appendMessageID(out, messageID)
	if out, err = l.subject.append(out, vars); err != nil {
		return dst, err
	}
	for i := range l.headers {
		if out, err = l.headers[i].append(out, vars); err != nil {
			return dst, err
		}
	}
	out = append(out, "MIME-Version: 1.0\r\n"...)
	if l.text == nil || l.html == nil {
		only := l.text
		if only == nil {
			only = l.html
		}
		if out, err = only.append(out, vars); err != nil {
			return dst, err
		}
		return append(out, "\r\n"...), nil
	}
	out = append(out, "Content-Type: multipart/alternative;\r\n boundary=\""+boundary+"\"\r\n"...)
	for _, b := range [...]*body{l.text, l.html} {
		out = append(out, "\r\n--"+boundary+"\r\n"...)
		if out, err = b.append(out, vars); err != nil {
			return dst, err
		}
	}
	return append(out, "\r\n--"+boundary+"--\r\n"...), nil
}

// Body is what the letter says to someone, for previews and for the record. Line breaks are \n.
func (l *Letter) Body(vars map[string]any) (subject, html, text string, err error) {
	if subject, err = say(l.subject.template, vars); err != nil {
		return "", "", "", err
	}
	subject = strings.TrimSpace(subject)
	if l.html != nil {
		if html, err = say(l.html.template, vars); err != nil {
			return "", "", "", err
		}
	}
	if l.text != nil {
		text, err = say(l.text.template, vars)
	}
	return subject, html, text, err
}

func say(t *template.Template, vars map[string]any) (string, error) {
	b, err := t.Render(nil, vars)
	return string(b), err
}
