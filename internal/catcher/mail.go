package catcher

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mails in other encodings than UTF-8
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
)

// maxShown is how much of one part of a mail is shown, in bytes.
const maxShown = 5 << 20

// content is what a person sees of a mail.
type content struct {
	Headers []header
	HTML    string
	Text    string
	Parts   []part // attachments and inline files
	Fault   error  // why the rest could not be read, or nil
}

type header struct{ Name, Value string }

type part struct {
	Name, Type, ContentID string
	Size                  int64
	body                  []byte
}

// envelope reads the sender, the recipients and the subject from the head of a mail; what cannot be read stays empty.
func envelope(r io.Reader) (from string, to []string, subject string) {
	head, err := textproto.ReadHeader(bufio.NewReader(r))
	if err != nil {
		return "", nil, ""
	}
	h := message.Header{Header: head}
	for fields := h.FieldsByKey("Delivered-To"); fields.Next(); {
		to = append(to, fields.Value())
	}
	from = decoded(h.Get("From"))
	if from == "" {
		from = strings.Trim(h.Get("Return-Path"), "<>")
	}
	return from, to, decoded(h.Get("Subject"))
}

// words decodes header words of any charset.
var words = mime.WordDecoder{CharsetReader: message.CharsetReader}

func decoded(value string) string {
	if text, err := words.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// read takes a mail apart. One that is not well formed is shown as far as it goes.
func read(r io.Reader) (c content) {
	entity, err := message.Read(r)
	if entity == nil {
		c.Fault = fmt.Errorf("the mail has no readable head: %w", err)
		return c
	}
	for fields := entity.Header.Fields(); fields.Next(); {
		c.Headers = append(c.Headers, header{fields.Key(), decoded(fields.Value())})
	}
	parts := mail.NewReader(entity)
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return c
		}
		if err == nil || message.IsUnknownCharset(err) || message.IsUnknownEncoding(err) {
			err = c.add(p)
		}
		if err != nil {
			c.Fault = fmt.Errorf("the mail breaks off: %w", err)
			return c
		}
	}
}

func (c *content) add(p *mail.Part) error {
	body, err := io.ReadAll(io.LimitReader(p.Body, maxShown))
	if err != nil {
		return err
	}
	kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
	_, inline := p.Header.(*mail.InlineHeader)
	switch {
	case inline && kind == "text/html" && c.HTML == "":
		c.HTML = string(body)
	case inline && (kind == "text/plain" || kind == "") && c.Text == "":
		c.Text = string(body)
	default:
		name := params["name"]
		if h, ok := p.Header.(*mail.AttachmentHeader); ok {
			if filename, err := h.Filename(); err == nil && filename != "" {
				name = filename
			}
		}
		c.Parts = append(c.Parts, part{
			Name: name, Type: kind, Size: int64(len(body)), body: body, ContentID: strings.Trim(p.Header.Get("Content-Id"), "<> "),
		})
	}
	return nil
}
