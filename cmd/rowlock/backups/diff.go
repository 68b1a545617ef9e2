package backups

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/cespare/xxhash/v2"

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
}

// Change is that of a queue or a schedule, with the settings that differ.
type Change struct {
	Name, Change string
	Fields       []string
}

// seen is what is kept in memory of a live task of the first backup.
type seen struct {
	queue string
	state task.State
	sum   uint64
}

// Diff compares two states. It keeps about a hundred bytes of memory for each live task of the first.
func Diff(ctx context.Context, a, b *extract.Source, limit int) (Difference, error) {
	d := &differ{limit: limit, counts: map[TaskCount]uint64{}}
	before := map[task.ID]seen{}
	queues := map[string]string{} // one string for each queue
	_, err := a.Tasks(ctx, extract.Selection{}, func(t *task.Task) error {
		name, ok := queues[t.Queue]
		if !ok {
			name = t.Queue
			queues[name] = name
		}
		sum, err := sumOf(t)
		before[t.ID] = seen{name, t.State, sum}
		return err
	})
	if err != nil {
		return Difference{}, err
	}
	_, err = b.Tasks(ctx, extract.Selection{}, func(t *task.Task) error {
		old, ok := before[t.ID]
		delete(before, t.ID)
		sum, err := sumOf(t)
		switch {
		case !ok:
			d.note(TaskChange{t.ID, t.Queue, Added, task.None, t.State})
		case old.sum != sum:
			d.note(TaskChange{t.ID, t.Queue, Changed, old.state, t.State})
		default:
			d.Unchanged++
		}
		return err
	})
	if err != nil {
		return Difference{}, err
	}
	if err := d.left(ctx, b, before); err != nil {
		return Difference{}, err
	}
	return d.finish(a, b)
}

// differ collects.
type differ struct {
	Difference
	limit  int
	counts map[TaskCount]uint64
}

func (d *differ) note(c TaskChange) {
	d.counts[TaskCount{Queue: c.Queue, Change: c.Change, From: c.From, To: c.To}]++
	if len(d.Examples) < d.limit {
		d.Examples = append(d.Examples, c)
	} else {
		d.More++
	}
}

// left finds out what became of the tasks that aren't live any more.
func (d *differ) left(ctx context.Context, b *extract.Source, before map[task.ID]seen) error {
	ids := slices.Sorted(maps.Keys(before))
	for part := range slices.Chunk(ids, 1000) {
		gone, err := b.Tasks(ctx, extract.Selection{IDs: part}, func(t *task.Task) error {
			d.note(TaskChange{t.ID, before[t.ID].queue, Finished, before[t.ID].state, t.State})
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range gone {
			d.note(TaskChange{id, before[id].queue, Removed, before[id].state, task.None})
		}
	}
	return nil
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

// sumOf is a hash of all of a task.
func sumOf(t *task.Task) (uint64, error) {
	text, err := json.Marshal(t)
	return xxhash.Sum64(text), err
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
			fields, err := fieldsOf(old, now)
			if err != nil {
				return nil, err
			}
			out = append(out, Change{Name: name, Change: Changed, Fields: fields})
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

// fieldsOf tells which fields differ, with both values.
func fieldsOf(a, b any) ([]string, error) {
	flat := func(v any) (map[string]string, error) {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		var tree map[string]any
		if err := json.Unmarshal(text, &tree); err != nil {
			return nil, err
		}
		out := map[string]string{}
		flatten("", tree, out)
		return out, nil
	}
	was, err := flat(a)
	if err != nil {
		return nil, err
	}
	is, err := flat(b)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if was[key] != is[key] {
			out = append(out, fmt.Sprintf("%s: %s -> %s", key, cmp.Or(was[key], "none"), is[key]))
		}
		delete(was, key)
	}
	for _, key := range slices.Sorted(maps.Keys(was)) {
		out = append(out, fmt.Sprintf("%s: %s -> none", key, was[key]))
	}
	return out, nil
}

func flatten(prefix string, v any, out map[string]string) {
	tree, ok := v.(map[string]any)
	if !ok {
		text, _ := json.Marshal(v) // it came from JSON
		out[prefix] = string(text)
		return
	}
	for key, value := range tree {
		if prefix != "" {
			key = prefix + "." + key
		}
		flatten(key, value, out)
	}
}
