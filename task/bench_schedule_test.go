package task_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// fireTicks is how many ticks travel in one command of the benchmarks, as the leader proposes them.
const fireTicks = 500

// scheduled is a machine with schedules whose tasks go to as many as ten queues.
func scheduled(b *testing.B, n int) (*task.Machine, *group) {
	b.Helper()
	m, g := task.NewMachine(), &group{clock: start}
	for i := 0; i < n; i += batch {
		var puts []task.Command
		for k := i; k < i+batch; k++ {
			puts = append(puts, benchSchedule(k))
		}
		apply(b, m, g, puts...)
	}
	return m, g
}

func benchSchedule(i int) *task.PutSchedule {
	return &task.PutSchedule{
		Name: fmt.Sprintf("customer-%06d", i), Spec: task.ScheduleSpec{Expression: "30 2 * * *", TimeZone: "Europe/Berlin"},
		Policy:   task.SchedulePolicy{Overlap: task.OverlapAllow, Grace: 60 * second},
		Template: task.NewTask{Queue: fmt.Sprint("q", i%10), Kind: "report", Payload: payload, Priority: 5},
		Next:     start, Due: start,
	}
}

// fireAll fires the next tick of every schedule.
func fireAll(b *testing.B, m *task.Machine, g *group) {
	for {
		due := m.DueSchedules(g.clock, fireTicks)
		if len(due) == 0 {
			return
		}
		c := &task.FireSchedules{}
		for _, d := range due {
			c.Ticks = append(c.Ticks, task.ScheduleTick{
				Schedule: d.Name, Revision: d.Revision, Nominal: d.Nominal, Next: d.Nominal + hour, Due: d.Nominal + hour,
			})
		}
		apply(b, m, g, c)
	}
}

// BenchmarkPutSchedule is one put in an entry of a batch, beside 100,000 schedules.
func BenchmarkPutSchedule(b *testing.B) {
	m, g := scheduled(b, task.MaxSchedules)
	puts := make([]task.Command, batch)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		puts[n%batch] = benchSchedule(n % task.MaxSchedules)
		if n%batch == batch-1 {
			apply(b, m, g, puts...)
		}
	}
}

// BenchmarkFireSchedules is one tick's share of firing 100,000 schedules, the look for what is due included. The tasks of the
// ticks are cancelled in between.
func BenchmarkFireSchedules(b *testing.B) {
	m, g := scheduled(b, task.MaxSchedules)
	save(m)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%task.MaxSchedules != 0 {
			continue
		}
		fireAll(b, m, g)
		b.StopTimer()
		g.clock += hour
		for q := range 10 {
			apply(b, m, g, &task.PurgeQueue{Queue: fmt.Sprint("q", q)})
		}
		for m.LiveTasks() > 0 {
			apply(b, m, g, &task.Tick{})
		}
		save(m)
		b.StartTimer()
	}
}

// BenchmarkScheduleMemory reports the bytes of memory that a schedule takes, its template's payload of 200 bytes included:
// new, and with a ledger that is full.
func BenchmarkScheduleMemory(b *testing.B) {
	const n = 20_000
	for _, ticks := range []int{0, 120} {
		b.Run(fmt.Sprintf("ticks=%d", ticks), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				m, g := scheduled(b, n)
				for range ticks {
					g.clock += hour
					fireAll(b, m, g)
					for q := range 10 {
						apply(b, m, g, &task.PurgeQueue{Queue: fmt.Sprint("q", q)})
					}
					for m.LiveTasks() > 0 {
						apply(b, m, g, &task.Tick{})
					}
					save(m)
				}
				save(m)
				save(m)
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/schedule")
				runtime.KeepAlive(m)
			}
		})
	}
}
