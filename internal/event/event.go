// Package event is the noun of custom events: something that customers did and that only the project's own apps can see. An
// event has a name of the project's choosing, and needs no schema.
package event

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// maxName is how many characters the name of an event can have.
const maxName = 300

// Draft is an event as a caller sends one, beside the customer.
type Draft struct {
	Name     string           `json:"event"`
	Metadata voucher.Metadata `json:"metadata"`
	Referral *Referral        `json:"referral"`
	Loyalty  *Loyalty         `json:"loyalty"`
}

// Referral names the code by which the customer was referred, and who did, where the caller knows.
type Referral struct {
	Code       string  `json:"code"`
	ReferrerID *string `json:"referrer_id"` // our id of the customer, or the source id
}

// Loyalty names the loyalty card that is to have the points for the event.
type Loyalty struct {
	Code string `json:"code"`
}

// Check finds everything that is wrong with the draft.
func (d Draft) Check() error {
	var faults fault.List
	if strings.TrimSpace(d.Name) == "" || utf8.RuneCountInString(d.Name) > maxName {
		faults.Add(fault.Property("event", "Property .event should have 1 to %d characters", maxName))
	}
	if d.Referral != nil && d.Referral.Code == "" {
		faults.Add(fault.Property("referral.code", "Property .referral.code is required"))
	}
	if d.Loyalty != nil && d.Loyalty.Code == "" {
		faults.Add(fault.Property("loyalty.code", "Property .loyalty.code is required"))
	}
	faults.Add(d.Metadata.Check("metadata"))
	return faults.Err()
}

// Event is one event of one customer.
type Event struct {
	ID        uuid.UUID
	Name      string
	Customer  customer.Customer
	Metadata  json.RawMessage
	Referral  *voucher.Voucher // the referral code that it names
	Loyalty   *voucher.Voucher // the loyalty card that it names
	CreatedAt time.Time
}

// Shown is an event as the data of occurrences shows it.
type Shown struct {
	ID        string          `json:"id"`
	Object    string          `json:"object"`
	Type      string          `json:"type"` // the event's name
	Customer  Person          `json:"customer"`
	Referral  *ShownReferral  `json:"referral"`
	Loyalty   *ShownLoyalty   `json:"loyalty"`
	Metadata  json.RawMessage `json:"metadata"`
	CreatedAt stamp.Stamp     `json:"created_at"`
}

// Person names a customer.
type Person struct {
	ID string `json:"id"`
}

// ShownReferral is the referral code of an event.
type ShownReferral struct {
	ID         string  `json:"id"`
	Code       string  `json:"code"`
	ReferrerID *string `json:"referrer_id"`
}

// ShownLoyalty is the loyalty card of an event.
type ShownLoyalty struct {
	Code string `json:"code"`
}

// Show is the event as the data of occurrences shows it.
func Show(e Event) Shown {
	return Shown{
		ID: id.Event.Format(e.ID), Object: "event", Type: e.Name, Customer: Person{id.Customer.Format(e.Customer.ID)},
		Referral: e.referral(), Loyalty: e.loyalty(), Metadata: e.Metadata, CreatedAt: stamp.Stamp(e.CreatedAt),
	}
}

func (e Event) referral() *ShownReferral {
	if e.Referral == nil {
		return nil
	}
	return &ShownReferral{id.Voucher.Format(e.Referral.ID), e.Referral.Code, id.Customer.FormatPtr(e.Referral.HolderID)}
}

func (e Event) loyalty() *ShownLoyalty {
	if e.Loyalty == nil {
		return nil
	}
	return &ShownLoyalty{e.Loyalty.Code}
}

// Answer is what the caller who told of an event hears.
type Answer struct {
	Object   string          `json:"object"`
	Type     string          `json:"type"`
	Customer customer.Simple `json:"customer"`
	Referral *ShownReferral  `json:"referral"`
	Loyalty  *ShownLoyalty   `json:"loyalty"`
	Metadata json.RawMessage `json:"metadata"`
}

// AnswerOf is what the caller who told of the event hears.
func AnswerOf(e Event) Answer {
	return Answer{
		Object: "event", Type: e.Name, Customer: customer.ShowSimple(e.Customer), Referral: e.referral(), Loyalty: e.loyalty(),
		Metadata: e.Metadata,
	}
}
