package task_test

import (
	"errors"
	"testing"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// outlived is an entry that a restore came before: whatever it says, it changes nothing anywhere.
func (g *group) outlived(t *rapid.T) {
	now := g.replicas[0].machine.Timeline().ID
	if now == 0 {
		return
	}
	g.entries++
	h := task.Header{Time: g.clock + hour, Seed: 1, Node: 1, Seq: g.entries, Timeline: rapid.Uint64Range(0, now-1).Draw(t, "timeline")}
	entry := task.AppendHeader(nil, h)
	r := random{t, g.model}
	for _, c := range []task.Command{r.deleteFinished(), r.command(true), &task.RaiseFeatureLevel{Level: task.SupportedLevel + 1}} {
		entry = task.AppendCommand(entry, c)
	}
	for i, r := range g.replicas {
		before := r.machine.Hash()
		results, effects, err := r.apply(terms[0], entry)
		if !errors.Is(err, task.ErrRestored) {
			t.Fatalf("replica %d: an entry of timeline %d in timeline %d: %v", i, h.Timeline, now, err)
		}
		same(t, "results", len(results), 0)
		same(t, "effects", effects, task.Effects{})
		same(t, "state hash", r.machine.Hash(), before)
	}
}

// TestTimelineOfEntries: an entry is executed in its own timeline only, or says that it is right in each.
func TestTimelineOfEntries(t *testing.T) {
	m := task.NewMachine()
	if err := m.PrepareRestore(task.Restoration{Now: start, Timeline: 5}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		timeline uint64
		want     error
	}{{0, task.ErrRestored}, {4, task.ErrRestored}, {5, nil}, {6, task.ErrMissedRestore}, {task.AnyTimeline, nil}} {
		entry := task.AppendCommand(task.AppendHeader(nil, task.Header{Time: start, Timeline: c.timeline}), &task.Tick{})
		if _, _, err := m.Apply(1, entry, false); !errors.Is(err, c.want) {
			t.Errorf("an entry of timeline %d in timeline 5: %v, want %v", c.timeline, err, c.want)
		}
	}
}

// TestHeaderBeforeRestores: what a group writes that never restored is what it always wrote.
func TestHeaderBeforeRestores(t *testing.T) {
	h := task.Header{Time: 1, Seed: 2, Node: 3, Seq: 4}
	b := task.AppendHeader(nil, h)
	same(t, "version", b[0], byte(1))
	same(t, "length", len(b), 33)
	h.Timeline = 7
	b = task.AppendHeader(nil, h)
	got, err := task.ReadHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "header", got, h)
	for n := range len(b) {
		if _, err := task.ReadHeader(b[:n]); err == nil {
			t.Errorf("%d bytes are taken for a header", n)
		}
	}
}
