// Package code says what voucher codes look like and draws them. A code is prefix + pattern + postfix, where each # of the
// pattern becomes a character drawn from the charset by crypto/rand, every character equally likely. Whoever asks for codes
// must leave room: the codes that a pattern can make have to be a thousand times the codes that exist, so that nobody
// finds one by trying and drawing rarely meets a code that is taken.
package code

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"herald/internal/fault"
)

// The defaults, as the public API documents them.
const (
	DefaultCharset = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	DefaultLength  = 8
)

// MaxLength bounds a whole code, in characters.
const MaxLength = 128

// Room is how many codes a pattern must be able to make for each code that exists.
const Room = 1000

// maxCharset bounds the charset, so that one random byte chooses a character.
const maxCharset = 256

// Config says how codes look; it is the public API's code_config.
type Config struct {
	Length  int    `json:"length,omitempty"`  // random characters; a pattern has its own
	Charset string `json:"charset,omitempty"` // what a # may become
	Pattern string `json:"pattern,omitempty"` // # is a random character, all else stands for itself
	Prefix  string `json:"prefix,omitempty"`
	Postfix string `json:"postfix,omitempty"`
	// InitialCount is accepted because official clients may send it; it says nothing about how codes look.
	InitialCount int64 `json:"initial_count,omitempty"`
}

// WithDefaults fills in what was left out; Length then counts the #s of the pattern.
func (c Config) WithDefaults() Config {
	if c.Charset == "" {
		c.Charset = DefaultCharset
	}
	if c.Pattern == "" {
		if c.Length == 0 {
			c.Length = DefaultLength
		}
		if c.Length > 0 && c.Length <= MaxLength { // Check refuses the others
			c.Pattern = strings.Repeat("#", c.Length)
		}
		return c
	}
	c.Length = strings.Count(c.Pattern, "#")
	return c
}

// Check finds what is wrong with c, defaults filled in; path is what the caller calls it ("voucher.code_config").
func (c Config) Check(path string) *fault.Error {
	c = c.WithDefaults()
	distinct := len(characters(c.Charset))
	switch {
	case c.Length < 1 && strings.Trim(c.Pattern, "#") == c.Pattern && c.Pattern != "":
		return fault.Property(path+".pattern", "A pattern needs at least one #, which becomes a random character")
	case c.Length < 1 || c.Length > MaxLength:
		return fault.Property(path+".length", "Property .%s.length must be from 1 to %d", path, MaxLength)
	case distinct < 2:
		return fault.Property(path+".charset", "A charset needs at least 2 different characters")
	case distinct > maxCharset:
		return fault.Property(path+".charset", "A charset can have at most %d different characters", maxCharset)
	case !valid(c.Charset) || strings.ContainsFunc(c.Charset, unicode.IsSpace):
		return fault.Property(path+".charset", "A charset cannot hold spaces or control characters")
	case utf8.RuneCountInString(c.Prefix)+utf8.RuneCountInString(c.Pattern)+utf8.RuneCountInString(c.Postfix) > MaxLength:
		return fault.Property(path, "A code can have at most %d characters", MaxLength)
	}
	for _, literal := range []struct{ name, text string }{
		{"prefix", c.Prefix}, {"pattern", c.Pattern}, {"postfix", c.Postfix},
	} {
		if !valid(literal.text) {
			return fault.Property(path+"."+literal.name, "Property .%s.%s cannot hold control characters", path, literal.name)
		}
	}
	return nil
}

// CheckRoom finds whether c can make so many more codes than exist; total counts those that exist and those asked for.
func (c Config) CheckRoom(path string, total int64) *fault.Error {
	possible := c.Possible()
	if possible >= float64(total)*Room {
		return nil
	}
	c = c.WithDefaults()
	needed := int(math.Ceil(math.Log(float64(total)*Room) / math.Log(float64(len(characters(c.Charset))))))
	return fault.Property(path+".pattern",
		"The pattern can make %.0f different codes, too few for %d codes that nobody can guess: use at least %d random characters, or a larger charset",
		possible, total, needed)
}

// Possible is how many different codes c can make.
func (c Config) Possible() float64 {
	c = c.WithDefaults()
	return math.Pow(float64(len(characters(c.Charset))), float64(c.Length))
}

// CheckCode finds what is wrong with a code that a caller chose.
func CheckCode(path, text string) *fault.Error {
	switch {
	case strings.TrimSpace(text) == "":
		return fault.Property(path, "A code cannot be empty")
	case text != strings.TrimSpace(text):
		return fault.Property(path, "A code cannot begin or end with a space")
	case utf8.RuneCountInString(text) > MaxLength:
		return fault.Property(path, "A code can have at most %d characters", MaxLength)
	case !valid(text):
		return fault.Property(path, "A code cannot hold control characters")
	}
	return nil
}

// valid reports whether text is UTF-8 without control characters.
func valid(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// characters are the different characters of a charset, in order; one that is named twice is not drawn twice as often.
func characters(charset string) []string {
	seen := make(map[rune]bool, len(charset))
	var out []string
	for _, r := range charset {
		if !seen[r] {
			seen[r] = true
			out = append(out, string(r))
		}
	}
	return out
}
