package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// rot changes all copies of a text in a closed state file, and opens it again.
func rot(t *testing.T, s *Store, text string) *Store {
	t.Helper()
	must(t, s.Close())
	path := s.dir.State()
	data, err := os.ReadFile(path)
	must(t, err)
	worse := bytes.Clone([]byte(text))
	worse[len(worse)/2] ^= 1
	if !bytes.Contains(data, []byte(text)) {
		t.Fatalf("%q isn't in the file", text)
	}
	must(t, os.WriteFile(path, bytes.ReplaceAll(data, []byte(text), worse), 0o600))
	return openTest(t, string(s.dir))
}

// TestDamageIsNotLaundered damages payloads on disk, and moves them about: a checksum is never made anew over damage.
func TestDamageIsNotLaundered(t *testing.T) {
	for name, size := range map[string]int{"inline": 100, "outside": 2 * inlinePayload} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir())
			payload := append([]byte("a payload to damage "), make([]byte, size)...)
			must(t, s.Commit(&task.Checkpoint{Tasks: []task.TaskChange{{ID: 1, Record: []byte("r"), Payload: payload}}}, Position{Index: 1}))
			s = rot(t, s, "a payload to damage ")
			refused := func(step string, err error) {
				t.Helper()
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("%s: %v", step, err)
				}
			}
			_, err := s.Payload(1)
			refused("payload", err)

			must(t, s.Commit(&task.Checkpoint{Tasks: []task.TaskChange{{ID: 1, Record: []byte("changed"), KeepPayload: true}}}, Position{Index: 2}))
			_, err = s.Payload(1)
			refused("payload of the changed task", err)

			must(t, s.Commit(&task.Checkpoint{
				Tasks:   []task.TaskChange{{ID: 1}},
				History: []task.HistoryChunk{{Queue: 1, Tasks: []task.Finished{{ID: 1, Sequence: 1, Record: []byte("f"), PayloadOnDisk: true}}}},
			}, Position{Index: 3}))
			v := viewTest(t, s)
			_, err = v.storedByID(1)
			refused("finished task", err)
			_, err = v.storedFrom(1, 0, 10)
			refused("history", err)
			_, err = v.storedBefore(1, 10, 0, 10)
			refused("history backwards", err)
			refused("verify", verify(v.tx))
		})
	}
}

// TestTrimDropsDamage trims a history that has a damaged chunk: retention goes on, and what is left is whole.
func TestTrimDropsDamage(t *testing.T) {
	s := openTest(t, t.TempDir())
	for i, record := range []string{"first record", "damaged record", "third record", "last record"} {
		must(t, s.Commit(&task.Checkpoint{History: []task.HistoryChunk{{Queue: 1, Tasks: []task.Finished{
			{ID: task.ID(1 + 2000*i), Sequence: uint64(2*i + 1), Record: []byte(record)},
			{ID: task.ID(2 + 2000*i), Sequence: uint64(2*i + 2), Record: []byte(record)},
		}}}}, Position{Index: uint64(i)}))
	}
	s = rot(t, s, "damaged record")
	chunks := func() (n int) {
		v := viewTest(t, s)
		defer v.Close()
		must(t, v.each(bucketHistory, func(_, _ []byte) error { n++; return nil }, nothing))
		return n
	}
	for i, c := range []struct {
		before uint64
		left   int
	}{
		{2, 4}, {3, 3}, {4, 3}, // the damaged chunk is of 3 and 4: it doesn't tell
		{5, 2}, {6, 2}, {9, 0},
	} {
		must(t, s.Commit(&task.Checkpoint{Trims: []task.HistoryTrim{{Queue: 1, Before: c.before}}}, Position{Index: uint64(10 + i)}))
		if n := chunks(); n != c.left {
			t.Errorf("below %d: %d chunks are left, want %d", c.before, n, c.left)
		}
		v := viewTest(t, s)
		found, err := v.storedFrom(1, 0, 10)
		if c.before < 5 {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("below %d: %v", c.before, err)
			}
		} else if err != nil || len(found) != int(9-c.before) {
			t.Errorf("below %d: %d tasks, %v", c.before, len(found), err)
		}
		v.Close()
	}
}

// TestHistoryWithAGap loses a chunk in the middle of a queue's history: lists don't pass over it in silence.
func TestHistoryWithAGap(t *testing.T) {
	s := openTest(t, t.TempDir())
	for i := range uint64(3) {
		must(t, s.Commit(&task.Checkpoint{History: []task.HistoryChunk{{Queue: 1, Tasks: []task.Finished{
			{ID: task.ID(1 + i), Sequence: 1 + i, Record: []byte("r")},
		}}}}, Position{Index: i}))
	}
	h, err := s.current()
	must(t, err)
	tx, err := h.db.Begin(true)
	must(t, err)
	key := historyKey(1, 2)
	must(t, tx.Bucket([]byte(bucketHistory)).Delete(key[:]))
	must(t, tx.Commit())
	v := viewTest(t, s)
	for name, read := range map[string]func() ([]stored, error){
		"from":   func() ([]stored, error) { return v.storedFrom(1, 0, 10) },
		"before": func() ([]stored, error) { return v.storedBefore(1, 10, 0, 10) },
		"by ID":  func() ([]stored, error) { return v.storedByID(2) },
	} {
		if _, err := read(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v.Close()
	must(t, s.Close())
	if _, err := Open(s.options); !errors.Is(err, ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
}
