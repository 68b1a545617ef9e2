package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// flips is how many bits TestFlippedBitsOfADirectory flips; `make flips` asks for 10,000 by the environment.
func flips(t *testing.T) int {
	if s := os.Getenv("ROWLOCK_TEST_FLIPS"); s != "" {
		n, err := strconv.Atoi(s)
		must(t, err)
		return n
	}
	if testing.Short() {
		return 30
	}
	return 300
}

// memberDir makes the files of a stopped member with tasks of all lives.
func memberDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	o := testOptions(dir)
	o.Reserve = 1 // files that don't grow by much at a time
	s, err := Open(o)
	must(t, err)
	must(t, SaveIdentity(dir, Identity{NodeID: "n1", Incarnation: "0011", ClusterID: "c"}))
	l, err := OpenLog(o)
	must(t, err)
	m, _, err := s.Load()
	must(t, err)
	d := &driver{t: t, m: m, s: s}
	d.apply(&task.RaiseFeatureLevel{Level: task.SupportedLevel})
	session := uint64(d.apply(&task.OpenSession{Worker: "w", Queues: []task.QueueWeight{{Queue: "mail", Weight: 1}}}).Items[0].ID)
	for round := range 4 {
		var tasks []task.NewTask
		for i := range 24 {
			tasks = append(tasks, task.NewTask{
				Queue: "mail", Kind: "k", Payload: bytes.Repeat([]byte{byte(i)}, i*i*9), FairKey: fmt.Sprint(i % 3), UniqueKey: fmt.Sprint(round, "-", i),
			})
		}
		d.apply(&task.Enqueue{Tasks: tasks})
		var outcomes []task.Outcome
		for _, x := range d.apply(&task.Lease{Session: session, Max: 12}).Leased {
			outcomes = append(outcomes, task.Outcome{ID: x.ID, Token: x.Token, Kind: task.OutcomeComplete, Data: []byte("result")})
		}
		d.apply(&task.Finish{Outcomes: outcomes[1:]})
		d.checkpoint(0)
		must(t, l.StoreLogs([]*raft.Log{entry(d.index-1, 100), entry(d.index, 20<<10)}))
		must(t, l.DeleteRange(1, d.index-2))
	}
	must(t, l.SetUint64([]byte("CurrentTerm"), 3))
	must(t, errors.Join(l.Close(), s.Close()))
	return dir
}

// readDir reads all that a member of the directory could ever tell anybody, as text.
func readDir(dir string) (string, error) {
	var all strings.Builder
	id, ok, err := LoadIdentity(dir)
	if err != nil || !ok {
		return "", errors.Join(err, fmt.Errorf("identity: %v", ok))
	}
	fmt.Fprintln(&all, id)
	s, err := Open(testOptions(dir))
	if err != nil {
		return "", err
	}
	defer s.Close()
	m, p, err := s.Load()
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&all, p, m.Hash(), m.LiveTasks())
	v, err := s.View()
	if err != nil {
		return "", err
	}
	defer v.Close()
	live, _ := m.List(task.ListFilter{Limit: 10_000, Scan: 10_000})
	for _, x := range live {
		payload, err := v.Payload(x.ID)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&all, x.ID, checksum(nil, payload))
	}
	for _, q := range m.Queues("", 100) {
		done, err := v.FinishedFrom(q.Number, q.History.First, 10_000)
		if err != nil {
			return "", err
		}
		for _, x := range done {
			byID, ok, err := v.Finished(x.ID)
			if err != nil || !ok || fmt.Sprint(byID) != fmt.Sprint(x) {
				return "", errors.Join(err, fmt.Errorf("task %v isn't the one in the list", x.ID))
			}
			fmt.Fprintln(&all, x)
		}
	}
	return all.String(), readLogInto(&all, dir)
}

func readLogInto(all *strings.Builder, dir string) error {
	l, err := OpenLog(testOptions(dir))
	if err != nil {
		return err
	}
	defer l.Close()
	first, err := l.FirstIndex()
	if err != nil {
		return err
	}
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	for i := first; i <= last; i++ {
		var e raft.Log
		if err := l.GetLog(i, &e); err != nil {
			return err
		}
		fmt.Fprintln(all, e)
	}
	term, err := l.GetUint64([]byte("CurrentTerm"))
	fmt.Fprintln(all, term)
	return err
}

