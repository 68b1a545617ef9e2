package raftfsm

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// verdictPatience is how long the members get to agree on the state of a full backup.
const verdictPatience = 30 * time.Second

// saveFull makes a full backup of this member's state at the destination. Where the members don't agree on the state in time
// it is saved all the same, without a verdict: what follows it in the log tells sooner or later.
func (n *Node) saveFull(ctx context.Context) (m archive.Manifest, err error) {
	c := n.config.Archive
	b, err := n.Backup(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	m = b.Manifest(c.Version)
	m.Created = time.Now().UTC()
	waiting, cancel := context.WithTimeout(ctx, verdictPatience)
	defer cancel()
	if v, err := n.AwaitVerdict(waiting, b); err == nil {
		m.Agreed = &archive.Agreed{Index: v.Index, Hash: archive.HashText(v.Hash)}
	} else if errors.Is(err, ErrDiverged) {
		return m, err
	}
	_, err = bucket.Stream(ctx, c.Bucket, m.Name().String(), func(_ context.Context, w io.Writer) (err error) {
		m, err = pack(w, b, c.Options, m)
		return err
	})
	return m, err
}

// pack writes an archive of what from holds.
func pack(w io.Writer, from io.Reader, o archive.Options, m archive.Manifest) (archive.Manifest, error) {
	a, err := archive.Create(w, o)
	if err != nil {
		return m, err
	}
	if _, err := io.Copy(a, from); err != nil {
		return m, err
	}
	return a.Close(m)
}
