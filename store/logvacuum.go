package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// Vacuum copies the log without its free pages and puts the copy in its place. Entries are written and deleted meanwhile;
// the last few are copied while writes wait.
//
// A crash leaves the old file or the new one, whole. ErrNoSpace, ErrVacuumRuns, ErrVacuumBehind, ErrCorrupt, ErrClosed and the
// context's error changed nothing. After any other error no write is tried again: the process must exit.
func (l *LogStore) Vacuum(ctx context.Context, o VacuumOptions) (VacuumResult, error) {
	if !l.vacuum.TryLock() {
		return VacuumResult{}, ErrVacuumRuns
	}
	defer l.vacuum.Unlock()
	r, err := l.vacuumFile(ctx, o)
	if err != nil {
		return VacuumResult{}, fmt.Errorf("vacuum raft log: %w", err)
	}
	return r, nil
}

func (l *LogStore) vacuumFile(ctx context.Context, o VacuumOptions) (VacuumResult, error) {
	before, live := int64(fileSize(l.dir.Log())), int64(l.Bytes())
	if err := roomForCopy(string(l.dir), 2*live, o.MinFree); err != nil { // a page may be half full
		return VacuumResult{}, err
	}
	dir, err := os.MkdirTemp(l.dir.Incoming(), "vacuum")
	if err != nil {
		return VacuumResult{}, noSpace(err)
	}
	defer os.RemoveAll(dir)
	v := &logVacuum{log: l, path: filepath.Join(dir, "raft.db"), pace: newPace(o, live)}
	if err := v.run(ctx); err != nil {
		return VacuumResult{}, err
	}
	return VacuumResult{Before: before, After: int64(fileSize(l.dir.Log())), Held: v.held}, nil
}

// logVacuum is one run.
//
// Invariant: after look, the copy holds the entries from first to last as the log holds them, or the log has since written or
// deleted some of them, which rewound tells; what the log deleted at its beginning may be there still.
type logVacuum struct {
	log         *LogStore
	path        string // of the copy
	fresh       *raftboltdb.BoltStore
	pace        *pace
	first, last uint64        // entries of the copy; last 0: none
	held        time.Duration // how long writes had to wait for the swap
}

func (v *logVacuum) run(ctx context.Context) error {
	if err := v.begin(); err != nil {
		return err
	}
	if err := v.copy(ctx); err != nil {
		return err
	}
	return v.swap(ctx)
}

func (v *logVacuum) begin() error {
	v.log.write.Lock()
	defer v.log.write.Unlock()
	v.log.rewound = math.MaxUint64
	return v.log.failed
}

// copy makes a copy of what there is by now.
func (v *logVacuum) copy(ctx context.Context) (err error) {
	err = guard(func() (err error) {
		v.fresh, err = raftboltdb.New(raftboltdb.Options{Path: v.path, NoSync: true, BoltOptions: boltOptions(0)})
		return err
	})
	if err != nil {
		return noSpace(err)
	}
	defer func() { err = errors.Join(err, noSpace(v.fresh.Close())) }()
	return v.catchUp(ctx, func() error { return noSpace(v.fresh.Sync()) })
}

// logTail is with how many bytes of entries left a vacuum of the log ends, while writes wait.
const logTail = 256 << 10

// logBehind is how many times the log's bytes a vacuum copies before it gives up. Beyond once it doesn't keep to the rate.
const logBehind = 16

// catchUp copies until little is left, and makes each step durable. It gives up when it has copied a multiple of what there
// was.
func (v *logVacuum) catchUp(ctx context.Context, durably func() error) error {
	for small := 0; small < 2; {
		if v.pace.copied > logBehind*(v.pace.total+vacuumStep) {
			return ErrVacuumBehind
		}
		if err := v.look(); err != nil {
			return err
		}
		start := v.pace.now()
		n, err := v.step(v.log.GetLog)
		if err == nil {
			err = durably()
		}
		if err != nil {
			return err
		}
		if n < logTail {
			small++
		}
		if v.pace.copied > v.pace.total {
			v.pace.rate = math.MaxInt64
		}
		if err := v.pace.rest(ctx, n, v.pace.now().Sub(start)); err != nil {
			return err
		}
	}
	return nil
}

// look takes back from the copy what the log has written anew or deleted since.
func (v *logVacuum) look() error {
	v.log.write.Lock()
	rewound, failed := v.log.rewound, v.log.failed
	v.log.rewound = math.MaxUint64
	v.log.write.Unlock()
	if failed != nil {
		return failed
	}
	return v.rewind(rewound)
}

