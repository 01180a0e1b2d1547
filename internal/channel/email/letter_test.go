package email

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	gomail "github.com/emersion/go-message/mail"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/fault"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func vars() map[string]any {
	return map[string]any{
		"customer": map[string]any{"name": "Ada Lovelace", "email": "ada@example.com", "metadata": map[string]any{"tier": "gold"}},
		"voucher":  map[string]any{"code": "SPRING-4821", "value": "10%"},
	}
}

func fiveKB() Composition {
	filler := strings.Repeat("<p style=\"margin:0 0 12px\">The spring collection is here, with colours that last and prices that do not.</p>\n", 45)
	return Composition{
		From: Mailbox{"Shöp", "shop@example.com"}, Subject: "{{ customer.name }}, your code",
		HTML: "<html><body><p>Dear {{ customer.name }},</p>\n" + filler + "<p><a href=\"https://shop.example/?c={{ voucher.code }}\">{{ voucher.code }}</a> is worth {{ voucher.value }}.</p></body></html>",
		Text: "Dear {{ customer.name }}, {{ voucher.code }}",
	}
}

// hostile draws texts of what breaks mail: long lines, dots and spaces at the edges of lines, controls, all of Unicode, and
// what would be a header, a boundary or an encoded word.
func hostile() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{
			".", "\n.", "\r\n.\r\n", "..", " ", "  ", "\t", " \n", "\t\r\n", "\r", "\n", "\x00", "\x7f", "\u0085", "\u2028", "=", "=20", "=\n", "=?utf-8?q?x?=",
			"\r\nBcc: eve@example.com\r\n", "--" + boundary, "--" + boundary + "--\r\n", "ü", "日本語", "😀", "e\u0301", "<b>", "\"", "'", "&amp;", "{{ x }}", "%0d%0a", "\xff\xfe", "\xc3",
		}),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"a", "ü", ".", " ", "=", "long word "}).Draw(t, "unit"), rapid.IntRange(1, 200).Draw(t, "times"))
		}),
	)
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "") })
}

// parsed is a message as its reader sees it.
type parsed struct {
	header  mail.Header
	to      []*mail.Address
	subject string
	parts   map[string]string // by media type, line breaks as \n
}

// read parses a message with net/mail and with go-message, and insists that they agree.
func read(t require.TestingT, raw []byte) parsed {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	p := parsed{header: m.Header, parts: map[string]string{}}
	p.to, err = m.Header.AddressList("To")
	require.NoError(t, err)
	p.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	add := func(header func(string) string, r io.Reader) {
		media, params, err := mime.ParseMediaType(header("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "utf-8", params["charset"])
		if header("Content-Transfer-Encoding") == "quoted-printable" {
			r = quotedprintable.NewReader(r)
		}
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		p.parts[media] = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
	if media == "multipart/alternative" {
		parts := multipart.NewReader(m.Body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			add(part.Header.Get, part)
		}
	} else {
		add(m.Header.Get, m.Body)
	}
	agree(t, raw, p)
	return p
}

func agree(t require.TestingT, raw []byte, p parsed) {
	entity, err := gomessage.Read(bytes.NewReader(raw))
	require.NoError(t, err)
	h := gomail.Header{Header: entity.Header}
	subject, err := h.Subject()
	require.NoError(t, err)
	require.Equal(t, p.subject, subject)
	one := func(e *gomessage.Entity) {
		media, _, err := e.Header.ContentType()
		require.NoError(t, err)
		b, err := io.ReadAll(e.Body)
		require.NoError(t, err)
		require.Equal(t, p.parts[media], strings.ReplaceAll(string(b), "\r\n", "\n"))
	}
	r := entity.MultipartReader()
	if r == nil {
		one(entity)
		return
	}
	for {
		e, err := r.NextPart()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		one(e)
	}
}

// wellFormed checks what every SMTP server may rely on.
func wellFormed(t require.TestingT, raw []byte) {
	require.True(t, bytes.HasSuffix(raw, crlf))
	require.Equal(t, string(raw), string(finish(bytes.Clone(raw))), "no line begins with a dot")
	inHeader := true
	for _, line := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		require.False(t, strings.ContainsAny(line, "\r\n\x00"), "%q", line)
		limit := 76
		if inHeader {
			limit = maxHeaderLine
		}
		if !strings.HasPrefix(line, "Message-ID") && !strings.Contains(line, "@") {
			require.LessOrEqual(t, len(line), limit, "%q", line)
		}
		for i := range len(line) {
			require.Less(t, line[i], byte(0x80))
		}
		inHeader = inHeader && line != ""
	}
}

func TestEveryValueArrivesAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		static := strings.NewReplacer("{", "", "}", "", "%", "", "<", "", "\x00", "", "\uFFFD", "", "&", "").Replace(strings.ToValidUTF8(hostile().Draw(t, "static"), ""))
		c := Composition{
			From:    Mailbox{hostile().Draw(t, "from"), "shop@example.com"},
			ReplyTo: Mailbox{hostile().Draw(t, "reply"), "reply@example.com"},
			Subject: "Hi {{ customer.name }}" + static,
			HTML:    "<p>" + static + "{{ customer.name }}" + static + "</p>{% if voucher.code %}{{ voucher.code }}{% endif %}{{ customer.name }}",
			Text:    static + "{{ customer.name }}{{ voucher.code }}" + static,
			Headers: []Header{{"X-Campaign", "{{ voucher.code }}"}},
		}
		l, err := Compose(c)
		require.NoError(t, err)
		name := hostile().Draw(t, "name")
		v := map[string]any{"customer": map[string]any{"name": name}, "voucher": map[string]any{"code": hostile().Draw(t, "code")}}
		raw, err := l.Append(nil, Mailbox{name, "ada@example.com"}, "id@herald", noon, v)
		require.NoError(t, err)
		wellFormed(t, raw)

		subject, html, text, err := l.Body(v)
		require.NoError(t, err)
		p := read(t, raw)
		require.Equal(t, subject, p.subject)
		require.Equal(t, html, p.parts["text/html"])
		require.Equal(t, text, p.parts["text/plain"])
		require.Len(t, p.to, 1)
		require.Equal(t, "ada@example.com", p.to[0].Address)
		require.Empty(t, p.header["Bcc"])
		for field, values := range p.header {
			require.Len(t, values, 1, field)
		}
		require.Len(t, p.header, 9)
	})
}

