package backups

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"

	"github.com/rowlock/rowlock/store/extract"
	"github.com/rowlock/rowlock/task"
)

// The changes between two backups.
const (
	Added    = "added"    // not in the first
	Changed  = "changed"  // live in both, but not the same
	Finished = "finished" // live in the first, in the history of the second
	Removed  = "removed"  // not in the second any more, neither live nor in its history
)

// Difference is what changed from one backup to another. Tasks are those that are live in one of them.
type Difference struct {
	Tasks     []TaskCount
	Examples  []TaskChange // the first of them, up to the limit
	Queues    []Change
	Schedules []Change
	Unchanged uint64 // live tasks that are the same
	More      uint64 // changes that aren't among the examples
}

// TaskCount counts the tasks of a queue with a change.
type TaskCount struct {
	Queue, Change string
	From, To      task.State // None: it isn't there
	Count         uint64
}

// TaskChange is a task that changed.
type TaskChange struct {
	ID            task.ID
	Queue, Change string
	From, To      task.State
	// Was and Is are the task in both backups, with its payload; nil: it isn't there.
	Was, Is *task.Task
}

// Change is that of a queue or a schedule, with the settings that differ.
type Change struct {
	Name, Change string
	Fields       []string
}

// Diff compares two states. It goes through both at once, by ID, so that it takes little memory, however many tasks there are. Of up to
// limit tasks that changed it keeps what they were and are.
func Diff(ctx context.Context, a, b *extract.Source, limit int) (Difference, error) {
	d := &differ{limit: limit, counts: map[TaskCount]uint64{}, second: b}
	nextA, stopA := iter.Pull2(live(ctx, a))
	defer stopA()
	nextB, stopB := iter.Pull2(live(ctx, b))
	defer stopB()
	was, errA, moreA := nextA()
	is, errB, moreB := nextB()
	for moreA || moreB {
		if err := errors.Join(errA, errB); err != nil {
			return Difference{}, err
		}
		first, second := moreA && (!moreB || was.ID <= is.ID), moreB && (!moreA || is.ID <= was.ID)
		if err := d.compare(ctx, was, is, first, second); err != nil {
			return Difference{}, err
		}
		if first {
			was, errA, moreA = nextA()
		}
		if second {
			is, errB, moreB = nextB()
		}
	}
	return d.finish(a, b)
}

// live are a state's live tasks by ID.
func live(ctx context.Context, s *extract.Source) iter.Seq2[*task.Task, error] {
	stopped := errors.New("no more are wanted")
	return func(yield func(*task.Task, error) bool) {
		_, err := s.Tasks(ctx, extract.Selection{}, func(t *task.Task) error {
			if !yield(t, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(nil, err)
		}
	}
}

// differ collects.
type differ struct {
	Difference
	limit  int
	counts map[TaskCount]uint64
	second *extract.Source
}

// compare takes the next task: one that is live in the first state, the second, or both.
func (d *differ) compare(ctx context.Context, was, is *task.Task, first, second bool) error {
	switch {
	case !first:
		d.note(TaskChange{ID: is.ID, Queue: is.Queue, Change: Added, To: is.State, Is: is})
	case !second:
		return d.left(ctx, was)
	case reflect.DeepEqual(was, is):
		d.Unchanged++
	default:
		d.note(TaskChange{ID: is.ID, Queue: is.Queue, Change: Changed, From: was.State, To: is.State, Was: was, Is: is})
	}
	return nil
}

func (d *differ) note(c TaskChange) {
	d.counts[TaskCount{Queue: c.Queue, Change: c.Change, From: c.From, To: c.To}]++
	if len(d.Examples) < d.limit {
		d.Examples = append(d.Examples, c)
	} else {
		d.More++
	}
}

// left finds out what became of a task that isn't live any more.
func (d *differ) left(ctx context.Context, was *task.Task) error {
	gone, err := d.second.Tasks(ctx, extract.Selection{IDs: []task.ID{was.ID}}, func(is *task.Task) error {
		d.note(TaskChange{ID: was.ID, Queue: was.Queue, Change: Finished, From: was.State, To: is.State, Was: was, Is: is})
		return nil
	})
	if len(gone) > 0 {
		d.note(TaskChange{ID: was.ID, Queue: was.Queue, Change: Removed, From: was.State, Was: was})
	}
	return err
}

// finish sorts the counts and compares the rest.
func (d *differ) finish(a, b *extract.Source) (Difference, error) {
	for c, n := range d.counts {
		c.Count = n
		d.Tasks = append(d.Tasks, c)
	}
	slices.SortFunc(d.Tasks, func(x, y TaskCount) int {
		return cmp.Or(cmp.Compare(x.Queue, y.Queue), cmp.Compare(x.Change, y.Change), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	ma, err := a.Machine()
	if err != nil {
		return Difference{}, err
	}
	mb, err := b.Machine()
	if err != nil {
		return Difference{}, err
	}
	if d.Queues, err = compare(queuesOf(ma), queuesOf(mb)); err != nil {
		return Difference{}, err
	}
	d.Schedules, err = compare(schedulesOf(ma), schedulesOf(mb))
	return d.Difference, err
}

// queuesOf are the queues' settings.
func queuesOf(m *task.Machine) map[string]any {
	out := map[string]any{}
	for _, q := range m.Queues("", math.MaxInt) {
		out[q.Name] = struct {
			Mode     task.QueueMode
			Settings task.QueueSettings
		}{q.Mode, q.Settings}
	}
	return out
}

// schedulesOf are the schedules as they were put.
func schedulesOf(m *task.Machine) map[string]any {
	out := map[string]any{}
	for _, s := range m.Schedules("", "", math.MaxInt) {
		out[s.Name] = struct {
			Spec     task.ScheduleSpec
			Policy   task.SchedulePolicy
			Template task.NewTask
			Paused   bool
		}{s.Spec, s.Policy, s.Template, s.Paused}
	}
	return out
}

// compare finds what differs between things of the same name.
func compare(a, b map[string]any) ([]Change, error) {
	var out []Change
	for name, old := range a {
		now, ok := b[name]
		switch {
		case !ok:
			out = append(out, Change{Name: name, Change: Removed})
		case !reflect.DeepEqual(old, now):
			fields, err := Fields(old, now)
			if err != nil {
				return nil, err
			}
			c := Change{Name: name, Change: Changed}
			for _, f := range fields {
				c.Fields = append(c.Fields, f.String())
			}
			out = append(out, c)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, Change{Name: name, Change: Added})
		}
	}
	slices.SortFunc(out, func(x, y Change) int { return cmp.Compare(x.Name, y.Name) })
	return out, nil
}
