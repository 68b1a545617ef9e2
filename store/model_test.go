package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rowlock/rowlock/task"
)

// model is what a state file must hold: the naive store.
type model struct {
	position Position
	records  map[task.Kind]map[string][]byte
	tasks    map[task.ID]modelTask
	history  map[uint32][]modelTask // by queue; the sequence is the place in it
	marks    map[uint32]uint64
	deleted  map[task.ID]bool
	nextID   task.ID
}

type modelTask struct {
	id              task.ID
	record, payload []byte
}

func newModel() *model {
	return &model{
		records: map[task.Kind]map[string][]byte{}, tasks: map[task.ID]modelTask{}, history: map[uint32][]modelTask{},
		marks: map[uint32]uint64{}, deleted: map[task.ID]bool{}, nextID: 1,
	}
}

// drawBytes draws content of one of the sizes that matter: none, inline, at the bound of inline, outside, and larger
// than a chunk.
func drawBytes(t *rapid.T, label string, sizes ...int) []byte {
	n := rapid.SampledFrom(sizes).Draw(t, label)
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, label+" byte")}, n)
}

// checkpoint draws changes, applies them to the model and returns them as a checkpoint.
func (m *model) checkpoint(t *rapid.T) (*task.Checkpoint, Position) {
	cp := &task.Checkpoint{}
	m.drawRecords(t, cp)
	m.drawFinished(t, cp)
	m.drawTasks(t, cp)
	m.drawTrims(t, cp)
	slices.SortFunc(cp.Tasks, func(a, b task.TaskChange) int { return int(a.ID) - int(b.ID) })
	m.position.Index += uint64(rapid.IntRange(0, 3).Draw(t, "entries"))
	m.position.Term = max(1, m.position.Index/10)
	m.position.Configuration = drawBytes(t, "configuration", 0, 50)
	m.position.ConfigurationIndex = m.position.Index / 2
	return cp, m.position
}

func (m *model) drawRecords(t *rapid.T, cp *task.Checkpoint) {
	for _, kind := range task.Kinds {
		if m.records[kind] == nil {
			m.records[kind] = map[string][]byte{}
		}
		keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"", "a", "ab", "b", "\x00", "\xff"}), 0, 3, rapid.ID).Draw(t, "keys")
		slices.Sort(keys)
		for _, key := range keys {
			if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
				delete(m.records[kind], key)
				cp.Records = append(cp.Records, task.Record{Kind: kind, Key: []byte(key)})
				continue
			}
			value := drawBytes(t, "value", 0, 20, 9000)
			m.records[kind][key] = value
			cp.Records = append(cp.Records, task.Record{Kind: kind, Key: []byte(key), Value: value})
		}
	}
}

// drawFinished moves live tasks, and some that never were on disk, into the history.
func (m *model) drawFinished(t *rapid.T, cp *task.Checkpoint) {
	byQueue := map[uint32][]task.Finished{}
	finish := func(f task.Finished, payload []byte) {
		q := uint32(rapid.IntRange(1, 3).Draw(t, "queue"))
		f.Sequence = uint64(len(m.history[q]))
		f.Record = drawBytes(t, "finished record", 30, 300, 70000)
		m.history[q] = append(m.history[q], modelTask{f.ID, f.Record, payload})
		byQueue[q] = append(byQueue[q], f)
	}
	for _, id := range slices.Sorted(maps.Keys(m.tasks)) {
		if rapid.IntRange(0, 2).Draw(t, "finish") > 0 {
			continue
		}
		payload := m.tasks[id].payload
		delete(m.tasks, id)
		cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id})
		if rapid.Bool().Draw(t, "payload on disk") {
			finish(task.Finished{ID: id, PayloadOnDisk: true}, payload)
		} else {
			finish(task.Finished{ID: id, Payload: payload}, payload)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "short-lived") {
		m.nextID += task.ID(rapid.SampledFrom([]int{1, 2, 700}).Draw(t, "step"))
		payload := drawBytes(t, "payload", 0, 100, 5000)
		finish(task.Finished{ID: m.nextID, Payload: payload}, payload)
	}
	for _, q := range slices.Sorted(maps.Keys(byQueue)) {
		cp.History = append(cp.History, task.HistoryChunk{Queue: q, Tasks: byQueue[q]})
	}
}

