package store

import (
	"errors"
	"fmt"
	"log/slog"

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
	s.arena.reset()
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
		w := newWriter(tx, &s.arena, s.options.Logger)
		if err := w.checkpoint(cp); err != nil {
			return err
		}
		if left, err = w.trim(s.trims.with(cp.Trims), cp.Trims); err != nil {
			return err
		}
		if err := w.meta.Put(keyPosition, encodePosition(w.arena, p)); err != nil {
			return err
		}
		return noSpace(tx.Commit())
	})
	return left, err
}

// writer is one transaction that writes a checkpoint.
type writer struct {
	arena  *arena
	logger *slog.Logger

	tx                         *bbolt.Tx
	meta, task, payload        *bbolt.Bucket
	history, historyID         *bbolt.Bucket
	historyMark, historyDelete *bbolt.Bucket

	lastTask    task.ID // the largest ID of the bucket task before this transaction
	hasPayloads bool    // there was something in the bucket payload before it
}

// appendFill is how full bbolt leaves the pages of buckets whose keys mostly ascend, which it splits when they overflow.
const appendFill = 0.95

func newWriter(tx *bbolt.Tx, a *arena, logger *slog.Logger) *writer {
	w := &writer{
		arena: a, logger: logger, tx: tx,
		meta:          tx.Bucket([]byte(bucketMeta)),
		task:          tx.Bucket([]byte(bucketTask)),
		payload:       tx.Bucket([]byte(bucketPayload)),
		history:       tx.Bucket([]byte(bucketHistory)),
		historyID:     tx.Bucket([]byte(bucketHistoryID)),
		historyMark:   tx.Bucket([]byte(bucketHistoryMark)),
		historyDelete: tx.Bucket([]byte(bucketHistoryDeleted)),
	}
	for _, b := range []*bbolt.Bucket{w.task, w.payload, w.history, w.historyID} {
		b.FillPercent = appendFill
	}
	if k, _ := w.task.Cursor().Last(); len(k) == 8 {
		w.lastTask = taskID(k)
	}
	k, _ := w.payload.Cursor().First()
	w.hasPayloads = k != nil
	return w
}

// checkpoint writes all but the trims. The history comes before the tasks: it takes payloads from live tasks that are
// deleted then.
func (w *writer) checkpoint(cp *task.Checkpoint) error {
	if err := w.writeRecords(cp.Records); err != nil {
		return err
	}
	if err := w.writeHistory(cp.History); err != nil {
		return err
	}
	if err := w.writeDeleted(cp.Deleted); err != nil {
		return err
	}
	return w.writeTasks(cp.Tasks)
}

func (w *writer) writeRecords(records []task.Record) error {
	var b *bbolt.Bucket
	var kind task.Kind
	for _, r := range records {
		if b == nil || kind != r.Kind {
			kind = r.Kind
			if b = w.tx.Bucket([]byte(bucketOf(kind))); b == nil {
				return fmt.Errorf("no bucket for records of kind %d", kind)
			}
		}
		key := recordKey(r.Kind, r.Key)
		var err error
		if r.Value == nil {
			err = b.Delete(key)
		} else {
			err = b.Put(key, frame(w.arena, key, r.Value))
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
