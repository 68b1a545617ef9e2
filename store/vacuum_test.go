package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/rowlock/rowlock/task"
)

// unhurried are options of a vacuum that doesn't rest for long.
func unhurried(progress func(VacuumProgress)) VacuumOptions {
	return VacuumOptions{BytesPerSecond: 1 << 40, MinFree: 1, Progress: progress}
}

// bloat fills a store with tasks and deletes most of them again.
func bloat(t *testing.T, s *Store, m *model, n int) {
	t.Helper()
	cp := bigCheckpoint(1_000_000, n)
	m.position.Index++
	must(t, s.Commit(cp, m.position))
	for i := range cp.Tasks {
		cp.Tasks[i].Record, cp.Tasks[i].Payload = nil, nil
	}
	m.position.Index++
	must(t, s.Commit(cp, m.position))
}

func TestVacuum(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	want := fill(t, s, 5)
	bloat(t, s, want, 8<<20)
	reader, old := viewTest(t, s), want.clone()
	told := 0
	r, err := s.Vacuum(t.Context(), unhurried(func(VacuumProgress) { told++ }))
	must(t, err)
	if r.Before < 8<<20 || r.After > r.Before/4 || int64(s.Bytes()) != r.After || told == 0 {
		t.Errorf("from %d to %d bytes, %d on disk, %d reports", r.Before, r.After, s.Bytes(), told)
	}
	must(t, want.compare(s))
	must(t, old.compareLive(reader)) // of the file that is gone
	reader.Close()
	cp, pos := want.sampleCheckpoint(5)
	must(t, s.Commit(cp, pos))
	must(t, want.compare(s))
	must(t, s.Close())
	must(t, want.compare(openTest(t, dir)))
	if left, err := os.ReadDir(Dir(dir).Incoming()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestVacuumModel commits random checkpoints at every step of a vacuum: nothing of them is missed.
func TestVacuumModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "rowlock-store") //nolint:usetesting // each check has one of its own
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := newModel()
		s, err := Open(testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		commit := func() {
			cp, pos := m.checkpoint(t)
			if err := s.Commit(cp, pos); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "before") {
			commit()
		}
		v := &vacuum{store: s, path: filepath.Join(dir, "incoming", "copy"), pace: newPace(unhurried(nil), 1)}
		v.pace.step = func() {
			if rapid.IntRange(0, 2).Draw(t, "commit meanwhile") == 0 {
				commit()
			}
		}
		if err := v.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.compare(s); err != nil {
			t.Fatal(err)
		}
		commit()
		if err := errors.Join(m.compare(s), checkIndex(s), s.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := PrepareImage(Dir(dir).State()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestVacuumStopped ends a vacuum at each of its steps: by its context, by a new file, by closing, by what it can't keep up
// with. The store goes on as it was.
func TestVacuumStopped(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(t *testing.T, s *Store, cancel func())
		want error
	}{
		"cancelled": {func(_ *testing.T, _ *Store, cancel func()) { cancel() }, context.Canceled},
		"closed":    {func(t *testing.T, s *Store, _ func()) { s.forgetHandle() }, ErrClosed},
		"behind":    {func(_ *testing.T, s *Store, _ func()) { s.touched.full = true }, ErrVacuumBehind},
		"replaced": {func(t *testing.T, s *Store, _ func()) {
			path := stream(t, viewTest(t, s), s)
			must(t, s.Replace(path))
		}, ErrVacuumReplaced},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, t.TempDir())
			want := fill(t, s, 3)
			ctx, cancel := context.WithCancel(t.Context())
			h := s.handle
			v := &vacuum{store: s, path: filepath.Join(string(s.dir), "incoming", "copy"), pace: newPace(unhurried(nil), 1)}
			stopped := false
			v.pace.step = func() {
				if !stopped {
					stopped = true
					c.stop(t, s, cancel)
				}
			}
			if err := v.run(ctx); !errors.Is(err, c.want) {
				t.Errorf("vacuum: %v, want %v", err, c.want)
			}
			if s.handle == nil {
				s.handle = h
			}
			if s.touched != nil {
				t.Error("commits still note what they change")
			}
			must(t, want.compare(s))
			cp, pos := want.sampleCheckpoint(3)
			must(t, s.Commit(cp, pos))
			must(t, want.compare(s))
		})
	}
}

// forgetHandle is what a vacuum sees of a store that is being closed.
func (s *Store) forgetHandle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle = nil
}

func TestVacuumTwice(t *testing.T) {
	s := openTest(t, t.TempDir())
	s.vacuum.Lock()
	if _, err := s.Vacuum(t.Context(), unhurried(nil)); !errors.Is(err, ErrVacuumRuns) {
		t.Errorf("a second vacuum: %v", err)
	}
	s.vacuum.Unlock()
}

// TestVacuumNoSpace has no room for the copy: first seen before it begins, then only on the way.
func TestVacuumNoSpace(t *testing.T) {
	dir := smallDisk(t, 48<<20)
	s := openTest(t, dir)
	want := fill(t, s, 3)
	cp := bigCheckpoint(1_000_000, 8<<20)
	want.position.Index++
	must(t, s.Commit(cp, want.position))
	for _, c := range cp.Tasks {
		want.tasks[c.ID] = modelTask{c.ID, c.Record, c.Payload}
		want.nextID = c.ID
	}
	remove := fillDisk(t, dir)
	if _, err := s.Vacuum(t.Context(), unhurried(nil)); !errors.Is(err, ErrNoSpace) {
		t.Errorf("vacuum on a full disk: %v", err)
	}
	v := &vacuum{store: s, path: filepath.Join(dir, "incoming", "copy"), pace: newPace(unhurried(nil), 1)}
	if err := v.run(t.Context()); !errors.Is(err, ErrNoSpace) || errors.Is(err, syscall.EIO) {
		t.Errorf("vacuum that fills the disk: %v", err)
	}
	must(t, os.Remove(v.path))
	must(t, want.compare(s))
	remove()
	_, err := s.Vacuum(t.Context(), unhurried(nil))
	must(t, err)
	must(t, want.compare(s))
	must(t, s.Commit(&task.Checkpoint{}, want.position))
}
