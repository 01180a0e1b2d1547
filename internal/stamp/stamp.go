// Package stamp writes instants as every answer and payload shows them: UTC with milliseconds, so that clients can compare
// them as texts.
package stamp

import "time"

// Layout is how an instant is written.
const Layout = "2006-01-02T15:04:05.000Z"

// Stamp is an instant that is shown.
type Stamp time.Time

// MarshalText writes the instant.
func (s Stamp) MarshalText() ([]byte, error) {
	return time.Time(s).UTC().AppendFormat(nil, Layout), nil
}

// Ptr is a stamp that may be missing.
func Ptr(t *time.Time) *Stamp {
	if t == nil {
		return nil
	}
	at := Stamp(*t)
	return &at
}
