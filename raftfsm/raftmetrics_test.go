package raftfsm

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// scrape returns the values of gauges and counters, and how often each histogram observed something.
func scrape(t testing.TB, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetType() {
			case dto.MetricType_GAUGE:
				out[f.GetName()] += m.GetGauge().GetValue()
			case dto.MetricType_COUNTER:
				out[f.GetName()] += m.GetCounter().GetValue()
			case dto.MetricType_HISTOGRAM:
				out[f.GetName()] += float64(m.GetHistogram().GetSampleCount())
			default:
				t.Errorf("%s is a %s", f.GetName(), f.GetType())
			}
		}
	}
	return out
}

// measured makes each member of a group register its metrics, and returns them in the order of the members.
func measured(change func(c *Config)) (*[]*prometheus.Registry, func(c *Config)) {
	var all []*prometheus.Registry
	return &all, func(c *Config) {
		r := prometheus.NewRegistry()
		c.Registerer = r
		all = append(all, r)
		if change != nil {
			change(c)
		}
	}
}

// between fails unless low <= the metric's value <= high.
func between(t *testing.T, values map[string]float64, name string, low, high float64) {
	t.Helper()
	if v, ok := values[name]; !ok || v < low || v > high {
		t.Errorf("%s is %v (there: %v), want %v to %v", name, v, ok, low, high)
	}
}

// settled waits until the counts of what has been answered are complete: callers hear of their results first.
func settled(t *testing.T, n *Node) {
	t.Helper()
	eventually(t, "all that was proposed is counted", func() bool {
		return n.proposer.idle() && n.raft.CommitIndex() == n.Applied()
	})
}

func TestMetricsOfOneMember(t *testing.T) {
	r := prometheus.NewRegistry()
	c := testConfig(t, t.TempDir())
	c.Registerer = r
	begun := time.Now()
	m := startReady(t, c)
	propose(t, m.Node, enqueue("q", 1))
	settled(t, m.Node)
	before := scrape(t, r)
	const entries = 20
	for range entries {
		propose(t, m.Node, enqueue("q", 1))
	}
	settled(t, m.Node)
	after := scrape(t, r)
	since := func(from time.Time) float64 { return time.Since(from).Seconds() }

	between(t, after, "rowlock_raft_leader", 1, 1)
	between(t, after, "rowlock_raft_voters", 1, 1)
	between(t, after, "rowlock_raft_standbys", 0, 0)
	between(t, after, "rowlock_raft_last_contact_seconds", 0, 0)
	between(t, after, "rowlock_raft_log_age_seconds", 1e-9, since(begun))
	for _, name := range []string{
		"rowlock_raft_commit_index", "rowlock_raft_applied_index", "rowlock_raft_log_entries", "rowlock_raft_commit_seconds", "rowlock_propose_seconds",
	} {
		between(t, after, name, before[name]+entries, before[name]+2*entries)
	}
	between(t, after, "rowlock_log_entries_bytes", before["rowlock_log_entries_bytes"]+entries, 1<<20)
	between(t, after, "rowlock_log_store_seconds", before["rowlock_log_store_seconds"]+1, 1<<20)

	if err := m.checkpoints.take(nil); err != nil {
		t.Fatal(err)
	}
	first := scrape(t, r)["rowlock_checkpoint_last_timestamp_seconds"]
	if d := since(time.UnixMicro(int64(first * 1e6))); d < 0 || d > since(begun) {
		t.Errorf("the last checkpoint was %v s ago", d)
	}
	if err := m.checkpoints.take(nil); err != nil { // nothing to do: the file is as current as the state
		t.Fatal(err)
	}
	if next := scrape(t, r)["rowlock_checkpoint_last_timestamp_seconds"]; next <= first {
		t.Errorf("a state file that has it all is of %f, then of %f", first, next)
	}
	m.close(t)
	if left := scrape(t, r); len(left) != 0 {
		t.Errorf("a member that has ended leaves metrics: %v", left)
	}
}

func TestMetricsOfAGroup(t *testing.T) {
	registries, change := measured(nil)
	begun := time.Now()
	g := newGroup(t, 3, change)
	g.insist(enqueue("q", 5))
	g.converge()
	scrapes := func() (all []map[string]float64) {
		for _, r := range *registries {
			all = append(all, scrape(t, r))
		}
		return all
	}
	led := slices.Index(g.members, g.leader())
	before := scrapes()
	for i, m := range before {
		leader := 0.0
		if i == led {
			leader = 1
		}
		between(t, m, "rowlock_raft_leader", leader, leader)
		between(t, m, "rowlock_raft_voters", 3, 3)
		between(t, m, "rowlock_raft_standbys", 0, 0)
		between(t, m, "rowlock_raft_term", before[led]["rowlock_raft_term"], before[led]["rowlock_raft_term"])
		between(t, m, "rowlock_raft_last_contact_seconds", 0, time.Since(begun).Seconds())
		between(t, m, "rowlock_raft_log_age_seconds", 1e-9, time.Since(begun).Seconds())
	}
	g.insist(enqueue("q", 5))
	g.converge()
	for i, m := range scrapes() {
		for _, name := range []string{"rowlock_raft_commit_index", "rowlock_raft_applied_index", "rowlock_raft_log_entries"} {
			between(t, m, name, before[i][name]+1, before[i][name]+1000)
		}
		if n := m["rowlock_raft_commit_seconds"]; (n > 0) != (i == led) {
			t.Errorf("member %d, with member %d leading, committed %v entries", i, led, n)
		}
	}

	g.add(false, change)
	g.join(3, false)
	eventually(t, "all know the standby", func() bool {
		return !slices.ContainsFunc(scrapes(), func(m map[string]float64) bool {
			return m["rowlock_raft_voters"] != 3 || m["rowlock_raft_standbys"] != 1
		})
	})

	// A follower that nobody sends to.
	i := (led + 1) % 3
	g.members[i].network.Close()
	eventually(t, "its last contact recedes", func() bool { return scrapes()[i]["rowlock_raft_last_contact_seconds"] > 0.5 })
	if s := g.members[i].raft.State(); s == raft.Leader {
		t.Errorf("it is %s", s)
	}
}

func TestMetricsOfAnInstall(t *testing.T) {
	registries, change := measured(func(c *Config) {
		c.Raft.TrailingLogs = minTrailing
		c.Checkpoints.Interval = 20 * time.Millisecond
	})
	g := newGroup(t, 1, change)
	l := g.leader()
	eventually(t, "a compacted log", func() bool {
		propose(t, l.Node, enqueue("q", 1))
		first, err := l.log.FirstIndex()
		return err == nil && first > 10
	})
	begun := time.Now()
	g.add(false, change)
	g.join(1, true)
	g.converge()
	eventually(t, "sent and installed", func() bool {
		return scrape(t, (*registries)[0])["rowlock_snapshot_send_seconds"] == 1 && scrape(t, (*registries)[1])["rowlock_snapshot_installs_total"] == 1
	})
	for i, h := range []prometheus.Histogram{l.metrics.sendSeconds, g.members[1].metrics.installSeconds} {
		var x dto.Metric
		if err := h.Write(&x); err != nil {
			t.Fatal(err)
		}
		if s := x.GetHistogram(); s.GetSampleCount() != 1 || s.GetSampleSum() <= 0 || s.GetSampleSum() > time.Since(begun).Seconds() {
			t.Errorf("member %d: %d observations, %f s", i, s.GetSampleCount(), s.GetSampleSum())
		}
	}
}
