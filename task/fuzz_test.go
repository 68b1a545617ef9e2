package task_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// sampleCommands has every command at least once, with every field set somewhere.
func sampleCommands() []task.Command {
	full := task.NewTask{
		Queue: "q", Kind: "a", Payload: []byte("payload"), Priority: 9, RunAt: start + second, Delay: second,
		MaxAttempts: 3, MaxWorkerDeaths: 2, Timeout: second, TTL: hour, UniqueKey: "k", UniqueMode: task.UniqueReplace,
		UniqueWindow: second, FairKey: "f", Labels: []task.Label{{Key: "a", Value: "b"}}, TraceContext: "00-1-2-01",
		Backoff:   task.Backoff{Initial: 1, Maximum: 2, Multiplier: 3, Delays: []task.Duration{4}},
		DependsOn: []task.ID{1}, ParentsDone: []task.ID{2}, RetryOf: 3,
	}
	child := task.NewTask{
		Queue: "q", Kind: "a", Edges: []task.Edge{{Parent: 1}, {Parent: 4, When: task.OnFailure}, {Parent: 2, When: task.OnAny}},
		OnParentFailure: task.ParentFailureCancel, Ended: []task.ParentOutcome{{ID: 1, Ref: "r", State: task.Completed, Result: []byte("done"), Omitted: true}},
	}
	outcomes := []task.Outcome{
		{ID: 1, Token: 1, Data: []byte("done"), Session: 1},
		{ID: 2, Token: 2, Kind: task.OutcomeFail, Data: []byte("no"), Delay: second, Revoke: task.RevokedUnlisted},
	}
	return []task.Command{
		&task.OpenProducer{Name: "p"},
		&task.OpenSession{
			Worker: "w1", Pool: "pool", Queues: []task.QueueWeight{{Queue: "q", Weight: 2}, {Queue: "r", Weight: 1}},
			Kinds: []string{"a", "b"}, Labels: []task.Label{{Key: "zone", Value: "1"}},
		},
		&task.Enqueue{Tasks: []task.NewTask{{Queue: "q", Kind: "a"}, {Queue: "q", Kind: "a", Payload: []byte("x")}, full}},
		&task.Enqueue{Producer: 1, Sequence: 2, Part: 1, AckedBelow: 1, Tasks: []task.NewTask{{Queue: "r", Kind: "b"}}},
		&task.Lease{Session: 1, Max: 2},
		&task.Progress{Items: []task.ProgressItem{{ID: 1, Token: 1, Percent: 50, Message: "half"}}},
		&task.Finish{Outcomes: outcomes},
		&task.Request{ID: "x", Command: &task.Lease{Session: 1, Max: 1}},
		&task.ExpireSessions{Term: 1, Sessions: []task.Expiry{{Session: 9, Started: []uint64{1, 2}}}},
		&task.MarkSilent{Term: 1, Silences: []task.Silence{{Session: 9, For: second}, {Session: 1}}},
		&task.DrainSession{Session: 1},
		&task.ResetQuiet{IDs: []task.ID{9}, Before: start},
		&task.Enqueue{Tasks: []task.NewTask{child}},
		&task.EnqueueGraph{Name: "g", Tasks: []task.NewTask{
			{Queue: "q", Kind: "a", Ref: "one"}, {Queue: "q", Kind: "a", Ref: "two", Edges: []task.Edge{{Member: 1, When: task.OnFailure}}},
		}},
		&task.CancelWorkflow{ID: 9},
		&task.CloseSession{Session: 9},
		&task.Cancel{IDs: []task.ID{9}},
		&task.Retry{IDs: []task.ID{2}},
		&task.Delete{IDs: []task.ID{9}, Only: task.DeadLetter},
		&task.DeleteFinished{Refs: []task.FinishedRef{{ID: 1, Queue: 1, Sequence: 1}}},
		&task.Reset{IDs: []task.ID{9}},
		&task.Reschedule{ID: 2, RunAt: start, Delay: second, KeepTime: true, Priority: task.KeepPriority},
		&task.Move{IDs: []task.ID{2}, Queue: "s"},
		&task.SetQueue{Queue: "q", Fields: 255, Settings: task.QueueSettings{
			MaxAttempts: 3, MaxWorkerDeaths: 2, Timeout: second, TTL: hour, Backoff: full.Backoff,
			RetentionAge: hour, RetentionBytes: 1 << 20, RetentionTasks: 1000,
		}},
		&task.SetQueue{Queue: "s", Fields: 1<<11 - 1, Settings: task.QueueSettings{MaxTasks: 1000, MaxBytes: 1 << 20, DeadLetterQueue: "dead"}},
		&task.Enqueue{Tasks: []task.NewTask{{
			Queue: "s", Kind: "b", UniqueKey: "d", UniqueMode: task.UniqueDebounce, Delay: second, MaxWait: hour, MaxAttempts: 1, TTL: 1,
		}}},
		&task.SetQueueMode{Queue: "q", Mode: task.QueuePaused},
		&task.PurgeQueue{Queue: "q"},
		&task.CreateBatch{Name: "b", Callbacks: [3]*task.NewTask{{Queue: "q", Kind: "done", Payload: []byte("x")}, {Queue: "q"}, {Queue: "s"}}},
		&task.Enqueue{Tasks: []task.NewTask{{Queue: "r", Batch: 4}, {Queue: "r", Batch: 5}}},
		&task.CancelBatch{ID: 5},
		&task.CloseBatch{ID: 6},
		&task.ImportTasks{Replace: true, Next: 9, Imports: 1, Tasks: []task.ImportedTask{
			{ID: 20, NewTask: full, State: task.Scheduled, EnqueuedAt: start, ExpiresAt: start + hour, Attempt: 2, Failures: 1, Deaths: 1,
				Errors: []task.AttemptError{{At: start, Attempt: 1, Cause: task.CauseTimeout, Message: "slow", Worker: "w1"}}},
			{ID: 21, NewTask: child, State: task.Blocked, Found: task.Pending},
			{ID: 22, NewTask: task.NewTask{Queue: "r"}, State: task.DeadLetter, Reason: task.ReasonFailed, DiedAt: start, Origin: "q", Found: task.Completed},
		}},
		&task.Checksum{Agreed: 9, Hash: 1<<64 - 1},
		&task.RaiseFeatureLevel{Level: 2},
		&task.PutSchedule{
			Name: "s1", Spec: task.ScheduleSpec{Expression: "* * * * *", TimeZone: "UTC", Jitter: second, Start: start, End: start + hour},
			Policy:   task.SchedulePolicy{Misfire: task.MisfireCatchUp, CatchUp: 3, Grace: second, Overlap: task.OverlapQueueOne, Ledger: 7},
			Template: task.NewTask{Queue: "s", Kind: "a", Payload: []byte("{{schedule}}"), Labels: full.Labels, Backoff: full.Backoff},
			Next:     start, Due: start,
		},
		&task.SetSchedulePaused{Name: "s2", Paused: true, Next: start, Due: start + 1},
		&task.TriggerSchedule{Name: "s1"},
		&task.FireSchedules{Ticks: []task.ScheduleTick{
			{Schedule: "s1", Revision: 1, Nominal: start, Next: start + second, Due: start + second},
			{Schedule: "s1", Revision: 1, Nominal: start, Next: start + 2*second, Due: start + 2*second, Missed: 2, Last: start + second},
		}},
		&task.BackfillSchedule{Name: "s1", Nominals: []task.Time{start}},
		&task.DeleteSchedule{Name: "s2"},
		&task.Tick{},
		&task.StartOperation{Plan: task.OperationPlan{
			Action: task.OperationRetry, Queue: "q", Kind: "a", States: []task.State{task.Scheduled, task.DeadLetter}, Filter: "true",
			Name: "n", Expected: 300, Rate: 7, CanaryWait: second, CanaryFailures: 100,
		}},
		&task.StartOperation{Plan: task.OperationPlan{Action: task.OperationDelete, States: []task.State{task.Completed}}},
		&task.StepOperation{
			ID: 5, To: task.OperationCursor{A: 2}, Visited: 2, Tasks: []task.OperationTask{{ID: 2, State: task.Scheduled}}, Failed: []task.ID{1},
		},
		&task.StepOperation{
			ID: 6, To: task.OperationCursor{A: 1, B: 2}, Visited: 1, End: true,
			Tasks: []task.OperationTask{{ID: 1, State: task.Completed, Queue: 1, Sequence: 1}},
		},
		&task.AbortOperation{ID: 5, Why: "the filter is of a newer version"},
		&task.NoteArchived{Index: 7},
		&task.ResumeCluster{},
		&task.AdvanceCounters{Spare: 1 << 20, Now: 1 << 50},
		&task.InstallImage{SHA256: [32]byte{7, 31: 9}, Timeline: 1 << 40, Term: 1 << 50},
	}
}

