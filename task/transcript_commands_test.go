package task_test

import (
	"strings"

	"github.com/rowlock/rowlock/task"
)

// command makes the command of a line.
func (s *stage) command(a *arguments) task.Command {
	switch a.verb {
	case "enqueue":
		return s.enqueueCommand(a)
	case "producer":
		return &task.OpenProducer{Name: a.word()}
	case "request":
		id := a.word()
		a.verb = a.word()
		return &task.Request{ID: id, Command: s.command(a)}
	case "session":
		return sessionCommand(a)
	case "close":
		return &task.CloseSession{Session: a.parseNumber(a.word())}
	case "expire":
		return &task.ExpireSessions{
			Term:     max(a.number("term"), 1),
			Sessions: []task.Expiry{{Session: a.parseNumber(a.word()), Started: a.numbers(a.list("started"))}},
		}
	case "silent":
		return &task.MarkSilent{
			Term:     max(a.number("term"), 1),
			Silences: []task.Silence{{Session: a.parseNumber(a.word()), For: a.duration("for")}},
		}
	case "drain-session":
		return &task.DrainSession{Session: a.parseNumber(a.word())}
	case "level":
		return &task.RaiseFeatureLevel{Level: uint32(a.parseNumber(a.word()))}
	case "archive-up-to":
		return &task.NoteArchived{Index: a.parseNumber(a.word())}
	case "checksum":
		return &task.Checksum{Agreed: a.number("agreed"), Hash: a.number("hash")}
	case "lease":
		return &task.Lease{Session: a.parseNumber(a.word()), Max: uint32(max(a.number("max"), 1))}
	case "complete", "fail", "fail-permanent", "snooze", "release":
		return s.finishCommand(a)
	case "progress":
		id := task.ID(a.parseNumber(a.word()))
		return &task.Progress{Items: []task.ProgressItem{{
			ID: id, Token: s.token(a, id), Percent: uint8(a.number("percent")), Message: a.value("text"),
		}}}
	case "tick":
		return &task.Tick{}
	case "resume":
		return &task.ResumeCluster{}
	}
	if c := s.graphCommand(a); c != nil {
		return c
	}
	return s.adminCommand(a)
}

func (s *stage) adminCommand(a *arguments) task.Command {
	switch a.verb {
	case "cancel":
		return &task.Cancel{IDs: a.ids()}
	case "retry":
		return &task.Retry{IDs: a.ids()}
	case "delete":
		return &task.Delete{IDs: a.ids()}
	case "reset-quiet":
		return &task.ResetQuiet{IDs: a.ids(), Before: a.time("before")}
	case "reset":
		return &task.Reset{IDs: a.ids()}
	case "delete-finished":
		f := s.model.finished[task.ID(a.parseNumber(a.word()))]
		return &task.DeleteFinished{Refs: []task.FinishedRef{{ID: f.ID, Queue: f.QueueNumber, Sequence: f.HistorySequence}}}
	case "reschedule":
		c := &task.Reschedule{
			KeepTime: a.flag("keep-time"), ID: task.ID(a.parseNumber(a.word())),
			RunAt: a.time("at"), Delay: a.duration("delay"), Priority: task.KeepPriority,
		}
		if a.has("priority") {
			c.Priority = uint8(a.number("priority"))
		}
		return c
	case "move":
		return &task.Move{Queue: a.value("to"), IDs: a.ids()}
	case "set":
		return setCommand(a)
	case "open":
		return &task.SetQueueMode{Queue: a.word(), Mode: task.QueueOpen}
	case "pause":
		return &task.SetQueueMode{Queue: a.word(), Mode: task.QueuePaused}
	case "drain":
		return &task.SetQueueMode{Queue: a.word(), Mode: task.QueueDraining}
	case "purge":
		return &task.PurgeQueue{Queue: a.word()}
	case "start", "step", "judge", "abort":
		return s.operationCommand(a)
	}
	if c := s.scheduleCommand(a); c != nil {
		return c
	}
	if a.verb == "import" {
		return s.importCommand(a)
	}
	if a.verb == "batch" {
		return s.batchCommand(a)
	}
	s.t.Fatalf("%s: no such command", a.line)
	return nil
}

var uniqueModes = map[string]task.UniqueMode{
	"": task.UniqueReject, "reject": task.UniqueReject, "return": task.UniqueReturn, "replace": task.UniqueReplace,
	"debounce": task.UniqueDebounce,
}

func (s *stage) enqueueCommand(a *arguments) task.Command {
	mode, ok := uniqueModes[a.value("unique")]
	if !ok {
		a.t.Fatalf("%s: no such mode", a.line)
	}
	n := task.NewTask{
		Queue: a.word(), Kind: a.word(), Payload: []byte(a.value("payload")), Priority: 5,
		RunAt: a.time("at"), Delay: a.duration("delay"),
		MaxAttempts: uint16(a.number("attempts")), MaxWorkerDeaths: uint8(a.number("deaths")),
		Timeout: a.duration("timeout"), TTL: a.duration("ttl"),
		UniqueKey: a.value("key"), UniqueMode: mode, UniqueWindow: a.duration("window"), MaxWait: a.duration("max-wait"),
		FairKey: a.value("fair"), TraceContext: a.value("trace"), Backoff: backoff(a),
		DependsOn: a.parseIDs(a.list("after")), ParentsDone: a.parseIDs(a.list("done")),
		RetryOf: task.ID(a.number("retry-of")), Labels: a.labels("labels"),
		SingletonKey: a.value("singleton"), StickyKey: a.value("sticky"), Require: a.labels("require"),
		Batch: task.ID(a.number("batch")),
	}
	s.kin(a, &n)
	if a.has("priority") {
		n.Priority = uint8(a.number("priority"))
	}
	c := &task.Enqueue{
		Producer: a.number("producer"), Sequence: a.number("seq"), Part: uint32(a.number("part")), AckedBelow: a.number("acked"),
	}
	for range max(a.number("count"), 1) {
		c.Tasks = append(c.Tasks, n)
	}
	return c
}

