package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"herald/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			_, err := pool.Exec(t.Context(), "CREATE TABLE mine AS SELECT $1::text AS name", name)
			require.NoError(t, err)
			var found string
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT name FROM mine").Scan(&found))
			require.Equal(t, name, found)
		})
	}
}

func TestDatabasesComeMigratedAndGo(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("inner", func(t *testing.T) {
		url = pgtest.URL(t)
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		var version int
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT version FROM schema_version").Scan(&version))
		require.Positive(t, version)
		require.NoError(t, conn.Close(t.Context()))
	})
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		pgtest.New(b)
	}
}
