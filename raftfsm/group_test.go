package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// group is several members in this process, over loopback.
type group struct {
	t       testing.TB
	configs []Config

	mu      sync.Mutex // guards members
	members []*member

	hushed atomic.Bool      // no member answers another's questions
	sent   func(to *member) // called when a member has got an image; nil: nothing
}

// Describe asks a member of the group, as over the network. It implements Discoverer.
func (g *group) Describe(_ context.Context, address string) (Description, error) {
	if m := g.at(address); m != nil && !g.hushed.Load() {
		return m.Describe(), nil
	}
	return Description{}, errors.New("it doesn't answer")
}

func (g *group) SetStandby(_ context.Context, address string, standby bool) error {
	if m := g.at(address); m != nil {
		return m.Node.SetStandby(standby)
	}
	return errors.New("it doesn't answer")
}

func (g *group) SendImage(ctx context.Context, address string, a ImageAnnouncement, image io.Reader) error {
	if m := g.at(address); m != nil && !g.hushed.Load() {
		if err := m.TakeImage(ctx, a, image); err != nil {
			return err
		}
		if g.sent != nil {
			g.sent(m)
		}
		return nil
	}
	return errors.New("it doesn't answer")
}

func (g *group) ReadIndex(ctx context.Context, address string) (uint64, error) {
	if m := g.at(address); m != nil && !g.hushed.Load() {
		return m.Node.ReadIndex(ctx)
	}
	return 0, errors.New("it doesn't answer")
}

func (g *group) Judge(_ context.Context, address string) error {
	if m := g.at(address); m != nil && !g.hushed.Load() {
		return m.Node.Judge()
	}
	return errors.New("it doesn't answer")
}

func (g *group) at(address string) *member {
	for _, m := range g.running() {
		if m.network.Addr().String() == address {
			return m
		}
	}
	return nil
}

// running returns the members that run.
func (g *group) running() []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*member
	for _, m := range g.members {
		select {
		case <-m.done:
		default:
			out = append(out, m)
		}
	}
	return out
}

// newGroup starts a group of n voters. change, if given, changes each member's config.
func newGroup(t testing.TB, n int, change func(c *Config)) *group {
	t.Helper()
	g := &group{t: t}
	for i := range n {
		g.add(i == 0, change)
	}
	for i := 1; i < n; i++ {
		g.join(i, true)
	}
	for _, m := range g.members {
		wait(t, m.Ready())
	}
	return g
}

// add starts one more member, which isn't in the group's configuration yet.
func (g *group) add(bootstrap bool, change func(c *Config)) *member {
	g.t.Helper()
	c := testConfig(g.t, g.t.TempDir())
	c.NodeID = fmt.Sprintf("n%d", len(g.members)+1)
	c.ClusterID = "test"
	c.Bootstrap = bootstrap
	c.RaftAddr = freeAddr(g.t)
	steadily(&c.Raft)
	if change != nil {
		change(&c)
	}
	m := start(g.t, c)
	c.RaftAddr = m.network.listener.Addr().String() // the same after a restart
	c.Bootstrap = false
	g.configs = append(g.configs, c)
	g.mu.Lock()
	g.members = append(g.members, m)
	g.mu.Unlock()
	m.SetDiscoverer(g)
	return m
}

