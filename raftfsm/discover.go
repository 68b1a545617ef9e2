package raftfsm

import (
	"context"
	"io"
	"time"
)

// Description is what a member tells of itself to the others.
type Description struct {
	NodeID, ServerID, ClusterID string
	// Address is the one for Raft, API the one for clients.
	Address, API string
	Version      string
	// FeatureLevel is the highest that its version supports.
	FeatureLevel uint32
	// LastIndex and LastTerm are of its log.
	LastIndex, LastTerm, AppliedIndex uint64
	// LastContact is how long ago it heard of the leader; 0 for the leader itself, negative: never.
	LastContact time.Duration
	// Held means that it asks to stay a standby.
	Held bool
	// Checksums are the latest hashes of its state.
	Checksums []Checksum
}

// Discoverer asks other members, by their Raft address.
type Discoverer interface {
	Describe(ctx context.Context, address string) (Description, error)
	// SetStandby has a member ask to stay a standby, or no longer.
	SetStandby(ctx context.Context, address string, standby bool) error
	// SendImage has a member keep a prepared state file: see Node.TakeImage.
	SendImage(ctx context.Context, address string, a ImageAnnouncement, image io.Reader) error
	// ReadIndex asks a member, which leads: see Node.ReadIndex.
	ReadIndex(ctx context.Context, address string) (uint64, error)
	// Judge has a member, which leads, compare the members' states now.
	Judge(ctx context.Context, address string) error
}

// SetDiscoverer names the one who can ask other members. Until then none is known to be well. Call it once.
func (n *Node) SetDiscoverer(d Discoverer) { n.lookout.discoverer.Store(&d) }

// Describe tells what other members must know of this one, except what the node doesn't know: API and Version.
func (n *Node) Describe() Description {
	d := Description{
		NodeID: n.identity.NodeID, ServerID: string(serverID(n.identity)), ClusterID: n.identity.ClusterID,
		Address: n.network.Addr().String(), LastIndex: n.raft.LastIndex(), LastTerm: n.lastTerm(),
		AppliedIndex: n.replica.applied.index.Load(), Held: n.held.Load(), Checksums: n.Checksums(),
		FeatureLevel: n.config.SupportedLevel,
	}
	_, d.LastContact = n.Lag()
	return d
}
