package email

import (
	"errors"
	"net/mail"
	"strings"

	"herald/internal/distribution"
	"herald/internal/fault"
)

// ForChannel readies the letter of a distribution's email channel. Faults name the channel's properties: "template.html".
func ForChannel(c distribution.Channel) (*Letter, error) {
	composition := Composition{Subject: c.Subject}
	if c.Template != nil {
		composition.HTML, composition.Text = c.Template.HTML, c.Template.Text
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fault.Property("from", "%q is no mailbox: write it as \"Shop <news@shop.example>\"", c.From)
	}
	composition.From = Mailbox(*from)
	if c.ReplyTo != "" {
		reply, err := mail.ParseAddress(c.ReplyTo)
		if err != nil {
			return nil, fault.Property("reply_to", "%q is no mailbox", c.ReplyTo)
		}
		composition.ReplyTo = Mailbox(*reply)
	}
	letter, err := Compose(composition)
	var f *fault.Error
	if errors.As(err, &f) {
		f.Property = inChannel(f.Property)
		for _, further := range f.Faults {
			further.Property = inChannel(further.Property)
		}
	}
	return letter, err
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
