package raftfsm

import (
	"slices"

	"github.com/rowlock/rowlock/task"
)

const (
	// scanTasks is how many tasks one look of a Scan returns at most, and scanLooks how many live ones it looks at: what
	// takes some milliseconds. scanPayloads is how many it returns with their payloads, which may have to be read from disk.
	scanTasks    = 512
	scanLooks    = 16_384
	scanPayloads = 64
	// scanHistory is how many finished tasks it reads from disk.
	scanHistory = 256
)

// Scan goes through tasks in chunks, so that the member is never held up for longer than some milliseconds, however many
// there are. What it returns is of different moments; each task is met once at most.
type Scan struct {
	Queue   string       // only tasks of this queue; "": of any
	Kind    string       // only tasks of this kind; "": of any
	States  []task.State // live ones only, or finished ones only
	Below   task.ID      // only tasks with smaller IDs; 0: all
	Payload bool         // with payloads

	// At is where it is; the zero value is the beginning. See task.OperationCursor.
	At task.OperationCursor
	// End: nothing is left.
	End bool
}

// After is where a scan goes on behind a task that it returned.
func (s *Scan) After(t *task.Task) task.OperationCursor {
	if t.State.Finished() {
		return task.OperationCursor{A: uint64(t.QueueNumber), B: t.HistorySequence + 1}
	}
	return task.OperationCursor{A: uint64(t.ID)}
}

// Next returns the next tasks, maybe none though more follow. A payload that can't be read stays on disk: PayloadOnDisk.
func (s *Scan) Next(v *View) ([]task.Task, error) {
	if len(s.States) > 0 && s.States[0].Finished() {
		return s.nextFinished(v)
	}
	f := task.ListFilter{
		Queue: s.Queue, Kind: s.Kind, States: s.States, Below: s.Below, After: task.ID(s.At.A), OmitPayload: !s.Payload,
		Limit: scanTasks, Scan: scanLooks,
	}
	if s.Payload {
		f.Limit = scanPayloads
	}
	tasks, next := v.List(f)
	for i := range tasks {
		_ = v.hydrate(&tasks[i]) // the task says so
	}
	switch {
	case next != 0:
		s.At.A = uint64(next)
	case len(tasks) > 0:
		s.At.A = uint64(tasks[len(tasks)-1].ID)
	}
	s.End = next == 0
	return tasks, nil
}

// nextFinished reads a part of one queue's history.
func (s *Scan) nextFinished(v *View) ([]task.Task, error) {
	number := uint32(max(s.At.A, 1))
	if uint64(number) != s.At.A {
		s.At = task.OperationCursor{A: uint64(number)}
	}
	q, ok := v.QueueByNumber(number)
	if !ok {
		s.End = true
		return nil, nil
	}
	s.At.B = max(s.At.B, q.History.First)
	if s.At.B >= q.History.Next || s.Queue != "" && q.Name != s.Queue {
		s.At = task.OperationCursor{A: uint64(number) + 1}
		return nil, nil
	}
	tasks, err := v.FinishedFrom(number, s.At.B, scanHistory)
	if err != nil {
		return nil, err
	}
	if n := len(tasks); n > 0 {
		s.At.B = tasks[n-1].HistorySequence + 1
	} else { // so many were deleted and still are on disk, or there are none
		s.At.B = min(s.At.B+scanHistory, q.History.Next)
	}
	return slices.DeleteFunc(tasks, func(t task.Task) bool { return !s.selects(&t) }), nil
}

func (s *Scan) selects(t *task.Task) bool {
	return slices.Contains(s.States, t.State) && (s.Kind == "" || t.Kind == s.Kind) && (s.Below == 0 || t.ID < s.Below)
}
