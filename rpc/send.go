package rpc

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// send sends what the outbox gathers until the stream ends, and returns why it ended.
func (w *workStream) send(stream pb.WorkerService_WorkServer) error {
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	m := mailer{stream: stream, settle: w.settleDoubts, sent: w.sent}
	for {
		select {
		case <-w.out.filled:
			w.out.take(&m.batch)
			if err := m.send(); err != nil {
				return err
			}
		case <-progress.C:
			w.recordProgress()
		case <-w.ended:
			return w.farewell(&m)
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// sent notes how many bytes of tasks are on their way.
func (w *workStream) sent(bytes int) {
	if w.out.sent(bytes) {
		w.svc.dispatch.relieve(w.taker)
	}
}

// farewell sends the answers that are left. Tasks that are left are given back: no worker has seen them.
func (w *workStream) farewell(m *mailer) error {
	m.batch = w.out.close()
	w.svc.dispatch.giveBack(w.session, m.batch.tasks, task.NotRevoked)
	m.batch.tasks = nil
	if err := m.send(); err != nil && w.cause == nil {
		return err
	}
	return w.cause
}

// mailer turns batches into messages. It uses one message again and again: a sent message has been encoded.
type mailer struct {
	stream interface{ Send(*pb.WorkResponse) error }
	settle func(*batch)
	sent   func(bytes int)
	batch  batch
	msg    pb.WorkResponse
	tasks  []*pb.LeasedTask
	times  []*timestamppb.Timestamp
}

// send sends the batch, in several messages if the tasks are large, and empties it.
func (m *mailer) send() error {
	b := &m.batch
	if len(b.doubts) > 0 {
		m.settle(b)
	}
	if b.empty() {
		return nil
	}
	m.msg.Welcome, m.msg.Beat, m.msg.Drain = b.welcome, b.beat, b.drain
	m.msg.Acked, m.msg.Refused, m.msg.Revoked, m.msg.Stopping = b.acked, b.refused, b.revoked, b.stopping
	for rest := b.tasks; ; {
		n := m.fill(rest)
		m.msg.Tasks = m.tasks[:n]
		if err := m.stream.Send(&m.msg); err != nil {
			return err
		}
		if n > 0 {
			m.sent(payloadBytes(rest[:n]))
		}
		rest = rest[n:]
		m.msg = pb.WorkResponse{}
		if len(rest) == 0 {
			break
		}
	}
	b.reset()
	return nil
}

// fill converts as many tasks as one message should have.
func (m *mailer) fill(tasks []task.Leased) int {
	size := 0
	for i := range tasks {
		if size += leasedBytes(&tasks[i]) + 256; i > 0 && size > maxReply {
			return i
		}
		if i == len(m.tasks) {
			m.tasks = append(m.tasks, &pb.LeasedTask{})
			m.times = append(m.times, &timestamppb.Timestamp{})
		}
		setLeased(m.tasks[i], m.times[i], &tasks[i])
	}
	return len(tasks)
}

// setLeased overwrites every field of a message.
func setLeased(out *pb.LeasedTask, at *timestamppb.Timestamp, t *task.Leased) {
	out.Id, out.Token, out.Queue, out.Kind = t.ID.String(), t.Token, t.Queue, t.Kind
	out.Payload = t.Payload
	out.Attempt, out.MaxAttempts, out.Priority = uint32(t.Attempt), uint32(t.MaxAttempts), uint32(t.Priority)
	out.TimeoutSeconds = seconds(t.Timeout)
	at.Seconds, at.Nanos = t.EnqueuedAt/1e6, int32(t.EnqueuedAt%1e6)*1000
	out.EnqueuedAt = at
	out.Labels, out.TraceContext, out.FairKey = labelMap(t.Labels), t.TraceContext, t.FairKey
	out.WorkerDeaths = uint32(t.WorkerDeaths)
	out.Related = related(t)
}

// related is what the task came from or belongs to; nil: it stands alone, as most do.
func related(t *task.Leased) *pb.Related {
	if t.Schedule == "" && len(t.Parents) == 0 && t.Batch == 0 && t.CallbackOf == 0 {
		return nil
	}
	out := &pb.Related{Schedule: t.Schedule, NominalAt: timestamp(t.NominalTime), Parents: viewParents(t.Parents)}
	if t.Batch != 0 {
		out.BatchId = t.Batch.String()
	}
	if t.CallbackOf != 0 {
		out.CallbackOf, out.Callback = t.CallbackOf.String(), t.Callback.String()
	}
	return out
}

func leasedTask(t *task.Leased) *pb.LeasedTask {
	out := &pb.LeasedTask{}
	setLeased(out, &timestamppb.Timestamp{}, t)
	return out
}
