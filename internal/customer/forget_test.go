package customer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/internal/async"
	"herald/internal/csvfile"
	"herald/internal/customer"
	"herald/internal/id"
)

func zelda() customer.Customer {
	text := func(s string) *string { return &s }
	return customer.Customer{
		ID: uuid.MustParse("0192f0c1-b8d7-7d4f-a1c3-e5f708192a3b"), SourceID: text(`z"1`), Email: text("zelda@quux.example"), Phone: text("+48 555"), Name: text("Zelda Q"),
	}
}

func TestForgettingInWhatIsStillToBeDone(t *testing.T) {
	t.Parallel()
	one := id.Customer.Format(zelda().ID)
	for name, try := range map[string]struct{ kind, input, kept string }{
		"an update in bulk": {
			async.CustomersBulkUpdate, `[{"source_id":"a"},{"source_id":"z\"1","name":"Z"},{"source_id":"b"}]`,
			`[{"source_id":"a"},null,{"source_id":"b"}]`,
		},
		"metadata": {
			async.CustomersMetadataUpdate, `{"source_ids":["a","z\"1"],"metadata":{"k":[1]}}`, `{"source_ids":["a",""],"metadata":{"k":[1]}}`,
		},
		"orders": {
			async.OrdersImport,
			`[{"source_id":"z\"1","Customer":{"SourceID":"z\"1"},"metadata":{"to":"Z"}},{"Customer":{"ID":"` + zelda().ID.String() + `"}},{"Customer":null}]`,
			`[{"source_id":"z\"1","Customer":null},{"Customer":null},{"Customer":null}]`,
		},
		"others":     {async.CustomersBulkUpdate, `[{"source_id":"z","name":"z\"1"}]`, ""},
		"other work": {async.VouchersImport, `[{"source_id":"z\"1"}]`, ""},
		"rows": {
			async.CustomersImportCSV, "Source_id;Id;Email\na;;\n\"z\"\"1\";;\n;" + one + ";\n;;ZELDA@quux.example\nother;;zelda@quux.example\n",
			"\xef\xbb\xbfSource_id,Id,Email\na,,\n\xff\n\xff\n\xff\nother,,zelda@quux.example\n",
		},
		"a file that is not there": {async.CustomersImportCSV, "Name\nZ\n", ""},
	} {
		kept, found, err := customer.TracesOf(zelda()).Forget(try.kind, []byte(try.input))
		require.NoError(t, err, name)
		require.Equal(t, try.kept != "", found, name)
		switch {
		case !found:
		case try.kind == async.CustomersImportCSV:
			require.Equal(t, try.kept, string(kept), name)
		default:
			require.JSONEq(t, try.kept, string(kept), name)
		}
	}
}

func TestWhereACustomerStands(t *testing.T) {
	t.Parallel()
	traces := customer.TracesOf(zelda())
	for text, want := range map[string]bool{
		"id,email\n1,zelda@quux.example\n": true, "x,+48 555,y": true, id.Customer.Format(zelda().ID): true, `{"source_id":"z\"1"}`: true,
		"a,z\"1,b\n": true, "1,Zelda Q\n": true, "1,'Zelda Q\n": true, "1,Zelda Quux\n": false, "zz\"11": false, "": false,
	} {
		require.Equal(t, want, traces.Stand([]byte(text)), text)
	}
	nobody := customer.TracesOf(customer.Customer{ID: zelda().ID})
	require.False(t, nobody.Stand([]byte(",,\n\"\"\n")), "who has no address does not stand where none is")
	require.Len(t, nobody.InAnswers(), 1)
	refused := []byte(`{"reply":"5.1.1 <zelda@quux.example>: unknown"}`)
	require.True(t, slices.ContainsFunc(traces.InAnswers(), func(piece []byte) bool { return bytes.Contains(refused, piece) }))
}

// Whatever a file holds: every row keeps its number, no other row is lost, and who was forgotten is not found again.
func FuzzForgettingRows(f *testing.F) {
	for _, seed := range []string{
		"Source_id,Name\nz\"1,Z\n\"z\"\"1\",\"a\nb\"\n", "Email\nzelda@quux.example\n\"\"\n\n", "Name;x\n\"open;\n\xff;\n", "Id\n \n", "\xef\xbb\xbfName\r\nA\r\n",
	} {
		f.Add([]byte(seed))
	}
	traces := customer.TracesOf(zelda())
	f.Fuzz(func(t *testing.T, input []byte) {
		kept, found, err := traces.Forget(async.CustomersImportCSV, input)
		if err != nil {
			return // no file that could have been ordered
		}
		before, after := goodRows(t, input), goodRows(t, kept)
		require.Len(t, after, len(before))
		gone := 0
		for i, row := range before {
			if after[i] == nil && row != nil {
				gone++
				continue
			}
			require.Equal(t, row, after[i])
		}
		require.True(t, found || gone == 0)
		_, again, err := traces.Forget(async.CustomersImportCSV, kept)
		require.NoError(t, err)
		require.False(t, again)
	})
}

// goodRows is what is read of each row; nothing of a bad one.
func goodRows(t *testing.T, file []byte) (all []*customer.Record) {
	t.Helper()
	reader, err := csvfile.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	columns, err := customer.NewColumns(reader.Header())
	require.NoError(t, err)
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, nil)
		if row.Bad != "" {
			continue
		}
		if record, _, bad := columns.Read(row.Fields); bad == "" {
			all[len(all)-1] = &record
		}
	}
}

// Whatever an update in bulk holds: it has as many customers as before, and who was forgotten is not found again.
func FuzzForgettingItems(f *testing.F) {
	f.Add([]byte(`[{"source_id":"z\"1"},null,1,"x",{"id":{}}]`))
	f.Add([]byte(`[{"source_id":1},{"ID":"z\"1","Customer":{"SourceID":"z\"1"}}]`))
	traces := customer.TracesOf(zelda())
	f.Fuzz(func(t *testing.T, input []byte) {
		for _, kind := range []string{async.CustomersBulkUpdate, async.OrdersImport} {
			kept, _, err := traces.Forget(kind, input)
			if err != nil {
				continue
			}
			var before, after []json.RawMessage
			require.NoError(t, json.Unmarshal(input, &before))
			require.NoError(t, json.Unmarshal(kept, &after))
			require.Len(t, after, len(before))
			_, again, err := traces.Forget(kind, kept)
			require.NoError(t, err)
			require.False(t, again)
		}
	})
}