func (v *logVacuum) rewind(to uint64) error {
	first, err := v.log.FirstIndex()
	if err != nil {
		return err
	}
	if v.last == 0 {
		return nil
	}
	last := min(v.last, to-1) // of those that are as they were
	if first == 0 || last < max(first, v.first) {
		err := v.remove(v.first, v.last)
		v.first, v.last = 0, 0
		return err
	}
	if last < v.last {
		if err := v.remove(last+1, v.last); err != nil {
			return err
		}
		v.last = last
	}
	if first > v.first {
		if err := v.remove(v.first, first-1); err != nil {
			return err
		}
		v.first = first
	}
	return nil
}

func (v *logVacuum) remove(from, to uint64) error {
	return noSpace(guard(func() error { return v.fresh.DeleteRange(pieceIndex(from), lastPieceIndex(to)) }))
}

// step copies some entries behind the last one, and returns their bytes.
func (v *logVacuum) step(get func(uint64, *raft.Log) error) (n int64, err error) {
	next := v.last + 1
	if v.last == 0 {
		if next, err = v.log.FirstIndex(); err != nil || next == 0 {
			return 0, err
		}
	}
	var pieces []raft.Log
	from := next
	for ; n < vacuumStep; next++ {
		var entry raft.Log
		err := get(next, &entry)
		if errors.Is(err, raft.ErrLogNotFound) { // the end, or deleted just now
			break
		}
		if err != nil {
			return 0, err
		}
		pieces = appendPieces(pieces, sealLog(&entry))
		n += int64(logSize(&entry))
	}
	if len(pieces) == 0 {
		return 0, nil
	}
	pointers := make([]*raft.Log, len(pieces))
	for i := range pieces {
		pointers[i] = &pieces[i]
	}
	if err := guard(func() error { return v.fresh.StoreLogs(pointers) }); err != nil {
		return 0, noSpace(err)
	}
	if v.last == 0 {
		v.first = from
	}
	v.last = next - 1
	return n, nil
}

// settle copies what is left. Writes wait.
func (v *logVacuum) settle() error {
	if err := v.rewind(v.log.rewound); err != nil {
		return err
	}
	last, err := v.log.LastIndex()
	if err != nil {
		return err
	}
	for v.last < last {
		if n, err := v.step(v.log.getLog); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("%w: entry %d can't be copied", ErrCorrupt, v.last+1))
		}
	}
	if first, err := v.log.FirstIndex(); err != nil || first != v.first || last != v.last {
		return errors.Join(err, fmt.Errorf("%w: the copy holds entries %d to %d, and the log %d to %d", ErrCorrupt, v.first, v.last, first, last))
	}
	return v.settleConf()
}

// settleConf copies terms and votes.
func (v *logVacuum) settleConf() error {
	for key := range v.log.conf {
		value, err := v.log.Get([]byte(key))
		if err != nil {
			return err
		}
		framed := append(make([]byte, crcSize, crcSize+len(value)), value...)
		seal([]byte(key), framed)
		if err := guard(func() error { return v.fresh.Set([]byte(key), framed) }); err != nil {
			return noSpace(err)
		}
	}
	return nil
}

// swap verifies the copy, and puts it in the log's place.
func (v *logVacuum) swap(ctx context.Context) (err error) {
	l := v.log
	walk := &logWalk{sizes: &logSizes{}, keys: map[string]struct{}{}}
	if v.fresh, err = openLogFile(v.path, l.options.reserve(), walk); err != nil {
		return err
	}
	unused := v.fresh
	defer func() { err = errors.Join(err, unused.Close()) }()
	if err := v.catchUp(ctx, func() error { return nil }); err != nil {
		return err
	}
	l.write.Lock()
	defer l.write.Unlock()
	if l.failed != nil {
		return l.failed
	}
	defer l.options.Watchdog.Start("vacuum raft log")()
	start := l.options.Now()
	if err := v.settle(); err != nil {
		return err
	}
	if err := os.Rename(v.path, l.dir.Log()); err != nil {
		return err
	}
	l.file.Lock()
	unused, l.bolt = l.bolt, v.fresh
	l.file.Unlock()
	if err := syncPath(filepath.Dir(l.dir.Log())); err != nil {
		l.failed = err
		return err
	}
	v.held = l.options.Now().Sub(start)
	return nil
}
