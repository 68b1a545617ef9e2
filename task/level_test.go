package task_test

import (
	"errors"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// TestNewerEntryIsRefused: an entry that raises the level above what this version supports changes nothing, whatever else is
// in it, and however it is wrapped.
func TestNewerEntryIsRefused(t *testing.T) {
	newer := &task.RaiseFeatureLevel{Level: task.SupportedLevel + 1}
	for name, c := range map[string]task.Command{"plain": newer, "with a request's ID": &task.Request{ID: "x", Command: newer}} {
		m := task.NewMachine()
		before := m.Hash()
		entry := task.AppendHeader(nil, task.Header{Time: start})
		entry = task.AppendCommand(entry, &task.OpenProducer{Name: "p"})
		if _, _, err := m.Apply(1, task.AppendCommand(entry, c), true); !errors.Is(err, task.ErrNewerLevel) {
			t.Errorf("%s: %v", name, err)
		}
		if m.Hash() != before || m.FeatureLevel() != 1 {
			t.Errorf("%s: the refused entry changed the state", name)
		}
	}
}

// TestNewerStateIsRefused: a version loads a state up to the level that it supports, and what it then executes as well.
func TestNewerStateIsRefused(t *testing.T) {
	r := newReplica()
	raise := func(m *task.Machine, level uint32) error {
		entry := task.AppendHeader(nil, task.Header{Time: start})
		_, _, err := m.Apply(1, task.AppendCommand(entry, &task.RaiseFeatureLevel{Level: level}), true)
		return err
	}
	meta := func() []byte {
		r.machine.Freeze()
		for !r.machine.Capture(1) {
		}
		value := r.machine.Frozen().Records[0].Value
		r.machine.Committed(0)
		return value
	}
	base := meta()
	if err := raise(r.machine, 2); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		value     []byte
		supported uint32
		want      error
	}{
		{base, 1, nil}, {base, 2, nil}, {meta(), 2, nil}, {meta(), 3, nil}, {meta(), 1, task.ErrNewerLevel},
		{append([]byte{2, 9}, "what only level 9 can read"...), 8, task.ErrNewerLevel},
	} {
		l := task.NewLoader(x.supported)
		if err := l.Record(task.KindMeta, []byte{0}, x.value); !errors.Is(err, x.want) {
			t.Errorf("load %x with support of level %d: %v", x.value, x.supported, err)
			continue
		} else if err != nil {
			continue
		}
		m, err := l.Machine()
		if err != nil {
			t.Fatal(err)
		}
		if err := raise(m, x.supported); err != nil {
			t.Errorf("raise to the supported level %d: %v", x.supported, err)
		}
		if err := raise(m, x.supported+1); !errors.Is(err, task.ErrNewerLevel) {
			t.Errorf("raise above the supported level %d: %v", x.supported, err)
		}
	}
}

// TestLaterFieldsNeedTheirLevel: what uses a field that an older version doesn't know isn't proposed below its level; what
// doesn't is proposed, and encoded, as ever.
func TestLaterFieldsNeedTheirLevel(t *testing.T) {
	debounce := &task.Enqueue{Tasks: []task.NewTask{{Queue: "q"}, {Queue: "q", UniqueKey: "k", UniqueMode: task.UniqueDebounce}}}
	for _, x := range []struct {
		command task.Command
		want    uint32
	}{
		{&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", UniqueKey: "k", UniqueMode: task.UniqueReplace}}}, task.BaseLevel},
		{debounce, task.LevelFeatures},
		{&task.Request{ID: "x", Command: debounce}, task.LevelFeatures},
		{&task.SetQueue{Queue: "q", Fields: task.FieldMaxAttempts, Settings: task.QueueSettings{MaxAttempts: 3}}, task.BaseLevel},
		{&task.SetQueue{Queue: "q", Fields: task.FieldMaxTasks}, task.LevelFeatures},
		{&task.SetQueue{Queue: "q", Settings: task.QueueSettings{DeadLetterQueue: "dead"}}, task.LevelFeatures},
	} {
		if got := task.LevelOf(x.command); got != x.want {
			t.Errorf("%s: level %d, want %d", show([]task.Command{x.command}), got, x.want)
		}
	}
}
