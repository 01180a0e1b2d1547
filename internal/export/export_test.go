package export_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/export"
	"herald/internal/fault"
)

func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "plain": "plain", "-5": "-5", "+49 (30) 123-45": "+49 (30) 123-45", "=1+1": "'=1+1", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
		"@SUM(A1)": "'@SUM(A1)", "-2+3+cmd": "'-2+3+cmd", "\t=1": "'\t=1", "a=1": "a=1",
	} {
		require.Equal(t, want, export.Cell(text))
	}
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	read := func(text string) (p export.Parameters, err error) {
		err = json.Unmarshal([]byte(text), &p)
		return p, err
	}
	p, err := read(`{"fields": ["code", "metadata.size"], "order": "-created_at", "filters": {"junction": "OR",
		"code": {"conditions": {"$in": ["A", "B"], "$starts_with": "C"}}, "redemption_count": {"conditions": {"$more_than": 3}}}}`)
	require.NoError(t, err)
	require.NoError(t, p.Check(export.Vouchers))
	require.True(t, p.Filters.Any)
	require.Equal(t, []export.Condition{
		{"code", "$in", []string{"A", "B"}}, {"code", "$starts_with", []string{"C"}}, {"redemption_count", "$more_than", []string{"3"}},
	}, p.Filters.Conditions)
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	again, err := read(string(raw))
	require.NoError(t, err)
	require.Equal(t, p.Filters.Conditions, again.Filters.Conditions, "what is kept is what was given")
	require.Error(t, p.Check(export.Transactions))
	require.Error(t, p.Check("nothing"))

	for text, property := range map[string]string{
		`{"filters": []}`: "parameters.filters", `{"filters": {"junction": "xor"}}`: "parameters.filters.junction",
		`{"filters": {"code": {}}}`: "parameters.filters.code", `{"filters": {"code": {"conditions": {"$is": {}}}}}`: "parameters.filters.code.conditions.$is",
		`{"filters": {"code": {"conditions": {"$is": "A"}, "more": 1}}}`: "parameters.filters.code",
	} {
		_, err := read(text)
		var f *fault.Error
		require.ErrorAs(t, err, &f, text)
		require.Equal(t, property, f.Property)
	}
	for field, p := range map[string]export.Parameters{
		"parameters.fields": {Fields: []string{"code", "colour"}}, "parameters.order": {Order: "-colour"},
	} {
		var f *fault.Error
		require.ErrorAs(t, p.Check(export.Vouchers), &f)
		require.Equal(t, field, f.Property)
	}
	require.Equal(t, []string{"name", "source_id"}, export.Parameters{}.Columns(export.Customers))
}

func TestFiltersOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var f export.Filters
		if json.Unmarshal([]byte(rapid.String().Draw(t, "filters")), &f) != nil {
			return
		}
		narrowed := f.Add("voucher_id", "$in", "v_1")
		raw, err := json.Marshal(narrowed)
		require.NoError(t, err)
		require.Contains(t, string(raw), "v_1")
		require.True(t, narrowed.Has("voucher_id"))
	})
}
