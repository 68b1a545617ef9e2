package raftfsm

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// frozenDisk mounts a file system of its own and returns functions that freeze and thaw it; the test ends here where
// that isn't allowed.
func frozenDisk(t *testing.T) (dir string, freeze, thaw func()) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	dir = t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 128<<20); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Skipf("can't mount a disk of its own: %v: %s", err, out)
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	control := func(request uint) func() {
		return func() {
			if err := unix.IoctlSetInt(int(f.Fd()), request, 0); err != nil {
				t.Error(err)
			}
		}
	}
	const fifreeze, fithaw = 0xc0045877, 0xc0045878
	t.Cleanup(func() {
		_ = f.Close()
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir, control(fifreeze), control(fithaw)
}

// TestHungDisk: a leader whose disk hangs goes on sending heartbeats, and the group stands still for as long as it does
// (raft#503). It ends instead.
func TestHungDisk(t *testing.T) {
	dir, freeze, thaw := frozenDisk(t)
	c := testConfig(t, filepath.Join(dir, "data"))
	c.Raft.HungDisk = 3 * time.Second // a busy disk may take its time before it is frozen
	m := startReady(t, c)
	propose(t, m.Node, enqueue("q", 1))
	freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := m.Propose(ctx, enqueue("q", 1)); err == nil {
		t.Error("acknowledged on a frozen disk")
	}
	wait(t, m.done)
	thaw()
	if m.err == nil || !strings.Contains(m.err.Error(), "hangs") {
		t.Fatalf("run: %v", m.err)
	}
}
