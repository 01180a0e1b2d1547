// Package fault is how Herald says no. An error has a code for machines, a message and details for people, and, where one
// property is to blame, its name. Inside, everything returns a *Error or a plain error (which means: not our caller's
// doing). Two translators turn it outwards: api/errors.go into HTTP, activities/outcome.go into Temporal.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code is the machine's word for a fault. The words are the public API's error keys.
type Code string

// The codes that Herald answers with; api/errors.go gives each its HTTP status.
const (
	InvalidPayload    Code = "invalid_payload"
	InvalidQuery      Code = "invalid_query_params"
	Unauthorized      Code = "unauthorized"
	Forbidden         Code = "forbidden"
	NotFound          Code = "not_found"
	Duplicate         Code = "duplicate_found"
	Conflict          Code = "conflict"
	AnswerLost        Code = "answer_lost"
	TooLarge          Code = "payload_too_large"
	UnsupportedMedia  Code = "unsupported_media_type"
	RateLimited       Code = "too_many_requests"
	ProviderFault     Code = "provider_unavailable"
	Unavailable       Code = "temporarily_unavailable"
	Internal          Code = "internal_error"
	MissingVouchers   Code = "missing_vouchers"
	NoVoucher         Code = "no_voucher_suitable_for_publication"
	AlreadyPublished  Code = "voucher_already_published"
	CannotBePublished Code = "voucher_cannot_be_published"
	TooManyVouchers   Code = "too_many_vouchers_requested"
	DuplicateSourceID Code = "duplicate_source_id"
	PageOverLimit     Code = "page_over_limit"
	InvalidVoucher    Code = "invalid_voucher"
	DuplicateKey      Code = "duplicate_key"
	PointsExceeded    Code = "loyalty_card_points_exceeded"
	GiftExceeded      Code = "gift_amount_exceeded"
	InvalidAmount     Code = "invalid_amount"
	InvalidExpiration Code = "invalid_expiration_date"
	InvalidPending    Code = "invalid_pending_points_state"
	CampaignNotActive Code = "campaign_not_active"
	CardNotActive     Code = "loyalty_card_not_active"
	NoAutoJoin        Code = "campaign_not_allow_auto_join"
	NotPublished      Code = "not_published"
	HolderDuplicate   Code = "holder_assignement_duplication"
	InvalidRules      Code = "invalid_validation_rules"
	InvalidBalance    Code = "invalid_balance"
	ResourceInUse     Code = "resource_in_use"
)

// Error is a fault that a person or a program can act on.
type Error struct {
	Code     Code
	Message  string // short, the same for every fault of the code; empty means the code's usual words
	Details  string // what is wrong here and what to do about it
	Property string // the property at fault, as a path: "channels[0].template.html"
	// ResourceID and ResourceType name the thing that was not found or is in the way.
	ResourceID, ResourceType string
	// RelatedIDs and RelatedType name, of what is in use, some of what uses it; RelatedTotal is how many there are.
	RelatedIDs   []string
	RelatedType  string
	RelatedTotal int64
	// Notice is what a shop can tell its customer, where whoever made the rule said so.
	Notice string
	// RetryAfter asks the caller to wait that long before the same call again.
	RetryAfter time.Duration
	// Faults are the further faults of the same request, each with its own property.
	Faults []*Error
}

func (e *Error) Error() string {
	text := string(e.Code)
	if e.Property != "" {
		text += ": " + e.Property
	}
	if e.Details != "" {
		text += ": " + e.Details
	}
	return text
}

// New makes a fault with details for people.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Details: fmt.Sprintf(format, args...)}
}

// Property makes an invalid_payload fault of one property.
func Property(path, format string, args ...any) *Error {
	return &Error{Code: InvalidPayload, Property: path, Details: fmt.Sprintf(format, args...)}
}

// Missing says that a resource of the caller's project does not exist.
func Missing(resourceType, id string) *Error {
	return &Error{
		Code: NotFound, ResourceType: resourceType, ResourceID: id,
		Details: fmt.Sprintf("Cannot find %s with id %s", resourceType, id),
	}
}

// Is reports whether err carries a fault of that code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// List gathers the faults of one request, so that a caller hears all of them at once.
type List []*Error

// Add keeps a fault; nil is no fault.
func (l *List) Add(e *Error) {
	if e != nil {
		*l = append(*l, e)
	}
}

// AddAll keeps every fault that err carries, as Err made it.
func (l *List) AddAll(err error) {
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	alone := *e
	alone.Faults = nil
	*l = append(append(*l, &alone), e.Faults...)
}

// Err is nil without faults, the fault itself where there is one, and otherwise the first with the rest behind it.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	first := *l[0]
	first.Faults = l[1:]
	return &first
}

// Inside says of which property the one at fault is a part: what is wrong with .email is wrong with .customer.email. An error
// that is no fault stays as it is.
func Inside(property string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	var moved List
	for _, one := range append([]*Error{e}, e.Faults...) {
		alone := *one
		alone.Faults = nil
		switch {
		case alone.Property == "":
			alone.Property = property
		case alone.Property[0] == '[':
			alone.Property = property + alone.Property
		default:
			alone.Property = property + "." + alone.Property
		}
		moved.Add(&alone)
	}
	return moved.Err()
}
