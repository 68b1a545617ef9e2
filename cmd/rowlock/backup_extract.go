package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

func (p *program) backupExtractCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "extract",
		Short: "Read tasks out of a backup, without restoring it",
		Long: `Read tasks out of a full backup, without restoring it and without a server. The backup is copied and verified as a whole before
anything of it is shown; a damaged one is refused. --from is an archive, or a destination of backups, of which it is the newest
state, or with --to-time or --to-index that of an earlier moment, as for 'rowlock backup restore'.

Without --state these are the live tasks; completed and cancelled ones are read from the history, behind them. --where is the
filter of bulk operations; what it says of age is as of the time of the backup.

--to writes JSON lines, as 'rowlock task export' does, to a file that gets its name when it is whole, which 'rowlock backup import' puts back; - is stdout.`,
		Example: `  rowlock backup extract --from /backups --queue mail --state dead_letter
  rowlock backup extract --from monday.rowlock --where 'labels.customer == "17"' --to lost.jsonl
  rowlock backup extract --from s3://backups/prod --id 000000000001A -o json`,
		Args: args(0, 0),
	}
	out := p.outputFlag(cmd)
	b := &backupTasks{p: p}
	b.add(cmd.Flags())
	to := ""
	cmd.Flags().StringVar(&to, "to", "", "write JSON lines to this file, which must not exist; - is stdout")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if err := b.check(); err != nil {
			return err
		}
		if to != "" && cmd.Flags().Changed("output") {
			return usagef("--to writes JSON lines: leave out -o")
		}
		ctx := cmd.Context()
		defer func() { err = errors.Join(err, b.close()) }()
		if err := b.open(ctx); err != nil {
			return err
		}
		sink, err := p.taskSink(out, to)
		if err != nil {
			return err
		}
		return b.extract(ctx, sink)
	}
	return cmd
}

// taskSink is where extracted tasks go.
type taskSink interface {
	page(tasks []*rowlockv1.Task) error
	close(failed error) error // an error before it means that what was written isn't all
}

func (p *program) taskSink(out *output, to string) (taskSink, error) {
	switch to {
	case "":
		return &taskList{list(out, render.Tasks(p.now()))}, nil
	case "-":
		to = ""
	}
	return openLines(p.stdout, to, 0)
}

// taskList prints tasks as other lists are printed.
type taskList struct{ *render.List[render.Task] }

func (l *taskList) page(tasks []*rowlockv1.Task) error { return l.Page(render.NewTasks(tasks)) }

func (l *taskList) close(error) error { return l.Close("No tasks.") }

// extractPage is how many tasks are written at a time.
const extractPage = 256

// extract writes the selected tasks.
func (b *backupTasks) extract(ctx context.Context, sink taskSink) error {
	var page []*rowlockv1.Task
	count := 0
	flush := func() error {
		count += len(page)
		err := sink.page(page)
		page = page[:0]
		return err
	}
	missing, err := b.each(ctx, func(t *rowlockv1.Task) error {
		if page = append(page, t); len(page) < extractPage {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err = errors.Join(err, sink.close(err)); err != nil {
		return err
	}
	fmt.Fprintf(b.p.stderr, "Extracted %s from %s.\n", render.Count(count, "task"), b.what())
	return b.missing(missing)
}

// missing tells of IDs that aren't in the backup.
func (b *backupTasks) missing(ids []task.ID) error {
	if len(ids) == 0 {
		return nil
	}
	return &exitError{code: exitNotFound, text: fmt.Sprintf("%s of --id not in the backup, the first is %s", render.Count(len(ids), "task"), ids[0])}
}
