package template

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func vars() map[string]any {
	return map[string]any{
		"customer": map[string]any{
			"name": `Ada <b>"L'ove"</b>`, "email": "ada@example.com", "birthdate": "1815-12-10",
			"address":  map[string]any{"city": "London"},
			"metadata": map[string]any{"size": 38, "tags": []any{"a", "b", "c"}, "link": "javascript:alert(1)", "ok": "https://x.example/?a=1&b=ü", "first name": "x"},
		},
		"voucher": map[string]any{"code": "A&B 1", "value": "10%"},
	}
}

func TestSmoke(t *testing.T) {
	for _, c := range []struct {
		kind    Kind
		in, out string
	}{
		{HTML, `Hi {{ customer.name }}!`, `Hi Ada &lt;b&gt;&#34;L&#39;ove&#34;&lt;/b&gt;!`},
		{HTML, `<a href="{{ customer.metadata.link }}">`, `<a href="#">`},
		{HTML, `<a href="{{ customer.metadata.ok }}">`, `<a href="https://x.example/?a=1&amp;b=%C3%BC">`},
		{HTML, `<a href="https://x/{{ voucher.code }}?c={{ voucher.code }}">`, `<a href="https://x/A&amp;B%201?c=A%26B%201">`},
		{HTML, `<a href="https://x/?c={{ voucher.code | url_encode }}">`, `<a href="https://x/?c=A%26B%201">`},
		{HTML, `{% for t in customer.metadata.tags %}{{ forloop.index }}{{ t }}{% unless forloop.last %}, {% endunless %}{% endfor %}`, `1a, 2b, 3c`},
		{HTML, `{% if customer.metadata.size > 30 and customer.name %}big{% else %}small{% endif %}`, `big`},
		{HTML, `{% case customer.address.city %}{% when "Paris", "London" %}L{% else %}?{% endcase %}`, `L`},
		{Text, `{{ customer.phone | default: "none" | upcase }} {{ customer.metadata["first name"] }}`, `NONE x`},
		{Text, `{% assign a = customer.name | size %}{{ a | plus: 1 }}`, `19`},
		{Text, `a  {{- customer.address.city -}}  b`, `aLondonb`},
		{Header, "x\r\nBcc: {{ customer.name }}", "x Bcc: " + `Ada <b>"L'ove"</b>`},
		{Text, `{% for i in (1..3) %}{% cycle "a","b" %}{% endfor %}`, `aba`},
		{Text, `{% capture x %}{{ voucher.code }}!{% endcapture %}{{ x }}{{ customer.birthdate | date: "%d.%m.%Y" }}`, `A&B 1!10.12.1815`},
		{HTML, `{{ customer.metadata.nothing | newline_to_br }}`, ``},
	} {
		tpl, err := Compile(c.in, c.kind)
		require.NoError(t, err, c.in)
		got, err := tpl.Render(nil, vars())
		require.NoError(t, err, c.in)
		require.Equal(t, c.out, string(got), c.in)
	}
}

func TestRefuses(t *testing.T) {
	for _, in := range []string{
		`{{ customer.nmae }}`, `{% for i in (1..3) %}`, `a{% endif %}`, `{{ customer.name | upcse }}`, "x\n  {{ name }}", `{{ customer }}`, `{% foo %}`, `{{ customer.name`,
		`<script>{{ customer.name }}</script>`, `<a href="{{ customer.name }}`, `{% if customer.name %}<a href="{% endif %}{{ customer.name }}">`, `{{ "a" | | }}`, `{% include "x" %}`, `{{ (1..100000000) | join }}`,
		`{{ 99999999999999999999999 }}`,
	} {
		_, err := Compile(in, HTML)
		require.Error(t, err, in)
		t.Log(in, "→", err)
	}
}

func TestRunaway(t *testing.T) {
	for _, in := range []string{
		`{% for i in (1..1000000000) %}{% endfor %}`,
		`{% for i in (1..1000) %}{% for j in (1..1000) %}{% for k in (1..1000) %}x{% endfor %}{% endfor %}{% endfor %}`,
		`{% assign s = "aaaaaaaaaaaaaaaa" %}{% for i in (1..100) %}{% assign s = s | append: s %}{% endfor %}`,
		`{% for i in (1..50000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}`,
		`{% capture x %}{% for i in (1..50000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endcapture %}`,
	} {
		tpl, err := Compile(in, HTML)
		require.NoError(t, err, in)
		_, err = tpl.Render(nil, vars())
		require.Error(t, err, in)
		t.Log(in, "→", err)
	}
}

func BenchmarkBare(b *testing.B) {
	tpl, _ := Compile(`<p>Dear {{ customer.name }}, {{ customer.phone | default: "x" }}</p>`, HTML)
	v := vars()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = tpl.Render(buf[:0], v)
	}
}

func BenchmarkEngine(b *testing.B) {
	tpl, _ := Compile(`<p>Dear {{ customer.name | truncate: 5 }}, {{ customer.phone | default: "x" }}</p>`, HTML)
	v := vars()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = tpl.Render(buf[:0], v)
	}
}
