package task_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// batch is how many tasks travel in one entry of the benchmarks, as in group commit under load.
const batch = 100

// payload is the size of the payloads that the figures of bench/README.md are for.
var payload = make([]byte, 200)

// loaded is a machine with pending tasks.
func loaded(b *testing.B, pending int) (*task.Machine, *group) {
	b.Helper()
	m, g := task.NewMachine(), &group{clock: start}
	m.KeepEvents(1<<18, 0) // as a server does
	apply(b, m, g, &task.OpenSession{Worker: "w1", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
	for n := 0; n < pending; n += batch {
		apply(b, m, g, enqueueBatch())
	}
	return m, g
}

func enqueueBatch() task.Command {
	c := &task.Enqueue{Tasks: make([]task.NewTask, batch)}
	for i := range c.Tasks {
		c.Tasks[i] = task.NewTask{Queue: "q", Kind: "send", Payload: payload, Priority: 5}
	}
	return c
}

func apply(b *testing.B, m *task.Machine, g *group, commands ...task.Command) []task.Result {
	b.Helper()
	_, entry := g.encode(commands)
	results, _, err := m.Apply(1, entry, true)
	if err != nil {
		b.Fatal(err)
	}
	return results
}

// save makes a checkpoint that nobody writes, so that what is finished leaves memory.
func save(m *task.Machine) {
	m.Freeze()
	for !m.Capture(512) {
	}
	m.Frozen()
	m.Committed(64 << 20)
}

var backlogs = []int{10_000, 1_000_000}

// BenchmarkEnqueue is one task's share of an entry that enqueues a batch.
func BenchmarkEnqueue(b *testing.B) {
	m, g := loaded(b, 0)
	_, entry := g.encode([]task.Command{enqueueBatch()})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%batch != 0 {
			continue
		}
		if _, _, err := m.Apply(1, entry, true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLeaseComplete is one task's lease and completion, in batches, before a backlog that is held: every batch
// that completes is enqueued again.
func BenchmarkLeaseComplete(b *testing.B) {
	for _, pending := range backlogs {
		b.Run(fmt.Sprintf("pending=%d", pending), func(b *testing.B) {
			m, g := loaded(b, pending)
			save(m)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%batch != 0 {
					continue
				}
				leased := apply(b, m, g, &task.Lease{Session: 1, Max: batch})[0].Leased
				finish := &task.Finish{Outcomes: make([]task.Outcome, len(leased))}
				for i, l := range leased {
					finish.Outcomes[i] = task.Outcome{ID: l.ID, Token: l.Token, Session: 1}
				}
				apply(b, m, g, finish, enqueueBatch())
				if n%(500*batch) == 0 {
					b.StopTimer()
					save(m)
					b.StartTimer()
				}
			}
		})
	}
}

// BenchmarkCheckpoint is one task's share of a checkpoint after a batch of 10,000 was enqueued.
func BenchmarkCheckpoint(b *testing.B) {
	const changed = 10_000
	m, g := loaded(b, 0)
	for n := 0; b.Loop(); n++ {
		if n%changed != 0 {
			continue
		}
		b.StopTimer()
		for range changed / batch {
			apply(b, m, g, enqueueBatch())
		}
		b.StartTimer()
		save(m)
	}
}

// BenchmarkMemory reports the bytes of memory that a pending task takes, besides its payload: dropped says that the
// payload is on disk only.
func BenchmarkMemory(b *testing.B) {
	for _, dropped := range []bool{false, true} {
		b.Run(fmt.Sprintf("dropped=%v", dropped), func(b *testing.B) {
			const pending = 1_000_000
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				m, _ := loaded(b, pending)
				held := len(payload)
				if dropped {
					m.Freeze()
					for !m.Capture(512) {
					}
					m.Frozen()
					m.Committed(0)
					held = 0
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/pending-float64(held), "B/task")
				runtime.KeepAlive(m)
			}
		})
	}
}
