package customer_test

import (
	"encoding/json"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/customer"
	"herald/internal/fault"
)

func check(t *testing.T, body string) (customer.Values, error) {
	t.Helper()
	var change customer.Change
	require.NoError(t, jsonv2.Unmarshal([]byte(body), &change))
	return change.Check()
}

func TestEmailAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"ada@example.com": true, "a.b+c@sub.example.co": true, "ada@localhost": true, "zoë@exämple.com": true, "  ada@example.com ": true,
		"ada": false, "@example.com": false, "ada@": false, "a@b@c": false, "ada@example.com, bob@example.com": false,
		"Ada <ada@example.com>": false, "<ada@example.com>": false, "ada@exam ple.com": false, "a..b@example.com": false,
		"ada@example.com\r\nBcc: x@y.z": false, "\"a b\"@example.com": false, "a\u0000@example.com": false,
	} {
		raw, err := json.Marshal(map[string]string{"email": address})
		require.NoError(t, err)
		_, err = check(t, string(raw))
		require.Equal(t, good, err == nil, "%q: %v", address, err)
	}
}

func TestAChangeSaysWhatIsClearedAndWhatIsMerged(t *testing.T) {
	t.Parallel()
	v, err := check(t, `{"name":null,"email":"","birthday":"1990-12-31T23:00:00Z","address":{"city":"X","state":null},"metadata":{"b":[1,2],"a":null,"c":"\"\\"}}`)
	require.NoError(t, err)
	require.Equal(t, []string{"name", "email"}, v.Cleared)
	require.Equal(t, "1990-12-31", v.Birthdate.Format("2006-01-02"))
	require.JSONEq(t, `{"city":"X","state":null}`, string(v.Address))
	require.JSONEq(t, `{"b":[1,2],"c":"\"\\"}`, string(v.Metadata))
	require.Equal(t, []string{"a"}, v.Removed)
	v, err = check(t, `{"address":{},"metadata":{}}`)
	require.NoError(t, err)
	require.Equal(t, "{}", string(v.Address))
	require.Equal(t, "{}", string(v.Metadata))
	v, err = check(t, `{}`)
	require.NoError(t, err)
	require.Equal(t, customer.Values{}, v)
}

// What a CSV row says survives as it was written, whatever characters it holds.
func TestCellsBecomeMetadataUnchanged(t *testing.T) {
	t.Parallel()
	columns, err := customer.NewColumns([]string{"source_id", "any"})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.String().Filter(func(s string) bool { return s != "" && s == strings.TrimSpace(s) }).Draw(t, "cell")
		record, _, bad := columns.Read([]string{"ada", cell})
		require.Empty(t, bad)
		var metadata map[string]string
		require.NoError(t, json.Unmarshal(record.Values.Metadata, &metadata))
		require.Equal(t, cell, metadata["any"])
	})
}

func TestFoldingIsLikeSavingOneAfterTheOther(t *testing.T) {
	t.Parallel()
	columns, err := customer.NewColumns([]string{"source_id", "name", "address_city", "address_country", "level", "score"})
	require.NoError(t, err)
	first, _, _ := columns.Read([]string{"ada", "Ada", "London", "UK", "gold", ""})
	second, _, _ := columns.Read([]string{"ada", "", "Paris", "", "", "7"})
	folded, err := customer.Fold(first.Values, second.Values)
	require.NoError(t, err)
	require.Equal(t, "Ada", *folded.Name)
	require.JSONEq(t, `{"city":"Paris","country":"UK"}`, string(folded.Address))
	require.JSONEq(t, `{"level":"gold","score":"7"}`, string(folded.Metadata))
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, header := range [][]string{{"Name", "name"}, {"", ""}} {
		_, err := customer.NewColumns(header)
		require.True(t, fault.Is(err, fault.InvalidPayload), header)
	}
	columns, err := customer.NewColumns([]string{"ID", "SOURCE_ID", "Address_Postal_Code", "", "Name of dog"})
	require.NoError(t, err)
	record, _, bad := columns.Read([]string{"", "ada", "01234", "skipped", "Rex"})
	require.Empty(t, bad)
	require.JSONEq(t, `{"postal_code":"01234"}`, string(record.Values.Address))
	require.JSONEq(t, `{"Name of dog":"Rex"}`, string(record.Values.Metadata))
}
