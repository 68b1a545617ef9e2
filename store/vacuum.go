package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// VacuumOptions say how a vacuum shares the disk.
type VacuumOptions struct {
	// BytesPerSecond bounds how fast it copies; 0: DefaultVacuumRate. Whatever it is, it rests as long as it works.
	BytesPerSecond int64
	// MinFree are bytes that stay free on the file system besides the copy.
	MinFree uint64
	// Progress is told how far it is, a few times a second at most; nil: nobody is.
	Progress func(VacuumProgress)
}

// DefaultVacuumRate is how many bytes a vacuum copies in a second.
const DefaultVacuumRate = 32 << 20

// VacuumProgress is how far a vacuum is.
type VacuumProgress struct {
	Copied, Total int64 // bytes; the total is an estimate
}

// VacuumResult is what a vacuum came to.
type VacuumResult struct {
	Before, After int64         // bytes of the file
	Held          time.Duration // how long writes of the file had to wait at its end
}

var (
	// ErrVacuumRuns means that the file is being vacuumed already.
	ErrVacuumRuns = errors.New("a vacuum of this file is running already")
	// ErrVacuumBehind means that the state changes faster than it can be copied. Nothing was changed.
	ErrVacuumBehind = errors.New("the file changes faster than a vacuum copies it: repeat it at a quieter time, or at a higher rate")
	// ErrVacuumReplaced means that the file was replaced meanwhile: there is nothing left to vacuum. Nothing was changed.
	ErrVacuumReplaced = errors.New("the file was replaced while it was vacuumed")
)

// A vacuum ends, under the lock of commits, when no more than vacuumTail keys are left to copy again. vacuumRounds bounds how
// often it tries to get there.
const (
	vacuumTail   = 4096
	vacuumRounds = 12
)

// Vacuum copies the state file without its free pages and puts the copy in its place. Commits go on meanwhile: they note
// what they change, which is copied again, the last of it while commits wait. Views of the old file stay valid.
//
// A crash leaves the old file or the new one, whole. ErrNoSpace, ErrVacuumRuns, ErrVacuumBehind, ErrVacuumReplaced,
// ErrCorrupt and the context's error changed nothing. After any other error Commit fails: the process must exit.
func (s *Store) Vacuum(ctx context.Context, o VacuumOptions) (VacuumResult, error) {
	if !s.vacuum.TryLock() {
		return VacuumResult{}, ErrVacuumRuns
	}
	defer s.vacuum.Unlock()
	r, err := s.vacuumFile(ctx, o)
	if err != nil {
		return VacuumResult{}, fmt.Errorf("vacuum state file: %w", err)
	}
	return r, nil
}

func (s *Store) vacuumFile(ctx context.Context, o VacuumOptions) (VacuumResult, error) {
	before := int64(s.Bytes())
	live := before - int64(s.Stats().FreeAlloc)
	if err := roomForCopy(string(s.dir), live, o.MinFree); err != nil {
		return VacuumResult{}, err
	}
	dir, err := os.MkdirTemp(s.dir.Incoming(), "vacuum")
	if err != nil {
		return VacuumResult{}, noSpace(err)
	}
	defer os.RemoveAll(dir)
	v := &vacuum{store: s, path: filepath.Join(dir, "state.db"), pace: newPace(o, live)}
	if err := v.run(ctx); err != nil {
		return VacuumResult{}, err
	}
	return VacuumResult{Before: before, After: int64(s.Bytes()), Held: v.held}, nil
}

// roomForCopy refuses to begin where the copy wouldn't fit.
func roomForCopy(dir string, live int64, minFree uint64) error {
	free, total, err := statfs(dir)
	if err != nil {
		return fmt.Errorf("look at free space of %s: %w", dir, err)
	}
	if minFree == 0 {
		minFree = min(DefaultMinFree, total/20)
	}
	if need := uint64(live) + uint64(live)/4 + minFree; free < need {
		return fmt.Errorf("%w: a vacuum needs %d MiB free in %s for its copy, and there are %d: free some, or use a larger disk",
			ErrNoSpace, (need+1<<20-1)>>20, dir, free>>20)
	}
	return nil
}

// vacuum is one run.
type vacuum struct {
	store *Store
	from  *handle // the file that is copied
	path  string  // of the copy
	fresh *bbolt.DB
	pace  *pace
	held  time.Duration // how long commits had to wait for the swap
}

