package store

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"go.etcd.io/bbolt"
)

// Store is an open state file, and the lock of its data directory.
type Store struct {
	options Options
	dir     Dir
	lock    *os.File
	metrics *stateMetrics

	// commit lets one commit or replacement run at a time; it guards the next four.
	commit  sync.Mutex
	scratch scratch
	trims   trims
	failed  error    // of a write, after which none is tried again
	touched *touched // what commits change while a vacuum copies the file; nil: none does

	vacuum sync.Mutex // held by a running vacuum

	mu       sync.RWMutex // guards the rest
	handle   *handle      // nil after Close
	position Position
}

// Open takes the data directory and opens its state file, which it makes if there is none.
//
// ErrLocked: another process has the directory. ErrCorrupt: the file isn't a sound state file.
func Open(o Options) (*Store, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	d := Dir(o.Dir)
	if err := d.create(); err != nil {
		return nil, err
	}
	lock, err := lockDir(d)
	if err != nil {
		return nil, err
	}
	s := &Store{options: o, dir: d, lock: lock}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if s.metrics, err = newStateMetrics(o.Registerer, s); err != nil {
		s.handle.retire()
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	if err := s.dir.clean(); err != nil {
		return err
	}
	if err := createBolt(s.dir, s.dir.State(), s.build); err != nil {
		return err
	}
	h, pos, trims, err := s.openFile(s.dir.State())
	if err != nil {
		return err
	}
	s.handle, s.position, s.trims = h, pos, trims
	return nil
}

// build makes an empty state file.
func (s *Store) build(path string) error {
	options := boltOptions(0)
	options.PageSize = statePage
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return initialize(tx, &s.scratch.arena) })
	return errors.Join(err, db.Close())
}

// openFile opens a state file and reads what the store keeps in memory of it.
func (s *Store) openFile(path string) (*handle, Position, trims, error) {
	db, pos, err := openState(path, boltOptions(s.options.reserve()))
	if err != nil {
		return nil, Position{}, nil, err
	}
	var t trims
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) (err error) {
			t, err = readTrims(tx)
			return err
		})
	})
	if err != nil {
		return nil, Position{}, nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return newHandle(db), pos, t, nil
}

// Position is that of the last commit.
func (s *Store) Position() Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.position
}

// Bytes is the size of the state file, free pages included; 0 where it can't be read.
func (s *Store) Bytes() uint64 { return uint64(fileSize(s.dir.State())) }

// current returns the open file.
func (s *Store) current() (*handle, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.handle == nil {
		return nil, ErrClosed
	}
	return s.handle, nil
}

// use returns the open file, counted in; the caller releases it.
func (s *Store) use() (*handle, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.handle == nil || !s.handle.acquire() {
		return nil, ErrClosed
	}
	return s.handle, nil
}

// Close waits for a running commit, for open views and for a vacuum to notice, closes the file and gives the directory
// back.
func (s *Store) Close() error {
	s.commit.Lock()
	s.mu.Lock()
	h := s.handle
	s.handle = nil
	s.mu.Unlock()
	s.commit.Unlock()
	if h == nil {
		return nil
	}
	s.vacuum.Lock()
	defer s.vacuum.Unlock()
	s.metrics.close()
	h.retire()
	<-h.closed
	return errors.Join(h.err, s.lock.Close())
}
