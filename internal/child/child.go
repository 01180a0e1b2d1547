// Package child runs the servers that Herald starts for itself: PostgreSQL and the engine.
//
// The law of this package: a child goes with its parent, and never before it is told. It has a process group of its own,
// so that Ctrl-C in a terminal reaches the parent alone, which stops everything in order; and where the parent dies without
// doing so, the kernel tells the child (on Linux).
package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Process is a running child.
type Process struct {
	name     string
	handle   *os.Process
	done     chan struct{}
	err      error // how it ended; read after done
	log      string
	logStart int64 // where its lines begin in the log
}

// Start starts cmd with its output appended to the file log. orphaned is the signal that the child gets when this program
// dies without stopping it.
func Start(cmd *exec.Cmd, log string, orphaned syscall.Signal) (*Process, error) {
	p := &Process{name: filepath.Base(cmd.Path), done: make(chan struct{}), log: log}
	out, err := p.openLog()
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	whenOrphaned(cmd.SysProcAttr, orphaned)
	started := make(chan error)
	go func() {
		// The kernel ties a child to the thread that forked it, so that thread stays for as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.handle = cmd.Process
		started <- nil
		p.err = cmd.Wait()
		if p.err == nil {
			p.err = errors.New("exit status 0")
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return p, nil
}

// Pid is the process id.
func (p *Process) Pid() int { return p.handle.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended, once Done is closed.
func (p *Process) Err() error { return p.err }

// While is ctx for as long as the process runs: it ends with either.
func (p *Process) While(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-p.done:
			cancel(fmt.Errorf("%s ended: %w", p.name, p.err))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// Log is the path of the file with its output.
func (p *Process) Log() string { return p.log }

// Kill sends sig to the process and waits for its end.
func (p *Process) Kill(sig syscall.Signal) {
	_ = p.handle.Signal(sig) // fails only where it has ended
	<-p.done
}

// Stop asks with gentle and waits; when ctx ends first it insists with firm, and at last with SIGKILL.
func (p *Process) Stop(ctx context.Context, gentle, firm syscall.Signal) error {
	_ = p.handle.Signal(gentle)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	_ = p.handle.Signal(firm)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.Kill(syscall.SIGKILL)
	}
	return fmt.Errorf("%s did not stop in order and will recover at its next start: %w", p.name, context.Cause(ctx))
}

// Tail is the end of what this process wrote.
func (p *Process) Tail() string {
	const most = 2000
	f, err := os.Open(p.log)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(p.logStart, info.Size()-most)
	text := make([]byte, max(0, info.Size()-from))
	n, _ := f.ReadAt(text, from)
	return strings.TrimSpace(string(text[:n]))
}

// openLog appends to the log, and starts a new one when it has grown large.
func (p *Process) openLog() (*os.File, error) {
	const large = 16 << 20
	if info, err := os.Stat(p.log); err == nil && info.Size() > large {
		if err := os.Rename(p.log, p.log+".1"); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.logStart = info.Size()
	return f, nil
}
