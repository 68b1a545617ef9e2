package filter

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rowlock/rowlock/task"
)

const (
	second = task.Duration(1_000_000)
	now    = task.Time(1_700_000_000) * second
)

// dead is a dead letter with a value in every field that one has.
func dead() *task.Task {
	return &task.Task{
		ID: 42, Queue: "mail", Kind: "send", State: task.DeadLetter, Reason: task.ReasonExhausted, Priority: 7,
		Payload: []byte(`{"to":"ada","amount":12.5,"items":[1,2,3],"user":{"tier":"gold"}}`), PayloadLen: 64,
		Attempt: 3, MaxAttempts: 3, Failures: 3, WorkerDeaths: 1, Worker: "w1", UniqueKey: "k", FairKey: "f",
		SingletonKey: "s", StickyKey: "t", Batch: 42, Schedule: "nightly", OriginQueue: "orders",
		Labels:     []task.Label{{Key: "customer", Value: "42"}, {Key: "env", Value: "prod"}},
		EnqueuedAt: now - 7200*second, StartedAt: now - 3700*second, FinishedAt: now - 3600*second,
		Errors: []task.AttemptError{{Message: "first"}, {Message: "dial tcp 10.0.0.7:5432: i/o timeout"}},
	}
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                     true,
		"  ":                                   true,
		`id == "000000000001A"`:                true,
		`queue == "mail" && kind == "send"`:    true,
		`state == "dead_letter"`:               true,
		`reason == "attempts_exhausted"`:       true,
		`priority > 6 && priority < 8`:         true,
		`attempt == max_attempts`:              true,
		`retry_count >= 3 && worker_deaths==1`: true,
		`worker_id.startsWith("w")`:            true,
		`error.contains("timeout")`:            true,
		`error == "first"`:                     false,
		`error.matches("10[.]0[.]0[.][0-9]+")`: true,
		`fingerprint == "` + PrintOf("dial tcp 10.9.9.9:1: i/o timeout").String() + `"`: true,
		`labels.customer == "42"`:                            true,
		`labels["env"] in ["prod", "stage"]`:                 true,
		`"customer" in labels && !("x" in labels)`:           true,
		`labels.absent == "1"`:                               false,
		`labels.absent != "1"`:                               false,
		`labels.absent == "1" || queue == "mail"`:            true,
		`has(labels.absent)`:                                 false,
		`fair_key == "f" && unique_key == "k"`:               true,
		`singleton_key == "s" && sticky_key == "t"`:          true,
		`batch_id == "000000000001A" && workflow_id == ""`:   true,
		`schedule == "nightly" && origin_queue == "orders"`:  true,
		`age > duration("1h59m") && age < duration("3h")`:    true,
		`finished_age == duration("1h")`:                     true,
		`idle > duration("1s")`:                              false, // it isn't running
		`enqueued_at < timestamp("2023-11-14T21:00:00Z")`:    true,
		`finished_at > started_at`:                           true,
		`run_at > enqueued_at`:                               false, // it has none
		`payload_bytes > 60`:                                 true,
		`payload.to == "ada"`:                                true,
		`payload.amount > 12`:                                true,
		`payload.amount > "12"`:                              false,
		`payload.items.size() == 3 && payload.items[0] == 1`: true,
		`payload.items[7] == 1`:                              false,
		`payload.user.tier == "gold"`:                        true,
		`payload.user.none.deeper == "gold"`:                 false,
		`has(payload.user) && !has(payload.nobody)`:          true,
		`priority / (priority - 7) == 1`:                     false,
	} {
		f, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := f.Match(dead(), now); err != nil || got != want {
			t.Errorf("%s: %v (%v), want %v", text, got, err, want)
		}
		if f.NeedsPayload() != strings.Contains(text, "payload.") {
			t.Errorf("%s: needs the payload: %v", text, f.NeedsPayload())
		}
	}
}

// TestEveryField: a task without anything has no field that makes the evaluation fail, and none is missing in the tests
// above or the guide.
func TestEveryField(t *testing.T) {
	for _, name := range Fields() {
		f, err := Compile(fmt.Sprintf("%s == %s", name, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, x := range []*task.Task{dead(), {State: task.Running}, {}} {
			if _, err := f.Match(x, now); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	x := dead()
	x.Payload = []byte("no JSON")
	if f, _ := Compile(`payload.a == 1`); f != nil {
		if yes, err := f.Match(x, now); yes || err != nil {
			t.Errorf("a payload that isn't JSON: %v %v", yes, err)
		}
	}
}

// TestGuide: the guide's examples compile, and it has all fields.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/guides/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(string(text), "| filter | selects |")
	examples, fields, _ := strings.Cut(examples, "## Fields")
	n := 0
	for line := range strings.Lines(examples) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			expression, _, _ := strings.Cut(cell, "` |")
			n++
			if _, err := Compile(expression); err != nil {
				t.Errorf("%s: %v", expression, err)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d examples", n)
	}
	for _, name := range Fields() {
		if !strings.Contains(fields, "`"+name+"`") {
			t.Errorf("the guide lacks %s", name)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string][]string{
		`quee == "mail"`:                      {"column 1", `unknown name 'quee'`, "The fields are age, attempt", "worker_id"},
		"queue == \"mail\" &&\n  colour == 1": {"line 2, column 3", `unknown name 'colour'`},
		`priority > "high"`:                   {"column 10", "no matching overload"},
		`queue == "mail" &&`:                  {"column 19", "Syntax error"},
		`queue`:                               {"yields a string", "true or false"},
		`payload.ready`:                       {"yields a dyn", "true or false"},
		`error.matches("(")`:                  {"can't be evaluated", "missing closing"},
		`age > 5`:                             {"no matching overload", `durations are written duration("1h30m")`},
		`age > duration("1 hour")`:            {"can't be evaluated", `durations are written duration("1h30m")`},
		`run_at < "2026"`:                     {"no matching overload", `times are written timestamp("2026-01-31T00:00:00Z")`},
		`queue = "mail"`:                      {"column 7", "equality is =="},
		`queue == "` + strings.Repeat("x", MaxText) + `"`:            {"bytes", "at most 4096"},
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100): {"recursion"},
	} {
		_, err := Compile(text)
		if err == nil {
			t.Errorf("%.60s is taken", text)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%.60s: %q lacks %q", text, err, w)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: the error has several lines: %q", text, err)
		}
	}
}

// TestCost: what would take for ever ends with an error, and so does what would take long.
func TestCost(t *testing.T) {
	x := dead()
	x.Payload = []byte(`{"items":[` + strings.TrimSuffix(strings.Repeat("1,", 20_000), ",") + `]}`)
	f, err := Compile(`payload.items.all(a, payload.items.all(b, a == b))`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Match(x, now); !errors.Is(err, ErrCost) {
		t.Errorf("%v", err)
	}
}

// FuzzCompile: no text makes the compiler or the evaluation panic.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		`queue == "mail" && age > duration("1h")`, `labels.a.b == 1`, `payload.x[0].y in [1, "2"]`, `error.matches("a+$")`, `[1].all(x, x > 0)`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Compile(text); err == nil {
			_, _ = c.Match(dead(), now)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, text := range []string{
		`state == "dead_letter"`,
		`queue == "mail" && error.contains("timeout") && age > duration("1h")`,
		`labels.customer == "42"`,
		`fingerprint == "0123456789abcdef"`,
		`payload.user.tier == "gold"`,
	} {
		f, err := Compile(text)
		if err != nil {
			b.Fatal(err)
		}
		x := dead()
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Match(x, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
