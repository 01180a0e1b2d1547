package message

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVariablesOfAMessage(t *testing.T) {
	t.Parallel()
	vars, err := Variables(json.RawMessage(`{
		"customer": {"name": "Ann", "metadata": {"city": "Łódź"}},
		"voucher": {"code": "SPRING-1", "type": "DISCOUNT_VOUCHER", "worth": {"type": "PERCENT", "percent_off": 12.5}}
	}`), Names{Distribution: "Spring sale", Campaign: "Spring codes", Project: "shop"})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"customer":     map[string]any{"name": "Ann", "metadata": map[string]any{"city": "Łódź"}},
		"voucher":      map[string]any{"code": "SPRING-1", "value": "12.5%"},
		"distribution": map[string]any{"name": "Spring sale"},
		"campaign":     map[string]any{"name": "Spring codes"},
		"project":      map[string]any{"name": "shop"},
	}, vars)
}

func TestAMessageWithoutACodeHasNoVoucher(t *testing.T) {
	t.Parallel()
	vars, err := Variables(json.RawMessage(`{"customer": {}}`), Names{})
	require.NoError(t, err)
	require.NotContains(t, vars, "voucher")
}

func TestVariablesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, err := Variables(json.RawMessage(`{"customer": 3}`), Names{})
	require.ErrorContains(t, err, "variables of a message")
}

func TestTotalCountsEachMessageOnce(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, 28, Tally{Pending: 1, Sent: 2, Recovered: 2, Deferred: 3, Failed: 4, Skipped: 5, Stopped: 6, Unknown: 7}.Total())
}
