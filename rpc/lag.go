package rpc

import (
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// lagOf is how far the answer to a stale request may be behind; nil for any other. It is taken before the answer is read,
// so that the answer is no older than it says.
func lagOf(n Node, req interface{ GetStale() bool }) *pb.Lag {
	if !req.GetStale() {
		return nil
	}
	entries, contact := n.Lag()
	return &pb.Lag{Entries: entries, Seconds: contact.Seconds()}
}
