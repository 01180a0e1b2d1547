package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// oldest is the first major version whose SQL Herald speaks.
const oldest = 15

// installation is a folder with PostgreSQL's programs.
type installation struct {
	bin   string
	major int
}

// find chooses the programs: those that made the cluster, or else the first found, or else fetched ones.
func find(ctx context.Context, cluster string, log *slog.Logger) (installation, error) {
	made, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return installation{}, err
	}
	want, _ := strconv.Atoi(strings.TrimSpace(string(made))) // 0 before the first start
	var old []installation
	for _, bin := range binFolders(ctx) {
		i, err := inspect(ctx, bin)
		switch {
		case err != nil:
			continue
		case i.major == want, want == 0 && i.major >= oldest:
			return i, nil
		default:
			old = append(old, i)
		}
	}
	fetched, err := fetch(ctx, log)
	if err == nil && (want == 0 || fetched.major == want) {
		return fetched, nil
	}
	const advice = "install PostgreSQL %d or later's server (Debian: apt-get install postgresql; macOS: brew install postgresql)"
	switch {
	case want != 0:
		return installation{}, fmt.Errorf("%s was made by PostgreSQL %d, which is not installed; install it or remove the folder", cluster, want)
	case len(old) > 0:
		return installation{}, fmt.Errorf("PostgreSQL %d in %s is too old; "+advice, old[0].major, old[0].bin, oldest)
	default:
		return installation{}, fmt.Errorf("no PostgreSQL on this machine, and it could not be fetched (%w); "+advice, err, oldest)
	}
}

// binFolders lists where a server may be installed, best first.
func binFolders(ctx context.Context) []string {
	var folders []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if target, err := filepath.EvalSymlinks(initdb); err == nil {
			folders = append(folders, filepath.Dir(target))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(versionIn(b), versionIn(a)) })
		folders = append(folders, found...)
	}
	return folders
}

var digits = regexp.MustCompile(`\d+`)

func versionIn(path string) int {
	n, _ := strconv.Atoi(digits.FindString(path))
	return n
}

// inspect accepts a folder that has a server, not only a client.
func inspect(ctx context.Context, bin string) (installation, error) {
	if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
		return installation{}, err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return installation{}, err
	}
	return installation{bin: bin, major: versionIn(string(out))}, nil
}

// repository is where the embedded-postgres library finds its archives; empty means its own default. Tests set it.
var repository = ""

// fetch downloads the programs once per user, into the user's cache folder.
func fetch(ctx context.Context, log *slog.Logger) (installation, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return installation{}, err
	}
	cache = filepath.Join(cache, "herald", "postgresql-"+string(embedded.V18))
	if i, err := inspect(ctx, filepath.Join(cache, "bin")); err == nil {
		return i, nil
	}
	scratch, err := os.MkdirTemp("", "herald-fetch-")
	if err != nil {
		return installation{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	port, err := freePort()
	if err != nil {
		return installation{}, err
	}
	log.Info("no PostgreSQL on this machine: fetching one (about 30 MB, once)", "to", cache)
	config := embedded.DefaultConfig().Version(embedded.V18).BinariesPath(cache).CachePath(scratch).
		RuntimePath(filepath.Join(scratch, "runtime")).Port(uint32(port)).Logger(io.Discard)
	if repository != "" {
		config = config.BinaryRepositoryURL(repository)
	}
	// The library has no way to fetch only. Its own first start may fail, as it does for root; the programs count.
	server := embedded.NewDatabase(config)
	started := server.Start()
	if started == nil {
		if err := server.Stop(); err != nil {
			return installation{}, err
		}
	}
	i, err := inspect(ctx, filepath.Join(cache, "bin"))
	if err != nil {
		return installation{}, cmp.Or(started, err)
	}
	return i, nil
}