func (g *group) join(i int, voter bool) {
	g.t.Helper()
	m := g.members[i]
	err := g.again("it joins", func(l *member) error {
		add := l.raft.AddNonvoter
		if voter {
			add = l.raft.AddVoter
		}
		return add(serverID(m.identity), raft.ServerAddress(m.network.Addr().String()), 0, 10*time.Second).Error()
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// leader waits until one of the running members serves as leader.
func (g *group) leader() *member {
	g.t.Helper()
	var l *member
	eventually(g.t, "a leader", func() bool {
		for _, m := range g.running() {
			if m.leadership.serving() {
				l = m
				return true
			}
		}
		return false
	})
	return l
}

// restart starts a stopped member again.
func (g *group) restart(i int) *member {
	g.t.Helper()
	g.members[i].gone(g.t)
	m := start(g.t, g.configs[i])
	m.SetDiscoverer(g)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[i] = m
	return m
}

// converge waits until all running members have executed the same entries, and compares their states.
func (g *group) converge() {
	g.t.Helper()
	eventually(g.t, "all have executed the same", func() bool {
		g.insist(&task.Tick{})
		index, want := stateOf(g.leader().Node)
		for _, m := range g.running() {
			eventually(g.t, "all entries everywhere", func() bool { return m.replica.at().Index >= index })
			at, hash := stateOf(m.Node)
			if at != index {
				return false
			}
			if hash != want {
				g.t.Errorf("member %s has another state than the leader", m.identity.NodeID)
			}
		}
		return true
	})
}

// insist proposes to whoever leads until it is executed, once.
func (g *group) insist(c task.Command) task.Result {
	g.t.Helper()
	c = once(c)
	var r task.Result
	eventually(g.t, "executed", func() bool {
		ctx, cancel := context.WithTimeout(g.t.Context(), 2*time.Second)
		defer cancel()
		var err error
		r, err = g.leader().Propose(ctx, c)
		return err == nil
	})
	return r
}

func TestGroupReplicates(t *testing.T) {
	g := newGroup(t, 3, nil)
	ids := g.insist(enqueue("q", 500)).Items
	g.converge()
	l := g.leader()
	for _, m := range g.members {
		err := m.Read(t.Context(), false, func(*View) error { return nil })
		var notLeader *NotLeaderError
		if m != l && (!errors.As(err, &notLeader) || notLeader.Leader != l.Status().Address || notLeader.LeaderID != l.Status().ServerID) {
			t.Errorf("a follower reads: %v", err)
		}
		err = m.Read(t.Context(), true, func(v *View) error {
			if x, ok, err := v.Task(ids[499].ID); err != nil || !ok || string(x.Payload) != "payload 499" {
				t.Errorf("%+v %v %v", x, ok, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if m != l {
			if _, err := m.Propose(t.Context(), enqueue("q", 1)); !errors.As(err, &notLeader) {
				t.Errorf("a follower proposes: %v", err)
			}
		}
	}
	if err := l.Read(t.Context(), false, func(*View) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestFailover stops the leader in order and then kills one: nothing acknowledged is lost, and a call that was repeated
// because its outcome was unknown made no second task.
func TestFailover(t *testing.T) {
	g := newGroup(t, 3, nil)
	producer := uint64(g.insist(&task.OpenProducer{Name: "p"}).Items[0].ID)
	var sequence, acked atomic.Uint64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var mu sync.Mutex
	ids := map[task.ID]uint64{}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := sequence.Add(1)
				e := enqueue("q", 2)
				e.Producer, e.Sequence = producer, s
				r := g.insist(e)
				mu.Lock()
				for _, item := range r.Items {
					if item.Code != task.OK {
						t.Errorf("sequence %d: %v", s, item.Code)
					}
					if other, taken := ids[item.ID]; taken {
						t.Errorf("task %s is of sequences %d and %d", item.ID, other, s)
					}
					ids[item.ID] = s
				}
				mu.Unlock()
				acked.Add(2)
			}
		})
	}
	for _, kill := range []bool{false, true} {
		before := acked.Load()
		eventually(t, "some progress", func() bool { return acked.Load() > before+50 })
		old := g.leader()
		if kill {
			old.network.Close() // nobody hears of it any more
			eventually(t, "a leader without a majority steps down", func() bool { return old.raft.State() != raft.Leader })
		} else {
			old.close(t)
		}
		before = acked.Load()
		eventually(t, "progress under another leader", func() bool { return acked.Load() > before+50 })
		if kill {
			break
		}
		for i, m := range g.members {
			if m == old {
				g.restart(i)
			}
		}
	}
	close(stop)
	wg.Wait()
	if n := g.leader().enqueued("q"); n != acked.Load() || uint64(len(ids)) != n {
		t.Errorf("%d tasks, %d acknowledged, %d IDs", n, acked.Load(), len(ids))
	}
}

// TestUnknownOutcome cuts the leader off with a proposal in flight.
func TestUnknownOutcome(t *testing.T) {
	g := newGroup(t, 3, nil)
	l := g.leader()
	l.network.Close()
	_, err := l.Propose(t.Context(), enqueue("q", 1))
	if !errors.Is(err, ErrUnknownOutcome) {
		t.Fatalf("%v", err)
	}
	var notLeader *NotLeaderError
	eventually(t, "it refuses for certain once it has stepped down", func() bool {
		_, err := l.Propose(t.Context(), enqueue("q", 1))
		return errors.As(err, &notLeader)
	})
}

// TestSessionsSurviveLeaders: sessions that are open stay so while the leadership changes, and only those whose workers
// stay silent expire.
func TestSessionsSurviveLeaders(t *testing.T) {
	g := newGroup(t, 3, func(c *Config) { c.SessionTTL = 5 * time.Second }) // a busy machine may hold up the renewals
	open := func() uint64 {
		return uint64(g.insist(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}}).Items[0].ID)
	}
	alive, silent := open(), open()
	renewing := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-renewing:
				return
			case <-tick.C:
				for _, m := range g.members {
					if err := m.Sessions().Renew(alive); errors.Is(err, ErrUnknownSession) && m.leadership.serving() {
						t.Error("the session of a living worker is gone")
					}
				}
			}
		}
	})
	for range 2 {
		g.handOver()
	}
	isOpen := func(id uint64) (ok bool) {
		g.leader().Machine(func(m *task.Machine) { _, ok = m.Session(id) })
		return ok
	}
	eventually(t, "the silent worker's session expires", func() bool { return !isOpen(silent) })
	if !isOpen(alive) {
		t.Error("the living worker's session expired")
	}
	close(renewing)
	wg.Wait()
}

