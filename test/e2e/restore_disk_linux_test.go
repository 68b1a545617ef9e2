package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/test/process"
)

// TestRestoreOntoFullDisk: where there is no room for the restored state nothing is changed, and the same command does it when
// there is.
func TestRestoreOntoFullDisk(t *testing.T) {
	from := sourceArchive(t, 20_000, 4000)
	t.Run("online", func(t *testing.T) {
		dir, remount := tmpfs(t, 96)
		n := serve(t, dir, nil, "--min-free", "4MiB")
		c := connect(t, n)
		kept := enqueue(t, c, "kept", "1")
		args := []string{"backup", "restore", "--from", from, "--yes"}
		if code, _, stderr := rowlock(t, n, args...); code != 4 || !strings.Contains(stderr, "room") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		if got, err := c.Get(limited(t), kept); err != nil || got.Queue != "kept" {
			t.Errorf("the state of before: %+v %v", got, err)
		}
		if left, err := os.ReadDir(filepath.Join(dir, "incoming")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
		remount(1024)
		must(t, n, args...)
		if s, err := statusOf(t, n); err != nil || s.LiveTasks != 20_000 {
			t.Errorf("status %+v %v", s, err)
		}
	})
	t.Run("offline", func(t *testing.T) {
		dir, remount := tmpfs(t, 48)
		data := filepath.Join(dir, "data")
		args := []string{"backup", "restore", "--from", from, "--yes", "--data-dir", data, "--node-id", "a"}
		code, _, stderr, err := process.Run(limited(t), binary, process.Options{Args: args})
		if err != nil || code == 0 || !strings.Contains(stderr, "no space left") {
			t.Errorf("exit code %d: %s %v", code, stderr, err)
		}
		if _, err := os.Stat(filepath.Join(data, "state.db")); err == nil {
			t.Error("there is a state")
		}
		remount(1024)
		code, _, stderr, err = process.Run(limited(t), binary, process.Options{Args: args})
		if err != nil || code != 0 {
			t.Errorf("with room: exit code %d: %s %v", code, stderr, err)
		}
	})
}
