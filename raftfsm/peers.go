package raftfsm

import (
	"context"
	"net"
	"sync"
	"time"
)

// The members talk to each other on the Raft port in gRPC too: whoever reaches a member for Raft reaches it for this, by
// the same name, and both have checked that they belong to the same cluster.

// peerDialTimeout bounds how long it takes to connect to another member.
const peerDialTimeout = 3 * time.Second

// PeerListener accepts the gRPC connections of other members, while the node runs and until it is closed.
func (n *Node) PeerListener() net.Listener {
	return &peerListener{layer: n.network, closed: make(chan struct{})}
}

// DialPeer opens a gRPC connection to the member at a Raft address.
func (n *Node) DialPeer(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, peerDialTimeout)
	defer cancel()
	return n.network.dial(ctx, address, prefacePeers)
}

type peerListener struct {
	layer  *streamLayer
	once   sync.Once
	closed chan struct{}
}

func (l *peerListener) Addr() net.Addr { return l.layer.Addr() }

func (l *peerListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *peerListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.layer.peers:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-l.layer.closed:
		return nil, net.ErrClosed
	}
}
