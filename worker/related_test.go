package worker

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// TestRelated: a handler asks for what a task came from without asking first whether it came from anything.
func TestRelated(t *testing.T) {
	var task RawTask
	task.fill(&rowlockv1.LeasedTask{Id: "0000000000001"})
	if _, ok := task.Parent("charge"); ok || task.Schedule != "" || !task.NominalAt.IsZero() || task.BatchID != "" || task.Callback != "" || task.Parents != nil {
		t.Errorf("a task that stands alone has %+v", task.Related)
	}
	at := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	task.fill(&rowlockv1.LeasedTask{Id: "0000000000002", Related: &rowlockv1.Related{
		Schedule: "nightly", NominalAt: timestamppb.New(at), BatchId: "0000000000001", CallbackOf: "0000000000003", Callback: "on_death",
		Parents: []*rowlockv1.ParentOutcome{{TaskId: "0000000000004", Ref: "charge"}},
	}})
	if p, ok := task.Parent("charge"); !ok || p.ID != "0000000000004" {
		t.Errorf("the parent is %+v, %v", p, ok)
	}
	if task.Schedule != "nightly" || !task.NominalAt.Equal(at) || task.BatchID != "0000000000001" || task.CallbackOf != "0000000000003" || task.Callback != "on_death" {
		t.Errorf("got %+v", task.Related)
	}
}
