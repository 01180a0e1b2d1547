package segment

import (
	"strings"
	"unicode/utf8"
)

// Kind says how a field can be compared.
type Kind int

// The kinds of fields.
const (
	Text     Kind = 1 << iota
	Number        // of metadata, also texts that read as one
	Moment        // an instant or a date
	Birthday      // a date whose anniversary counts: "birthday next month" is about the month, not about the year
	List          // how many items an array has
)

// Field is what a test looks at.
type Field struct {
	Name  string // as in the table: "events.<key>.count"
	Key   string // what stands for <key>
	Kind  Kind   // one or, of metadata, several
	Facet Facets // the kind of fact that the field is
}

// String is the field as filters name it.
func (f Field) String() string { return strings.Replace(f.Name, key, f.Key, 1) }

// Textual reports whether the field is kept as a text, whatever it is compared as.
func (f Field) Textual() bool { return f.Kind&Text != 0 }

// key stands in a field's name for any text, dots included.
const key = "<key>"

// fields are the fields of a filter; the ledger knows a column for each (db/segment_sql.go). Most are official examples' or
// stand in the customer as the public API shows them; docs/choices.md says which are neither.
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
	{Name: "metadata." + key, Kind: Text | Number | Moment | List, Facet: Attributes},
	{Name: "system_metadata." + key, Kind: Text | Number | Moment | List, Facet: Attributes},

	{Name: "events." + key + ".count", Kind: Number, Facet: Events},
	{Name: "events." + key + ".last_occurrence", Kind: Moment, Facet: Events},

	{Name: "summary.orders.total_amount", Kind: Number, Facet: Orders},
	{Name: "summary.orders.total_count", Kind: Number, Facet: Orders},
	{Name: "summary.orders.average_amount", Kind: Number, Facet: Orders},
	{Name: "summary.orders.last_order_amount", Kind: Number, Facet: Orders},
	{Name: "summary.orders.last_order_date", Kind: Moment, Facet: Orders},

	{Name: "summary.redemptions.total_redeemed", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.total_succeeded", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.total_failed", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.total_rolled_back", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.total_rollback_succeeded", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.total_rollback_failed", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.gift.redeemed_amount", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.gift.amount_to_go", Kind: Number, Facet: Redemptions},
	{Name: "summary.redemptions.loyalty_card.redeemed_points", Kind: Number, Facet: Redemptions | Loyalty},
	{Name: "summary.redemptions.loyalty_card.points_to_go", Kind: Number, Facet: Redemptions | Loyalty},

	{Name: "loyalty.points", Kind: Number, Facet: Loyalty},
	{Name: "loyalty_points.campaigns." + key + ".points", Kind: Number, Facet: Loyalty},
	{Name: "loyalty.campaigns." + key + ".loyalty_tier", Kind: Text, Facet: Loyalty},
	{Name: "loyalty.referred_customers", Kind: Number, Facet: Referrals},
}

const maxFieldKey = 255 // characters

func findField(name string) (Field, bool) {
	for _, f := range fields {
		before, after, keyed := strings.Cut(f.Name, key)
		if !keyed {
			if f.Name == name {
				return f, true
			}
			continue
		}
		rest, begins := strings.CutPrefix(name, before)
		given, ends := strings.CutSuffix(rest, after)
		if begins && ends && given != "" && utf8.RuneCountInString(given) <= maxFieldKey && !strings.ContainsRune(given, 0) {
			f.Key = given
			return f, true
		}
	}
	return Field{}, false
}

func fieldNames() string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
