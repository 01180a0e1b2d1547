package template

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
)

// place finds out where in the markup each variable of an HTML template stands. Go's html/template knows markup better than we
// ever would: the template is written out as one of its kind, with a numbered hole for each variable, and read back after it
// has put its escapers in. The rules that follow from it, for people:
//
//   - between tags and in quoted or unquoted attributes, the characters that make markup become entities;
//   - at the start of a link (href="{{ … }}") only http, https, mailto, tel, sms or no scheme is let through, anything else
//     becomes "#"; further on in a link's path what cannot stand in a URL is percent-encoded, and after ? or # everything is;
//   - in a style only letters, digits, spaces and #.,%_-+ are let through, otherwise nothing is shown;
//   - in a script, an event handler, a srcset, or as the name of a tag or attribute no variable may stand: the template is refused;
//   - a last filter escape, escape_once or url_encode is done already by these rules and not done twice; newline_to_br is applied
//     after the escaping, so its <br /> is markup.
//
// Conditional comments for Outlook (<!--[if mso]>) are read as the markup that they are to Outlook.
func place(source string, nodes []node) error {
	g := &goTemplate{}
	g.all(nodes)
	if len(g.outputs) == 0 {
		return nil
	}
	t, err := template.New("").Delims(leftMark, rightMark).Parse(g.text.String())
	if err != nil {
		return fmt.Errorf("reading the markup: %w", err)
	}
	if err := t.Execute(io.Discard, map[string]any{}); err != nil {
		return markupFault(source, err)
	}
	found := map[int][]string{}
	collect(t.Tree.Root, found)
	for i, n := range g.outputs {
		if err := n.settle(found[i]); err != nil {
			return err
		}
	}
	return nil
}

// The marks around our holes; control characters, which no source keeps.
const leftMark, rightMark = "\x01[", "]\x01"

// goTemplate is our template in html/template's words.
type goTemplate struct {
	text    strings.Builder
	outputs []*output
}

var (
	conditionalOpen  = regexp.MustCompile(`<!(--)?\[if[^\]>]*\](--)?>(<!-->|<!--\s*-->)?`)
	conditionalClose = regexp.MustCompile(`(<!--)?<!\[endif\](--)?>`)
)

func (g *goTemplate) all(nodes []node) {
	for _, n := range nodes {
		g.add(n)
	}
}

func (g *goTemplate) action(lines int, format string, args ...any) {
	g.text.WriteString(leftMark)
	fmt.Fprintf(&g.text, format, args...)
	g.text.WriteString(strings.Repeat("\n", lines))
	g.text.WriteString(rightMark)
}

func (g *goTemplate) hole(n *output) {
	g.action(n.lines, "$.H%d", len(g.outputs))
	g.outputs = append(g.outputs, n)
}

func (g *goTemplate) add(n node) {
	switch n := n.(type) {
	case text:
		s := strings.ReplaceAll(string(n), "\x01", "")
		s = conditionalOpen.ReplaceAllString(s, "")
		g.text.WriteString(conditionalClose.ReplaceAllString(s, ""))
	case *output:
		g.hole(n)
	case *cycle:
		g.hole(&n.out)
	case *conditional:
		for i, b := range n.branches {
			switch {
			case i == 0:
				g.action(0, "if $.C")
			case b.test != nil:
				g.action(0, "else if $.C")
			default:
				g.action(0, "else")
			}
			g.all(b.body)
		}
		g.action(0, "end")
	case *choice:
		g.action(0, "if $.C")
		for _, o := range n.options {
			if o.values != nil {
				g.action(0, "else if $.C")
			} else {
				g.action(0, "else")
			}
			g.all(o.body)
		}
		g.action(0, "end")
	case *loop:
		g.action(0, "range $.C")
		g.all(n.body)
		g.action(0, "else")
		g.all(n.empty)
		g.action(0, "end")
	case jump:
		g.action(0, "%s", n.err)
	}
}

