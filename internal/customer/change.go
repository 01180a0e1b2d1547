package customer

import (
	"encoding/json"
	"errors"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"herald/internal/fault"
)

// The limits of what a customer can hold.
const (
	maxText        = 255  // characters of a name, a phone number, a part of the address, a source id
	maxDescription = 2000 // characters
	maxEmail       = 254  // bytes (RFC 5321)
	maxKeys        = 100  // metadata keys in one change
	maxKey         = 100  // characters of a metadata key
	maxMetadata    = 32 << 10
)

// Text is a text property in a change: not given, given as null (which empties it), or given.
type Text struct {
	Given bool
	Value *string
}

// UnmarshalJSONFrom reads a string or null.
func (t *Text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t.Given = true
	return jsonv2.UnmarshalDecode(dec, &t.Value)
}

// Object is a property that holds an object, in a change: not given, null (which empties it), or the parts that change.
type Object struct {
	Given bool
	Parts map[string]jsontext.Value
}

// UnmarshalJSONFrom reads an object or null.
func (o *Object) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	o.Given = true
	return jsonv2.UnmarshalDecode(dec, &o.Parts)
}

// Address is the address in a change.
type Address struct {
	Given bool
	Parts *AddressParts
}

// AddressParts are the parts of an address.
type AddressParts struct {
	City       Text `json:"city"`
	State      Text `json:"state"`
	Line1      Text `json:"line_1"`
	Line2      Text `json:"line_2"`
	Country    Text `json:"country"`
	PostalCode Text `json:"postal_code"`
}

// UnmarshalJSONFrom reads an object or null.
func (a *Address) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	a.Given = true
	return jsonv2.UnmarshalDecode(dec, &a.Parts)
}

// Change is what a caller says about a customer. What it does not mention stays as it is, null empties, and the parts of the
// address and of the metadata are merged with those that are there.
type Change struct {
	Name        Text    `json:"name"`
	Description Text    `json:"description"`
	Email       Text    `json:"email"`
	Phone       Text    `json:"phone"`
	Birthdate   Text    `json:"birthdate"`
	Birthday    Text    `json:"birthday"` // the older name of birthdate
	Address     Address `json:"address"`
	Metadata    Object  `json:"metadata"`
}

// Check says everything that is wrong with the change, or what the ledger should merge.
func (c Change) Check() (Values, error) {
	k := checker{}
	v := Values{
		Name:        k.text("name", c.Name, maxText),
		Description: k.text("description", c.Description, maxDescription),
		Email:       k.email(c.Email),
		Phone:       k.text("phone", emptyIsNull(c.Phone), maxText),
		Birthdate:   k.birthdate(c),
		Address:     k.address(c.Address),
	}
	v.Metadata, v.Removed = k.metadata(c.Metadata)
	v.Cleared = k.cleared
	return v, k.faults.Err()
}

// CheckSourceID says what is wrong with a source id.
func CheckSourceID(property, source string) *fault.Error {
	switch {
	case strings.TrimSpace(source) == "":
		return fault.Property(property, "Property .%s should not be empty", property)
	case utf8.RuneCountInString(source) > maxText:
		return fault.Property(property, "Property .%s is longer than %d characters", property, maxText)
	case strings.ContainsRune(source, 0):
		return fault.Property(property, "Property .%s holds a NUL character", property)
	}
	return nil
}

// checker gathers faults and the names of emptied properties.
type checker struct {
	faults  fault.List
	cleared []string
}

func (k *checker) text(property string, t Text, most int) *string {
	switch {
	case !t.Given:
		return nil
	case t.Value == nil:
		k.cleared = append(k.cleared, property)
		return nil
	case utf8.RuneCountInString(*t.Value) > most:
		k.faults.Add(fault.Property(property, "Property .%s is longer than %d characters", property, most))
	case strings.ContainsRune(*t.Value, 0):
		k.faults.Add(fault.Property(property, "Property .%s holds a NUL character", property))
	}
	return t.Value
}

// emptyIsNull makes an empty text empty the property: an empty address is none.
func emptyIsNull(t Text) Text {
	if t.Value != nil && strings.TrimSpace(*t.Value) == "" {
		t.Value = nil
	}
	return t
}

func (k *checker) email(t Text) *string {
	value := k.text("email", emptyIsNull(t), maxText)
	if value == nil {
		return nil
	}
	address := strings.TrimSpace(*value)
	if why := implausible(address); why != nil {
		k.faults.Add(fault.Property("email", "Property .email should be an email address: %v", why))
	}
	return &address
}

