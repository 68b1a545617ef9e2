package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupRates: a rate that no backup could live with is refused before anything is done, and one that can be kept is kept to.
func TestBackupRates(t *testing.T) {
	dir := t.TempDir()
	for flag, args := range map[string][]string{
		"--backup-rate 1000": {"server", "--data-dir", filepath.Join(dir, "data"), "--bootstrap-expect", "1", "--backup-rate", "1000"},
		"--rate 1048575":     {"backup", "save", "--to", filepath.Join(dir, "to"), "--rate", "1048575"},
	} {
		code, _, stderr := run(t, "127.0.0.1:1", args...)
		if code != exitUsage || !strings.Contains(stderr, flag) || !strings.Contains(stderr, "1MiB") {
			t.Errorf("%s: exit code %d, %s", flag, code, stderr)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	server := started(t, "server", "--data-dir", filepath.Join(dir, "data"), "--node-id", "a", "--bootstrap-expect", "1", "--backup-rate", "1MiB")
	defer server.stop()
	for _, rate := range []string{"1MiB", "0"} {
		if code, _, stderr := run(t, server.API, "backup", "save", "--to", filepath.Join(dir, "to"), "--rate", rate); code != exitDone {
			t.Errorf("backup save --rate %s: exit code %d: %s", rate, code, stderr)
		}
	}
}
