package raftfsm

import (
	"errors"
	"fmt"

	"github.com/rowlock/rowlock/store"
)

// Founder is one of the first members of a group.
type Founder struct{ ServerID, Address string }

// Forming is a member without state that looks for its group.
type Forming struct {
	NodeID string
	Self   Founder
	// SupportedLevel is the highest feature level that it supports.
	SupportedLevel uint32
	// ClusterID is what it has promised before; empty: nothing.
	ClusterID string
	// Promise makes durable that this member belongs to a cluster. It never belongs to another again: that no two groups
	// form from the same servers rests on it.
	Promise func(clusterID string) error
}

// Founding is what came of it: the cluster, and whether this member is the one that founds it, with the others.
type Founding struct {
	ClusterID string
	Bootstrap bool
	Founders  []Founder
}

// form has a member without state find its group.
func (n *Node) form(p store.Position) error {
	last, err := n.log.LastIndex()
	if err != nil {
		return err
	}
	if n.config.Form == nil || p.Index > 0 || last > 0 {
		return nil
	}
	f, err := n.config.Form(Forming{
		NodeID: n.identity.NodeID, ClusterID: n.identity.ClusterID, SupportedLevel: n.config.SupportedLevel, Promise: n.promise,
		Self: Founder{ServerID: string(serverID(n.identity)), Address: n.network.Addr().String()},
	})
	if err != nil {
		return err
	}
	if err := n.promise(f.ClusterID); err != nil {
		return err
	}
	n.config.Bootstrap, n.config.Founders = f.Bootstrap, f.Founders
	return nil
}

func (n *Node) promise(clusterID string) error {
	n.holding.Lock()
	defer n.holding.Unlock()
	switch {
	case clusterID == "" || len(clusterID) > maxClusterID:
		return fmt.Errorf("cluster ID %q must have 1 to %d bytes", clusterID, maxClusterID)
	case n.identity.ClusterID == clusterID:
		return nil
	case n.identity.ClusterID != "":
		return fmt.Errorf("%w: it is promised to cluster %s and can't be of %s", ErrOtherNode, n.identity.ClusterID, clusterID)
	}
	id := n.identity
	id.ClusterID = clusterID
	if err := store.SaveIdentity(n.config.DataDir, id); err != nil {
		return errors.Join(errors.New("the promise to a cluster can't be kept"), err)
	}
	n.identity = id
	n.network.clusterID.Store(&clusterID)
	return nil
}
