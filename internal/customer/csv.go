package customer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
)

// Columns says what each column of a CSV file means: the public API's names for the standard fields, in any case; every
// other column is metadata under its own name. A column without a name is skipped.
type Columns struct {
	put  []func(*Line, string)
	keys []string // of the metadata
}

// Line is a row of a CSV file, as it was read. An empty cell says nothing, so it changes nothing.
type Line struct {
	ID, SourceID string
	Change       Change
}

// Record is a customer from a row that can be used.
type Record struct {
	ID       *uuid.UUID
	SourceID *string
	Values   Values
}

var standard = map[string]func(*Line) *Text{
	"name":                func(l *Line) *Text { return &l.Change.Name },
	"description":         func(l *Line) *Text { return &l.Change.Description },
	"email":               func(l *Line) *Text { return &l.Change.Email },
	"phone":               func(l *Line) *Text { return &l.Change.Phone },
	"birthdate":           func(l *Line) *Text { return &l.Change.Birthdate },
	"birthday":            func(l *Line) *Text { return &l.Change.Birthday },
	"address_line_1":      func(l *Line) *Text { return &l.address().Line1 },
	"address_line_2":      func(l *Line) *Text { return &l.address().Line2 },
	"address_city":        func(l *Line) *Text { return &l.address().City },
	"address_state":       func(l *Line) *Text { return &l.address().State },
	"address_country":     func(l *Line) *Text { return &l.address().Country },
	"address_postal_code": func(l *Line) *Text { return &l.address().PostalCode },
}

func (l *Line) address() *AddressParts {
	l.Change.Address.Given = true
	if l.Change.Address.Parts == nil {
		l.Change.Address.Parts = &AddressParts{}
	}
	return l.Change.Address.Parts
}

// NewColumns reads a header. Its faults are about the file as a whole.
func NewColumns(header []string) (Columns, error) {
	c := Columns{}
	seen := map[string]bool{}
	for _, name := range header {
		folded := strings.ToLower(name)
		if name != "" && seen[folded] {
			return Columns{}, fault.New(fault.InvalidPayload, "The file has two columns named %q", name)
		}
		seen[folded] = true
		put := func(*Line, string) {}
		if field, ok := standard[folded]; ok {
			put = func(l *Line, cell string) { *field(l) = Text{Given: true, Value: &cell} }
		} else if folded == "id" {
			put = func(l *Line, cell string) { l.ID = cell }
		} else if folded == "source_id" {
			put = func(l *Line, cell string) { l.SourceID = cell }
		} else if name != "" {
			if utf8.RuneCountInString(name) > maxKey {
				return Columns{}, fault.New(fault.InvalidPayload, "The column %.40q… has more than %d characters in its name", name, maxKey)
			}
			c.keys = append(c.keys, name)
			put = func(l *Line, cell string) { l.set(name, cell) }
		}
		c.put = append(c.put, put)
	}
	if len(c.keys) > maxKeys {
		return Columns{}, fault.New(fault.InvalidPayload, "The file has %d columns that are metadata; at most %d are allowed", len(c.keys), maxKeys)
	}
	if len(seen) == 1 && seen[""] {
		return Columns{}, fault.New(fault.InvalidPayload, "The first line names no column")
	}
	return c, nil
}

func (l *Line) set(key, cell string) {
	if l.Change.Metadata.Parts == nil {
		l.Change.Metadata = Object{Given: true, Parts: map[string]jsontext.Value{}}
	}
	l.Change.Metadata.Parts[key] = quote(cell)
}

// Read turns the cells of a row into a record; its second value says why that cannot be done.
func (c Columns) Read(cells []string) (Record, string, string) {
	line := Line{}
	for i, cell := range cells {
		if cell = strings.TrimSpace(cell); cell != "" {
			c.put[i](&line, cell)
		}
	}
	record, err := line.check()
	return record, line.SourceID, err
}

func (l *Line) check() (Record, string) {
	var record Record
	if l.ID != "" {
		one, ok := id.Customer.Parse(l.ID)
		if !ok {
			return Record{}, fmt.Sprintf("column Id: %q is no customer id", l.ID)
		}
		record.ID = &one
	}
	if l.SourceID != "" {
		if f := CheckSourceID("source_id", l.SourceID); f != nil {
			return Record{}, f.Details
		}
		record.SourceID = &l.SourceID
	}
	values, err := l.Change.Check()
	if err != nil {
		return Record{}, reasons(err)
	}
	record.Values = values
	return record, ""
}

// reasons is every fault of a row in one line.
func reasons(err error) string {
	var all fault.List
	all.AddAll(err)
	texts := make([]string, len(all))
	for i, f := range all {
		texts[i] = strings.TrimPrefix(f.Details, "Property .")
	}
	return strings.Join(slices.Compact(texts), "; ")
}

// Fold lays the later of two records of the same customer over the earlier one, as saving one after the other would.
func Fold(earlier, later Values) (Values, error) {
	earlier.Name = or(later.Name, earlier.Name)
	earlier.Description = or(later.Description, earlier.Description)
	earlier.Email = or(later.Email, earlier.Email)
	earlier.Phone = or(later.Phone, earlier.Phone)
	earlier.Birthdate = or(later.Birthdate, earlier.Birthdate)
	var err error
	if earlier.Address, err = foldObjects(earlier.Address, later.Address); err != nil {
		return Values{}, err
	}
	earlier.Metadata, err = foldObjects(earlier.Metadata, later.Metadata)
	return earlier, err
}

func foldObjects(earlier, later json.RawMessage) (json.RawMessage, error) {
	if earlier == nil || later == nil {
		if later == nil {
			return earlier, nil
		}
		return later, nil
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(earlier, &parts); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(later, &parts); err != nil {
		return nil, err
	}
	return json.Marshal(parts)
}

func or[T any](first, second *T) *T {
	if first != nil {
		return first
	}
	return second
}
