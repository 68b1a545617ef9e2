package raftfsm

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
)

// nothing is an FSM that does nothing: what BenchmarkRaw measures is raft and the disk.
type nothing struct{}

func (nothing) ApplyBatch(l []*raft.Log) []any      { return make([]any, len(l)) }
func (nothing) Apply(*raft.Log) any                 { return nil }
func (nothing) Snapshot() (raft.FSMSnapshot, error) { return nil, io.EOF }
func (nothing) Restore(s io.ReadCloser) error       { return s.Close() }

// BenchmarkRaw is the bound of BenchmarkPropose: entries of 300 bytes through raft and the log store alone.
func BenchmarkRaw(b *testing.B) {
	for _, callers := range []int{1, 2, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			o := store.Options{Dir: b.TempDir(), Logger: testLogger(b), Now: time.Now}
			s, err := store.Open(o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			log, err := store.OpenLog(o)
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			_, trans := raft.NewInmemTransport("a")
			rc := raft.DefaultConfig()
			rc.LocalID, rc.Logger, rc.BatchApplyCh = "a", newRaftLogger(testLogger(b)), true
			snaps := raft.NewInmemSnapshotStore()
			if err := raft.BootstrapCluster(rc, log, log, snaps, trans, raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "a"}}}); err != nil {
				b.Fatal(err)
			}
			r, err := raft.NewRaft(rc, nothing{}, log, log, snaps, trans)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = r.Shutdown().Error() }()
			eventually(b, "leader", func() bool { return r.State() == raft.Leader })
			drive(b, callers, 1, func() error { return r.Apply(make([]byte, 300), 0).Error() })
		})
	}
}
