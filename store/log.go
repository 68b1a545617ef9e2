package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// LogStore is the Raft log and the votes: raft-boltdb with a checksum over each entry and each value, the watchdog,
// and an account of the bytes. It implements raft.LogStore and raft.StableStore.
type LogStore struct {
	options Options
	dir     Dir
	metrics *logMetrics

	// write lets one write run at a time, so that the watchdog never times the wait for another; it guards the next
	// four.
	write   sync.Mutex
	pieces  []raft.Log          // StoreLogs' own
	failed  error               // of a write, after which none is tried again
	conf    map[string]struct{} // the keys that have been set
	rewound uint64              // the lowest index that was written or deleted at the end since a vacuum last looked

	// file guards bolt, which a vacuum replaces with both locks held: writes read it under write, all else under this.
	file sync.RWMutex
	bolt *raftboltdb.BoltStore

	sizes logSizes
	// written is for how long the file has been written.
	written usage

	vacuum sync.Mutex // held by a running vacuum
}

var (
	_ raft.LogStore    = (*LogStore)(nil)
	_ raft.StableStore = (*LogStore)(nil)
)

// The buckets of raft-boltdb.
const (
	bucketLogs = "logs"
	bucketConf = "conf"
)

// OpenLog opens the log of a data directory that an open Store holds; it makes one if there is none.
//
// ErrCorrupt: the file isn't sound, or entries are missing in the middle.
func OpenLog(o Options) (*LogStore, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	l := &LogStore{options: o, dir: Dir(o.Dir), conf: map[string]struct{}{}}
	if err := createBolt(l.dir, l.dir.Log(), buildLog); err != nil {
		return nil, err
	}
	var err error
	if l.bolt, err = openLogFile(l.dir.Log(), o.reserve(), &logWalk{sizes: &l.sizes, keys: l.conf}); err != nil {
		return nil, err
	}
	if l.metrics, err = newLogMetrics(o.Registerer, l); err != nil {
		return nil, errors.Join(err, l.bolt.Close())
	}
	return l, nil
}

// openLogFile opens a file of a log that must exist, and verifies its pages.
func openLogFile(path string, reserve int, walk *logWalk) (bolt *raftboltdb.BoltStore, err error) {
	if err := checkPages(path, walk); err != nil {
		return nil, err
	}
	if !walk.logs || !walk.conf {
		return nil, fmt.Errorf("%w: %s isn't a raft log: a bucket is missing", ErrCorrupt, path)
	}
	err = guard(func() (err error) {
		bolt, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: boltOptions(reserve)})
		return err
	})
	return bolt, openError(path, err)
}

func buildLog(path string) error {
	b, err := raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: boltOptions(0)})
	if err != nil {
		return err
	}
	return b.Close()
}

// Close waits for a vacuum to notice, and closes the file.
func (l *LogStore) Close() error {
	l.write.Lock()
	if l.failed == nil {
		l.failed = ErrClosed
	}
	l.write.Unlock()
	l.vacuum.Lock()
	defer l.vacuum.Unlock()
	l.metrics.close()
	return l.bolt.Close()
}

// Stats are bbolt's own figures of the log's file.
func (l *LogStore) Stats() bbolt.Stats {
	l.file.RLock()
	defer l.file.RUnlock()
	return l.bolt.Stats()
}

// read runs a read of the file.
func (l *LogStore) read(fn func(*raftboltdb.BoltStore) error) error {
	l.file.RLock()
	defer l.file.RUnlock()
	return guard(func() error { return fn(l.bolt) })
}

// change runs one write. An error other than ErrNoSpace is the last: later writes return it too.
func (l *LogStore) change(op string, fn func() error) error {
	l.write.Lock()
	defer l.write.Unlock()
	if l.failed != nil {
		return l.failed
	}
	start := l.options.Now()
	stop := l.options.Watchdog.Start(op)
	l.written.begin(time.Now())
	err := noSpace(guard(fn))
	l.written.end(time.Now())
	stop()
	l.metrics.seconds.WithLabelValues(op).Observe(l.options.Now().Sub(start).Seconds())
	if err != nil {
		err = fmt.Errorf("raft log: %s: %w", op, err)
		if !errors.Is(err, ErrNoSpace) {
			l.failed = err
		}
	}
	return err
}

// StoreLog writes an entry durably.
func (l *LogStore) StoreLog(log *raft.Log) error { return l.StoreLogs([]*raft.Log{log}) }

