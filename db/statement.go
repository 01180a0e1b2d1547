package db

import (
	"fmt"
	"strings"
)

// statement builds SQL whose shape depends on what the caller asked for. Values only ever go in as arguments.
type statement struct {
	text strings.Builder
	args []any
}

// add appends text; each %s in it is replaced by the placeholder of the next value.
func (s *statement) add(text string, values ...any) {
	places := make([]any, len(values))
	for i, value := range values {
		places[i] = s.arg(value)
	}
	fmt.Fprintf(&s.text, text, places...)
}

// arg takes a value as an argument and returns its placeholder.
func (s *statement) arg(value any) string {
	s.args = append(s.args, value)
	return fmt.Sprintf("$%d", len(s.args))
}

func (s *statement) String() string { return s.text.String() }
