package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"github.com/rowlock/rowlock/task"
)

// Finding is something in a member's files that isn't as it was written, or that doesn't go together.
type Finding struct {
	File  string    `json:"file"`            // state.db, raft.db, identity.json, diverged
	Part  string    `json:"part"`            // of the file: a bucket, or a part of the state
	Tasks []task.ID `json:"tasks,omitempty"` // that it concerns, where that is known; 100 at most
	Text  string    `json:"text"`
	// Grave means that the member must not serve with it: what it has can't be trusted. Else some task is lost or damaged, and
	// refused when it is asked for.
	Grave bool `json:"grave"`
}

// String says it in one line.
func (f Finding) String() string { return f.File + ": " + f.Part + ": " + f.Text }

// CheckOptions bound a check.
type CheckOptions struct {
	// SupportedLevel is the feature level above which a state is refused; 0: task.SupportedLevel.
	SupportedLevel uint32
	// Most is how many findings are reported; 0: 1,000. All are counted.
	Most int
	// Progress is told what is looked at; nil: nobody is.
	Progress func(phase string)
}

// CheckReport is what a check found.
type CheckReport struct {
	Position   Position
	Hash       uint64 // of the state; 0: it can't be loaded
	Loaded     bool
	LiveTasks  uint64
	Records    uint64 // of the state file
	LogEntries uint64
	Findings   []Finding
	Total      int // findings, those that aren't reported too
}

// Sound reports whether nothing was found.
func (r *CheckReport) Sound() bool { return r.Total == 0 }

// check is one run.
type check struct {
	CheckOptions
	CheckReport

	ctx    context.Context //nolint:containedctx // a check is one call
	chunks map[uint32]span // of the history, by queue
}

func newCheck(ctx context.Context, o CheckOptions) *check {
	o.Most = cmp.Or(o.Most, 1000)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return &check{CheckOptions: o, ctx: ctx, chunks: map[uint32]span{}}
}

func (c *check) add(f Finding) {
	c.Total++
	if len(c.Findings) < c.Most {
		c.Findings = append(c.Findings, f)
	}
}

// CheckDir verifies all files of a stopped member, and changes none: every page and checksum, every index against the tasks,
// every invariant of the machine, the log, and that they go together.
//
// An error means that it couldn't look, such as ErrLocked: the member runs. What is wrong with the files is in the report.
func CheckDir(ctx context.Context, dir string, o CheckOptions) (*CheckReport, error) {
	d := Dir(dir)
	lock, err := lockDir(d)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	c := newCheck(ctx, o)
	c.identity(dir)
	if err := c.state("state.db", d.State()); err != nil {
		return nil, err
	}
	if err := c.log(d.Log()); err != nil {
		return nil, err
	}
	return &c.CheckReport, nil
}

// CheckImage verifies all of a copy of a state file, as CheckDir does that of a stopped member.
func CheckImage(ctx context.Context, path string, o CheckOptions) (*CheckReport, error) {
	c := newCheck(ctx, o)
	if err := c.state("state.db", path); err != nil {
		return nil, err
	}
	return &c.CheckReport, nil
}

func (c *check) identity(dir string) {
	_, ok, err := LoadIdentity(dir)
	switch {
	case err != nil:
		c.add(Finding{File: "identity.json", Part: "identity", Text: err.Error(), Grave: true})
	case !ok:
		c.add(Finding{File: "identity.json", Part: "identity", Text: "there is none: the directory doesn't say whose it is", Grave: true})
	}
	text, marked, err := Divergence(dir)
	if err != nil {
		text, marked = err.Error(), true
	}
	if marked {
		c.add(Finding{File: "diverged", Part: "state", Text: "the state isn't the one that the group agreed on: " + text, Grave: true})
	}
}

// state checks a state file.
func (c *check) state(file, path string) error {
	c.Progress("pages")
	found := digests{}
	if err := checkPages(path, found); err != nil {
		return c.structural(file, err)
	}
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: boltOptions(0).Timeout})
		return err
	})
	if err != nil {
		return c.structural(file, openError(path, err))
	}
	h := newHandle(db)
	defer h.retire()
	var tx *bbolt.Tx
	err = guard(func() (err error) {
		if tx, err = db.Begin(false); err != nil {
			return err
		}
		c.Position, err = readPosition(tx)
		return err
	})
	if tx != nil {
		defer func() { _ = tx.Rollback() }()
	}
	if err != nil {
		return c.structural(file, err)
	}
	if err := guard(func() error { return found.compare(tx) }); err != nil {
		c.add(Finding{File: file, Part: "digests", Text: err.Error(), Grave: true})
	}
	c.Progress("records")
	if err := c.records(file, tx); err != nil {
		return err
	}
	c.Progress("state")
	return c.machine(file, &View{handle: h, tx: tx, position: c.Position})
}

// structural notes what makes a file unreadable; other errors than damage come back.
func (c *check) structural(file string, err error) error {
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrFormat) || errors.Is(err, os.ErrNotExist) {
		c.add(Finding{File: file, Part: "structure", Text: err.Error(), Grave: true})
		return nil
	}
	return err
}

// machine loads the state, works out anew what is derived in it, and holds it against the history.
func (c *check) machine(file string, v *View) error {
	l := task.NewLoader(cmp.Or(c.SupportedLevel, task.SupportedLevel))
	var m *task.Machine
	err := v.load(l)
	if err == nil {
		m, err = l.Machine()
	}
	if errors.Is(err, task.ErrNewerLevel) {
		return err
	}
	if err != nil {
		c.add(Finding{File: file, Part: "state", Text: "it can't be loaded: " + err.Error(), Grave: true})
		return nil //nolint:nilerr // it is a finding
	}
	c.Hash, c.LiveTasks, c.Loaded = m.Hash(), m.LiveTasks(), true
	for _, p := range m.Check(c.Most) {
		f := Finding{File: file, Part: p.Part, Text: p.Text, Grave: true}
		if p.ID != 0 {
			f.Tasks = []task.ID{p.ID}
		}
		c.add(f)
	}
	after := ""
	for {
		queues := m.Queues(after, 1000)
		for i := range queues {
			c.history(file, &queues[i])
			after = queues[i].Name
		}
		if len(queues) < 1000 {
			return c.ctx.Err()
		}
	}
}

// history checks that a queue's history is there as far as the state says.
func (c *check) history(file string, q *task.Queue) {
	first, next := q.History.First, q.History.Next
	if s := c.chunks[q.Number]; first < next && (s.first > first || s.next < next) {
		c.add(Finding{File: file, Part: bucketHistory, Text: fmt.Sprintf(
			"queue %s has the finished tasks %d to %d, and the file those from %d to %d", q.Name, first, next-1, s.first, max(s.next, 1)-1)})
	}
}