// StoreLogs writes entries durably, all or none.
func (l *LogStore) StoreLogs(logs []*raft.Log) error {
	return l.change("store_logs", func() error {
		l.pieces = l.pieces[:0]
		for _, log := range logs {
			if len(log.Data) > maxLogData || log.Index > maxLogIndex {
				return fmt.Errorf("entry %d of %d bytes is out of bounds", log.Index, len(log.Data))
			}
			l.pieces = appendPieces(l.pieces, sealLog(log))
		}
		pointers := make([]*raft.Log, len(l.pieces))
		for i := range l.pieces {
			pointers[i] = &l.pieces[i]
		}
		if len(logs) > 0 {
			l.rewound = min(l.rewound, logs[0].Index)
		}
		err := l.bolt.StoreLogs(pointers)
		clear(l.pieces) // they keep the entries' memory
		if err != nil {
			return err
		}
		for _, log := range logs {
			n := logSize(log)
			l.sizes.set(log.Index, n)
			l.metrics.bytes.Add(float64(n))
		}
		return nil
	})
}

// DeleteRange deletes the entries from first to last durably.
func (l *LogStore) DeleteRange(first, last uint64) error {
	return l.change("delete_range", func() error {
		if last >= l.sizes.last() {
			l.rewound = min(l.rewound, first)
		}
		if err := l.bolt.DeleteRange(pieceIndex(first), lastPieceIndex(last)); err != nil {
			return err
		}
		l.sizes.delete(first, last)
		return nil
	})
}

// GetLog reads an entry. raft.ErrLogNotFound: there is none. ErrCorrupt: it isn't what was written.
func (l *LogStore) GetLog(index uint64, log *raft.Log) error {
	err := l.getLog(index, log)
	if errors.Is(err, ErrCorrupt) {
		// Its pieces are read one by one: it may have been deleted or overwritten in between.
		l.write.Lock()
		defer l.write.Unlock()
		err = l.getLog(index, log)
	}
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		return fmt.Errorf("raft log: entry %d: %w", index, err)
	}
	return err
}

func (l *LogStore) getLog(index uint64, log *raft.Log) error {
	if index > maxLogIndex {
		return raft.ErrLogNotFound
	}
	var read raft.Log
	if err := l.getPiece(pieceIndex(index), &read); err != nil {
		return err
	}
	size, err := sealedSize(&read)
	if err != nil {
		return err
	}
	if len(read.Data) < size {
		data := append(make([]byte, 0, min(size, 1<<20)), read.Data...) // a damaged size must not take all memory
		for i := uint64(1); len(data) < size; i++ {
			var piece raft.Log
			if err := l.getPiece(pieceIndex(index)+i, &piece); errors.Is(err, raft.ErrLogNotFound) || err == nil && len(piece.Data) == 0 {
				return fmt.Errorf("%w: piece %d is missing", ErrCorrupt, i)
			} else if err != nil {
				return err
			}
			data = append(data, piece.Data...)
		}
		read.Data = data
	}
	read.Index >>= pieceBits
	if err := unsealLog(index, &read); err != nil {
		return err
	}
	*log = read
	return nil
}

// getPiece reads one piece. What raft-boltdb can't decode is damaged.
func (l *LogStore) getPiece(index uint64, piece *raft.Log) error {
	err := l.read(func(b *raftboltdb.BoltStore) error { return b.GetLog(index, piece) })
	switch {
	case err == nil && piece.Index != index:
		return fmt.Errorf("%w: it is entry %d's", ErrCorrupt, piece.Index>>pieceBits)
	case err == nil, errors.Is(err, raft.ErrLogNotFound), errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// FirstIndex is the index of the oldest entry; 0: none.
func (l *LogStore) FirstIndex() (n uint64, err error) {
	err = l.read(func(b *raftboltdb.BoltStore) (err error) { n, err = b.FirstIndex(); return err })
	return n >> pieceBits, err
}

// LastIndex is the index of the newest entry; 0: none.
func (l *LogStore) LastIndex() (n uint64, err error) {
	err = l.read(func(b *raftboltdb.BoltStore) (err error) { n, err = b.LastIndex(); return err })
	return n >> pieceBits, err
}

// Set writes a value durably.
func (l *LogStore) Set(key, value []byte) error {
	framed := append(make([]byte, crcSize, crcSize+len(value)), value...)
	seal(key, framed)
	return l.change("set", func() error {
		l.conf[string(key)] = struct{}{}
		return l.bolt.Set(key, framed)
	})
}

// Get reads a value. raft knows the error of a value that was never set by its text, "not found".
func (l *LogStore) Get(key []byte) (value []byte, err error) {
	err = l.read(func(b *raftboltdb.BoltStore) (err error) { value, err = b.Get(key); return err })
	if err != nil {
		return nil, err
	}
	return unframe(bucketConf, key, value)
}

// SetUint64 writes a number durably.
func (l *LogStore) SetUint64(key []byte, value uint64) error {
	return l.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 reads a number; see Get.
func (l *LogStore) GetUint64(key []byte) (uint64, error) {
	b, err := l.Get(key)
	if err != nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, corrupt(bucketConf, key, "not a number")
	}
	return binary.BigEndian.Uint64(b), nil
}
