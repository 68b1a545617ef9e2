package logarchive

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hashicorp/raft"
)

// records encodes a few entries.
func records(entries []Entry) (b []byte) {
	for _, e := range entries {
		b = appendRecord(b, e)
	}
	return b
}

func someEntries(first uint64, n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Index: first + uint64(i), Term: 2, Type: raft.LogCommand, Data: bytes.Repeat([]byte{byte(i)}, i*7)}
	}
	entries[n/2].Type, entries[n/2].Data = raft.LogNoop, []byte{}
	return entries
}

func readAll(b []byte) (entries []Entry, err error) {
	r := newRecordReader(bytes.NewReader(b))
	for {
		e, err := r.next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
}

func equalEntries(a, b []Entry) bool {
	return slices.EqualFunc(a, b, func(x, y Entry) bool {
		return x.Index == y.Index && x.Term == y.Term && x.Type == y.Type && bytes.Equal(x.Data, y.Data)
	})
}

// TestRecordsAreWholeOrRefused: every cut but those between two records, and every flipped bit, is noticed.
func TestRecordsAreWholeOrRefused(t *testing.T) {
	want := someEntries(5, 9)
	b := records(want)
	got, err := readAll(b)
	if err != nil || !equalEntries(got, want) {
		t.Fatalf("read back %v: %v", got, err)
	}
	for n := range b {
		got, err := readAll(b[:n])
		if err == nil && len(records(got)) != n {
			t.Fatalf("cut off at %d it is read as %d entries", n, len(got))
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		flipped := slices.Clone(b)
		bit := r.IntN(8 * len(b))
		flipped[bit/8] ^= 1 << (bit % 8)
		if got, err := readAll(flipped); err == nil {
			t.Fatalf("with bit %d flipped it is read as %d entries", bit, len(got))
		}
	}
}

// FuzzRecords: whatever is read encodes to the same bytes.
func FuzzRecords(f *testing.F) {
	f.Add(records(someEntries(1, 3)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := readAll(b)
		if whole := records(entries); err == nil && !bytes.Equal(whole, b) || !bytes.HasPrefix(b, whole) {
			t.Errorf("%x was read as %x", b, whole)
		}
	})
}
