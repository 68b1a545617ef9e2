package task_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// disk is a state file made of maps. It checks what a store relies on: the order of a checkpoint's parts, and that
// what it takes for granted is there.
type disk struct {
	records map[task.Kind]map[string][]byte
	tasks   map[task.ID]diskTask
	history map[uint32]map[uint64]diskTask
}

type diskTask struct {
	id      task.ID
	record  []byte
	payload []byte
}

func newDisk() *disk {
	return &disk{
		records: map[task.Kind]map[string][]byte{},
		tasks:   map[task.ID]diskTask{},
		history: map[uint32]map[uint64]diskTask{},
	}
}

// commit applies a checkpoint. History comes first: it moves payloads away from live records that Tasks then deletes.
func (d *disk) commit(cp *task.Checkpoint) error {
	if err := checkOrder(cp); err != nil {
		return err
	}
	for _, r := range cp.Records {
		if d.records[r.Kind] == nil {
			d.records[r.Kind] = map[string][]byte{}
		}
		if r.Value == nil {
			delete(d.records[r.Kind], string(r.Key))
		} else {
			d.records[r.Kind][string(r.Key)] = bytes.Clone(r.Value)
		}
	}
	for _, c := range cp.History {
		for _, f := range c.Tasks {
			if err := d.append(c.Queue, f); err != nil {
				return err
			}
		}
	}
	for _, t := range cp.Tasks {
		if err := d.put(t); err != nil {
			return err
		}
	}
	for _, t := range cp.Trims {
		maps.DeleteFunc(d.history[t.Queue], func(sequence uint64, _ diskTask) bool { return sequence < t.Before })
	}
	for _, f := range cp.Deleted {
		delete(d.history[f.Queue], f.Sequence)
	}
	return nil
}

func checkOrder(cp *task.Checkpoint) error {
	if !slices.IsSortedFunc(cp.Records, func(a, b task.Record) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Key, b.Key))
	}) {
		return fmt.Errorf("the checkpoint's records are out of order: %v", cp.Records)
	}
	for i := 1; i < len(cp.Tasks); i++ {
		if cp.Tasks[i-1].ID >= cp.Tasks[i].ID {
			return fmt.Errorf("the checkpoint's task %d comes before %d", cp.Tasks[i-1].ID, cp.Tasks[i].ID)
		}
	}
	for i, c := range cp.History {
		for j := 1; j < len(c.Tasks); j++ {
			if c.Tasks[j-1].Sequence+1 != c.Tasks[j].Sequence {
				return fmt.Errorf("queue %d: sequence %d comes before %d", c.Queue, c.Tasks[j-1].Sequence, c.Tasks[j].Sequence)
			}
		}
		if i > 0 && cp.History[i-1].Queue > c.Queue {
			return fmt.Errorf("history of queue %d comes before that of %d", cp.History[i-1].Queue, c.Queue)
		}
	}
	return nil
}

func (d *disk) append(queue uint32, f task.Finished) error {
	if d.history[queue] == nil {
		d.history[queue] = map[uint64]diskTask{}
	}
	payload := bytes.Clone(f.Payload)
	if f.PayloadOnDisk {
		t, ok := d.tasks[f.ID]
		if !ok {
			return fmt.Errorf("the payload of finished task %d isn't on disk", f.ID)
		}
		payload = t.payload
	}
	if _, ok := d.history[queue][f.Sequence]; ok {
		return fmt.Errorf("queue %d: sequence %d is written twice", queue, f.Sequence)
	}
	d.history[queue][f.Sequence] = diskTask{f.ID, bytes.Clone(f.Record), payload}
	return nil
}

func (d *disk) put(c task.TaskChange) error {
	if c.Record == nil {
		delete(d.tasks, c.ID)
		return nil
	}
	payload := bytes.Clone(c.Payload)
	if c.KeepPayload {
		old, ok := d.tasks[c.ID]
		if !ok {
			return fmt.Errorf("the payload of task %d is to be kept, but isn't on disk", c.ID)
		}
		payload = old.payload
	}
	d.tasks[c.ID] = diskTask{c.ID, bytes.Clone(c.Record), payload}
	return nil
}

// load builds the machine that the disk holds.
func (d *disk) load() (*task.Machine, error) {
	l := task.NewLoader(task.SupportedLevel)
	for _, kind := range task.Kinds {
		for _, key := range slices.Sorted(maps.Keys(d.records[kind])) {
			if err := l.Record(kind, []byte(key), d.records[kind][key]); err != nil {
				return nil, fmt.Errorf("load record %d/%x: %w", kind, key, err)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.tasks)) {
		if err := l.Task(id, d.tasks[id].record, len(d.tasks[id].payload)); err != nil {
			return nil, fmt.Errorf("load task %d: %w", id, err)
		}
	}
	return l.Machine()
}

// payload returns a task's payload, be it live or finished.
func (d *disk) payload(id task.ID) ([]byte, error) {
	if t, ok := d.tasks[id]; ok {
		return t.payload, nil
	}
	for _, h := range d.history {
		for _, t := range h {
			if t.id == id {
				return t.payload, nil
			}
		}
	}
	return nil, fmt.Errorf("task %d: the payload is said to be on disk and isn't", id)
}

// finished reads a task of the history.
func (d *disk) finished(queue uint32, sequence uint64) (task.Task, bool, error) {
	f, ok := d.history[queue][sequence]
	if !ok {
		return task.Task{}, false, nil
	}
	t, err := task.DecodeFinished(f.record)
	t.Payload, t.PayloadLen, t.PayloadOnDisk = f.payload, uint32(len(f.payload)), false
	return t, true, err
}
