package backups

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
)

// member is a schedule with a clock, of a member that leads or not.
type member struct {
	*Schedule
	registry *prometheus.Registry
	leads    atomic.Bool
}

// clock is what all members' schedules take for the time.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func newMember(t *testing.T, n *raftfsm.Node, b bucket.Bucket, c *clock) *member {
	m := &member{registry: prometheus.NewRegistry()}
	m.Schedule = &Schedule{
		Source: source(n), To: b, ClusterID: func() string { return n.Status().ClusterID }, Leads: m.leads.Load, Every: 24 * time.Hour,
		Policy: Policy{Daily: 2}, TempDir: t.TempDir(), Now: c.now, Logger: slog.New(slog.DiscardHandler),
	}
	must(t, m.Register(m.registry))
	m.leads.Store(true)
	return m
}

// value is that of a metric; false: it isn't told.
func (m *member) value(t *testing.T, name string) (v float64, ok bool) {
	t.Helper()
	families, err := m.registry.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, x := range f.GetMetric() {
				v += x.GetGauge().GetValue() + x.GetCounter().GetValue()
			}
			return v, true
		}
	}
	return 0, false
}

func saves(t *testing.T, b bucket.Bucket) []Entry {
	t.Helper()
	list, err := List(t.Context(), b, "", archive.Keys{})
	must(t, err)
	return list
}

// TestSchedule: one backup a day, whoever leads; each is proven; old ones go.
func TestSchedule(t *testing.T) {
	n := startNode(t)
	b, c := directory(t), &clock{}
	c.at.Store(time.Now().Unix())
	one, two := newMember(t, n, b, c), newMember(t, n, b, c)
	two.leads.Store(false)
	step := func() {
		t.Helper()
		enqueue(t, n, "mail", 1)
		one.step(t.Context())
		two.step(t.Context())
	}
	step()
	step() // none is due
	if list := saves(t, b); len(list) != 1 || !list[0].Good() || list[0].Verified.IsZero() {
		t.Fatalf("%+v", list)
	}
	one.leads.Store(false)
	two.leads.Store(true)
	c.advance(23 * time.Hour)
	step() // the new leader sees that there is one
	if list := saves(t, b); len(list) != 1 {
		t.Fatalf("%d backups after a change of leaders", len(list))
	}
	if _, ok := one.value(t, "rowlock_backup_last_success_timestamp_seconds"); ok {
		t.Error("a member that doesn't lead tells of backups")
	}
	c.advance(2 * time.Hour)
	step()
	list := saves(t, b)
	if len(list) != 2 {
		t.Fatalf("%d backups after a day", len(list))
	}
	for _, name := range []string{"rowlock_backup_last_success_timestamp_seconds", "rowlock_backup_last_verified_timestamp_seconds"} {
		if v, _ := two.value(t, name); v != unix(list[1].At()) {
			t.Errorf("%s is %v, the newest is of %v", name, v, unix(list[1].At()))
		}
	}
	c.advance(25 * time.Hour)
	step()
	if list = saves(t, b); len(list) != 2 || list[0].Index == 0 {
		t.Errorf("%d backups after two days, of which two are kept", len(list))
	}
}

// gone is a bucket that fails.
type gone struct {
	bucket.Bucket
	err error
}

func (g *gone) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	if g.err != nil {
		return 0, g.err
	}
	return g.Bucket.Put(ctx, name, r)
}

// TestScheduleFails: a failure is counted, and tried again a while later.
func TestScheduleFails(t *testing.T) {
	n := startNode(t)
	c := &clock{}
	c.at.Store(time.Now().Unix())
	g := &gone{Bucket: directory(t), err: errors.New("gone")}
	m := newMember(t, n, g, c)
	m.step(t.Context())
	m.step(t.Context())
	if v, _ := m.value(t, "rowlock_backup_failures_total"); v != 1 {
		t.Errorf("%v failures", v)
	}
	g.err = nil
	c.advance(retryAfter + time.Second)
	m.step(t.Context())
	if list := saves(t, g); len(list) != 1 {
		t.Errorf("%d backups", len(list))
	}
	// One on which the members don't agree is a failure too, and doesn't count as the day's.
	m.Source = func(ctx context.Context) (*State, error) {
		s, err := source(n)(ctx)
		if err == nil {
			s.Verdict = func(context.Context) (*archive.Agreed, string, error) { return nil, "nobody answers", nil }
		}
		return s, err
	}
	enqueue(t, n, "mail", 1)
	c.advance(25 * time.Hour)
	m.step(t.Context())
	if v, _ := m.value(t, "rowlock_backup_failures_total"); v != 2 {
		t.Errorf("%v failures", v)
	}
}

