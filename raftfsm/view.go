package raftfsm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// View is the state at one moment: what is in memory and, under the same lock, what is on disk. It is valid during the
// call that it is given to, which holds up the member meanwhile: be quick, and never propose from within.
//
// The machine's own methods read memory only; those of View read both.
type View struct {
	*task.Machine
	store *store.Store
	disk  *store.View // opened when it is needed
	index uint64
}

// view runs fn on the state as it is.
func view(r *replica, s *store.Store, fn func(*View) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v := &View{Machine: r.machine, store: s, index: r.position.Index}
	defer v.close()
	return fn(v)
}

func (v *View) close() {
	if v.disk != nil {
		v.disk.Close()
	}
}

func (v *View) open() (*store.View, error) {
	if v.disk == nil {
		d, err := v.store.View()
		if err != nil {
			return nil, err
		}
		v.disk = d
	}
	return v.disk, nil
}

// Index is the entry of the log up to which the view has the state.
func (v *View) Index() uint64 { return v.index }

// Task returns a task, live or finished, with its payload; false: there is none, or its history has been dropped.
//
// store.ErrCorrupt: the disk doesn't hold what was written.
func (v *View) Task(id task.ID) (task.Task, bool, error) {
	if t, ok := v.Machine.Task(id); ok {
		err := v.hydrate(&t)
		return t, err == nil, err
	}
	disk, err := v.open()
	if err != nil {
		return task.Task{}, false, err
	}
	t, ok, err := disk.Finished(id)
	if err != nil || !ok || t.HistorySequence < v.watermark(t.QueueNumber) || v.Erased(id) {
		return task.Task{}, false, err
	}
	return t, true, nil
}

// watermark is the oldest sequence of a queue's history that may be served.
func (v *View) watermark(queue uint32) uint64 {
	q, ok := v.QueueByNumber(queue)
	if !ok {
		return 0
	}
	return q.History.First
}

// hydrate reads a payload that is on disk only.
func (v *View) hydrate(t *task.Task) error {
	if !t.PayloadOnDisk {
		return nil
	}
	disk, err := v.open()
	if err != nil {
		return err
	}
	payload, err := disk.Payload(t.ID)
	if errors.Is(err, store.ErrNotFound) && t.State.Finished() { // the checkpoint that moved it is committed already
		var f task.Task
		var ok bool
		if f, ok, err = disk.Finished(t.ID); err == nil && !ok {
			err = fmt.Errorf("payload of task %s: %w", t.ID, store.ErrNotFound)
		}
		payload = f.Payload
	}
	if err != nil {
		return err
	}
	t.Payload, t.PayloadOnDisk = payload, false
	return nil
}

// kept leaves out what was deleted and still is on disk.
func (v *View) kept(tasks []task.Task) []task.Task {
	return slices.DeleteFunc(tasks, func(t task.Task) bool { return v.Erased(t.ID) })
}

// FinishedFrom returns up to limit tasks of a queue's history, oldest first, from a sequence on. To go on, ask from the
// last one's sequence plus one.
func (v *View) FinishedFrom(queue uint32, from uint64, limit int) ([]task.Task, error) {
	from = max(from, v.watermark(queue))
	disk, err := v.open()
	if err != nil {
		return nil, err
	}
	tasks, err := disk.FinishedFrom(queue, from, limit)
	if err != nil || len(tasks) >= limit {
		return v.kept(tasks), err
	}
	if n := len(tasks); n > 0 {
		from = tasks[n-1].HistorySequence + 1
	}
	tasks = v.kept(tasks)
	recent := v.RecentFinished(queue, from, limit-len(tasks))
	for i := range recent {
		if err := v.hydrate(&recent[i]); err != nil {
			return nil, err
		}
	}
	return append(tasks, recent...), nil
}

// FinishedBefore returns up to limit tasks of a queue's history, newest first, of sequences below before (0: all). To go
// on, ask before the last one's sequence.
func (v *View) FinishedBefore(queue uint32, before uint64, limit int) ([]task.Task, error) {
	q, ok := v.QueueByNumber(queue)
	if !ok || limit <= 0 {
		return nil, nil
	}
	if before == 0 || before > q.History.Next {
		before = q.History.Next
	}
	first := q.History.First
	var tasks []task.Task
	lowest := before // of the sequences that memory has
	if recent := v.RecentFinished(queue, first, 1); len(recent) > 0 {
		lowest = recent[0].HistorySequence
	}
	for before > lowest && len(tasks) < limit {
		from := max(before-min(before, uint64(limit-len(tasks))), lowest)
		window := v.RecentFinished(queue, from, int(before-from))
		for i := len(window) - 1; i >= 0; i-- {
			if window[i].HistorySequence >= before {
				continue
			}
			if err := v.hydrate(&window[i]); err != nil {
				return nil, err
			}
			tasks = append(tasks, window[i])
		}
		before = from
	}
	if before <= first || len(tasks) >= limit {
		return tasks, nil
	}
	disk, err := v.open()
	if err != nil {
		return nil, err
	}
	older, err := disk.FinishedBefore(queue, before, first, limit-len(tasks))
	return append(tasks, v.kept(older)...), err
}