// TestFlippedBitsOfADirectory flips one bit of a member's files at a time. Whoever reads everything gets what was written, or
// an error; and what the check finds sound reads as what was written.
func TestFlippedBitsOfADirectory(t *testing.T) {
	dir := memberDir(t)
	want, err := readDir(dir)
	must(t, err)
	files := map[string][]byte{}
	var names []string
	total := 0
	for _, name := range []string{Dir(dir).State(), Dir(dir).Log(), Dir(dir).Identity()} {
		data, err := os.ReadFile(name)
		must(t, err)
		files[name], names, total = data, append(names, name), total+len(data)
	}
	random := rand.New(rand.NewPCG(1, 2))
	refused, found := 0, 0
	for range flips(t) {
		name := names[0]
		switch random.IntN(10) {
		case 0:
			name = Dir(dir).Identity()
		case 1, 2, 3:
			name = Dir(dir).Log()
		}
		at, bit := random.IntN(len(files[name])), byte(1)<<random.IntN(8)
		damaged := bytes.Clone(files[name])
		damaged[at] ^= bit
		must(t, os.WriteFile(name, damaged, 0o600))
		report, err := CheckDir(t.Context(), dir, CheckOptions{})
		if err != nil {
			t.Fatalf("byte %d of %s: check: %v", at, filepath.Base(name), err)
		}
		got, err := readDir(dir)
		switch {
		case err != nil:
			refused++
		case got != want:
			t.Errorf("byte %d of %s, bit %d: something else is read in silence", at, filepath.Base(name), bit)
		}
		if !report.Sound() {
			found++
		} else if err != nil {
			t.Errorf("byte %d of %s, bit %d: the check finds nothing, and reading says %v", at, filepath.Base(name), bit, err)
		}
		for name, data := range files {
			must(t, os.WriteFile(name, data, 0o600))
		}
	}
	t.Logf("%d of %d bytes' flips were refused, the check found %d", refused, total, found)
	if refused == 0 || found < refused {
		t.Errorf("%d refused, %d found", refused, found)
	}
}

func TestCheckDir(t *testing.T) {
	dir := memberDir(t)
	sound := func(step string) *CheckReport {
		t.Helper()
		r, err := CheckDir(t.Context(), dir, CheckOptions{})
		must(t, err)
		if !r.Sound() || !r.Loaded || r.LiveTasks == 0 || r.Hash == 0 || r.LogEntries == 0 || r.Records == 0 {
			t.Fatalf("%s: %+v", step, r)
		}
		return r
	}
	before := map[string][]byte{}
	for _, name := range []string{Dir(dir).State(), Dir(dir).Log(), Dir(dir).Identity()} {
		data, err := os.ReadFile(name)
		must(t, err)
		before[name] = data
	}
	sound("a stopped member")
	for name, data := range before {
		if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, data) {
			t.Errorf("the check has changed %s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		damage func(tx *bbolt.Tx) error
		part   string
	}{
		"a task without its payload": {func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte(bucketPayload)).Cursor().First()
			return tx.Bucket([]byte(bucketPayload)).Delete(k)
		}, bucketTask},
		"a lost task": {func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte(bucketTask)).Cursor().First()
			return tx.Bucket([]byte(bucketTask)).Delete(k)
		}, "digests"},
		"a lost chunk": {func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte(bucketHistory)).Cursor().Last()
			return tx.Bucket([]byte(bucketHistory)).Delete(k)
		}, bucketHistory},
		"a lost index": {func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket([]byte(bucketHistoryID)).Cursor().First()
			return tx.Bucket([]byte(bucketHistoryID)).Delete(k)
		}, bucketHistory},
		"a payload of no task": {func(tx *bbolt.Tx) error {
			key := taskKey(1 << 40)
			return tx.Bucket([]byte(bucketPayload)).Put(key[:], frame(&arena{}, key[:], []byte("x")))
		}, bucketPayload},
		"a lost session": {func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucketOf(task.KindSession)))
			k, _ := b.Cursor().First()
			return b.Delete(k)
		}, "state"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := bbolt.Open(Dir(dir).State(), 0o600, boltOptions(0))
			must(t, err)
			must(t, db.Update(c.damage))
			must(t, db.Close())
			defer func() { must(t, os.WriteFile(Dir(dir).State(), before[Dir(dir).State()], 0o600)) }()
			r, err := CheckDir(t.Context(), dir, CheckOptions{})
			must(t, err)
			for _, f := range r.Findings {
				if f.Part == c.part {
					return
				}
			}
			t.Errorf("found %v", r.Findings)
		})
	}
	must(t, MarkDiverged(dir, "after entry 7"))
	if r, err := CheckDir(t.Context(), dir, CheckOptions{}); err != nil || r.Total != 1 || r.Findings[0].File != "diverged" {
		t.Errorf("diverged: %+v, %v", r, err)
	}
	must(t, os.Remove(Dir(dir).Diverged()))
	must(t, os.Remove(Dir(dir).Log()))
	if r, err := CheckDir(t.Context(), dir, CheckOptions{}); err != nil || r.Total != 1 || r.Findings[0].File != logFile ||
		!strings.Contains(r.Findings[0].Text, "right for a directory that was restored") {
		t.Errorf("without a log: %+v, %v", r, err)
	}
	openTest(t, dir)
	if _, err := CheckDir(t.Context(), dir, CheckOptions{}); !errors.Is(err, ErrLocked) {
		t.Errorf("while a member has the directory: %v", err)
	}
}
