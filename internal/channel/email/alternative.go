package email

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"herald/internal/template"
)

// alternative makes the plain-text part of a letter whose author wrote none: the words of the HTML, paragraph by paragraph, with
// the address of each link behind its words, and all variables, conditions and loops where they were. It is nil where that
// cannot be done (a condition that is opened in the text and closed in an attribute, say); the mail is then sent as HTML
// alone, which is better than a text that says something else.
func alternative(source string) *body {
	text := &plainText{}
	marked := text.mark(source)
	text.read(html.NewTokenizer(strings.NewReader(marked)))
	b, err := newBody(text.unmark(text.finish()), template.Text)
	if err != nil || strings.TrimSpace(text.out.String()) == "" {
		return nil
	}
	return b
}

// The marks that stand for a Liquid tag while the HTML around it is read: private characters that no source should hold.
const markOpen, markClose = "\uE0F0", "\uE0F1"

// plainText collects what an HTML page says.
type plainText struct {
	out    strings.Builder
	tags   []parser.Token
	space  bool   // a space is due before the next word
	breaks int    // line breaks are due before the next word
	skip   int    // inside that many elements that show nothing
	link   string // where the link that is open leads
	said   int    // where its words began
}

func (p *plainText) mark(source string) string {
	var b strings.Builder
	for _, t := range parser.Scan(source, parser.SourceLoc{}, nil) {
		switch t.Type {
		case parser.TextTokenType:
			b.WriteString(strings.NewReplacer(markOpen, "", markClose, "").Replace(t.Source))
		case parser.ObjTokenType, parser.TagTokenType:
			fmt.Fprintf(&b, "%s%d%s", markOpen, len(p.tags), markClose)
			p.tags = append(p.tags, t)
		}
	}
	return b.String()
}

func (p *plainText) unmark(s string) string {
	var b strings.Builder
	p.eachMark(s, func(text string) { b.WriteString(text) }, func(t parser.Token) { b.WriteString(t.Source) })
	return b.String()
}

func (p *plainText) eachMark(s string, text func(string), mark func(parser.Token)) {
	for {
		before, rest, ok := strings.Cut(s, markOpen)
		text(before)
		if !ok {
			return
		}
		number, after, _ := strings.Cut(rest, markClose)
		if i, err := strconv.Atoi(number); err == nil && i < len(p.tags) {
			mark(p.tags[i])
		}
		s = after
	}
}

func (p *plainText) read(z *html.Tokenizer) {
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				p.out.Reset()
			}
			return
		case html.TextToken:
			p.words(string(z.Text()))
		case html.StartTagToken:
			p.start(z.Token(), false)
		case html.SelfClosingTagToken:
			p.start(z.Token(), true)
		case html.EndTagToken:
			p.end(z.Token())
		}
	}
}

// hidden are the elements whose text nobody sees; blocks begin a line of their own, and paragraphs leave one free.
var (
	hidden     = set(atom.Head, atom.Style, atom.Script, atom.Title, atom.Template, atom.Noscript)
	blocks     = set(atom.Div, atom.Tr, atom.Li, atom.Address, atom.Section, atom.Header, atom.Footer, atom.Article, atom.Dt, atom.Dd)
	paragraphs = set(atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Table, atom.Blockquote, atom.Pre, atom.Hr)
)

func set(atoms ...atom.Atom) map[atom.Atom]bool {
	m := map[atom.Atom]bool{}
	for _, a := range atoms {
		m[a] = true
	}
	return m
}

func (p *plainText) start(t html.Token, closed bool) {
	p.edge(t.DataAtom)
	switch {
	case hidden[t.DataAtom] && !closed:
		p.skip++
	case t.DataAtom == atom.Br:
		p.breaks++
	case t.DataAtom == atom.Li:
		p.write("- ")
	case t.DataAtom == atom.Td, t.DataAtom == atom.Th:
		p.space = true
	case t.DataAtom == atom.Img:
		p.words(attribute(t, "alt"))
	case t.DataAtom == atom.A && !closed:
		p.link, p.said = strings.TrimSpace(attribute(t, "href")), p.out.Len()
	}
}

func (p *plainText) end(t html.Token) {
	if hidden[t.DataAtom] && p.skip > 0 {
		p.skip--
	}
	if t.DataAtom == atom.A && p.link != "" {
		p.target()
	}
	p.edge(t.DataAtom)
}

func (p *plainText) edge(a atom.Atom) {
	switch {
	case paragraphs[a]:
		p.breaks = max(p.breaks, 2)
	case blocks[a]:
		p.breaks = max(p.breaks, 1)
	}
}

// target writes where a link leads, behind its words. Variables are percent-encoded there, as they are in the HTML.
func (p *plainText) target() {
	link := p.link
	p.link = ""
	said := strings.TrimSpace(p.out.String()[min(p.said, p.out.Len()):])
	if strings.HasPrefix(link, "#") || strings.TrimPrefix(link, "mailto:") == said || link == said {
		return
	}
	var b strings.Builder
	p.eachMark(link, func(text string) { b.WriteString(text) }, func(t parser.Token) {
		if t.Type == parser.ObjTokenType && b.Len() > 0 && !strings.Contains(t.Args, "url_encode") {
			t.Source = "{{ " + t.Args + " | url_encode }}"
		}
		fmt.Fprintf(&b, "%s%d%s", markOpen, len(p.tags), markClose)
		p.tags = append(p.tags, t)
	})
	if said == "" {
		p.words(b.String())
		return
	}
	p.write(" (" + b.String() + ")")
}

// words writes running text: every stretch of white space is one space.
func (p *plainText) words(s string) {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		p.space = p.space || s != ""
		return
	}
	p.space = p.space || strings.IndexAny(s[:1], " \t\r\n") == 0
	for i, w := range fields {
		p.space = p.space || i > 0
		p.write(w)
	}
	p.space = strings.IndexAny(s[len(s)-1:], " \t\r\n") == 0
}

func (p *plainText) write(s string) {
	if p.skip > 0 {
		p.space = false
		return
	}
	switch {
	case p.out.Len() == 0:
	case p.breaks > 0:
		p.out.WriteString(strings.Repeat("\n", min(p.breaks, 2)))
	case p.space:
		p.out.WriteByte(' ')
	}
	p.breaks, p.space = 0, false
	p.out.WriteString(s)
}

func (p *plainText) finish() string { return p.out.String() + "\n" }

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
