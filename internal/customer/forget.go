package customer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"herald/internal/async"
	"herald/internal/csvfile"
	"herald/internal/id"
)

// Traces is how a customer is found where no key leads to them: in answers that were kept, in files, in orders of work.
type Traces struct {
	key                                uuid.UUID
	id, source, email, telephone, name string // empty: there is none
}

// TracesOf are the customer's traces.
func TracesOf(c Customer) Traces {
	text := func(t *string) string {
		if t == nil {
			return ""
		}
		return *t
	}
	return Traces{c.ID, id.Customer.Format(c.ID), text(c.SourceID), text(c.Email), text(c.Phone), text(c.Name)}
}

// InAnswers are the pieces of JSON of which an answer that speaks of the customer holds at least one. A source id can be any
// text, so it counts only where a source id stands; an address counts within other words, such as a provider's.
func (t Traces) InAnswers() [][]byte {
	pieces := [][]byte{[]byte(t.id)}
	for _, name := range []string{"source_id", "tracking_id", "resource_id"} {
		if t.source != "" {
			pieces = append(pieces, []byte(`"`+name+`":`+quoted(t.source)))
		}
	}
	for _, text := range []string{t.email, t.telephone} {
		if text != "" {
			pieces = append(pieces, []byte(strings.Trim(quoted(text), `"`)))
		}
	}
	return pieces
}

// quoted writes a text as answers do.
func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// Stand reports whether the customer stands in a file that was exported, or in what was asked for it. Somebody else of their name
// counts as well: a file of names alone does not tell them apart.
func (t Traces) Stand(in []byte) bool {
	for _, text := range []string{t.id, t.email, t.telephone} {
		if text != "" && bytes.Contains(in, []byte(text)) {
			return true
		}
	}
	for _, text := range []string{t.source, t.name} {
		if text != "" && (bytes.Contains(in, []byte(quoted(text))) || inCSV(in, text)) {
			return true
		}
	}
	return false
}

// inCSV reports whether the text is a cell, or a part of one that begins and ends at its edges. An apostrophe stands before what
// a spreadsheet would take for a formula.
func inCSV(in []byte, text string) bool {
	for rest := in; ; {
		at := bytes.Index(rest, []byte(text))
		if at < 0 {
			return false
		}
		before, after := at == 0 || strings.IndexByte("\n,;\t\"'", rest[at-1]) >= 0, rest[at+len(text):]
		if before && (len(after) == 0 || strings.IndexByte("\r\n,;\t\"", after[0]) >= 0) {
			return true
		}
		rest = after
	}
}

// Forget takes what an async action of that type was ordered to do to the customer out of its input, and reports whether there
// was anything. Everything else keeps its place, because an action that is under way counts on it.
func (t Traces) Forget(actionType string, input []byte) ([]byte, bool, error) {
	switch actionType {
	case async.CustomersImportCSV:
		return t.forgetRows(input)
	case async.CustomersBulkUpdate:
		return t.forgetItems(input, func(item jsontext.Value) (jsontext.Value, bool) {
			if !t.named(item) {
				return item, false
			}
			return jsontext.Value("null"), true
		})
	case async.CustomersMetadataUpdate:
		var b struct {
			SourceIDs jsontext.Value `json:"source_ids"`
			Metadata  jsontext.Value `json:"metadata"`
		}
		if err := jsonv2.Unmarshal(input, &b); err != nil {
			return nil, false, err
		}
		kept, found, err := t.forgetItems(b.SourceIDs, func(item jsontext.Value) (jsontext.Value, bool) {
			if !t.named(item) {
				return item, false
			}
			return jsontext.Value(`""`), true
		})
		if err != nil || !found {
			return input, false, err
		}
		b.SourceIDs = kept
		raw, err := jsonv2.Marshal(b)
		return raw, true, err
	case async.OrdersImport:
		return t.forgetItems(input, t.forgetInOrder)
	}
	return input, false, nil
}

