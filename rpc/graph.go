package rpc

import (
	"fmt"
	"slices"
	"strings"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// Bounds of a graph: it travels in one entry of the log.
const (
	maxGraphPayload = 256 << 10 // of all payloads
	maxGraphBytes   = 400 << 10 // of everything, encoded
)

const refRule = "1 to 128 letters, digits, dots, underscores and hyphens, of which the first is a letter or digit"

// inGraph names the task of the graph that an error is about.
func inGraph(ref string, err error) error { return invalid("task %q: %v", ref, err) }

// newGraph checks and converts the tasks of a graph, and puts parents before their children. Of what may come first, it keeps
// the order of the request.
func (l Limits) newGraph(in []*pb.NewTask) ([]task.NewTask, error) {
	refs, err := graphRefs(in)
	if err != nil {
		return nil, err
	}
	tasks, payload := make([]task.NewTask, len(in)), 0
	for i, t := range in {
		if err := l.newMember(&tasks[i], t, refs); err != nil {
			return nil, inGraph(t.GetRef(), err)
		}
		payload += len(tasks[i].Payload)
	}
	if payload > maxGraphPayload {
		return nil, invalid("tasks has %d bytes of payloads, but a graph may have at most %d in all: keep large inputs elsewhere and refer to them", payload, maxGraphPayload)
	}
	if err := uniqueInGraph(tasks); err != nil {
		return nil, err
	}
	s := graphSort{tasks: tasks, mark: make([]visit, len(tasks))}
	for i := range tasks {
		if err := s.visit(i); err != nil {
			return nil, err
		}
	}
	return s.inOrder(), nil
}

// newMember checks one task. Its edges name members by their place in the request.
func (l Limits) newMember(out *task.NewTask, t *pb.NewTask, refs map[string]uint32) error {
	if err := l.newTaskAlone(out, t); err != nil {
		return err
	}
	if out.UniqueMode == task.UniqueDebounce {
		return invalid("unique_mode debounce isn't for a graph, whose tasks are accepted together or not at all: use reject or replace")
	}
	return setKin(out, t, refs)
}

// graphRefs returns the tasks' places, from 1 on, by their refs.
func graphRefs(in []*pb.NewTask) (map[string]uint32, error) {
	if len(in) == 0 {
		return nil, invalid("tasks is required: at least one task")
	}
	if len(in) > task.MaxGraphTasks {
		return nil, invalid("tasks has %d tasks, but a graph may have at most %d: enqueue the others with dependencies on these", len(in), task.MaxGraphTasks)
	}
	refs := make(map[string]uint32, len(in))
	for i, t := range in {
		ref := t.GetRef()
		switch {
		case ref == "":
			return nil, invalid("tasks[%d].ref is required: a name that is unique in the graph", i)
		case !validQueue(ref):
			return nil, invalid("tasks[%d].ref %q is no name: %s", i, clip(ref), refRule)
		case refs[ref] != 0:
			return nil, invalid("tasks[%d].ref %q is that of tasks[%d] too: it must be unique in the graph", i, ref, refs[ref]-1)
		}
		refs[ref] = uint32(i + 1)
	}
	return refs, nil
}

// uniqueInGraph refuses two tasks of a graph that would take the same unique key.
func uniqueInGraph(tasks []task.NewTask) error {
	taken := map[[2]string]string{}
	for i := range tasks {
		t := &tasks[i]
		if t.UniqueKey == "" {
			continue
		}
		key := [2]string{t.Queue, t.UniqueKey}
		if other, ok := taken[key]; ok {
			return inGraph(t.Ref, fmt.Errorf("unique_key %q is that of task %q too: a queue's unique key is for one task", clip(t.UniqueKey), other))
		}
		taken[key] = t.Ref
	}
	return nil
}

// visit is how far the search has come with a task.
type visit uint8

const (
	unseen visit = iota
	open         // on the path from where the search began
	placed
)

// graphSort puts parents before their children: a depth-first search (Tarjan, "Edge-disjoint spanning trees and depth-first
// search", 1976), which leaves tasks that are in such an order already as they are.
type graphSort struct {
	tasks []task.NewTask
	mark  []visit
	path  []int
	order []int
}

func (s *graphSort) visit(i int) error {
	switch s.mark[i] {
	case placed:
		return nil
	case open:
		return s.cycle(i)
	}
	s.mark[i] = open
	s.path = append(s.path, i)
	for _, e := range s.tasks[i].Edges {
		if e.Member != 0 {
			if err := s.visit(int(e.Member) - 1); err != nil {
				return err
			}
		}
	}
	s.path = s.path[:len(s.path)-1]
	s.mark[i] = placed
	s.order = append(s.order, i)
	return nil
}

// cycle shows the tasks that wait for each other, in the order in which they would run.
func (s *graphSort) cycle(i int) error {
	const most = 20
	path := slices.Clone(s.path[slices.Index(s.path, i):])
	slices.Reverse(path) // from parents to children
	names := []string{s.tasks[i].Ref}
	for _, k := range path {
		names = append(names, s.tasks[k].Ref)
	}
	if n := len(names); n > most {
		names = append(append(names[:most-2:most-2], "…"), names[n-1])
	}
	return inGraph(s.tasks[i].Ref, fmt.Errorf("dependencies form a cycle, in which nothing can run: %s", strings.Join(names, " -> ")))
}

// inOrder returns the tasks in the order that was found, and their edges with it.
func (s *graphSort) inOrder() []task.NewTask {
	places := make([]uint32, len(s.tasks))
	for place, i := range s.order {
		places[i] = uint32(place + 1)
	}
	out := make([]task.NewTask, len(s.tasks))
	for place, i := range s.order {
		out[place] = s.tasks[i]
		for k := range out[place].Edges {
			if e := &out[place].Edges[k]; e.Member != 0 {
				e.Member = places[e.Member-1]
			}
		}
	}
	return out
}
