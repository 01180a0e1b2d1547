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

func vars() map[string]any {
	return map[string]any{
		"customer": map[string]any{
			"name": `Ada <b>"L'ove"</b>`, "email": "ada@example.com", "birthdate": "1815-12-10", "description": "one\ntwo",
			"address": map[string]any{"city": "London"},
			"metadata": map[string]any{
				"shoe": 38, "ratio": 1.5, "vip": true, "no": false, "empty": "", "tags": []any{"a", "b", "c"}, "words": []string{"x", "y"},
				"link": "javascript:alert(1)", "ok": "https://x.example/?a=1&b=ü", "first name": "x", "nested": map[string]any{"deep": "er"},
				"colour": "#ff0000", "evil": "red;background:url(x)", "at": time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC),
			},
		},
		"voucher": map[string]any{"code": "A&B 1", "value": "10%"},
	}
}

const adaEscaped = `Ada &lt;b&gt;&#34;L&#39;ove&#34;&lt;/b&gt;`

func TestRender(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     Kind
		in, want string
	}{
		// what is shown, and how it is escaped where it stands
		{HTML, `Hi {{ customer.name }}!`, `Hi ` + adaEscaped + `!`},
		{HTML, `<p title="{{ customer.name }}">`, `<p title="` + adaEscaped + `">`},
		{HTML, `<p title='{{ customer.name }}'>`, `<p title='` + adaEscaped + `'>`},
		{HTML, `<p title={{ voucher.code }}>`, `<p title=A&amp;B&#32;1>`},
		{HTML, `<a href="{{ customer.metadata.link }}">`, `<a href="#">`},
		{HTML, `<a href=" {{ customer.metadata.link }}">`, `<a href=" #">`},
		{HTML, `<img src="{{ customer.metadata.link }}">`, `<img src="#">`},
		{HTML, `<a href="{{ customer.metadata.ok }}">`, `<a href="https://x.example/?a=1&amp;b=%C3%BC">`},
		{HTML, `<a href="https://x/{{ voucher.code }}?c={{ voucher.code }}#{{ voucher.code }}">`, `<a href="https://x/A&amp;B%201?c=A%26B%201#A%26B%201">`},
		{HTML, `<a href="https://x/?c={{ voucher.code | url_encode }}">`, `<a href="https://x/?c=A%26B%201">`},
		{HTML, `<a href="mailto:{{ customer.email }}">`, `<a href="mailto:ada@example.com">`},
		{HTML, `{{ customer.name | escape }}`, adaEscaped},
		{HTML, `{{ customer.name | upcase | escape_once }}`, strings.Replace(strings.ToUpper(`Ada <b>"L'ove"</b>`), "", "", 1)},
		{HTML, `{{ customer.description | newline_to_br }}`, "one<br />\ntwo"},
		{HTML, `<p style="color: {{ customer.metadata.colour }}">`, `<p style="color: #ff0000">`},
		{HTML, `<p style="color: {{ customer.metadata.evil }}">`, `<p style="color: ">`},
		{HTML, `<!-- {{ customer.name }} -->`, `<!--  -->`},
		{HTML, `<!--[if mso]><a href="{{ customer.metadata.ok }}">x</a><![endif]-->`, `<!--[if mso]><a href="https://x.example/?a=1&amp;b=%C3%BC">x</a><![endif]-->`},
		{HTML, `<title>{{ customer.name }}</title>`, `<title>` + adaEscaped + `</title>`},
		{HTML, `<td {% if customer.name %}class="x"{% endif %}>{{ voucher.value }}`, `<td class="x">10%`},
		{HTML, `<script>var x = {};</script>{{ voucher.value }}`, `<script>var x = {};</script>10%`},
		{Text, `{{ customer.name }}`, `Ada <b>"L'ove"</b>`},
		{Header, "x\r\nBcc: {{ customer.description }} ", "x Bcc: one two"},
		// values
		{Text, `{{ customer.metadata.shoe }} {{ customer.metadata.ratio }} {{ customer.metadata.vip }} {{ customer.metadata.tags }}`, `38 1.5 true abc`},
		{Text, `{{ customer.metadata.nested.deep }} {{ customer.metadata["first name"] }} {{ customer["name"] | size }} {{ customer.metadata.tags[1] }}`, `er x 18 b`},
		{Text, `[{{ customer.phone }}{{ customer.metadata.none.at.all }}{{ customer.address.line_1 }}{{ campaign.name }}]`, `[]`},
		{Text, `{{ customer.metadata.tags.size }}{{ customer.metadata.tags.first }}{{ customer.metadata.words.last }}{{ customer.name.size }}`, `3ay18`},
		{Text, `{{ customer.metadata.at | date: "%Y" }} {{ customer.birthdate | date: "%d.%m.%Y" }}`, `2026 10.12.1815`},
		{Text, `{{ customer.phone | date: "%Y" }}{{ customer.name | date: "%Y" | truncate: 6 }}`, `Ada...`},
		{Text, `{{ "a" | append: "b" }}{{ 3 | times: 4 }}{{ "x,y" | split: "," | join: "-" }}`, `ab12x-y`},
		{Text, `{{ customer.phone | default: "none" | upcase }}{{ customer.metadata.shoe | default: "none" }}`, `NONE38`},
		// logic
		{Text, `{% if customer.metadata.shoe > 30 and customer.name %}big{% else %}small{% endif %}`, `big`},
		{Text, `{% if customer.phone %}a{% elsif customer.name contains "Ada" %}b{% else %}c{% endif %}`, `b`},
		{Text, `{% if customer.metadata.no %}a{% endif %}{% unless customer.metadata.no %}b{% else %}c{% endunless %}`, `b`},
		{Text, `{% if customer.metadata.empty == "" %}empty{% endif %}`, `empty`},
		{Text, `{% case customer.address.city %}{% when "Paris", "London" %}L{% when "Rome" %}R{% else %}?{% endcase %}`, `L`},
		{Text, `{% case customer.address.state %}{% when "x" %}L{% else %}?{% endcase %}`, `?`},
		{Text, `{% assign a = customer.name | size %}{{ a | plus: 1 }}`, `19`},
		{Text, `{% capture x %}{{ voucher.code }}!{% endcapture %}{{ x }}`, `A&B 1!`},
		{HTML, `{% capture x %}{{ voucher.code }}<{% endcapture %}{{ x }}`, `A&amp;B 1&lt;`},
		{Text, `{% for t in customer.metadata.tags %}{{ forloop.index }}{{ t }}{% unless forloop.last %}, {% endunless %}{% endfor %}`, `1a, 2b, 3c`},
		{Text, `{% for t in customer.metadata.tags reversed limit:2 offset:1 %}{{ t }}{% endfor %}`, `cb`},
		{Text, `{% for t in customer.metadata.tags %}{% if t == "b" %}{% continue %}{% endif %}{{ t }}{% endfor %}`, `ac`},
		{Text, `{% for t in customer.metadata.tags %}{% if t == "b" %}{% break %}{% endif %}{{ t }}{% endfor %}`, `a`},
		{Text, `{% for t in customer.metadata.none %}x{% else %}nothing{% endfor %}`, `nothing`},
		{Text, `{% for i in (1..3) %}{% for j in (1..2) %}{{ i }}{{ j }}{{ forloop.first }} {% endfor %}{% endfor %}`, `11true 12false 21true 22false 31true 32false `},
		{Text, `{% for p in customer.metadata.nested %}{{ p[0] }}={{ p[1] }}{% endfor %}`, `deep=er`},
		{Text, `{% for i in (1..3) %}{% cycle "a","b" %}{% endfor %}`, `aba`},
		{Text, `{% comment %}{{ nonsense }}{% endfor %}{% endcomment %}{% raw %}{{ x }}{% y %}{% endraw %}`, `{{ x }}{% y %}`},
		{Text, "a  {{- customer.address.city -}} \n b", `aLondonb`},
		{Text, "a\n{%- if voucher.code -%}\n b \n{%- endif -%}\nc", `abc`},
		// what a value may not bring in
		{Text, `{{ customer.metadata.bad }}`, ``},
	} {
		tpl, err := Compile(c.in, c.kind)
		require.NoError(t, err, c.in)
		got, err := tpl.Render([]byte("<"), vars())
		require.NoError(t, err, c.in)
		if strings.Contains(c.in, "escape_once") {
			c.want = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(c.want)
		}
		require.Equal(t, "<"+c.want, string(got), c.in)

		var pieces []byte
		run := tpl.Begin(vars())
		for i, p := range tpl.Pieces() {
			piece, err := run.Hole(i)
			require.NoError(t, err)
			if !p.Hole {
				require.Equal(t, p.Text, string(piece))
			}
			pieces = append(pieces, piece...)
		}
		run.End()
		require.Equal(t, c.want, string(pieces), c.in)
	}
}

