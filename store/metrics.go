package store

import (
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// ioBuckets reach from a fast disk's fsync, 0.1 ms, to a hung one's.
func ioBuckets() []float64 { return prometheus.ExponentialBuckets(0.0001, 2, 18) }

// registered are metrics that are given back at the end.
type registered struct {
	registerer prometheus.Registerer
	collectors []prometheus.Collector
}

func register(r prometheus.Registerer, cs ...prometheus.Collector) (registered, error) {
	done := registered{registerer: r}
	if r == nil {
		return done, nil
	}
	for _, c := range cs {
		if err := r.Register(c); err != nil {
			done.close()
			return registered{}, err
		}
		done.collectors = append(done.collectors, c)
	}
	return done, nil
}

func (r registered) close() {
	for _, c := range r.collectors {
		r.registerer.Unregister(c)
	}
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

// fileSize is a gauge's value: a file's size, 0 if it can't be seen.
func fileSize(path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return float64(info.Size())
}

// stateMetrics are those of the state file.
type stateMetrics struct {
	registered
	seconds prometheus.Histogram
	bytes   prometheus.Counter
}

func newStateMetrics(r prometheus.Registerer, s *Store) (*stateMetrics, error) {
	m := &stateMetrics{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "rowlock_checkpoint_seconds", Help: "Time to write a checkpoint to the state file, fsync included.", Buckets: ioBuckets(),
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rowlock_checkpoint_bytes_total", Help: "Bytes of records in the checkpoints written.",
		}),
	}
	var err error
	m.registered, err = register(r, m.seconds, m.bytes,
		gauge("rowlock_state_file_bytes", "Size of the state file.", func() float64 { return fileSize(s.dir.State()) }),
		gauge("rowlock_state_free_bytes", "Bytes of free pages in the state file.", func() float64 { return float64(s.Stats().FreeAlloc) }),
	)
	return m, err
}

func (m *stateMetrics) committed(d time.Duration, cp *task.Checkpoint) {
	m.seconds.Observe(d.Seconds())
	m.bytes.Add(float64(cp.Bytes))
}

// Stats are bbolt's own figures of the state file; zero after Close.
func (s *Store) Stats() bbolt.Stats {
	h, err := s.use()
	if err != nil {
		return bbolt.Stats{}
	}
	defer h.release()
	return h.db.Stats()
}

// logMetrics are those of the log.
type logMetrics struct {
	registered
	seconds *prometheus.HistogramVec
	bytes   prometheus.Counter
}

func newLogMetrics(r prometheus.Registerer, l *LogStore) (*logMetrics, error) {
	m := &logMetrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rowlock_log_store_seconds", Help: "Time of writes to the Raft log, fsync included, by operation.", Buckets: ioBuckets(),
		}, []string{"operation"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rowlock_log_store_bytes_total", Help: "Bytes of entries written to the Raft log.",
		}),
	}
	var err error
	m.registered, err = register(r, m.seconds, m.bytes,
		gauge("rowlock_log_file_bytes", "Size of the Raft log's file.", func() float64 { return fileSize(l.dir.Log()) }),
		gauge("rowlock_log_free_bytes", "Bytes of free pages in the Raft log's file.", func() float64 { return float64(l.Stats().FreeAlloc) }),
		gauge("rowlock_log_entries_bytes", "Bytes of the entries that the Raft log holds.", func() float64 { return float64(l.Bytes()) }),
	)
	return m, err
}
