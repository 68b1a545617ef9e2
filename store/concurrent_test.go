package store

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/task"
)

// TestConcurrent reads in all ways while commits and replacements go on: each reader sees one commit, whole.
func TestConcurrent(t *testing.T) {
	s := openTest(t, t.TempDir())
	// Commit n writes the index n into every task.
	commit := func(n uint64) error {
		cp := &task.Checkpoint{}
		for id := range task.ID(100) {
			cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id + 1, Record: []byte("r"), Payload: []byte{byte(n)}})
		}
		return s.Commit(cp, Position{Index: n})
	}
	must(t, commit(1))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := readOne(s); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := uint64(2); n < 60; n++ {
		must(t, commit(n))
		if n%20 == 0 {
			v := viewTest(t, s)
			must(t, s.Replace(stream(t, v, s)))
			v.Close()
		}
	}
	close(done)
	readers.Wait()
}

func readOne(s *Store) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	defer v.Close()
	for id := range task.ID(100) {
		p, err := v.Payload(id + 1)
		if err != nil {
			return err
		}
		if p[0] != byte(v.Position().Index) {
			return errors.New("a view sees two commits")
		}
	}
	_, _ = s.Stats(), s.Position()
	_, err = v.WriteTo(io.Discard)
	return err
}

// TestReadRewrittenEntry reads an entry of many pieces while it is deleted and written anew: it is there, whole, or it
// isn't.
func TestReadRewrittenEntry(t *testing.T) {
	l, _ := newLog(t)
	done := make(chan struct{})
	var reader sync.WaitGroup
	read := 0
	reader.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			var log raft.Log
			switch err := l.GetLog(1, &log); {
			case errors.Is(err, raft.ErrLogNotFound):
			case err != nil:
				t.Error(err)
				return
			case bytes.Count(log.Data, log.Data[:1]) != 64*pieceSize:
				t.Error("an entry is mixed from two")
				return
			default:
				read++
			}
		}
	})
	for i := range 80 {
		must(t, l.StoreLog(&raft.Log{Index: 1, Term: 1, Data: bytes.Repeat([]byte{byte(i)}, 64*pieceSize)}))
		if i%2 == 0 {
			must(t, l.DeleteRange(1, 1))
		}
	}
	close(done)
	reader.Wait()
	if read == 0 {
		t.Error("no read has succeeded")
	}
}

func TestImage(t *testing.T) {
	from, to := openTest(t, t.TempDir()), openTest(t, t.TempDir())
	want := fill(t, from, 3)
	image, err := from.Image()
	must(t, err)
	defer image.Close()
	cp, pos := want.clone().sampleCheckpoint(3)
	must(t, from.Commit(cp, pos)) // isn't in the image
	f, err := to.CreateImage()
	must(t, err)
	n, err := io.Copy(f, image)
	must(t, errors.Join(err, f.Close()))
	if n != image.Size() || !samePosition(image.Position(), want.position) {
		t.Errorf("%d bytes at %+v, want %d", n, image.Position(), image.Size())
	}
	_, err = PrepareImage(f.Name())
	must(t, err)
	must(t, to.Replace(f.Name()))
	must(t, want.compare(to))
}

// TestMetrics registers the metrics, and gives them back so that the same process can open the directory again.
func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	o := testOptions(t.TempDir())
	o.Registerer = r
	for range 2 {
		s, err := Open(o)
		must(t, err)
		l, err := OpenLog(o)
		must(t, err)
		must(t, s.Commit(&task.Checkpoint{Bytes: 7}, Position{Index: 1}))
		must(t, l.StoreLog(entry(1, 10)))
		families, err := r.Gather()
		must(t, err)
		values := map[string]float64{}
		for _, f := range families {
			m := f.Metric[0]
			values[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
		for _, name := range []string{
			"rowlock_checkpoint_seconds", "rowlock_checkpoint_bytes_total", "rowlock_state_file_bytes",
			"rowlock_log_store_seconds", "rowlock_log_store_bytes_total", "rowlock_log_file_bytes", "rowlock_log_entries_bytes",
		} {
			if values[name] <= 0 {
				t.Errorf("%s is %v", name, values[name])
			}
		}
		if _, err := Open(o); !errors.Is(err, ErrLocked) {
			t.Errorf("opened twice: %v", err)
		}
		must(t, errors.Join(l.Close(), s.Close()))
	}
	left, err := r.Gather()
	if err != nil || len(left) > 0 {
		t.Errorf("%d metrics are left, %v", len(left), err)
	}
}
