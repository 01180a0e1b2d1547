package worker_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"herald/db"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/enginetest"
	"herald/internal/pgtest"
	"herald/internal/voucher"
	"herald/worker"
	"herald/workflows"
)

// room is a worker at work on a database of its own.
type room struct {
	pool    *pgxpool.Pool
	engine  client.Client
	flows   workflows.Flows
	project uuid.UUID
}

func open(t *testing.T) room {
	t.Helper()
	r := room{pool: pgtest.New(t), engine: enginetest.Client(t)}
	r.flows = workflows.Flows{Client: r.engine}
	require.NoError(t, workflows.EnsureSearchAttributes(t.Context(), r.engine, "default"))
	var err error
	r.project, err = db.Projects{Pool: r.pool}.Create(t.Context(), t.Name())
	require.NoError(t, err)
	return r
}

// work runs a worker until the function it returns is called.
func (r room) work(t *testing.T) (stop func()) {
	t.Helper()
	w, err := worker.New(worker.Options{
		Pool: r.pool, Engine: r.engine, SMTP: "smtp://127.0.0.1:1", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop = func() {
		if ctx.Err() == nil {
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return stop
}

func (r room) action(t *testing.T, action uuid.UUID) async.Action {
	t.Helper()
	found, err := db.AsyncActions{Pool: r.pool}.Get(t.Context(), r.project, action)
	require.NoError(t, err)
	return found
}

// It is not parallel, as no test is that runs a worker: the engine's queues have one name, so two would take each other's work.
func TestCodesAreMadeByAWorkerThatIsReplaced(t *testing.T) {
	r := open(t)
	store := db.Campaigns{Pool: r.pool}
	ten := 10.0
	draft := campaign.Draft{
		Name: "Spring", Type: campaign.Static, VouchersCount: 120_000,
		Voucher: &campaign.Pattern{Type: voucher.DiscountVoucher, Discount: &voucher.Discount{Type: "PERCENT", PercentOff: &ten}},
	}.WithDefaults()
	require.NoError(t, draft.Check())

	stop := r.work(t)
	var action uuid.UUID
	made, err := store.Create(t.Context(), r.project, draft, "v-1", func(ctx context.Context, of, ordered uuid.UUID) error {
		action = ordered
		return r.flows.OrderCodes(ctx, r.project, of, ordered) // before the campaign is committed: the worker has to wait for it
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.action(t, action).Progress > 0 }, time.Minute, 10*time.Millisecond)
	stop()
	require.NotEqual(t, async.Done, r.action(t, action).Status, "it is stopped in the middle")

	r.work(t)
	second, err := store.OrderCodes(t.Context(), made, 5, campaign.Overrides{}, "v-2", func(ctx context.Context, ordered uuid.UUID) error {
		return r.flows.OrderCodes(ctx, r.project, made.ID, ordered)
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.action(t, second).Status == async.Done }, 2*time.Minute, 50*time.Millisecond)
	require.Equal(t, async.Done, r.action(t, action).Status)
	found, err := store.Get(t.Context(), r.project, made.ID)
	require.NoError(t, err)
	require.EqualValues(t, 120_005, found.VouchersCount)
	require.Equal(t, campaign.Done, found.VouchersGenerationStatus)
	var vouchers int
	require.NoError(t, r.pool.QueryRow(t.Context(), "SELECT count(*) FROM vouchers WHERE campaign_id = $1", made.ID).Scan(&vouchers))
	require.Equal(t, 120_005, vouchers)

	// Deleted, by a run that may look before the order is committed.
	lost, err := store.OrderDelete(t.Context(), r.project, made.ID, "v-3", func(ctx context.Context, ordered uuid.UUID) error {
		return r.flows.WorkOnVouchers(ctx, async.VouchersDelete, r.project, &made.ID, ordered)
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.action(t, lost).Status == async.Done }, time.Minute, 50*time.Millisecond)
	require.NoError(t, r.pool.QueryRow(t.Context(), "SELECT count(*) FROM vouchers").Scan(&vouchers))
	require.Zero(t, vouchers)
}
