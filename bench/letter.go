package bench

import (
	"fmt"
	"strings"
	"time"

	"herald/internal/channel/email"
	"herald/internal/distribution"
)

// sampleName stands for a recipient's name in a body that is rendered once.
const sampleName = "Ada Lovelace 0000001"

// channelOf is the email channel of a newsletter whose mails come to about size bytes.
func channelOf(size Size, codes bool) (distribution.Channel, error) {
	sentences := 1
	for {
		c := newsletter(sentences, codes)
		length, err := mailLength(c)
		if err != nil || length >= int(size) {
			return c, err
		}
		sentences += max(1, (int(size)-length)/400)
	}
}

func newsletter(paragraphs int, codes bool) distribution.Channel {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html><body style=\"margin:0;background:#f4f4f4\">\n<table width=\"600\" align=\"center\"><tr><td>\n" +
		"<h1>Hello {{ customer.name }}</h1>\n<p>You are a {{ customer.metadata.tier }} member and read this at {{ customer.email }}.</p>\n")
	if codes {
		b.WriteString("<p>Your code is <b>{{ voucher.code }}</b>, and it is yours alone.</p>\n")
	}
	for i := range paragraphs {
		fmt.Fprintf(&b, "<p style=\"margin:0 0 12px\">%d. The spring collection is here: colours that last and prices that do not. <a href=\"https://shop.example/p/%d\">Look</a></p>\n", i+1, i+1)
	}
	b.WriteString("</td></tr></table></body></html>\n")
	return distribution.Channel{
		Type: distribution.Email, Subject: "{{ customer.name }}, the spring collection is here", From: "Shop <news@shop.example>",
		Template: &distribution.Template{HTML: b.String()},
	}
}

func mailLength(c distribution.Channel) (int, error) {
	letter, err := email.ForChannel(c)
	if err != nil {
		return 0, err
	}
	mail, err := letter.Append(nil, email.Mailbox{Address: address(1)}, "0123456789abcdef0123456789abcdef@bench.example", time.Now(), sample())
	return len(mail), err
}

// sample is what a template sees of one recipient.
func sample() map[string]any {
	return map[string]any{
		"customer": map[string]any{"name": sampleName, "email": address(1), "metadata": map[string]any{"tier": "gold"}},
		"voucher":  map[string]any{"code": "SPRING-AAAAAAAA", "value": "10%"},
	}
}

// address is the nth customer's.
func address(n int) string { return fmt.Sprintf("customer%07d@bench.example", n) }
