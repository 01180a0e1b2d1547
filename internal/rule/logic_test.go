package rule

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func oneToNine(n int) bool { return n < 10 }

func TestLogicIsReadAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1":                         "1",
		" 1":                        "1",
		"1 and 2":                   "1 and 2",
		"1 or 2 and 3":              "1 or (2 and 3)",
		"(1 or 2) and 3":            "(1 or 2) and 3",
		"(1 and 2) and (3)":         "(1 and 2) and 3",
		" 1 AND 2 AND (  3 AND 4 )": "1 and 2 and (3 and 4)",
		"1 Or 2 oR 3":               "1 or 2 or 3",
		"((((5))))":                 "5",
		"(1)and(2)":                 "1 and 2",
		"1\tand\n2":                 "1 and 2",
	} {
		l, fault := parseLogic(text, oneToNine)
		require.Nil(t, fault, text)
		require.Equal(t, want, l.String(), text)
	}
}

func TestMalformedLogicIsRefusedWithThePosition(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"and":            `"and" stands where a rule's number or "(" should, at character 1`,
		"1 and":          `it ends where a rule's number or "(" should stand, at character 6`,
		"1 and and 2":    `"and" stands where a rule's number or "(" should, at character 7`,
		"1 2":            `"2" stands where "and", "or" or the end should, at character 3`,
		"1and2":          `"1and2" stands where a rule's number or "(" should, at character 1`,
		"(1 or 2":        `it ends where "and", "or" or ")" should stand, at character 8`,
		"1 or 2)":        `")" stands where "and", "or" or the end should, at character 7`,
		"()":             `")" stands where a rule's number or "(" should, at character 2`,
		"1 xor 2":        `"xor" stands where "and", "or" or the end should, at character 3`,
		"1 && 2":         `"&" stands where "and", "or" or the end should, at character 3`,
		"ł or 2":         `"ł" stands where a rule's number or "(" should, at character 1`,
		"1 or ł":         `"ł" stands where a rule's number or "(" should, at character 6`,
		"1 or 10":        `there is no rule 10, named at character 6`,
		"01":             `"01" stands where a rule's number or "(" should, at character 1`,
		"0":              `"0" stands where a rule's number or "(" should, at character 1`,
		"99999999999999": `"99999999999999" stands where a rule's number or "(" should, at character 1`,
		"not 1":          `"not" stands where a rule's number or "(" should, at character 1`,
		"1 or -2":        `"-" stands where a rule's number or "(" should, at character 6`,
		strings.Repeat("(", 40) + "1" + strings.Repeat(")", 40): `more than 32 parentheses are open at character 33`,
		"1" + strings.Repeat(" and 1", 400):                     `it is longer than 2000 bytes at character 2001`,
	} {
		_, fault := parseLogic(text, oneToNine)
		require.NotNil(t, fault, text)
		require.Equal(t, want, fault.Error(), text)
	}
}

// What an expression means does not change when it is written down and read again, and it is what the numbers say.
func TestLogicMeansTheSameWhenReadAgain(t *testing.T) {
	t.Parallel()
	var draw func(t *rapid.T, depth int) logic
	draw = func(t *rapid.T, depth int) logic {
		if depth == 0 || rapid.Bool().Draw(t, "leaf") {
			return logic{number: rapid.IntRange(1, 9).Draw(t, "number")}
		}
		l := logic{any: rapid.Bool().Draw(t, "any")}
		for range rapid.IntRange(2, 3).Draw(t, "parts") {
			l.parts = append(l.parts, draw(t, depth-1))
		}
		return l
	}
	var plain func(l logic, truth []bool) bool
	plain = func(l logic, truth []bool) bool {
		if l.number > 0 {
			return truth[l.number]
		}
		all, any := true, false
		for _, part := range l.parts {
			one := plain(part, truth)
			all, any = all && one, any || one
		}
		return l.any && any || !l.any && all
	}
	rapid.Check(t, func(t *rapid.T) {
		l := draw(t, 4)
		read, fault := parseLogic(l.String(), oneToNine)
		require.Nil(t, fault)
		truth := rapid.SliceOfN(rapid.Bool(), 10, 10).Draw(t, "truth")
		require.Equal(t, plain(l, truth), read.holds(func(n int) bool { return truth[n] }, func() func() { return func() {} }))
	})
}

func FuzzLogic(f *testing.F) {
	for _, text := range []string{"1 and 2", "(1 or 2) and not 3", " 1 AND ( 2 ", "", "((", "1 or ł", "9999 or 10000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, fault := parseLogic(text, oneToNine)
		if fault != nil {
			require.Positive(t, fault.at)
			require.LessOrEqual(t, fault.at, len(text)+1)
			return
		}
		again, fault := parseLogic(l.String(), oneToNine)
		require.Nil(t, fault)
		require.Equal(t, l.String(), again.String())
	})
}
