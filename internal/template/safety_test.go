package template

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/osteele/liquid"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"herald/internal/fault"
)

// No template runs away, however it tries.
func TestRunaways(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"long range":         `{% for i in (1..1000000000) %}{% endfor %}`,
		"overflowing range":  `{% for i in (-9223372036854775808..9223372036854775807) %}{% endfor %}{% for i in (0..9223372036854775807) %}{% endfor %}{% for i in (1..9000000000000000000) %}{% endfor %}`,
		"range by variable":  `{% for i in (1..customer.metadata.huge) %}{% endfor %}`,
		"nested loops":       `{% for i in (1..1000) %}{% for j in (1..1000) %}{% for k in (1..1000) %}x{% endfor %}{% endfor %}{% endfor %}`,
		"doubling text":      `{% assign s = "aaaaaaaaaaaaaaaa" %}{% for i in (1..100) %}{% assign s = s | append: s %}{% endfor %}`,
		"multiplying text":   `{% assign s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" %}{% for i in (1..9) %}{% assign s = s | replace: "a", s %}{% endfor %}`,
		"doubling list":      `{% assign s = "a,b" | split: "," %}{% for i in (1..100) %}{% assign s = s | concat: s %}{% endfor %}`,
		"multiplying list":   `{% assign s = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" %}{% for i in (1..9) %}{% assign s = s | split: "" | join: s %}{% endfor %}`,
		"doubling JSON":      `{% assign s = '\\\\\\"""""' %}{% for i in (1..40) %}{% assign s = s | json %}{% endfor %}`,
		"capture in a loop":  `{% capture x %}{% for i in (1..40000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endcapture %}`,
		"output in a loop":   `{% for i in (1..20000) %}` + strings.Repeat("x", 200) + `{% endfor %}`,
		"wide date":          `{% for i in (1..1000) %}{% assign x = "2026-01-01" | date: "%1000000Y" %}{% endfor %}`,
		"cycle in a loop":    `{% for i in (1..49999) %}{% cycle "` + strings.Repeat("x", 200) + `" %}{% endfor %}`,
		"slow filters":       `{% assign s = "` + strings.Repeat("Ü", 1900) + `" %}{% assign s = s | append: s | append: s %}{% for i in (1..40000) %}{% assign t = s | upcase | downcase | upcase | downcase | upcase | downcase | upcase | downcase | truncate: 3 %}{% endfor %}`,
		"not a number":       `{% for i in (1..customer.name) %}{% endfor %}`,
		"division by zero":   `{{ 1 | divided_by: 0 }}`,
		"no list":            `{{ customer.name | first }}`,
		"no URL":             `{{ customer.name | append: "%zz" | url_decode }}`,
		"cycle without loop": `{% cycle "a", "b" %}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tpl, err := Compile(in, Text)
			require.NoError(t, err)
			v := vars()
			v["customer"].(map[string]any)["metadata"].(map[string]any)["huge"] = 1 << 62
			began := time.Now()
			out, err := tpl.Render([]byte("kept"), v)
			require.Error(t, err)
			require.Equal(t, "kept", string(out))
			require.Less(t, time.Since(began), 30*time.Second, "without a limit it takes minutes")
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.NotContains(t, f.Details, "Ada", "an error tells nothing of the customer")
			if name == "long range" || name == "nested loops" {
				require.Contains(t, f.Details, "does too much", "it is counted, not timed")
			}
		})
	}
}

func hostile() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		`"><script>alert(1)</script>`, `' onmouseover='x`, "javascript:alert(1)", " JaVaScRiPt:alert(1)", "java\nscript:x", "\x01javascript:x", "data:text/html,<b>", "vbscript:x", "&#106;avascript:x", "//evil.example",
		"</title><b>", "--><b>", "`", "x y=z", "\r\nBcc: x", "\u2028", "\xff", "</style><b>", "expression(1)", "url(x)", "\"", "{{ x }}",
	}))
}

// skeleton is a page's markup without its words and values: tags, attribute names, and whether a link could run a script.
func skeleton(t require.TestingT, page []byte) string {
	var b strings.Builder
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			require.Equal(t, io.EOF, z.Err())
			return b.String()
		case html.TextToken:
		default:
			token := z.Token()
			fmt.Fprintf(&b, "%s %s", token.Type, token.Data)
			if token.Type == html.CommentToken {
				b.WriteString("comment")
			}
			for _, a := range token.Attr {
				b.WriteString(" " + a.Key)
				if a.Key == "href" || a.Key == "src" {
					scheme, _, has := strings.Cut(strings.ToLower(strings.Map(func(r rune) rune {
						if r <= ' ' {
							return -1
						}
						return r
					}, a.Val)), ":")
					require.False(t, has && (scheme == "javascript" || scheme == "data" || scheme == "vbscript"), "%q", a.Val)
				}
			}
			b.WriteString("\n")
		}
	}
}