// TestScheduleGivesUp: a member that loses its leadership doesn't finish what the next leader begins anew.
func TestScheduleGivesUp(t *testing.T) {
	n := startNode(t)
	c := &clock{}
	c.at.Store(time.Now().Unix())
	b := directory(t)
	m := newMember(t, n, b, c)
	m.Source = func(ctx context.Context) (*State, error) {
		m.leads.Store(false)
		<-ctx.Done() // as if the state were large
		return nil, ctx.Err()
	}
	m.step(t.Context())
	if v, _ := m.value(t, "rowlock_backup_failures_total"); v != 0 {
		t.Errorf("%v failures", v)
	}
	if list := saves(t, b); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// TestMetricsAreDocumented: docs/METRICS.md lists what a schedule exports.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "METRICS.md"))
	must(t, err)
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (?:gauge|counter) \\| `(rowlock_backup_[a-z_]+)` \\|").FindAllSubmatch(text, -1) {
		listed[string(row[1])] = true
	}
	described := make(chan *prometheus.Desc, 16)
	newMetrics().Describe(described)
	close(described)
	count := 0
	for d := range described {
		count++
		if name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]; !listed[name] {
			t.Errorf("docs/METRICS.md doesn't list %s", name)
		}
	}
	if len(listed) != count {
		t.Errorf("docs/METRICS.md lists %d, there are %d", len(listed), count)
	}
}

// archiving is a member whose log is archived, by the test, to where its schedule backs it up to.
func archiving(t *testing.T) (*member, *raftfsm.Node, *shelf, *clock) {
	t.Helper()
	s, c := &shelf{Bucket: directory(t), t: t}, &clock{}
	c.at.Store(time.Now().Unix())
	n := startNode(t)
	m := newMember(t, n, s, c)
	m.Log = true
	m.registry = prometheus.NewRegistry()
	must(t, m.Register(m.registry))
	enqueue(t, n, "mail", 1)
	return m, n, s, c
}

// archive archives the log behind an entry, and returns the last one.
func (s *shelf) archive(n *raftfsm.Node, behind uint64) uint64 {
	s.t.Helper()
	all, err := n.ReadIndex(s.t.Context())
	must(s.t, err)
	must(s.t, n.AwaitApplied(s.t.Context(), all))
	b, err := logarchive.NewBatch(logarchive.Link{Index: behind}, archive.Options{})
	must(s.t, err)
	last, err := n.ReadLog(behind, 1<<20, b.Add)
	must(s.t, err)
	object, m, err := b.Seal(archive.Manifest{ClusterID: n.Status().ClusterID, Timeline: archive.Timeline0, Created: time.Now()})
	must(s.t, err)
	_, err = s.Put(s.t.Context(), m.Name().String(), bytes.NewReader(object))
	must(s.t, err)
	return last
}

// TestScheduleProvesTheLog: behind each backup the log up to it is replayed, once it is archived, and old backups go only then.
func TestScheduleProvesTheLog(t *testing.T) {
	m, n, s, c := archiving(t)
	proved := func() float64 {
		v, _ := m.value(t, "rowlock_backup_log_verified_timestamp_seconds")
		return v
	}
	m.step(t.Context())
	if v := proved(); v != 0 || !m.logDue {
		t.Fatalf("proved up to %v without a log", v)
	}
	enqueue(t, n, "mail", 1)
	end := s.archive(n, s.line().Fulls[0].Index)
	m.step(t.Context()) // it looks now and then only
	if proved() != 0 {
		t.Error("it looks at every step")
	}
	c.advance(logPause)
	m.step(t.Context())
	first := proved()
	if first == 0 || m.logDue {
		t.Fatalf("proved up to %v", first)
	}
	other := newMember(t, n, s, c)
	other.Log, other.metrics.log = true, true
	must(t, other.look(t.Context()))
	if v, _ := other.value(t, "rowlock_backup_log_verified_timestamp_seconds"); v != first {
		t.Errorf("the next leader knows that the log is proved up to %v, not %v", v, first)
	}
	enqueue(t, n, "mail", 5)
	m.Policy = Policy{Last: 1}
	c.advance(25 * time.Hour)
	m.step(t.Context())
	if n := len(s.line().Fulls); n != 2 {
		t.Fatalf("%d full backups before the log is proved", n)
	}
	s.archive(n, end)
	c.advance(logPause)
	m.step(t.Context())
	if v, _ := m.value(t, "rowlock_backup_failures_total"); proved() <= first || v != 0 || len(s.line().Fulls) != 1 {
		t.Errorf("proved up to %v, before up to %v; %v failures; %d full backups", proved(), first, v, len(s.line().Fulls))
	}
}

