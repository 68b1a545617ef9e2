package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// outputDelay is how long the output of a process that has ended is waited for: a program that it started may hold it
// open for longer.
const outputDelay = time.Second

// Process is a run of the binary.
type Process struct {
	// Stdout and Stderr are what it wrote.
	Stdout, Stderr *Log

	command *exec.Cmd
	exited  chan struct{} // closed when the process has ended and its output is complete
	err     error         // of Wait; readable once exited is closed
}

// Options say how to run the binary.
type Options struct {
	Args  []string
	Env   []string // KEY=value, in place of the parent's ROWLOCK_ variables
	Dir   string
	Stdin io.Reader
}

// Start starts the binary. The caller ends it with Kill, or Signal and Wait.
func Start(binary string, o Options) (*Process, error) {
	p := &Process{Stdout: newLog(), Stderr: newLog(), exited: make(chan struct{})}
	p.command = exec.Command(binary, o.Args...)
	p.command.Dir, p.command.Stdin = o.Dir, o.Stdin
	p.command.Stdout, p.command.Stderr = p.Stdout, p.Stderr
	p.command.Env = environment(o.Env)
	p.command.SysProcAttr = attributes()
	p.command.WaitDelay = outputDelay
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s %s: %w", binary, strings.Join(o.Args, " "), err)
	}
	go func() {
		defer close(p.exited)
		p.err = p.command.Wait()
	}()
	return p, nil
}

// environment is that of a process: the parent's, with other ROWLOCK_ variables.
func environment(ours []string) []string {
	var list []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ROWLOCK_") {
			list = append(list, variable)
		}
	}
	return append(list, ours...)
}

// Exited is closed when the process has ended and its output is complete.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Signal sends the process a signal. One that has ended already is left alone.
func (p *Process) Signal(signal syscall.Signal) error {
	err := p.command.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.exited
	return nil
}

// Wait waits for the end of the process and returns its exit code; -1 if a signal ended it.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.exited:
	case <-ctx.Done():
		return 0, fmt.Errorf("%w; its output so far:\n%s", context.Cause(ctx), p.Stderr)
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) && !errors.Is(p.err, exec.ErrWaitDelay) {
		return 0, p.err
	}
	return p.command.ProcessState.ExitCode(), nil
}

// Run runs the binary to its end.
func Run(ctx context.Context, binary string, o Options) (code int, stdout, stderr string, err error) {
	p, err := Start(binary, o)
	if err != nil {
		return 0, "", "", err
	}
	code, err = p.Wait(ctx)
	if err != nil {
		err = errors.Join(err, p.Kill())
	}
	return code, p.Stdout.String(), p.Stderr.String(), err
}
