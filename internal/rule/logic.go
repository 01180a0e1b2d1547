package rule

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits of a logic expression: what people write stays far below them.
const (
	maxLogic    = 2000 // bytes
	maxBrackets = 32   // open at once
	maxNumber   = 9999 // of a rule
)

// logic says how rules are joined: one rule by its number, or several parts of which all must hold, or any.
type logic struct {
	number int // of a rule; 0 where there are parts
	any    bool
	parts  []logic
}

// holds asks rules by their numbers, from the left, and no more of them than it takes. Where one of several alternatives holds,
// it calls what mark returned before the first: that the others did not hold no longer matters.
func (l logic) holds(ask func(number int) bool, mark func() (forget func())) bool {
	if l.number > 0 {
		return ask(l.number)
	}
	forget := mark()
	for _, part := range l.parts {
		if part.holds(ask, mark) == l.any {
			if l.any {
				forget()
			}
			return l.any
		}
	}
	return !l.any
}

// String writes the expression so that parseLogic reads the same again.
func (l logic) String() string {
	if l.number > 0 {
		return fmt.Sprint(l.number)
	}
	join := " and "
	if l.any {
		join = " or "
	}
	parts := make([]string, len(l.parts))
	for i, part := range l.parts {
		if parts[i] = part.String(); part.number == 0 {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, join)
}

// allOf is the logic of rules that nothing joins: each of them must hold.
func allOf(numbers []int) logic {
	l := logic{parts: make([]logic, len(numbers))}
	for i, n := range numbers {
		l.parts[i] = logic{number: n}
	}
	return l
}

// logicFault is what is wrong with an expression, and where: counted in characters from 1.
type logicFault struct {
	at   int
	what string
}

func (f *logicFault) Error() string { return fmt.Sprintf("%s at character %d", f.what, f.at) }

// parseLogic reads numbers of rules joined by "and" and "or", in any case, and parentheses; "and" binds closer. The numbers
// must be known.
func parseLogic(text string, known func(number int) bool) (logic, *logicFault) {
	if len(text) > maxLogic {
		return logic{}, &logicFault{maxLogic + 1, fmt.Sprintf("it is longer than %d bytes", maxLogic)}
	}
	p := logicParser{text: text, known: known}
	l, fault := p.alternatives(0)
	if fault != nil {
		return logic{}, fault
	}
	if p.next(); p.token != "" {
		return logic{}, p.wants(`"and", "or" or the end`)
	}
	return l, nil
}

// logicParser reads tokens from left to right.
type logicParser struct {
	text  string
	known func(int) bool
	at    int    // the byte after the token
	token string // the last token; empty at the end
	kept  bool   // the token is to be read again
}

// next reads the next token: a parenthesis, or a run of letters and digits, or any other character.
func (p *logicParser) next() {
	if p.kept {
		p.kept = false
		return
	}
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
	start := p.at
	for p.at < len(p.text) && wordly(p.text[p.at]) {
		p.at++
	}
	if p.at == start && p.at < len(p.text) {
		_, size := utf8.DecodeRuneInString(p.text[p.at:])
		p.at += size
	}
	p.token = p.text[start:p.at]
}

func wordly(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
}

// fault is about the token that was read last.
func (p *logicParser) fault(format string, args ...any) *logicFault {
	return &logicFault{utf8.RuneCountInString(p.text[:p.at-len(p.token)]) + 1, fmt.Sprintf(format, args...)}
}

func (p *logicParser) wants(what string) *logicFault {
	if p.token == "" {
		return p.fault("it ends where %s should stand,", what)
	}
	return p.fault("%q stands where %s should,", p.token, what)
}

func (p *logicParser) alternatives(depth int) (logic, *logicFault) {
	return p.joined("or", func() (logic, *logicFault) {
		return p.joined("and", func() (logic, *logicFault) { return p.term(depth) })
	})
}

// joined reads parts with the word between them; one part alone stands for itself.
func (p *logicParser) joined(word string, part func() (logic, *logicFault)) (logic, *logicFault) {
	l := logic{any: word == "or"}
	for {
		one, fault := part()
		if fault != nil {
			return logic{}, fault
		}
		l.parts = append(l.parts, one)
		if p.next(); !strings.EqualFold(p.token, word) {
			p.kept = true
			break
		}
	}
	if len(l.parts) == 1 {
		return l.parts[0], nil
	}
	return l, nil
}

func (p *logicParser) term(depth int) (logic, *logicFault) {
	p.next()
	if p.token == "(" {
		if depth == maxBrackets {
			return logic{}, p.fault("more than %d parentheses are open", maxBrackets)
		}
		l, fault := p.alternatives(depth + 1)
		if fault != nil {
			return logic{}, fault
		}
		if p.next(); p.token != ")" {
			return logic{}, p.wants(`"and", "or" or ")"`)
		}
		return l, nil
	}
	n, ok := ruleNumber(p.token)
	if !ok {
		return logic{}, p.wants(`a rule's number or "("`)
	}
	if !p.known(n) {
		return logic{}, p.fault("there is no rule %d, named", n)
	}
	return logic{number: n}, nil
}

// ruleNumber reads the number of a rule as both logic and the keys of rules write it: 1 to 9999, no zero before it.
func ruleNumber(text string) (int, bool) {
	n := 0
	for _, digit := range []byte(text) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + int(digit-'0')
		if n > maxNumber {
			return 0, false
		}
	}
	return n, n > 0 && text[0] != '0'
}
