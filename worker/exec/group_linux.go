package exec

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runGroup runs a command in a process group of its own, which it leaves empty. When ctx ends, the group gets SIGTERM
// and later SIGKILL.
//
// Invariant: the group is only signalled while its leader hasn't been reaped, so that its number is nobody else's.
func runGroup(ctx context.Context, cmd *exec.Cmd, killAfter time.Duration) error {
	// The kernel kills the program when the thread that started it ends, which is when the worker itself is killed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		awaitExit(pid)
	}()
	select {
	case <-exited:
	case <-ctx.Done():
		_ = syscall.Kill(-pid, syscall.SIGTERM) // can't fail: the leader is there, if only as a zombie
		timer := time.NewTimer(killAfter)
		defer timer.Stop()
		select {
		case <-exited:
		case <-timer.C:
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // the program, or what it left behind
	<-exited
	return cmd.Wait()
}

// awaitExit waits for the end of a child without reaping it.
func awaitExit(pid int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}
