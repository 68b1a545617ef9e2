package task_test

import (
	"errors"
	"testing"

	"github.com/rowlock/rowlock/task"
)

func TestPositionText(t *testing.T) {
	for text, want := range map[string]task.Position{
		"17": task.EndOf(17), "17.0": {Index: 17}, "18446744073709551615.7": {Index: 1<<64 - 1, Ordinal: 7},
	} {
		got, err := task.ParsePosition(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v, printed %s", text, got, err, got)
		}
	}
	for _, text := range []string{"", ".", "1.", ".1", "x", "1.4294967295", "-1", "1.2.3", "18446744073709551616"} {
		if got, err := task.ParsePosition(text); !errors.Is(err, task.ErrBadPosition) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

// TestEventsBound: the ring has the newest events, rounded up; what came before is lost, and said to be. A member that keeps
// none says so too. The names of kinds are kept as long as an event has them, and no longer.
func TestEventsBound(t *testing.T) {
	g := newGroup(0)
	m, none := task.NewMachine(), task.NewMachine()
	m.KeepEvents(5, 0) // 8
	for _, kind := range []string{"a", "b", "c", "d", "e"} {
		_, entry := g.encode([]task.Command{&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Kind: kind}, {Queue: "q", Kind: kind}}}})
		for _, m := range []*task.Machine{m, none} {
			m.BeginEntry(g.entries)
			if _, _, err := m.Apply(1, entry, false); err != nil {
				t.Fatal(err)
			}
			entry := task.AppendCommand(task.AppendHeader(nil, task.Header{}), &task.Delete{IDs: []task.ID{task.ID(2*g.entries - 1), task.ID(2 * g.entries)}})
			if _, _, err := m.Apply(1, entry, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := &task.EventFilter{}
	if _, _, err := none.Events(all, task.EndOf(5), 10, 10); !errors.Is(err, task.ErrPositionLost) {
		t.Errorf("without a ring: %v", err)
	}
	if _, _, err := m.Events(all, task.EndOf(2), 10, 10); !errors.Is(err, task.ErrPositionLost) {
		t.Errorf("what was dropped: %v", err)
	}
	events, next, err := m.Events(all, task.Position{Index: 4}, 10, 10)
	if err != nil || len(events) != 7 || next != task.EndOf(5) || events[0].TaskKind != "d" || events[6].TaskKind != "e" {
		t.Errorf("%d events, then %v, %v: %+v", len(events), next, err, events)
	}
	if page, next, err := m.Events(all, task.Position{Index: 4}, 2, 10); err != nil || len(page) != 2 || next != page[1].Position {
		t.Errorf("a page of %d events, then %v, %v", len(page), next, err)
	}
	if got, next, err := m.Events(all, task.EndOf(9), 10, 10); err != nil || len(got) != 0 || next != task.EndOf(9) {
		t.Errorf("from a position that is ahead: %d events, then %v, %v", len(got), next, err)
	}
	if got, _, err := m.Events(&task.EventFilter{TaskKind: "a"}, task.Position{Index: 4}, 10, 10); err != nil || len(got) != 0 {
		t.Errorf("of a kind that is no longer there: %+v, %v", got, err)
	}
}
