package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rowlock/rowlock/task"
)

// sample is a small state file with all kinds of content, and the models of its last two commits: with a damaged meta
// page bbolt falls back to the commit before, which is whole and says its position.
type sample struct {
	dir, path string
	before    *model
	last      *model
	data      []byte
}

func newSample(t testing.TB) *sample {
	t.Helper()
	dir := t.TempDir()
	s := openTest(t, dir)
	p := &sample{dir: dir, path: filepath.Join(dir, "copy.db"), last: newModel(), before: newModel()}
	for step := range uint64(3) {
		p.before = p.last.clone()
		cp, pos := p.last.sampleCheckpoint(step)
		must(t, s.Commit(cp, pos))
	}
	must(t, p.last.compare(s))
	must(t, s.Close())
	var err error
	p.data, err = os.ReadFile(Dir(dir).State())
	must(t, err)
	c := pageChecker{file: openFile(t, Dir(dir).State())}
	must(t, c.check())
	p.data = p.data[:int(c.end)*c.pageSize] // bbolt grows the file in large steps
	return p
}

func (m *model) clone() *model {
	c := newModel()
	for kind, records := range m.records {
		c.records[kind] = maps.Clone(records)
	}
	for q, tasks := range m.history {
		c.history[q] = slices.Clone(tasks)
	}
	c.tasks, c.marks, c.deleted = maps.Clone(m.tasks), maps.Clone(m.marks), maps.Clone(m.deleted)
	c.position, c.nextID = m.position, m.nextID
	return c
}

// sampleCheckpoint changes a little of everything: 40 new tasks each time, of which the next time some finish, some
// change and one is deleted.
func (m *model) sampleCheckpoint(step uint64) (*task.Checkpoint, Position) {
	cp := &task.Checkpoint{}
	for _, kind := range task.Kinds {
		value := fmt.Appendf(nil, "record of kind %d, step %d", kind, step)
		key := fmt.Appendf(nil, "key %d", step%2)
		m.records[kind] = setOf(m.records[kind], string(key), value)
		cp.Records = append(cp.Records, task.Record{Kind: kind, Key: key, Value: value})
	}
	for i, id := range slices.Sorted(maps.Keys(m.tasks)) {
		old := m.tasks[id]
		switch i % 4 {
		case 0:
			q := uint32(1 + i%8/4)
			f := task.Finished{ID: id, Sequence: uint64(len(m.history[q])), Record: []byte("finished"), PayloadOnDisk: true}
			m.history[q] = append(m.history[q], modelTask{id, f.Record, old.payload})
			cp.History = addFinished(cp.History, q, f)
			cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id})
			delete(m.tasks, id)
		case 1:
			record := fmt.Appendf(nil, "task %d, changed at step %d", id, step)
			m.tasks[id] = modelTask{id, record, old.payload}
			cp.Tasks = append(cp.Tasks, task.TaskChange{ID: id, Record: record, KeepPayload: true})
		}
	}
	for i := range 40 {
		m.nextID++
		n := modelTask{m.nextID, fmt.Appendf(nil, "task %d", m.nextID), bytes.Repeat([]byte{byte(i)}, 30+i)}
		if i == 4 || i == 5 {
			n.payload = bytes.Repeat([]byte("outside "), 600)
		}
		m.tasks[n.id] = n
		cp.Tasks = append(cp.Tasks, task.TaskChange{ID: n.id, Record: n.record, Payload: n.payload})
	}
	if step == 2 {
		m.marks[1] = 1
		cp.Trims = []task.HistoryTrim{{Queue: 1, Before: 1}}
		id := m.history[2][1].id
		m.deleted[id] = true
		cp.Deleted = []task.FinishedRef{{ID: id, Queue: 2, Sequence: 1}}
	}
	m.position = Position{Index: 10 * (step + 1), Term: step + 1, Configuration: []byte("configuration"), ConfigurationIndex: step}
	return cp, m.position
}

func setOf(m map[string][]byte, key string, value []byte) map[string][]byte {
	if m == nil {
		m = map[string][]byte{}
	}
	m[key] = value
	return m
}

func addFinished(runs []task.HistoryChunk, q uint32, f task.Finished) []task.HistoryChunk {
	for i := range runs {
		if runs[i].Queue == q {
			runs[i].Tasks = append(runs[i].Tasks, f)
			return runs
		}
	}
	return append(runs, task.HistoryChunk{Queue: q, Tasks: []task.Finished{f}})
}

// read opens the copy and compares all of it.
func (p *sample) read() error {
	s := &Store{options: testOptions(p.dir), dir: Dir(p.dir)}
	h, pos, trims, err := s.openFile(p.path)
	if err != nil {
		return err
	}
	s.handle, s.position, s.trims = h, pos, trims
	defer h.retire()
	return p.last.compare(s)
}

// isBefore reports whether the copy is, in all, the commit before the last.
func (p *sample) isBefore() bool {
	b := *p
	b.last = p.before
	return b.read() == nil
}

