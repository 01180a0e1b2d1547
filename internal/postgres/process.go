package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// runner runs PostgreSQL's programs as someone they accept: they refuse root.
type runner struct {
	bin  string
	dir  string
	attr *syscall.SysProcAttr
	// uid and gid own the cluster; -1 leaves the owner alone.
	uid, gid int
}

// newRunner decides who runs the programs. Not root: we do. Root: an unprivileged user, and where that one cannot reach the
// folder or the programs (a clone below /root, say), we do in a user namespace in which we are not called root.
func newRunner(ctx context.Context, i installation, dir string) (*runner, error) {
	run := &runner{bin: i.bin, dir: dir, attr: &syscall.SysProcAttr{}, uid: -1, gid: -1}
	if os.Geteuid() != 0 {
		return run, nil
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dropped := &runner{bin: i.bin, dir: dir, uid: uid, gid: gid, attr: &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
	}}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, fmt.Errorf("give the folder of PostgreSQL to an unprivileged user: %w", err)
	}
	denied := dropped.probe(ctx)
	if denied == nil {
		return dropped, nil
	}
	if err := os.Chown(dir, 0, 0); err != nil {
		return nil, err
	}
	if run.attr = namespace(uid, gid); run.attr != nil && run.probe(ctx) == nil {
		run.uid, run.gid = 0, 0
		return run, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and uid %d cannot reach %s (%w); choose a data folder that it can reach, such as one below /var/lib",
		uid, dir, denied)
}

// unprivileged is the user that Debian's packages make, or else the one that owns nothing.
func unprivileged() (uid, gid int, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, lookup := user.Lookup(name)
		if lookup != nil {
			err = lookup
			continue
		}
		uid, err = strconv.Atoi(u.Uid)
		if err != nil {
			continue
		}
		gid, err = strconv.Atoi(u.Gid)
		return uid, gid, err
	}
	return 0, 0, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: %w", err)
}

func (r *runner) probe(ctx context.Context) error {
	return r.command(ctx, "postgres", "--version").Run()
}

// command prepares one of PostgreSQL's programs. Its working folder is the server's: the program starts only where its
// user can reach that.
func (r *runner) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, program), args...)
	attr := *r.attr
	cmd.SysProcAttr = &attr
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + r.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return cmd
}

// own gives path and all below it to the runner's user, unless it is theirs already.
func (r *runner) own(path string) error {
	if r.uid < 0 {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == r.uid {
		return nil
	}
	// The top last: a kill in between must not make a half-owned tree look owned.
	if err := filepath.WalkDir(path, func(below string, _ os.DirEntry, err error) error {
		if err != nil || below == path {
			return err
		}
		return os.Lchown(below, r.uid, r.gid)
	}); err != nil {
		return err
	}
	return os.Lchown(path, r.uid, r.gid)
}

// evict ends a postmaster that a killed program left running on the cluster. We hold the folder's lock, so nobody uses it.
// A postmaster.pid without its process is PostgreSQL's own to clear.
func evict(ctx context.Context, cluster string, log *slog.Logger) error {
	pid, running := postmaster(cluster)
	if !running {
		return nil
	}
	log.Warn("ending the PostgreSQL that an earlier run left behind", "pid", pid)
	patience := time.After(10 * time.Second)
	sig := syscall.SIGINT
	for {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("PostgreSQL %d still runs in %s and cannot be ended: %w", pid, cluster, err)
		}
		for range 10 {
			if _, running := postmaster(cluster); !running {
				return nil
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-patience:
				sig = syscall.SIGQUIT
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// postmaster reads the first lines of postmaster.pid and says whether that process is a PostgreSQL server still. A process
// id that another program got since then is none.
func postmaster(cluster string) (pid int, running bool) {
	text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return 0, false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err = strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || syscall.Kill(pid, 0) != nil {
		return 0, false
	}
	command, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil { // no /proc on this system
		command, err = exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	}
	return pid, err == nil && strings.Contains(string(command), cluster)
}
