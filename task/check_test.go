package task

import "testing"

// variedMachine has tasks of all lives, and something of every kind.
func variedMachine(t *testing.T) *Machine {
	t.Helper()
	m := NewMachine()
	at := Time(1_700_000_000_000_000)
	run := func(commands ...Command) []Result {
		t.Helper()
		at++
		entry := AppendHeader(nil, Header{Time: at})
		for _, c := range commands {
			entry = AppendCommand(entry, c)
		}
		results, _, err := m.Apply(1, entry, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Code != OK {
				t.Fatal(r.Code)
			}
		}
		return results
	}
	run(&RaiseFeatureLevel{Level: SupportedLevel})
	run(&OpenSession{Worker: "w", Queues: []QueueWeight{{Queue: "mail", Weight: 1}}})
	batch := run(&CreateBatch{Name: "b", Callbacks: [callbackKinds]*NewTask{{Queue: "done"}}})[0].Items[0].ID
	list := []NewTask{
		{Queue: "mail", Kind: "a", Payload: []byte("x"), FairKey: "ada", StickyKey: "s", UniqueKey: "u"},
		{Queue: "mail", Kind: "a", Payload: []byte("y"), FairKey: "ada", SingletonKey: "one"},
		{Queue: "mail", Kind: "b", Payload: []byte("z"), FairKey: "bob", Batch: batch, UniqueKey: "v"},
		{Queue: "mail", Kind: "b", Delay: 1000 * second, TTL: 2000 * second},
		{Queue: "mail", Kind: "c", SingletonKey: "one"},
		{Queue: "mail", Kind: "c"}, {Queue: "mail", Kind: "c"}, {Queue: "mail", Kind: "c"},
	}
	run(&Enqueue{Tasks: list})
	leased := run(&Lease{Session: 1, Max: 4})[0].Leased
	run(&Finish{Outcomes: []Outcome{{ID: leased[0].ID, Token: leased[0].Token, Kind: OutcomeComplete}}})
	run(&Enqueue{Tasks: list[:1]})
	run(&EnqueueGraph{Name: "g", Tasks: []NewTask{
		{Queue: "graph", Ref: "a"}, {Queue: "graph", Ref: "b", Edges: []Edge{{Member: 1}}},
	}})
	run(&PutSchedule{
		Name: "nightly", Spec: ScheduleSpec{Expression: "@daily"}, Template: NewTask{Queue: "mail"}, Next: 1_800_000_000 * second,
	})
	producer := run(&OpenProducer{Name: "p"})[0].Items[0].ID
	run(&Enqueue{Producer: uint64(producer), Sequence: 1, Tasks: []NewTask{{Queue: "calls"}}})
	run(&Request{ID: "first", Command: &Enqueue{Tasks: []NewTask{{Queue: "calls"}}}})
	run(&Request{ID: "second", Command: &Enqueue{Tasks: []NewTask{{Queue: "calls", Delay: 1000 * second}}}})
	delayed := m.lastInQueue("calls")
	plan := OperationPlan{Action: OperationRetry, States: []State{Scheduled}, Expected: 500, CanaryWait: second}
	operation := run(&StartOperation{Plan: plan})[0].Items[0].ID
	run(&StepOperation{ID: operation, To: OperationCursor{A: uint64(delayed)}, Visited: 1, Tasks: []OperationTask{{ID: delayed, State: Scheduled}}})
	if found := m.Check(10); len(found) > 0 {
		t.Fatalf("to begin with: %v", found)
	}
	return m
}

func (m *Machine) firstIn(s State) *record {
	for i := slot(1); i < m.tasks.top; i++ {
		if r := m.tasks.at(i); r.state == s {
			return r
		}
	}
	return nil
}

// lastInQueue is the newest live task of a queue.
func (m *Machine) lastInQueue(queue string) (id ID) {
	for i := slot(1); i < m.tasks.top; i++ {
		if r := m.tasks.at(i); r.queue == m.queueNames[queue].number {
			id = max(id, r.id)
		}
	}
	return id
}