func (m *model) drawTasks(t *rapid.T, cp *task.Checkpoint) {
	for _, id := range slices.Sorted(maps.Keys(m.tasks)) {
		old := m.tasks[id]
		record := drawBytes(t, "record", 1, 90, 2000)
		switch rapid.SampledFrom([]string{"leave", "leave", "keep", "rewrite", "delete"}).Draw(t, "change") {
		case "keep":
			m.tasks[id] = modelTask{id, record, old.payload}
			cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id, Record: record, KeepPayload: true})
		case "rewrite":
			payload := drawBytes(t, "payload", 0, 100, inlinePayload, inlinePayload+1, 100000)
			m.tasks[id] = modelTask{id, record, payload}
			cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id, Record: record, Payload: payload})
		case "delete":
			delete(m.tasks, id)
			cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id})
		}
	}
	for range rapid.IntRange(0, 8).Draw(t, "new") {
		m.nextID += task.ID(rapid.SampledFrom([]int{1, 2, 700}).Draw(t, "step"))
		n := modelTask{m.nextID, drawBytes(t, "record", 1, 90, 2000), drawBytes(t, "payload", 0, 100, inlinePayload, inlinePayload+1, 100000)}
		m.tasks[n.id] = n
		cp.Tasks = append(cp.Tasks, task.TaskChange{ID: n.id, Record: n.record, Payload: n.payload})
	}
}

func (m *model) drawTrims(t *rapid.T, cp *task.Checkpoint) {
	for _, q := range slices.Sorted(maps.Keys(m.history)) {
		n := uint64(len(m.history[q]))
		if n > m.marks[q] && rapid.IntRange(0, 3).Draw(t, "remove one") == 0 {
			s := rapid.Uint64Range(m.marks[q], n-1).Draw(t, "removed")
			id := m.history[q][s].id
			if !m.deleted[id] {
				m.deleted[id] = true
				cp.Deleted = append(cp.Deleted, task.FinishedRef{ID: id, Queue: q, Sequence: s})
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "trim") == 0 {
			m.marks[q] = rapid.Uint64Range(m.marks[q], n).Draw(t, "watermark")
			cp.Trims = append(cp.Trims, task.HistoryTrim{Queue: q, Before: m.marks[q]})
		}
	}
}

// image is a model as a loader sees it.
func (m *model) Record(k task.Kind, key, value []byte) error {
	if m.records[k] == nil {
		m.records[k] = map[string][]byte{}
	}
	m.records[k][string(key)] = bytes.Clone(value)
	return nil
}

func (m *model) Task(id task.ID, record []byte, payloadLen int) error {
	m.tasks[id] = modelTask{id: id, record: bytes.Clone(record), payload: make([]byte, payloadLen)}
	return nil
}

// compare reads all of a store and reports the first difference. An error of the store's comes back as it is.
func (m *model) compare(s *Store) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	defer v.Close()
	if !samePosition(v.Position(), m.position) || !samePosition(s.Position(), m.position) {
		return fmt.Errorf("position is %+v, want %+v", v.Position(), m.position)
	}
	if err := m.compareLive(v); err != nil {
		return err
	}
	for q := range m.history {
		if err := m.compareHistory(v, q); err != nil {
			return fmt.Errorf("queue %d: %w", q, err)
		}
	}
	return nil
}

func samePosition(a, b Position) bool {
	return a.Index == b.Index && a.Term == b.Term && a.ConfigurationIndex == b.ConfigurationIndex && bytes.Equal(a.Configuration, b.Configuration)
}

func (m *model) compareLive(v *View) error {
	got := newModel()
	if err := v.load(got); err != nil {
		return err
	}
	for _, kind := range task.Kinds {
		if !maps.EqualFunc(got.records[kind], m.records[kind], bytes.Equal) {
			return fmt.Errorf("records of kind %d differ: %d, want %d", kind, len(got.records[kind]), len(m.records[kind]))
		}
	}
	if len(got.tasks) != len(m.tasks) {
		return fmt.Errorf("%d tasks, want %d", len(got.tasks), len(m.tasks))
	}
	for id, want := range m.tasks {
		t, ok := got.tasks[id]
		if !ok || !bytes.Equal(t.record, want.record) || len(t.payload) != len(want.payload) {
			return fmt.Errorf("task %v differs", id)
		}
		payload, err := v.Payload(id)
		if err != nil {
			return err
		}
		if !bytes.Equal(payload, want.payload) {
			return fmt.Errorf("payload of task %v differs", id)
		}
	}
	if _, err := v.Payload(m.nextID + 1); !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("payload of a task that never was: %w", err)
	}
	return nil
}

