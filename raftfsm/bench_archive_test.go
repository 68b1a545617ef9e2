package raftfsm

import (
	"fmt"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// BenchmarkArchive measures what archiving the log continuously, to a directory on the same disk, costs proposals of enqueues of
// tasks of 200 bytes.
func BenchmarkArchive(b *testing.B) {
	for _, every := range []time.Duration{0, 5 * time.Second, 200 * time.Millisecond} {
		for _, x := range []struct{ callers, tasks int }{{64, 1}, {8, 100}} {
			b.Run(fmt.Sprintf("every=%s/callers=%d/tasks=%d", every, x.callers, x.tasks), func(b *testing.B) {
				c := testConfig(b, b.TempDir())
				if every > 0 {
					c.Archive = &ArchiveConfig{Bucket: newShelf(b).Bucket, Every: every}
				}
				m := startReady(b, c)
				payload := make([]byte, 200)
				drive(b, x.callers, x.tasks, func() error {
					e := &task.Enqueue{Tasks: make([]task.NewTask, x.tasks)}
					for i := range e.Tasks {
						e.Tasks[i] = task.NewTask{Queue: "q", Kind: "k", Payload: payload, Priority: 5}
					}
					_, err := m.Propose(b.Context(), e)
					return err
				})
				if a, ok := m.Archive(); ok && a.Problem != "" {
					b.Error(a.Problem)
				}
			})
		}
	}
}

// BenchmarkReplay measures how fast a log of enqueues is executed again, in tasks.
func BenchmarkReplay(b *testing.B) {
	s := newShelf(b)
	g := newGroup(b, 1, s.config)
	const tasks = 200_000
	for range tasks / 1000 {
		g.insist(enqueue("q", 1000))
	}
	s.archived(g)
	b.ResetTimer()
	start := time.Now()
	for range b.N {
		if _, err := s.replay(b, logarchive.Target{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*tasks)/time.Since(start).Seconds(), "tasks_per_s")
}
