package segment

import (
	"strings"
)

// Kind says how a field can be compared.
type Kind int

// The kinds of fields.
const (
	Text     Kind = 1 << iota
	Number        // also texts that read as one
	Moment        // an instant or a date
	Birthday      // a date whose anniversary counts: "birthday next month" is about the month, not about the year
	List          // how many items an array has
)

// Field is what a test looks at.
type Field struct {
	Name string // as in the table, without the key: "metadata"
	Key  string // of metadata and system_metadata
	Kind Kind   // one or, of metadata, several
	// Facet is the kind of fact that the field is.
	Facet Facets
}

// String is the field as filters name it.
func (f Field) String() string {
	if f.Key != "" {
		return f.Name + "." + f.Key
	}
	return f.Name
}

// fields are the fields of a filter; the ledger knows a column for each (db/segment_sql.go). A name that ends in a dot takes
// any key after it.
var fields = []Field{
	{Name: "name", Kind: Text, Facet: Attributes},
	{Name: "email", Kind: Text, Facet: Attributes},
	{Name: "phone", Kind: Text, Facet: Attributes},
	{Name: "source_id", Kind: Text, Facet: Attributes},
	{Name: "description", Kind: Text, Facet: Attributes},
	{Name: "address.city", Kind: Text, Facet: Attributes},
	{Name: "address.state", Kind: Text, Facet: Attributes},
	{Name: "address.line_1", Kind: Text, Facet: Attributes},
	{Name: "address.line_2", Kind: Text, Facet: Attributes},
	{Name: "address.country", Kind: Text, Facet: Attributes},
	{Name: "address.postal_code", Kind: Text, Facet: Attributes},
	{Name: "created_at", Kind: Moment, Facet: Attributes},
	{Name: "updated_at", Kind: Moment, Facet: Attributes},
	{Name: "birthdate", Kind: Birthday, Facet: Attributes},
	{Name: "metadata.", Kind: Text | Number | Moment | List, Facet: Attributes},
	{Name: "system_metadata.", Kind: Text | Number | Moment | List, Facet: Attributes},
}

const maxFieldKey = 100 // characters

func findField(name string) (Field, bool) {
	for _, f := range fields {
		if f.Name == name && !strings.HasSuffix(name, ".") {
			return f, true
		}
		key, keyed := strings.CutPrefix(name, f.Name)
		if strings.HasSuffix(f.Name, ".") && keyed && key != "" && len(key) <= maxFieldKey && !strings.ContainsRune(key, 0) {
			return Field{Name: strings.TrimSuffix(f.Name, "."), Key: key, Kind: f.Kind, Facet: f.Facet}, true
		}
	}
	return Field{}, false
}

func fieldNames() string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
		if strings.HasSuffix(f.Name, ".") {
			names[i] += "<key>"
		}
	}
	return strings.Join(names, ", ")
}
