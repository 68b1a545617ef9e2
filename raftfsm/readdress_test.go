package raftfsm

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server, for this process, whose answers can change.
type names struct {
	mu        sync.Mutex
	addresses map[string][4]byte
}

func newNames(t *testing.T) *names {
	t.Helper()
	n := &names{addresses: map[string][4]byte{}}
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.serve(server)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
		net.DefaultResolver = old
	})
	return n
}

func (n *names) set(name string, address [4]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[name] = address
}

func (n *names) serve(server net.PacketConn) {
	buf := make([]byte, 512)
	for {
		size, from, err := server.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		n.mu.Lock()
		address, known := n.addresses[q.Name.String()]
		n.mu.Unlock()
		m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}
		m.Additionals = nil
		switch {
		case !known:
			m.RCode = dnsmessage.RCodeNameError
		case q.Type == dnsmessage.TypeA:
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: address},
			}}
		}
		if answer, err := m.Pack(); err == nil {
			_, _ = server.WriteTo(answer, from)
		}
	}
}

// TestAllAddressesChange stops a whole group and starts it on other IP addresses, as when all pods were scheduled anew:
// the members find each other by their names (dkron#1001, consul#10678).
func TestAllAddressesChange(t *testing.T) {
	dns := newNames(t)
	name := func(i int) string { return fmt.Sprintf("n%d.rowlock.test", i) }
	place := func(i, net int) string {
		dns.set(name(i)+".", [4]byte{127, 0, byte(net), byte(i)})
		return fmt.Sprintf("127.0.%d.%d", net, i)
	}
	next := 0
	g := newGroup(t, 3, func(c *Config) {
		next++
		_, port, err := net.SplitHostPort(c.RaftAddr)
		if err != nil {
			t.Fatal(err)
		}
		c.RaftAddr, c.AdvertiseHost = net.JoinHostPort(place(next, 1), port), name(next)
	})
	g.insist(enqueue("q", 5))
	g.converge()
	for _, m := range g.members {
		m.close(t)
	}
	for i := range g.members {
		_, port, err := net.SplitHostPort(g.configs[i].RaftAddr)
		if err != nil {
			t.Fatal(err)
		}
		g.configs[i].RaftAddr = net.JoinHostPort(place(i+1, 2), port)
		g.restart(i)
	}
	g.insist(enqueue("q", 1))
	for _, m := range g.members {
		wait(t, m.Ready())
	}
	g.converge()
	if n := g.leader().enqueued("q"); n != 6 {
		t.Errorf("%d tasks", n)
	}
}
