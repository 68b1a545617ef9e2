package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/cron"
)

const usecond = task.Duration(1_000_000)

// TestLateTicks holds what is proposed for a schedule that is behind against a list of all its ticks, for each policy.
func TestLateTicks(t *testing.T) {
	expressions := []string{"@every 1s", "*/7 * * * * *", "* * * * *", "30 9 * * mon-fri", "* * 3 * * *"}
	rapid.Check(t, func(t *rapid.T) {
		spec := task.ScheduleSpec{
			Expression: rapid.SampledFrom(expressions).Draw(t, "expression"), TimeZone: "Europe/Berlin",
			Jitter: rapid.SampledFrom([]task.Duration{0, 0, 5 * usecond}).Draw(t, "jitter"),
		}
		parsed, err := cron.Stored(&spec)
		if err != nil {
			t.Fatal(err)
		}
		c := calendar{parsed, "s"}
		start := time.Unix(1_774_000_000, 0).UnixMicro()
		first := c.after(start)
		d := &task.DueSchedule{Name: "s", Revision: 3, Spec: spec, Nominal: first.nominal, Due: first.due, Policy: task.SchedulePolicy{
			Misfire: rapid.SampledFrom([]task.MisfirePolicy{task.MisfireFireOnce, task.MisfireSkip, task.MisfireCatchUp}).Draw(t, "misfire"),
			CatchUp: uint32(rapid.SampledFrom([]int{0, 1, 10, 1000}).Draw(t, "catch up")), Grace: 60 * usecond,
		}}
		now := first.due + rapid.SampledFrom([]task.Duration{0, 30 * usecond, 61 * usecond, 900 * usecond, 3600 * usecond, 86400 * usecond}).Draw(t, "behind")
		ticks := appendTicks(nil, parsed, d, now)

		var late []nominalTick
		at := first
		for ; at.nominal != 0 && now-at.due > d.Policy.Grace; at = c.after(at.nominal) {
			late = append(late, at)
		}
		fires := late[max(0, len(late)-allowed(&d.Policy)):]
		if len(late) == 0 {
			fires, at = []nominalTick{first}, c.after(first.nominal)
		}
		missed := max(0, len(late)-len(fires))
		if missed > 0 {
			run := ticks[0]
			ticks = ticks[1:]
			if run.Nominal != first.nominal || run.Last != late[missed-1].nominal || int(run.Missed) > missed || int(run.Missed) < min(missed, maxCounted) {
				t.Fatalf("the missed run is %+v, want %d up to %d", run, missed, late[missed-1].nominal)
			}
			next := at
			if len(fires) > 0 {
				next = fires[0]
			}
			if run.Next != next.nominal || run.Due != next.due {
				t.Fatalf("behind the missed run %+v comes %+v", run, next)
			}
		}
		if len(ticks) != len(fires) {
			t.Fatalf("%d ticks fire, want %d", len(ticks), len(fires))
		}
		for i, f := range fires {
			next := at
			if i+1 < len(fires) {
				next = fires[i+1]
			}
			if x := ticks[i]; x.Nominal != f.nominal || x.Next != next.nominal || x.Due != next.due || x.Missed != 0 || x.Revision != 3 {
				t.Fatalf("tick %d is %+v, want %+v, then %+v", i, x, f, next)
			}
		}
	})
}

// putSchedule is a schedule whose ticks begin now.
func putSchedule(name, expression string, now time.Time, policy task.SchedulePolicy) *task.PutSchedule {
	spec := task.ScheduleSpec{Expression: expression}
	parsed, err := cron.Stored(&spec)
	if err != nil {
		panic(err)
	}
	first := calendar{parsed, name}.after(now.UnixMicro())
	return &task.PutSchedule{
		Name: name, Spec: spec, Policy: policy, Next: first.nominal, Due: first.due,
		Template: task.NewTask{Queue: "q", Kind: "k", Payload: []byte("{{schedule}} {{nominal_unix}}"), Priority: 5},
	}
}

// putAll proposes schedules, many in an entry.
func (g *group) putAll(n int, expression string, policy task.SchedulePolicy) {
	g.t.Helper()
	g.insist(putSchedule("s0", expression, time.Now(), policy)) // until the feature level allows it
	results := make(chan error, n)
	for i := 1; i < n; i++ {
		g.leader().Submit([]task.Command{putSchedule(fmt.Sprintf("s%d", i), expression, time.Now(), policy)}, false,
			func(_ []task.Result, err error) { results <- err })
	}
	for i := 1; i < n; i++ {
		if err := <-results; err != nil {
			g.t.Fatal(err)
		}
	}
}

