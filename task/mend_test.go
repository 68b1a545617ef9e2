package task

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// image is all that a state file has of a machine.
type image struct {
	records []Record
	tasks   []TaskChange
}

func imageOf(m *Machine) (i image) {
	m.Freeze()
	for !m.Capture(1000) {
	}
	cp := m.Frozen()
	for _, r := range cp.Records {
		if r.Value != nil {
			i.records = append(i.records, r)
		}
	}
	for _, t := range cp.Tasks {
		if t.Record != nil {
			i.tasks = append(i.tasks, t)
		}
	}
	return i
}

func (i image) load(l *Loader) (*Machine, error) {
	for _, r := range i.records {
		if err := l.Record(r.Kind, r.Key, r.Value); err != nil {
			return nil, err
		}
	}
	for _, t := range i.tasks {
		if err := l.Task(t.ID, t.Record, len(t.Payload)); err != nil {
			return nil, err
		}
	}
	return l.Machine()
}

// with applies a mended checkpoint.
func (i image) with(cp *Checkpoint) (out image) {
	records := map[string]Record{}
	for _, r := range append(slices.Clone(i.records), cp.Records...) {
		records[fmt.Sprintf("%03d %x", r.Kind, r.Key)] = r
	}
	for _, key := range sortedKeys(records) {
		if records[key].Value != nil {
			out.records = append(out.records, records[key])
		}
	}
	tasks := map[ID]TaskChange{}
	for _, t := range i.tasks {
		tasks[t.ID] = t
	}
	for _, t := range cp.Tasks {
		if t.KeepPayload {
			t.Payload = tasks[t.ID].Payload
		}
		tasks[t.ID] = t
	}
	for _, id := range sortedKeys(tasks) {
		if tasks[id].Record != nil {
			out.tasks = append(out.tasks, tasks[id])
		}
	}
	return out
}

// TestMend loses records of a state at random. What a mender makes of the rest is a sound machine, also after it was written and
// loaded again; nothing else than what was lost is missing of the tasks; and the machine goes on working.
func TestMend(t *testing.T) {
	whole := imageOf(variedMachine(t))
	if m, err := whole.load(NewLoader(SupportedLevel)); err != nil || len(m.Check(1)) > 0 {
		t.Fatalf("nothing is lost: %v", err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 400 {
		i := image{}
		lost := 0
		for _, r := range whole.records {
			if r.Kind != KindMeta && random.IntN(4) == 0 {
				lost++
				continue
			}
			i.records = append(i.records, r)
		}
		for _, c := range whole.tasks {
			if random.IntN(4) == 0 {
				lost++
				continue
			}
			i.tasks = append(i.tasks, c)
		}
		l := NewMender(SupportedLevel)
		m, err := i.load(l)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if found := m.Check(10); len(found) > 0 {
			t.Fatalf("round %d: %v", round, found)
		}
		if int(m.LiveTasks()) != len(i.tasks) {
			t.Fatalf("round %d: %d tasks are left of %d", round, m.LiveTasks(), len(i.tasks))
		}
		notes, cp := l.Mended()
		again, err := i.with(cp).load(NewLoader(SupportedLevel))
		if err != nil {
			t.Fatalf("round %d: after %q: %v", round, notes, err)
		}
		if again.Hash() != m.Hash() || len(again.Check(10)) > 0 {
			t.Fatalf("round %d: after %q: another state, or %v", round, notes, again.Check(10))
		}
		entry := AppendCommand(AppendHeader(nil, Header{Time: 1_900_000_000 * second}), &Tick{})
		if _, _, err := again.Apply(2, entry, false); err != nil {
			t.Fatal(err)
		}
		if found := again.Check(10); len(found) > 0 {
			t.Fatalf("round %d: after a tick: %v", round, found)
		}
	}
}
