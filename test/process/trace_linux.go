package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Never is the number of a change before which no process is killed.
const Never = -1

// ErrNoTrace means that this machine doesn't let a process trace its children.
var ErrNoTrace = errors.New("processes can't be traced here")

// Traced is what became of a process that was watched.
type Traced struct {
	Killed         bool // before the change that was asked for
	Code           int  // its exit code; -1 if a signal ended it
	Stdout, Stderr string
	Changes        []Change // of files, those that it made, in order
}

// Change is a system call that changes a file or a directory.
type Change struct {
	Call string
	Path string // of the file that is written; empty for calls that take a name
}

// KillBefore runs the binary, and kills it right before it changes files for the nth time, counted from 0: so a test sees each
// state of the disk in which kill -9 can leave it. What was written is there after a kill, fsynced or not, so that an fsync is no
// change. ErrNoTrace: the machine forbids it.
func KillBefore(ctx context.Context, binary string, o Options, n int) (*Traced, error) {
	type end struct {
		traced *Traced
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		runtime.LockOSThread()         // ptrace takes orders from the thread that began it
		defer runtime.UnlockOSThread() // a thread that ended with the goroutine would take with it the processes that it has started
		traced, err := trace(ctx, binary, o, n)
		ended <- end{traced, err}
	}()
	e := <-ended
	return e.traced, e.err
}

// trace starts the process, and watches it to its end.
func trace(ctx context.Context, binary string, o Options, n int) (*Traced, error) {
	stdout, stderr := newLog(), newLog()
	var copies sync.WaitGroup
	files := []uintptr{0, 0, 0}
	var ends []*os.File
	pipe := func(to *Log) (uintptr, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		ends = append(ends, w)
		copies.Go(func() {
			defer r.Close()
			_, _ = io.Copy(to, r)
		})
		return w.Fd(), nil
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	files[0] = null.Fd()
	var err1, err2 error
	files[1], err1 = pipe(stdout)
	files[2], err2 = pipe(stderr)
	shut := func() {
		for _, w := range ends {
			w.Close()
		}
	}
	if err := errors.Join(err1, err2); err != nil {
		shut()
		return nil, err
	}
	attributes := attributes()
	attributes.Ptrace, attributes.Setpgid = true, true
	pid, err := syscall.ForkExec(binary, append([]string{binary}, o.Args...), &syscall.ProcAttr{
		Dir: o.Dir, Env: environment(o.Env), Files: files, Sys: attributes,
	})
	shut()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	defer stop()
	t := tracer{pid: pid, n: n, known: map[int]bool{pid: true}}
	err = t.run()
	copies.Wait()
	t.Stdout, t.Stderr = stdout.String(), stderr.String()
	return &t.Traced, errors.Join(err, context.Cause(ctx))
}

// tracer watches the threads of a process.
type tracer struct {
	Traced
	pid, n int
	known  map[int]bool // threads that have stopped once
}

// run goes from stop to stop, until the process has ended.
func (t *tracer) run() error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &status, syscall.WALL, nil); err != nil || !status.Stopped() {
		return fmt.Errorf("%w: %w: status %x", ErrNoTrace, err, status)
	}
	const options = syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(t.pid, options); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrNoTrace, err), syscall.Kill(t.pid, syscall.SIGKILL))
	}
	_ = syscall.PtraceSyscall(t.pid, 0) // it fails where the process has died: the next wait tells
	for {
		// Only those of the process' group: the test has other children.
		id, err := syscall.Wait4(-t.pid, &status, syscall.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return fmt.Errorf("wait for the traced process: %w", err)
		case status.Stopped():
			_ = syscall.PtraceSyscall(id, t.stopped(id, status.StopSignal()))
		case id == t.pid:
			t.Code = -1
			if status.Exited() {
				t.Code = status.ExitStatus()
			}
			return nil
		}
	}
}

// stopped looks at what stopped a thread, and returns the signal with which it goes on.
func (t *tracer) stopped(id int, signal syscall.Signal) int {
	first := !t.known[id]
	t.known[id] = true
	switch {
	case signal == syscall.SIGTRAP|0x80:
		if c, ok := change(t.pid, id); ok && !t.Killed {
			if len(t.Changes) == t.n {
				t.Killed = true
				_ = syscall.Kill(t.pid, syscall.SIGKILL)
			} else {
				t.Changes = append(t.Changes, c)
			}
		}
		return 0
	case signal == syscall.SIGTRAP, first && signal == syscall.SIGSTOP: // it has begun a thread, or is a new one
		return 0
	}
	return int(signal)
}

// syscallInfo is struct ptrace_syscall_info of Linux, as far as it tells of an entry.
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	_    uint32
	_, _ uint64
	nr   uint64
	args [6]uint64
	_    [2]uint64
}

const (
	getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO, since Linux 5.3
	atEntry        = 1      // PTRACE_SYSCALL_INFO_ENTRY
)

// changing are the system calls that change a directory; openat only where it may make a file.
var changing = map[uint64]string{
	unix.SYS_OPENAT: "create", unix.SYS_RENAMEAT: "rename", unix.SYS_RENAMEAT2: "rename", unix.SYS_UNLINKAT: "remove",
	unix.SYS_MKDIRAT: "mkdir", unix.SYS_LINKAT: "link", unix.SYS_TRUNCATE: "truncate",
}

// writing are those that change an open file: its descriptor is an argument.
var writing = map[uint64]struct {
	call string
	file int
}{
	unix.SYS_WRITE: {"write", 0}, unix.SYS_PWRITE64: {"write", 0}, unix.SYS_WRITEV: {"write", 0}, unix.SYS_PWRITEV: {"write", 0},
	unix.SYS_FTRUNCATE: {"truncate", 0}, unix.SYS_FALLOCATE: {"truncate", 0},
	unix.SYS_COPY_FILE_RANGE: {"write", 2}, unix.SYS_SENDFILE: {"write", 0}, unix.SYS_SPLICE: {"write", 2},
}

// change tells whether a thread is about to change a file.
func change(pid, id int) (Change, bool) {
	var info syscallInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(id), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 || info.op != atEntry {
		return Change{}, false
	}
	if call, ok := changing[info.nr]; ok {
		return Change{Call: call}, info.nr != unix.SYS_OPENAT || info.args[2]&syscall.O_CREAT != 0
	}
	w, ok := writing[info.nr]
	if !ok {
		return Change{}, false
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, info.args[w.file]))
	return Change{Call: w.call, Path: path}, err == nil && filepath.IsAbs(path) && !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/")
}

// Moments are the numbers of changes that make a difference to the one before: all but writes that follow a write of the same
// file, of which it takes about one in eight. They are in order, and end with the number of all changes.
func (t *Traced) Moments() []int {
	var moments []int
	run := 0
	for i, c := range t.Changes {
		if i > 0 && c.Call == "write" && c == t.Changes[i-1] {
			if run++; run%8 != 0 {
				continue
			}
		} else {
			run = 0
		}
		moments = append(moments, i)
	}
	return append(moments, len(t.Changes))
}

// tracePatience is how long the machine may take to say whether it lets processes be traced.
const tracePatience = 10 * time.Second

// CanTrace is nil where KillBefore works.
func CanTrace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tracePatience)
	defer cancel()
	_, err := KillBefore(ctx, "/bin/true", Options{}, Never)
	return err
}
