package render

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/list"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Tree is tasks that depend on each other.
type Tree struct {
	Nodes []Node `json:"nodes"` // parents before children
	Edges []Edge `json:"edges"`
}

// Node is a task of a tree.
type Node struct {
	ID     string `json:"id"`
	Ref    string `json:"ref,omitempty"`
	Queue  string `json:"queue"`
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// Edge says that a task depends on another, and when it runs.
type Edge struct {
	Parent string `json:"parent"`
	Child  string `json:"child"`
	When   string `json:"when"`
}

// NewTree renders tasks, parents before children, and the dependencies between them.
func NewTree(tasks []*rowlockv1.Task) *Tree {
	t := &Tree{Nodes: []Node{}, Edges: []Edge{}}
	there := map[string]bool{}
	for _, task := range tasks {
		there[task.GetId()] = true
		t.Nodes = append(t.Nodes, Node{
			ID: task.GetId(), Ref: task.GetRef(), Queue: task.GetQueue(), Kind: task.GetKind(), State: task.GetState().String(), Reason: task.GetReason(),
		})
		for _, d := range task.GetDependencies() {
			if there[d.GetTaskId()] {
				t.Edges = append(t.Edges, Edge{Parent: d.GetTaskId(), Child: task.GetId(), When: d.GetWhen().String()})
			}
		}
	}
	return t
}

// Around returns the part of a tree that a task depends on, or that depends on it.
func (t *Tree) Around(id string) *Tree {
	keep := map[string]bool{id: true}
	for i := len(t.Nodes) - 1; i >= 0; i-- { // up: parents are before their children
		for _, e := range t.Edges {
			if e.Child == t.Nodes[i].ID && keep[e.Child] && e.Child <= id {
				keep[e.Parent] = true
			}
		}
	}
	down := map[string]bool{id: true}
	for _, n := range t.Nodes {
		for _, e := range t.Edges {
			if e.Parent == n.ID && down[e.Parent] {
				down[e.Child] = true
			}
		}
	}
	part := &Tree{Nodes: []Node{}, Edges: []Edge{}}
	for _, n := range t.Nodes {
		if keep[n.ID] || down[n.ID] {
			part.Nodes = append(part.Nodes, n)
		}
	}
	for _, e := range t.Edges {
		if keep[e.Parent] && keep[e.Child] || down[e.Parent] && down[e.Child] {
			part.Edges = append(part.Edges, e)
		}
	}
	return part
}

// Write draws the tree. A task with several parents stands under each, with its own children under the first. The task with the
// ID is pointed at.
func (t *Tree) Write(w io.Writer, id string) error {
	d := drawing{tree: t, children: map[string][]Edge{}, nodes: map[string]Node{}, drawn: map[string]bool{}, id: id, list: list.NewWriter()}
	d.list.SetStyle(list.StyleConnectedLight)
	isChild := map[string]bool{}
	for _, n := range t.Nodes {
		d.nodes[n.ID] = n
	}
	for _, e := range t.Edges {
		d.children[e.Parent] = append(d.children[e.Parent], e)
		isChild[e.Child] = true
	}
	for _, n := range t.Nodes {
		if !isChild[n.ID] {
			d.draw(n, "")
		}
	}
	_, err := fmt.Fprintln(w, d.list.Render())
	return err
}

type drawing struct {
	tree     *Tree
	children map[string][]Edge
	nodes    map[string]Node
	drawn    map[string]bool
	id       string
	list     list.Writer
}

func (d *drawing) draw(n Node, when string) {
	text := n.ID
	if n.Ref != "" {
		text = n.Ref + " " + n.ID
	}
	text += " " + n.State
	if n.Reason != "" {
		text += " (" + n.Reason + ")"
	}
	switch when {
	case rowlockv1.Dependency_failure.String():
		text = "if it fails: " + text
	case rowlockv1.Dependency_any.String():
		text = "when it ends: " + text
	}
	if n.ID == d.id {
		text += " <-"
	}
	if d.drawn[n.ID] && len(d.children[n.ID]) > 0 {
		d.list.AppendItem(text + " (its children are above)")
		return
	}
	d.list.AppendItem(text)
	d.drawn[n.ID] = true
	d.list.Indent()
	for _, e := range d.children[n.ID] {
		d.draw(d.nodes[e.Child], e.When)
	}
	d.list.UnIndent()
}
