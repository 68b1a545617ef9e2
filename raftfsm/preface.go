package raftfsm

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Every connection between members begins with a preface, so that members of different clusters whose addresses got
// mixed up never exchange a byte of Raft (nomad#3837), and whatever else connects is turned away:
//
//	dialer:   "ROWLOCK1" or "ROWLOCKP" length(1) cluster ID
//	acceptor: one byte, prefaceOK or prefaceForeign
//
// What follows is Raft behind ROWLOCK1, and the members' gRPC behind ROWLOCKP.
const (
	prefaceRaft  = "ROWLOCK1"
	prefacePeers = "ROWLOCKP"
)

const (
	prefaceOK      = 'y'
	prefaceForeign = 'n'
)

// maxClusterID is the longest cluster ID in bytes.
const maxClusterID = 64

// prefaceTimeout bounds the exchange on the accepting side.
const prefaceTimeout = 5 * time.Second

// errNotMember is a connection from something that isn't a member.
var errNotMember = errors.New("not a Rowlock member")

// sendPreface introduces the dialer, and returns ErrForeignCluster if it isn't welcome.
func sendPreface(c net.Conn, magic, clusterID string, deadline time.Time) error {
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	b := append([]byte(magic), byte(len(clusterID)))
	if _, err := c.Write(append(b, clusterID...)); err != nil {
		return fmt.Errorf("introduce: %w", err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return fmt.Errorf("introduce: %w", err)
	}
	switch answer[0] {
	case prefaceOK:
		return c.SetDeadline(time.Time{})
	case prefaceForeign:
		return ErrForeignCluster
	}
	return fmt.Errorf("introduce: %w", errNotMember)
}

// receivePreface checks who dialed, answers, and tells what is to follow.
func receivePreface(c net.Conn, clusterID string, timeout time.Duration) (magic string, err error) {
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	head := make([]byte, len(prefaceRaft)+1)
	if _, err := io.ReadFull(c, head); err != nil {
		return "", fmt.Errorf("read preface: %w", err)
	}
	magic = string(head[:len(prefaceRaft)])
	if (magic != prefaceRaft && magic != prefacePeers) || int(head[len(head)-1]) > maxClusterID {
		return "", errNotMember
	}
	theirs := make([]byte, head[len(head)-1])
	if _, err := io.ReadFull(c, theirs); err != nil {
		return "", fmt.Errorf("read preface: %w", err)
	}
	if string(theirs) != clusterID || clusterID == "" {
		_, _ = c.Write([]byte{prefaceForeign}) // it is turned away whether it hears or not
		return "", fmt.Errorf("%w: it says %q", ErrForeignCluster, theirs)
	}
	if _, err := c.Write([]byte{prefaceOK}); err != nil {
		return "", fmt.Errorf("answer preface: %w", err)
	}
	return magic, c.SetDeadline(time.Time{})
}
