package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
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
		Use:   "import FILE",
		Short: "Put tasks back that were exported or extracted, under their own IDs",
		Long: `Put tasks back that 'rowlock task export', 'rowlock dlq export' or 'rowlock backup extract' wrote: JSON lines, - is stdin. The
file is checked as a whole before anything is sent.

Tasks keep their IDs, and what had become of them: attempts, errors, the times of their enqueue and death. A dead letter comes
back as a dead letter, a task that was running as pending, a blocked one only if the tasks that it waits for are there: files
have parents before their children. Completed and cancelled tasks are left out without --rerun.

A task whose ID is there, live or in the history, is a conflict, and so is one whose unique key another has. So the same
command can be repeated, after a crash too: no task comes back twice. --on-conflict says what to do:
  skip     leave such tasks out, and say which (default)
  replace  put the file's task in the place of a live one with its ID that isn't running; other conflicts are left out
  fail     look at all tasks first, and import nothing if there is a conflict`,
		Example: `  rowlock backup import dead.jsonl --dry-run
  rowlock backup import dead.jsonl --yes
  rowlock task export --queue mail --addr old:7300 | rowlock backup import - --yes`,
		Args: args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	i := &importer{p: p, confirm: p.yesFlag(cmd)}
	i.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := i.check(); err != nil {
			return err
		}
		file, err := taskfile.Open(args[0], p.stdin, "")
		if err != nil {
			return usagef("%s", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		i.source = file.Records
		total := 0
		err = file.Records(func(int, *rowlockv1.Task) error {
			total++
			return nil
		})
		if err != nil {
			return usagef("%s: %s; nothing was imported", sourceName(args[0]), err)
		}
		i.total = total
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return i.run(ctx, c.tasks, out) })
	}
	return cmd
}
