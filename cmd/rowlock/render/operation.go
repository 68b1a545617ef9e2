package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/rowlock/rowlock/client"
)

// Operations shows bulk operations to people.
func Operations(now time.Time) func(*Table, []*client.OperationInfo) {
	return func(t *Table, page []*client.OperationInfo) {
		t.Head("id", "action", "state", "changed", "failed", "started", "name", "tasks")
		for _, o := range page {
			t.Row(o.ID, string(o.Action), string(o.State), o.Changed, o.Failed, Span(max(now.Sub(o.StartedAt), 0))+" ago", orDash(o.Name), selected(o.Selection))
		}
	}
}

// selected says in a few words which tasks are meant.
func selected(s client.Selection) string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	var states []string
	for _, st := range s.States {
		states = append(states, string(st))
	}
	add("queue", s.Queue)
	add("kind", s.Kind)
	add("state", strings.Join(states, ","))
	add("where", s.Where)
	return strings.Join(parts, ", ")
}

// Operation shows one bulk operation to people.
func Operation(table *Table, o *client.OperationInfo, now time.Time) {
	table.Pair("id", o.ID)
	table.Pair("action", string(o.Action))
	table.Pair("tasks", selected(o.Selection))
	table.Pair("name", o.Name)
	table.Pair("state", string(o.State))
	table.Pair("why", o.Message)
	if o.Rate > 0 {
		table.Pair("rate", Count(o.Rate, "task")+" per second at most")
	}
	if o.Expected > 0 {
		table.Pair("expected", fmt.Sprint(o.Expected))
	}
	table.Pair("visited", fmt.Sprint(o.Visited))
	table.Pair("matched", fmt.Sprint(o.Matched))
	table.Pair("changed", fmt.Sprint(o.Changed))
	if o.Skipped > 0 {
		table.Pair("skipped", fmt.Sprintf("%d: another call had changed them in between", o.Skipped))
	}
	if o.Failed > 0 {
		table.Pair("failed", fmt.Sprint(o.Failed))
	}
	if c := o.Canary; c != nil {
		table.Pair("canary", fmt.Sprintf("waits up to %s, at most %g%% may fail again; in stage %d of 3", Span(c.Wait), c.MaxFailed*100, o.Stage))
		if o.CanaryTasks > 0 {
			table.Pair("last stage", fmt.Sprintf("%d of %d failed again", o.CanaryFailed, o.CanaryTasks))
		}
	}
	table.Pair("started", Clock(set(o.StartedAt), now))
	table.Pair("last step", Clock(set(o.UpdatedAt), now))
	if !o.State.Ended() && o.NextAt.After(now) {
		table.Pair("goes on", Clock(set(o.NextAt), now))
	}
	table.Pair("ended", Clock(set(o.EndedAt), now))
	for _, e := range o.Errors {
		table.Pair("error", fmt.Sprintf("task %s: %s", e.TaskID, e.Message))
	}
}

// set is nil for a time that isn't.
func set(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Groups shows groups of dead letters to people.
func Groups(now time.Time) func(*Table, []client.DeadLetterGroup) {
	return func(t *Table, page []client.DeadLetterGroup) {
		t.Head("fingerprint", "tasks", "queue", "kind", "first", "last", "example", "error")
		for _, g := range page {
			text := g.ExampleError
			if text == "" {
				text = g.ExampleReason
			}
			t.Row(g.Fingerprint, g.Tasks, g.Queue, orDash(g.Kind), age(set(g.FirstAt), now), age(set(g.LastAt), now), g.ExampleID, text)
		}
	}
}
