package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"golang.org/x/sys/unix"

	"github.com/rowlock/rowlock/task"
)

const benchBatch = 100_000

// newTasks is a checkpoint of n new tasks of about 250 bytes, 200 of them payload, from the ID on.
func newTasks(first task.ID, n int) *task.Checkpoint {
	record, payload := bytes.Repeat([]byte{1}, 50), bytes.Repeat([]byte{2}, 200)
	cp := &task.Checkpoint{Tasks: make([]task.TaskChange, n)}
	for i := range cp.Tasks {
		cp.Tasks[i] = task.TaskChange{ID: first + task.ID(i), Record: record, Payload: payload}
	}
	return cp
}

// finishTasks is a checkpoint in which the n tasks from the ID on finish, in the order given by stride, payloads on
// disk.
func finishTasks(first task.ID, n int, sequence uint64, stride int) *task.Checkpoint {
	record := bytes.Repeat([]byte{3}, 80)
	run := task.HistoryChunk{Queue: 1, Tasks: make([]task.Finished, n)}
	cp := &task.Checkpoint{Tasks: make([]task.TaskChange, n)}
	for i := range n {
		id := first + task.ID(i)
		cp.Tasks[i] = task.TaskChange{ID: id}
		run.Tasks[i] = task.Finished{
			ID: first + task.ID(i*stride%n), Sequence: sequence + uint64(i), Record: record, PayloadOnDisk: true,
		}
	}
	cp.History = []task.HistoryChunk{run}
	return cp
}

// stopwatch sums up the process's CPU time over the measured parts of a benchmark: on a busy machine it says more than
// the wall clock.
type stopwatch struct {
	b     *testing.B
	began time.Duration
	sum   time.Duration
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (w *stopwatch) start() {
	w.began = cpuTime(w.b)
	w.b.StartTimer()
}

func (w *stopwatch) stop() {
	w.b.StopTimer()
	w.sum += cpuTime(w.b) - w.began
}

// perTask reports the figures of n tasks in each round.
func (w *stopwatch) perTask(n int) {
	per := float64(w.b.N) * float64(n)
	w.b.ReportMetric(float64(w.b.Elapsed().Nanoseconds())/per, "ns/task")
	w.b.ReportMetric(float64(w.sum.Nanoseconds())/per, "cpu-ns/task")
	w.b.ReportMetric(per/w.b.Elapsed().Seconds(), "tasks/s")
	w.b.ReportMetric(0, "ns/op")
}

func benchStore(b *testing.B) *Store {
	o := testOptions(b.TempDir())
	o.Reserve = 0
	s, err := Open(o)
	must(b, err)
	b.Cleanup(func() { must(b, s.Close()) })
	return s
}

func BenchmarkCommitNew(b *testing.B) {
	s := benchStore(b)
	b.ReportAllocs()
	id, w := task.ID(1), stopwatch{b: b}
	b.StopTimer()
	for index := range uint64(b.N) {
		cp := newTasks(id, benchBatch)
		id += benchBatch
		w.start()
		must(b, s.Commit(cp, Position{Index: index}))
		w.stop()
	}
	w.perTask(benchBatch)
}

func BenchmarkCommitFinished(b *testing.B) {
	for _, order := range []struct {
		name   string
		stride int
	}{{"in order", 1}, {"shuffled", 7919}} {
		b.Run(order.name, func(b *testing.B) {
			s := benchStore(b)
			b.ReportAllocs()
			id, w := task.ID(1), stopwatch{b: b}
			b.StopTimer()
			for index := range uint64(b.N) {
				must(b, s.Commit(newTasks(id, benchBatch), Position{Index: index}))
				cp := finishTasks(id, benchBatch, uint64(id), order.stride)
				id += benchBatch
				w.start()
				must(b, s.Commit(cp, Position{Index: index}))
				w.stop()
			}
			w.perTask(benchBatch)
		})
	}
}

// BenchmarkCommitChanged changes the records of tasks spread over a million, and keeps their payloads.
func BenchmarkCommitChanged(b *testing.B) {
	s := benchStore(b)
	million(b, s)
	const changed = 20_000
	record := bytes.Repeat([]byte{4}, 60)
	cp := &task.Checkpoint{}
	for i := range changed {
		cp.Tasks = append(cp.Tasks, task.TaskChange{ID: task.ID(1 + 50*i), Record: record, KeepPayload: true})
	}
	w := stopwatch{b: b}
	b.StopTimer()
	for index := range uint64(b.N) {
		w.start()
		must(b, s.Commit(cp, Position{Index: 100 + index}))
		w.stop()
	}
	w.perTask(changed)
}

// BenchmarkSteady is a second's work of 50,000 lifecycles with a backlog and a history that is trimmed: file growth
// shows fragmentation.
func BenchmarkSteady(b *testing.B) {
	s := benchStore(b)
	const n, backlog, keep = 50_000, 4, 20
	for i := range backlog {
		must(b, s.Commit(newTasks(task.ID(1+i*n), n), Position{}))
	}
	w := stopwatch{b: b}
	b.StopTimer()
	for step := range b.N {
		cp := finishTasks(task.ID(1+step*n), n, uint64(1+step*n), 1)
		cp.Tasks = append(cp.Tasks, newTasks(task.ID(1+(step+backlog)*n), n).Tasks...)
		if step >= keep {
			cp.Trims = []task.HistoryTrim{{Queue: 1, Before: uint64(1 + (step-keep)*n)}}
		}
		w.start()
		must(b, s.Commit(cp, Position{Index: uint64(step)}))
		w.stop()
	}
	w.perTask(n)
	b.ReportMetric(fileSize(s.dir.State())/(1<<20), "MiB")
	b.ReportMetric(float64(s.Stats().FreeAlloc)/(1<<20), "free-MiB")
}

func million(b *testing.B, s *Store) {
	for i := range 10 {
		must(b, s.Commit(newTasks(task.ID(1+i*benchBatch), benchBatch), Position{Index: uint64(i)}))
	}
}

// counter is the cheapest loader: what is measured is the store.
type counter struct{ tasks int }

func (c *counter) Record(task.Kind, []byte, []byte) error { return nil }
func (c *counter) Task(task.ID, []byte, int) error        { c.tasks++; return nil }

// BenchmarkOpenMillion opens a state file with a million tasks and streams them.
func BenchmarkOpenMillion(b *testing.B) {
	o := testOptions(b.TempDir())
	o.Reserve = 0
	s, err := Open(o)
	must(b, err)
	million(b, s)
	must(b, s.Close())
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(o)
			must(b, err)
			must(b, s.Close())
		}
	})
	s, err = Open(o)
	must(b, err)
	defer s.Close()
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			v, err := s.View()
			must(b, err)
			var c counter
			must(b, v.load(&c))
			v.Close()
			if c.tasks != 10*benchBatch {
				b.Fatalf("%d tasks", c.tasks)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			v, err := s.View()
			must(b, err)
			must(b, verify(v.tx))
			v.Close()
		}
	})
}

