// Package segment is the noun of groups of customers: a fixed list, or everyone who fits a filter. Filters are parsed here
// into a tree of plain tests, which the ledger turns into SQL; what a field is and which operators fit it stands in one
// table (fields.go).
package segment

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/fault"
)

// Type says how a segment gets its members.
type Type string

// The types. Auto-update and passive segments follow their filter; auto-update ones also tell who entered and left.
const (
	Static     Type = "static"
	Passive    Type = "passive"
	AutoUpdate Type = "auto-update"
)

// The states of a segment's first sync.
const (
	InProgress = "IN_PROGRESS"
	Done       = "DONE"
)

// The limits of the public API.
const (
	MaxStatic  = 20_000 // customers of a static segment
	MaxDynamic = 100    // passive and auto-update segments of a project
	maxName    = 255    // characters
)

// Segment is one group.
type Segment struct {
	ID                uuid.UUID
	ProjectID         uuid.UUID
	Name              string
	Type              string
	Filter            json.RawMessage // as it was given; null for a static one
	InitialSyncStatus string
	Draft             bool
	Members           int64 // as counted when the last sync ended
	CreatedAt         time.Time
	UpdatedAt         *time.Time
	Moves             bool // the filter speaks of today; known once the first sync has ended
	Walked            bool // the first sync has come to the last customer
}

// Definition is a segment that is to be made.
type Definition struct {
	Name      string          `json:"name"`
	Type      Type            `json:"type"`
	Filter    json.RawMessage `json:"filter"`
	Customers []string        `json:"customers"` // ids or source ids
}

// Check says everything that is wrong with the definition, and completes it: one with a filter and no type follows it.
func (d Definition) Check() (Definition, error) {
	var faults fault.List
	if n := utf8.RuneCountInString(d.Name); n == 0 || n > maxName {
		faults.Add(fault.Property("name", "Property .name should have 1 to %d characters", maxName))
	}
	filtered := len(d.Filter) > 0 && string(d.Filter) != "null"
	if !filtered {
		d.Filter = nil
	}
	if d.Type == "" {
		d.Type = Static
		if filtered {
			d.Type = AutoUpdate
		}
	}
	switch d.Type {
	case Static:
		if filtered {
			faults.Add(fault.Property("filter", "Property .filter is not allowed in a static segment"))
		}
		if len(d.Customers) > MaxStatic {
			faults.Add(fault.Property("customers", "Property .customers has %d items; a static segment holds at most %d", len(d.Customers), MaxStatic))
		}
	case Passive, AutoUpdate:
		if len(d.Customers) > 0 {
			faults.Add(fault.Property("customers", "Property .customers is not allowed in a segment with a filter"))
		}
		if !filtered {
			faults.Add(fault.Property("filter", "Property .filter is required in a segment of type %s", d.Type))
			break
		}
		if _, err := Parse(d.Filter); err != nil {
			var f *fault.Error
			if !asFault(err, &f) {
				return d, err
			}
			faults.Add(f)
		}
	default:
		faults.Add(fault.Property("type", "Property .type should be one of: static, passive, auto-update"))
	}
	return d, faults.Err()
}

// CustomerPath names the property of a static segment's customer by its position.
func CustomerPath(i int) string { return "customers[" + strconv.Itoa(i) + "]" }
