package rpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// maxFinishing is how many messages with outcomes of one worker may be in flight; the next isn't read before.
const maxFinishing = 32

// helloTime is how long a worker may take to say hello.
const helloTime = 10 * time.Second

// progressEvery is how often a worker's signs of progress are recorded; between, the newest of each task is kept.
const progressEvery = time.Second

// workStream is one Work stream. Its handler's goroutine sends, another receives; the apply goroutine and the dispatcher
// fill its outbox.
type workStream struct {
	svc     *workerService
	session uint64
	taker   *taker
	out     *outbox
	slots   chan struct{} // a token for each message with outcomes in flight

	endOnce sync.Once
	ended   chan struct{}
	cause   error // why it ended; read after ended is closed

	goodbye atomic.Bool // the worker ends its session itself

	// Owned by the receiving goroutine.
	unlisted unlisted

	mu       sync.Mutex                   // guards progress
	progress map[uint64]task.ProgressItem // by token
}

// Work serves one worker until one of the sides leaves. The session outlives the stream, up to its TTL.
func (s *workerService) Work(stream pb.WorkerService_WorkServer) error {
	first, err := s.first(stream)
	if err != nil {
		return err
	}
	w, err := s.attach(stream.Context(), first.GetHello())
	if err != nil {
		return err
	}
	defer s.detach(w)
	s.receivers.Go(func() { w.receive(stream, first) })
	return w.send(stream)
}

// first waits for the message that opens a stream.
func (s *workerService) first(stream pb.WorkerService_WorkServer) (*pb.WorkRequest, error) {
	type message struct {
		req *pb.WorkRequest
		err error
	}
	received := make(chan message, 1)
	s.receivers.Go(func() {
		req, err := stream.Recv()
		received <- message{req, err}
	})
	timer := time.NewTimer(helloTime)
	defer timer.Stop()
	select {
	case m := <-received:
		if m.err == nil && m.req.GetHello() == nil {
			return nil, invalid("hello is required in the first message of a stream")
		}
		return m.req, m.err
	case <-timer.C:
		return nil, invalid("hello is required within %s of opening a stream", helloTime)
	}
}

// end makes the stream end with the cause, after what waits has been sent. nil: the worker said goodbye.
func (w *workStream) end(cause error) {
	w.endOnce.Do(func() {
		w.cause = cause
		close(w.ended)
	})
}

// sessionEnded ends the stream with its session.
func (w *workStream) sessionEnded() {
	if w.goodbye.Load() {
		w.end(nil)
		return
	}
	w.end(task.UnknownSession)
}

// receive reads the worker's messages until the stream ends. It ends itself when the handler returns, which cancels
// the stream's context.
func (w *workStream) receive(stream pb.WorkerService_WorkServer, first *pb.WorkRequest) {
	ctx := stream.Context()
	for req := first; ; {
		if err := w.handle(ctx, req); err != nil {
			w.end(err)
			return
		}
		if req.GetGoodbye() {
			w.end(nil)
			return
		}
		next, err := stream.Recv()
		if err != nil {
			w.leave(ctx, err)
			return
		}
		if next.GetHello() != nil {
			w.end(invalid("hello is given twice: it opens a stream, and only that"))
			return
		}
		req = next
	}
}

// leave ends the stream when nothing more comes from the worker. If it only closed its side, it still gets the answers
// to what it sent.
func (w *workStream) leave(ctx context.Context, err error) {
	if !errors.Is(err, io.EOF) {
		w.end(err)
		return
	}
	for range maxFinishing {
		select {
		case w.slots <- struct{}{}:
		case <-ctx.Done():
		case <-w.ended:
		}
	}
	w.end(nil)
}

// handle deals with one message, in an order that makes sense of a message with everything: what has started, then
// what has ended, then how much room there is.
func (w *workStream) handle(ctx context.Context, req *pb.WorkRequest) error {
	for w.out.backlog() {
		select {
		case <-w.out.drained:
		case <-ctx.Done():
			return ctx.Err()
		case <-w.ended:
			return nil
		}
	}
	if len(req.GetStarted()) > 0 {
		w.svc.node.Sessions().MarkStarted(w.session, req.GetStarted())
	}
	if len(req.GetProgress()) > 0 {
		if err := w.note(req.GetProgress()); err != nil {
			return err
		}
	}
	if req.Capacity != nil {
		w.svc.dispatch.setCapacity(w.taker, w.svc.capacity(req.GetCapacity()))
	}
	if len(req.GetOutcomes()) > 0 {
		if err := w.finish(ctx, req.GetOutcomes()); err != nil {
			return err
		}
	}
	if req.GetBeat() != nil {
		if err := w.beat(req.GetBeat()); err != nil {
			return err
		}
	}
	if req.GetGoodbye() {
		w.goodbye.Store(true)
		return w.svc.close(ctx, w.session)
	}
	return nil
}

