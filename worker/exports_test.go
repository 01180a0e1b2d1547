package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/export"
)

func TestAnExportIsWritten(t *testing.T) {
	r := open(t)
	r.work(t)
	store := db.Exports{Pool: r.pool}
	made, err := store.Create(t.Context(), r.project, export.Customers, export.Parameters{}, "", func(ctx context.Context, one uuid.UUID) error {
		return r.flows.WriteExport(ctx, r.project, one)
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		found, err := store.Get(t.Context(), r.project, made.ID)
		return err == nil && found.Status == export.Done
	}, 20*time.Second, 20*time.Millisecond)
}
