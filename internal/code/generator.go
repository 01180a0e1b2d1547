package code

import (
	"crypto/rand"
	"strings"
)

// Generator draws codes of one Config. It is not for concurrent use.
type Generator struct {
	parts      []string // the fixed text before, between and after the random characters
	characters []string
	limit      int // bytes from here up are drawn again, so that every character is equally likely
	random     [4096]byte
	next       int
	text       []byte
}

// NewGenerator makes a generator of a Config that Check found nothing wrong with.
func NewGenerator(c Config) *Generator {
	c = c.WithDefaults()
	// The #s of prefix and postfix stand for themselves, so the pattern alone is cut.
	parts := strings.Split(c.Pattern, "#")
	parts[0] = c.Prefix + parts[0]
	parts[len(parts)-1] += c.Postfix
	g := &Generator{parts: parts, characters: characters(c.Charset)}
	g.limit = 256 - 256%len(g.characters)
	g.next = len(g.random)
	return g
}

// Next draws one code.
func (g *Generator) Next() string {
	g.text = append(g.text[:0], g.parts[0]...)
	for _, part := range g.parts[1:] {
		g.text = append(g.text, g.draw()...)
		g.text = append(g.text, part...)
	}
	return string(g.text)
}

// draw takes one character.
func (g *Generator) draw() string {
	for {
		if g.next == len(g.random) {
			_, _ = rand.Read(g.random[:]) // never fails: crypto/rand ends the process instead
			g.next = 0
		}
		b := int(g.random[g.next])
		g.next++
		if b < g.limit {
			return g.characters[b%len(g.characters)]
		}
	}
}

// Codes draws n different codes.
func (g *Generator) Codes(n int) []string {
	codes := make([]string, 0, n)
	seen := make(map[string]struct{}, n)
	for len(codes) < n {
		text := g.Next()
		if _, drawn := seen[text]; !drawn {
			seen[text] = struct{}{}
			codes = append(codes, text)
		}
	}
	return codes
}
