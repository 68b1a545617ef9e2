package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// logModel is what a log must hold: the naive log.
type logModel struct {
	first, last uint64 // entries; last 0: none
	version     map[uint64]byte
	votes       uint64
}

// change draws one change of a log, as raft makes them, and makes it.
func (m *logModel) change(t *rapid.T, l *LogStore) error {
	switch rapid.SampledFrom([]string{"append", "append", "append", "rewrite", "compact", "truncate", "clear", "vote"}).Draw(t, "change") {
	case "append":
		return m.write(t, l, m.last+1)
	case "rewrite":
		if m.last > 0 {
			return m.write(t, l, rapid.Uint64Range(m.first, m.last).Draw(t, "from"))
		}
	case "compact":
		if m.last > m.first {
			to := rapid.Uint64Range(m.first, m.last-1).Draw(t, "to")
			err := l.DeleteRange(m.first, to)
			m.first = to + 1
			return err
		}
	case "truncate":
		if m.last > m.first {
			from := rapid.Uint64Range(m.first+1, m.last).Draw(t, "from")
			err := l.DeleteRange(from, m.last)
			m.last = from - 1
			return err
		}
	case "clear":
		if m.last > 0 && rapid.IntRange(0, 3).Draw(t, "really") == 0 {
			err := l.DeleteRange(m.first, m.last)
			m.last = 0
			return err
		}
	case "vote":
		m.votes++
		return l.SetUint64([]byte("votes"), m.votes)
	}
	return nil
}

func (m *logModel) write(t *rapid.T, l *LogStore, from uint64) error {
	if m.last == 0 {
		from = rapid.Uint64Range(1, 1000).Draw(t, "first")
		m.first = from
	}
	// Raft deletes what conflicts before it writes anew.
	if from <= m.last {
		if err := l.DeleteRange(from, m.last); err != nil {
			return err
		}
	}
	var logs []*raft.Log
	for i := range rapid.Uint64Range(1, 5).Draw(t, "entries") {
		version := rapid.Byte().Draw(t, "version")
		m.version[from+i] = version
		logs = append(logs, modelEntry(from+i, version))
		m.last = from + i
	}
	return l.StoreLogs(logs)
}

func modelEntry(index uint64, version byte) *raft.Log {
	e := entry(index, 100+int(version)*300)
	e.Term = uint64(version)
	return e
}

func (m *logModel) compare(l *LogStore) error {
	if m.last > 0 {
		for i := m.first; i <= m.last; i++ {
			var got raft.Log
			if err := l.GetLog(i, &got); err != nil {
				return err
			}
			if !sameEntry(&got, modelEntry(i, m.version[i])) {
				return fmt.Errorf("entry %d is of version %d, want %d", i, got.Term, m.version[i])
			}
		}
	}
	first, err := l.FirstIndex()
	last, err2 := l.LastIndex()
	if want := m.first; err != nil || err2 != nil || last != m.last || (last > 0 && first != want) || (last == 0 && first != 0) {
		return fmt.Errorf("entries %d to %d, want %d to %d: %w", first, last, m.first, m.last, errors.Join(err, err2))
	}
	if m.votes > 0 {
		if n, err := l.GetUint64([]byte("votes")); n != m.votes || err != nil {
			return fmt.Errorf("vote %d, want %d, %w", n, m.votes, err)
		}
	}
	return nil
}

// TestLogVacuumModel changes a log at random at every step of a vacuum: nothing of it is missed.
func TestLogVacuumModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "rowlock-store") //nolint:usetesting // each check has one of its own
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := Open(testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		l, err := OpenLog(testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		m := &logModel{version: map[uint64]byte{}}
		change := func() {
			if err := m.change(t, l); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			change()
		}
		v := &logVacuum{log: l, path: filepath.Join(dir, "incoming", "copy"), pace: newPace(unhurried(nil), int64(l.Bytes()))}
		v.pace.step = func() {
			for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
				change()
			}
		}
		if err := v.run(t.Context()); err != nil && !errors.Is(err, ErrVacuumBehind) {
			t.Fatal(err)
		}
		if err := m.compare(l); err != nil {
			t.Fatal(err)
		}
		change()
		size := l.Bytes()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = OpenLog(testOptions(dir)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(m.compare(l), l.Close()); err != nil {
			t.Fatal(err)
		}
		if size == 0 != (m.last == 0) {
			t.Fatalf("%d bytes", size)
		}
	})
}

