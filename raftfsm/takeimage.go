package raftfsm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// ImageAnnouncement is what a leader says of the state file that it is about to have all members restore.
type ImageAnnouncement struct {
	// Term is the leader's. A member that has heard of a later one takes no file of it.
	Term uint64
	// After is an entry: who has executed the log up to there executes none any more that names an earlier file.
	After  uint64
	SHA256 [sha256.Size]byte
	Size   uint64 // in bytes
}

// errOtherLeader refuses what a leader began whose term is over: since then another one may have given out a file of its own, or
// taken in members that have none.
var errOtherLeader = fmt.Errorf("%w: the leader has changed meanwhile: restore again", ErrRefused)

// errOtherRestore refuses a restore that was prepared for the state of before another one.
var errOtherRestore = fmt.Errorf("%w: another restore came first", ErrRefused)

// keptImages is held while the images that are kept are removed.
//
// Invariant: an image that a leader has given out isn't removed by what a leader of an earlier term is still doing. That one looks
// at the term and removes under this lock, and finds the later term, or is done before a later leader's file comes.
type keptImages struct{ sync.Mutex }

// keepOwn keeps the prepared file here. An earlier restore whose outcome nobody waited for comes to its end first: it needs its
// own file until then.
func (n *Node) keepOwn(ctx context.Context, term uint64, path string) (sum [sha256.Size]byte, err error) {
	if _, err := n.Propose(ctx, &task.Tick{}); errors.Is(err, ErrRestored) {
		return sum, errOtherRestore
	} else if err != nil {
		return sum, fmt.Errorf("before the restore: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return sum, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, fmt.Errorf("restore: %w", err)
	}
	h.Sum(sum[:0])
	if err := n.dropImages(term); err != nil {
		return sum, err
	}
	return sum, n.store.AdoptImage(sum, path)
}

// dropImages removes the images that are kept, for one of a leader of the term.
func (n *Node) dropImages(term uint64) error {
	n.keptImages.Lock()
	defer n.keptImages.Unlock()
	if n.raft.CurrentTerm() > term {
		return errOtherLeader
	}
	return n.store.DropImages()
}

// distribute gives all other members the file.
func (n *Node) distribute(ctx context.Context, term uint64, sum [sha256.Size]byte) error {
	d := n.lookout.discoverer.Load()
	servers := n.servers()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		if s.ID == serverID(n.identity) {
			continue
		}
		if d == nil {
			return fmt.Errorf("%w: the other members can't be reached yet", ErrRefused)
		}
		wg.Go(func() {
			if err := n.sendImage(ctx, *d, s, term, sum); err != nil {
				errs[i] = fmt.Errorf("%w: member %s must have the restored state before any member changes to it, and didn't take it: %w: "+
					"mend it, or take it out of the group (rowlock cluster remove %s), and restore again", ErrRefused, nodeOf(s.ID), err, nodeOf(s.ID))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (n *Node) sendImage(ctx context.Context, d Discoverer, to raft.Server, term uint64, sum [sha256.Size]byte) error {
	path, err := n.store.KeptImage(sum)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// It may have to execute an earlier restore first, whose image it needs until then.
	a := ImageAnnouncement{Term: term, After: n.replica.applied.index.Load(), SHA256: sum, Size: uint64(info.Size())}
	return d.SendImage(ctx, string(to.Address), a, f)
}

// TakeImage keeps a state file that the leader is about to have all members restore, once this member has executed the log up to
// an entry: no entry up to there needs another one.
//
// ErrRefused: there is a later leader.
func (n *Node) TakeImage(ctx context.Context, a ImageAnnouncement, from io.Reader) error {
	if err := n.AwaitApplied(ctx, a.After); err != nil {
		return err
	}
	if err := n.dropImages(a.Term); err != nil {
		return err
	}
	path, err := n.ReceiveImage(a.SHA256, a.Size, from)
	if err != nil {
		return err
	}
	return n.store.AdoptImage(a.SHA256, path)
}