func TestHeadersThatLookLikeSomethingElse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"=?utf-8?q?x?=", "a =?utf-8?b?eA==?= b", "two  spaces", strings.Repeat("x", 300), strings.Repeat("word ", 60) + "end", strings.Repeat("ü", 200), "Ünï cödé", `"quoted" \ back`, "a, b; c: <d@e>", "trailing.", "@", "(comment)",
	} {
		l, err := Compose(Composition{From: Mailbox{text, "shop@example.com"}, Subject: "{{ customer.name }}", Text: "x", Headers: []Header{{"X-Text", "{{ customer.name }}"}}})
		require.NoError(t, err)
		raw, err := l.Append(nil, Mailbox{text, "ada@example.com"}, "id@herald", noon, map[string]any{"customer": map[string]any{"name": text}})
		require.NoError(t, err)
		wellFormed(t, raw)
		p := read(t, raw)
		require.Equal(t, text, p.subject)
		require.Equal(t, text, p.to[0].Name)
		from, err := p.header.AddressList("From")
		require.NoError(t, err)
		require.Equal(t, text, from[0].Name)
		require.Equal(t, "shop@example.com", from[0].Address)
	}
}

func TestOneBodyAlone(t *testing.T) {
	t.Parallel()
	for media, c := range map[string]Composition{
		"text/plain": {From: Mailbox{"", "a@example.com"}, Subject: "s", Text: "Dear {{ customer.name }}"},
		"text/html":  {From: Mailbox{"", "a@example.com"}, Subject: "s", HTML: "<p title='{% if customer.name %}'>{% endif %}Dear {{ customer.name }}"},
	} {
		if media == "text/html" {
			c.HTML = "<style>p{}</style>{{ customer.phone }}"
		}
		l, err := Compose(c)
		require.NoError(t, err)
		raw, err := l.Append(nil, Mailbox{"", "ada@example.com"}, "id@herald", noon, vars())
		require.NoError(t, err)
		wellFormed(t, raw)
		require.Contains(t, read(t, raw).parts, media)
	}
}

