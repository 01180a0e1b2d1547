// Package activities is the hands: one small struct for each duty, each method one activity that does one thing. An
// activity's type name is its method's name alone, so methods are full verbs and no two structs share one. What an activity
// returns is kept in history: ids, counts and reasons, never personal data.
package activities

import (
	"errors"
	"regexp"

	"go.temporal.io/sdk/temporal"

	"herald/internal/fault"
)

// outcome turns an error into the engine's terms, for every activity. A fault is the caller's doing, so a retry would meet
// it again, unless it says when to come back; anything else is the infrastructure's, and the engine retries it. History keeps
// what is said here, so of a provider's words only the code stays (the distribution's log has the rest), and addresses that a
// driver repeats are left out.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		return errors.New(addresses.ReplaceAllString(err.Error(), "(address)"))
	}
	details := addresses.ReplaceAllString(f.Details, "(address)")
	if f.Code == fault.ProviderFault {
		details = replyCode.ReplaceAllString(details, "$1 …")
	}
	passing := f.Code == fault.RateLimited || f.Code == fault.ProviderFault
	return temporal.NewApplicationErrorWithOptions(details, string(f.Code),
		temporal.ApplicationErrorOptions{NonRetryable: !passing, NextRetryDelay: f.RetryAfter})
}

var (
	addresses = regexp.MustCompile(`[^\s<>"(),;:]+@[^\s<>"(),;:]+`)
	// replyCode is a reply of SMTP (RFC 5321, section 4.2) with its enhanced code (RFC 3463), and whatever the server says after it.
	replyCode = regexp.MustCompile(`(?s)\b([245]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?)[ -].*`)
)
