package store

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// driver applies commands to a machine and checkpoints it into a store, as a member does.
type driver struct {
	t     testing.TB
	m     *task.Machine
	s     *Store
	index uint64
}

func (d *driver) apply(c task.Command) task.Result {
	d.t.Helper()
	d.index++
	entry := task.AppendCommand(task.AppendHeader(nil, task.Header{Time: 1_700_000_000_000_000 + int64(d.index), Seed: d.index}), c)
	results, _, err := d.m.Apply(1, entry, true)
	must(d.t, err)
	return results[0]
}

func (d *driver) checkpoint(payloadBudget int) {
	d.t.Helper()
	d.m.Freeze()
	for !d.m.Capture(100) {
	}
	must(d.t, d.s.Commit(d.m.Frozen(), Position{Index: d.index, Term: 1}))
	d.m.Committed(payloadBudget)
}

// scribbler gives a loader its records in memory that is overwritten right after: what it keeps must be its own.
type scribbler struct {
	*task.Loader
	buffer []byte
}

func (s *scribbler) lend(b []byte) []byte {
	n := len(s.buffer)
	s.buffer = append(s.buffer, b...)
	return s.buffer[n:len(s.buffer):len(s.buffer)]
}

func (s *scribbler) spoil() {
	for i := range s.buffer {
		s.buffer[i] = 0xA5
	}
	s.buffer = s.buffer[:0]
}

func (s *scribbler) Record(k task.Kind, key, value []byte) error {
	defer s.spoil()
	s.buffer = append(make([]byte, 0, len(key)+len(value)), s.buffer...)
	return s.Loader.Record(k, s.lend(key), s.lend(value))
}

func (s *scribbler) Task(id task.ID, record []byte, payloadLen int) error {
	defer s.spoil()
	return s.Loader.Task(id, s.lend(record), payloadLen)
}

// TestMachine runs a machine through checkpoints, with tasks of all lives, and loads it again.
func TestMachine(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	m, _, err := s.Load()
	must(t, err)
	d := &driver{t: t, m: m, s: s}
	session := uint64(d.apply(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "mail", Weight: 1}}}).Items[0].ID)
	payloads := map[task.ID][]byte{}
	finished := []task.ID{}
	for round := range 6 {
		var tasks []task.NewTask
		for i := range 50 {
			tasks = append(tasks, task.NewTask{
				Queue: []string{"mail", "later"}[i%2], Kind: fmt.Sprint("kind", i%3), Payload: bytes.Repeat([]byte{byte(round), byte(i)}, i*i*4),
				Priority: uint8(i % 10), Labels: []task.Label{{Key: "i", Value: fmt.Sprint(i)}}, UniqueKey: fmt.Sprint("u", round, i),
			})
		}
		for i, item := range d.apply(&task.Enqueue{Tasks: tasks}).Items {
			payloads[item.ID] = tasks[i].Payload
		}
		if round%2 == 0 {
			d.checkpoint(1000) // most payloads leave memory
		}
		leased := d.apply(&task.Lease{Session: session, Max: 20}).Leased
		var outcomes []task.Outcome
		for i, l := range leased {
			if i%4 == 3 {
				continue
			}
			kind := task.OutcomeComplete
			if i%4 == 2 {
				kind = task.OutcomeFail
			} else {
				finished = append(finished, l.ID)
			}
			outcomes = append(outcomes, task.Outcome{ID: l.ID, Token: l.Token, Kind: kind, Data: []byte(fmt.Sprint("result of ", l.ID))})
		}
		d.apply(&task.Finish{Outcomes: outcomes})
	}
	d.checkpoint(0)
	want, live := d.m.Hash(), d.m.LiveTasks()
	must(t, s.Close())

	s = openTest(t, dir)
	m, pos, err := s.Load()
	must(t, err)
	if pos.Index != d.index || m.Hash() != want || m.LiveTasks() != live {
		t.Errorf("loaded %d tasks with hash %x at %d, want %d with %x at %d", m.LiveTasks(), m.Hash(), pos.Index, live, want, d.index)
	}
	v := viewTest(t, s)
	spoiled := &scribbler{Loader: task.NewLoader(task.SupportedLevel)}
	must(t, v.load(spoiled))
	m2, err := spoiled.Machine()
	must(t, err)
	all, _ := m.List(task.ListFilter{Limit: 1000, Scan: 10000})
	same, _ := m2.List(task.ListFilter{Limit: 1000, Scan: 10000})
	if fmt.Sprint(all) != fmt.Sprint(same) || fmt.Sprint(m.Queues("", 10)) != fmt.Sprint(m2.Queues("", 10)) || m2.Hash() != want {
		t.Error("the loader has kept memory that isn't its own")
	}
	checkPayloads(t, v, all, payloads)
	checkFinished(t, v, m, finished, payloads)
}

func checkPayloads(t *testing.T, v *View, live []task.Task, payloads map[task.ID][]byte) {
	t.Helper()
	for _, l := range live {
		got, err := v.Payload(l.ID)
		if err != nil || !bytes.Equal(got, payloads[l.ID]) {
			t.Errorf("payload of task %v: %d bytes, %v", l.ID, len(got), err)
		}
	}
}

func checkFinished(t *testing.T, v *View, m *task.Machine, finished []task.ID, payloads map[task.ID][]byte) {
	t.Helper()
	if len(finished) == 0 {
		t.Fatal("nothing has finished")
	}
	queue, _ := m.Queue("mail")
	from, err := v.FinishedFrom(queue.Number, queue.History.First, 1000)
	must(t, err)
	back, err := v.FinishedBefore(queue.Number, queue.History.Next, queue.History.First, 1000)
	must(t, err)
	if len(from) != len(finished) || len(back) != len(finished) || queue.History.Next-queue.History.First != uint64(len(finished)) {
		t.Fatalf("history has %d and %d tasks, want %d", len(from), len(back), len(finished))
	}
	for i, id := range finished {
		got, ok, err := v.Finished(id)
		if err != nil || !ok {
			t.Errorf("task %v: %v, %v", id, ok, err)
			continue
		}
		if got.ID != id || got.State != task.Completed || string(got.Result) != fmt.Sprint("result of ", id) || got.Queue != "mail" ||
			!bytes.Equal(got.Payload, payloads[id]) || got.PayloadOnDisk || got.HistorySequence != queue.History.First+uint64(i) {
			t.Errorf("task %v is %+v", id, got)
		}
		if from[i].ID != id || back[len(back)-1-i].ID != id {
			t.Errorf("task %v isn't at its place in the lists", id)
		}
	}
	if _, ok, err := v.Finished(1 << 40); ok || err != nil {
		t.Errorf("a task that never was: %v, %v", ok, err)
	}
}