func TestAlternative(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ html, text string }{
		"paragraphs":  {"<h1>Hello</h1>\n<p>Dear  {{ customer.name }},<br>welcome</p>", "Hello\n\nDear Ada Lovelace,\nwelcome\n"},
		"links":       {`<p><a href="https://x.example/?c={{ voucher.code }}">Take <b>it</b></a>!</p>`, "Take it (https://x.example/?c=SPRING-4821)!\n"},
		"bare link":   {`<a href="https://x.example/">https://x.example/</a>`, "https://x.example/\n"},
		"lists":       {"<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter\n"},
		"hidden":      {"<head><title>t</title><style>p{}</style></head><p>seen</p><script>no</script>", "seen\n"},
		"images":      {`<img src="x" alt="A hat"> for you`, "A hat for you\n"},
		"entities":    {"Fish &amp; chips &eacute;", "Fish & chips é\n"},
		"conditions":  {"{% if voucher.code %}<p>{{ voucher.code }}</p>{% else %}<p>none</p>{% endif %}", "SPRING-4821\n"},
		"table cells": {"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"},
	} {
		l, err := Compose(Composition{From: Mailbox{"", "a@example.com"}, Subject: "s", HTML: c.html})
		require.NoError(t, err, name)
		_, _, text, err := l.Body(vars())
		require.NoError(t, err, name)
		require.Equal(t, strings.TrimSpace(c.text), strings.TrimSpace(text), name)
	}
	l, err := Compose(Composition{From: Mailbox{"", "a@example.com"}, Subject: "s", HTML: "<p class=\"{% if voucher.code %}a\">{% else %}b\">{% endif %}x</p>"})
	require.NoError(t, err)
	_, _, text, err := l.Body(vars())
	require.NoError(t, err)
	require.Empty(t, text, "a condition that opens in an attribute and ends outside has no plain text: HTML alone")
}

func TestComposeNamesTheProperty(t *testing.T) {
	t.Parallel()
	_, err := Compose(Composition{
		From: Mailbox{"x", "nobody"}, Subject: "Hi {{ customer.nmae }}", HTML: "<p>{{ vouchr.code }}{{ x }}</p>",
		Headers: []Header{{"Bcc", "x"}, {"X:Y", "x"}},
	})
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	properties := []string{f.Property}
	for _, more := range f.Faults {
		properties = append(properties, more.Property)
	}
	require.Equal(t, []string{"from.email", "subject", "headers[0].name", "headers[1].name", "html"}, properties)
	require.Contains(t, f.Faults[0].Details, "customer.name")

	_, err = Compose(Composition{From: Mailbox{"", "a@example.com"}})
	require.ErrorContains(t, err, "subject")
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ada@example.com":                        "ada@example.com",
		" ada@example.com ":                      "ada@example.com",
		"ada+tag@sub.example.com":                "ada+tag@sub.example.com",
		"o'brien@example.com":                    "o'brien@example.com",
		"ada@exämple.com":                        "ada@xn--exmple-cua.com",
		"ädä@exämple.com":                        "ädä@xn--exmple-cua.com",
		`"a b"@example.com`:                      `"a b"@example.com`,
		"ada@[127.0.0.1]":                        "ada@[127.0.0.1]",
		"":                                       "",
		"ada":                                    "",
		"ada@":                                   "",
		"@example.com":                           "",
		"a b@example.com":                        "",
		"ada@example..com":                       "",
		"ada@-example.com":                       "",
		"ada@example.com\r\nRCPT TO":             "",
		"ada\x00@example.com":                    "",
		"Ada <ada@example.com>":                  "",
		"a@b@example.com":                        "",
		"ada@example.com>":                       "",
		".ada@example.com":                       "",
		"ada@example.com, eve@x.com":             "",
		strings.Repeat("a", 65) + "@example.com": "",
	} {
		got, err := Envelope(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == "", err != nil, in)
	}
}

func TestNoAddressBreaksOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got, err := Envelope(rapid.OneOf(hostile(), rapid.Just("ada@example.com")).Draw(t, "head") + rapid.SampledFrom([]string{"", "@example.com", "@[", ">"}).Draw(t, "tail"))
		if err == nil {
			require.NotContains(t, got, "\r")
			require.NotContains(t, got, "\n")
			require.NotContains(t, got, ">")
			require.LessOrEqual(t, len(got), 254)
		}
	})
}

func TestUnsendableAddress(t *testing.T) {
	t.Parallel()
	l, err := Compose(fiveKB())
	require.NoError(t, err)
	_, err = l.Append(nil, Mailbox{"", "nobody"}, "id", noon, vars())
	var why *Unsendable
	require.ErrorAs(t, err, &why)
	require.Equal(t, AddressInvalid, why.Reason)
}

func TestVariables(t *testing.T) {
	t.Parallel()
	l, err := Compose(fiveKB())
	require.NoError(t, err)
	require.Equal(t, []string{"customer.name", "voucher.code", "voucher.value"}, l.Variables())
}

func BenchmarkAppend(b *testing.B) {
	l, err := Compose(fiveKB())
	require.NoError(b, err)
	v := vars()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, err = l.Append(buf[:0], Mailbox{"Ada Lovelace", "ada@example.com"}, "0123456789@herald", noon, v)
	}
	require.NoError(b, err)
	b.SetBytes(int64(len(buf)))
}
