package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

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
	from   string
	temp   string
	keys   readFlags
	ids    []string
	queue  string
	kind   string
	states []string
	where  string
	all    bool

	sel    extract.Selection
	filter *filter.Filter
	read   archive.Keys
	source *extract.Source
	file   *archiveSource
}

func (b *backupTasks) add(flags *pflag.FlagSet) {
	flags.StringVar(&b.from, "from", "", "the backup: a file, an object such as s3://bucket/prefix/….rowlock, or a directory or bucket, of which it is the newest full one")
	flags.StringVar(&b.temp, "temp-dir", "", "where the state is copied to meanwhile, as large as it is unpacked (default: the system's)")
	flags.StringSliceVar(&b.ids, "id", nil, "the tasks with these IDs")
	flags.StringVar(&b.queue, "queue", "", "only this queue's")
	flags.StringVar(&b.kind, "kind", "", "only this kind")
	flags.StringVar(&b.where, "where", "", `only those for which this filter is true, as of the time of the backup, such as 'error.contains("timeout")'; see docs/guides/filters.md`)
	flags.StringSliceVar(&b.states, "state", nil, "only those in these states: "+strings.Join(stateNames(), ", "))
	b.keys.add(flags, "")
}

// check reads the flags.
func (b *backupTasks) check() (err error) {
	if b.from == "" {
		return usagef("say which backup: --from FILE, or a directory or bucket with backups")
	}
	if b.read, err = b.keys.keys(); err != nil {
		return err
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
	if b.file, err = openArchive(ctx, b.from, b.read); err != nil {
		return err
	}
	bar := b.p.progress(b.file.Manifest().Body.PlainSize, "copied", "B")
	copied := int64(0)
	b.source, err = extract.Open(ctx, b.file.Reader, extract.Options{Dir: b.temp, Progress: func(done, _ int64) {
		bar.add(int(done - copied))
		copied = done
	}})
	bar.stop()
	if err != nil {
		if errors.Is(err, extract.ErrKind) {
			return &exitError{code: exitRefused, text: fmt.Sprintf("%s: %s", b.file.name, err)}
		}
		return archiveError(b.file.name, err)
	}
	now := b.manifest().StateTime.UnixMicro()
	if !b.filter.All() {
		b.sel.Match = func(t *task.Task) (bool, error) { return b.filter.Match(t, now) }
	}
	return nil
}

func (b *backupTasks) manifest() archive.Manifest { return b.source.Manifest() }

func (b *backupTasks) close() error {
	var err error
	if b.source != nil {
		err = b.source.Close()
	}
	if b.file != nil {
		err = errors.Join(err, b.file.Close())
	}
	return err
}

// each gives fn the selected tasks as the API shows them.
func (b *backupTasks) each(ctx context.Context, fn func(t *rowlockv1.Task) error) (missing []task.ID, err error) {
	return b.source.Tasks(ctx, b.sel, func(t *task.Task) error { return fn(rpc.ViewTask(t)) })
}

// what names the backup and its moment.
func (b *backupTasks) what() string {
	m := b.manifest()
	return fmt.Sprintf("%s (cluster %s, state of %s, entry %d)", b.file.name, m.ClusterID, m.StateTime.UTC().Format("2006-01-02T15:04:05Z"), m.Index)
}
