package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/extract"
	"github.com/rowlock/rowlock/task"
)

// world is a state with tasks of all lives, and an archive of it.
type world struct {
	t *testing.T
	m *task.Machine
	n uint64
}

func (w *world) apply(c task.Command) task.Result {
	w.t.Helper()
	w.n++
	entry := task.AppendCommand(task.AppendHeader(nil, task.Header{Time: 1_700_000_000_000_000 + int64(w.n)}), c)
	results, _, err := w.m.Apply(1, entry, true)
	must(w.t, err)
	return results[0]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build makes task 1 completed, 2 a dead letter of queue dead, 3 running, 4 pending with a large payload, 5 scheduled, 6 cancelled and 7
// cancelled and deleted.
func build(t *testing.T) *task.Machine {
	t.Helper()
	w := &world{t: t, m: task.NewMachine()}
	w.apply(&task.RaiseFeatureLevel{Level: task.SupportedLevel})
	w.apply(&task.SetQueue{Queue: "q", Fields: task.FieldDeadLetterQueue, Settings: task.QueueSettings{DeadLetterQueue: "dead"}})
	w.apply(&task.OpenSession{Worker: "w1", Queues: []task.QueueWeight{{Queue: "q", Weight: 1}}})
	tasks := make([]task.NewTask, 7)
	for i := range tasks {
		tasks[i] = task.NewTask{Queue: "q", Kind: fmt.Sprintf("k%d", i+1), Payload: []byte{byte(i), 0xff}}
	}
	tasks[3].Payload = bytes.Repeat([]byte("large"), 20_000)
	tasks[4].Delay = 1 << 40
	w.apply(&task.Enqueue{Tasks: tasks})
	leased := w.apply(&task.Lease{Session: 1, Max: 3}).Leased
	w.apply(&task.Finish{Outcomes: []task.Outcome{
		{ID: 1, Token: leased[0].Token, Data: []byte("done")},
		{ID: 2, Token: leased[1].Token, Kind: task.OutcomeFailPermanent, Data: []byte("broken")},
	}})
	w.apply(&task.Cancel{IDs: []task.ID{6, 7}})
	w.apply(&task.DeleteFinished{Refs: []task.FinishedRef{{ID: 7, Queue: 1, Sequence: 3}}})
	return w.m
}

// pack writes an archive of a machine's state.
func pack(t *testing.T, m *task.Machine, kind string) []byte {
	t.Helper()
	s, err := store.Open(store.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	must(t, err)
	defer s.Close()
	m.Freeze()
	for !m.Capture(100) {
	}
	must(t, s.Commit(m.Frozen(), store.Position{Index: 9, Term: 1}))
	m.Committed(0)
	v, err := s.View()
	must(t, err)
	defer v.Close()
	var b bytes.Buffer
	w, err := archive.Create(&b, archive.Options{})
	must(t, err)
	_, err = v.WriteTo(w)
	must(t, err)
	_, err = w.Close(archive.Manifest{
		Format: archive.Format, Kind: kind, ClusterID: "c", Timeline: archive.Timeline0, FirstIndex: 9, Index: 9, Term: 1,
		Hash: fmt.Sprintf("%016x", m.Hash()),
	})
	must(t, err)
	return b.Bytes()
}

func openBytes(b []byte, temp string) (*extract.Source, error) {
	r, err := archive.Open(bytes.NewReader(b), int64(len(b)), archive.Keys{})
	if err != nil {
		return nil, err
	}
	return extract.Open(context.Background(), r, extract.Options{Dir: temp})
}

func TestTasks(t *testing.T) {
	m := build(t)
	temp := t.TempDir()
	s, err := openBytes(pack(t, m, archive.Full), temp)
	must(t, err)
	for name, c := range map[string]struct {
		sel     extract.Selection
		want    []task.ID
		missing []task.ID
	}{
		"live":          {extract.Selection{}, []task.ID{2, 3, 4, 5}, nil},
		"a queue":       {extract.Selection{Queue: "dead"}, []task.ID{2}, nil},
		"states":        {extract.Selection{States: []task.State{task.Cancelled, task.Completed, task.Pending}}, []task.ID{4, 1, 6}, nil},
		"a kind":        {extract.Selection{Kind: "k1", States: []task.State{task.Completed}}, []task.ID{1}, nil},
		"IDs":           {extract.Selection{IDs: []task.ID{6, 2, 7, 99}}, []task.ID{6, 2}, []task.ID{7, 99}},
		"IDs and state": {extract.Selection{IDs: []task.ID{6, 2}, States: []task.State{task.DeadLetter}}, []task.ID{2}, nil},
		"a payload": {extract.Selection{NeedsPayload: true, Match: func(t *task.Task) (bool, error) {
			return bytes.HasPrefix(t.Payload, []byte("large")), nil
		}}, []task.ID{4}, nil},
	} {
		var got []task.ID
		missing, err := s.Tasks(context.Background(), c.sel, func(found *task.Task) error {
			got = append(got, found.ID)
			want, live := m.Task(found.ID)
			if live && !found.State.Finished() {
				want.Payload, want.PayloadOnDisk = found.Payload, false
				if g, w := fmt.Sprintf("%+v", *found), fmt.Sprintf("%+v", want); g != w {
					t.Errorf("%s: task %d:\n got %s\nwant %s", name, found.ID, g, w)
				}
			}
			if uint32(len(found.Payload)) != found.PayloadLen || found.ID != 4 && found.Payload[0] != byte(found.ID-1) {
				t.Errorf("%s: task %d has a payload of %d bytes", name, found.ID, len(found.Payload))
			}
			return nil
		})
		must(t, err)
		if !slices.Equal(got, c.want) || !slices.Equal(missing, c.missing) {
			t.Errorf("%s: got %v without %v, want %v without %v", name, got, missing, c.want, c.missing)
		}
	}
	stop := errors.New("stop")
	if _, err := s.Tasks(context.Background(), extract.Selection{}, func(*task.Task) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error: %v", err)
	}
	must(t, s.Close())
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRefused opens what isn't a sound full backup: it is refused, and nothing is left behind.
func TestRefused(t *testing.T) {
	good := pack(t, build(t), archive.Full)
	flipped := bytes.Clone(good)
	flipped[len(good)/2] ^= 4
	for name, c := range map[string]struct {
		archive []byte
		want    error
	}{
		"a log archive": {pack(t, build(t), archive.Log), extract.ErrKind},
		"a flipped bit": {flipped, archive.ErrDamaged},
		"a part":        {good[:len(good)-1], archive.ErrTruncated},
	} {
		temp := t.TempDir()
		_, err := openBytes(c.archive, temp)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
}
