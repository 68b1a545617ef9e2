package e2e

import (
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

// TestGarbage sends garbage to every port. The server answers its users as before.
func TestGarbage(t *testing.T) {
	n := serve(t, t.TempDir(), nil)
	c := connect(t, n)
	random := make([]byte, 1<<20)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	for name, garbage := range map[string][]byte{
		"nothing":            {},
		"zeros":              make([]byte, 1<<16),
		"random":             random,
		"HTTP/1":             []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"HTTP/2, then noise": append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), random[:4096]...),
		"TLS":                {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03},
	} {
		for port, addr := range map[string]string{"api": n.API, "raft": n.Raft, "http": n.HTTP} {
			t.Run(name+" to "+port, func(t *testing.T) {
				send(t, addr, garbage)
				before := time.Now()
				enqueue(t, c, "q", "1")
				t.Logf("an enqueue after it took %s", time.Since(before))
			})
		}
	}
	response, err := http.Get("http://" + n.HTTP + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", response.Status)
	}
	if strings.Contains(n.Stderr.String(), "panic") {
		t.Errorf("the server panicked:\n%s", n.Stderr)
	}
	stop(t, n.Process)
}

// send writes the garbage to the address. That the server hangs up meanwhile is its right.
func send(t *testing.T, addr string, garbage []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(garbage); err != nil {
		return
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Logf("the server hung up: %v", err)
	}
}

// TestDataDirectory starts servers on data directories that they must refuse, with one clear line.
func TestDataDirectory(t *testing.T) {
	used := t.TempDir()
	n := serve(t, used, nil)
	c := connect(t, n)
	id := enqueue(t, c, "q", strings.Repeat("x", 100_000))
	refused(t, "another process has it", used, "another process", "in use")
	stop(t, n.Process)

	// The directory is good: a refusal below is the damage's.
	n = serve(t, used, n)
	until(t, c, id, "the task is there", isState(client.Pending))
	stop(t, n.Process)

	damage := func(name string, do func(dir string)) {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(dir, os.DirFS(used)); err != nil {
			t.Fatal(err)
		}
		do(dir)
		refused(t, name, dir, dir)
	}
	for _, file := range []string{"state.db", "raft.db"} {
		damage("a truncated "+file, func(dir string) { truncate(t, filepath.Join(dir, file), 5000) })
		damage("an empty "+file, func(dir string) { truncate(t, filepath.Join(dir, file), 0) })
		damage("garbage in "+file, func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(strings.Repeat("garbage ", 10_000)), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
	damage("a flipped byte in the payload in state.db", func(dir string) {
		path := filepath.Join(dir, "state.db")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := strings.Index(string(content), strings.Repeat("x", 1000))
		if at < 0 {
			t.Fatal("the payload isn't in the file")
		}
		content[at+500] ^= 1
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	file := filepath.Join(t.TempDir(), "file")
	touch(t, file)
	refused(t, "a file", file, file)
}

// refused starts a server that must end with an error of one line, which has one of the words.
func refused(t *testing.T, name, dir string, words ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		args := []string{"server", "--data-dir", dir, "--bootstrap-expect", "1", "--api-addr", "127.0.0.1:0", "--raft-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
		code, _, stderr, err := process.Run(limited(t), binary, process.Options{Args: args})
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		last := lines[len(lines)-1]
		if code == 0 || strings.Contains(stderr, "goroutine ") {
			t.Errorf("exit code %d:\n%s", code, stderr)
		}
		for _, word := range words {
			if strings.Contains(last, word) {
				return
			}
		}
		t.Errorf("the last line is %q, want one of %q in it", last, words)
	})
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}