func TestNoValueBecomesMarkup(t *testing.T) {
	t.Parallel()
	tpl, err := Compile(`<!doctype html><title>{{ customer.name }}</title><style>p { color: {{ customer.name }} }</style>
<p title="{{ customer.name }}" class='{{ customer.name }}' id={{ customer.name }} style="color:{{ customer.name }}">{{ customer.name }}
<a href="{{ customer.name }}">x</a><a href={{ customer.name }}>x</a><a href='https://x/{{ customer.name }}?a={{ customer.name }}'>x</a><img src="{{ customer.name }}">
{% if voucher.code %}<a href="{{ voucher.code }}{{ customer.name }}">x</a>{% endif %}<textarea>{{ customer.name }}</textarea>
{{ customer.name | newline_to_br }}{{ customer.name | escape }}{{ customer.name | append: "x" | upcase }}<!-- {{ customer.name }} --></p>`, HTML)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		page := func(name string) []byte {
			b, err := tpl.Render(nil, map[string]any{"customer": map[string]any{"name": name}, "voucher": map[string]any{"code": "x"}})
			require.NoError(t, err)
			return b
		}
		name := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(hostile(), 1, 3).Draw(t, "parts"), "")
		}).Filter(func(s string) bool { return strings.Trim(clean(s), "\n") != "" && !strings.Contains(clean(s), "\n") }).Draw(t, "name")
		require.Equal(t, skeleton(t, page("x")), skeleton(t, page(name)))
	})
}

func TestNoValueBecomesAHeader(t *testing.T) {
	t.Parallel()
	tpl, err := Compile("Hi {{ customer.name }}{% if voucher.code %} {{ voucher.code | append: customer.name }}{% endif %}", Header)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		b, err := tpl.Render(nil, map[string]any{"customer": map[string]any{"name": hostile().Draw(t, "name")}, "voucher": map[string]any{"code": hostile().Draw(t, "code")}})
		require.NoError(t, err)
		for _, r := range string(b) {
			require.False(t, r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029', "%q", b)
		}
	})
}

// Whatever is written as a template, nothing panics, and everything ends.
func TestAnySource(t *testing.T) {
	t.Parallel()
	words := []string{"{{", "}}", "{%", "%}", "{{-", "-}}", " ", "\n", "if", "for", "in", "endif", "endfor", "else", "case", "when", "endcase", "capture x", "endcapture", "assign", "cycle",
		"customer.name", "customer.metadata", "[", "]", "(", ")", "..", "|", ":", ",", "'a'", "\"", "1", "-9223372036854775808", "1e99", "x", "=", "==", "and", "contains", "upcase", "split", "date", "slice", "raw", "endraw",
		"comment", "endcomment", "break", "limit:", "offset:", "reversed", "forloop.index", ".cycles", "<a href=\"", ">", "<script>", "<!--", "\x01", "\x01[", "\xff", "ü", "truncate", "map", "sort", "where", "sum", "round", "times"}
	tags := rapid.Custom(func(t *rapid.T) string {
		return "{" + rapid.SampledFrom([]string{"{", "%"}).Draw(t, "open") + strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 5).Draw(t, "words"), " ") + rapid.SampledFrom([]string{"}}", "%}"}).Draw(t, "close")
	})
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(words), tags), 0, 12).Draw(t, "source"), "")
		for _, kind := range []Kind{HTML, Text, Header} {
			tpl, err := Compile(source, kind)
			if err != nil {
				var f *fault.Error
				require.ErrorAs(t, err, &f, "%s", err)
				continue
			}
			if _, err := tpl.Render(nil, vars()); err != nil {
				var f *fault.Error
				require.ErrorAs(t, err, &f)
			}
		}
	})
}

// The filters that need no engine do what the library's do.
func TestSimpleFiltersAreTheLibrarys(t *testing.T) {
	t.Parallel()
	engine := liquid.NewEngine()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"upcase", "downcase", "capitalize", "strip", "default: 'x'"}).Draw(t, "filter")
		source := "{{ customer.name | " + name + " }}"
		v := map[string]any{"customer": map[string]any{"name": clean(rapid.String().Draw(t, "value"))}}
		tpl, err := Compile(source, Text)
		require.NoError(t, err)
		got, err := tpl.Render(nil, v)
		require.NoError(t, err)
		want, err := engine.ParseAndRenderString(source, v)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	})
}

func TestOneTemplateServesMany(t *testing.T) {
	t.Parallel()
	tpl, err := Compile(`{% assign a = customer.name | append: "!" %}{% for i in (1..3) %}{{ i }}{{ a }}{% endfor %}{{ a }}`, Text)
	require.NoError(t, err)
	for i := range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 200 {
				given := map[string]any{"customer": map[string]any{"name": fmt.Sprint("n", i)}}
				got, err := tpl.Render(nil, given)
				require.NoError(t, err)
				n := fmt.Sprint("n", i, "!")
				require.Equal(t, "1"+n+"2"+n+"3"+n+n, string(got))
				require.Len(t, given, 1, "the caller's variables stay as they were")
			}
		})
	}
}

func TestNoRenderSeesAnother(t *testing.T) {
	t.Parallel()
	tpl, err := Compile(`{% if customer.phone %}{% assign a = customer.name %}{% endif %}[{{ a }}{{ voucher.code | truncate: 9 }}{{ campaign.name }}]`, Text)
	require.NoError(t, err)
	for range 100 {
		got, err := tpl.Render(nil, map[string]any{
			"customer": map[string]any{"name": "Ada", "phone": "1"}, "voucher": map[string]any{"code": "X"}, "campaign": map[string]any{"name": "c"},
		})
		require.NoError(t, err)
		require.Equal(t, "[AdaXc]", string(got))
		got, err = tpl.Render(nil, map[string]any{"customer": map[string]any{"name": "Eve"}})
		require.NoError(t, err)
		require.Equal(t, "[]", string(got))
	}
}