func openFile(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestFlippedBits flips bits all over a file: what is read is what was written, or is refused. A damaged meta page
// leads to the commit before.
func TestFlippedBits(t *testing.T) {
	p := newSample(t)
	must(t, os.WriteFile(p.path, p.data, 0o600))
	must(t, p.read())
	f, err := os.OpenFile(p.path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	t.Logf("%d bytes", len(p.data))
	refused, equal, older := 0, 0, 0
	step := 7
	if testing.Short() {
		step = 53
	}
	for at := 0; at < len(p.data); at += step {
		_, err := f.WriteAt([]byte{p.data[at] ^ 1<<(at%8)}, int64(at))
		must(t, err)
		switch err := p.read(); {
		case err == nil:
			equal++
		case at < 2*statePage && p.isBefore():
			older++
		case errors.Is(err, ErrCorrupt), errors.Is(err, ErrFormat):
			refused++
		default:
			t.Errorf("flip at %d (page %d, offset %d): %v", at, at/4096, at%4096, err)
		}
		_, err = f.WriteAt(p.data[at:at+1], int64(at))
		must(t, err)
	}
	t.Logf("%d refused, %d equal, %d the commit before", refused, equal, older)
	if refused == 0 || equal == 0 {
		t.Error(fmt.Errorf("a flip must sometimes show and sometimes not"))
	}
}

// TestFlippedHeaders flips each bit of the header of each page in use: all are refused, also those that no reader would
// meet, such as the number of pages, for the next commit would.
func TestFlippedHeaders(t *testing.T) {
	p := newSample(t)
	must(t, os.WriteFile(p.path, p.data, 0o600))
	c := pageChecker{file: openFile(t, p.path)}
	must(t, c.check())
	f, err := os.OpenFile(p.path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	pages := 0
	for id := uint64(2); id < c.end; id++ {
		at := int(id) * c.pageSize
		if c.seen[id/64]&(1<<(id%64)) == 0 || native.Uint64(p.data[at:]) != id {
			continue // free, or the rest of the page before it
		}
		pages++
		for bit := range 8 * pageHeader {
			_, err := f.WriteAt([]byte{p.data[at+bit/8] ^ 1<<(bit%8)}, int64(at+bit/8))
			must(t, err)
			err = checkPages(p.path, nil)
			if err == nil { // a count of zero makes a sound page of an empty bucket, but not its digest
				err = p.read()
			}
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("page %d, bit %d: %v", id, bit, err)
			}
			_, err = f.WriteAt(p.data[at+bit/8:at+bit/8+1], int64(at+bit/8))
			must(t, err)
		}
	}
	if pages < 5 {
		t.Errorf("only %d pages are in use", pages)
	}
}

// TestTruncated cuts a file short at each page and inside of pages: opening it refuses it, without a fault.
func TestTruncated(t *testing.T) {
	p := newSample(t)
	page := statePage
	for size := 0; size < len(p.data); size += page / 2 {
		must(t, os.WriteFile(p.path, p.data[:size], 0o600))
		if err := p.read(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
}

// TestTruncatedWhileOpen cuts the file under its mapping, where reading faults.
func TestTruncatedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	m := newModel()
	for step := range uint64(3) {
		cp, pos := m.sampleCheckpoint(step)
		must(t, s.Commit(cp, pos))
	}
	v := viewTest(t, s)
	must(t, os.Truncate(Dir(dir).State(), 2*statePage))
	if _, err := v.Payload(m.nextID); !errors.Is(err, ErrCorrupt) {
		t.Errorf("payload: %v", err)
	}
	if _, _, err := s.Load(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("load: %v", err)
	}
	cp, pos := m.sampleCheckpoint(3)
	if err := s.Commit(cp, pos); !errors.Is(err, ErrCorrupt) {
		t.Errorf("commit: %v", err)
	}
	if err := s.Commit(cp, pos); !errors.Is(err, ErrCorrupt) {
		t.Errorf("commit after a fatal one: %v", err)
	}
}

// TestTruncatedValue cuts the file so that a value's head is there and the rest of it isn't: reading it faults.
func TestTruncatedValue(t *testing.T) {
	s := openTest(t, t.TempDir())
	page := statePage
	must(t, s.Commit(&task.Checkpoint{Tasks: []task.TaskChange{{ID: 1, Record: make([]byte, 8*page)}}}, Position{Index: 1}))
	end, at := 0, 0
	must(t, checkPages(s.dir.State(), nil))
	data, err := os.ReadFile(s.dir.State())
	must(t, err)
	for id := 2; id*page < len(data); id++ { // the leaf with an overflow
		if native.Uint64(data[id*page:]) == uint64(id) && native.Uint32(data[id*page+12:]) > 4 {
			at, end = id, id+int(native.Uint32(data[id*page+12:]))
		}
	}
	if end == 0 {
		t.Fatal("no such page")
	}
	must(t, os.Truncate(s.dir.State(), int64((at+2)*page)))
	if _, _, err := s.Load(); !errors.Is(err, ErrCorrupt) {
		t.Errorf("load: %v", err)
	}
	if _, err := s.Payload(1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("payload: %v", err)
	}
}

// TestGarbage opens files that aren't bbolt's, or not ours.
func TestGarbage(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty":   {},
		"text":    []byte("to be or not to be"),
		"zeroes":  make([]byte, 1<<16),
		"ones":    bytes.Repeat([]byte{0xFF}, 1<<16),
		"foreign": foreignFile(t),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(Dir(dir).State(), content, 0o600))
			if _, err := Open(testOptions(dir)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("open: %v", err)
			}
			after, err := os.ReadFile(Dir(dir).State())
			must(t, err)
			if !bytes.Equal(after, content) {
				t.Error("the file was changed")
			}
		})
	}
}

// foreignFile is a sound bbolt file that isn't a state file.
func foreignFile(t *testing.T) []byte {
	dir := t.TempDir()
	openTest(t, dir)
	l, err := OpenLog(testOptions(dir))
	must(t, err)
	must(t, l.Close())
	b, err := os.ReadFile(Dir(dir).Log())
	must(t, err)
	return b
}
