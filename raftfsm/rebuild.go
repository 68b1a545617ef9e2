package raftfsm

import (
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/store"
)

// Rebuilding describes what Rebuild finds and does.
type Rebuilding struct {
	NodeID, ClusterID string
	OldServerID       string // empty: the directory doesn't say
	Aside             string // where the old files are
}

// Rebuild makes the stopped member of a data directory, whose data is damaged, an empty one that joins its group anew and gets the
// state from the others. It keeps the node ID and the cluster, so that it can be of no other, and gets another incarnation: to
// the group it is a new member. The old files are set aside.
//
// leave is called before anything is changed, with the directory held: it takes the old member out of the group, which refuses
// where the rest would have no majority, and may refuse itself.
//
// nodeID and clusterID are taken where the directory can't tell them.
func Rebuild(dataDir, nodeID, clusterID string, leave func(Rebuilding) error) (_ Rebuilding, err error) {
	release, err := store.Hold(dataDir)
	if err != nil {
		return Rebuilding{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	id, known, err := store.LoadIdentity(dataDir)
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		return Rebuilding{}, err
	}
	r := Rebuilding{NodeID: nodeID, ClusterID: clusterID}
	if known {
		r.NodeID, r.OldServerID = id.NodeID, string(serverID(id))
		if id.ClusterID != "" && id.ClusterID != clusterID {
			return r, fmt.Errorf("%w: the directory is of cluster %q, and the members that answer are of %q", ErrOtherNode, id.ClusterID, clusterID)
		}
	}
	if !nodeIDPattern.MatchString(r.NodeID) {
		return r, fmt.Errorf("%w: the directory doesn't say which member it is of: give its node ID", ErrRefused)
	}
	if err := leave(r); err != nil {
		return r, err
	}
	fresh := store.Identity{NodeID: r.NodeID, ClusterID: clusterID, Standby: id.Standby}
	if fresh.Incarnation, err = randomName(4); err != nil {
		return r, err
	}
	r.Aside, err = store.SetAside(dataDir, fresh, time.Now())
	return r, err
}
