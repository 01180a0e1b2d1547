package db_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/async"
)

func (p people) importCSV(t testing.TB, file io.Reader) (db.ImportState, []async.CSVFailed) {
	t.Helper()
	var failed []async.CSVFailed
	state, err := p.customers.ImportCSV(t.Context(), db.CustomerImport{
		Project: p.project, Bad: func(f async.CSVFailed) error { failed = append(failed, f); return nil },
	}, file)
	require.NoError(t, err)
	return state, failed
}

func TestImportingCustomers(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.save(t, "ada", `{"name":"Old","phone":"1","metadata":{"kept":true}}`)
	gold := p.segment(t, `{"metadata.Level":{"conditions":{"$is":"gold"}}}`)
	p.sync(t, gold.ID)
	state, failed := p.importCSV(t, strings.NewReader("\ufeffsource_ID,Name,Email,Birthdate,Address_City,Level,\r\n"+
		`ada,"Ada ""the"" Lovelace",ada@example.com,1815-12-10,London,gold,`+"\r\n"+
		"bob,Bob,nobody,1990-02-30,,,\r\n"+
		"cyd,\"Two\r\nlines\",,,,silver,\r\n"+
		"cyd,,cyd@example.com,,Paris,gold,\r\n"+
		"dan,too,few\r\n"+
		"eve,\"never closed,,,,,\r\n"+
		"fay,Zo\xeb,,,,,\r\n"+
		"gus,a\x00b,,,,,\r\n"+
		"hal,"+strings.Repeat("x", 300)+",,,,,\r\n"+
		",Nameless,,,,,\r\n"))
	require.Equal(t, []async.CSVFailed{
		{SourceID: "bob", Row: 2, Reason: "email should be an email address: missing '@' or angle-addr; birthdate should be a date as in 1990-12-31"},
		{Row: 5, Reason: "has 3 fields; the header has 7"},
		{Row: 6, Reason: "opens a quote that never closes"},
		{Row: 7, Reason: "column Name is not UTF-8 text (it may be Latin-1 or Windows-1252); save the file as UTF-8"},
		{Row: 8, Reason: "column Name holds a NUL byte"},
		{SourceID: "hal", Row: 9, Reason: "name is longer than 255 characters"},
	}, failed)
	require.EqualValues(t, 10, state.Rows)
	require.EqualValues(t, 4, state.Done)
	require.EqualValues(t, 6, state.Failed)

	ada, err := p.customers.Get(t.Context(), p.project, "ada")
	require.NoError(t, err)
	require.Equal(t, `Ada "the" Lovelace`, *ada.Name)
	require.Equal(t, "1", *ada.Phone)
	require.JSONEq(t, `{"kept":true,"Level":"gold"}`, string(ada.Metadata))
	require.JSONEq(t, `{"city":"London"}`, string(ada.Address))
	cyd, err := p.customers.Get(t.Context(), p.project, "cyd")
	require.NoError(t, err)
	require.Equal(t, "Two\nlines", *cyd.Name)
	require.Equal(t, "cyd@example.com", *cyd.Email)
	require.JSONEq(t, `{"Level":"gold"}`, string(cyd.Metadata))
	require.Equal(t, []string{"ada", "cyd"}, p.members(t, gold.ID))
}

func TestImportingByID(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada := p.save(t, "ada", `{"name":"Ada"}`)
	other := uuid.New()
	_, failed := p.importCSV(t, strings.NewReader("Id;Name\ncust_"+hex(ada.ID)+";Countess\ncust_"+hex(other)+";X\nx;Y\n"))
	require.Len(t, failed, 2)
	require.Equal(t, async.CSVFailed{Row: 3, Reason: `column Id: "x" is no customer id`}, failed[0])
	require.EqualValues(t, 2, failed[1].Row)
	ada, err := p.customers.Get(t.Context(), p.project, "ada")
	require.NoError(t, err)
	require.Equal(t, "Countess", *ada.Name)
}

// breaks is a reader that fails after its content.
type breaks struct{}

func (breaks) Read([]byte) (int, error) { return 0, errors.New("the line broke") }

func TestAnInterruptedImportGoesOn(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	actions := db.AsyncActions{Pool: p.pool}
	action, err := actions.Enqueue(t.Context(), p.project, async.CustomersImportCSV, "v-1", db.ImportState{}, nil, noSync)
	require.NoError(t, err)
	var file strings.Builder
	file.WriteString("Name\n")
	for range 50_000 { // nobody has a source id, so nothing but the state keeps rows from being imported twice
		file.WriteString("X\n")
	}
	in := db.CustomerImport{Project: p.project, Action: &action}
	_, err = p.customers.ImportCSV(t.Context(), in, io.MultiReader(strings.NewReader(file.String()), breaks{}))
	require.ErrorContains(t, err, "the line broke")
	state, err := p.customers.ImportCSV(t.Context(), in, strings.NewReader(file.String()))
	require.NoError(t, err)
	require.EqualValues(t, 50_000, state.Done)
	page, err := p.customers.List(context.Background(), p.project, db.CustomerQuery{Order: "created_at", Limit: 1})
	require.NoError(t, err)
	require.EqualValues(t, 50_000, page.Total)
}