// TestScheduleFindsAGap: entries that are missing between two backups are a failure, once, and nothing is pruned.
func TestScheduleFindsAGap(t *testing.T) {
	m, n, s, c := archiving(t)
	m.step(t.Context())
	enqueue(t, n, "mail", 1)
	end := s.archive(n, s.line().Fulls[0].Index)
	enqueue(t, n, "mail", 1)
	enqueue(t, n, "mail", 1)
	m.Policy = Policy{Last: 1}
	c.advance(25 * time.Hour)
	m.step(t.Context())
	s.archive(n, end+1)
	for range 3 {
		c.advance(retryAfter + time.Second)
		m.step(t.Context())
	}
	if v, _ := m.value(t, "rowlock_backup_failures_total"); v != 1 {
		t.Errorf("%v failures", v)
	}
	if v, _ := m.value(t, "rowlock_backup_log_verified_timestamp_seconds"); v != 0 {
		t.Errorf("proved up to %v", v)
	}
	if n := len(s.line().Fulls); n != 2 {
		t.Errorf("%d full backups are there", n)
	}
}

// TestScheduleProvesWhatIsThere: a good backup that nobody has proved yet, as when a leader was gone right after it saved one.
func TestScheduleProvesWhatIsThere(t *testing.T) {
	n := startNode(t)
	b, c := directory(t), &clock{}
	c.at.Store(time.Now().Unix())
	enqueue(t, n, "mail", 1)
	_, err := Save(t.Context(), source(n), b, SaveOptions{Now: c.now})
	must(t, err)
	m := newMember(t, n, b, c)
	m.step(t.Context())
	if list := saves(t, b); len(list) != 1 || list[0].Verified.IsZero() {
		t.Errorf("%+v", list)
	}
	if v, _ := m.value(t, "rowlock_backup_last_verified_timestamp_seconds"); v == 0 {
		t.Error("it isn't told to be proven")
	}
}

// TestStoredIsntProven: a backup that can't be read here is good, but isn't told to be proven.
func TestStoredIsntProven(t *testing.T) {
	n := startNode(t)
	c := &clock{}
	c.at.Store(time.Now().Unix())
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	for _, readable := range []bool{false, true} {
		m := newMember(t, n, directory(t), c)
		m.Archive.Recipients = []age.Recipient{identity.Recipient()}
		if readable {
			m.Keys.Identities = []age.Identity{identity}
		}
		m.registry = prometheus.NewRegistry()
		must(t, m.Register(m.registry))
		m.step(t.Context())
		if v, _ := m.value(t, "rowlock_backup_last_success_timestamp_seconds"); v == 0 {
			t.Error("there is no backup")
		}
		if v, _ := m.value(t, "rowlock_backup_last_verified_timestamp_seconds"); (v != 0) != readable {
			t.Errorf("readable %t: proven at %v", readable, v)
		}
		if v, ok := m.value(t, "rowlock_backup_trial_restores"); !ok || (v == 1) != readable {
			t.Errorf("readable %t: trial restores %v", readable, v)
		}
		if readable {
			continue
		}
		e := saves(t, m.To)[0]
		must(t, Mark(t.Context(), m.To, e.Name, e.Manifest, c.now())) // as somebody who has the key does
		c.advance(lookAgain)
		m.step(t.Context())
		if v, _ := m.value(t, "rowlock_backup_last_verified_timestamp_seconds"); v == 0 {
			t.Error("what another has proven isn't known an hour later")
		}
	}
}
