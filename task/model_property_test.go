package task_test

import (
	"fmt"
	"testing"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// group is a model and machines that are all fed the same entries.
type group struct {
	model    *model
	replicas []*replica
	clock    task.Time
	entries  uint64
}

// start is when the tests' clocks begin.
const start = task.Time(1_700_000_000) * second

func newGroup(replicas int) *group {
	g := &group{model: newModel(), clock: start}
	for range replicas {
		g.replicas = append(g.replicas, newReplica())
	}
	return g
}

// encode makes an entry of the commands, stamped with the group's clock.
func (g *group) encode(commands []task.Command) (task.Header, []byte) {
	g.entries++
	h := task.Header{Time: g.clock, Seed: g.entries * 0x9e3779b97f4a7c15, Node: 1, Seq: g.entries}
	if len(g.replicas) > 0 {
		h.Timeline = g.replicas[0].machine.Timeline().ID
	}
	b := task.AppendHeader(nil, h)
	for _, c := range commands {
		b = task.AppendCommand(b, c)
	}
	return h, b
}

// apply executes the commands everywhere and compares results and effects.
func (g *group) apply(t reporter, term uint64, commands ...task.Command) []task.Result {
	t.Helper()
	h, entry := g.encode(commands)
	t.Logf("at %s, term %d: %s", clock(h.Time), term, show(commands))
	want, wantEffects := g.model.apply(term, h, commands)
	for i, r := range g.replicas {
		got, effects, err := r.apply(term, entry)
		if err != nil {
			t.Fatalf("replica %d: apply %s: %v", i, show(commands), err)
		}
		if err := r.hydrateLeased(got); err != nil {
			t.Fatalf("replica %d: %v", i, err)
		}
		same(t, fmt.Sprintf("replica %d: results of %s", i, show(commands)), got, want)
		same(t, fmt.Sprintf("replica %d: effects of %s", i, show(commands)), effects, wantEffects)
		if _, ticked := commands[len(commands)-1].(*task.Tick); ticked {
			if at, ok := r.machine.NextTimer(); ok && at <= r.machine.Now() && len(g.model.cascades) == 0 {
				t.Fatalf("replica %d: a timer is due at %d, right after the Tick at %d", i, at, r.machine.Now())
			}
		}
	}
	return want
}

// check compares all views, and the replicas' hashes with each other.
func (g *group) check(t reporter) {
	t.Helper()
	for _, r := range g.replicas {
		compare(t, r, g.model)
		same(t, "state hash", r.machine.Hash(), g.replicas[0].machine.Hash())
		if found := r.machine.Check(10); len(found) > 0 {
			t.Fatalf("the machine isn't sound: %v", found)
		}
	}
}

// begin lets half of the groups begin with all features.
func (g *group) begin(t *rapid.T) {
	if rapid.Bool().Draw(t, "all features") {
		g.apply(t, terms[0], &task.RaiseFeatureLevel{Level: task.SupportedLevel})
	}
}

// entry draws and applies an entry of one to three commands.
func (g *group) entry(t *rapid.T) {
	r := random{t, g.model}
	g.clock += rapid.SampledFrom([]task.Duration{0, 0, 1, second, second, 3 * second, 40 * second, -2 * second}).Draw(t, "clock goes on")
	if rapid.IntRange(0, 60).Draw(t, "long pause") == 60 {
		g.clock += rapid.SampledFrom([]task.Duration{hour, day}).Draw(t, "pause")
	}
	var commands []task.Command
	if rapid.IntRange(0, 9).Draw(t, "delete finished") == 9 { // before anything that retention drops in this entry
		commands = append(commands, r.deleteFinished())
	}
	for range rapid.IntRange(1, 3).Draw(t, "commands") {
		commands = append(commands, r.command(true))
	}
	g.apply(t, rapid.SampledFrom(terms).Draw(t, "entry's term"), commands...)
}

// TestModel drives the machine and the model with random commands. The machine never saves anything.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(1)
		g.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"":              func(t *rapid.T) { g.check(t) },
			"entry":         g.entry,
			"another entry": g.entry,
			"restore":       g.restoreRarely,
			"outlived":      g.outlived,
		})
	})
}

// TestSaveAndLoad has replicas that are fed the same entries, take steps of their checkpoints at different moments,
// and lose their memory now and then. All must stay equal to the model and to each other.
func TestSaveAndLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGroup(3) // the first one never saves
		g.begin(t)
		step := func(t *rapid.T) {
			r := g.replicas[rapid.IntRange(1, 2).Draw(t, "replica")]
			for range rapid.IntRange(1, 4).Draw(t, "steps") {
				err := r.checkpointStep(rapid.IntRange(1, 3).Draw(t, "max"), rapid.SampledFrom([]int{0, 50, 1 << 20}).Draw(t, "budget"))
				if err != nil {
					t.Fatalf("checkpoint: %v", err)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":                 func(t *rapid.T) { g.check(t) },
			"entry":            g.entry,
			"another entry":    g.entry,
			"checkpoint steps": step,
			"restore":          g.restoreRarely,
			"outlived":         g.outlived,
			"restart": func(t *rapid.T) {
				if err := g.replicas[rapid.IntRange(1, 2).Draw(t, "replica")].restart(); err != nil {
					t.Fatalf("restart: %v", err)
				}
			},
		})
		for _, r := range g.replicas[1:] {
			if err := r.checkpoint(); err != nil {
				t.Fatalf("last checkpoint: %v", err)
			}
			if len(r.log) != 0 {
				t.Fatalf("a whole checkpoint leaves %d entries", len(r.log))
			}
			if err := r.restart(); err != nil {
				t.Fatalf("last restart: %v", err)
			}
		}
		g.check(t)
	})
}