func (v *vacuum) run(ctx context.Context) error {
	if err := v.begin(); err != nil {
		return err
	}
	defer v.end()
	if err := v.copy(ctx); err != nil {
		return err
	}
	old, err := os.OpenFile(v.store.dir.State(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := v.swap(ctx); err != nil {
		return err
	}
	// Only now, under no lock: closing it unmaps it, and gives its pages back.
	v.from.retire()
	v.shrink(ctx, old)
	return nil
}

// shrinkStep is how much of the old file is given back at a time: all of it at once may hold up others' fsyncs.
const shrinkStep = 64 << 20

// readerPatience is how long it waits for the last reader of the old file.
const readerPatience = time.Second

// shrink gives the old file, which has no name any more, back to the file system little by little, once nobody reads it. What
// it doesn't come to goes with the last reader.
func (v *vacuum) shrink(ctx context.Context, old *os.File) {
	select {
	case <-v.from.closed:
	case <-ctx.Done():
		return
	case <-time.After(readerPatience):
		return
	}
	info, err := old.Stat()
	if err != nil {
		return
	}
	for size := info.Size() - shrinkStep; size > 0; size -= shrinkStep {
		start := v.pace.now()
		if err := old.Truncate(size); err != nil {
			return
		}
		if err := v.pace.rest(ctx, 0, v.pace.now().Sub(start)); err != nil {
			return
		}
	}
}

// begin has commits note what they change from now on.
func (v *vacuum) begin() error {
	s := v.store
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.failed != nil {
		return s.failed
	}
	h, err := s.current()
	if err != nil {
		return err
	}
	v.from, s.touched = h, newTouched()
	return nil
}

// end has them stop.
func (v *vacuum) end() {
	s := v.store
	s.commit.Lock()
	defer s.commit.Unlock()
	s.touched = nil
}

// copy makes the copy: complete and durable, but for what changes after the last round.
func (v *vacuum) copy(ctx context.Context) (err error) {
	options := boltOptions(0)
	options.PageSize, options.NoSync, options.NoGrowSync = statePage, true, true
	err = guard(func() (err error) {
		v.fresh, err = bbolt.Open(v.path, 0o600, options)
		return err
	})
	if err != nil {
		return noSpace(err)
	}
	defer func() { err = errors.Join(err, noSpace(v.fresh.Close())) }()
	for _, bucket := range dataBuckets() {
		if err := v.copyBucket(ctx, bucket); err != nil {
			return err
		}
	}
	return v.drain(ctx, "", nil)
}

// catchUp copies what was changed while the copy was verified, until little is left.
func (v *vacuum) catchUp(ctx context.Context, copied *bbolt.DB) error {
	for range vacuumRounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		keys, view, err := v.taken()
		if err != nil {
			return err
		}
		err = guard(func() error { return settle(view.tx, copied, keys) })
		view.Close()
		if err != nil || keys.n <= vacuumTail {
			return err
		}
	}
	return ErrVacuumBehind
}

// swap verifies the copy, copies what is left and puts the copy in the file's place, the last of it under the lock of
// commits.
func (v *vacuum) swap(ctx context.Context) (err error) {
	s := v.store
	h, _, _, err := s.openFile(v.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && h != nil {
			h.retire()
		}
	}()
	if err := v.catchUp(ctx, h.db); err != nil {
		return err
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	start := s.options.Now()
	if s.failed != nil {
		return s.failed
	}
	if now, err := s.current(); err != nil || now != v.from {
		return errors.Join(ErrVacuumReplaced, err)
	}
	if s.touched.full {
		return ErrVacuumBehind
	}
	defer s.options.Watchdog.Start("vacuum state file")()
	err = guard(func() error {
		return v.from.db.View(func(tx *bbolt.Tx) error { return settle(tx, h.db, s.touched) })
	})
	if err != nil {
		return err
	}
	if err := os.Rename(v.path, s.dir.State()); err != nil {
		return err
	}
	s.mu.Lock()
	s.handle = h
	s.mu.Unlock()
	h = nil
	if err := syncPath(filepath.Dir(s.dir.State())); err != nil {
		s.failed = err
		return err
	}
	v.held = s.options.Now().Sub(start)
	return nil
}

// pace keeps a vacuum from taking all of the disk, and tells how far it is.
type pace struct {
	rate     int64
	now      func() time.Time
	progress func(VacuumProgress)
	copied   int64
	total    int64
	told     time.Time
	step     func() // what a test does at each rest; may be nil
}

func newPace(o VacuumOptions, total int64) *pace {
	p := &pace{rate: o.BytesPerSecond, now: time.Now, progress: o.Progress, total: max(total, 1)}
	if p.rate <= 0 {
		p.rate = DefaultVacuumRate
	}
	return p
}

// rest waits after n bytes that took some time.
func (p *pace) rest(ctx context.Context, n int64, took time.Duration) error {
	p.copied += n
	if p.step != nil {
		p.step()
	}
	if p.progress != nil && p.now().Sub(p.told) >= 200*time.Millisecond {
		p.told = p.now()
		p.progress(VacuumProgress{Copied: p.copied, Total: max(p.total, p.copied)})
	}
	due := time.Duration(min(float64(n)/float64(p.rate)*float64(time.Second), math.MaxInt64/2)) - took
	timer := time.NewTimer(max(due, took))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
