package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// deadAddr is an address at which nobody listens, and at which nobody will until the test ends: its port is none that the system
// gives out by itself, also not to whoever dials it, and a UDP socket reserves it among tests.
func deadAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		hold, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = hold.Close() })
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// A server that can't be reached loses its place to the next.
func TestFailover(t *testing.T) {
	f := startFake(t)
	c := newClient(t, client.Config{Addrs: []string{deadAddr(t), f.addr}})
	if _, err := c.Enqueue(t.Context(), raw("a")); err != nil {
		t.Error(err)
	}
}

// A server that isn't the leader names it, also if its address wasn't known.
func TestLeaderHint(t *testing.T) {
	leader, follower := startFake(t), startFake(t)
	follower.before = func(*rowlockv1.EnqueueRequest) error {
		return refusal(codes.Unavailable, "not_leader", "leader", leader.addr)
	}
	c := newClient(t, client.Config{Addrs: []string{follower.addr}})
	if _, err := c.Enqueue(t.Context(), raw("a")); err != nil || leader.count("a") != 1 {
		t.Errorf("%d tasks at the leader, %v", leader.count("a"), err)
	}
}

// A server that takes calls and doesn't answer them loses its place too; the call keeps its sequence.
func TestHungServer(t *testing.T) {
	hung, f := startFake(t), startFake(t)
	release := make(chan struct{})
	defer close(release)
	hung.before = func(*rowlockv1.EnqueueRequest) error {
		<-release
		return nil
	}
	c := newClient(t, client.Config{Addrs: []string{hung.addr, f.addr}, AttemptTimeout: time.Second})
	if _, err := c.Enqueue(t.Context(), raw("a")); err != nil || f.count("a") != 1 {
		t.Errorf("%d tasks, %v", f.count("a"), err)
	}
}

// A call that nobody answers ends with its retry time or its context; it is known not to have been executed.
func TestUnavailable(t *testing.T) {
	c := newClient(t, client.Config{Addrs: []string{deadAddr(t)}, RetryFor: 50 * time.Millisecond})
	_, err := c.Enqueue(t.Context(), raw("a"))
	if !errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrUnknownOutcome) {
		t.Errorf("Enqueue: got %v, want ErrUnavailable and a known outcome", err)
	}
	if _, err := c.Get(t.Context(), "x"); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("Get: %v", err)
	}
	patient := newClient(t, client.Config{Addrs: []string{deadAddr(t)}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := patient.Get(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get with a deadline: %v", err)
	}
}

// A caller that gives up before any server was reached has its task back for sure: it isn't sent when one comes.
func TestUnreachable(t *testing.T) {
	for name, oneShot := range map[string]bool{"one-shot": true, "session": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := deadAddr(t)
			c := newClient(t, client.Config{Addrs: []string{addr}, OneShot: oneShot})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // enough to be refused
			defer cancel()
			_, err := c.Enqueue(ctx, raw("a"))
			if !errors.Is(err, client.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) ||
				errors.Is(err, client.ErrUnknownOutcome) || !strings.Contains(err.Error(), "refused") {
				t.Errorf("got %v, want ErrUnavailable with its cause and a known outcome", err)
			}
			f := startFakeAt(t, addr)
			if r, err := c.Enqueue(t.Context(), raw("b")); err != nil || r.ID != "id-of-b" {
				t.Errorf("%v, %v", r, err)
			}
			if n := f.count("a"); n != 0 {
				t.Errorf("%d tasks that their caller had given up", n)
			}
		})
	}
}

// The same where an address takes connections and says nothing.
func TestMuteAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newClient(t, client.Config{Addrs: []string{l.Addr().String()}, OneShot: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Enqueue(ctx, raw("a")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrUnknownOutcome) {
		t.Errorf("got %v, want the context's error and a known outcome", err)
	}
}

// Bad configurations are refused with one clear error.
func TestConfig(t *testing.T) {
	for _, config := range []client.Config{
		{Addrs: []string{""}},
		{Addrs: []string{"host:"}},
		{Addrs: []string{"a:b:c"}},
		{InFlight: -1},
		{InFlight: 1000},
		{AttemptTimeout: -1},
	} {
		if c, err := client.New(config); err == nil {
			t.Errorf("New(%+v) took it: %v", config, c.Close())
		}
	}
	for _, addr := range []string{"host", "host:1", "::1", "[::1]:7300", "127.0.0.1"} {
		c, err := client.New(client.Config{Addrs: []string{addr}})
		if err != nil {
			t.Errorf("address %q: %v", addr, err)
			continue
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
