package db_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/export"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/pgtest"
)

// export writes a file and reads it again.
func (s shop) export(t *testing.T, o export.Object, p export.Parameters) [][]string {
	t.Helper()
	store := db.Exports{Pool: s.pool}
	require.NoError(t, p.Check(o))
	made, err := store.Create(t.Context(), s.project, o, p, "https://shop.example", started)
	require.NoError(t, err)
	require.Equal(t, export.Scheduled, made.Status)
	n, err := store.Write(t.Context(), s.project, made.ID, func(int64) {})
	require.NoError(t, err)
	file, err := store.Content(t.Context(), s.project, made.ID)
	require.NoError(t, err)
	unpacked, err := gzip.NewReader(bytes.NewReader(file.Content))
	require.NoError(t, err)
	lines, err := csv.NewReader(unpacked).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, int(n)+1)
	done, err := store.Get(t.Context(), s.project, made.ID)
	require.NoError(t, err)
	require.Equal(t, export.Done, done.Status)
	return lines
}

// Every field of every object stands in the database, can be sorted by, and can be filtered by.
func TestEveryFieldCanBeExported(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, func(d *campaign.Draft) { d.Type = campaign.AutoUpdate })
	_, err := s.publish(t.Context(), s.ask(t, c))
	require.NoError(t, err)
	objects := []export.Object{
		export.Vouchers, export.Customers, export.Orders, export.Publications, export.Redemptions, export.PointsExpiration, export.Transactions,
	}
	for _, o := range objects {
		fields, _ := export.Fields(o)
		require.Equal(t, fields, s.export(t, o, export.Parameters{Fields: fields})[0])
		for _, field := range fields {
			p := export.Parameters{Fields: []string{field}, Order: "-" + field}
			p.Filters = p.Filters.Add(field, "$has_value")
			s.export(t, o, p)
		}
	}
}

func TestWhatAnExportHolds(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	_, err := s.pool.Exec(t.Context(), `INSERT INTO customers (project_id, source_id, name, metadata, created_at) VALUES
		($1, 'a', '=1+1', '{"size": "L"}', '2026-01-02T03:04:05.678Z'), ($1, 'b', 'Bob, "the" builder', '{}', '2026-01-03'), ($1, 'c', NULL, '{}', '2026-01-04')`, s.project)
	require.NoError(t, err)
	other := newShop(t, s.pool)
	other.customer(t)

	p := export.Parameters{Fields: []string{"source_id", "name", "created_at", "metadata.size", "orders_total_count"}, Order: "-created_at"}
	require.Equal(t, [][]string{
		{"source_id", "name", "created_at", "metadata.size", "orders_total_count"},
		{"c", "", "2026-01-04T00:00:00.000Z", "", "0"},
		{"b", `Bob, "the" builder`, "2026-01-03T00:00:00.000Z", "", "0"},
		{"a", "'=1+1", "2026-01-02T03:04:05.678Z", "L", "0"},
	}, s.export(t, export.Customers, p))
	p.Filters = p.Filters.Add("created_at", "$before", "2026-01-03T12:00:00Z").Add("metadata.size", "$is", "L")
	require.Len(t, s.export(t, export.Customers, p), 2)
	require.Len(t, s.export(t, export.Customers, export.Parameters{}), 4)

	c := s.campaign(t, nil)
	s.fill(t, c, 12_345)
	lines := s.export(t, export.Vouchers, export.Parameters{Fields: []string{"code", "value", "campaign", "qr_code"}})
	require.Len(t, lines, 12_346)
	require.Equal(t, []string{"10", c.Name}, lines[1][1:3])
	require.Regexp(t, "^https://shop.example/api/v1/assets/qr/.+$", lines[1][3])
}

func TestExportsAreRefusedAndGivenUp(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Exports{Pool: s.pool}
	var p export.Parameters
	for property, filters := range map[string]export.Filters{
		"parameters.filters.colour":     p.Filters.Add("colour", "$is", "red"),
		"parameters.filters.created_at": p.Filters.Add("created_at", "$after", "soon"),
		"parameters.filters.name":       p.Filters.Add("name", "$nearly", "x"),
	} {
		_, err := store.Create(t.Context(), s.project, export.Customers, export.Parameters{Filters: filters}, "", started)
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, fault.InvalidPayload, f.Code)
		require.Equal(t, property, f.Property)
	}
	require.Zero(t, s.count(t, "SELECT count(*) FROM exports"))

	made, err := store.Create(t.Context(), s.project, export.Customers, p, "", started)
	require.NoError(t, err)
	_, err = store.Content(t.Context(), s.project, made.ID)
	require.True(t, fault.Is(err, fault.NotFound), "not written yet")
	stranger := newShop(t, s.pool).project
	_, err = store.Get(t.Context(), stranger, made.ID)
	require.True(t, fault.Is(err, fault.NotFound))
	require.True(t, fault.Is(store.Delete(t.Context(), stranger, made.ID), fault.NotFound))
	_, err = store.Write(t.Context(), stranger, made.ID, func(int64) {})
	require.ErrorIs(t, err, db.ErrNoOrder)

	require.NoError(t, store.Fail(t.Context(), s.project, made.ID, "too large"))
	failed, err := store.Get(t.Context(), s.project, made.ID)
	require.NoError(t, err)
	require.Equal(t, export.Failed, failed.Status)
	require.NoError(t, store.Delete(t.Context(), s.project, made.ID))
	_, err = store.Write(t.Context(), s.project, made.ID, func(int64) {})
	require.ErrorIs(t, err, db.ErrNoOrder)
	require.ErrorContains(t, store.Delete(context.Background(), s.project, made.ID), id.Export.Format(made.ID))
	_, err = store.Get(t.Context(), s.project, uuid.New())
	require.True(t, fault.Is(err, fault.NotFound))
}
