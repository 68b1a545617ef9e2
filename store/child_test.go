package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// The environment of a child process: what it does, and where.
const (
	childRole = "ROWLOCK_STORE_TEST_CHILD"
	childDir  = "ROWLOCK_STORE_TEST_DIR"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		if err := runChild(role, os.Getenv(childDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runChild is what another process does until it is killed, or its parent is gone.
func runChild(role, dir string) error {
	if role == "limited" {
		limit := syscall.Rlimit{Cur: 4 << 30, Max: 4 << 30}
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
			return err
		}
	}
	if role == "repair" {
		fmt.Println("repairing")
		_, err := Repair(context.Background(), testOptions(dir))
		return errors.Join(err, errors.New("it is done"))
	}
	if role == "log" {
		return writeLogForever(dir)
	}
	o := testOptions(dir)
	o.Reserve = 0
	s, err := Open(o)
	if err != nil {
		return err
	}
	if role == "hold" {
		fmt.Println("holding")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	if role == "vacuum" {
		go vacuumForever(s)
	}
	m := newModel()
	step := uint64(0)
	for ; 10*step < s.Position().Index; step++ {
		m.sampleCheckpoint(step)
	}
	for ; ; step++ {
		cp, pos := m.sampleCheckpoint(step)
		if err := s.Commit(cp, pos); err != nil {
			return err
		}
		if _, err := fmt.Println(step + 1); err != nil {
			return err
		}
	}
}

// vacuumForever vacuums one time after the other, until the process is killed.
func vacuumForever(s *Store) {
	for {
		if _, err := s.Vacuum(context.Background(), unhurried(nil)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// child is a process of this test's binary.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

func startChild(t *testing.T, role, dir string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	must(t, err)
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	c.stdin, c.lines = in, bufio.NewScanner(out)
	must(t, c.cmd.Start())
	return c
}

// line waits for the next line of its output.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("the child says nothing more: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// kill ends it with SIGKILL, and returns what it had said in between.
func (c *child) kill(t *testing.T) []string {
	t.Helper()
	must(t, c.cmd.Process.Kill())
	var lines []string
	for c.lines.Scan() {
		lines = append(lines, c.lines.Text())
	}
	if err := c.cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return lines
}
