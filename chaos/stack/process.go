package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end when it is asked to.
const stopTimeout = 30 * time.Second

// stacksTimeout is how long it may then take to write where it hangs.
const stacksTimeout = 2 * time.Second

// Process is a program that is run, killed and run again.
type Process struct {
	name string
	args []string
	env  []string
	dir  string // of the log

	mu      sync.Mutex
	current *exec.Cmd
	exited  chan struct{}
	stopped bool // it was asked to end
	crashes []string
}

// NewProcess returns a process that does not run yet: its name, which names its log
// in the directory logs, its whole environment, and its program and arguments.
func NewProcess(logs, name string, env []string, args ...string) *Process {
	return &Process{name: name, args: args, env: env, dir: logs}
}

// Start runs the program. Its output is appended to a log of its own.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	cmd := exec.Command(p.args[0], p.args[1:]...) //nolint:gosec,noctx // the harness's own programs, which end by signals alone
	cmd.Env = p.env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()
	started, exited := make(chan error), make(chan struct{})
	go func() {
		// The kernel's notice of the parent's death is tied to this thread.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.ended(cmd.Wait())
		}
		_ = log.Close()
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.current, p.exited, p.stopped = cmd, exited, false
	return nil
}

// ended notes an end that nobody asked for.
func (p *Process) ended(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.crashes = append(p.crashes, fmt.Sprintf("%s ended by itself: %v (see %s)", p.name, err, p.log()))
	}
}

func (p *Process) log() string { return filepath.Join(p.dir, p.name+".log") }

// Pid returns the process id; 0 before the first start.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return 0
	}
	return p.current.Process.Pid
}

// Run runs a program that ends by itself. It fails unless that succeeds.
func (p *Process) Run(ctx context.Context) error {
	if err := p.Start(); err != nil {
		return err
	}
	select {
	case <-p.done():
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("%s: %w", p.name, ctx.Err()), p.Kill())
	}
	if state := p.current.ProcessState; !state.Success() {
		return fmt.Errorf("%s: %s (see %s)", p.name, state, p.log())
	}
	return nil
}

// Crashes says how often, and how, the program ended by itself.
func (p *Process) Crashes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.crashes...)
}

// Kill ends the program with SIGKILL and returns when it is gone.
func (p *Process) Kill() error {
	exited, err := p.signal(syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-exited
	return nil
}

// Stop asks the program to end and returns when it is gone. One that takes too
// long is made to write where it hangs into its log and killed, which is an error.
func (p *Process) Stop(ctx context.Context) error {
	exited, err := p.signal(syscall.SIGTERM)
	if err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-exited:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	_, err = p.signal(syscall.SIGQUIT) // Go writes all goroutines' stacks, and ends
	select {
	case <-exited:
	case <-time.After(stacksTimeout):
	}
	return errors.Join(fmt.Errorf("stop %s: it did not end when asked to (see %s)", p.name, p.log()), err, p.Kill())
}

// StopCleanly asks the program to end, as [Process.Stop] does, and fails unless it
// ends with status 0.
func (p *Process) StopCleanly(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if state := p.current.ProcessState; !state.Success() {
		return fmt.Errorf("stop %s: %s (see %s)", p.name, state, p.log())
	}
	return nil
}

// done is closed when the program has ended.
func (p *Process) done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

// crashed reports whether the program should run and does not.
func (p *Process) crashed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
		return !p.stopped
	default:
		return false
	}
}

// signal sends a signal, if the program runs, and returns what is closed when it
// has ended.
func (p *Process) signal(s syscall.Signal) (<-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		none := make(chan struct{})
		close(none)
		return none, nil
	}
	p.stopped = true
	if err := p.current.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, err
	}
	return p.exited, nil
}