// fired returns the ledger of a schedule, oldest first.
func fired(m *member, name string) (entries []task.LedgerEntry) {
	m.replica.read(func(m *task.Machine) {
		newest, _ := m.ScheduleLedger(name, 0, task.MaxScheduleLedger)
		for i := len(newest) - 1; i >= 0; i-- {
			entries = append(entries, newest[i])
		}
	})
	return entries
}

// TestSchedulesSurviveFailover closes the leader while many schedules fire every second. Each tick makes exactly one task, and
// none is left out.
func TestSchedulesSurviveFailover(t *testing.T) {
	n, seconds := 1000, 6
	if testing.Short() {
		n, seconds = 200, 4
	}
	g := newGroup(t, 3, nil)
	g.putAll(n, "* * * * * *", task.SchedulePolicy{Overlap: task.OverlapAllow, Grace: 60 * usecond, Ledger: 1000})
	atLeast := func(entries int) {
		t.Helper()
		for i := range n {
			eventually(t, "ticks fire", func() bool { return len(fired(g.leader(), fmt.Sprintf("s%d", i))) >= entries })
		}
	}
	atLeast(seconds / 2)
	g.leader().close(t)
	atLeast(seconds)
	for i := range n {
		g.insist(&task.SetSchedulePaused{Name: fmt.Sprintf("s%d", i), Paused: true})
	}
	g.converge()
	made := map[string]task.ID{} // tasks by tick
	g.leader().replica.read(func(m *task.Machine) {
		tasks, _ := m.List(task.ListFilter{Limit: 1 << 20, Scan: 1 << 20})
		for _, x := range tasks {
			tick := fmt.Sprint(x.Schedule, x.NominalTime)
			if made[tick] != 0 || string(x.Payload) != fmt.Sprintf("%s %d", x.Schedule, x.NominalTime/usecond) {
				t.Errorf("tick %s has task %v and %v, payload %q", tick, made[tick], x.ID, x.Payload)
			}
			made[tick] = x.ID
		}
	})
	ticks := 0
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		entries := fired(g.leader(), name)
		for j, e := range entries {
			if e.Outcome != task.TickFired || made[fmt.Sprint(name, e.Nominal)] != e.Task || j > 0 && e.Nominal != entries[j-1].Nominal+usecond {
				t.Fatalf("%s: entry %+v behind %+v, its task is %v", name, e, entries[max(0, j-1)], made[fmt.Sprint(name, e.Nominal)])
			}
		}
		ticks += len(entries)
	}
	if ticks != len(made) {
		t.Errorf("the ledgers have %d ticks, and there are %d tasks", ticks, len(made))
	}
}

