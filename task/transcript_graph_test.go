package task_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rowlock/rowlock/task"
)

// graphCommand makes the commands of workflows; nil: it is another.
//
//	graph NAME queue=Q tasks=a,b:a,c:!a&?b~
//
// accepts a; b, which waits for a; and c, which runs if a fails (!) and when b has ended (?), and is cancelled (~) if it can't. A
// number is the ID of a task outside of the graph.
func (s *stage) graphCommand(a *arguments) task.Command {
	switch a.verb {
	case "graph":
		return s.enqueueGraphCommand(a)
	case "cancel-workflow":
		return &task.CancelWorkflow{ID: task.ID(a.parseNumber(a.word()))}
	}
	return nil
}

func (s *stage) enqueueGraphCommand(a *arguments) task.Command {
	c := &task.EnqueueGraph{Name: a.word()}
	queue, key := a.value("queue"), a.value("key")
	var refs []string
	for _, text := range a.list("tasks") {
		n := task.NewTask{Queue: queue, Kind: "step", Priority: 5, UniqueKey: key}
		key = ""
		if rest, ok := strings.CutSuffix(text, "~"); ok {
			n.OnParentFailure, text = task.ParentFailureCancel, rest
		}
		ref, edges, _ := strings.Cut(text, ":")
		n.Ref = ref
		for _, e := range strings.FieldsFunc(edges, func(c rune) bool { return c == '&' }) {
			n.Edges = append(n.Edges, a.edge(e, refs))
		}
		refs = append(refs, ref)
		c.Tasks = append(c.Tasks, n)
	}
	return c
}

func (a *arguments) edge(text string, refs []string) (e task.Edge) {
	switch text[0] {
	case '!':
		e.When, text = task.OnFailure, text[1:]
	case '?':
		e.When, text = task.OnAny, text[1:]
	}
	if i := slices.Index(refs, text); i >= 0 {
		e.Member = uint32(i + 1)
		return e
	}
	e.Parent = task.ID(a.parseNumber(text))
	return e
}

// kin reads edges=1,!2,?3 and ended=2, which finds in the history how a parent ended.
func (s *stage) kin(a *arguments, n *task.NewTask) {
	for _, text := range a.list("edges") {
		n.Edges = append(n.Edges, a.edge(text, nil))
	}
	ended := a.parseIDs(a.list("ended"))
	if len(ended) > 0 {
		s.flush() // to know how they ended
	}
	for _, id := range ended {
		f := s.model.finished[id]
		n.Ended = append(n.Ended, task.ParentOutcome{ID: id, Ref: f.Ref, State: f.State, Result: f.Result})
	}
	if a.flag("cancel-on-parent-failure") {
		n.OnParentFailure = task.ParentFailureCancel
	}
}

func (s *stage) showWorkflow(id task.ID) {
	w, ok := s.machine().Workflow(id)
	if !ok {
		s.printf("workflow %d: not there", id)
		return
	}
	c := w.Counts
	s.printf("workflow %d (%s): %d waiting, %d running, %d completed, %d cancelled, %d dead, %d deleted",
		w.ID, w.Name, c.Waiting, c.Running, c.Completed, c.Cancelled, c.DeadLetter, c.Deleted)
}

func (s *stage) showParents(id task.ID) {
	for _, p := range s.machine().Parents(id) {
		s.printf("%s", parentLine(p))
	}
}

func parentLine(p task.ParentOutcome) string {
	name := fmt.Sprint(p.ID)
	if p.Ref != "" {
		name += " (" + p.Ref + ")"
	}
	state := p.State.String()
	if p.State == task.None {
		state = "deleted"
	}
	line := "parent " + name + " " + state
	if len(p.Result) > 0 {
		line += fmt.Sprintf(" with %q", p.Result)
	}
	return line
}
