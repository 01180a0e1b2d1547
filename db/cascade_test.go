package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Messages have no foreign key; they go with their distribution all the same, and nobody else's do.
func TestMessagesGoWithTheirDistribution(t *testing.T) {
	t.Parallel()
	kept := newSale(t, 5)
	kept.enrol(t, nil)
	for what, remove := range map[string]string{
		"distribution": "DELETE FROM distributions WHERE id = $1",
		"project":      "DELETE FROM projects WHERE id = (SELECT project_id FROM distributions WHERE id = $1)",
	} {
		gone := newSaleIn(t, newShop(t, kept.pool), 5)
		gone.enrol(t, nil)
		require.EqualValues(t, 5, gone.count(t, "SELECT count(*) FROM messages WHERE distribution_id = '"+gone.one.String()+"'"))
		_, err := gone.pool.Exec(t.Context(), remove, gone.one)
		require.NoError(t, err, what)
		require.Zero(t, gone.count(t, "SELECT count(*) FROM messages WHERE distribution_id = '"+gone.one.String()+"'"), what)
	}
	require.EqualValues(t, 5, kept.count(t, "SELECT count(*) FROM messages WHERE distribution_id = '"+kept.one.String()+"'"))
}
