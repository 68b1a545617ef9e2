package render

import (
	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Result is what became of one task of a call for many.
type Result struct {
	ID    string  `json:"id"`
	NewID string  `json:"new_id,omitempty"`
	Error *Status `json:"error,omitempty"`
}

// Status is why a part of a call was refused.
type Status struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// NewStatus renders the API's status; nil where it says OK.
func NewStatus(s *rowlockv1.Status) *Status {
	if s.GetCode() == int32(codes.OK) {
		return nil
	}
	return &Status{Code: codes.Code(s.GetCode()).String(), Message: s.GetMessage()}
}

// NewResults renders the API's results.
func NewResults(rs []*rowlockv1.TaskResult) []Result {
	results := make([]Result, len(rs))
	for i, r := range rs {
		results[i] = Result{ID: r.GetId(), NewID: r.GetNewId(), Error: NewStatus(r.GetError())}
	}
	return results
}

// Results shows results to people; done is the word for a success.
func Results(done string) func(*Table, []Result) {
	return func(t *Table, page []Result) {
		t.Head("id", "result")
		for _, r := range page {
			switch {
			case r.Error != nil:
				t.Row(r.ID, r.Error.Message)
			case r.NewID != "" && r.NewID != r.ID:
				t.Row(r.ID, done+" as "+r.NewID)
			default:
				t.Row(r.ID, done)
			}
		}
	}
}

// Enqueued is one accepted task.
type Enqueued struct {
	TaskID string `json:"task_id"`
	// Existing: the unique key was taken; this is the task that has it.
	Existing bool `json:"existing"`
}