func BenchmarkPayload(b *testing.B) {
	s := benchStore(b)
	million(b, s)
	v, err := s.View()
	must(b, err)
	defer v.Close()
	id := task.ID(0)
	for b.Loop() {
		id = (id + 7919) % (10 * benchBatch)
		_, err := v.Payload(id + 1)
		must(b, err)
	}
}

func BenchmarkFinished(b *testing.B) {
	s := benchStore(b)
	must(b, s.Commit(newTasks(1, benchBatch), Position{}))
	must(b, s.Commit(finishTasks(1, benchBatch, 1, 7919), Position{}))
	v, err := s.View()
	must(b, err)
	defer v.Close()
	id := task.ID(0)
	for b.Loop() {
		id = (id + 7919) % benchBatch
		found, err := v.storedByID(id + 1)
		if err != nil || len(found) != 1 {
			b.Fatalf("%d: %v", len(found), err)
		}
	}
}

func BenchmarkChecksumOfAnEntry(b *testing.B) {
	log := entry(1, 256<<10)
	b.SetBytes(256 << 10)
	for b.Loop() {
		sealLog(log)
	}
}

// BenchmarkLoadMillion starts a member with a million pending tasks: opening the file, and loading the machine. Cold,
// the file isn't in the page cache.
func BenchmarkLoadMillion(b *testing.B) {
	o := testOptions(b.TempDir())
	o.Reserve = 0
	s, err := Open(o)
	must(b, err)
	m, _, err := s.Load()
	must(b, err)
	d := &driver{t: b, m: m, s: s}
	for range 100 {
		e := &task.Enqueue{Tasks: make([]task.NewTask, 10_000)}
		for i := range e.Tasks {
			e.Tasks[i] = task.NewTask{Queue: "bench", Kind: "bench", Payload: make([]byte, 200)}
		}
		d.apply(e)
		if d.index%10 == 0 {
			d.checkpoint(0)
		}
	}
	must(b, s.Close())
	for _, name := range []string{"warm", "cold"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if name == "cold" {
					b.StopTimer()
					evictFile(b, s.dir.State())
					b.StartTimer()
				}
				s, err := Open(o)
				must(b, err)
				m, _, err := s.Load()
				must(b, err)
				if m.LiveTasks() != 1_000_000 {
					b.Fatal(m.LiveTasks())
				}
				must(b, s.Close())
			}
		})
	}
}

// evictFile drops a file from the page cache.
func evictFile(b *testing.B, path string) {
	must(b, syncPath(path))
	f, err := os.Open(path)
	must(b, err)
	defer f.Close()
	must(b, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
}

// BenchmarkRaftBolt is raft-boltdb alone, to compare BenchmarkStoreLogs with.
func BenchmarkRaftBolt(b *testing.B) {
	bolt, err := raftboltdb.New(raftboltdb.Options{Path: filepath.Join(b.TempDir(), "raft.db"), BoltOptions: boltOptions(1 << 30)})
	must(b, err)
	defer bolt.Close()
	benchLogs(b, bolt)
}

func BenchmarkStoreLogs(b *testing.B) {
	l, _ := newLog(b)
	benchLogs(b, l)
}

func benchLogs(b *testing.B, l raft.LogStore) {
	index := uint64(1)
	for _, size := range []int{256, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			w := stopwatch{b: b}
			b.StopTimer()
			w.start()
			for range b.N {
				must(b, l.StoreLogs([]*raft.Log{entry(index, size)}))
				if index%512 == 0 {
					must(b, l.DeleteRange(index-511, index-256))
				}
				index++
			}
			w.stop()
			w.perTask(1)
		})
	}
}
