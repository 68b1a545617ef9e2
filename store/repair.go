package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// RepairReport is what a repair did.
type RepairReport struct {
	Quarantine string    `json:"quarantine"` // directory
	Records    int       `json:"records"`    // that were put there
	Tasks      []task.ID `json:"tasks"`      // that are lost, or damaged, where that is known
	Notes      []string  `json:"notes"`      // what was made good, and what is lost
	LiveTasks  uint64    `json:"live_tasks"` // that are left
	LogLost    bool      `json:"log_lost"`   // entries behind the state file can't be read
}

// ErrBeyondRepair means that what is left of the files doesn't make a state. Nothing was changed.
var ErrBeyondRepair = errors.New("beyond repair: rebuild the member from others, or restore a backup")

// Repair makes a sound state of what can be read of a stopped member's files: it takes over every record whose checksum is right,
// makes the index of the history, the digests and all counts anew, and lets go of what doesn't hold together without what is
// lost. What it takes out, and the files as they were, go to DIR/quarantine.
//
// The state is another one than other members have: the directory is marked as diverged until ClearDiverged, which whoever
// makes it the only member of a new group calls. A crash leaves the old files or the new ones, whole.
//
// ErrLocked: the member runs. ErrBeyondRepair, ErrNoSpace: nothing was changed.
func Repair(ctx context.Context, o Options) (_ *RepairReport, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	d := Dir(o.Dir)
	lock, err := lockDir(d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := d.clean(); err != nil {
		return nil, err
	}
	q, err := newQuarantine(d, o.Now())
	if err != nil {
		return nil, err
	}
	defer q.discard()
	r := &repair{options: o, dir: d, quarantine: q, report: RepairReport{Quarantine: q.dir}, ctx: ctx}
	if err := r.run(); err != nil {
		return nil, fmt.Errorf("repair: %w", err)
	}
	return &r.report, nil
}

// repair is one run.
type repair struct {
	options    Options
	dir        Dir
	quarantine *quarantine
	report     RepairReport
	ctx        context.Context //nolint:containedctx // a repair is one call
	fresh      *bbolt.DB
	position   Position
	machine    *task.Machine
}

func (r *repair) note(format string, args ...any) {
	r.report.Notes = append(r.report.Notes, fmt.Sprintf(format, args...))
}

func (r *repair) run() error {
	path := filepath.Join(r.dir.Incoming(), "repaired.db")
	if err := r.build(path); err != nil {
		return err
	}
	check, err := CheckImage(r.ctx, path, CheckOptions{SupportedLevel: r.options.SupportedLevel})
	if err != nil {
		return err
	}
	if !check.Sound() {
		return fmt.Errorf("%w (%s)", ErrBeyondRepair, check.Findings[0])
	}
	r.report.LiveTasks = check.LiveTasks
	log, err := r.log()
	if err != nil {
		return err
	}
	r.report.Records = r.quarantine.records
	for id := range r.quarantine.tasks {
		r.report.Tasks = append(r.report.Tasks, id)
	}
	slices.Sort(r.report.Tasks)
	return r.replace(path, log)
}

// replace puts the repaired files in their places. The mark is there before: a member that dies in between isn't served from.
func (r *repair) replace(state, log string) error {
	if err := MarkDiverged(string(r.dir), "it was repaired, and isn't a group of its own yet: repeat 'rowlock check --repair'"); err != nil {
		return err
	}
	for _, x := range []struct{ from, to string }{{state, r.dir.State()}, {log, r.dir.Log()}} {
		if x.from == "" {
			continue
		}
		if err := r.quarantine.keep(x.to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := r.quarantine.finish(&r.report); err != nil {
		return err
	}
	for _, x := range []struct{ from, to string }{{log, r.dir.Log()}, {state, r.dir.State()}} {
		if x.from == "" {
			continue
		}
		if err := errors.Join(syncPath(x.from), moveDurably(x.from, x.to)); err != nil {
			return err
		}
	}
	return nil
}

// ClearDiverged takes the mark of a diverged state away.
func ClearDiverged(dir string) error {
	if err := os.Remove(Dir(dir).Diverged()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take the mark of a diverged state away: %w", err)
	}
	return syncPath(dir)
}

// build makes the repaired state file.
func (r *repair) build(path string) (err error) {
	options := boltOptions(0)
	options.PageSize, options.NoSync = statePage, true
	err = guard(func() (err error) {
		r.fresh, err = bbolt.Open(path, 0o600, options)
		return err
	})
	if err != nil {
		return noSpace(err)
	}
	defer func() { err = errors.Join(err, r.fresh.Sync(), r.fresh.Close()) }()
	for _, step := range []func() error{r.salvage, r.tasks, r.load, r.histories, r.digests} {
		if err := errors.Join(r.ctx.Err(), noSpace(guard(step))); err != nil {
			return err
		}
	}
	return nil
}

// load loads what is left, mends it, and writes what that changed.
func (r *repair) load() error {
	l := task.NewMender(cmp.Or(r.options.SupportedLevel, task.SupportedLevel))
	tx, err := r.fresh.Begin(false)
	if err != nil {
		return err
	}
	v := &View{tx: tx}
	err = v.load(l)
	if err == nil {
		r.machine, err = l.Machine()
	}
	if err = errors.Join(err, tx.Rollback()); err != nil {
		return fmt.Errorf("%w (%w)", ErrBeyondRepair, err)
	}
	notes, cp := l.Mended()
	r.report.Notes = append(r.report.Notes, notes...)
	return r.write(cp)
}

// write writes a checkpoint of mended records, before the digests are made.
func (r *repair) write(cp *task.Checkpoint) error {
	return r.fresh.Update(func(tx *bbolt.Tx) error {
		a := &arena{}
		for _, x := range cp.Records {
			b, err := tx.CreateBucketIfNotExists([]byte(bucketOf(x.Kind)))
			if err != nil {
				return err
			}
			key := recordKey(x.Kind, x.Key)
			if x.Value == nil {
				err = b.Delete(key)
			} else {
				err = b.Put(key, frame(a, key, x.Value))
			}
			if err != nil {
				return err
			}
		}
		return r.writeTasks(tx, a, cp.Tasks)
	})
}

func (r *repair) writeTasks(tx *bbolt.Tx, a *arena, changes []task.TaskChange) error {
	tasks, payloads := tx.Bucket([]byte(bucketTask)), tx.Bucket([]byte(bucketPayload))
	for i := range changes {
		c := &changes[i]
		key := taskKey(c.ID)
		old := tasks.Get(key[:])
		if c.Record == nil {
			if err := r.quarantine.put(Quarantined{
				Bucket: bucketTask, Key: key[:], Value: old, Tasks: []task.ID{c.ID}, Why: "the record can't be understood",
			}); err != nil {
				return err
			}
			if err := errors.Join(tasks.Delete(key[:]), payloads.Delete(key[:])); err != nil {
				return err
			}
			continue
		}
		v, err := decodeStoredTask(key[:], old)
		if err != nil {
			return err
		}
		if err := tasks.Put(key[:], encodeTaskValue(a, key[:], c.Record, v)); err != nil {
			return err
		}
	}
	return nil
}

// digests makes them of what is there.
func (r *repair) digests() error {
	return r.fresh.Update(func(tx *bbolt.Tx) error {
		a := &arena{}
		meta := tx.Bucket([]byte(bucketMeta))
		for _, name := range dataBuckets() {
			b := tx.Bucket([]byte(name))
			if b == nil {
				continue
			}
			var d digest
			if err := b.ForEach(func(k, v []byte) error { d.add(k, v); return nil }); err != nil {
				return err
			}
			key := digestKey(name)
			if err := meta.Put(key, encodeDigest(a, key, d)); err != nil {
				return err
			}
		}
		return nil
	})
}
