// Package customer is the noun of the people a project sends to: what a customer is, what may be said about one, and how a
// CSV file says it. A customer is known by our id and, where the project gave one, by its own source id, which never changes.
package customer

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Customer is one customer of a project.
type Customer struct {
	ID             uuid.UUID
	ProjectID      uuid.UUID
	SourceID       *string
	Name           *string
	Description    *string
	Email          *string
	Phone          *string
	Birthdate      *time.Time
	Address        json.RawMessage // an object with some of: city, state, line_1, line_2, country, postal_code; or null
	Metadata       json.RawMessage // an object
	SystemMetadata json.RawMessage // an object
	UnsubscribedAt *time.Time
	CreatedAt      time.Time
	UpdatedAt      *time.Time
}

// Values is a change after its check, in the form in which the ledger merges it. Nil means: as it was.
type Values struct {
	Name, Description, Email, Phone *string
	Birthdate                       *time.Time
	Address                         json.RawMessage `json:",omitempty"` // the parts that change; a null part is removed
	Metadata                        json.RawMessage `json:",omitempty"` // the keys that are set
	Removed                         []string        // the metadata keys that are removed
	Cleared                         []string        // the properties that are emptied, by their names
}

// Consent is something that a customer can agree to.
type Consent struct {
	ID          uuid.UUID
	ProjectID   uuid.UUID
	Name        string
	Description *string
	Category    *string
	CreatedAt   time.Time
}

// Figures is what the summary of a customer counts, or by how much a change moves it. Amounts are in minor units.
type Figures struct {
	OrdersAmount, OrdersCount               int64 // of orders that are paid or fulfilled
	LastOrderAt                             *time.Time
	LastOrderAmount                         int64
	RedemptionsSucceeded, RedemptionsFailed int64
	RollbacksSucceeded, RollbacksFailed     int64
	GiftRedeemed, GiftToGo                  int64 // credits spent, and left on the gift cards that the customer holds
	PointsRedeemed, PointsToGo              int64 // points spent, and left on the loyalty cards that the customer holds
	Points                                  int64 // points ever collected, less what expired
	ReferredCustomers                       int64
}
