package logarchive

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/task"
)

// maxSegment bounds the plain body of a log archive that is read, in bytes: far above what is written.
const maxSegment = 256 << 20

// ReadManifest reads and checks the manifest of an object.
func ReadManifest(ctx context.Context, b bucket.Bucket, name string, keys archive.Keys) (m archive.Manifest, err error) {
	o, err := b.Open(ctx, name)
	if err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	r, err := archive.Open(o, o.Size(), keys)
	if err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	return r.Manifest(), nil
}

// readSegment reads all of a log archive, and holds it against its name and its manifest. What it returns is sound.
func readSegment(ctx context.Context, b bucket.Bucket, s Segment, keys archive.Keys) (m archive.Manifest, entries []Entry, err error) {
	o, err := b.Open(ctx, s.Name)
	if err != nil {
		return m, nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	r, err := archive.Open(o, o.Size(), keys)
	if err != nil {
		return m, nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	m = r.Manifest()
	if err := s.agrees(m); err != nil {
		return m, nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	body, err := r.Body()
	if err != nil {
		return m, nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	entries, err = readEntries(body, m)
	if err = errors.Join(err, body.Close()); err != nil {
		return m, nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return m, entries, nil
}

// agrees holds a manifest against the name of its object.
func (s Segment) agrees(m archive.Manifest) error {
	switch {
	case m.Name() != s.archive:
		return fmt.Errorf("%w: by its manifest it is %s", ErrCorrupt, m.Name())
	case m.PrevIndex != m.FirstIndex-1 || m.Entries != m.Index-m.PrevIndex:
		return fmt.Errorf("%w: its manifest counts %d entries from %d to %d behind %d", ErrCorrupt, m.Entries, m.FirstIndex, m.Index, m.PrevIndex)
	case m.Body.PlainSize > maxSegment:
		return fmt.Errorf("%w: its manifest claims %d bytes", ErrCorrupt, m.Body.PlainSize)
	}
	return nil
}

// readEntries reads a body to its end, where its digest is checked.
func readEntries(body io.Reader, m archive.Manifest) ([]Entry, error) {
	at := Link{Index: m.PrevIndex, Term: m.PrevTerm}
	r := newRecordReader(io.LimitReader(body, maxSegment+1))
	var entries []Entry
	for {
		e, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := follows(at, e); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		at.pass(e)
		entries = append(entries, e)
	}
	if at.Index != m.Index || at.Term != m.Term {
		return nil, fmt.Errorf("%w: it ends with entry %d of term %d, by its manifest with %d of term %d", ErrCorrupt, at.Index, at.Term, m.Index, m.Term)
	}
	return entries, nil
}

// sum is what tells an entry from another with its index.
func sum(e Entry) uint64 {
	return e.Term<<32 ^ uint64(crc32.Update(crc32.Checksum([]byte{byte(e.Type)}, castagnoli), castagnoli, e.Data))
}

// timeOf is a state time as manifests have it.
func timeOf(t task.Time) time.Time { return time.UnixMicro(t).UTC() }
