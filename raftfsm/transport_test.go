package raftfsm

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func listenTest(t *testing.T, cluster, advertise string) *streamLayer {
	t.Helper()
	s, err := listenRaft(Config{RaftAddr: "127.0.0.1:0", AdvertiseHost: advertise, Logger: testLogger(t)}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// echo answers the first connection with what it sends.
func echo(s *streamLayer) {
	c, err := s.Accept()
	if err != nil {
		return
	}
	_, _ = io.Copy(c, c)
	_ = c.Close()
}

func TestDialByName(t *testing.T) {
	s := listenTest(t, "c1", "localhost")
	if a := s.Addr().String(); !strings.HasPrefix(a, "localhost:") {
		t.Fatalf("advertised as %s", a)
	}
	go echo(s)
	c, err := listenTest(t, "c1", "").Dial(raft.ServerAddress(s.Addr().String()), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
		t.Fatalf("%q %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestForeignCluster: members of two clusters whose addresses got mixed up don't talk (nomad#3837), nor does one that
// has no cluster yet.
func TestForeignCluster(t *testing.T) {
	for _, x := range [][2]string{{"c1", "c2"}, {"", ""}, {"c1", ""}} {
		s := listenTest(t, x[0], "")
		_, err := listenTest(t, x[1], "").Dial(raft.ServerAddress(s.Addr().String()), time.Second)
		if !errors.Is(err, ErrForeignCluster) {
			t.Errorf("%q dials %q: %v", x[1], x[0], err)
		}
	}
}

// TestGarbageOnThePort: whatever connects that isn't a member is turned away, and holds up nobody.
func TestGarbageOnThePort(t *testing.T) {
	s := listenTest(t, "c1", "")
	for _, b := range [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n"), bytes.Repeat([]byte{0xff}, 1<<16), []byte(prefaceRaft), {}} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write(b)
	}
	go echo(s)
	c, err := s.Dial(raft.ServerAddress(s.Addr().String()), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestUnspecifiedNeedsName(t *testing.T) {
	_, err := listenRaft(Config{RaftAddr: "0.0.0.0:0", Logger: testLogger(t)}, "c1")
	if err == nil || !strings.Contains(err.Error(), "advertise") {
		t.Fatalf("%v", err)
	}
}

// TestCloseEndsConnections: nothing is left when the layer is closed.
func TestCloseEndsConnections(t *testing.T) {
	s := listenTest(t, "c1", "")
	go echo(s)
	c, err := listenTest(t, "c1", "").Dial(raft.ServerAddress(s.Addr().String()), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("the connection is still open")
	}
	if _, err := s.Dial(raft.ServerAddress("127.0.0.1:1"), time.Second); err == nil {
		t.Fatal("a closed layer dials")
	}
}

func FuzzPreface(f *testing.F) {
	f.Add([]byte(prefaceRaft + "\x02c1"))
	f.Add([]byte(prefacePeers + "\x02c1"))
	f.Add([]byte("GET / HTTP/1.1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		here, there := net.Pipe()
		go func() {
			_, _ = here.Write(b)
			_ = here.Close()
		}()
		magic, err := receivePreface(there, "c1", time.Second)
		if err == nil && ((magic != prefaceRaft && magic != prefacePeers) || !bytes.HasPrefix(b, []byte(magic+"\x02c1"))) {
			t.Errorf("%q was welcome", b)
		}
		_ = there.Close()
	})
}
