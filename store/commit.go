package store

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// Commit brings the file to the checkpoint's state and position, in one fsynced transaction.
//
// ErrNoSpace: nothing was changed, and the same commit may be repeated. After any other error the state of the disk is
// unknown: every later commit returns the same error, and the process must exit.
func (s *Store) Commit(cp *task.Checkpoint, p Position) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.failed != nil {
		return s.failed
	}
	h, err := s.use()
	if err != nil {
		return err
	}
	defer h.release()
	if old := s.Position(); p.Index < old.Index {
		return fmt.Errorf("commit: index %d is before the state file's %d", p.Index, old.Index)
	}
	start := s.options.Now()
	trims, err := s.write(h.db, cp, p)
	s.scratch.reset()
	if err != nil {
		err = fmt.Errorf("commit checkpoint at index %d: %w", p.Index, err)
		if !errors.Is(err, ErrNoSpace) {
			s.failed = err
		}
		return err
	}
	s.trims = trims
	s.mu.Lock()
	s.position = p
	s.mu.Unlock()
	s.metrics.committed(s.options.Now().Sub(start), cp)
	return nil
}

// write runs the transaction. It returns the trims that are left to do once it is committed.
func (s *Store) write(db *bbolt.DB, cp *task.Checkpoint, p Position) (left trims, err error) {
	stop := s.options.Watchdog.Start("commit checkpoint")
	defer stop()
	err = guard(func() error {
		tx, err := db.Begin(true)
		if err != nil {
			return err
		}
		// After a commit, whatever its outcome, this does nothing; after an error or panic it gives bbolt's lock back.
		defer func() { _ = tx.Rollback() }()
		w, err := newWriter(tx, &s.scratch, s.options.Logger, s.touched)
		if err != nil {
			return err
		}
		if err := w.checkpoint(cp); err != nil {
			return err
		}
		if left, err = w.trim(s.trims.with(cp.Trims), cp.Trims); err != nil {
			return err
		}
		if err := w.finish(p); err != nil {
			return err
		}
		return noSpace(tx.Commit())
	})
	return left, err
}

// scratch is memory that one commit leaves to the next.
type scratch struct {
	arena  arena
	live   liveTasks
	tasks  []chunkTask
	places []place
}

// scratchTasks is for how many tasks memory is kept: 128 bytes each.
const scratchTasks = 128 << 10

// reset gives the memory back, and lets go of what it points to.
func (s *scratch) reset() {
	s.arena.reset()
	s.live.reset()
	if max(cap(s.live.values), cap(s.tasks), cap(s.places)) > scratchTasks {
		*s = scratch{arena: s.arena}
		return
	}
	clear(s.tasks[:cap(s.tasks)])
	s.tasks, s.places = s.tasks[:0], s.places[:0]
}

// writer is one transaction that writes a checkpoint.
type writer struct {
	*scratch
	logger  *slog.Logger
	touched *touched // of the vacuum that runs; nil: none does

	tx                         *bbolt.Tx
	tables                     []*table
	task, payload              *table
	history, historyID         *table
	historyMark, historyDelete *table

	lastTask    task.ID // the largest ID of the bucket task before this transaction
	hasPayloads bool    // there was something in the bucket payload before it
}

// appendFill is how full bbolt leaves the pages of buckets whose keys mostly ascend, which it splits when they overflow.
const appendFill = 0.95

func newWriter(tx *bbolt.Tx, memory *scratch, logger *slog.Logger, changes *touched) (*writer, error) {
	w := &writer{scratch: memory, logger: logger, tx: tx, touched: changes}
	for _, open := range []struct {
		table **table
		name  string
		fill  float64
	}{
		{&w.task, bucketTask, appendFill},
		{&w.payload, bucketPayload, appendFill},
		{&w.history, bucketHistory, appendFill},
		{&w.historyID, bucketHistoryID, appendFill},
		{&w.historyMark, bucketHistoryMark, bbolt.DefaultFillPercent},
		{&w.historyDelete, bucketHistoryDeleted, bbolt.DefaultFillPercent},
	} {
		t, err := w.table(open.name)
		if err != nil {
			return nil, err
		}
		t.FillPercent = open.fill
		*open.table = t
	}
	if k, _ := w.task.Cursor().Last(); len(k) == 8 {
		w.lastTask = taskID(k)
	}
	k, _ := w.payload.Cursor().First()
	w.hasPayloads = k != nil
	return w, nil
}

// table opens a bucket for writing. That of a later kind is made when it is first needed.
func (w *writer) table(name string) (*table, error) {
	if w.tx.Bucket([]byte(name)) == nil && slices.Contains(dataBuckets(), name) {
		if err := createBucket(w.tx, &w.arena, name); err != nil {
			return nil, err
		}
	}
	t, err := newTable(w.tx, name)
	if err == nil {
		t.touched = w.touched
		w.tables = append(w.tables, t)
	}
	return t, err
}

// finish writes the position, and the digests of what has changed.
func (w *writer) finish(p Position) error {
	meta := w.tx.Bucket([]byte(bucketMeta))
	for _, t := range w.tables {
		if t.digest == t.before {
			continue
		}
		key := digestKey(t.name)
		if err := meta.Put(key, encodeDigest(&w.arena, key, t.digest)); err != nil {
			return err
		}
	}
	return meta.Put(keyPosition, encodePosition(&w.arena, p))
}

// checkpoint writes all but the trims. The history comes before the tasks: it takes payloads from live tasks that are
// deleted then.
func (w *writer) checkpoint(cp *task.Checkpoint) error {
	if err := w.writeRecords(cp.Records); err != nil {
		return err
	}
	w.live.read(w.task.Cursor(), cp.Tasks, w.lastTask)
	if err := w.writeHistory(cp.History); err != nil {
		return err
	}
	if err := w.writeDeleted(cp.Deleted); err != nil {
		return err
	}
	return w.writeTasks(cp.Tasks)
}

func (w *writer) writeRecords(records []task.Record) error {
	var t *table
	var kind task.Kind
	for _, r := range records {
		var err error
		if t == nil || kind != r.Kind {
			kind = r.Kind
			if t, err = w.table(bucketOf(kind)); err != nil {
				return err
			}
		}
		key := recordKey(r.Kind, r.Key)
		old := t.get(key)
		if r.Value == nil {
			err = t.remove(key, old)
		} else {
			err = t.put(key, old, frame(&w.arena, key, r.Value))
		}
		if err != nil {
			return fmt.Errorf("record of kind %d, key %x: %w", kind, r.Key, err)
		}
	}
	return nil
}

// recordKey puts the kind before the machine's key, which may be empty where bbolt's may not.
func recordKey(k task.Kind, key []byte) []byte {
	return append(append(make([]byte, 0, 1+len(key)), byte(k)), key...)
}
