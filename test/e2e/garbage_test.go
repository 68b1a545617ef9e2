package e2e

import (
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
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
