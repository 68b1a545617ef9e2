package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
)

// base is a moment of the tests.
var base = time.Date(2026, 5, 4, 10, 15, 0, 0, time.UTC)

// at is so many seconds after it.
func at(seconds float64) time.Time { return base.Add(time.Duration(seconds * float64(time.Second))) }

// found is a task in a state.
func found(s client.State) *client.TaskInfo { return &client.TaskInfo{Queue: plainQueue, State: s} }

// TestProblem: what is acknowledged must be there, and what a restore has taken away must not.
func TestProblem(t *testing.T) {
	done := record{queue: plainQueue, acked: at(1), doneBegan: at(2), doneAcked: at(3)}
	for name, c := range map[string]struct {
		look look
		want string
	}{
		"there":                  {look{record{queue: plainQueue}, found(client.Pending)}, ""},
		"gone":                   {look{record{queue: plainQueue}, nil}, "isn't there"},
		"in another queue":       {look{record{queue: streamQueue}, found(client.Pending)}, "is in plain"},
		"completed":              {look{done, found(client.Completed)}, ""},
		"no longer completed":    {look{done, found(client.Pending)}, "completion acknowledged"},
		"taken away":             {look{record{fate: lost}, nil}, ""},
		"there again":            {look{record{fate: lost}, found(client.Pending)}, "a restore has taken it away"},
		"there or not: not":      {look{record{fate: open}, nil}, ""},
		"there or not: it is so": {look{record{fate: open}, found(client.Pending)}, ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.look.problem(), c.want) })
	}
}

// TestProblemAt: of an earlier moment it is known what must be there and what must not, but for what happened close to it.
func TestProblemAt(t *testing.T) {
	r := record{queue: plainQueue, began: at(10), acked: at(11), doneBegan: at(20), doneAcked: at(21)}
	for name, c := range map[string]struct {
		moment float64
		found  *client.TaskInfo
		want   string
	}{
		"before its call":                {9, nil, ""},
		"before its call, and there":     {9, found(client.Pending), "its call began"},
		"during its call":                {10.5, nil, ""},
		"during its call, and there":     {10.5, found(client.Pending), ""},
		"just behind its call":           {11.1, nil, ""},
		"behind its call":                {12, found(client.Pending), ""},
		"behind its call, and gone":      {12, nil, "isn't in the state"},
		"completed before its time":      {12, found(client.Completed), "the call that completed it began"},
		"during its completion":          {20.5, found(client.Running), ""},
		"during its completion, done":    {20.5, found(client.Completed), ""},
		"behind its completion":          {22, found(client.Completed), ""},
		"behind its completion, running": {22, found(client.Running), "completion acknowledged"},
	} {
		t.Run(name, func(t *testing.T) {
			l := look{r, c.found}
			expect(t, l.problemAt(at(c.moment)), c.want)
		})
	}
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if (want == "") != (got == "") || !strings.Contains(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLedger: what is told twice, given out twice or handed out too late is refused.
func TestLedger(t *testing.T) {
	l := newLedger()
	now := time.Now()
	later := now.Add(time.Hour)
	refused := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, id := range []string{"A", "B"} {
		if err := l.accept(id, plainQueue, true, now, 0); err != nil {
			t.Fatal(err)
		}
	}
	refused(l.accept("A", plainQueue, true, now, 0), "the same ID")
	if err := l.lease("A", 5, now); err != nil {
		t.Fatal(err)
	}
	if err := l.lease("A", 4, now); err != nil {
		t.Errorf("a lease whose answer came late: %v", err)
	}
	refused(l.lease("B", 5, now), "given out for")
	refused(l.lease("A", 3, later), "after token 5")
	if !l.hold("A", 5) || l.hold("A", 6) {
		t.Error("one lease of a task is kept, and no second")
	}
	if _, ok := l.overtaken("A", 6, now.Add(-time.Hour)); ok {
		t.Error("a lease was overtaken by an earlier one")
	}
	if kept, ok := l.overtaken("A", 6, later); !ok || kept.token != 5 {
		t.Errorf("overtaken: %+v", kept)
	}
	l.complete("A", now, 0)
	refused(l.lease("A", 9, later), "handed out")

	// A restore to before the completion.
	l.restore(now, now)
	l.settle("A", live, false, 1)
	if err := l.lease("A", 10, later); err != nil {
		t.Errorf("behind the restore: %v", err)
	}
	l.complete("A", now, 0) // by a call of before the restore
	if err := l.lease("A", 11, later.Add(time.Hour)); err != nil {
		t.Errorf("a completion of before the restore counts: %v", err)
	}
}

// TestSteps: the same numbers choose the same step, and every step has a name of its own and can be chosen.
func TestSteps(t *testing.T) {
	for _, name := range stepNames() {
		if s := stepNamed(name); s == nil || s.weight < 1 || s.do == nil {
			t.Errorf("step %s: %+v", name, s)
		}
	}
	if stepNamed("unknown") != nil {
		t.Error("there is a step of any name")
	}
}
