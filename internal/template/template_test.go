package template

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
		"{{ xyzzyx }}":                                    "known are balance.…, buckets, campaign.…, created_at, custom_event.…, customer.…",
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

func TestTheDocsListTheVariables(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/templates.md")
	require.NoError(t, err)
	for _, v := range Known {
		require.Contains(t, string(page), fmt.Sprintf("| `%s` | %s | %s |\n", v.Path, v.Type, v.About))
	}
	require.Equal(t, len(Known), strings.Count(string(page), "\n| `"))
	require.Contains(t, string(page), "`"+strings.Join(tagNames, " ")+"`")
}