// TestSchedulesAndTheClock restarts a node under clocks that are set wrong: back, and no tick fires twice; far ahead, and the
// misfire policy says what fires.
func TestSchedulesAndTheClock(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	const grace = 60 * usecond // no busy machine keeps a tick waiting for so long
	boot := func(offset time.Duration) *member {
		c := testConfig(t, dir)
		c.Now = func() time.Time { return time.Now().Add(offset) }
		m := start(t, c)
		wait(t, m.Ready())
		return m
	}
	m := boot(0)
	put := func(c *task.PutSchedule) {
		eventually(t, "put", func() bool {
			_, err := m.Propose(t.Context(), c)
			if err != nil && !errors.Is(err, ErrLevel) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	put(putSchedule("s", "@every 1s", now, task.SchedulePolicy{Overlap: task.OverlapAllow, Grace: grace, Ledger: 1000}))
	eventually(t, "ticks", func() bool { return len(fired(m, "s")) >= 2 })
	m.close(t)

	m = boot(-time.Hour)
	before := len(fired(m, "s"))
	eventually(t, "ticks under a clock that is behind", func() bool { return len(fired(m, "s")) >= before+2 })
	m.close(t)

	m = boot(24 * time.Hour)
	eventually(t, "ticks under a clock that is ahead", func() bool {
		entries := fired(m, "s")
		return entries[len(entries)-1].Late < usecond && entries[len(entries)-1].Nominal > now.Add(23*time.Hour).UnixMicro()
	})
	entries := fired(m, "s")
	late, missed := 0, 0
	for i, e := range entries {
		if i > 0 && e.Nominal <= entries[i-1].Nominal {
			t.Errorf("%+v behind %+v", e, entries[i-1])
		}
		if e.Outcome == task.TickMissed {
			missed++
		} else if e.Late > grace {
			late++
		}
	}
	if missed != 1 || late != 1 {
		t.Errorf("after a day without a clock, %d runs are missed and %d late ticks fired, want 1 and 1", missed, late)
	}
}

// TestScheduleThatCantFire: a schedule of a time zone that isn't known here is complained about once, is left as it is, and holds
// up no other.
func TestScheduleThatCantFire(t *testing.T) {
	m := task.NewMachine()
	entry := task.AppendHeader(nil, task.Header{Time: time.Now().UnixMicro()})
	past := time.Now().Add(-10 * time.Second).Truncate(time.Second)
	for _, zone := range []string{"Mars/Base", "UTC"} {
		entry = task.AppendCommand(entry, &task.PutSchedule{
			Name: zone[:3], Spec: task.ScheduleSpec{Expression: "@daily", TimeZone: zone}, Template: task.NewTask{Queue: "q"},
			Policy: task.SchedulePolicy{Grace: 60 * usecond}, Next: past.UnixMicro(), Due: past.UnixMicro(),
		})
	}
	if _, _, err := m.Apply(1, entry, false); err != nil {
		t.Fatal(err)
	}
	clk := newClock(time.Now)
	clk.start(m.Now())
	var log strings.Builder
	s := &scheduler{clock: clk, read: func(fn func(*task.Machine)) { fn(m) }, logger: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 {
		cs := s.commands()
		if len(cs) != 1 || len(cs[0].(*task.FireSchedules).Ticks) != 1 || cs[0].(*task.FireSchedules).Ticks[0].Schedule != "UTC" {
			t.Fatalf("proposed %+v", cs)
		}
	}
	if n := strings.Count(log.String(), "Mars/Base"); n != 1 {
		t.Errorf("%d complaints: %s", n, &log)
	}
}

// BenchmarkSchedulesAtOnce has 10,000 schedules due in the same second: how long it takes until all tasks are there, and how
// long another's enqueue takes meanwhile, at worst.
func BenchmarkSchedulesAtOnce(b *testing.B) {
	const n = 10_000
	g := newGroup(b, 3, func(c *Config) { c.Raft = RaftConfig{} }) // the defaults: a busy machine costs nobody leadership
	for range b.N {
		at := time.Now().Add(20 * time.Second).Truncate(time.Second)
		g.insist(putSchedule("s0", "@daily", time.Now(), task.SchedulePolicy{}))
		results := make(chan error, n)
		for i := range n {
			c := putSchedule(fmt.Sprintf("s%d", i), fmt.Sprintf("%d %d * * *", i%60, i%24), time.Now(), task.SchedulePolicy{Overlap: task.OverlapAllow})
			c.Spec.Expression = "@every 24h"
			c.Spec.Start = at.UnixMicro()
			c.Next, c.Due = at.UnixMicro(), at.UnixMicro()
			g.leader().Submit([]task.Command{c}, false, func(_ []task.Result, err error) { results <- err })
		}
		for range n {
			if err := <-results; err != nil {
				b.Fatal(err)
			}
		}
		if time.Now().After(at) {
			b.Fatal("the schedules were put too slowly")
		}
		<-time.After(time.Until(at))
		ctx, cancel := context.WithCancel(b.Context())
		worst := make(chan time.Duration)
		go func() {
			var w time.Duration
			for ctx.Err() == nil {
				begin := time.Now()
				if _, err := g.leader().Propose(b.Context(), enqueue("other", 1)); err != nil {
					b.Error(err)
				}
				w = max(w, time.Since(begin))
			}
			worst <- w
		}()
		made := uint64(0)
		for made < uint64(b.N)*n {
			g.leader().replica.read(func(m *task.Machine) {
				q, _ := m.Queue("q")
				made = q.Enqueued
			})
		}
		b.ReportMetric(float64(time.Since(at).Milliseconds()), "ms/all-tasks")
		cancel()
		b.ReportMetric(float64((<-worst).Microseconds())/1000, "ms/worst-enqueue")
	}
}