// capacity is how many leases a worker may hold that is ready for n.
func (s *workerService) capacity(n uint32) int { return int(min(n, uint32(s.limits.Held))) }

// finish proposes outcomes. Those that make no sense are refused at once.
func (w *workStream) finish(ctx context.Context, list []*pb.Outcome) error {
	outcomes := make([]task.Outcome, 0, len(list))
	for _, o := range list {
		converted, err := w.svc.outcome(o)
		if err != nil {
			w.refuse(o.GetToken(), err)
			continue
		}
		converted.Session = w.session
		outcomes = append(outcomes, converted)
	}
	for len(outcomes) > 0 {
		n := nextFinish(outcomes)
		if err := w.propose(ctx, outcomes[:n:n]); err != nil {
			return err
		}
		outcomes = outcomes[n:]
	}
	return nil
}

// nextFinish returns how many of the outcomes make the next command.
func nextFinish(outcomes []task.Outcome) int {
	size := 0
	for i := range outcomes {
		if size += 32 + len(outcomes[i].Data); i == partTasks || (i > 0 && size > partBytes) {
			return i
		}
	}
	return len(outcomes)
}

// propose proposes outcomes as one command, when there is a slot.
func (w *workStream) propose(ctx context.Context, outcomes []task.Outcome) error {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
		return nil
	}
	w.svc.dispatch.finish(w.taker, outcomes, func(res task.Result, err error) {
		w.answer(outcomes, res, err)
		<-w.slots
	})
	return nil
}

// answer turns the result of a Finish command into acknowledgements. It runs on the apply goroutine.
func (w *workStream) answer(outcomes []task.Outcome, res task.Result, err error) {
	if err == nil {
		err = res.Code.Err()
	}
	if errors.Is(err, raftfsm.ErrRestored) {
		err = errResumeWork
	}
	if err != nil { // the worker sends them again, on its next stream
		w.end(err)
		return
	}
	w.out.put(func(b *batch) {
		for i := range res.Items {
			switch res.Items[i].Code {
			case task.OK:
				b.acked = append(b.acked, outcomes[i].Token)
			case task.NotLive, task.StaleToken:
				b.doubts = append(b.doubts, outcomes[i])
			default:
				b.refused = append(b.refused, &pb.Refusal{Token: outcomes[i].Token, Status: partStatus(&taskError{
					id: outcomes[i].ID, code: res.Items[i].Code, state: res.Items[i].State,
				})})
			}
		}
	})
}

func (w *workStream) refuse(token uint64, err error) {
	w.out.put(func(b *batch) { b.refused = append(b.refused, &pb.Refusal{Token: token, Status: partStatus(err)}) })
}

// revoked tells the worker that it lost a lease.
func (w *workStream) revoked(id task.ID, token uint64, why string) {
	w.out.put(func(b *batch) {
		b.revoked = append(b.revoked, &pb.Revocation{TaskId: id.String(), Token: token, Reason: why})
	})
}

// deliver is the taker's.
func (w *workStream) deliver(tasks []task.Leased, err error) bool {
	if errors.Is(err, task.UnknownSession) {
		w.end(err)
	}
	return w.out.putTasks(tasks)
}

// note keeps signs of progress for the next time that they are recorded.
func (w *workStream) note(list []*pb.LeaseProgress) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range list {
		item, err := progressItem(p)
		if err != nil {
			return err
		}
		if w.progress == nil {
			w.progress = map[uint64]task.ProgressItem{}
		}
		if _, known := w.progress[item.Token]; known || len(w.progress) < maxHeld {
			w.progress[item.Token] = item
		}
	}
	return nil
}

func progressItem(p *pb.LeaseProgress) (task.ProgressItem, error) {
	id, err := taskID("progress.task_id", p.GetTaskId())
	if err != nil {
		return task.ProgressItem{}, err
	}
	if p.GetPercent() > 100 {
		return task.ProgressItem{}, invalid("progress.percent must be 0 to 100, not %d", p.GetPercent())
	}
	return task.ProgressItem{
		ID: id, Token: p.GetToken(), Percent: uint8(p.GetPercent()), Message: cutText(p.GetMessage(), maxProgressText),
	}, nil
}

// recordProgress proposes the signs of progress that have come since the last time.
func (w *workStream) recordProgress() {
	w.mu.Lock()
	noted := w.progress
	w.progress = nil
	w.mu.Unlock()
	if len(noted) > 0 {
		w.svc.recordProgress(noted)
	}
}
