package email

import (
	"errors"
	"net/mail"
	"strings"

	"herald/internal/distribution"
	"herald/internal/fault"
)

// ForChannel readies the letter of a distribution's email channel. Every fault names the channel's property: "template.html".
func ForChannel(c distribution.Channel) (*Letter, error) {
	composition := Composition{Subject: c.Subject}
	if c.Template != nil {
		composition.HTML, composition.Text = c.Template.HTML, c.Template.Text
	}
	var faults fault.List
	composition.From = mailbox("from", c.From, &faults)
	if c.ReplyTo != "" {
		composition.ReplyTo = mailbox("reply_to", c.ReplyTo, &faults)
	}
	letter, err := Compose(composition)
	var f *fault.Error
	if errors.As(err, &f) {
		for _, one := range append([]*fault.Error{f}, f.Faults...) {
			named := *one
			named.Property, named.Faults = inChannel(one.Property), nil
			faults.Add(&named)
		}
		err = nil
	}
	return letter, errors.Join(err, faults.Err())
}

// mailbox reads "Shop <news@shop.example>". One that cannot be read is a fault, and is then stood in for, so that the rest of
// the letter can still be judged.
func mailbox(property, text string, faults *fault.List) Mailbox {
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		faults.Add(fault.Property(property, "%q is no mailbox; write it as \"Shop <news@shop.example>\"", text))
		return Mailbox{Address: "nobody@herald.invalid"}
	}
	return Mailbox(*parsed)
}

// inChannel is where a composition's property stands in a channel.
func inChannel(property string) string {
	switch {
	case property == "html" || property == "text":
		return "template." + property
	case strings.HasSuffix(property, ".email"):
		return strings.TrimSuffix(property, ".email")
	}
	return property
}
