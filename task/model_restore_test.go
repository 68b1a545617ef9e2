package task_test

import (
	"maps"
	"slices"

	"github.com/rowlock/rowlock/task"
	"pgregory.net/rapid"
)

// idsPerSecond is by how much the IDs and tokens of a restored state are ahead for each second, as the documentation promises.
const idsPerSecond = 1 << 20

func (m *model) suspended() bool { return m.suspension.Since != 0 }

func (m *model) resumeCluster() task.Result {
	if !m.suspended() {
		return task.Result{Items: []task.Item{{}}}
	}
	m.suspension = task.Suspension{}
	for _, q := range m.queues {
		if m.inQueue(q, task.Pending, all) > 0 {
			m.announce(q.Name)
		}
	}
	return task.Result{Items: []task.Item{{Other: 1}}}
}

// installImage asks for another state. Here nobody puts it in this one's place.
func (m *model) installImage(c *task.InstallImage) task.Result {
	if c.Term != m.term {
		return task.Result{Code: task.WrongTerm}
	}
	if c.Timeline <= m.timeline.ID {
		return task.Result{Code: task.WrongState}
	}
	m.effects.Image = *c
	return task.Result{}
}

func (m *model) advanceCounters(c *task.AdvanceCounters) task.Result {
	if c.Spare > 1<<32 {
		return task.Result{Code: task.Invalid}
	}
	first := uint64(c.Now/second) * idsPerSecond
	from := m.lastID
	m.lastID = max(m.lastID+task.ID(c.Spare), task.ID(first)-min(task.ID(first), 1))
	m.jumps = append(m.jumps, [2]task.ID{from, m.lastID})
	m.lastToken = max(m.lastToken+c.Spare, first)
	m.lastSession = max(m.lastSession+c.Spare, first)
	m.lastProducer = max(m.lastProducer+c.Spare, first)
	return task.Result{}
}

func (r random) advanceCounters() task.Command {
	return &task.AdvanceCounters{Spare: some(r, "spare", uint64(0), 1, 3, 1<<32+1)}
}

// restore begins a new timeline.
func (m *model) restore(r task.Restoration) {
	m.timeline = task.Timeline{ID: max(r.Timeline, m.timeline.ID+1), Parent: m.timeline.ID, Index: r.Index, Time: m.now}
	m.pass(r.Now)
	m.raiseFeatureLevel(&task.RaiseFeatureLevel{Level: max(m.level, r.Level, task.LevelFeatures)})
	m.producers = map[uint64]*modelProducer{}
	for _, s := range slices.Clone(m.sessions) {
		m.closeSession(s.ID)
	}
	first := uint64(r.Now/second) * idsPerSecond
	from := m.lastID
	m.lastID = max(m.lastID, task.ID(first)-1, r.Counters.NextID-min(r.Counters.NextID, 1))
	m.jumps = append(m.jumps, [2]task.ID{from, m.lastID})
	m.lastToken = max(m.lastToken, first, r.Counters.LastToken)
	m.lastSession = max(m.lastSession, first, r.Counters.LastSession)
	m.lastProducer = max(m.lastProducer, first, r.Counters.LastProducer)
	m.imports = m.timeline.ID << 32
	m.archived = task.Archived{}
	m.suspension = task.Suspension{Since: m.now, Why: r.Why}
	m.effects, m.events = task.Effects{}, nil
}

// everyID is every ID that was given out, and some that weren't.
func (m *model) everyID() []task.ID {
	var ids []task.ID
	from := task.ID(0)
	for _, j := range append(slices.Clone(m.jumps), [2]task.ID{m.lastID, m.lastID}) {
		for ; from <= j[0]+1; from++ {
			ids = append(ids, from)
		}
		from = max(j[1], from)
	}
	return ids
}

func compareRestore(t reporter, r *replica, m *model) {
	t.Helper()
	s, ok := r.machine.Suspended()
	same(t, "suspension", []any{s, ok}, []any{m.suspension, m.suspended()})
	same(t, "timeline", r.machine.Timeline(), m.timeline)
	same(t, "counters", r.machine.Counters(), task.Counters{
		NextID: m.lastID + 1, LastToken: m.lastToken, LastSession: m.lastSession, LastProducer: m.lastProducer,
	})
	if m.suspended() {
		for id, l := range m.live {
			if l.State == task.Running {
				t.Fatalf("task %d runs while the cluster is suspended", id)
			}
		}
	}
}

func (r random) resumeCluster() task.Command { return &task.ResumeCluster{} }

func (r random) installImage() task.Command {
	return &task.InstallImage{SHA256: [32]byte{1, 31: 2}, Timeline: r.m.timeline.ID + uint64(r.number("timeline", 0, 1)), Term: some(r, "term", terms...)}
}

// restore gives all replicas the state that one has, as a restored one.
func (g *group) restore(t reporter, restoration task.Restoration) {
	t.Helper()
	source := g.replicas[len(g.replicas)-1]
	if err := source.checkpoint(); err != nil {
		t.Fatalf("checkpoint: %v", err)
	}
	image := source.disk.clone()
	m, err := image.load()
	if err != nil {
		t.Fatalf("load the backup: %v", err)
	}
	if err := m.PrepareRestore(restoration); err != nil {
		t.Fatalf("prepare the restore: %v", err)
	}
	prepared := &replica{machine: m, disk: image}
	if err := prepared.checkpoint(); err != nil {
		t.Fatalf("write the restored state: %v", err)
	}
	g.model.restore(restoration)
	for _, r := range g.replicas {
		r.disk, r.log, r.saved = image.clone(), nil, g.entries
		if err := r.restart(); err != nil {
			t.Fatalf("load the restored state: %v", err)
		}
		same(t, "hash of the restored state", r.machine.Hash(), m.Hash())
	}
}

// restoreRarely begins a new timeline now and then, as others would become rare.
func (g *group) restoreRarely(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "restore") < 4 {
		return
	}
	before := g.replicas[0].machine.Counters()
	r := task.Restoration{Now: g.clock, Index: g.entries, Timeline: g.model.timeline.ID + 1, Why: "restored"}
	if rapid.Bool().Draw(t, "into a group") {
		r.Counters, r.Timeline, r.Level = before, r.Timeline+2, task.SupportedLevel
	}
	g.restore(t, r)
}

func (d *disk) clone() *disk {
	c := &disk{records: map[task.Kind]map[string][]byte{}, tasks: maps.Clone(d.tasks), history: map[uint32]map[uint64]diskTask{}}
	for k, records := range d.records {
		c.records[k] = maps.Clone(records)
	}
	for q, h := range d.history {
		c.history[q] = maps.Clone(h)
	}
	return c
}
