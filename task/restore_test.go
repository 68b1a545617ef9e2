package task_test

import (
	"errors"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestRestoreCounters: what a restored state gives out lies beyond its own counters, those of the state that it takes the place
// of, and what a cluster could have given out until now.
func TestRestoreCounters(t *testing.T) {
	floor := uint64(start/second) * idsPerSecond
	for name, x := range map[string]struct {
		own, other task.Counters
		now        task.Time
		want       task.Counters
	}{
		"the clock decides": {now: start, want: task.Counters{NextID: task.ID(floor), LastToken: floor, LastSession: floor, LastProducer: floor}},
		"the other state does": {
			other: task.Counters{NextID: 1 << 60, LastToken: 2 << 60, LastSession: 3 << 60, LastProducer: 1 << 61}, now: start,
			want: task.Counters{NextID: 1 << 60, LastToken: 2 << 60, LastSession: 3 << 60, LastProducer: 1 << 61},
		},
		"a clock before 1970": {now: -start, want: task.Counters{NextID: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			m := task.NewMachine()
			if err := m.PrepareRestore(task.Restoration{Now: x.now, Counters: x.other}); err != nil {
				t.Fatal(err)
			}
			same(t, "counters", m.Counters(), x.want)
			if _, ok := m.Suspended(); !ok {
				t.Error("the cluster isn't suspended")
			}
			if err := m.PrepareRestore(task.Restoration{Now: x.now, Timeline: 1}); err != nil {
				t.Fatal(err)
			}
			same(t, "timeline of the second restore", m.Timeline(), task.Timeline{ID: 2, Parent: 1, Time: m.Now()})
			same(t, "counters after it", m.Counters(), x.want)
		})
	}
}

// TestRestoreLevel: a restored state is at the level of the group that takes it, and at that of suspension at least.
func TestRestoreLevel(t *testing.T) {
	m := task.NewMachine()
	if err := m.PrepareRestore(task.Restoration{Now: start, Level: task.SupportedLevel + 1}); !errors.Is(err, task.ErrNewerLevel) {
		t.Errorf("a level above the supported one: %v", err)
	}
	same(t, "timeline after a refusal", m.Timeline(), task.Timeline{})
	if err := m.PrepareRestore(task.Restoration{Now: start}); err != nil {
		t.Fatal(err)
	}
	same(t, "level", m.FeatureLevel(), task.LevelFeatures)
}

// TestRetentionOfARestore: history that is too old by now stays until the cluster is resumed.
func TestRetentionOfARestore(t *testing.T) {
	d := newDirect(t)
	d.enqueue(3, task.NewTask{Queue: "q", Kind: "a"})
	d.do(&task.Cancel{IDs: []task.ID{1, 2, 3}})
	d.clock += 30 * day
	if err := d.machine().PrepareRestore(task.Restoration{Now: d.clock}); err != nil {
		t.Fatal(err)
	}
	kept := func() uint64 { h := d.queue("q").History; return h.Next - h.First }
	d.do(&task.Tick{})
	id := d.do(&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Kind: "a"}}})[0].Items[0].ID
	d.do(&task.Cancel{IDs: []task.ID{id}})
	same(t, "kept while suspended", kept(), uint64(4))
	d.do(&task.ResumeCluster{})
	same(t, "kept after that", kept(), uint64(1))
}

// TestResumeNeedsItsLevel: an older member doesn't know the command.
func TestResumeNeedsItsLevel(t *testing.T) {
	same(t, "level", task.LevelOf(&task.ResumeCluster{}), task.LevelFeatures)
}