// collect reads back which escapers each hole got.
func collect(n parse.Node, found map[int][]string) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			collect(child, found)
		}
	case *parse.ActionNode:
		variable, ok := n.Pipe.Cmds[0].Args[0].(*parse.VariableNode)
		if !ok || len(variable.Ident) != 2 {
			return
		}
		i, err := strconv.Atoi(strings.TrimPrefix(variable.Ident[1], "H"))
		if err != nil {
			return
		}
		found[i] = []string{}
		for _, command := range n.Pipe.Cmds[1:] {
			name := command.Args[0].String()
			found[i] = append(found[i], strings.TrimPrefix(name, "_html_template_"))
		}
	case *parse.IfNode:
		collect(n.List, found)
		collect(n.ElseList, found)
	case *parse.RangeNode:
		collect(n.List, found)
		collect(n.ElseList, found)
	}
}

// settle fixes how the value is escaped, from the escapers that html/template would use.
func (n *output) settle(escapers []string) error {
	if len(escapers) == 0 {
		return n.spot.fault("it is unclear where in the markup this stands.")
	}
	for _, name := range escapers {
		switch name {
		case "htmlescaper", "attrescaper", "rcdataescaper":
		case "nospaceescaper":
			n.where.markup = inUnquoted
		case "commentescaper":
			n.where.markup = inComment
		case "urlfilter":
			n.where.part = urlStart
		case "urlnormalizer":
			n.where.part = max(n.where.part, urlPath)
			if slices.Contains(escapers, "urlfilter") {
				n.where.part = urlStart
			}
		case "urlescaper":
			n.where.part = urlQuery
		case "cssvaluefilter", "cssescaper":
			n.where.cssValue = true
		case "htmlnamefilter":
			return n.spot.fault("a variable cannot be the name of a tag or attribute.")
		case "srcsetescaper":
			return n.spot.fault("a variable cannot stand in a srcset; use src.")
		default:
			return n.spot.fault("a variable cannot stand in a script or event handler; mail programs do not run them.")
		}
	}
	return n.dropDone()
}

// dropDone takes a last filter off that the place does already, and moves one that makes markup behind the escaping.
func (n *output) dropDone() error {
	if n.expression == nil {
		return nil
	}
	done := false
	switch n.expression.last {
	case "escape", "escape_once":
		done = true
	case "url_encode":
		done = n.where.part == urlQuery
	case "newline_to_br":
		if done = n.where == (where{}); done {
			n.after = breakLines
		}
	}
	if !done {
		return nil
	}
	e, err := n.expression.without()
	if err != nil {
		return n.spot.fault("this cannot be understood.")
	}
	e.spot = n.spot
	n.expression = e
	return n.dropDone()
}

func breakLines(escaped []byte) []byte {
	return []byte(strings.ReplaceAll(string(escaped), "\n", "<br />\n"))
}

// markupFault says in our words what html/template found wrong with the markup.
func markupFault(source string, err error) error {
	var e *template.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("reading the markup: %w", err)
	}
	at := spot{max(e.Line, 1), 1}
	switch e.ErrorCode {
	case template.ErrEndContext:
		at = position(source, len(source))
		return at.fault("the markup ends inside a tag, an attribute or a comment that is never closed.")
	case template.ErrBranchEnd:
		return at.fault("the branches of this block leave the markup open in different places: each must close the tags and quotes that it opens.")
	case template.ErrRangeLoopReentry:
		return at.fault("the loop's body must close the tags and quotes that it opens.")
	case template.ErrAmbigContext:
		return at.fault("it is unclear whether this variable stands in the path or the query of the link; put the whole link into each branch.")
	case template.ErrBadHTML:
		return at.fault("the markup is broken here: %s.", e.Description)
	case template.ErrPartialEscape, template.ErrPartialCharset, template.ErrSlashAmbig:
		return at.fault("the script or style here cannot be read: %s.", e.Description)
	}
	return at.fault("the markup cannot be read: %s.", e.Description)
}
