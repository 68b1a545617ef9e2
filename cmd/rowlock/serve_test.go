package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// run runs one command against a server and returns its exit code and output.
func run(t *testing.T, addr string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(context.Background(), args, strings.NewReader(""), &out, &err, []string{"ROWLOCK_ADDR=" + addr})
	return code, out.String(), err.String()
}

// started boots a server that the test stops by itself, or its end does.
func started(t *testing.T, args ...string) *booted {
	t.Helper()
	server, err := boot(args...)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func TestServerKeepsItsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	server := started(t, "server", "--data-dir", dir, "--node-id", "a", "--bootstrap-expect", "1")
	code, id, stderr := run(t, server.API, "enqueue", "q", "--payload", "7")
	if code != exitDone {
		t.Fatal(stderr)
	}
	// The directory has one owner.
	var log bytes.Buffer
	if code := Main(context.Background(), []string{"server", "--data-dir", dir, "--node-id", "a", "--raft-addr", "127.0.0.1:0"}, nil, nil, &log, nil); code != exitRefused {
		t.Errorf("a second server on the directory: exit code %d, want %d: %s", code, exitRefused, log.String())
	}
	if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); !strings.HasPrefix(lines[len(lines)-1], "rowlock: ") || !strings.Contains(log.String(), "in use by another process") ||
		strings.Count(log.String(), "data directory") != 1 {
		t.Errorf("a second server on the directory says %s", log.String())
	}
	if code := server.stop(); code != exitDone {
		t.Fatalf("stopped with exit code %d: %s", code, server.log.String())
	}
	// A start is nothing to warn of, and durations have a unit.
	if log := server.log.String(); strings.Contains(log, "starting election") || !regexp.MustCompile(`"after":"[0-9.]+[µm]?s"`).MatchString(log) {
		t.Errorf("the server logged %s", log)
	}
	server = started(t, "server", "--data-dir", dir, "--node-id", "a")
	defer server.stop()
	code, out, stderr := run(t, server.API, "task", "get", strings.TrimSpace(id), "-o", "json")
	var task struct{ State string }
	if err := json.Unmarshal([]byte(out), &task); code != exitDone || err != nil || task.State != "pending" {
		t.Errorf("after a restart: exit code %d, %s %s", code, out, stderr)
	}
}

func TestServerRefusesToStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "x")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	ports := []string{"--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
	unfinished := t.TempDir()
	write(t, filepath.Join(unfinished, "restoring"), `{"cluster_id":"c"}`)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no directory", []string{"server"}, exitUsage, "--data-dir"},
		{"a file", []string{"server", "--data-dir", file}, exitUsage, "a file, not a directory"},
		{"no state", []string{"server", "--data-dir", t.TempDir()}, exitRefused, "--bootstrap-expect 1"},
		{"an unfinished restore", append([]string{"server", "--data-dir", unfinished}, ports...), exitRefused, "run 'rowlock backup restore' again"},
		{"a group of three", []string{"server", "--data-dir", t.TempDir(), "--bootstrap-expect", "3"}, exitUsage, "--bootstrap-expect 3"},
		{"a bad node ID", []string{"server", "--data-dir", t.TempDir(), "--bootstrap-expect", "1", "--node-id", "a b"}, exitUsage, `"a b"`},
		{"a bad address", append([]string{"dev"}, "--api-addr", "nowhere"), exitUsage, `--api-addr "nowhere": want host:port`},
		{"a taken port", append(append([]string{"dev"}, ports...), "--api-addr", taken.Addr().String()), exitFailed, "address already in use): choose another address with --api-addr"},
		{"a taken Raft port", append(append([]string{"dev"}, ports...), "--raft-addr", taken.Addr().String()), exitFailed, "address already in use): choose another address with --raft-addr"},
		{"too eager a collector", []string{"dev", "--gc-percent", "1"}, exitUsage, "--gc-percent 1"},
		{"no size", []string{"dev", "--min-free", "much"}, exitUsage, "want a number of bytes such as"},
		{"a short TTL", []string{"dev", "--session-ttl", "10ms"}, exitUsage, "--session-ttl 10ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := run(t, "", c.args...)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if last := lines[len(lines)-1]; code != c.code || stdout != "" || !strings.HasPrefix(last, "rowlock: ") || !strings.Contains(last, c.says) {
				t.Errorf("exit code %d, want %d with %s: %s", code, c.code, c.says, stderr)
			}
		})
	}
}

func TestDevLeavesNothingBehind(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	server := started(t, "dev")
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v, want one temporary data directory", entries, err)
	}
	if code := server.stop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, server.log.String())
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v is left behind", entries, err)
	}
}

func TestDevWorksItself(t *testing.T) {
	server := started(t, "dev", "--exec", "tr a-z A-Z", "--queues", "hello", "--name", "inside")
	code, out, stderr := run(t, server.API, "enqueue", "hello", "--payload", `"ada"`, "--wait", "-o", "json")
	var task struct {
		Result   string `json:"result"`
		WorkerID string `json:"worker_id"`
	}
	if err := json.Unmarshal([]byte(out), &task); code != exitDone || err != nil || task.Result != "ADA" || task.WorkerID != "inside" {
		t.Errorf("exit code %d, %s %s", code, out, stderr)
	}
	if code := server.stop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, server.log.String())
	}
}
