package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func openLogTest(t testing.TB, dir string) *LogStore {
	t.Helper()
	l, err := OpenLog(testOptions(dir))
	must(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// newLog opens a log in a directory of its own, whose store is open.
func newLog(t testing.TB) (*LogStore, string) {
	t.Helper()
	dir := t.TempDir()
	openTest(t, dir)
	return openLogTest(t, dir), dir
}

func entry(index uint64, size int) *raft.Log {
	return &raft.Log{
		Index: index, Term: 1 + index/3, Type: raft.LogCommand, AppendedAt: time.Unix(1700000000, int64(index)),
		Data: bytes.Repeat([]byte{byte(index)}, size),
	}
}

func sameEntry(a, b *raft.Log) bool {
	return a.Index == b.Index && a.Term == b.Term && a.Type == b.Type && bytes.Equal(a.Data, b.Data) &&
		bytes.Equal(a.Extensions, b.Extensions) && a.AppendedAt.Equal(b.AppendedAt)
}

func TestLogStore(t *testing.T) {
	l, dir := newLog(t)
	for _, n := range []func() (uint64, error){l.FirstIndex, l.LastIndex} {
		if i, err := n(); i != 0 || err != nil {
			t.Errorf("index of an empty log is %d, %v", i, err)
		}
	}
	logs := []*raft.Log{entry(5, 0), entry(6, 100), entry(7, 300<<10), entry(8, 1)}
	for i := range logs[2].Data {
		logs[2].Data[i] = byte(i / 251)
	}
	logs[1].Extensions = []byte("extension")
	logs[2].AppendedAt = time.Time{}
	logs[3].Type = raft.LogConfiguration
	must(t, l.StoreLogs(logs[:3]))
	must(t, l.StoreLog(logs[3]))
	if string(logs[1].Extensions) != "extension" || logs[0].Extensions != nil {
		t.Error("the caller's entries were changed")
	}
	check := func(first, last uint64) {
		t.Helper()
		if i, err := l.FirstIndex(); i != first || err != nil {
			t.Errorf("first index is %d, %v", i, err)
		}
		if i, err := l.LastIndex(); i != last || err != nil {
			t.Errorf("last index is %d, %v", i, err)
		}
		for _, want := range logs {
			var got raft.Log
			err := l.GetLog(want.Index, &got)
			if want.Index < first || want.Index > last {
				if !errors.Is(err, raft.ErrLogNotFound) {
					t.Errorf("entry %d: %v", want.Index, err)
				}
			} else if err != nil || !sameEntry(&got, want) {
				t.Errorf("entry %d is %+v, %v", want.Index, got, err)
			}
		}
	}
	check(5, 8)
	must(t, l.DeleteRange(5, 5))
	check(6, 8)
	must(t, l.DeleteRange(8, 9))
	check(6, 7)
	must(t, l.Close())
	l = openLogTest(t, dir)
	check(6, 7)
}

func TestStableStore(t *testing.T) {
	l, dir := newLog(t)
	for _, k := range []string{"a", "b"} {
		// raft compares the text.
		if _, err := l.Get([]byte(k)); err == nil || err.Error() != "not found" {
			t.Errorf("a value never set: %v", err)
		}
		if _, err := l.GetUint64([]byte(k)); err == nil || err.Error() != "not found" {
			t.Errorf("a number never set: %v", err)
		}
	}
	must(t, l.Set([]byte("a"), []byte("candidate")))
	must(t, l.Set([]byte("a"), []byte("other")))
	must(t, l.Set([]byte("empty"), nil))
	must(t, l.SetUint64([]byte("b"), 1<<63))
	must(t, l.Close())
	l = openLogTest(t, dir)
	if v, err := l.Get([]byte("a")); string(v) != "other" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if v, err := l.Get([]byte("empty")); len(v) != 0 || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if n, err := l.GetUint64([]byte("b")); n != 1<<63 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := l.GetUint64([]byte("a")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a number that is none: %v", err)
	}
}

// TestRaftRuns runs raft itself on the log, stops it, and starts it again.
func TestRaftRuns(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir)
	c := raft.DefaultConfig()
	c.LocalID, c.LogLevel = "a", "OFF"
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	snapshots := raft.NewInmemSnapshotStore()
	address, transport := raft.NewInmemTransport("")
	for run := range 3 {
		l := openLogTest(t, dir)
		if run == 0 {
			must(t, raft.BootstrapCluster(c, l, l, snapshots, transport, raft.Configuration{
				Servers: []raft.Server{{ID: "a", Address: address}},
			}))
		}
		fsm := &raft.MockFSM{}
		r, err := raft.NewRaft(c, fsm, l, l, snapshots, transport)
		must(t, err)
		for leader := range r.LeaderCh() {
			if leader {
				break
			}
		}
		must(t, r.Apply(fmt.Append(nil, "command ", run), time.Minute).Error())
		if n := len(fsm.Logs()); n != run+1 {
			t.Errorf("run %d: %d commands were applied", run, n)
		}
		must(t, r.Shutdown().Error())
		must(t, l.Close())
	}
}

func TestLogBytes(t *testing.T) {
	l, dir := newLog(t)
	if l.Bytes() != 0 || l.KeepFrom(0) != 0 {
		t.Errorf("an empty log has %d bytes", l.Bytes())
	}
	const size = 10000
	var logs []*raft.Log
	for i := range uint64(20) {
		logs = append(logs, entry(100+i, size))
	}
	must(t, l.StoreLogs(logs))
	check := func(first, last uint64) {
		t.Helper()
		n := last - first + 1
		if b := l.Bytes(); b < n*size || b > n*(size+2*logOverhead) {
			t.Errorf("%d entries of %d have %d bytes", n, size, b)
		}
		if l.Entries() != int(n) {
			t.Errorf("%d entries, want %d", l.Entries(), n)
		}
		for _, c := range []struct{ keep, from uint64 }{
			{0, last + 1}, {size / 2, last + 1}, {size + 2*logOverhead, last}, {3*size + 1000, last - 2}, {1 << 40, first},
		} {
			if got := l.KeepFrom(c.keep); got != c.from {
				t.Errorf("to keep %d bytes of %d to %d: from %d, want %d", c.keep, first, last, got, c.from)
			}
		}
	}
	check(100, 119)
	must(t, l.DeleteRange(100, 104))
	check(105, 119)
	must(t, l.DeleteRange(115, 119)) // a new leader's entries take their place
	check(105, 114)
	must(t, l.StoreLogs([]*raft.Log{entry(115, size), entry(116, size)}))
	check(105, 116)
	must(t, l.Close())
	l = openLogTest(t, dir)
	check(105, 116)
	must(t, l.DeleteRange(105, 116))
	if l.Bytes() != 0 || l.Entries() != 0 {
		t.Errorf("an emptied log has %d entries of %d bytes", l.Entries(), l.Bytes())
	}
	must(t, l.StoreLog(entry(500, size))) // after a snapshot was installed
	if l.KeepFrom(1<<40) != 500 {
		t.Errorf("keeps from %d", l.KeepFrom(1<<40))
	}
}

// TestFlippedBitsOfTheLog flips bits all over the log's file: each entry and value that is read is what was written, or
// is refused.
func TestFlippedBitsOfTheLog(t *testing.T) {
	l, dir := newLog(t)
	var logs []*raft.Log
	for i := range uint64(30) {
		logs = append(logs, entry(1+i, 100))
		must(t, l.StoreLog(logs[i]))
	}
	must(t, l.SetUint64([]byte("CurrentTerm"), 77))
	must(t, l.SetUint64([]byte("CurrentTerm"), 78))
	must(t, l.Close())
	path := Dir(dir).Log()
	c := pageChecker{file: openFile(t, path)}
	must(t, c.check())
	data, err := os.ReadFile(path)
	must(t, err)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	refused := 0
	for at := 2 * c.pageSize; at < int(c.end)*c.pageSize; at += 23 { // a damaged meta page leads to the write before
		_, err := f.WriteAt(data[:int(c.end)*c.pageSize], 0) // opening it has written to it
		must(t, err)
		_, err = f.WriteAt([]byte{data[at] ^ 1<<(at%8)}, int64(at))
		must(t, err)
		if err := readLog(dir, logs); errors.Is(err, ErrCorrupt) {
			refused++
		} else if err != nil {
			t.Errorf("flip at %d: %v", at, err)
		}
	}
	if refused == 0 {
		t.Error("no flip shows")
	}
}

// readLog reads all of a log and compares it.
func readLog(dir string, want []*raft.Log) (err error) {
	l, err := OpenLog(testOptions(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	if last != uint64(len(want)) {
		return fmt.Errorf("last index is %d", last)
	}
	for _, w := range want {
		var got raft.Log
		if err := l.GetLog(w.Index, &got); err != nil {
			return err
		}
		if !sameEntry(&got, w) {
			return fmt.Errorf("entry %d is %+v", w.Index, got)
		}
	}
	term, err := l.GetUint64([]byte("CurrentTerm"))
	if err == nil && term != 78 {
		err = fmt.Errorf("term is %d", term)
	}
	return err
}

// TestPieces stores entries of the sizes at which the number of their pieces changes.
func TestPieces(t *testing.T) {
	l, dir := newLog(t)
	var logs []*raft.Log
	for _, n := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 2 * pieceSize, 2*pieceSize + 1, 512 << 10} {
		log := entry(uint64(len(logs)+1), n)
		for i := range log.Data {
			log.Data[i] = byte(i / 249)
		}
		log.Extensions = []byte{byte(n)}
		logs = append(logs, log)
	}
	must(t, l.StoreLogs(logs))
	must(t, l.SetUint64([]byte("CurrentTerm"), 78))
	must(t, l.Close())
	must(t, readLog(dir, logs))
}

// TestMissing opens and reads logs that have lost entries, or pieces of one.
func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		from, to uint64
		opens    bool // it shows only when the entry is read
	}{
		"entry":        {pieceIndex(2), lastPieceIndex(2), false},
		"first piece":  {pieceIndex(2), pieceIndex(2), false},
		"middle piece": {pieceIndex(2) + 1, pieceIndex(2) + 1, false},
		"last piece":   {pieceIndex(2) + 2, pieceIndex(2) + 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, dir := newLog(t)
			must(t, l.StoreLogs([]*raft.Log{entry(1, 10), entry(2, 3*pieceSize), entry(3, 10)}))
			must(t, l.bolt.DeleteRange(c.from, c.to))
			must(t, l.Close())
			l, err := OpenLog(testOptions(dir))
			if c.opens {
				must(t, err)
				defer l.Close()
				err = l.GetLog(2, new(raft.Log))
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestLogBounds(t *testing.T) {
	l, _ := newLog(t)
	if err := l.GetLog(maxLogIndex+1, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
		t.Errorf("an index out of bounds: %v", err)
	}
	if err := l.StoreLog(&raft.Log{Index: maxLogIndex + 1}); err == nil {
		t.Error("an index out of bounds is stored")
	}
}

// TestHungLog hangs a write: the watchdog tells of it, and not of the writes that wait for it.
func TestHungLog(t *testing.T) {
	hung := make(chan string, 10)
	o := testOptions(t.TempDir())
	o.Watchdog = NewWatchdog(80*time.Millisecond, func(op string, _ time.Duration) { hung <- op })
	openTest(t, o.Dir)
	l, err := OpenLog(o)
	must(t, err)
	defer l.Close()
	release, done := make(chan struct{}), make(chan error, 2)
	started := make(chan struct{})
	go func() {
		done <- l.change("slow", func() error { close(started); <-release; return nil })
	}()
	<-started
	go func() { done <- l.Set([]byte("k"), []byte("v")) }() // waits for the slow one's lock
	if op := <-hung; op != "slow" {
		t.Errorf("told of %s", op)
	}
	close(release)
	must(t, errors.Join(<-done, <-done))
	if len(hung) > 0 {
		t.Errorf("told of %s too", <-hung)
	}
}

// TestFailedWrite fails a write other than for lack of space: it is the last.
func TestFailedWrite(t *testing.T) {
	l, _ := newLog(t)
	failure := errors.New("input/output error")
	if err := l.change("fails", func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	if err := l.StoreLog(entry(1, 1)); !errors.Is(err, failure) {
		t.Errorf("a write after a failed one: %v", err)
	}
}
