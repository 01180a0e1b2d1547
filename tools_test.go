package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// TestTools makes a project and its keys from the command line and imports customers into it.
func TestTools(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	herald := func(args ...string) (stdout, stderr string, err error) {
		var out, told screen
		getenv := func(name string) string {
			return map[string]string{"HERALD_DATABASE_URL": pool.Config().ConnString()}[name]
		}
		err = run(context.Background(), args, getenv, &out, &told)
		return out.String(), told.String(), err
	}
	made, _, err := herald("project", "create", "shop")
	require.NoError(t, err)
	require.Regexp(t, `^proj_[0-9a-f]{32}\n$`, made)
	_, _, err = herald("project", "create", "shop")
	require.ErrorContains(t, err, `a project named "shop" exists`)

	key, _, err := herald("key", "create", "--project", "shop", "--role", "ingest")
	require.NoError(t, err)
	require.Regexp(t, `^X-App-Id: \S+\nX-App-Token: \S+\n$`, key)
	words := strings.Fields(key)
	projects := db.Projects{Pool: pool}
	known, err := projects.Authenticate(t.Context(), words[1], words[3])
	require.NoError(t, err)
	require.Equal(t, db.Ingest, known.Role)
	_, _, err = herald("key", "revoke", words[1])
	require.NoError(t, err)
	_, err = projects.Authenticate(t.Context(), words[1], words[3])
	require.Error(t, err)
	_, _, err = herald("key", "revoke", words[1])
	require.ErrorContains(t, err, "Cannot find api_key")
	_, _, err = herald("key", "create", "--project", "shop", "--role", "king")
	require.ErrorContains(t, err, "--role must be one of")
	_, _, err = herald("key", "create", "--project", "none", "--role", "viewer")
	require.ErrorContains(t, err, "Cannot find project with id none")

	file := filepath.Join(t.TempDir(), "customers.csv")
	require.NoError(t, os.WriteFile(file, []byte("Source_id,Email\nada,ada@example.com\nbob,nobody\n"), 0o600))
	report := filepath.Join(t.TempDir(), "bad.csv")
	out, told, err := herald("import", "customers", file, "--project", "shop", "--errors", report)
	require.NoError(t, err)
	require.Contains(t, out, "1 customers imported, 1 rows not, in ")
	require.Contains(t, told, "row 2 email should be an email address")
	bad, err := os.ReadFile(report)
	require.NoError(t, err)
	require.Equal(t, "row,source_id,reason\n2,bob,email should be an email address: missing '@' or angle-addr\n", string(bad))
	_, err = db.Customers{Pool: pool}.Get(t.Context(), known.ProjectID, "ada")
	require.NoError(t, err)
	_, _, err = herald("import", "customers", filepath.Join(t.TempDir(), "none.csv"), "--project", "shop")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAProjectsCapIsSetFromTheCommandLine(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	getenv := func(name string) string {
		return map[string]string{"HERALD_DATABASE_URL": pool.Config().ConnString()}[name]
	}
	set := func(project, most string) error {
		return run(context.Background(), []string{"project", "set", project, "--messages-per-day=" + most}, getenv, &screen{}, &screen{})
	}
	_, err := db.Projects{Pool: pool}.Create(t.Context(), "shop")
	require.NoError(t, err)
	kept := func() (most *int) {
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT messages_per_day FROM projects WHERE name = 'shop'").Scan(&most))
		return most
	}
	require.NoError(t, set("shop", "3"))
	require.Equal(t, 3, *kept())
	require.ErrorContains(t, set("shop", "-1"), "messages-per-day: should be 1 or more, or 0 for no cap, not -1")
	require.ErrorContains(t, set("shop", "many"), "--messages-per-day")
	require.ErrorContains(t, set("none", "3"), "Cannot find project with id none")
	require.Equal(t, 3, *kept())
	require.NoError(t, set("shop", "0"))
	require.Nil(t, kept())
}