// TestLogVacuumRewoundAndCompacted: what was written anew and then deleted at the beginning, past all of the copy that is still as it
// was, leaves nothing of the copy.
func TestLogVacuumRewoundAndCompacted(t *testing.T) {
	l, dir := newLog(t)
	write := func(from, to uint64) {
		for i := from; i <= to; i++ {
			must(t, l.StoreLog(entry(i, 5)))
		}
	}
	write(1, 11)
	v := &logVacuum{log: l, path: filepath.Join(dir, "incoming", "copy"), pace: newPace(unhurried(nil), int64(l.Bytes()))}
	must(t, v.begin())
	must(t, v.copy(t.Context()))
	must(t, l.DeleteRange(5, 11))
	write(5, 8)
	must(t, l.DeleteRange(1, 6))
	var err error
	v.fresh, err = openLogFile(v.path, l.options.reserve(), &logWalk{sizes: &logSizes{}, keys: map[string]struct{}{}})
	must(t, err)
	l.write.Lock()
	err = v.settle()
	l.write.Unlock()
	must(t, errors.Join(err, v.fresh.Close()))
	if v.first != 7 || v.last != 8 {
		t.Errorf("the copy holds entries %d to %d, want 7 to 8", v.first, v.last)
	}
}

func TestLogVacuum(t *testing.T) {
	l, dir := newLog(t)
	for i := uint64(1); i <= 64; i++ {
		must(t, l.StoreLog(entry(i, 200<<10)))
	}
	must(t, l.DeleteRange(1, 60))
	must(t, l.SetUint64([]byte("CurrentTerm"), 7))
	told := 0
	r, err := l.Vacuum(t.Context(), unhurried(func(VacuumProgress) { told++ }))
	must(t, err)
	if r.Before < 12<<20 || r.After > r.Before/4 || told == 0 {
		t.Errorf("from %d to %d bytes, %d reports", r.Before, r.After, told)
	}
	must(t, l.StoreLog(entry(65, 5)))
	must(t, l.Close())
	l, err = OpenLog(testOptions(dir))
	must(t, err)
	for i := uint64(61); i <= 65; i++ {
		var got raft.Log
		must(t, l.GetLog(i, &got))
	}
	if n, err := l.GetUint64([]byte("CurrentTerm")); n != 7 || err != nil {
		t.Errorf("term is %d, %v", n, err)
	}
	must(t, l.Close())
}

// TestLogVacuumStopped fills the disk, and closes the log: it stays as it was.
func TestLogVacuumStopped(t *testing.T) {
	dir := smallDisk(t, 32<<20)
	openTest(t, dir)
	l := openLogTest(t, dir)
	for i := uint64(1); i <= 20; i++ {
		must(t, l.StoreLog(entry(i, 200<<10)))
	}
	remove := fillDisk(t, dir)
	if _, err := l.Vacuum(t.Context(), unhurried(nil)); !errors.Is(err, ErrNoSpace) {
		t.Errorf("vacuum on a full disk: %v", err)
	}
	v := &logVacuum{log: l, path: filepath.Join(dir, "incoming", "copy"), pace: newPace(unhurried(nil), 1<<20)}
	if err := v.run(t.Context()); !errors.Is(err, ErrNoSpace) {
		t.Errorf("vacuum that fills the disk: %v", err)
	}
	remove()
	_ = os.Remove(v.path)
	must(t, l.StoreLog(entry(21, 100)))
	v = &logVacuum{log: l, path: v.path, pace: newPace(unhurried(nil), 1<<20)}
	v.pace.step = func() {
		l.write.Lock()
		defer l.write.Unlock()
		l.failed = ErrClosed
	}
	if err := v.run(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("vacuum of a closed log: %v", err)
	}
	l.failed = nil
	var got raft.Log
	must(t, l.GetLog(21, &got))
	must(t, l.StoreLog(entry(22, 100)))
}