// named reports whether a value names the customer: their id or source id, or an object with one of them.
func (t Traces) named(value jsontext.Value) bool {
	var text string
	if value.Kind() == '"' && jsonv2.Unmarshal(value, &text) == nil {
		return text == t.id || t.source != "" && text == t.source
	}
	var named struct {
		ID       string `json:"id"`
		SourceID string `json:"source_id"`
	}
	return value.Kind() == '{' && jsonv2.Unmarshal(value, &named) == nil &&
		(named.ID == t.id || t.source != "" && named.SourceID == t.source)
}

// forgetInOrder takes the customer out of an order that is to be imported, as the ledger keeps one.
func (t Traces) forgetInOrder(order jsontext.Value) (jsontext.Value, bool) {
	var parts map[string]jsontext.Value
	if order.Kind() != '{' || jsonv2.Unmarshal(order, &parts) != nil {
		return order, false
	}
	found := false
	for _, name := range []string{"Customer", "Referrer"} {
		var whom struct {
			ID       *uuid.UUID
			SourceID string
		}
		if jsonv2.Unmarshal(parts[name], &whom) != nil {
			continue
		}
		if whom.ID != nil && *whom.ID == t.key || whom.ID == nil && t.source != "" && whom.SourceID == t.source {
			parts[name] = jsontext.Value("null")
			found = true
		}
	}
	if !found {
		return order, false
	}
	delete(parts, "metadata") // as of the orders that are there
	kept, err := jsonv2.Marshal(parts)
	return kept, err == nil
}

// forgetItems goes through an array.
func (t Traces) forgetItems(
	input jsontext.Value, forget func(jsontext.Value) (kept jsontext.Value, found bool),
) (jsontext.Value, bool, error) {
	var items []jsontext.Value
	if err := jsonv2.Unmarshal(input, &items); err != nil {
		return nil, false, err
	}
	stood := false
	for i := range items {
		kept, found := forget(items[i])
		items[i], stood = kept, stood || found
	}
	if !stood {
		return input, false, nil
	}
	raw, err := jsonv2.Marshal(items)
	return raw, true, err
}

// byteOrderMark says that a file is in UTF-8, whatever else it looks like.
const byteOrderMark = "\xef\xbb\xbf"

// forgottenRow stands for a row that is not to be imported: a bad one, whatever the file's columns are.
const forgottenRow = "\xff\n"

// forgetRows goes through a CSV file. Where it finds the customer, it writes the file anew, in UTF-8.
func (t Traces) forgetRows(input []byte) ([]byte, bool, error) {
	in, err := csvfile.NewReader(bytes.NewReader(input))
	if err != nil {
		return nil, false, err
	}
	columns, err := NewColumns(in.Header())
	if err != nil {
		return nil, false, err
	}
	var out bytes.Buffer
	out.WriteString(byteOrderMark)
	rows := csv.NewWriter(&out)
	write := func(fields []string) {
		if len(fields) == 1 && fields[0] == "" {
			fields = []string{" "} // an empty line would be no row
		}
		_ = rows.Write(fields) // a buffer never fails
		rows.Flush()
	}
	write(in.Header())
	found := false
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Bytes(), found, nil
		}
		if err != nil {
			return nil, false, err
		}
		if row.Bad == "" && !t.inRow(columns, row.Fields) {
			write(row.Fields)
			continue
		}
		found = found || row.Bad == ""
		out.WriteString(forgottenRow)
	}
}

// inRow reports whether a row is about the customer: it has their id or source id or, with neither, their address.
func (t Traces) inRow(columns Columns, fields []string) bool {
	record, source, _ := columns.Read(fields)
	if record.ID != nil {
		return id.Customer.Format(*record.ID) == t.id
	}
	if record.SourceID != nil {
		source = *record.SourceID
	}
	if source != "" {
		return source == t.source
	}
	return t.email != "" && record.Values.Email != nil && strings.EqualFold(*record.Values.Email, t.email)
}
