package render

import (
	"fmt"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Explanation says why a task isn't running.
type Explanation struct {
	ID      string   `json:"id"`
	Queue   string   `json:"queue"`
	State   string   `json:"state"`
	Summary string   `json:"summary"`
	Reasons []Reason `json:"reasons"`
}

// Reason is one thing that holds a task back.
type Reason struct {
	Code     string     `json:"code"`
	Message  string     `json:"message"`
	Until    *time.Time `json:"until,omitempty"`
	Position uint64     `json:"position,omitempty"`
}

// NewExplanation renders the API's answer.
func NewExplanation(e *rowlockv1.ExplainTaskResponse) Explanation {
	x := Explanation{ID: e.GetTask().GetId(), Queue: e.GetTask().GetQueue(), State: e.GetTask().GetState().String(), Summary: e.GetSummary(), Reasons: []Reason{}}
	for _, r := range e.GetReasons() {
		x.Reasons = append(x.Reasons, Reason{Code: r.GetCode(), Message: r.GetMessage(), Until: stamp(r.GetUntil()), Position: r.GetPosition()})
	}
	return x
}

// Table shows the explanation to people: the sentence, then the reasons.
func (x Explanation) Table(t *Table, now time.Time) {
	for _, r := range x.Reasons {
		more := ""
		if r.Until != nil {
			more = fmt.Sprintf(", until %s", Clock(r.Until, now))
		}
		t.Pair("  "+r.Code, r.Message+more)
	}
}
