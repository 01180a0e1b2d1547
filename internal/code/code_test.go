package code_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/code"
	"herald/internal/fault"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, want code.Config }{
		"nothing": {code.Config{}, code.Config{Length: 8, Charset: code.DefaultCharset, Pattern: "########"}},
		"length":  {code.Config{Length: 3}, code.Config{Length: 3, Charset: code.DefaultCharset, Pattern: "###"}},
		"a pattern has its own length": {
			code.Config{Length: 3, Pattern: "10OFF-#######", Charset: "ab"},
			code.Config{Length: 7, Pattern: "10OFF-#######", Charset: "ab"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, c.given.WithDefaults())
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config code.Config
		at     string // the property at fault, or nothing
	}{
		"defaults":                      {code.Config{}, ""},
		"all of it":                     {code.Config{Pattern: "A-##-##", Charset: "αβγδ", Prefix: "x ", Postfix: "#"}, ""},
		"no # in the pattern":           {code.Config{Pattern: "SUMMER"}, "c.pattern"},
		"negative length":               {code.Config{Length: -1}, "c.length"},
		"endless length":                {code.Config{Length: 129}, "c.length"},
		"one character":                 {code.Config{Charset: "a"}, "c.charset"},
		"one character again and again": {code.Config{Charset: "aaaa"}, "c.charset"},
		"space in the charset":          {code.Config{Charset: "a b"}, "c.charset"},
		"line feed in the charset":      {code.Config{Charset: "ab\n"}, "c.charset"},
		"broken UTF-8":                  {code.Config{Charset: "ab\xff"}, "c.charset"},
		"too many characters":           {code.Config{Charset: manyCharacters(257)}, "c.charset"},
		"as many as a byte chooses":     {code.Config{Charset: manyCharacters(256)}, ""},
		"line feed in the prefix":       {code.Config{Prefix: "a\r\nBcc:"}, "c.prefix"},
		"line feed in the postfix":      {code.Config{Postfix: "\n"}, "c.postfix"},
		"line feed in the pattern":      {code.Config{Pattern: "#\n#"}, "c.pattern"},
		"too long together":             {code.Config{Length: 100, Prefix: strings.Repeat("p", 29)}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.config.Check("c")
			if c.at == "" {
				require.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			require.Equal(t, c.at, found.Property)
			require.Equal(t, fault.InvalidPayload, found.Code)
		})
	}
}

func TestCheckRoom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config code.Config
		total  int64
		fits   bool
	}{
		"a million of the default":         {code.Config{}, 1_000_000, true},
		"documented example":               {code.Config{Pattern: "LOYALTY-CARD-##"}, 1, true},
		"exactly a thousand times":         {code.Config{Pattern: "###", Charset: "0123456789"}, 1, true},
		"one too many":                     {code.Config{Pattern: "###", Charset: "0123456789"}, 2, false},
		"eight digits for a million":       {code.Config{Charset: "0123456789"}, 1_000_000, false},
		"nine digits for a million":        {code.Config{Charset: "0123456789", Length: 9}, 1_000_000, true},
		"a repeated character counts once": {code.Config{Charset: "0000000000000001", Length: 9}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.config.CheckRoom("voucher.code_config", c.total)
			require.Equal(t, c.fits, found == nil, "%v", found)
			if found != nil {
				require.Equal(t, "voucher.code_config.pattern", found.Property)
			}
		})
	}
	advice := code.Config{Charset: "0123456789"}.CheckRoom("c", 1_000_000)
	require.Contains(t, advice.Details, "at least 9 random characters")
}

func TestCheckCode(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{
		"SUMMER": true, "10% off": true, "ünï-1": true, "": false, "  ": false, " A": false, "A\n": false, "A\x00B": false,
		"\xff": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
	} {
		require.Equal(t, fine, code.CheckCode("code", text) == nil, "%q", text)
	}
}

func TestCodesFollowTheirConfig(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := code.Config{
			Charset: rapid.StringMatching(`[0-9A-Za-zäöü]{2,40}`).Draw(t, "charset"),
			Prefix:  rapid.StringMatching(`[A-Z#-]{0,6}`).Draw(t, "prefix"),
			Postfix: rapid.StringMatching(`[A-Z#-]{0,6}`).Draw(t, "postfix"),
			Pattern: rapid.StringMatching(`[A-Z-]{0,4}#{1,10}[A-Z-]{0,4}#{0,4}`).Draw(t, "pattern"),
		}
		if c.Check("c") != nil {
			t.Skip("one character")
		}
		random := "[" + regexp.QuoteMeta(c.Charset) + "]"
		middle := strings.ReplaceAll(regexp.QuoteMeta(c.Pattern), "#", random)
		shape := regexp.MustCompile("^" + regexp.QuoteMeta(c.Prefix) + middle + regexp.QuoteMeta(c.Postfix) + "$")
		g := code.NewGenerator(c)
		for range 20 {
			require.Regexp(t, shape, g.Next())
		}
	})
}

func TestCodesAreDifferentAndEvenlySpread(t *testing.T) {
	t.Parallel()
	const n, length = 200_000, 6
	g := code.NewGenerator(code.Config{Charset: "aabc", Length: 20})
	seen := map[string]bool{}
	counts := map[rune]int{}
	for _, text := range g.Codes(n) {
		require.False(t, seen[text])
		seen[text] = true
		for _, r := range text[:length] {
			counts[r]++
		}
	}
	require.Len(t, counts, 3)
	for r, count := range counts {
		// 1.2 million draws of thirds: one per cent is twelve standard deviations.
		require.InEpsilon(t, n*length/3, count, 0.01, "%c", r)
	}
}

func manyCharacters(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteRune(rune(0x4e00 + i))
	}
	return b.String()
}

func BenchmarkNext(b *testing.B) {
	g := code.NewGenerator(code.Config{Prefix: "SPRING-"})
	for b.Loop() {
		g.Next()
	}
}