// TestInstallSnapshot brings up a member that the log no longer reaches: it gets the state file, then the log.
func TestInstallSnapshot(t *testing.T) {
	g := newGroup(t, 1, func(c *Config) {
		c.Raft.TrailingLogs = minTrailing
		c.Checkpoints.Interval = 20 * time.Millisecond
	})
	l := g.leader()
	var last task.ID
	fill := func(n int) {
		for range n {
			last = propose(t, l.Node, enqueue("q", 3)).Items[2].ID
		}
	}
	fill(400)
	eventually(t, "a compacted log", func() bool {
		fill(1)
		first, err := l.log.FirstIndex()
		return err == nil && first > 100
	})
	m := g.add(false, nil)
	g.join(1, true)
	fill(50)
	g.converge()
	if n := m.store.Position().Index; n < 300 {
		t.Fatalf("the new member's state file is at %d", n)
	}
	check := func() {
		t.Helper()
		err := g.members[1].Read(t.Context(), true, func(v *View) error {
			x, ok, err := v.Task(last)
			if err != nil || !ok || string(x.Payload) != "payload 2" {
				t.Errorf("%+v %v %v", x, ok, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	check()
	checkEvents(t, g)
	m.close(t)
	g.restart(1)
	g.converge()
	check()
	checkEvents(t, g)
}

// checkEvents holds the members' events against each other: each knows those behind its own beginning, and all tell the same.
func checkEvents(t *testing.T, g *group) {
	t.Helper()
	events := func(m *member, after task.Position) (out []task.Event) {
		m.Machine(func(x *task.Machine) {
			var err error
			if out, _, err = x.Events(&task.EventFilter{}, after, 1<<20, 1<<20); err != nil {
				t.Errorf("member %s: events after %v: %v", m.identity.NodeID, after, err)
			}
		})
		return out
	}
	var since task.Position
	for _, m := range g.running() {
		var own task.Position
		m.Machine(func(x *task.Machine) { own = task.EndOf(x.EventsSince()) })
		if since.Before(own) {
			since = own
		}
		if before := own; own.Index > 0 {
			before.Index--
			m.Machine(func(x *task.Machine) {
				if _, _, err := x.Events(&task.EventFilter{}, before, 1, 1); !errors.Is(err, task.ErrPositionLost) {
					t.Errorf("member %s: events after %v: %v", m.identity.NodeID, before, err)
				}
			})
		}
	}
	want := events(g.leader(), since)
	for _, m := range g.running() {
		if got := events(m, since); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("member %s tells %d events after %v, the leader %d", m.identity.NodeID, len(got), since, len(want))
		}
	}
}

// TestConflictingLogBeforeState: a member whose log conflicts with its state where they meet would ask for the state for
// ever (raft#697). At the start such a log goes.
func TestConflictingLogBeforeState(t *testing.T) {
	g := newGroup(t, 3, nil)
	g.insist(enqueue("q", 100))
	g.converge()
	l := g.leader()
	i := 0
	for g.members[i] == l {
		i++
	}
	m := g.members[i]
	m.close(t)
	// Its log ends with entries of a term that came to nothing, at and behind the state's position.
	p := m.store.Position()
	editLog(t, g.configs[i].DataDir, func(log *store.LogStore) {
		last, _ := log.LastIndex()
		if err := log.DeleteRange(p.Index, last); err != nil {
			t.Fatal(err)
		}
		for k := range uint64(3) {
			if err := log.StoreLog(&raft.Log{Index: p.Index + k, Term: p.Term + 7, Type: raft.LogNoop}); err != nil {
				t.Fatal(err)
			}
		}
	})
	m = g.restart(i)
	wait(t, m.Ready())
	if first, _ := m.log.FirstIndex(); first != 0 && first <= p.Index {
		t.Errorf("the log still begins at %d", first)
	}
	for range 20 {
		g.insist(enqueue("q", 1))
	}
	g.converge()
}

// editLog changes the log of a stopped member.
func editLog(t *testing.T, dir string, fn func(log *store.LogStore)) {
	t.Helper()
	o := store.Options{Dir: dir, Logger: testLogger(t), Now: time.Now}
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	log, err := store.OpenLog(o)
	if err != nil {
		t.Fatal(err)
	}
	fn(log)
	if err := errors.Join(log.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// behind prepares a group in which one member is stopped, its log ends with entries of an old term, and the others have
// gone on so far that it needs their state, whose index is in the range of those entries. beyond is how many of them
// are behind that index.
func behind(t *testing.T, beyond int) (g *group, stopped int) {
	t.Helper()
	g = newGroup(t, 3, func(c *Config) {
		c.Raft.TrailingLogs = minTrailing
		c.Checkpoints.Interval = 10 * time.Millisecond
		c.ChecksumInterval = time.Hour // nothing is proposed but by the test
	})
	g.insist(enqueue("q", 10))
	g.converge()
	for g.members[stopped] == g.leader() {
		stopped++
	}
	m := g.members[stopped]
	m.close(t)
	old := m.store.Position().Term
	for _, next := range g.running() {
		if l := g.leader(); next != l {
			_ = l.raft.LeadershipTransferToServer(serverID(next.identity), raft.ServerAddress(next.network.Addr().String())).Error()
			break
		}
	}
	eventually(t, "a leader of another term", func() bool {
		l := g.leader()
		if l.raft.CurrentTerm() == old {
			_ = l.raft.LeadershipTransfer().Error() // it is tried again
		}
		return l.leadership.serving() && l.raft.CurrentTerm() > old
	})
	for range 300 {
		g.insist(enqueue("q", 1))
	}
	l := g.leader()
	var junkFrom uint64
	eventually(t, "a compacted log and a state file that has it all", func() bool {
		first, _ := l.log.FirstIndex()
		return first > 100 && l.store.Position().Index == l.replica.at().Index
	})
	end := l.store.Position().Index + uint64(beyond)
	editLog(t, g.configs[stopped].DataDir, func(log *store.LogStore) {
		last, _ := log.LastIndex()
		junkFrom = last + 1
		for i := junkFrom; i <= end; i++ {
			if err := log.StoreLog(&raft.Log{Index: i, Term: old, Type: raft.LogNoop}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if first, _ := l.log.FirstIndex(); first <= junkFrom {
		t.Fatalf("the leader's log begins at %d, which the member at %d can follow", first, junkFrom)
	}
	return g, stopped
}

// counted is a counter's value.
func counted(c prometheus.Counter) float64 {
	var x dto.Metric
	if err := c.Write(&x); err != nil {
		return -1
	}
	return x.GetCounter().GetValue()
}

// TestConflictAtInstall: the member's log has an entry of another term at the installed state's index, and more behind
// it. Without a guard the leader would send its state for ever (raft#697).
func TestConflictAtInstall(t *testing.T) {
	g, i := behind(t, 50)
	m := g.restart(i)
	wait(t, m.Ready())
	g.insist(enqueue("q", 1))
	g.converge()
	if n := counted(m.metrics.installs); n < 1 || n > 5 { // a few if the leader changes meanwhile, else thousands
		t.Errorf("the state was installed %v times", n)
	}
}

// TestConflictAtTheLogsEnd: as before, but the conflicting entry is the log's last, whose term raft has in memory. The
// member ends, and is mended by its next start.
func TestConflictAtTheLogsEnd(t *testing.T) {
	for range 5 {
		g, i := behind(t, 0)
		m := g.restart(i)
		select {
		case <-m.Ready(): // the leader's state was further on when it was sent: nothing was in conflict
			for _, m := range g.running() {
				m.close(t)
			}
			continue
		case <-m.done:
		case <-time.After(patience):
			t.Fatal("it neither ends nor follows")
		}
		if !errors.Is(m.err, ErrRestart) {
			t.Fatalf("run: %v", m.err)
		}
		m = g.restart(i)
		wait(t, m.Ready())
		g.insist(enqueue("q", 1))
		g.converge()
		return
	}
	t.Error("nothing was in conflict")
}
