package process

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestKillBefore kills a shell before each of its changes: those before are made, and those from there on aren't.
func TestKillBefore(t *testing.T) {
	if err := CanTrace(t.Context()); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	o := Options{Dir: dir, Args: []string{"-c", `echo begun; mkdir a && echo one >a/one && mv a b && echo "$ROWLOCK_X" >b/two; exit 3`}, Env: []string{"ROWLOCK_X=x"}}
	whole, err := KillBefore(limited(t), "/bin/sh", o, Never)
	if err != nil || whole.Code != 3 || whole.Killed || whole.Stdout != "begun\n" {
		t.Fatalf("%+v, %v", whole, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "b", "two")); err != nil || string(text) != "x\n" {
		t.Errorf("%q, %v", text, err)
	}
	for n := range whole.Changes {
		if err := errors.Join(os.RemoveAll(filepath.Join(dir, "a")), os.RemoveAll(filepath.Join(dir, "b"))); err != nil {
			t.Fatal(err)
		}
		k, err := KillBefore(limited(t), "/bin/sh", o, n)
		if err != nil || !k.Killed || k.Code != -1 || len(k.Changes) != n {
			t.Errorf("before %d: %+v, %v", n, k, err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "b", "two")); err == nil && len(text) > 0 {
			t.Errorf("before %d: all was done: %q", n, text)
		}
	}
}

// TestKillBeforeSparesOthers: processes that run meanwhile outlive one that is watched, whichever thread started them.
func TestKillBeforeSparesOthers(t *testing.T) {
	if err := CanTrace(t.Context()); err != nil {
		t.Skip(err)
	}
	var others []*Process
	for range 20 {
		p, err := Start("/bin/sh", Options{Args: []string{"-c", "exec sleep 60"}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Kill() }()
		others = append(others, p)
		if _, err := KillBefore(limited(t), "/bin/sh", Options{Args: []string{"-c", "exit 0"}}, Never); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range others {
		select {
		case <-p.Exited():
			t.Errorf("process %d has ended: %v", i, p.err)
		default:
		}
	}
}