// sampleReplica is a machine in which a bit of everything has happened, with a checkpoint under way.
func sampleReplica(t testing.TB) (*group, *replica) {
	t.Helper()
	g := newGroup(1)
	r := g.replicas[0]
	for i, c := range sampleCommands() {
		_, entry := g.encode([]task.Command{c})
		if _, _, err := r.apply(1, entry); err != nil {
			t.Fatalf("sample %T: %v", c, err)
		}
		if i == 8 {
			if err := r.checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g, r
}

// FuzzApply feeds a machine arbitrary bytes as entries. What doesn't decode is refused and changes nothing; what does
// leaves a machine that can be saved and loaded.
func FuzzApply(f *testing.F) {
	g, _ := sampleReplica(f)
	for _, c := range sampleCommands() {
		_, entry := g.encode([]task.Command{c, &task.Tick{}})
		f.Add(entry)
		f.Add(entry[:len(entry)-1])
	}
	_, all := g.encode(sampleCommands())
	f.Add(all)
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, entry []byte) {
		_, r := sampleReplica(t)
		hash, now, live := r.machine.Hash(), r.machine.Now(), r.machine.LiveTasks()
		_, _, err := r.apply(1, entry)
		if err != nil {
			same(t, "the machine after "+err.Error(), []any{r.machine.Hash(), r.machine.Now(), r.machine.LiveTasks()}, []any{hash, now, live})
			return
		}
		r.machine.NextTimer()
		hash = r.machine.Hash()
		if err := r.checkpoint(); err != nil {
			t.Fatal(err)
		}
		if err := r.restart(); err != nil {
			t.Fatalf("what was saved doesn't load: %v", err)
		}
		same(t, "state hash after loading", r.machine.Hash(), hash)
	})
}

