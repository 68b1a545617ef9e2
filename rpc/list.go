package rpc

import (
	"context"
	"slices"
	"strconv"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// maxScan is how many tasks a page looks at; a page that finds little ends early, with a cursor.
const maxScan = 10_000

// listing is a checked ListTasks call.
type listing struct {
	queue, kind, worker string
	states              []task.State
	batch               task.ID
	finished            bool // of finished states
	quiet               task.Duration
	now                 task.Time // the wall clock: the state's time stands still while nothing happens
	limit               int
	omit                bool
	filter              *filter.Filter
	at                  cursor
}

// ListTasks returns a page of tasks: live ones by ID, finished ones in the order in which they finished, queue by queue.
func (s *taskService) ListTasks(ctx context.Context, req *pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
	l, err := newListing(req)
	if err != nil {
		return nil, err
	}
	l.now = s.now().UnixMicro()
	out := &pb.ListTasksResponse{Lag: lagOf(s.node, req)}
	if !l.filter.All() {
		p := &page{listing: l}
		err := p.readWhere(ctx, s.node, req.GetStale())
		if err != nil {
			return nil, err
		}
		out.Tasks, out.NextCursor, out.Position = p.tasks, p.next, task.EndOf(p.from).String()
		return out, nil
	}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		p := &page{listing: l}
		out.Position = task.EndOf(v.Index()).String()
		if l.finished {
			err = p.readFinished(v)
		} else {
			err = p.readLive(v)
		}
		out.Tasks, out.NextCursor = p.tasks, p.next
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func newListing(req *pb.ListTasksRequest) (l listing, err error) {
	l = listing{queue: req.GetQueue(), kind: req.GetKind(), worker: req.GetWorkerId(), omit: req.GetOmitPayload()}
	if l.queue != "" {
		if err := checkQueue("", "queue", l.queue); err != nil {
			return l, err
		}
	}
	if l.limit, err = pageLimit(req.GetLimit()); err != nil {
		return l, err
	}
	if l.filter, err = compile("where", req.GetWhere()); err != nil {
		return l, err
	}
	if l.quiet, err = microseconds("", "older_than_seconds", req.GetOlderThanSeconds()); err != nil {
		return l, err
	}
	if req.GetBatchId() != "" {
		if l.batch, err = batchID("batch_id", req.GetBatchId()); err != nil {
			return l, err
		}
	}
	for i, w := range req.GetStates() {
		st, ok := parseState(w)
		if !ok {
			return l, invalid("states[%d] is no state: scheduled, blocked, pending, running, completed, cancelled or dead_letter", i)
		}
		if i > 0 && st.Finished() != l.finished {
			return l, invalid("states mixes finished states (completed, cancelled) with others: list them one after the other")
		}
		l.finished = st.Finished()
		if !slices.Contains(l.states, st) {
			l.states = append(l.states, st)
		}
	}
	if l.quiet > 0 {
		if l.finished || (len(l.states) > 0 && !slices.Equal(l.states, []task.State{task.Running})) {
			return l, invalid("older_than_seconds is for running tasks: leave out states or ask for running")
		}
		l.states = []task.State{task.Running}
	}
	slices.Sort(l.states)
	kind := listLive
	if l.finished {
		kind = listFinished
	}
	words := []string{l.queue, l.kind, l.worker, strconv.FormatInt(l.quiet, 10)}
	if !l.filter.All() {
		words = append(words, l.filter.String())
	}
	if l.batch != 0 {
		words = append(words, "batch", l.batch.String())
	}
	query := queryHash(l.states, words...)
	l.at, err = parseCursor(req.GetCursor(), kind, query)
	return l, err
}

// page is a page that is being filled.
type page struct {
	listing
	tasks []*pb.Task
	next  string
	bytes int
	seen  int
	from  uint64 // the log's index as of which a filtered page began: what it shows may be of later moments
}

// full reports whether nothing more should be added.
func (p *page) full() bool { return len(p.tasks) >= p.limit || p.bytes > maxReply || p.seen >= maxScan }

func (p *page) add(t *task.Task) {
	p.tasks = append(p.tasks, viewTask(t, p.omit))
	p.bytes += replySize(t, p.omit)
}

func (p *page) setNext(a, b uint64) {
	c := p.at
	c.a, c.b = a, b
	p.next = c.String()
}

// liveStates are what a listing without states asks for.
var liveStates = []task.State{task.Scheduled, task.Blocked, task.Pending, task.Running, task.DeadLetter}

func (p *page) readLive(v *raftfsm.View) error {
	filter := task.ListFilter{
		Queue: p.queue, Kind: p.kind, States: p.states, Worker: p.worker, After: task.ID(p.at.a), Limit: p.limit, Scan: maxScan,
		OmitPayload: p.omit, Batch: p.batch,
	}
	if len(p.states) == 0 {
		filter.States = liveStates
	}
	if p.quiet > 0 {
		filter.QuietFor = max(v.Now(), p.now) - p.quiet
	}
	tasks, next := v.List(filter)
	for i := range tasks {
		if p.full() {
			next = tasks[i-1].ID
			break
		}
		t := tasks[i]
		if t.PayloadOnDisk && !p.omit {
			var err error
			if t, _, err = v.Task(t.ID); err != nil {
				return err
			}
		}
		p.add(&t)
	}
	if next != 0 {
		p.setNext(uint64(next), 0)
	}
	return nil
}

// readFinished goes through the histories from the cursor's queue and sequence on.
func (p *page) readFinished(v *raftfsm.View) error {
	for number := uint32(max(p.at.a, 1)); ; number++ {
		q, ok := v.QueueByNumber(number)
		if !ok {
			return nil
		}
		if p.queue != "" && q.Name != p.queue {
			continue
		}
		from := q.History.First
		if uint64(number) == p.at.a {
			from = max(from, p.at.b)
		}
		if err := p.readHistory(v, &q, from); err != nil || p.next != "" {
			return err
		}
	}
}

func (p *page) readHistory(v *raftfsm.View, q *task.Queue, from uint64) error {
	const step = 256
	for from < q.History.Next {
		if p.full() {
			p.setNext(uint64(q.Number), from)
			return nil
		}
		tasks, err := v.FinishedFrom(q.Number, from, step)
		if err != nil {
			return err
		}
		if len(tasks) == 0 { // so many were deleted and still are on disk, or there are none
			from += step
			p.seen += step
		}
		for i := range tasks {
			t := &tasks[i]
			if p.full() {
				break
			}
			p.seen++
			from = t.HistorySequence + 1
			if p.matches(t) {
				p.add(t)
			}
		}
	}
	return nil
}

func (p *page) matches(t *task.Task) bool {
	return slices.Contains(p.states, t.State) && (p.kind == "" || t.Kind == p.kind) && (p.worker == "" || t.Worker == p.worker) &&
		(p.batch == 0 || t.Batch == p.batch)
}