// only is the one operation, or producer.
func only[K comparable, V any](all map[K]V) (one V) {
	for _, one = range all {
	}
	return one
}

// TestCheckFinds damages a machine in one place at a time: Check tells which.
func TestCheckFinds(t *testing.T) {
	for name, c := range map[string]struct {
		part   string
		damage func(m *Machine)
	}{
		"a task lost from the index":  {"index", func(m *Machine) { m.index.pages[0].slots[m.firstIn(Pending).id%pageSize] = 0 }},
		"another's record":            {"index", func(m *Machine) { m.firstIn(Pending).id++ }},
		"live tasks":                  {"tasks", func(m *Machine) { m.tasks.live++ }},
		"memory":                      {"tasks", func(m *Machine) { m.resident++ }},
		"an ID that comes":            {"tasks", func(m *Machine) { m.nextID = 3 }},
		"a token that comes":          {"tasks", func(m *Machine) { m.lastToken = 0 }},
		"a queue's count":             {"queue mail", func(m *Machine) { m.queueNames["mail"].live[Pending]++ }},
		"a queue's bytes":             {"queue mail", func(m *Machine) { m.queueNames["mail"].bytes++ }},
		"a queue's name":              {"queue mail", func(m *Machine) { delete(m.queueNames, "mail") }},
		"a block of the history":      {"queue mail", func(m *Machine) { m.queueNames["mail"].history.blocks[0].count++ }},
		"the bytes of the history":    {"queue mail", func(m *Machine) { m.queueNames["mail"].history.bytes-- }},
		"a flow":                      {"flows", func(m *Machine) { m.flows.all[1].refs++ }},
		"a lane's count":              {"lanes", func(m *Machine) { m.tree.all[m.firstIn(Pending).owner].count++ }},
		"a task's priority":           {"lanes", func(m *Machine) { m.firstIn(Pending).priority++ }},
		"a lane that is open":         {"lanes", func(m *Machine) { m.tree.all[m.firstIn(Pending).owner].place = 0 }},
		"a node's order":              {"lanes", func(m *Machine) { m.tree.all[m.tree.all[m.firstIn(Pending).owner].parent].order-- }},
		"what may be leased":          {"queue mail", func(m *Machine) { m.queueNames["mail"].stages[0].ready[0]-- }},
		"a fair key's count":          {"fair key ada of queue mail", func(m *Machine) { m.tenantFor(m.queueNames["mail"], "ada").running++ }},
		"a fair key's turn":           {"lanes", func(m *Machine) { m.tenantFor(m.queueNames["mail"], "ada").turn = 99 }},
		"a singleton":                 {"singleton key one of queue mail", func(m *Machine) { m.singletonFor(m.queueNames["mail"], "one").running++ }},
		"a lease":                     {"sessions", func(m *Machine) { m.firstIn(Running).state = Scheduled }},
		"a digest":                    {"sessions", func(m *Machine) { m.sessions.all[1].digest++ }},
		"a session's count":           {"sessions", func(m *Machine) { m.sessions.all[1].running++ }},
		"a timer":                     {"timers", func(m *Machine) { m.timers.heap[0].at++ }},
		"a lost timer":                {"timers", func(m *Machine) { m.timers.clear(m.firstIn(Scheduled)) }},
		"a family":                    {"dependencies", func(m *Machine) { clear(m.families) }},
		"a family's count":            {"dependencies", func(m *Machine) { m.families[m.workflows.order[0]].waiting++ }},
		"a parent":                    {"parents", func(m *Machine) { m.parents.byID[m.workflows.order[0]].children++ }},
		"an outcome":                  {"parents", func(m *Machine) { m.parents.sum++ }},
		"a unique key":                {"unique keys", func(m *Machine) { clear(m.unique) }},
		"a unique key without holder": {"unique keys", func(m *Machine) { m.unique[uniqueKey{1}] = uniqueEntry{holder: 1} }},
		"a sticky key":                {"sticky keys", func(m *Machine) { clear(m.sticky.byKey) }},
		"a batch's count":             {"batches", func(m *Machine) { m.batches.byID[m.batches.order[0]].counts.Waiting++ }},
		"a batch's end":               {"batches", func(m *Machine) { m.batches.byID[m.batches.order[0]].ended = 1 }},
		"a workflow's count":          {"workflows", func(m *Machine) { m.workflows.byID[m.workflows.order[0]].counts.Waiting-- }},
		"a schedule's tick":           {"schedule nightly", func(m *Machine) { m.schedules.due[0] = &schedule{} }},
		"a schedule's task":           {"schedule nightly", func(m *Machine) { m.schedules.sorted[0].live = []ID{1} }},
		"batches out of order":        {"batches", func(m *Machine) { m.batches.order = []ID{2, 2} }},
		"a batch that is listed":      {"batches", func(m *Machine) { m.batches.due = []ID{1} }},
		"a workflow that is listed":   {"workflows", func(m *Machine) { m.workflows.cancelling = []ID{1} }},
		"a schedule too many":         {"schedules", func(m *Machine) { m.schedules.due = append(m.schedules.due, &schedule{name: "x", due: 1 << 60}) }},
		"a window that stays":         {"unique keys", func(m *Machine) { m.unique[uniqueKey{1}] = uniqueEntry{holder: 1, until: 1 << 60} }},
		"a request's place":           {"requests", func(m *Machine) { m.requests.byID["second"]-- }},
		"a request that is lost":      {"requests", func(m *Machine) { delete(m.requests.byID, "first") }},
		"a request's time":            {"requests", func(m *Machine) { m.requests.entries[0].at += second }},
		"a request's answer":          {"requests", func(m *Machine) { m.requests.entries[0].items = []byte{1} }},
		"what is saved of requests":   {"requests", func(m *Machine) { m.requests.saved = 9 }},
		"a producer's bytes":          {"producers", func(m *Machine) { only(m.producers).bytes++ }},
		"a producer's floor":          {"producers", func(m *Machine) { only(m.producers).floor = 2 }},
		"a producer's answer":         {"producers", func(m *Machine) { only(m.producers).answers[1][0].items = []byte{1} }},
		"a producer that comes":       {"producers", func(m *Machine) { m.lastProducer = 0 }},
		"a producer that stays":       {"producers", func(m *Machine) { only(m.producers).lastUsed -= second }},
		"an operation's count":        {"operations", func(m *Machine) { only(m.operations.all).Changed++ }},
		"an operation's errors":       {"operations", func(m *Machine) { only(m.operations.all).Errors = make([]OperationError, 1) }},
		"an operation's end":          {"operations", func(m *Machine) { only(m.operations.all).EndedAt = 1 }},
		"unfinished operations":       {"operations", func(m *Machine) { m.operations.unfinished = 0 }},
		"the newest operation":        {"operations", func(m *Machine) { m.operations.newest = 0 }},
		"a canary":                    {"operations", func(m *Machine) { only(m.operations.all).Canary = nil }},
		"a canary's failures":         {"operations", func(m *Machine) { only(m.operations.all).CanarySetbacks = nil }},
		"a task's record":             {"state hash", func(m *Machine) { m.Hash(); m.firstIn(Pending).maxAttempts++ }},
		"the hash":                    {"state hash", func(m *Machine) { m.hashSum++ }},
		"a batch's record":            {"state hash", func(m *Machine) { m.Hash(); m.batches.byID[m.batches.order[0]].name = "c" }},
	} {
		t.Run(name, func(t *testing.T) {
			m := variedMachine(t)
			c.damage(m)
			found := m.Check(100)
			for _, p := range found {
				if p.Part == c.part {
					return
				}
			}
			t.Errorf("found %v, want something about %s", found, c.part)
		})
	}
}

// TestCheckIsBounded: it stops at the number of problems that the caller wants.
func TestCheckIsBounded(t *testing.T) {
	m := variedMachine(t)
	for _, q := range m.queues[1:] {
		q.live[Pending] += 5
		q.bytes += 5
	}
	if found := m.Check(3); len(found) != 3 || found[0].String() == "" {
		t.Errorf("found %v", found)
	}
}
