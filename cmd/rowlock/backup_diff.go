package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/extract"
	"github.com/rowlock/rowlock/task"
)

func (p *program) backupDiffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff BACKUP BACKUP",
		Short: "Show what changed between two backups",
		Long: `Show what changed from one backup to another: live tasks that came, changed, finished or are gone, by queue and state; queues
and schedules that came, went or were set otherwise. Of --limit tasks themselves it shows which fields changed, by the names that
'rowlock task get -o json' gives them, the last error as 'error'; of long values the beginning. Both backups are copied to a
temporary directory and verified first; the memory that it takes doesn't grow with the number of tasks.

BACKUP is as for 'rowlock backup inspect'.`,
		Example: "  rowlock backup diff --from /var/backups/rowlock 1048576 latest\n  rowlock backup diff monday.rowlock tuesday.rowlock -o json",
		Args:    args(2, 2),
	}
	var w which
	w.add(cmd)
	temp := cmd.Flags().String("temp-dir", "", "directory for the copies (default: the system's)")
	limit := cmd.Flags().Int("limit", 20, "show so many of the tasks themselves, and what changed of them")
	out := p.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 0 {
			return usagef("--limit %d: want 0 or more", *limit)
		}
		keys, err := w.read.keys()
		if err != nil {
			return err
		}
		view, err := p.diff(cmd, &w, args, keys, *temp, *limit)
		if err != nil {
			return err
		}
		return out.print(view, view.table)
	}
	return cmd
}

func (p *program) diff(cmd *cobra.Command, w *which, args []string, keys archive.Keys, temp string, limit int) (view diffView, err error) {
	ctx := cmd.Context()
	var sources [2]*extract.Source
	var sides [2]diffSide
	for i, arg := range args {
		sources[i], sides[i], err = p.side(ctx, cmd, w, arg, keys, temp)
		if err != nil {
			return view, err
		}
		defer func() { err = errors.Join(err, sources[i].Close()) }()
	}
	d, err := backups.Diff(ctx, sources[0], sources[1], limit)
	if err != nil {
		return view, err
	}
	return newDiffView(sides, d)
}

// side opens one of the two.
func (p *program) side(ctx context.Context, cmd *cobra.Command, w *which, arg string, keys archive.Keys, temp string) (*extract.Source, diffSide, error) {
	o, err := w.find(cmd, []string{arg}, keys)
	if err != nil {
		return nil, diffSide{}, err
	}
	defer func() { _ = o.Close() }() // only read
	show := phases{p: p, unit: "B"}
	defer show.stop()
	s, err := extract.Open(ctx, o.Reader, extract.Options{Dir: temp, Progress: func(done, total int64) { show.show("reading "+arg, done, total) }})
	if err != nil {
		return nil, diffSide{}, fmt.Errorf("%s: %w", o.Name, err)
	}
	m := o.Manifest()
	return s, diffSide{o.Name, m.Timeline, m.Index, m.StateTime, m.Hash, m.LiveTasks}, nil
}

type diffSide struct {
	Name      string    `json:"name"`
	Timeline  string    `json:"timeline"`
	Index     uint64    `json:"index"`
	StateTime time.Time `json:"state_time"`
	StateHash string    `json:"state_hash"`
	LiveTasks uint64    `json:"live_tasks"`
}

// diffView is what changed.
type diffView struct {
	From           diffSide     `json:"from"`
	To             diffSide     `json:"to"`
	Same           bool         `json:"same"`
	UnchangedTasks uint64       `json:"unchanged_tasks"`
	Tasks          []diffCount  `json:"tasks"`
	Queues         []diffChange `json:"queues"`
	Schedules      []diffChange `json:"schedules"`
	Examples       []diffTask   `json:"examples"`
	MoreTasks      uint64       `json:"more_tasks"`
}

type diffCount struct {
	Queue  string `json:"queue"`
	Change string `json:"change"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Count  uint64 `json:"count"`
}

type diffTask struct {
	ID     string `json:"id"`
	Queue  string `json:"queue"`
	Change string `json:"change"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// Fields are those that changed, of a task that is in both.
	Fields     []diffField `json:"fields,omitempty"`
	MoreFields int         `json:"more_fields,omitempty"`
}

type diffChange struct {
	Name   string   `json:"name"`
	Change string   `json:"change"`
	Fields []string `json:"fields,omitempty"`
}

func newDiffView(sides [2]diffSide, d backups.Difference) (diffView, error) {
	v := diffView{
		From: sides[0], To: sides[1], Same: sides[0].StateHash == sides[1].StateHash, UnchangedTasks: d.Unchanged, MoreTasks: d.More,
		Tasks: []diffCount{}, Queues: diffChanges(d.Queues), Schedules: diffChanges(d.Schedules), Examples: []diffTask{},
	}
	for _, c := range d.Tasks {
		v.Tasks = append(v.Tasks, diffCount{c.Queue, c.Change, stateName(c.From), stateName(c.To), c.Count})
	}
	for _, e := range d.Examples {
		one := diffTask{ID: e.ID.String(), Queue: e.Queue, Change: e.Change, From: stateName(e.From), To: stateName(e.To)}
		var err error
		if one.Fields, one.MoreFields, err = diffFields(e); err != nil {
			return v, err
		}
		v.Examples = append(v.Examples, one)
	}
	return v, nil
}

func diffChanges(list []backups.Change) []diffChange {
	out := []diffChange{}
	for _, c := range list {
		out = append(out, diffChange(c))
	}
	return out
}

// stateName is a state, or "" where the task isn't there.
func stateName(s task.State) string {
	if s == task.None {
		return ""
	}
	return s.String()
}

func (v diffView) table(t *render.Table) {
	t.Head("what", "change", "from", "to", "count")
	for _, side := range []diffSide{v.From, v.To} {
		t.Row(fmt.Sprintf("index %d of %s", side.Index, side.StateTime.UTC().Format(time.RFC3339)), "", "", "", render.Count(side.LiveTasks, "live task"))
	}
	t.Row("tasks", "unchanged", "", "", fmt.Sprint(v.UnchangedTasks))
	for _, c := range v.Tasks {
		t.Row("tasks of queue "+c.Queue, c.Change, c.From, c.To, fmt.Sprint(c.Count))
	}
	for _, c := range v.Queues {
		t.Row("queue "+c.Name, c.Change, "", strings.Join(c.Fields, "; "), "")
	}
	for _, c := range v.Schedules {
		t.Row("schedule "+c.Name, c.Change, "", strings.Join(c.Fields, "; "), "")
	}
	for _, e := range v.Examples {
		t.Row("task "+e.ID, e.Change, e.From, e.To, "")
		for _, f := range e.Fields {
			if f.Name != "state" {
				t.Row("  "+f.Name, "", cmp.Or(f.From, "none"), cmp.Or(f.To, "none"), "")
			}
		}
		if e.MoreFields > 0 {
			t.Row("  further fields", "", "", "", fmt.Sprint(e.MoreFields))
		}
	}
	if v.MoreTasks > 0 {
		t.Row("further tasks", "", "", "", fmt.Sprint(v.MoreTasks))
	}
}
