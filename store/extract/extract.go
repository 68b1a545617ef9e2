// Package extract reads tasks out of a backup without restoring it. The archive is copied to a temporary directory as a whole and
// verified before anything of it is used.
package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/scratch"
	"github.com/rowlock/rowlock/task"
)

// ErrKind refuses an archive that has no state, but a part of the log.
var ErrKind = errors.New("it holds entries of the log, not a state: tasks are read out of a full backup")

// Options say how to open an archive. Both may be left out.
type Options struct {
	// Dir is where the temporary directory is made, which takes as much as the plain body; "": the system's.
	Dir string
	// Progress is told how many of the plain body's bytes have been copied.
	Progress func(done, total int64)
}

// Source is a state that was copied out of an archive.
type Source struct {
	at      time.Time
	dir     string
	remove  func() error // the directory
	store   *store.Store
	view    *store.View
	catalog *store.Catalog
}

// Open copies the state out of an archive and verifies all of it: the digests of the manifest, and each checksum of the state file.
// The caller closes the Source, which removes the copy.
func Open(ctx context.Context, r *archive.Reader, o Options) (_ *Source, err error) {
	if r.Manifest().Kind != archive.Full {
		return nil, ErrKind
	}
	temp, err := scratch.New(o.Dir, "extract")
	if err != nil {
		return nil, err
	}
	s := &Source{dir: temp.Path(), remove: temp.Remove, at: r.Manifest().StateTime}
	if err := r.Unpack(ctx, store.Dir(s.dir).State(), o.Progress); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s.open()
}

// OpenState takes a state file that was made of a backup, of the given state time, and verifies it. It stays the caller's, who must
// not use it before the Source is closed, and removes it.
func OpenState(path string, at time.Time) (*Source, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), "extract-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	s := &Source{dir: dir, remove: func() error { return os.RemoveAll(dir) }, at: at}
	if err := os.Link(path, store.Dir(dir).State()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s.open()
}

// open verifies the file and opens it.
func (s *Source) open() (_ *Source, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if _, err := store.PrepareImage(store.Dir(s.dir).State()); err != nil {
		return nil, fmt.Errorf("the state in the backup: %w", err)
	}
	s.store, err = store.Open(store.Options{Dir: s.dir, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return nil, err
	}
	if s.view, err = s.store.View(); err != nil {
		return nil, err
	}
	s.catalog, err = s.view.Catalog()
	return s, err
}

// Close removes the copy.
func (s *Source) Close() error {
	var err error
	if s.view != nil {
		s.view.Close()
	}
	if s.store != nil {
		err = s.store.Close()
	}
	return errors.Join(err, s.remove())
}

// StateTime is the moment of the state.
func (s *Source) StateTime() time.Time { return s.at }

// Index is the last entry of the log that the state has.
func (s *Source) Index() uint64 { return s.view.Position().Index }

// Selection says which tasks are meant. All that is given must be true of a task.
type Selection struct {
	// IDs are looked up; nil: all tasks are gone through.
	IDs    []task.ID
	Queue  string
	Kind   string
	States []task.State // none: all live ones, or with IDs any
	// Match decides about a task that the rest selects; nil: yes. NeedsPayload says that it looks at payloads.
	Match        func(t *task.Task) (bool, error)
	NeedsPayload bool
}

// Tasks gives fn the selected tasks with their payloads, and stops with its error: live ones by ID, then finished ones in the order
// in which they finished; with IDs in the order of these. missing are the IDs of which there is no task.
func (s *Source) Tasks(ctx context.Context, sel Selection, fn func(t *task.Task) error) (missing []task.ID, err error) {
	take := func(t *task.Task) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		yes, err := s.selects(&sel, t)
		if !yes || err != nil {
			return err
		}
		if err := s.catalog.Hydrate(t); err != nil {
			return err
		}
		return fn(t)
	}
	if sel.IDs != nil {
		for _, id := range sel.IDs {
			t, ok, err := s.catalog.Task(id)
			if err != nil {
				return missing, err
			}
			if !ok {
				missing = append(missing, id)
			} else if err := take(&t); err != nil {
				return missing, err
			}
		}
		return missing, nil
	}
	if len(sel.States) == 0 {
		return nil, s.catalog.Live(take)
	}
	if sel.wants(func(st task.State) bool { return !st.Finished() }) {
		if err := s.catalog.Live(take); err != nil {
			return nil, err
		}
	}
	if sel.wants(task.State.Finished) {
		return nil, s.catalog.Finished(take)
	}
	return nil, nil
}

// wants reports whether one of the states is of a sort.
func (sel *Selection) wants(sort func(task.State) bool) bool {
	for _, st := range sel.States {
		if sort(st) {
			return true
		}
	}
	return false
}

func (s *Source) selects(sel *Selection, t *task.Task) (bool, error) {
	state := len(sel.States) == 0
	for _, st := range sel.States {
		state = state || st == t.State
	}
	if !state || sel.Queue != "" && sel.Queue != t.Queue || sel.Kind != "" && sel.Kind != t.Kind {
		return false, nil
	}
	if sel.Match == nil {
		return true, nil
	}
	if sel.NeedsPayload {
		if err := s.catalog.Hydrate(t); err != nil {
			return false, err
		}
	}
	return sel.Match(t)
}
