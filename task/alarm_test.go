package task

import (
	"slices"
	"testing"
)

// TestAlarmsActInTheirOrder: a member that was restarted has other alarms than one that wasn't. What a Tick leaves to the next is
// the same all the same.
func TestAlarmsActInTheirOrder(t *testing.T) {
	run := func(m *Machine, at Time, commands ...Command) {
		t.Helper()
		entry := AppendHeader(nil, Header{Time: at})
		for _, c := range commands {
			entry = AppendCommand(entry, c)
		}
		if _, _, err := m.Apply(1, entry, false); err != nil {
			t.Fatal(err)
		}
	}
	const idle = ProducerTTL
	m := NewMachine()
	run(m, 1, &RaiseFeatureLevel{Level: SupportedLevel})
	for range maxTransitions + 10 {
		run(m, 2, &OpenProducer{})
	}
	run(m, 3, &Enqueue{Producer: 1, Sequence: 1}) // the first one is used again, and so ends last
	m.Freeze()
	for !m.Capture(1000) {
	}
	l := NewLoader(SupportedLevel)
	for _, r := range m.Frozen().Records {
		if err := l.Record(r.Kind, r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	}
	restarted, err := l.Machine()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*Machine{m, restarted} {
		run(x, 3+idle, &Tick{})
	}
	if a, b := sortedKeys(m.producers), sortedKeys(restarted.producers); !slices.Equal(a, b) || len(a) != 10 || !slices.Contains(a, 1) {
		t.Errorf("left are %v, and after a restart %v", a, b)
	}
}
