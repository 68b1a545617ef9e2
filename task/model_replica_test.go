package task_test

import (
	"errors"
	"fmt"

	"github.com/rowlock/rowlock/task"
)

// replica is a real machine with a disk of its own, which saves and loads at other moments than the others.
type replica struct {
	machine *task.Machine
	disk    *disk
	log     []logged // since the moment that the disk holds
	frozen  int      // length of the log at Freeze
	saved   uint64   // the entry up to which the disk has the state
	phase   phase
}

// logged is an entry of the replicated log.
type logged struct {
	term  uint64
	entry []byte
}

// phase is how far a checkpoint has come.
type phase int

const (
	idle phase = iota
	capturing
	captured
	written // but the machine doesn't know yet
)

func newReplica() *replica {
	r := &replica{machine: task.NewMachine(), disk: newDisk()}
	r.machine.KeepEvents(modelEvents, 0)
	return r
}

func (r *replica) apply(term uint64, entry []byte) ([]task.Result, task.Effects, error) {
	r.log = append(r.log, logged{term, entry})
	r.machine.BeginEntry(indexOf(entry))
	return r.machine.Apply(term, entry, true)
}

// checkpointStep takes the next step of a checkpoint: begin, capture up to max tasks, write, tell.
func (r *replica) checkpointStep(max, payloadBudget int) error {
	switch r.phase {
	case idle:
		r.machine.Freeze()
		r.frozen = len(r.log)
		r.phase = capturing
	case capturing:
		if r.machine.Capture(max) {
			r.phase = captured
		}
	case captured:
		if err := r.disk.commit(r.machine.Frozen()); err != nil {
			return err
		}
		if r.frozen > 0 {
			r.saved = indexOf(r.log[r.frozen-1].entry)
		}
		r.log = r.log[r.frozen:]
		r.phase = written
	case written:
		r.machine.Committed(payloadBudget)
		r.phase = idle
	}
	return nil
}

// checkpoint finishes the checkpoint that is under way, if any, and makes one.
func (r *replica) checkpoint() error {
	for r.phase != idle {
		if err := r.checkpointStep(1, 0); err != nil {
			return err
		}
	}
	for {
		if err := r.checkpointStep(1<<20, 0); err != nil || r.phase == idle {
			return err
		}
	}
}

// restart loses what is in memory: the machine is loaded from the disk and the log after it is replayed.
func (r *replica) restart() error {
	m, err := r.disk.load()
	if err != nil {
		return err
	}
	r.machine, r.phase = m, idle
	m.KeepEvents(modelEvents, r.saved)
	for _, l := range r.log {
		m.BeginEntry(indexOf(l.entry))
		if _, _, err := m.Apply(l.term, l.entry, false); err != nil && !errors.Is(err, task.ErrRestored) {
			return fmt.Errorf("replay: %w", err)
		}
	}
	return nil
}

// hydrate reads a payload that is on disk only.
func (r *replica) hydrate(t task.Task) (task.Task, error) {
	if !t.PayloadOnDisk {
		return t, nil
	}
	payload, err := r.disk.payload(t.ID)
	t.Payload, t.PayloadOnDisk = payload, false
	return t, err
}

// hydrateLeased does so for a result's tasks. It must come before the disk goes on.
func (r *replica) hydrateLeased(results []task.Result) error {
	for _, result := range results {
		for i := range result.Leased {
			l := &result.Leased[i]
			if !l.PayloadOnDisk {
				continue
			}
			payload, err := r.disk.payload(l.ID)
			if err != nil {
				return err
			}
			l.Payload, l.PayloadOnDisk = payload, false
		}
	}
	return nil
}

// task returns a live or finished task, wherever it is.
func (r *replica) task(want task.Task) (task.Task, bool, error) {
	t, ok := r.machine.Task(want.ID)
	if !ok && want.State.Finished() {
		return r.disk.finished(want.QueueNumber, want.HistorySequence)
	}
	if !ok {
		return t, false, nil
	}
	t, err := r.hydrate(t)
	return t, true, err
}

// indexOf is the place of an entry in the log: the tests' entries are numbered.
func indexOf(entry []byte) uint64 {
	h, err := task.ReadHeader(entry)
	if err != nil { // of a fuzzer
		return 0
	}
	return h.Seq
}
