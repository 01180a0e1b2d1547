package distribution

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// manual is the page for people who set distributions up.
func manual(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/distributions.md")
	require.NoError(t, err)
	return string(page)
}

// The page's table is the table. After a change of it, put into the page what this says it wants.
func TestThePageShowsTheTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| trigger | when | names | actions | data |\n|---|---|---|---|---|\n")
	for _, f := range Fits {
		needs, takes := f.Names()
		var names []string
		for _, name := range needs {
			if len(f.Kinds) > 0 {
				name += "` (" + list(f.Kinds) + ")"
				names = append(names, "`"+name)
				continue
			}
			names = append(names, "`"+name+"`")
		}
		for _, name := range takes {
			if name != "delay" {
				names = append(names, "[`"+name+"`]")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Trigger, f.Name, strings.Join(names, ", "), coded(f.Actions), coded(f.Data))
	}
	_, rest, found := strings.Cut(manual(t), "<!-- table: distribution.Fits -->\n")
	require.True(t, found)
	shown, _, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found)
	require.Equal(t, b.String(), shown)
}

func coded[S ~string](words []S) string {
	if len(words) == 0 {
		return ""
	}
	text := make([]string, len(words))
	for i, word := range words {
		text[i] = "`" + string(word) + "`"
	}
	return strings.Join(text, ", ")
}

// Every reason that a message can have stands in the page, with what to do.
func TestThePageExplainsEveryReason(t *testing.T) {
	t.Parallel()
	page := manual(t)
	for file, prefix := range map[string]string{"../message/message.go": "Reason", "../channel/email/reply.go": ""} {
		for name, reason := range constants(t, file) {
			if strings.HasPrefix(name, prefix) && ast.IsExported(name) {
				require.Contains(t, page, "`"+reason+"`", "%s in %s", name, file)
			}
		}
	}
}

// constants are the texts that a file names, but for those that have a type of their own.
func constants(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	all := map[string]string{}
	for _, d := range parsed.Decls {
		of, ok := d.(*ast.GenDecl)
		if !ok || of.Tok != token.CONST {
			continue
		}
		for _, s := range of.Specs {
			c := s.(*ast.ValueSpec)
			if c.Type != nil || len(c.Values) == 0 {
				continue
			}
			for i, name := range c.Names {
				if literal, ok := c.Values[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
					all[name.Name], err = strconv.Unquote(literal.Value)
					require.NoError(t, err)
				}
			}
		}
	}
	require.NotEmpty(t, all)
	return all
}
