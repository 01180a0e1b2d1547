package email

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

func TestShow(t *testing.T) {
	c := fiveKB()
	c.HTML = "<html><head><title>x</title></head><body><h1>Hello</h1><p>Dear {{ customer.name }},</p><ul><li>one</li><li>two</li></ul><p><a href=\"https://shop.example/?c={{ voucher.code }}\">Get {{ voucher.code }}</a> is <b>worth</b> {{ voucher.value }}.</p></body></html>"
	c.Text = ""
	l, err := Compose(c)
	require.NoError(t, err)
	b, err := l.Append(nil, Mailbox{"Ada, Countess of Lovelace", "ada@exämple.com"}, "x@herald", noon, vars())
	require.NoError(t, err)
	t.Log("\n" + string(b))
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
