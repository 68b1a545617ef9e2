package raftfsm

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
)

// identify reads who the data directory's member is, or makes it a new one.
func identify(c Config) (store.Identity, error) {
	id, ok, err := store.LoadIdentity(c.DataDir)
	if err != nil {
		return id, err
	}
	if ok && id.NodeID != c.NodeID {
		return id, fmt.Errorf("%w: it is of %q, not of %q", ErrOtherNode, id.NodeID, c.NodeID)
	}
	if ok && c.ClusterID != "" && id.ClusterID != "" && id.ClusterID != c.ClusterID {
		return id, fmt.Errorf("%w: it is of cluster %q, not of %q", ErrOtherNode, id.ClusterID, c.ClusterID)
	}
	old := id
	id.NodeID = c.NodeID
	if id.Incarnation == "" {
		if id.Incarnation, err = randomName(4); err != nil {
			return id, err
		}
	}
	switch {
	case id.ClusterID != "":
	case c.ClusterID != "":
		id.ClusterID = c.ClusterID
	case c.Bootstrap:
		if id.ClusterID, err = NewClusterID(); err != nil {
			return id, err
		}
	}
	if id != old {
		err = store.SaveIdentity(c.DataDir, id)
	}
	return id, err
}

// NewClusterID makes up the ID of a cluster.
func NewClusterID() (string, error) { return randomName(16) }

func randomName(bytes int) (string, error) {
	b := make([]byte, bytes)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("make up a name: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// serverID is the member's name in the group: a wiped directory's is new.
func serverID(id store.Identity) raft.ServerID {
	return raft.ServerID(id.NodeID + "~" + id.Incarnation)
}
