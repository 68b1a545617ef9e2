package rpc

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

const nobody = "0ZZZZZZZZZZZZ"

func (m *member) createBatch(req *pb.CreateBatchRequest) *pb.Batch {
	m.t.Helper()
	out, err := m.batches.CreateBatch(m.ctx(), req)
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetBatch()
}

func (m *member) batch(id string) *pb.Batch {
	m.t.Helper()
	out, err := m.batches.GetBatch(m.ctx(), &pb.GetBatchRequest{Id: id})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.GetBatch()
}

// TestBatch follows a batch through the API: its counts, its callbacks, and what its tasks and their workers see of it.
func TestBatch(t *testing.T) {
	m := start(t)
	b := m.createBatch(&pb.CreateBatchRequest{
		Name:      "nightly",
		OnSuccess: &pb.NewTask{Queue: "ops", Kind: "report", Payload: []byte("well done")}, OnDeath: &pb.NewTask{Queue: "ops", Kind: "alert"},
	})
	if b.GetState() != pb.Batch_open || b.GetName() != "nightly" || b.GetOnSuccess().GetState() != pb.BatchCallback_waiting || b.GetOnComplete() != nil {
		t.Errorf("a new batch: %v", b)
	}
	ids := m.enqueue(&pb.NewTask{Queue: "q", BatchId: b.GetId()}, &pb.NewTask{Queue: "q", BatchId: b.GetId()}, &pb.NewTask{Queue: "q"})
	if got := m.get(ids[0]).GetBatchId(); got != b.GetId() {
		t.Errorf("the task's batch is %q", got)
	}
	if got := m.all(&pb.ListTasksRequest{BatchId: b.GetId(), Limit: 1}); fmt.Sprint(got) != fmt.Sprint(ids[:2]) {
		t.Errorf("the batch's tasks: %v", got)
	}
	s := m.session("q", "ops")
	for _, l := range m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 3}) {
		if (l.GetId() != ids[2]) != (l.GetRelated().GetBatchId() == b.GetId()) {
			t.Errorf("leased: %v", l)
		}
		if l.GetId() == ids[0] {
			if got := m.batch(b.GetId()); got.GetRunning() == 0 || got.GetTotal() != 2 {
				t.Errorf("while it runs: %v", got)
			}
		}
		if _, err := m.workers.Complete(m.ctx(), &pb.CompleteRequest{TaskId: l.GetId(), Token: l.GetToken()}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // closing again is fine
		out, err := m.batches.CloseBatch(m.ctx(), &pb.CloseBatchRequest{Id: b.GetId()})
		if err != nil {
			t.Fatal(err)
		}
		b = out.GetBatch()
	}
	if b.GetState() != pb.Batch_ended || b.GetCompleted() != 2 || b.GetEndedAt() == nil || b.GetOnSuccess().GetState() != pb.BatchCallback_enqueued ||
		b.GetOnDeath().GetState() != pb.BatchCallback_waiting {
		t.Errorf("in the end: %v", b)
	}
	call := m.get(b.GetOnSuccess().GetTaskId())
	if call.GetCallbackOf() != b.GetId() || call.GetCallback() != "on_success" || string(call.GetPayload()) != "well done" || call.GetBatchId() != "" {
		t.Errorf("the callback: %v", call)
	}
	if l := m.lease(&pb.LeaseRequest{SessionId: s, MaxTasks: 3}); len(l) != 1 || l[0].GetRelated().GetCallbackOf() != b.GetId() || l[0].GetRelated().GetCallback() != "on_success" {
		t.Errorf("the callback as its worker sees it: %v", l)
	}
	if got := m.all(&pb.ListTasksRequest{BatchId: b.GetId(), States: []pb.Task_State{pb.Task_completed}}); fmt.Sprint(got) != fmt.Sprint(ids[:2]) {
		t.Errorf("the batch's finished tasks: %v", got)
	}
}

// TestCancelBatch: what waits and runs ends, the worker is told, and on_success doesn't come. What can't be enqueued says why.
func TestCancelBatch(t *testing.T) {
	m := start(t)
	if _, err := m.queues.DrainQueue(m.ctx(), &pb.DrainQueueRequest{Name: "shut"}); err != nil {
		t.Fatal(err)
	}
	b := m.createBatch(&pb.CreateBatchRequest{OnSuccess: &pb.NewTask{Queue: "ops"}, OnComplete: &pb.NewTask{Queue: "shut"}})
	tasks := some(50, "q")
	for _, n := range tasks {
		n.BatchId = b.GetId()
	}
	m.enqueue(tasks...)
	req := &pb.CancelBatchRequest{Id: b.GetId(), RequestId: "stop it"}
	for range 2 { // the second one gets the answer of the first
		out, err := m.batches.CancelBatch(m.ctx(), req)
		if err != nil || out.GetTasks() != 50 || !out.GetBatch().GetCancelRequested() {
			t.Errorf("%v, %v", out, err)
		}
	}
	m.until("all are cancelled", func() bool { return m.batch(b.GetId()).GetState() == pb.Batch_ended })
	b = m.batch(b.GetId())
	if b.GetCancelled() != 50 || b.GetOnSuccess().GetState() != pb.BatchCallback_waiting {
		t.Errorf("%v", b)
	}
	if c := b.GetOnComplete(); c.GetState() != pb.BatchCallback_retrying || c.GetError().GetReason() != "draining" || c.GetTaskId() != "" {
		t.Errorf("a callback for a queue that is drained: %v", c)
	}
}

