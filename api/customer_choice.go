package api

import (
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
)

// customerChoice names a customer in the body of a call, or says what is known of one. Whatever takes a customer takes one so:
// a text that is one of our ids names a customer that must exist, any other text and a source_id in an object name one who is
// made where there is none, and what an object says of them is kept.
type customerChoice struct {
	key  string
	body customerBody
}

// UnmarshalJSONFrom reads "id or source id", or a customer.
func (m *customerChoice) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '"' {
		return json.UnmarshalDecode(dec, &m.key)
	}
	return json.UnmarshalDecode(dec, &m.body)
}

// JSONKind says what a customer in a body should be.
func (*customerChoice) JSONKind() string { return "an object, or a customer's id or source id" }

// saving checks the choice; property is where it stands in the body, for the faults.
func (m customerChoice) saving(property string) (db.Saving, error) {
	if m.key != "" {
		m.body.SourceID = &m.key
		if _, ok := id.Customer.Parse(m.key); ok {
			m.body.ID, m.body.SourceID = &m.key, nil
		}
	}
	if m.body.ID != nil { // the public API ignores the source id beside it
		m.body.SourceID = nil
	}
	if m.body.ID == nil && m.body.SourceID == nil {
		return db.Saving{}, fault.Property(property, "Property .%s needs an id or a source_id", property)
	}
	saving, err := m.body.saving()
	return saving, fault.Inside(property, err)
}

// optional is saving for a customer who may be left out; official clients send {} for nobody.
func (m *customerChoice) optional(property string) (*db.Saving, error) {
	if m == nil || reflect.ValueOf(*m).IsZero() {
		return nil, nil
	}
	saving, err := m.saving(property)
	return &saving, err
}
