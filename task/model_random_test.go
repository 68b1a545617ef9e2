package task_test

import (
	"math"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// random draws commands that make sense in the model's state, and now and then some that don't. Its pools are small,
// so that commands meet each other's tasks.
type random struct {
	t *rapid.T
	m *model
}

var (
	queueNames = []string{"q", "r", "s"}
	kindNames  = []string{"a", "b", "c"}
	uniqueKeys = []string{"", "", "", "k", "l"}
	requestIDs = []string{"x", "y", "z"}
	terms      = []uint64{1, 2}
)

// some draws one of the values.
func some[V any](r random, label string, values ...V) V {
	return rapid.SampledFrom(values).Draw(r.t, label)
}

// rarely returns the value one time in n, else the zero value.
func rarely[V any](r random, n int, label string, draw func() V) (v V) {
	if rapid.IntRange(0, n-1).Draw(r.t, label+"?") == n-1 {
		return draw()
	}
	return v
}

func (r random) number(label string, from, to int) int {
	return rapid.IntRange(from, to).Draw(r.t, label)
}

// duration draws a span from the size of the clock's steps.
func (r random) duration(label string) task.Duration {
	return some(r, label, 1, second, 2*second, 5*second, 30*second, hour)
}

// command draws any command; nested says whether it may be a Request.
func (r random) command(nested bool) task.Command {
	draws := []func() task.Command{
		r.enqueue, r.enqueue, r.enqueue, r.lease, r.lease, r.lease, r.finish, r.finish, r.finish,
		r.tick, r.openSession, r.closeSession, r.expireSessions, r.markSilent, r.progress, r.cancel, r.retry, r.delete,
		r.checksum, r.raiseLevel, r.reset, r.reschedule, r.move, r.setQueue, r.setLimits, r.setMode, r.purge, r.openProducer,
		r.scheduleCommand, r.scheduleCommand, r.scheduleCommand, r.scheduleCommand,
		r.startOperation, r.stepOperation, r.stepOperation, r.stepOperation, r.abortOperation,
		r.enqueueGraph, r.enqueueGraph, r.cancelWorkflow,
		r.createBatch, r.closeBatch, r.cancelBatch,
		r.importTasks, r.importTasks,
		r.noteArchived,
		r.resumeCluster,
		r.drainSession, r.resetQuiet,
		r.installImage, r.advanceCounters,
	}
	if nested {
		draws = append(draws, func() task.Command {
			return &task.Request{ID: some(r, "request", requestIDs...), Command: r.command(false)}
		})
	}
	return draws[r.number("command", 0, len(draws)-1)]()
}

// id draws a task, mostly one that is live and in one of the states; else any, now and then one that isn't there yet.
func (r random) id(label string, states ...task.State) task.ID {
	var fit []task.ID
	for _, id := range r.m.liveIDs() {
		for _, s := range states {
			if r.m.live[id].State == s {
				fit = append(fit, id)
			}
		}
	}
	if len(fit) > 0 && r.number(label+" fits", 0, 9) > 0 {
		return some(r, label, fit...)
	}
	return task.ID(r.number(label, 0, int(r.m.lastID)+3))
}

func (r random) ids(label string, states ...task.State) []task.ID {
	ids := []task.ID{r.id(label, states...)}
	for range r.number(label+" more", 0, 2) {
		ids = append(ids, r.id(label, states...))
	}
	return ids
}

func (r random) session() uint64 {
	if n := len(r.m.sessions); n > 0 && r.number("session is open", 0, 9) > 0 {
		return r.m.sessions[r.number("session", 0, n-1)].ID
	}
	return uint64(r.number("session", 0, int(r.m.lastSession)+1))
}

// token draws a lease's token, the right one if the task is running.
func (r random) token(id task.ID) uint64 {
	if t, ok := r.m.live[id]; ok && t.State == task.Running && r.number("token is right", 0, 9) > 0 {
		return t.Token
	}
	return uint64(r.number("token", 0, int(r.m.lastToken)+2))
}

func (r random) enqueue() task.Command {
	c := &task.Enqueue{}
	for range r.number("tasks", 1, 4) {
		c.Tasks = append(c.Tasks, r.newTask())
	}
	if r.m.lastProducer > 0 && r.number("with producer", 0, 2) == 0 {
		c.Producer = uint64(r.number("producer", 1, int(r.m.lastProducer)+1))
		c.Sequence = uint64(r.number("sequence", 0, 6))
		c.Part = uint32(r.number("part", 0, 1))
		c.AckedBelow = rarely(r, 4, "acked below", func() uint64 { return uint64(r.number("acked", 0, 6)) })
	}
	return c
}

func (r random) newTask() task.NewTask {
	n := task.NewTask{
		Queue:           some(r, "queue", queueNames...),
		Kind:            some(r, "kind", kindNames...),
		Payload:         rarely(r, 3, "payload", func() []byte { return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(r.t, "payload") }),
		Priority:        some(r, "priority", uint8(5), 5, 9, 0),
		Delay:           rarely(r, 4, "delay", func() task.Duration { return r.duration("delay") }),
		RunAt:           rarely(r, 8, "run at", func() task.Time { return r.m.now - second + r.duration("run at") }),
		MaxAttempts:     rarely(r, 2, "max attempts", func() uint16 { return some(r, "attempts", uint16(1), 2, 3) }),
		MaxWorkerDeaths: rarely(r, 2, "max deaths", func() uint8 { return some(r, "deaths", uint8(1), 2) }),
		Timeout:         rarely(r, 3, "timeout", func() task.Duration { return r.duration("timeout") }),
		TTL:             rarely(r, 4, "ttl", func() task.Duration { return r.duration("ttl") }),
		FairKey:         rarely(r, 2, "fair key", func() string { return some(r, "fair key", "t1", "t2", "t3") }),
		TraceContext:    rarely(r, 8, "trace", func() string { return "00-4bf9-01" }),
		Labels:          rarely(r, 8, "labels", func() []task.Label { return []task.Label{{Key: "env", Value: "x"}, {Key: "team", Value: ""}} }),
		Backoff:         rarely(r, 3, "backoff", r.backoff),
		SingletonKey:    rarely(r, 8, "singleton", func() string { return some(r, "singleton", "one", "two") }),
		StickyKey:       rarely(r, 6, "sticky", func() string { return some(r, "sticky", "u", "v") }),
		Require:         rarely(r, 10, "require", r.require),
		Batch:           rarely(r, 3, "in batch", r.batch),
		RetryOf:         rarely(r, 20, "retry of", func() task.ID { return r.id("retry of") }),
	}
	if n.UniqueKey = some(r, "key", uniqueKeys...); n.UniqueKey != "" {
		n.UniqueMode = some(r, "mode", task.UniqueReject, task.UniqueReturn, task.UniqueReplace, task.UniqueDebounce, task.UniqueDebounce)
		n.UniqueWindow = rarely(r, 2, "window", func() task.Duration { return r.duration("window") })
		if n.UniqueMode == task.UniqueDebounce {
			n.MaxWait = rarely(r, 2, "max wait", func() task.Duration { return r.duration("max wait") })
		}
	}
	r.parents(&n)
	return n
}

// parents lets a third of the tasks depend on others, as a proposer would who has looked a moment ago.
func (r random) parents(n *task.NewTask) {
	if r.number("depends", 0, 2) > 0 {
		return
	}
	n.DependsOn = r.ids("parent", task.Pending, task.Running, task.Scheduled, task.Blocked)
	for _, id := range n.DependsOn {
		if f, ok := r.m.finished[id]; ok && f.State == task.Completed {
			n.ParentsDone = append(n.ParentsDone, id)
		}
	}
	r.edges(n)
}

func (r random) require() []task.Label {
	return some(r, "require", []task.Label{{Key: "zone", Value: "1"}}, []task.Label{{Key: "gpu", Value: "a"}, {Key: "zone", Value: "1"}},
		[]task.Label{{Key: "pool", Value: "pool"}}, []task.Label{{Key: "pool", Value: "other"}})
}

func (r random) backoff() task.Backoff {
	if r.number("delays", 0, 1) == 1 {
		return task.Backoff{Delays: some(r, "delays", []task.Duration{0}, []task.Duration{second, 3 * second}, []task.Duration{5 * second})}
	}
	return task.Backoff{
		Initial:    some(r, "initial", task.Duration(0), 1, second, 7*second),
		Maximum:    some(r, "maximum", task.Duration(0), 2*second, hour, math.MaxInt64),
		Multiplier: some(r, "multiplier", uint32(0), 500, 1000, 1500, 3000, math.MaxUint32),
	}
}

func (r random) lease() task.Command {
	return &task.Lease{Session: r.session(), Max: uint32(r.number("max", 0, 4))}
}

func (r random) finish() task.Command {
	c := &task.Finish{}
	for _, id := range r.ids("finish", task.Running) {
		o := task.Outcome{ID: id, Token: r.token(id)}
		o.Kind = some(r, "outcome", task.OutcomeComplete, task.OutcomeComplete, task.OutcomeFail, task.OutcomeFail,
			task.OutcomeFailPermanent, task.OutcomeSnooze, task.OutcomeRelease)
		o.Data = rarely(r, 2, "data", func() []byte { return []byte(some(r, "data", "boom", "", string(make([]byte, maxErrorText+1)))) })
		o.Session = rarely(r, 4, "of session", r.session)
		if o.Kind != task.OutcomeComplete {
			o.Delay = rarely(r, 2, "delay", func() task.Duration { return r.duration("delay") })
			o.Revoke = rarely(r, 6, "revoke", func() task.RevokeReason { return task.RevokedUnlisted })
		}
		c.Outcomes = append(c.Outcomes, o)
	}
	return c
}

func (r random) progress() task.Command {
	id := r.id("progress", task.Running)
	return &task.Progress{Items: []task.ProgressItem{{
		ID: id, Token: r.token(id), Percent: uint8(r.number("percent", 0, 100)), Message: some(r, "message", "", "half"),
	}}}
}

func (r random) tick() task.Command { return &task.Tick{} }

func (r random) openSession() task.Command {
	c := &task.OpenSession{Worker: some(r, "worker", "w1", "w2"), Pool: "pool"}
	for _, q := range rapid.Permutation(queueNames).Draw(r.t, "order")[:r.number("queues", 1, len(queueNames))] {
		c.Queues = append(c.Queues, task.QueueWeight{Queue: q, Weight: some(r, "weight", uint16(1), 1, 2, 5)})
	}
	c.Kinds = rarely(r, 3, "kinds", func() []string { return some(r, "kinds", []string{"a"}, []string{"a", "b"}, []string{"never seen"}) })
	c.Labels = rarely(r, 3, "labels", func() []task.Label { return []task.Label{{Key: "gpu", Value: "a"}, {Key: "zone", Value: "1"}} })
	return c
}

func (r random) closeSession() task.Command { return &task.CloseSession{Session: r.session()} }

func (r random) expireSessions() task.Command {
	c := &task.ExpireSessions{Term: some(r, "term", terms...)}
	for range r.number("sessions", 1, 2) {
		e := task.Expiry{Session: r.session()}
		for _, t := range r.m.leases(e.Session) {
			if r.number("started", 0, 3) > 0 {
				e.Started = append(e.Started, t.Token)
			}
		}
		c.Sessions = append(c.Sessions, e)
	}
	return c
}

func (r random) markSilent() task.Command {
	c := &task.MarkSilent{Term: some(r, "term", terms...)}
	for range r.number("silences", 1, 2) {
		c.Silences = append(c.Silences, task.Silence{Session: r.session(), For: some(r, "silent for", 0, second, hour)})
	}
	return c
}

func (r random) drainSession() task.Command { return &task.DrainSession{Session: r.session()} }

func (r random) checksum() task.Command {
	return &task.Checksum{Agreed: uint64(r.number("agreed", 0, 3)), Hash: some(r, "hash", uint64(0), 7, math.MaxUint64)}
}

func (r random) raiseLevel() task.Command {
	return &task.RaiseFeatureLevel{Level: uint32(r.number("level", 0, int(task.SupportedLevel)))}
}