func TestListBatches(t *testing.T) {
	m := start(t)
	var want, got []string
	for n := range 5 {
		want = append(want, m.createBatch(&pb.CreateBatchRequest{RequestId: fmt.Sprint(n)}).GetId())
	}
	if again := m.createBatch(&pb.CreateBatchRequest{RequestId: "4"}); again.GetId() != want[4] {
		t.Errorf("the same call again made %v", again)
	}
	for req := (&pb.ListBatchesRequest{Limit: 2}); ; {
		out, err := m.batches.ListBatches(m.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range out.GetBatches() {
			got = append(got, b.GetId())
		}
		if req.Cursor = out.GetNextCursor(); req.Cursor == "" {
			break
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestBadBatches(t *testing.T) {
	m := start(t)
	ops := func() *pb.NewTask { return &pb.NewTask{Queue: "ops"} }
	full := func() *pb.NewTask {
		labels := map[string]string{}
		for i := range maxLabels {
			labels[fmt.Sprint(i)] = strings.Repeat("x", maxLabelValue)
		}
		return &pb.NewTask{Queue: "ops", Payload: make([]byte, maxCallbackPayload), Labels: labels}
	}
	inBatch, depends, large := ops(), ops(), ops()
	inBatch.BatchId, depends.DependsOn, large.Payload = nobody, []string{nobody}, make([]byte, maxCallbackPayload+1)
	for want, req := range map[string]*pb.CreateBatchRequest{
		"on_success.queue is required: the queue's name":   {OnSuccess: &pb.NewTask{Kind: "x"}},
		"on_death.queue \"-\" is no queue name":            {OnDeath: &pb.NewTask{Queue: "-"}},
		"on_complete.batch_id is set, but a callback":      {OnComplete: inBatch},
		"on_success.depends_on is set, but a callback":     {OnSuccess: depends},
		"on_success.payload has 16385 bytes, but may have": {OnSuccess: large},
		"on_success, on_death and on_complete take":        {OnSuccess: full(), OnDeath: full(), OnComplete: full()},
		"name has 129 bytes":                               {Name: strings.Repeat("x", 129)},
		"request_id has 65 bytes":                          {RequestId: strings.Repeat("x", 65)},
		"idle_timeout_seconds must be 1 to 31622400 (366":  {IdleTimeoutSeconds: 0.5},
		"seconds must be 1 to 31622400 (366 days), or":     {IdleTimeoutSeconds: 366*24*3600 + 1},
		"idle_timeout_seconds must not be negative":        {IdleTimeoutSeconds: -1},
	} {
		_, err := m.batches.CreateBatch(m.ctx(), req)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("refused with %v, not %q", err, want)
		}
	}
	if out, err := m.batches.ListBatches(m.ctx(), &pb.ListBatchesRequest{}); err != nil || len(out.GetBatches()) != 0 {
		t.Errorf("a refused call made %v, %v", out, err)
	}
	for _, callback := range []*pb.NewTask{
		{Queue: "q", Dependencies: []*pb.Dependency{{TaskId: nobody}}}, {Queue: "q", OnParentFailure: pb.ParentFailure_cancel},
	} {
		if _, err := m.batches.CreateBatch(m.ctx(), &pb.CreateBatchRequest{OnDeath: callback}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("a callback that waits for other tasks: %v", err)
		}
	}
	closed := m.createBatch(&pb.CreateBatchRequest{}).GetId()
	if _, err := m.batches.CloseBatch(m.ctx(), &pb.CloseBatchRequest{Id: closed, RequestId: "used"}); err != nil {
		t.Fatal(err)
	}
	out, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{
		{Queue: "q", BatchId: closed}, {Queue: "q", BatchId: nobody}, {Queue: "q"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"batch_closed", "no_such_batch", ""} {
		if got := out.GetResults()[i].GetError(); got.GetReason() != want || want != "" && !strings.HasPrefix(got.GetMessage(), "batch_id: ") {
			t.Errorf("task %d is refused with %v, not %s", i, got, want)
		}
	}
	if _, err := m.tasks.Enqueue(m.ctx(), &pb.EnqueueRequest{Tasks: []*pb.NewTask{{Queue: "q", BatchId: "x"}}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an ID that is none: %v", err)
	}
	other := m.createBatch(&pb.CreateBatchRequest{}).GetId()
	for what, c := range map[string]struct {
		call func() error
		code codes.Code
	}{
		"get unknown":    {func() error { _, err := m.batches.GetBatch(m.ctx(), &pb.GetBatchRequest{Id: nobody}); return err }, codes.NotFound},
		"get without ID": {func() error { _, err := m.batches.GetBatch(m.ctx(), &pb.GetBatchRequest{}); return err }, codes.InvalidArgument},
		"close unknown":  {func() error { _, err := m.batches.CloseBatch(m.ctx(), &pb.CloseBatchRequest{Id: nobody}); return err }, codes.NotFound},
		"cancel unknown": {func() error { _, err := m.batches.CancelBatch(m.ctx(), &pb.CancelBatchRequest{Id: nobody}); return err }, codes.NotFound},
		"used request ID": {func() error {
			_, err := m.batches.CloseBatch(m.ctx(), &pb.CloseBatchRequest{Id: other, RequestId: "used"})
			return err
		}, codes.AlreadyExists},
		"list limit": {func() error {
			_, err := m.batches.ListBatches(m.ctx(), &pb.ListBatchesRequest{Limit: 1001})
			return err
		}, codes.InvalidArgument},
		"list cursor": {func() error {
			_, err := m.batches.ListBatches(m.ctx(), &pb.ListBatchesRequest{Cursor: "x"})
			return err
		}, codes.InvalidArgument},
	} {
		if err := c.call(); status.Code(err) != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
}
