package logarchive

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/task"
)

// Verified is a log archive that was read to its end.
type Verified struct {
	Manifest archive.Manifest
	// Before is the archive that it follows, a log's or a full backup; empty: that isn't at the destination (any more).
	Before string
}

// Verify proves a log archive: container, signature, digests, each entry's checksum, that the entries adjoin and can be decoded, and
// that the archive which it follows, if it is there, is the one that it was written behind. What comes of executing the entries only
// a replay tells.
//
// The errors of archive, ErrCorrupt, ErrDiverged: it isn't to be trusted. Others are of reading.
func Verify(ctx context.Context, b bucket.Bucket, name string, keys archive.Keys) (v Verified, err error) {
	m, err := ReadManifest(ctx, b, name, keys)
	if err != nil {
		return v, err
	}
	n, ok := archive.ParseName(name)
	if !ok { // a copy that is called something else
		n = m.Name()
	}
	m, entries, err := readSegment(ctx, b, Segment{Name: name, archive: n}, keys)
	if err != nil {
		return v, err
	}
	for _, e := range entries {
		if e.Type != raft.LogCommand {
			continue
		}
		if _, _, err := task.ReadEntry(e.Data); err != nil {
			return v, fmt.Errorf("%s: %w: entry %d can't be decoded: %w", name, ErrCorrupt, e.Index, err)
		}
	}
	v.Manifest = m
	if v.Before, err = before(ctx, b, m, keys); err != nil {
		return v, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// before finds the archive that one follows.
func before(ctx context.Context, b bucket.Bucket, m archive.Manifest, keys archive.Keys) (string, error) {
	lines, err := List(ctx, b, m.ClusterID)
	if err != nil {
		return "", err
	}
	var names []string
	for _, l := range lines {
		if l.Timeline != m.Timeline {
			continue
		}
		for _, s := range l.Segments {
			if m.PrevSHA256 != "" && s.Last == m.PrevIndex {
				names = append(names, s.Name)
			}
		}
		for _, f := range l.Fulls {
			if m.PrevSHA256 == "" && f.Index == m.PrevIndex {
				names = append(names, f.Name)
			}
		}
	}
	var other error
	for _, name := range names {
		p, err := ReadManifest(ctx, b, name, keys)
		switch {
		case errors.Is(err, bucket.ErrNotFound): // written again with what follows
		case err != nil:
			other = errors.Join(other, err)
		case m.PrevTerm != 0 && p.Term != m.PrevTerm || m.PrevSHA256 != "" && p.Body.PlainSHA256 != m.PrevSHA256:
			other = errors.Join(other, fmt.Errorf("%w: %s ends where it begins, but isn't the archive that it was written behind", ErrDiverged, name))
		default:
			return name, nil
		}
	}
	return "", other
}
