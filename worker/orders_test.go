package worker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/async"
	"herald/internal/order"
	"herald/internal/segment"
)

func TestAnImportOfOrdersTellsOfNothingButSegments(t *testing.T) {
	r := open(t)
	segments, orders := db.Segments{Pool: r.pool}, db.NewOrders(r.pool)
	spenders, err := segment.Definition{
		Name: "spenders", Type: segment.AutoUpdate, Filter: []byte(`{"junction":"and","source_id":{"conditions":{"$starts_with":["c-"]}}}`),
	}.Check()
	require.NoError(t, err)
	in, err := segments.Create(t.Context(), r.project, spenders, false, r.flows.SyncSegment)
	require.NoError(t, err)
	r.work(t)
	require.Eventually(t, func() bool {
		found, err := segments.Get(t.Context(), r.project, in.ID)
		return err == nil && found.InitialSyncStatus == segment.Done
	}, 20*time.Second, 20*time.Millisecond)

	unknown, paid, amount := "ord_"+"0192f0c1b8d77d4fa1c3e5f708192a3b", order.Paid, int64(100)
	var all []db.Placing
	for i := range 450 {
		source, customer := fmt.Sprint("o-", i%440), fmt.Sprint("c-", i%50)
		all = append(all, db.Placing{
			Draft: order.Draft{SourceID: &source, Status: &paid, Amount: &amount}, Customer: &db.Saving{SourceID: &customer},
		})
	}
	all[300].ID = &unknown
	var actions []uuid.UUID
	for range 2 { // the second finds everything as it is
		action, err := orders.OrderImport(t.Context(), r.project, all, "v-1", r.flows.ImportOrders)
		require.NoError(t, err)
		actions = append(actions, action)
	}
	for _, action := range actions {
		require.Eventually(t, func() bool {
			got, err := db.AsyncActions{Pool: r.pool}.Get(t.Context(), r.project, action)
			require.NoError(t, err)
			if got.Status != async.Done {
				return false
			}
			require.JSONEq(t, `{"message": "449 order(s) imported successfully, 1 failed.", "done_count": 449, "failed_count": 1,
				"failed": [{"source_id": "o-300", "row": 301, "reason": "not_found: Cannot find order with id `+unknown+`"}]}`, string(got.Result))
			return true
		}, 30*time.Second, 20*time.Millisecond)
	}
	var types []string
	var happened, placed, amounts int
	require.NoError(t, r.pool.QueryRow(t.Context(), `SELECT array_agg(DISTINCT type), count(*) FROM occurrences`).Scan(&types, &happened))
	require.Equal(t, []string{"customer.segment.entered"}, types)
	require.Equal(t, 50, happened)
	require.NoError(t, r.pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&placed))
	require.Equal(t, 439, placed)
	require.NoError(t, r.pool.QueryRow(t.Context(), "SELECT sum(orders_amount) FROM customer_figures").Scan(&amounts))
	require.Equal(t, 43_900, amounts)
}