// implausible says why no mail can go to the address; whether it exists only sending can tell.
func implausible(address string) error {
	if len(address) > maxEmail {
		return errors.New("it is too long")
	}
	if strings.ContainsFunc(address, unicode.IsControl) || strings.ContainsAny(address, " <>,;") {
		return errors.New("it holds a space, a bracket, a comma or a control character")
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "mail: "))
	}
	if parsed.Address != address {
		return errors.New("it holds more than an address")
	}
	return nil
}

// birthdate is the date under either of its names; where both are given the older name says nothing, but is no nonsense.
func (k *checker) birthdate(c Change) *time.Time {
	if !c.Birthdate.Given {
		return k.born("birthday", c.Birthday)
	}
	if older := emptyIsNull(c.Birthday); older.Value != nil {
		k.born("birthday", older)
	}
	return k.born("birthdate", c.Birthdate)
}

func (k *checker) born(property string, given Text) *time.Time {
	if !given.Given {
		return nil
	}
	given = emptyIsNull(given)
	if given.Value == nil {
		k.cleared = append(k.cleared, "birthdate")
		return nil
	}
	born, err := time.Parse(time.DateOnly, *given.Value)
	if err != nil {
		if born, err = time.Parse(time.RFC3339Nano, *given.Value); err == nil {
			born = born.UTC().Truncate(24 * time.Hour)
		}
	}
	switch {
	case err != nil:
		k.faults.Add(fault.Property(property, "Property .%s should be a date as in 1990-12-31", property))
	case born.Year() < 1800, born.After(time.Now().AddDate(0, 0, 1)):
		k.faults.Add(fault.Property(property, "Property .%s should lie between the year 1800 and today", property))
	}
	return &born
}

func (k *checker) address(a Address) json.RawMessage {
	if !a.Given {
		return nil
	}
	if a.Parts == nil {
		k.cleared = append(k.cleared, "address")
		return nil
	}
	var raw []byte
	for _, part := range []struct {
		name string
		Text
	}{
		{"city", a.Parts.City}, {"state", a.Parts.State}, {"line_1", a.Parts.Line1},
		{"line_2", a.Parts.Line2}, {"country", a.Parts.Country}, {"postal_code", a.Parts.PostalCode},
	} {
		if !part.Given {
			continue
		}
		inner := checker{} // a part that is null does not clear the address
		value := jsontext.Value("null")
		if text := inner.text("address."+part.name, part.Text, maxText); text != nil {
			value = quote(*text)
		}
		k.faults = append(k.faults, inner.faults...)
		raw = appendMember(raw, part.name, value)
	}
	return append(openObject(raw), '}')
}

// quote writes a text as JSON; what is no UTF-8 in it is replaced.
func quote(text string) jsontext.Value {
	quoted, _ := jsontext.AppendQuote(nil, text) // reports bad UTF-8 and writes it replaced
	return quoted
}

// appendMember appends a member to an object that is still open.
func appendMember(object []byte, name string, value jsontext.Value) []byte {
	if len(object) > 0 {
		object = append(object, ',')
	}
	object = append(openObject(object), quote(name)...)
	return append(append(object, ':'), value...)
}

// openObject begins an object where none is begun.
func openObject(object []byte) []byte {
	if len(object) == 0 {
		return append(object, '{')
	}
	return object
}

func (k *checker) metadata(o Object) (set json.RawMessage, removed []string) {
	if !o.Given {
		return nil, nil
	}
	if o.Parts == nil {
		k.cleared = append(k.cleared, "metadata")
		return nil, nil
	}
	if len(o.Parts) > maxKeys {
		k.faults.Add(fault.Property("metadata", "Property .metadata has %d keys; at most %d are allowed", len(o.Parts), maxKeys))
		return nil, nil
	}
	var raw []byte
	for _, key := range slices.Sorted(maps.Keys(o.Parts)) {
		value := o.Parts[key]
		if key == "" || utf8.RuneCountInString(key) > maxKey || strings.ContainsRune(key, 0) {
			k.faults.Add(fault.Property("metadata", "A key of .metadata should have 1 to %d characters", maxKey))
			continue
		}
		if value.Kind() == 'n' {
			removed = append(removed, key)
			continue
		}
		raw = appendMember(raw, key, value)
	}
	if len(raw) > maxMetadata {
		k.faults.Add(fault.Property("metadata", "Property .metadata is larger than %d bytes", maxMetadata))
		return nil, nil
	}
	return append(openObject(raw), '}'), removed
}
