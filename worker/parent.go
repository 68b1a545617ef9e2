package worker

import (
	"encoding/json"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Parent is a task that the one which runs depends on, as it was when the task was leased.
type Parent struct {
	ID  string `json:"task_id"`
	Ref string `json:"ref,omitempty"` // its name in the graph
	// State is completed, cancelled or dead_letter, or "" if it was deleted. A task that was retried by hand didn't wait for its
	// parents, and may see any other.
	State  client.State `json:"state"`
	Result []byte       `json:"result,omitempty"`
	// ResultOmitted means that it has a result, which isn't here because all parents' results are larger than 256 KiB together, or
	// it had completed before the task was enqueued: ask for it with Client.Get.
	ResultOmitted bool `json:"result_omitted,omitempty"`
}

// Decode reads the parent's result, as JSON, into a value.
func (p Parent) Decode(result any) error { return json.Unmarshal(p.Result, result) }

// Parent returns the parent of a name in the graph, or of an ID.
func (t *RawTask) Parent(ref string) (Parent, bool) {
	for _, p := range t.Parents {
		if p.Ref == ref || p.ID == ref {
			return p, true
		}
	}
	return Parent{}, false
}

func parentsOf(list []*rowlockv1.ParentOutcome) []Parent {
	var out []Parent
	for _, p := range list {
		state := client.State("")
		if p.GetState() != rowlockv1.Task_unspecified {
			state = client.State(p.GetState().String())
		}
		out = append(out, Parent{ID: p.GetTaskId(), Ref: p.GetRef(), State: state, Result: p.GetResult(), ResultOmitted: p.GetResultOmitted()})
	}
	return out
}