// TestApplyRefusesWhole cuts and garbles an entry of all commands: as soon as one doesn't decode, none is executed.
func TestApplyRefusesWhole(t *testing.T) {
	g, r := sampleReplica(t)
	commands := []task.Command{&task.Enqueue{Tasks: []task.NewTask{{Queue: "new", Kind: "a"}}}, &task.Tick{}, &task.Cancel{IDs: []task.ID{2}}}
	whole := map[int]bool{} // lengths at which the entry ends between two commands
	entry := task.AppendHeader(nil, task.Header{Time: g.clock + hour})
	for _, c := range commands {
		whole[len(entry)] = true
		entry = task.AppendCommand(entry, c)
	}
	hash := r.machine.Hash()
	for n := range entry {
		if whole[n] {
			continue
		}
		if _, _, err := r.machine.Apply(1, entry[:n], true); err == nil {
			t.Fatalf("the first %d bytes of the entry are executed", n)
		}
		if r.machine.Hash() != hash {
			t.Fatalf("%d bytes of the entry don't decode, but change the state", n)
		}
	}
}

// FuzzLoader feeds a Loader arbitrary records: an image of a state file in which one record is replaced. It may refuse
// them, but must not panic, and what it accepts must be a machine that works.
func FuzzLoader(f *testing.F) {
	_, r := sampleReplica(f)
	if err := r.checkpoint(); err != nil {
		f.Fatal(err)
	}
	image := r.disk
	for _, kind := range task.Kinds {
		for key, value := range image.records[kind] {
			f.Add(byte(kind), []byte(key), value)
		}
	}
	for id, t := range image.tasks {
		f.Add(byte(0), binary.BigEndian.AppendUint64(nil, uint64(id)), t.record)
	}
	f.Fuzz(func(t *testing.T, kind byte, key, value []byte) {
		m, err := image.with(kind, key, value).load()
		if err != nil {
			return
		}
		g := &group{clock: start + hour}
		for _, c := range []task.Command{&task.Tick{}, &task.Lease{Session: 1, Max: 10}, &task.CloseSession{Session: 1}} {
			_, entry := g.encode([]task.Command{c})
			if _, _, err := m.Apply(1, entry, true); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// with returns a copy of the disk in which one record is another: a task's for kind 0.
func (d *disk) with(kind byte, key, value []byte) *disk {
	c := newDisk()
	for k, records := range d.records {
		c.records[k] = maps.Clone(records)
	}
	c.tasks = maps.Clone(d.tasks)
	switch k := task.Kind(kind); {
	case kind == 0 && len(key) == 8:
		id := task.ID(binary.BigEndian.Uint64(key))
		c.tasks[id] = diskTask{id: id, record: value}
	case slices.Contains(task.Kinds[:], k):
		if c.records[k] == nil {
			c.records[k] = map[string][]byte{}
		}
		c.records[k][string(key)] = value
	}
	return c
}

// FuzzDecodeTask feeds both decoders of tasks arbitrary bytes.
func FuzzDecodeTask(f *testing.F) {
	_, r := sampleReplica(f)
	if err := r.checkpoint(); err != nil {
		f.Fatal(err)
	}
	for _, t := range r.disk.tasks {
		f.Add(t.record)
	}
	for _, h := range r.disk.history {
		for _, t := range h {
			f.Add(t.record)
		}
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		name := func(uint32) string { return "q" }
		kept := bytes.Clone(record)
		live, _ := task.DecodeTask(1, record, name)
		finished, _ := task.DecodeFinished(record)
		_, _ = live.State.String(), finished.State.String()
		if !bytes.Equal(kept, record) {
			t.Fatal("decoding changes the record")
		}
	})
}

// FuzzReadHeader feeds the header's decoder arbitrary bytes; what it accepts is what AppendHeader writes.
func FuzzReadHeader(f *testing.F) {
	f.Add(task.AppendHeader(nil, task.Header{Time: start, Seed: 1, Node: 2, Seq: 3}))
	f.Add(task.AppendHeader(nil, task.Header{Time: start, Seed: 1, Node: 2, Seq: 3, Timeline: 4}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, entry []byte) {
		h, err := task.ReadHeader(entry)
		if err != nil {
			return
		}
		if again := task.AppendHeader(nil, h); !bytes.HasPrefix(entry, again) {
			t.Fatalf("%x reads as %+v, which is written as %x", entry, h, again)
		}
	})
}

// FuzzParseID feeds the ID's parser arbitrary text; what it accepts means the same when written again.
func FuzzParseID(f *testing.F) {
	f.Add(task.ID(42).String())
	f.Add("ZZZZZZZZZZZZZ")
	f.Add("oil0000000000")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := task.ParseID(s)
		if err != nil {
			return
		}
		if again, err := task.ParseID(id.String()); err != nil || again != id {
			t.Fatalf("%q is %d, written as %s, read as %d (%v)", s, id, id, again, err)
		}
		text, err := json.Marshal([]task.ID{id})
		if err != nil || string(text) != `["`+id.String()+`"]` {
			t.Fatalf("%s in JSON: %s %v", id, text, err)
		}
		var back []task.ID
		if err := json.Unmarshal(text, &back); err != nil || back[0] != id {
			t.Fatalf("%s read as %v: %v", text, back, err)
		}
	})
}
