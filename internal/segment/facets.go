package segment

import (
	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/occurrence"
)

// Facets are the kinds of facts of a customer. A change says which it touched, and only the segments that look at those are
// held against the customer again.
type Facets uint8

// The facets.
const (
	Attributes  Facets = 1 << iota // the customer's own row
	Events                         // custom events
	Orders                         //
	Redemptions                    // also gift credits
	Loyalty                        // points and tiers
	Referrals                      //

	AllFacets = Attributes | Events | Orders | Redemptions | Loyalty | Referrals
)

// Facets are those that the filter looks at.
func (f Filter) Facets() (facets Facets) {
	for _, c := range f.Conditions {
		facets |= c.Field.Facet
	}
	return facets
}

// Moved is the occurrence of a customer who entered or left a segment.
func Moved(one, in uuid.UUID, name string, entered bool) occurrence.Occurrence {
	kind := occurrence.SegmentLeft
	if entered {
		kind = occurrence.SegmentEntered
	}
	return occurrence.Occurrence{
		Type: kind, Customer: one, Subject: &in,
		Data: map[string]any{"segment": map[string]any{"id": id.Segment.Format(in), "name": name, "object": "segment"}},
	}
}