// backoff reads delays=1s,2s or backoff=initial,maximum,multiplier (in thousandths).
func backoff(a *arguments) task.Backoff {
	b := task.Backoff{Delays: a.durations("delays")}
	if parts := a.list("backoff"); len(parts) == 3 {
		b.Initial, b.Maximum = a.parseDuration(parts[0]), a.parseDuration(parts[1])
		b.Multiplier = uint32(a.parseNumber(parts[2]))
	}
	return b
}

func sessionCommand(a *arguments) task.Command {
	c := &task.OpenSession{Worker: a.word(), Pool: a.value("pool"), Kinds: a.list("kinds"), Labels: a.labels("labels")}
	for _, q := range a.list("queues") {
		name, weight, weighted := strings.Cut(q, ":")
		qw := task.QueueWeight{Queue: name, Weight: 1}
		if weighted {
			qw.Weight = uint16(a.parseNumber(weight))
		}
		c.Queues = append(c.Queues, qw)
	}
	return c
}

// token is the one that is given, else the task's lease's; to know it, what comes before is applied.
func (s *stage) token(a *arguments, id task.ID) uint64 {
	if a.has("token") {
		return a.number("token")
	}
	s.flush()
	_, token, ok := s.machine().LeaseOf(id)
	if !ok {
		a.t.Fatalf("%s: task %d has no lease, give a token", a.line, id)
	}
	return token
}

func (s *stage) finishCommand(a *arguments) task.Command {
	kinds := map[string]task.OutcomeKind{
		"complete": task.OutcomeComplete, "fail": task.OutcomeFail, "fail-permanent": task.OutcomeFailPermanent,
		"snooze": task.OutcomeSnooze, "release": task.OutcomeRelease,
	}
	c := &task.Finish{}
	o := task.Outcome{
		Kind: kinds[a.verb], Data: []byte(a.value("text") + a.value("result")), Delay: a.duration("delay"), Session: a.number("session"),
	}
	if a.flag("unlisted") {
		o.Revoke = task.RevokedUnlisted
	}
	for _, id := range a.ids() {
		o.ID, o.Token = id, s.token(a, id)
		c.Outcomes = append(c.Outcomes, o)
	}
	return c
}

func setCommand(a *arguments) task.Command {
	c := &task.SetQueue{Queue: a.word()}
	field := func(f task.SettingsField, keys ...string) {
		for _, k := range keys {
			if a.has(k) {
				c.Fields |= f
			}
		}
	}
	field(task.FieldMaxAttempts, "attempts")
	field(task.FieldMaxWorkerDeaths, "deaths")
	field(task.FieldTimeout, "timeout")
	field(task.FieldTTL, "ttl")
	field(task.FieldBackoff, "delays", "backoff")
	field(task.FieldRetentionAge, "retain-age")
	field(task.FieldRetentionBytes, "retain-bytes")
	field(task.FieldRetentionTasks, "retain-tasks")
	field(task.FieldMaxRunning, "max-running")
	field(task.FieldRate, "rate")
	field(task.FieldKeyMaxRunning, "key-max-running")
	field(task.FieldKeyRate, "key-rate")
	field(task.FieldFairWeights, "weights")
	field(task.FieldPriorityAging, "aging")
	field(task.FieldStickyWait, "sticky-wait")
	field(task.FieldMaxTasks, "max-tasks")
	field(task.FieldMaxBytes, "max-bytes")
	field(task.FieldDeadLetterQueue, "dead")
	c.Settings = task.QueueSettings{
		MaxAttempts: uint16(a.number("attempts")), MaxWorkerDeaths: uint8(a.number("deaths")),
		Timeout: a.duration("timeout"), TTL: a.duration("ttl"), Backoff: backoff(a),
		RetentionAge: a.duration("retain-age"), RetentionBytes: a.number("retain-bytes"), RetentionTasks: a.number("retain-tasks"),
		MaxRunning: uint32(a.number("max-running")), Rate: a.rate("rate"),
		KeyMaxRunning: uint32(a.number("key-max-running")), KeyRate: a.rate("key-rate"), PriorityAging: a.duration("aging"), StickyWait: a.duration("sticky-wait"),
		MaxTasks: a.number("max-tasks"), MaxBytes: a.number("max-bytes"), DeadLetterQueue: a.value("dead"),
	}
	for _, w := range a.labels("weights") {
		c.Settings.FairWeights = append(c.Settings.FairWeights, task.KeyWeight{Key: w.Key, Weight: uint16(a.parseNumber(w.Value))})
	}
	return c
}
