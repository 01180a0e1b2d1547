package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"herald/internal/child"
)

// process is herald with one of its subcommands. It can be killed and started again.
type process struct {
	name  string
	path  string
	args  []string
	env   []string
	addr  string // answers GET /readyz
	log   string
	child *child.Process
}

// startPatience bounds how long anything may take to serve.
const startPatience = time.Minute

func (p *process) start(ctx context.Context) error {
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append(foreignEnvironment(), p.env...)
	started, err := child.Start(cmd, p.log, syscall.SIGKILL)
	if err != nil {
		return err
	}
	p.child = started
	return p.ready(ctx, started)
}

// foreignEnvironment is ours without what would set Herald's own flags, or lead its processes to another engine.
func foreignEnvironment() []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "HERALD_") && !strings.HasPrefix(pair, "TEMPORAL_") {
			env = append(env, pair)
		}
	}
	return env
}

func (p *process) ready(ctx context.Context, started *child.Process) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	ctx, cancel = started.While(ctx)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := quick.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve: %w; its log %s ends:\n%s", p.name, context.Cause(ctx), p.log, started.Tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// quick asks what must answer at once; a connection to a process that was killed is not used again.
var quick = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// Name is what it is called in reports.
func (p *process) Name() string { return p.name }

func (p *process) pid() int { return p.child.Pid() }

// kill ends it as kill -9 does.
func (p *process) kill() { p.child.Kill(syscall.SIGKILL) }

// ended reports whether it is gone.
func (p *process) ended() bool {
	select {
	case <-p.child.Done():
		return true
	default:
		return false
	}
}

// stop ends it in order.
func (p *process) stop(ctx context.Context) error {
	if p.child == nil || p.ended() {
		return nil
	}
	return p.child.Stop(ctx, syscall.SIGTERM, syscall.SIGKILL)
}

// freeAddr is a loopback address that was free a moment ago. Its port is below those that connections take for their own end, so
// that who is killed finds it free again.
func freeAddr() (string, error) {
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))) //nolint:gosec // no secret
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		if try == 100 {
			return "", err
		}
	}
}

// workingFolder is where a run keeps everything, and what removes it.
func workingFolder(s Setup) (dir string, remove func() error, err error) {
	if s.Dir != "" {
		dir, err = filepath.Abs(s.Dir)
		if err == nil {
			err = os.MkdirAll(dir, 0o711) //nolint:gosec // PostgreSQL may run as another user, who must pass through
		}
		return dir, func() error { return nil }, err
	}
	if dir, err = os.MkdirTemp("", "herald-bench-"); err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	if s.Keep {
		remove = func() error { return nil }
	}
	return dir, remove, errors.Join(err, os.Chmod(dir, 0o711)) //nolint:gosec // as above
}
