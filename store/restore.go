package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// RestoreOptions say how the state file of a backup is made one to live with.
type RestoreOptions struct {
	// Logger is required.
	Logger *slog.Logger
	// Now times the write. Required.
	Now func() time.Time
	// SupportedLevel is the feature level above which the state is refused; 0: task.SupportedLevel.
	SupportedLevel uint32
	// Hash is the state hash that the backup's manifest promises; nil: none is known.
	Hash *uint64
	// Restoration says what the state is given; an error refuses it. It sees the state as it was, and must not change it.
	Restoration func(m *task.Machine, p Position) (task.Restoration, error)
	// Place is where in the log the restored state will be; nil: where it was.
	Place func(p Position) Position
}

// Restored describes a state file that was prepared.
type Restored struct {
	Was       Position // of the backup
	Position  Position
	Hash      uint64 // of the state as it was in the backup
	StateTime task.Time
	LiveTasks uint64
	Queues    int
	Timeline  task.Timeline // the new one
	Level     uint32
}

// ErrHash refuses a state that isn't the one that its manifest promises.
var ErrHash = errors.New("the state isn't the one that the backup's manifest promises")

// PrepareRestore verifies all of a state file, loads it, holds it against the promised hash, and has it begin a new timeline
// (task.Machine.PrepareRestore), in one transaction. The file belongs to no store yet. After an error it is of no use.
//
// ErrCorrupt: it is damaged. ErrHash: it is another state. task.ErrNewerLevel: it is a newer version's. ErrNoSpace: the disk is full.
func PrepareRestore(path string, o RestoreOptions) (Restored, error) {
	if o.Logger == nil || o.Now == nil || o.Restoration == nil {
		return Restored{}, errors.New("store: restore without logger, clock or restoration")
	}
	if _, err := PrepareImage(path); err != nil {
		return Restored{}, err
	}
	s := &Store{options: Options{Logger: o.Logger, Now: o.Now, SupportedLevel: o.SupportedLevel}}
	var err error
	if s.handle, s.position, s.trims, err = s.openFile(path); err != nil {
		return Restored{}, err
	}
	r, err := s.restore(o)
	s.handle.retire()
	if err = errors.Join(err, s.handle.err); err != nil {
		return Restored{}, fmt.Errorf("prepare %s: %w", path, err)
	}
	return r, syncPath(path)
}

// restore changes the open file.
func (s *Store) restore(o RestoreOptions) (Restored, error) {
	m, p, err := s.Load()
	if err != nil {
		return Restored{}, err
	}
	r := Restored{Was: p, Position: p, Hash: m.Hash(), StateTime: m.Now(), LiveTasks: m.LiveTasks(), Queues: m.QueueCount()}
	if o.Hash != nil && *o.Hash != r.Hash {
		return Restored{}, fmt.Errorf("%w: its hash is %016x, not %016x", ErrHash, r.Hash, *o.Hash)
	}
	restoration, err := o.Restoration(m, p)
	if err != nil {
		return Restored{}, err
	}
	if err := m.PrepareRestore(restoration); err != nil {
		return Restored{}, err
	}
	if o.Place != nil {
		r.Position = o.Place(p)
	}
	r.Timeline, r.Level = m.Timeline(), m.FeatureLevel()
	m.Freeze()
	for !m.Capture(captureAll) {
	}
	s.trims, err = s.write(s.handle.db, m.Frozen(), r.Position)
	return r, err
}

// captureAll is how many tasks are captured at a time where nothing waits meanwhile.
const captureAll = 1 << 16

// MoveImage gives a prepared state file another position: the place in a group's log where it becomes the state. It is one
// transaction, and may be repeated.
func MoveImage(path string, p Position) error {
	db, _, err := openState(path, boltOptions(0))
	if err != nil {
		return err
	}
	err = guard(func() error {
		return db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketMeta)).Put(keyPosition, encodePosition(&arena{}, p))
		})
	})
	if err = errors.Join(noSpace(err), db.Close()); err != nil {
		return fmt.Errorf("move %s: %w", path, err)
	}
	return nil
}