func (m *model) compareHistory(v *View, q uint32) error {
	mark := m.marks[q]
	var want []stored
	for s, f := range m.history[q] {
		got, err := v.storedByID(f.id)
		if err != nil {
			return err
		}
		if uint64(s) < mark || m.deleted[f.id] {
			if len(got) > 0 {
				return fmt.Errorf("task %v of the history should be gone", f.id)
			}
			continue
		}
		want = append(want, stored{f.id, q, uint64(s), f.record, f.payload})
		if !slices.EqualFunc(got, want[len(want)-1:], sameStored) {
			return fmt.Errorf("task %v of the history differs", f.id)
		}
	}
	got, err := v.storedFrom(q, 0, 1<<30)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(got, want, sameStored) {
		return fmt.Errorf("history has %d tasks, want %d", len(got), len(want))
	}
	got, err = v.storedBefore(q, 1<<40, 0, 1<<30)
	if err != nil {
		return err
	}
	slices.Reverse(got)
	if !slices.EqualFunc(got, want, sameStored) {
		return fmt.Errorf("history backwards has %d tasks, want %d", len(got), len(want))
	}
	return m.comparePages(v, q, want)
}

// comparePages reads the history a few tasks at a time, both ways.
func (m *model) comparePages(v *View, q uint32, want []stored) error {
	for i := 0; i < len(want); i += 3 {
		page := want[i:min(i+3, len(want))]
		got, err := v.storedFrom(q, page[0].sequence, 3)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(got, page, sameStored) {
			return fmt.Errorf("page of history from %d differs", page[0].sequence)
		}
		got, err = v.storedBefore(q, page[len(page)-1].sequence+1, page[0].sequence, 3)
		if err != nil {
			return err
		}
		slices.Reverse(got)
		if !slices.EqualFunc(got, page, sameStored) {
			return fmt.Errorf("page of history before %d differs", page[len(page)-1].sequence+1)
		}
	}
	return nil
}

func sameStored(a, b stored) bool {
	return a.id == b.id && a.queue == b.queue && a.sequence == b.sequence && bytes.Equal(a.record, b.record) && bytes.Equal(a.payload, b.payload)
}

// TestModel commits random checkpoints, reopens the file now and then, and compares all of it with the model.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "rowlock-store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := newModel()
		s, err := Open(testOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		for range rapid.IntRange(1, 8).Draw(t, "checkpoints") {
			cp, pos := m.checkpoint(t)
			if err := s.Commit(cp, pos); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 2).Draw(t, "reopen") == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if s, err = Open(testOptions(dir)); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.compare(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := checkIndex(s); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := PrepareImage(Dir(dir).State()); err != nil {
			t.Fatal(err)
		}
	})
}

// checkIndex checks that the index leads to tasks only: no place outlives its chunk.
func checkIndex(s *Store) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	defer v.Close()
	held := map[[20]byte]uint64{} // the last sequence that a chunk holds of an index key's
	err = v.each(bucketHistory, func(k, b []byte) error {
		c, err := decodeChunk(k, b)
		if err != nil {
			return err
		}
		for i := range c.count() {
			held[indexKey(uint64(c.id(i)>>groupBits), c.queue, c.run)] = c.first + uint64(i)
		}
		return nil
	}, nothing)
	if err != nil {
		return err
	}
	return v.each(bucketHistoryID, func(k, b []byte) error {
		x, err := decodeIndex(k, b)
		if err != nil {
			return err
		}
		last, ok := held[[20]byte(k)]
		if run := be64(k[12:]); !ok || last != run+uint64(x.largest) {
			return fmt.Errorf("index key %x leads to no chunk", k)
		}
		return nil
	}, nothing)
}

func be64(b []byte) (n uint64) {
	for _, c := range b[:8] {
		n = n<<8 | uint64(c)
	}
	return n
}
