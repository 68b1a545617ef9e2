package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
)

// seeker is a server without state.
type seeker struct {
	Former
	self raftfsm.Forming

	mu      sync.Mutex // guards promise
	promise string
}

func newSeeker(t *testing.T, name string, expect int) *seeker {
	t.Helper()
	s := &seeker{Former: Former{Expect: expect, Logger: slog.New(slog.DiscardHandler)}}
	s.APIAddr, s.HTTPAddr = freeAddr(t), freeAddr(t)
	s.self = raftfsm.Forming{
		NodeID: name, Self: raftfsm.Founder{ServerID: name + "~1", Address: name + ":7301"},
		Promise: func(clusterID string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.promise != "" && s.promise != clusterID {
				return raftfsm.ErrOtherNode
			}
			s.promise = clusterID
			return nil
		},
	}
	return s
}

// freeAddr is an address that nobody listens at, and that nobody gets until the test ends: its port is none that the system gives
// out by itself, and a UDP socket reserves it among tests.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		hold, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = hold.Close() })
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// TestOneFounds: of servers that see each other exactly one founds the group, with all of them.
func TestOneFounds(t *testing.T) {
	var all []*seeker
	var join []string
	for i := range 3 {
		s := newSeeker(t, fmt.Sprintf("n%d", 3-i), 3)
		all = append(all, s)
		join = append(join, s.APIAddr)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	founded := make(chan raftfsm.Founding, 1)
	var wg sync.WaitGroup
	for _, s := range all {
		s.Join = join
		wg.Go(func() {
			f, err := s.Form(ctx, s.self)
			if err == nil && f.Bootstrap {
				if s.self.NodeID != "n1" {
					t.Errorf("%s founds the group", s.self.NodeID)
				}
				founded <- f
				return
			}
			if !errors.Is(err, context.Canceled) { // the others wait until the founder's group has begun
				t.Errorf("%s: %+v %v", s.self.NodeID, f, err)
			}
		})
	}
	select {
	case f := <-founded:
		if len(f.Founders) != 2 || f.ClusterID == "" {
			t.Errorf("founded %+v", f)
		}
		for _, s := range all {
			if s.promise != f.ClusterID {
				t.Errorf("%s is promised to %q", s.self.NodeID, s.promise)
			}
		}
	case <-ctx.Done():
		t.Error("nobody founds the group")
	}
	cancel()
	wg.Wait()
}

// TestPromisedOtherwise: no group is founded with a server that has promised itself to another, nor with fewer than
// expected.
func TestPromisedOtherwise(t *testing.T) {
	a, b := newSeeker(t, "n1", 2), newSeeker(t, "n2", 2)
	a.Join = []string{a.APIAddr, b.APIAddr}
	b.Join = []string{b.APIAddr} // it doesn't see the other, so it doesn't act by itself
	b.promise, b.self.ClusterID = "another", "another"
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range []*seeker{a, b} {
		wg.Go(func() {
			if f, err := s.Form(ctx, s.self); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %+v %v", s.self.NodeID, f, err)
			}
		})
	}
	wg.Wait()
	if b.promise != "another" {
		t.Errorf("it broke its promise for %q", b.promise)
	}
}

// TestTwoOfOneName don't found a group.
func TestTwoOfOneName(t *testing.T) {
	a, b := newSeeker(t, "n1", 2), newSeeker(t, "n1", 2)
	b.self.Self.ServerID = "n1~2"
	a.Join = []string{a.APIAddr, b.APIAddr}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = b.Form(ctx, b.self) })
	_, err := a.Form(ctx, a.self)
	cancel()
	wg.Wait()
	if err == nil || !strings.Contains(err.Error(), `two servers are called "n1"`) {
		t.Errorf("%v", err)
	}
}