func TestValuesAreClean(t *testing.T) {
	t.Parallel()
	tpl, err := Compile("{{ customer.name }}", Text)
	require.NoError(t, err)
	for in, want := range map[string]string{
		"a\r\nb\rc\nd":   "a\nb\nc\nd",
		"a\x00\x1b\x7fb": "ab",
		"a\u0085b":       "ab",
		"ü\xffü\xc3":     "ü\uFFFDü\uFFFD",
		"tab\there":      "tab\there",
		"日本\u2028":       "日本\u2028",
	} {
		got, err := tpl.Render(nil, map[string]any{"customer": map[string]any{"name": in}})
		require.NoError(t, err)
		require.Equal(t, want, string(got), "%q", in)
	}
}

// What is wrong is said with its place and with what to do.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\n  {{ customer.nmae }}":                        "Line 2, column 3: unknown variable customer.nmae; did you mean customer.name?",
		"ü{{ customer.adress.city }}":                     "Line 1, column 2: unknown variable customer.adress.city; did you mean customer.address.city?",
		"{{ name }}":                                      "did you mean customer.name?",
		"{{ code }}":                                      "did you mean voucher.code?",
		"{{ xyz }}":                                       "known are campaign.…, customer.…",
		"{{ customer }}":                                  "name one of its parts: customer.name",
		"{{ customer.address }}":                          "name one of its parts: customer.address.city",
		"{{ customer[voucher.code] }}":                    "unknown variable customer.*",
		"{{ customer.name.first }}":                       "did you mean customer.name?",
		"{% if custmer.name %}{% endif %}":                "did you mean customer.name?",
		"{% for x in customer.tags %}{{ x }}{% endfor %}": "unknown variable customer.tags",
		"{{ customer.name | upcse }}":                     `there is no filter "upcse"; did you mean upcase?`,
		"{{ customer.name | type }}":                      `there is no filter "type"`,
		"{{ customer.name | safe }}":                      `there is no filter "safe"`,
		"{% fro x in y %}":                                `there is no tag "fro"; did you mean for?`,
		`{% include "/etc/passwd" %}`:                     `there is no tag "include"`,
		`{% render "x" %}`:                                `there is no tag "render"`,
		"{% if customer.name %}x":                         "Line 1, column 1: {% if %} is never closed by {% endif %}.",
		"x{% endif %}":                                    "Line 1, column 2: {% endif %} closes nothing that is open.",
		"{% if customer.name %}{% for x in customer.metadata.a %}{% endif %}{% endfor %}": "{% endif %} cannot stand here: {% for %} of line 1 is still open.",
		"{% if customer.name %}{% else %}{% else %}{% endif %}":                           "{% else %} cannot stand here",
		"{% case voucher.code %}{% else %}{% when 1 %}{% endcase %}":                      "{% when %} cannot stand here",
		"{% break %}":               "{% break %} must stand inside a {% for %}.",
		"{% comment %}":             "{% comment %} is never closed",
		"a\nb {{ customer.name":     "Line 2, column 3: this opens a variable or tag that is not closed on its line.",
		"{{ customer.name\n}}x{{":   "not closed on its line",
		"{{ }}":                     "",
		"{% if %}x{% endif %}":      "is missing here",
		"{{ customer.name | }}":     "cannot be understood",
		"{{ 'x }}":                  "cannot be understood",
		"{% assign customer = 1 %}": "customer is given; choose another name",
		"{% for voucher in customer.metadata.x %}{% endfor %}": "voucher is given",
		"{% assign a.b = 1 %}":                                 "write {% assign name = value %}",
		"{% for x of customer.metadata %}{% endfor %}":         "write {% for item in list %}",
		"{{ (1..3) }}": "may only stand in {% for",
		"{% for i in (1..9) | reverse %}{% endfor %}":                                    "may only stand in {% for",
		"{{ 99999999999999999999999 }}":                                                  "cannot be understood",
		"<script>{{ customer.name }}</script>":                                           "a variable cannot stand in a script",
		`<p onclick="f('{{ customer.name }}')">`:                                         "a variable cannot stand in a script or event handler",
		"<{{ customer.name }}>":                                                          "",
		"<p {{ customer.name }}=x>":                                                      "a variable cannot be the name of a tag or attribute",
		`<img srcset="{{ customer.name }}">`:                                             "srcset",
		`<a href="{{ customer.name }}`:                                                   "the markup ends inside a tag, an attribute or a comment",
		`{% if customer.name %}<a href="{% endif %}{{ customer.name }}">`:                "leave the markup open in different places",
		`<a href="/{% if customer.name %}?{% endif %}{{ customer.name }}">`:              "path or the query",
		"a\xffb{{ customer.name }}":                                                      "Line 1, column 2: The template is not valid UTF-8.",
		strings.Repeat("x", MaxSource+1):                                                 "at most 262144 are allowed",
		strings.Repeat("{% if customer.name %}", 30) + strings.Repeat("{% endif %}", 30): "nested more than 20 deep",
		"{{ 'a'" + strings.Repeat(" | upcase", 30) + " }}":                               "more than 20 filters",
		"{{ '" + strings.Repeat("a", maxTag) + "' }}":                                    "a tag of more than 4096 bytes",
	} {
		_, err := Compile(in, HTML)
		if want == "" { // harmless either way; it must only not panic
			continue
		}
		var f *fault.Error
		require.ErrorAs(t, err, &f, in)
		require.Contains(t, f.Details, want, in)
		require.Equal(t, fault.InvalidPayload, f.Code)
	}
}

func TestAllUnknownVariablesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Compile("{{ a.b }}\n{{ customer.name }}{{ c }}", Text)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Len(t, f.Faults, 1)
	require.Contains(t, f.Faults[0].Details, "Line 2")
}

func TestVariables(t *testing.T) {
	t.Parallel()
	tpl, err := Compile(`{% assign a = customer.metadata.x.y | append: voucher.code %}{{ a }}{{ customer.name }}{{ customer.metadata[a] }}
		{% for t in customer.metadata.tags limit: customer.metadata.n %}{{ t.z }}{% endfor %}{% if "voucher.value" == project.name %}{% endif %}`, HTML)
	require.NoError(t, err)
	require.Equal(t, []string{"customer.metadata", "customer.metadata.n", "customer.metadata.tags", "customer.metadata.x.y", "customer.name", "project.name", "voucher.code"}, tpl.Variables())
}

func TestKnownVariablesCompile(t *testing.T) {
	t.Parallel()
	for _, v := range Known {
		path := v.Path
		if v.Type == "object" {
			path += ".x"
		}
		tpl, err := Compile("{{ "+path+" }}", HTML)
		require.NoError(t, err)
		require.Equal(t, []string{path}, tpl.Variables())
	}
}

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
			require.Less(t, time.Since(began), 5*time.Second)
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

func BenchmarkBare(b *testing.B) {
	benchmark(b, `<p>Dear {{ customer.name }}, {{ customer.phone | default: "x" }}</p>`)
}

func BenchmarkEngine(b *testing.B) {
	benchmark(b, `<p>Dear {{ customer.name | truncate: 5 }}, {{ customer.phone | default: "x" }}</p>`)
}

func benchmark(b *testing.B, source string) {
	tpl, err := Compile(source, HTML)
	require.NoError(b, err)
	v := vars()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = tpl.Render(buf[:0], v)
	}
}
