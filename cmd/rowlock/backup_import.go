package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// sourceName is a file's name for people.
func sourceName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return path
}

func (p *program) backupImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Put tasks back that were exported or extracted, under their own IDs",
		Long: `Put tasks back that 'rowlock task export', 'rowlock dlq export' or 'rowlock backup extract' wrote: JSON lines, - is stdin. The
file is checked as a whole before anything is sent. With --from, and a selection, they come right out of a backup.

Tasks keep their IDs, and what had become of them: attempts, errors, the times of their enqueue and death. A dead letter comes
back as a dead letter, a task that was running as pending, a blocked one only if the tasks that it waits for are there: files
have parents before their children. Completed and cancelled tasks are left out without --rerun. What was of a workflow, batch or
schedule comes back on its own, as that has counted its end; --label-origin keeps as labels what it was of.

A task whose ID is there, live or in the history, is a conflict, and so is one whose unique key another has. So the same
command can be repeated, after a crash too: no task comes back twice. --on-conflict says what to do:
  skip     leave such tasks out, and say which (default)
  replace  put the file's task in the place of a live one with its ID that isn't running; other conflicts are left out
  fail     look at all tasks first, and import nothing if there is a conflict`,
		Example: `  rowlock backup import dead.jsonl --dry-run
  rowlock backup import dead.jsonl --yes
  rowlock backup import --from /backups --queue mail --state dead_letter --dry-run
  rowlock task export --queue mail --addr old:7300 | rowlock backup import - --yes`,
		Args: args(0, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	i := &importer{p: p, confirm: p.yesFlag(cmd)}
	i.add(cmd.Flags())
	b := &backupTasks{p: p}
	b.add(cmd.Flags())
	cmd.Flags().BoolVar(&b.all, "all", false, "with --from: all live tasks of the backup")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := i.check(); err != nil {
			return err
		}
		switch {
		case len(args) == 1 && b.selects(): // --from alone may be a setting
			return usagef("give either a file, or --from with a selection: --where, --queue, --state or --id")
		case len(args) == 1:
			return i.importFile(cmd, connect, out, args[0])
		case b.of.from == "":
			return usagef("missing argument: want 'rowlock backup import FILE', or --from with a selection")
		case !b.selects():
			return usagef("say which tasks of the backup: --where, --queue, --state, --id, or --all; what has completed since, and left the history, would run again")
		}
		return i.importBackup(cmd, connect, out, b)
	}
	return cmd
}

// importFile imports JSON lines.
func (i *importer) importFile(cmd *cobra.Command, connect *clientFlags, out *output, path string) (err error) {
	file, err := taskfile.Open(path, i.p.stdin, "")
	if err != nil {
		return usagef("%s", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	i.source = file.Records
	if err := i.countTasks(); err != nil {
		return usagef("%s: %s; nothing was imported", sourceName(path), err)
	}
	return connect.run(cmd, func(ctx context.Context, c *connection) error { return i.run(ctx, c.tasks, out) })
}

// importBackup imports tasks of a backup.
func (i *importer) importBackup(cmd *cobra.Command, connect *clientFlags, out *output, b *backupTasks) (err error) {
	if err := b.check(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(cmd.Context()); err != nil {
		return err
	}
	var missing []task.ID
	i.source = func(fn func(line int, t *rowlockv1.Task) error) (err error) {
		missing, err = b.each(cmd.Context(), func(t *rowlockv1.Task) error { return fn(0, t) })
		return err
	}
	if err := i.countTasks(); err != nil {
		return err
	}
	if err := b.missing(missing); err != nil {
		return err
	}
	return connect.run(cmd, func(ctx context.Context, c *connection) error { return i.run(ctx, c.tasks, out) })
}

// countTasks goes through the source once.
func (i *importer) countTasks() error {
	return i.source(func(int, *rowlockv1.Task) error {
		i.total++
		return nil
	})
}
