package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/rowlock/rowlock/task"
)

// The names of the buckets, part of the format.
const (
	bucketMeta           = "meta"
	bucketTask           = "task"
	bucketPayload        = "payload"
	bucketHistory        = "history"
	bucketHistoryID      = "history_id"
	bucketHistoryMark    = "history_mark"
	bucketHistoryDeleted = "history_deleted"
)

// bucketOf is the bucket of a kind of records.
func bucketOf(k task.Kind) string { return fmt.Sprintf("record_%d", k) }

// lastBaseKind is the last of the kinds whose buckets every state file has. A later kind's is made by the first commit that
// writes a record of it: a file of an older version lacks it.
const lastBaseKind = task.KindUnique

// dataBuckets are all buckets that a state file may have, but bucketMeta.
func dataBuckets() []string { return bucketsUpTo(task.Kinds[len(task.Kinds)-1]) }

// baseBuckets are those of them that every state file has.
func baseBuckets() []string { return bucketsUpTo(lastBaseKind) }

func bucketsUpTo(last task.Kind) []string {
	names := []string{bucketTask, bucketPayload, bucketHistory, bucketHistoryID, bucketHistoryMark, bucketHistoryDeleted}
	for _, k := range task.Kinds {
		if k <= last {
			names = append(names, bucketOf(k))
		}
	}
	return names
}

// statePage is the page size in bytes of a new state file. A checkpoint touches many neighbours at once, so pages larger
// than the system's mean fewer of them to walk, split and write.
const statePage = 16 << 10

// boltOptions are those of both files. The freelist isn't written with each commit but found anew at the start, which
// walks the tree once.
func boltOptions(reserve int) *bbolt.Options {
	return &bbolt.Options{
		Timeout:         time.Second,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: reserve,
	}
}

// openState opens a state file that must exist, and verifies its pages and digests.
func openState(path string, options *bbolt.Options) (*bbolt.DB, Position, error) {
	found := digests{}
	if err := checkPages(path, found); err != nil {
		return nil, Position{}, err
	}
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if err != nil {
		return nil, Position{}, openError(path, err)
	}
	var pos Position
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) (err error) {
			if pos, err = readPosition(tx); err != nil {
				return err
			}
			return found.compare(tx)
		})
	})
	if err != nil {
		return nil, Position{}, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return db, pos, nil
}

// openError gives bbolt's errors of opening our names.
func openError(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: %s is in use by another process", ErrLocked, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrCorrupt):
		return fmt.Errorf("open %s: %w", path, err)
	}
	return fmt.Errorf("open %s: %w", path, noSpace(err))
}

// createBolt makes a file in one step: it is built beside its place and moved there when complete and durable, so that
// a file in its place is never half made.
func createBolt(d Dir, path string, build func(tmp string) error) error {
	there, err := exists(path)
	if err != nil || there {
		return err
	}
	tmp, err := os.MkdirTemp(d.Incoming(), "create")
	if err != nil {
		return noSpace(err)
	}
	defer os.RemoveAll(tmp)
	file := tmp + "/new.db"
	if err := build(file); err != nil {
		return fmt.Errorf("create %s: %w", path, noSpace(err))
	}
	if err := syncPath(file); err != nil {
		return err
	}
	return moveDurably(file, path)
}

// handle is an open state file, shared by the store and its views. It closes when it is retired and the last view is
// closed, so that replacing the file needn't wait for a reader.
type handle struct {
	db     *bbolt.DB
	closed chan struct{} // closed when db is
	err    error         // of closing; valid once closed is

	mu      sync.Mutex // guards the rest
	users   int
	retired bool
}

func newHandle(db *bbolt.DB) *handle { return &handle{db: db, closed: make(chan struct{})} }

// acquire counts a user in; false: the handle is retired.
func (h *handle) acquire() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.retired {
		return false
	}
	h.users++
	return true
}

func (h *handle) release() {
	h.mu.Lock()
	h.users--
	last := h.retired && h.users == 0
	h.mu.Unlock()
	if last {
		h.close()
	}
}

// retire closes the file now or with its last user. It is called once.
func (h *handle) retire() {
	h.mu.Lock()
	h.retired = true
	last := h.users == 0
	h.mu.Unlock()
	if last {
		h.close()
	}
}

func (h *handle) close() {
	h.err = h.db.Close()
	close(h.closed)
}
