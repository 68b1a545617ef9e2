package store

import (
	"fmt"
	"sort"
	"sync"
)

// logSizes is the account of the log's bytes: for each entry, the bytes of all up to it. It takes 8 bytes an entry.
//
// Invariant: entries adjoin; entry first+i ends at ends[i], and the first begins at base.
type logSizes struct {
	mu    sync.Mutex // guards the rest
	first uint64
	base  uint64
	ends  []uint64

	pieces uint64 // that load has seen of the last entry
}

// load takes a piece of an entry that is in the file, in the order of their indexes. A missing last piece shows when the
// entry is read.
func (s *logSizes) load(index, piece, size uint64) error {
	next := s.first + uint64(len(s.ends))
	switch {
	case len(s.ends) > 0 && index == next-1 && piece == s.pieces:
		s.ends[len(s.ends)-1] += size
		s.pieces++
		return nil
	case piece == 0 && (len(s.ends) == 0 || index == next):
		s.set(index, size)
		s.pieces = 1
		return nil
	}
	return fmt.Errorf("%w: raft log: something is missing before piece %d of entry %d", ErrCorrupt, piece, index)
}

// set notes an entry that was written behind the others, or in place of them from its index on.
func (s *logSizes) set(index, size uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ends) == 0 || index < s.first || index > s.first+uint64(len(s.ends)) {
		s.first, s.base, s.ends = index, 0, s.ends[:0]
	}
	s.ends = s.ends[:index-s.first]
	s.ends = append(s.ends, s.end()+size)
}

// last is the index of the newest entry; 0: there is none.
func (s *logSizes) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ends) == 0 {
		return 0
	}
	return s.first + uint64(len(s.ends)) - 1
}

// end is where the last entry ends.
func (s *logSizes) end() uint64 {
	if len(s.ends) == 0 {
		return s.base
	}
	return s.ends[len(s.ends)-1]
}

// delete notes that entries are gone: all, or some from the beginning or up to the end, as raft deletes them.
func (s *logSizes) delete(from, to uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.first + uint64(len(s.ends))
	switch {
	case len(s.ends) == 0 || to < s.first || from >= next:
	case from <= s.first && to >= next-1:
		s.ends = s.ends[:0]
	case from <= s.first:
		n := to + 1 - s.first
		s.base = s.ends[n-1]
		s.ends = append(make([]uint64, 0, len(s.ends)-int(n)+1024), s.ends[n:]...)
		s.first = to + 1
	default:
		s.ends = s.ends[:from-s.first]
	}
}

// Bytes is about how many bytes the entries of the log take.
func (l *LogStore) Bytes() uint64 {
	l.sizes.mu.Lock()
	defer l.sizes.mu.Unlock()
	return l.sizes.end() - l.sizes.base
}

// FileBytes is the size of the log's file, free pages included; 0 where it can't be read.
func (l *LogStore) FileBytes() uint64 { return uint64(fileSize(l.dir.Log())) }

// Entries is how many entries the log holds.
func (l *LogStore) Entries() int {
	l.sizes.mu.Lock()
	defer l.sizes.mu.Unlock()
	return len(l.sizes.ends)
}

// KeepFrom is the lowest index such that it and all later entries take at most so many bytes: what is below may be
// deleted to bound the log. It is one behind the last index if not even that entry fits; 0: the log is empty.
func (l *LogStore) KeepFrom(bytes uint64) uint64 {
	s := &l.sizes
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ends) == 0 {
		return 0
	}
	end := s.end()
	if end-s.base <= bytes {
		return s.first
	}
	return s.first + 1 + uint64(sort.Search(len(s.ends), func(i int) bool { return end-s.ends[i] <= bytes }))
}

// BytesBehind is about how many bytes the entries behind an index take.
func (l *LogStore) BytesBehind(index uint64) uint64 {
	s := &l.sizes
	s.mu.Lock()
	defer s.mu.Unlock()
	switch next := s.first + uint64(len(s.ends)); {
	case len(s.ends) == 0 || index >= next-1:
		return 0
	case index < s.first:
		return s.end() - s.base
	}
	return s.end() - s.ends[index-s.first]
}
