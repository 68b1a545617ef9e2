package logarchive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

var (
	// ErrGap says that entries are missing between two archives.
	ErrGap = errors.New("entries of the log are missing")
	// ErrDiverged says that two archives have different entries in the same place: they aren't of one history.
	ErrDiverged = errors.New("the archives aren't of one history")
)

// Chain reads the entries behind a full backup from the log archives of one timeline, in their order.
//
// Invariant: it returns only entries of an archive that was read and verified to its end, each once, with adjoining indexes
// and terms that don't fall. Of what two archives have in common it has made sure that it is the same.
type Chain struct {
	bucket   bucket.Bucket
	keys     archive.Keys
	segments []Segment
	at       Link
	sums     map[uint64]uint64 // of the archive that was read last, by index
}

// NewChain begins behind a full backup's last entry. The segments are of its timeline, in any order.
func NewChain(b bucket.Bucket, segments []Segment, full Link, keys archive.Keys) *Chain {
	return &Chain{bucket: b, keys: keys, segments: segments, at: full}
}

// End is the end of what was read.
func (c *Chain) End() Link { return c.at }

// Next returns the next entries: those of one archive that haven't been returned, and its manifest. What the caller keeps of
// them is its own. io.EOF: nothing follows.
//
// ErrGap: something follows, but not at once. ErrDiverged and the errors of archive: an archive is not to be trusted, and no
// other one has its entries.
func (c *Chain) Next(ctx context.Context) (entries []Entry, m archive.Manifest, err error) {
	err = again(func() error {
		entries, m, err = c.next(ctx)
		if errors.Is(err, bucket.ErrNotFound) {
			err = errors.Join(err, c.refresh(ctx))
		}
		return err
	})
	return entries, m, err
}

// refresh lists the archives anew: one may have been written again, with what follows, and removed.
func (c *Chain) refresh(ctx context.Context) error {
	n := c.segments[0].archive
	lines, err := List(ctx, c.bucket, n.ClusterID)
	for i := range lines {
		if lines[i].Timeline == n.Timeline {
			c.segments = lines[i].Segments
		}
	}
	return err
}

func (c *Chain) next(ctx context.Context) ([]Entry, archive.Manifest, error) {
	candidates := c.candidates()
	if len(candidates) == 0 {
		return nil, archive.Manifest{}, c.end()
	}
	var damaged error
	for _, s := range candidates {
		m, entries, err := readSegment(ctx, c.bucket, s, c.keys)
		if ctx.Err() != nil {
			return nil, m, ctx.Err()
		}
		if err != nil { // another may have the same entries
			damaged = errors.Join(damaged, err)
			continue
		}
		fresh, err := c.join(ctx, m, entries)
		if err != nil {
			return nil, m, fmt.Errorf("%s: %w", s.Name, err)
		}
		return fresh, m, nil
	}
	return nil, archive.Manifest{}, damaged
}

// candidates are the archives that go on where the chain is, those that reach furthest first.
func (c *Chain) candidates() (list []Segment) {
	for _, s := range c.segments {
		if s.First <= c.at.Index+1 && s.Last > c.at.Index {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Segment) int { return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(b.First, a.First)) })
	return list
}

// end is what follows the last archive that adjoins: nothing, or a gap.
func (c *Chain) end() error {
	var next uint64
	for _, s := range c.segments {
		if s.First > c.at.Index && (next == 0 || s.First < next) {
			next = s.First
		}
	}
	if next == 0 {
		return io.EOF
	}
	return fmt.Errorf("%w: %d to %d", ErrGap, c.at.Index+1, next-1)
}

// join holds a sound archive against what was read before, and returns what is new in it.
func (c *Chain) join(ctx context.Context, m archive.Manifest, entries []Entry) ([]Entry, error) {
	if m.PrevIndex == c.at.Index {
		if err := c.adjoins(ctx, m); err != nil {
			return nil, err
		}
	}
	fresh := entries
	for _, e := range entries {
		if e.Index > c.at.Index {
			break
		}
		fresh = fresh[1:]
		known, ok := c.sums[e.Index]
		if ok && known != sum(e) || e.Index == c.at.Index && c.at.Term != 0 && e.Term != c.at.Term {
			return nil, fmt.Errorf("%w: entry %d is another one in the archive before", ErrDiverged, e.Index)
		}
	}
	c.sums = make(map[uint64]uint64, len(entries))
	for _, e := range entries {
		c.sums[e.Index] = sum(e)
		if e.Index > c.at.Index {
			c.at.pass(e)
		}
	}
	c.at.SHA256 = m.Body.PlainSHA256
	return fresh, nil
}

// adjoins checks what an archive says of the one before it, which has just been read.
func (c *Chain) adjoins(ctx context.Context, m archive.Manifest) error {
	if c.at.Term != 0 && m.PrevTerm != 0 && m.PrevTerm != c.at.Term {
		return fmt.Errorf("%w: it follows an entry %d of term %d, not of term %d", ErrDiverged, m.PrevIndex, m.PrevTerm, c.at.Term)
	}
	if m.PrevSHA256 == "" || c.at.SHA256 == "" || m.PrevSHA256 == c.at.SHA256 {
		return nil
	}
	for _, s := range c.segments { // others may end with the same entry
		if s.Last != m.PrevIndex {
			continue
		}
		if before, err := ReadManifest(ctx, c.bucket, s.Name, c.keys); err == nil && before.Body.PlainSHA256 == m.PrevSHA256 {
			return nil
		}
	}
	return fmt.Errorf("%w: it follows an archive with the digest %.12s…, which isn't the one before it", ErrDiverged, m.PrevSHA256)
}
