package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/cmd/rowlock/backups"
	"github.com/rowlock/rowlock/rpc"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/extract"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// backupTasks are the tasks of a backup that flags select.
type backupTasks struct {
	p      *program
	of     restoreSourceFlags
	ids    []string
	queue  string
	kind   string
	states []string
	where  string
	all    bool

	sel    extract.Selection
	filter *filter.Filter
	source *extract.Source
	name   string
	remove func() error // what the source was made of
}

func (b *backupTasks) add(flags *pflag.FlagSet) {
	b.of.add(flags)
	flags.StringSliceVar(&b.ids, "id", nil, "the tasks with these IDs")
	flags.StringVar(&b.queue, "queue", "", "only this queue's")
	flags.StringVar(&b.kind, "kind", "", "only this kind")
	flags.StringVar(&b.where, "where", "", `only those for which this filter is true, as of the time of the backup, such as 'error.contains("timeout")'; see docs/guides/filters.md`)
	flags.StringSliceVar(&b.states, "state", nil, "only those in these states: "+strings.Join(stateNames(), ", "))
}

// check reads the flags.
func (b *backupTasks) check() (err error) {
	if b.of.from == "" {
		return usagef("say which backup: --from FILE, or a directory or bucket with backups")
	}
	if b.filter, err = filter.Compile(b.where); err != nil {
		return usagef("--where: %s", err)
	}
	b.sel = extract.Selection{Queue: b.queue, Kind: b.kind, NeedsPayload: b.filter.NeedsPayload()}
	for _, arg := range b.ids {
		id, err := task.ParseID(arg)
		if err != nil {
			return usagef("--id %q is %s", arg, err)
		}
		b.sel.IDs = append(b.sel.IDs, id)
	}
	states, err := parseStates(b.states)
	for _, s := range states {
		b.sel.States = append(b.sel.States, machineState(s))
	}
	return err
}

// machineState is the machine's state of an API's word.
func machineState(word rowlockv1.Task_State) task.State {
	for st := range task.DeadLetter + 1 {
		if st.String() == word.String() {
			return st
		}
	}
	return task.None
}

// selects reports whether some tasks were asked for, rather than all live ones.
func (b *backupTasks) selects() bool {
	return b.all || b.queue != "" || b.kind != "" || b.where != "" || len(b.states) > 0 || len(b.ids) > 0
}

// open copies the state out of the backup. close must follow, whatever it returns.
func (b *backupTasks) open(ctx context.Context) (err error) {
	if strings.HasSuffix(strings.SplitN(b.of.from, "?", 2)[0], archive.Suffix) && b.of.toTime == "" && b.of.toIndex == 0 {
		err = b.unpack(ctx)
	} else {
		err = b.stage(ctx)
	}
	if errors.Is(err, extract.ErrKind) {
		return usagef("%s: %s", b.name, err)
	}
	if err != nil {
		return err
	}
	if !b.filter.All() {
		now := b.source.StateTime().UnixMicro()
		b.sel.Match = func(t *task.Task) (bool, error) { return b.filter.Match(t, now) }
	}
	return nil
}

// unpack takes one archive.
func (b *backupTasks) unpack(ctx context.Context) error {
	keys, err := b.of.keys.keys()
	if err != nil {
		return err
	}
	file, err := backups.Find(ctx, b.of.from, backups.Latest, keys)
	if err != nil {
		return err
	}
	b.name, b.remove = b.of.from, file.Close
	bar := b.p.progress(file.Manifest().Body.PlainSize, "copied", "B")
	defer bar.stop()
	copied := int64(0)
	b.source, err = extract.Open(ctx, file.Reader, extract.Options{Dir: b.of.tempDir, Progress: func(done, _ int64) {
		bar.add(int(done - copied))
		copied = done
	}})
	return err
}

// stage makes the state that a destination has of a moment: of a full backup, and the log behind it.
func (b *backupTasks) stage(ctx context.Context) error {
	made, err := b.of.stage(ctx, b.p, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	b.name, b.remove = made.name, made.remove
	b.source, err = extract.OpenState(made.path, made.time)
	return err
}

func (b *backupTasks) close() error {
	var err error
	if b.source != nil {
		err = b.source.Close()
	}
	if b.remove != nil {
		err = errors.Join(err, b.remove())
	}
	return err
}

// each gives fn the selected tasks as the API shows them.
func (b *backupTasks) each(ctx context.Context, fn func(t *rowlockv1.Task) error) (missing []task.ID, err error) {
	return b.source.Tasks(ctx, b.sel, func(t *task.Task) error { return fn(rpc.ViewTask(t)) })
}

// what names the backup and its moment.
func (b *backupTasks) what() string {
	return fmt.Sprintf("%s (state of %s, entry %d)", b.name, b.source.StateTime().UTC().Format(time.RFC3339), b.source.Index())
}
