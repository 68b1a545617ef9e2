package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// fill commits a few sample checkpoints.
func fill(t *testing.T, s *Store, steps uint64) *model {
	t.Helper()
	m := newModel()
	for step := range steps {
		cp, pos := m.sampleCheckpoint(step)
		must(t, s.Commit(cp, pos))
	}
	return m
}

// stream writes a view's image to a new file of the store that receives it.
func stream(t *testing.T, v *View, to *Store) string {
	t.Helper()
	f, err := to.CreateImage()
	must(t, err)
	defer f.Close()
	n, err := v.WriteTo(f)
	must(t, err)
	if info, err := f.Stat(); err != nil || n != v.Size() || info.Size() != n {
		t.Errorf("%d bytes were written, %d promised, %v", n, v.Size(), err)
	}
	return f.Name()
}

func TestReplace(t *testing.T) {
	from, dir := openTest(t, t.TempDir()), t.TempDir()
	to := openTest(t, dir)
	want, old := fill(t, from, 3), fill(t, to, 2)

	image := viewTest(t, from)
	cp, pos := want.clone().sampleCheckpoint(3)
	must(t, from.Commit(cp, pos)) // isn't in the image
	path := stream(t, image, to)
	got, err := PrepareImage(path)
	if err != nil || !samePosition(got, want.position) {
		t.Fatalf("prepare: %+v, %v", got, err)
	}

	reader := viewTest(t, to)
	must(t, to.Replace(path))
	must(t, want.compare(to))
	if n := len(old.tasks); n == len(want.tasks) {
		t.Fatalf("the samples are the same")
	}
	must(t, old.compareLive(reader)) // the old state, still
	reader.Close()

	cp, pos = want.sampleCheckpoint(3)
	must(t, to.Commit(cp, pos))
	must(t, want.compare(to))
	must(t, to.Close())
	must(t, want.compare(openTest(t, dir)))
}

// TestReplaceRefused replaces by files that aren't sound images: the store stays as it was.
func TestReplaceRefused(t *testing.T) {
	from, to := openTest(t, t.TempDir()), openTest(t, t.TempDir())
	fill(t, from, 3)
	want := fill(t, to, 2)
	whole, err := os.ReadFile(stream(t, viewTest(t, from), to))
	must(t, err)
	// Copies on pages that are free don't count, so all are changed.
	flipped := bytes.ReplaceAll(whole, []byte("record of kind"), []byte("record of kinD"))
	payload := bytes.ReplaceAll(whole, []byte("outside "), []byte("Outside "))
	for name, c := range map[string]struct {
		image   []byte
		replace bool // refuses it too: it reads less than PrepareImage
	}{
		"empty": {nil, true}, "short": {whole[:len(whole)-4096], true}, "flipped record": {flipped, false}, "flipped payload": {payload, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := to.CreateImage()
			must(t, err)
			_, err = f.Write(c.image)
			must(t, errors.Join(err, f.Close()))
			if _, err := PrepareImage(f.Name()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("prepare: %v", err)
			}
			if !c.replace {
				return
			}
			if err := to.Replace(f.Name()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("replace: %v", err)
			}
			must(t, want.compare(to))
		})
	}
	must(t, to.Commit(&task.Checkpoint{}, want.position))
}

// TestLeftovers leaves an image half received: the next Open removes it.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	f, err := s.CreateImage()
	must(t, err)
	must(t, f.Close())
	must(t, s.Close())
	openTest(t, dir)
	if there, err := exists(f.Name()); there || err != nil {
		t.Errorf("the image is still there: %v", err)
	}
}
