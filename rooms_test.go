package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// room is a part of Herald and what it must keep away from. Packages below it belong to it.
type room struct {
	path string
	// imports lists the rooms it may use; every other room is closed to it. The nouns (internal/…) are open to all.
	imports []string
	// never lists libraries that it may not touch.
	never []string
}

const (
	pgxLibrary     = "github.com/jackc/pgx/v5"
	echoLibrary    = "github.com/labstack/echo/v4"
	temporalSDK    = "go.temporal.io/sdk"
	temporalServer = "go.temporal.io/server" // only the module below engine/ knows the server
)

// rooms is the plan of the house: imports run one way, from the top of the table to its bottom.
var rooms = []room{
	{"herald", []string{"herald/api", "herald/worker", "herald/workflows", "herald/activities", "herald/db", "herald/bench", "herald/web"}, []string{temporalServer}},
	{"herald/bench", []string{"herald/api", "herald/worker", "herald/workflows", "herald/activities", "herald/db"}, []string{temporalServer}},
	{"herald/api", []string{"herald/workflows", "herald/activities", "herald/db", "herald/web"}, []string{temporalServer}},
	{"herald/worker", []string{"herald/workflows", "herald/activities", "herald/db"}, []string{echoLibrary, temporalServer}},
	// The plan names activities and their inputs; it never touches what they touch.
	{"herald/workflows", []string{"herald/activities"}, []string{pgxLibrary, echoLibrary, temporalServer, "net/http", "os", "math/rand", "math/rand/v2", "crypto/rand", "database/sql"}},
	{"herald/activities", []string{"herald/db"}, []string{echoLibrary, temporalServer}},
	{"herald/db", nil, []string{echoLibrary, temporalSDK, temporalServer}},
	{"herald/web", nil, []string{pgxLibrary, temporalSDK, temporalServer}},
	// The instruments stand beside the nouns and serve tests and development.
	{"herald/internal/pgtest", []string{"herald/db"}, []string{echoLibrary, temporalSDK, temporalServer}},
	{"herald/internal/engine", nil, []string{pgxLibrary, echoLibrary, temporalServer}},
	{"herald/internal/enginetest", nil, []string{pgxLibrary, echoLibrary, temporalServer}},
	{"herald/internal/postgres", nil, []string{echoLibrary, temporalSDK, temporalServer}},
	{"herald/internal", nil, []string{pgxLibrary, echoLibrary, temporalSDK, temporalServer}},
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	for path, imports := range packages(t) {
		r := roomOf(path)
		for _, imported := range imports {
			if inside(imported, "herald") {
				to := roomOf(imported)
				open := to.path == r.path || strings.HasPrefix(to.path, "herald/internal") || slices.Contains(r.imports, to.path)
				require.True(t, open, "%s imports %s, and the room %s is closed to %s (see rooms)", path, imported, to.path, r.path)
			}
			for _, library := range r.never {
				require.False(t, inside(imported, library), "%s imports %s, and %s must not touch %s (see rooms)", path, imported, r.path, library)
			}
		}
	}
}

// packages lists Herald's packages with what their program text, without tests, imports.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err)
	found := map[string][]string{}
	for list := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := list.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		found[p.ImportPath] = p.Imports
	}
	require.Contains(t, found, "herald/workflows")
	return found
}

// roomOf is the innermost room that a package stands in.
func roomOf(path string) room {
	var best room
	for _, r := range rooms {
		if inside(path, r.path) && len(r.path) > len(best.path) {
			best = r
		}
	}
	return best
}

func inside(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func TestEveryRoomIsFound(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"herald": "herald", "herald/db/internal/rows": "herald/db", "herald/internal/channel/email": "herald/internal",
		"herald/internal/pgtest": "herald/internal/pgtest", "herald/workflows": "herald/workflows",
	} {
		require.Equal(t, want, roomOf(path).path, path)
	}
}
